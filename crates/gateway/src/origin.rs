//! Where a request comes from, before anyone proves anything: the Host that it names, the Origin of a
//! browser, and evidence of a proxy. Answers DNS rebinding, cross-site WebSocket hijacking, and
//! proxies that lend their locality.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, StatusCode, header};
use url::Url;

/// Why a request goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status.
    pub status: StatusCode,
    /// `error.type` of the body.
    pub kind: &'static str,
}

/// Checks `Host` and forwarding headers.
///
/// # Errors
/// 421 when `Host` is a name that is not this machine's, 403 for a forwarded request.
pub fn check(headers: &HeaderMap, trusted_proxies: &[String], peer: SocketAddr) -> Result<(), Refused> {
    let refuse = |status, kind| Err(Refused { status, kind });
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    if !host.is_some_and(is_own_host) {
        return refuse(StatusCode::MISDIRECTED_REQUEST, "unknown_host");
    }
    let forwarded = FORWARDING.iter().any(|name| headers.contains_key(*name));
    let trusted = trusted_proxies.iter().any(|proxy| proxy.trim().parse() == Ok(peer.ip()));
    if forwarded && !trusted {
        return refuse(StatusCode::FORBIDDEN, "proxy_attribution_required");
    }
    Ok(())
}

/// Whether an `Origin` may open a WebSocket: the gateway's own, or one that the operator lists.
pub fn allowed(headers: &HeaderMap, listed: &[String]) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else { return true };
    let (Ok(origin), None) = (origin.to_str(), origins.next()) else { return false };
    if listed.iter().any(|entry| entry.trim_end_matches('/').eq_ignore_ascii_case(origin)) {
        return true;
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let own = Url::parse(&format!("http://{host}/")).ok();
    let origin = Url::parse(origin).ok();
    own.zip(origin).is_some_and(|(own, origin)| own.origin().is_tuple() && own.origin() == origin.origin())
}

/// A literal address or `localhost`: names can be made to point here by anyone who runs a DNS server.
fn is_own_host(host: &str) -> bool {
    let Ok(url) = Url::parse(&format!("http://{host}/")) else { return false };
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => host.starts_with(&IpAddr::V4(address).to_string()),
        Some(url::Host::Ipv6(_)) => host.starts_with('['),
        None => false,
    }
}

const FORWARDING: &[&str] = &[
    "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "x-real-ip",
    "x-client-ip", "cf-connecting-ip", "true-client-ip", "tailscale-user-login",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().expect("name"), value.parse().expect("value"))).collect()
    }

    fn checked(pairs: &[(&'static str, &str)]) -> Option<u16> {
        let peer = "127.0.0.1:5".parse().expect("peer");
        check(&headers(pairs), &[], peer).err().map(|refused| refused.status.as_u16())
    }

    #[test]
    fn only_own_hosts_are_served() {
        for host in ["127.0.0.1:18789", "localhost", "LOCALHOST:1", "[::1]:5", "192.168.1.4:80"] {
            assert_eq!(checked(&[("host", host)]), None, "{host}");
        }
        for host in
            ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "2130706433", "a@127.0.0.1", ""]
        {
            assert_eq!(checked(&[("host", host)]), Some(421), "{host}");
        }
        assert_eq!(checked(&[]), Some(421));
    }

    #[test]
    fn a_forwarded_request_lends_no_locality() {
        for name in FORWARDING {
            assert_eq!(checked(&[("host", "localhost"), (name, "127.0.0.1")]), Some(403), "{name}");
        }
    }

    #[test]
    fn only_the_own_origin_and_listed_ones_pass() {
        let passes = |origin: &str, listed: &[String]| {
            allowed(&headers(&[("host", "127.0.0.1:18789"), ("origin", origin)]), listed)
        };
        assert!(passes("http://127.0.0.1:18789", &[]));
        for origin in
            ["http://localhost:3000", "http://127.0.0.1:3000", "https://evil.example", "null", "http://127.0.0.1", ""]
        {
            assert!(!passes(origin, &[]), "{origin}");
        }
        assert!(passes("https://ui.example", &["https://ui.example/".to_owned()]));
        assert!(allowed(&headers(&[("host", "127.0.0.1:1")]), &[]), "a client that is no browser");
    }
}
