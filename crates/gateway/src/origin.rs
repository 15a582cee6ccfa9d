//! Where a request comes from, before anyone proves anything: the Host that it names, the Origin of a
//! browser, and evidence of a proxy. Answers DNS rebinding, cross-site WebSocket hijacking, and
//! proxies that lend their locality.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, StatusCode, header};
use stockade_policy::clients::{self, Client, TrustedProxies};
use url::Url;

/// Why a request goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status.
    pub status: StatusCode,
    /// `error.type` of the body.
    pub kind: &'static str,
}

/// Whose request it is, once `Host` and forwarding headers have passed.
///
/// # Errors
/// 421 when `Host` is a name that is not this machine's, 403 for a request that was forwarded by a
/// proxy which the operator did not name in `gateway.trustedProxies`.
pub fn attribute(headers: &HeaderMap, proxies: &TrustedProxies, peer: SocketAddr) -> Result<Client, Refused> {
    let refuse = |status, kind| Err(Refused { status, kind });
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    if !host.is_some_and(is_own_host) {
        return refuse(StatusCode::MISDIRECTED_REQUEST, "unknown_host");
    }
    // What is no text is no address, but it is a hop all the same.
    let lines: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or("?"))).collect();
    if clients::is_forwarded(&lines) && !proxies.trusts(peer.ip()) {
        return refuse(StatusCode::FORBIDDEN, "proxy_attribution_required");
    }
    Ok(clients::client(peer.ip(), &lines, proxies))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().expect("name"), value.parse().expect("value"))).collect()
    }

    fn attributed(proxies: &[&str], pairs: &[(&'static str, &str)]) -> Result<Client, u16> {
        let peer = "127.0.0.1:5".parse().expect("peer");
        let proxies = TrustedProxies::new(proxies).expect("proxies");
        attribute(&headers(pairs), &proxies, peer).map_err(|refused| refused.status.as_u16())
    }

    fn checked(pairs: &[(&'static str, &str)]) -> Option<u16> {
        attributed(&[], pairs).err()
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
        for name in ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-real-ip", "via", "tailscale-user-login"] {
            assert_eq!(checked(&[("host", "localhost"), (name, "127.0.0.1")]), Some(403), "{name}");
        }
        let through = |value| attributed(&["127.0.0.1"], &[("host", "localhost"), ("x-forwarded-for", value)]);
        let stranger = Client { ip: Some("203.0.113.9".parse().expect("address")), is_local: false };
        assert_eq!(through("127.0.0.1, 203.0.113.9"), Ok(stranger));
        assert_eq!(through("127.0.0.1"), Ok(Client { ip: None, is_local: false }));
        assert_eq!(attributed(&["127.0.0.1"], &[("host", "localhost")]), Ok(Client { ip: None, is_local: false }));
        let near = Client { ip: Some("127.0.0.1".parse().expect("address")), is_local: true };
        assert_eq!(attributed(&[], &[("host", "localhost")]), Ok(near));
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
