//! Who a connection comes from, seen through the proxies that the operator trusts: the right-most hop
//! that is not one of them. A header is never evidence of nearness: only a bare connection from
//! loopback is local. Answers forged `X-Forwarded-For`, proxies that lend their locality to strangers,
//! and DNS rebinding by `Host`.

mod hops;

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use thiserror::Error;
use url::{Host, Url};

use hops::Hop;

/// The proxies whose forwarding headers are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    nets: Vec<IpNet>,
    real_ip: bool,
}

/// A `gateway.trustedProxies` entry that is neither an address nor a block of addresses.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "gateway.trustedProxies[{index}] is {entry:?}, which is not an IP address or CIDR block; \
     write it as \"10.0.0.1\", \"10.0.0.0/24\" or \"2001:db8::/48\""
)]
pub struct BadProxy {
    index: usize,
    entry: String,
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// The client's address; `None` when a trusted proxy forwarded the request and did not say for
    /// whom in a form that can be believed.
    pub ip: Option<IpAddr>,
    /// True only for a bare connection from loopback to a loopback name.
    pub is_local: bool,
}

impl TrustedProxies {
    /// Compiles `gateway.trustedProxies`: addresses and CIDR blocks of either family, trimmed. An
    /// IPv4-mapped entry stands for its IPv4 form.
    ///
    /// # Errors
    /// [`BadProxy`] for the first entry that is neither. An entry that matches nothing would leave the
    /// operator believing in a proxy that is not trusted, so it is refused instead of skipped.
    pub fn new<S: AsRef<str>>(entries: &[S]) -> Result<Self, BadProxy> {
        let parse = |(index, entry): (usize, &S)| {
            let entry = entry.as_ref();
            net(entry.trim()).ok_or_else(|| BadProxy { index, entry: stockade_core::text::clip(entry, 80) })
        };
        let nets = entries.iter().enumerate().map(parse).collect::<Result<_, _>>()?;
        Ok(Self { nets, real_ip: false })
    }

    /// Whether `X-Real-IP` of a trusted proxy counts when it sends no list of hops
    /// (`gateway.allowRealIpFallback`, default false).
    #[must_use]
    pub fn with_real_ip(self, real_ip: bool) -> Self {
        Self { real_ip, ..self }
    }

    /// Whether an address is one of the proxies.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.nets.iter().any(|net| net.contains(&address))
    }
}

/// The client behind `peer`, the other end of the socket. `headers` are all header lines in the order
/// received; a value that is no text must be given as one that is no address.
#[must_use]
pub fn client(peer: IpAddr, headers: &[(&str, &str)], trusted: &TrustedProxies) -> Client {
    let peer = peer.to_canonical();
    if trusted.trusts(peer) {
        return Client { ip: forwarded_for(headers, trusted), is_local: false };
    }
    let is_local = peer.is_loopback() && !is_forwarded(headers) && is_addressed_locally(headers);
    Client { ip: Some(peer), is_local }
}

/// Whether any header says that someone passed the request on. From a peer that is not trusted this is
/// a proxy that the operator did not declare, or a forgery; either way the peer is not the client.
#[must_use]
pub fn is_forwarded(headers: &[(&str, &str)]) -> bool {
    headers.iter().any(|(name, _)| {
        // Servers that hand headers on as CGI variables make `_` and `-` the same, and put `HTTP_` before them.
        let name = name.trim().to_ascii_lowercase().replace('_', "-");
        let name = name.strip_prefix("http-").unwrap_or(&name);
        FORWARDING.contains(&name)
            || FORWARDING_FAMILIES.iter().any(|family| name.starts_with(family))
            || FORWARDING_WORDS.iter().any(|word| name.contains(word))
    })
}

/// Whether `host`, as it stands in a `Host` header, names this machine over loopback.
#[must_use]
pub fn is_loopback_host(host: &str) -> bool {
    // Only what can stand in a host and port: `localhost:80@evil.example` has another host.
    if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:[]-".contains(&byte)) {
        return false;
    }
    let Ok(url) = Url::parse(&format!("http://{host}/")) else { return false };
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        // The text must hold the address itself: `2130706433` and `0x7f.1` are tricks.
        Some(Host::Ipv4(address)) => address.is_loopback() && host.starts_with(&address.to_string()),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).to_canonical().is_loopback(),
        None => false,
    }
}

/// The walk: from the right, past every trusted hop, to the first that is not.
fn forwarded_for(headers: &[(&str, &str)], trusted: &TrustedProxies) -> Option<IpAddr> {
    let lines = |name| values(headers, name);
    let listed = walk(hops::x_forwarded_for(lines("x-forwarded-for")), trusted);
    let standard = walk(hops::forwarded(lines("forwarded")), trusted);
    match (listed, standard) {
        (Walk::Nothing, Walk::Nothing) if trusted.real_ip => {
            let claims = hops::x_forwarded_for(lines("x-real-ip"));
            // Two claims are no answer to "which one".
            if claims.len() == 1 { walk(claims, trusted).found() } else { None }
        }
        (walk, Walk::Nothing) | (Walk::Nothing, walk) => walk.found(),
        // A proxy manages one of the two headers; the other came from the client as it is. Which one
        // is not known here, so they must agree.
        (one, other) => one.found().filter(|address| other.found() == Some(*address)),
    }
}

/// What a list of hops says.
#[derive(Clone, Copy)]
enum Walk {
    Nothing,
    Unknown,
    Found(IpAddr),
}

impl Walk {
    const fn found(self) -> Option<IpAddr> {
        match self {
            Self::Found(address) => Some(address),
            Self::Nothing | Self::Unknown => None,
        }
    }
}

fn walk(hops: Vec<Hop>, trusted: &TrustedProxies) -> Walk {
    if hops.is_empty() {
        return Walk::Nothing;
    }
    for hop in hops.into_iter().rev() {
        match hop {
            Hop::Address(address) if trusted.trusts(address) => {}
            // Nobody forwards for its own loopback: that is the claim of an attacker.
            Hop::Address(address) if !can_be_remote(address) => return Walk::Unknown,
            Hop::Address(address) => return Walk::Found(address),
            Hop::Unparsable => return Walk::Unknown,
        }
    }
    // Every hop is a proxy: none of them is the client.
    Walk::Unknown
}

fn can_be_remote(address: IpAddr) -> bool {
    !(address.is_loopback() || address.is_unspecified() || address.is_multicast() || address == Ipv4Addr::BROADCAST)
}

/// A request that a web page made the operator's browser send is not from the operator: a `Host` that
/// is a name under someone's control (DNS rebinding), a foreign `Origin`, or the browser's own word
/// that another site or another origin made it.
fn is_addressed_locally(headers: &[(&str, &str)]) -> bool {
    let mut hosts = values(headers, "host");
    let host = hosts.next();
    let own_host = host.is_none_or(is_loopback_host) && hosts.next().is_none();
    // What listens on another port of this machine is another site, whose pages may be anyone's.
    let own_origin = values(headers, "origin").all(|origin| {
        let from = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        from.is_some_and(|from| is_loopback_host(from) && host.is_none_or(|host| host.eq_ignore_ascii_case(from)))
    });
    let same_site = values(headers, "sec-fetch-site")
        .all(|site| ["same-origin", "none"].iter().any(|own| site.eq_ignore_ascii_case(own)));
    own_host && own_origin && same_site
}

fn values<'a>(headers: &'a [(&'a str, &'a str)], wanted: &'a str) -> impl Iterator<Item = &'a str> {
    headers
        .iter()
        .filter(move |(name, _)| name.trim().eq_ignore_ascii_case(wanted))
        .map(|(_, value)| value.trim_matches([' ', '\t']))
}

/// An address or a block of addresses; a block of IPv4-mapped ones stands for its IPv4 form.
pub(crate) fn net(entry: &str) -> Option<IpNet> {
    if let Ok(address) = entry.parse::<IpAddr>() {
        return Some(IpNet::from(address.to_canonical()));
    }
    let net: IpNet = entry.parse().ok()?;
    let mapped = match net.addr() {
        IpAddr::V6(address) => address.to_ipv4_mapped(),
        IpAddr::V4(_) => None,
    };
    match (mapped, net.prefix_len().checked_sub(MAPPED_BITS)) {
        (Some(address), Some(bits)) => IpNet::new(IpAddr::V4(address), bits).ok().map(|net| net.trunc()),
        _ => Some(net.trunc()),
    }
}

/// Bits of `::ffff:0:0/96` before the IPv4 address.
const MAPPED_BITS: u8 = 96;

/// Headers that proxies, content networks, tunnels and single sign-on add. No browser and no client of this machine
/// sends them by itself.
const FORWARDING: &[&str] = &[
    "via", "client-cert", "client-cert-chain", "proxy-connection", "x-scheme", "x-host", "x-varnish", "x-cdn",
    "x-request-start", "x-cloud-trace-context", "cdn-loop", "x-ip", "x-proto", "x-https", "x-ssl", "front-end-https",
    "x-webauth-user", "x-user-ip",
];

/// Beginnings of such headers.
const FORWARDING_FAMILIES: &[&str] = &[
    "x-original-", "x-proxy", "x-envoy-", "x-nf-", "x-vercel-ip-", "x-vercel-id", "x-vercel-proxy-", "x-amzn-trace-",
    "x-amzn-oidc-", "x-amz-cf-", "x-azure-", "x-ms-client-principal", "x-arr-", "x-sucuri-", "x-appengine-",
    "x-goog-authenticated-", "x-goog-iap-", "x-pomerium-", "x-auth-request-", "x-authentik-", "x-authenticated-",
    "x-ssl-", "x-tls-", "x-client-cert", "x-akamai-", "x-edge-", "x-cluster-", "ssl-client-", "oidc-", "cf-",
    "cloudfront-", "tailscale-", "ngrok-", "fastly-", "fly-", "akamai-", "incap-",
];

/// Words that only such headers hold, wherever they stand in the name.
const FORWARDING_WORDS: &[&str] = &[
    "forward", "client-ip", "clientip", "real-ip", "realip", "remote-", "connecting-ip", "originating-ip", "source-ip",
    "peer-ip",
];
