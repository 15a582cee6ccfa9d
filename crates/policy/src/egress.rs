//! Which addresses a request may reach. Asked twice for each hop: about the URL, and about every
//! address that its name resolves to. Answers server-side request forgery in all its spellings: odd
//! IPv4 notations, mapped and translated IPv6, names that point inward, metadata services, redirects.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};
use stockade_core::{Denial, Rule};
use thiserror::Error;
use url::{Host, Url};

/// Origins that the operator allows although they resolve to a private address, or on an unusual port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EgressPolicy {
    allow: Vec<AllowRule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct AllowRule {
    scheme: String,
    host: String,
    subdomains: bool,
    port: u16,
}

/// An `egress.allow` entry that is not an origin.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("egress.allow entry {entry:?} is not an origin: {why}; write it as \"https://host\" or \"http://host:port\"")]
pub struct BadRule {
    entry: String,
    why: &'static str,
}

impl EgressPolicy {
    /// Compiles `stockade.json` `egress.allow`: origins, `https://host[:port]`, with `*.` for subdomains.
    ///
    /// # Errors
    /// When an entry is not an http(s) origin.
    pub fn new<S: AsRef<str>>(allow: &[S]) -> Result<Self, BadRule> {
        allow.iter().map(|entry| AllowRule::parse(entry.as_ref())).collect::<Result<_, _>>().map(|allow| Self { allow })
    }

    /// Whether this policy allows no origin that `other` does not.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.allow.iter().all(|rule| other.allow.contains(rule))
    }

    fn allows(&self, url: &Url) -> bool {
        self.allow.iter().any(|rule| rule.matches(url))
    }
}

impl AllowRule {
    fn parse(entry: &str) -> Result<Self, BadRule> {
        let bad = |why| BadRule { entry: entry.to_owned(), why };
        let subdomains = entry.contains("://*.");
        let url = Url::parse(&entry.replacen("://*.", "://", 1)).map_err(|_| bad("it does not parse as a URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad("only http and https can be allowed"));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return Err(bad("it has more than scheme, host and port"));
        }
        let host = canonical_host(&url).ok_or_else(|| bad("it has no host"))?;
        if subdomains && !matches!(url.host(), Some(Host::Domain(name)) if name.contains('.')) {
            return Err(bad("a wildcard needs a domain below a top-level domain"));
        }
        let port = url.port_or_known_default().ok_or_else(|| bad("it has no port"))?;
        Ok(Self { scheme: url.scheme().to_owned(), host, subdomains, port })
    }

    fn matches(&self, url: &Url) -> bool {
        let Some(host) = canonical_host(url) else { return false };
        let host_matches = if self.subdomains {
            host.strip_suffix(&self.host).is_some_and(|rest| rest.ends_with('.'))
        } else {
            host == self.host
        };
        host_matches && url.scheme() == self.scheme && url.port_or_known_default() == Some(self.port)
    }
}

/// Judges a URL before any name is resolved: scheme, credentials, port, and a literal address.
///
/// # Errors
/// A [`Denial`] that says what would allow the request.
pub fn judge_url(policy: &EgressPolicy, url: &Url) -> Result<(), Denial> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(deny(format!("scheme {:?} may not be fetched, only http and https", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(deny("the address carries credentials"));
    }
    let Some(host) = url.host() else { return Err(deny("the address has no host")) };
    if policy.allows(url) {
        return Ok(());
    }
    match host {
        Host::Ipv4(address) => judge_literal(IpAddr::V4(address))?,
        Host::Ipv6(address) => judge_literal(IpAddr::V6(address))?,
        Host::Domain(name) => judge_name(name)?,
    }
    match url.port_or_known_default() {
        Some(80 | 443) => Ok(()),
        _ => Err(deny("only ports 80 and 443 may be fetched; allow the origin in stockade.json egress.allow")),
    }
}

/// Judges one address that the URL's host resolved to. Every answer must pass: a name with one public
/// and one private answer is refused.
///
/// # Errors
/// A [`Denial`] when the address is not public and the operator did not allow the origin.
pub fn judge_address(policy: &EgressPolicy, url: &Url, address: IpAddr) -> Result<(), Denial> {
    judge_url(policy, url)?;
    if policy.allows(url) {
        // Allowing an origin by name is no reason to reach the metadata service through it.
        let link_local = match unmapped(address) {
            IpAddr::V4(v4) => v4.is_link_local(),
            IpAddr::V6(v6) => v6.is_unicast_link_local(),
        };
        let named_itself = matches!(url.host(), Some(Host::Ipv4(_) | Host::Ipv6(_)));
        return if link_local && !named_itself { Err(private(address)) } else { Ok(()) };
    }
    judge_literal(address)
}

fn judge_literal(address: IpAddr) -> Result<(), Denial> {
    if is_public(address) { Ok(()) } else { Err(private(address)) }
}

fn private(address: IpAddr) -> Denial {
    deny(format!("{address} is not a public address; allow the origin in stockade.json egress.allow"))
}

fn judge_name(name: &str) -> Result<(), Denial> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let inward = |suffix: &str| name == suffix || name.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'));
    if name.is_empty() || !name.contains('.') || INWARD_NAMES.iter().any(|suffix| inward(suffix)) {
        return Err(deny(format!("{name:?} names a host inside; allow the origin in stockade.json egress.allow")));
    }
    Ok(())
}

/// Whether an address is globally reachable (IANA special-purpose registries, RFC 6890 and updates).
/// IPv6 forms that carry an IPv4 address are judged by it.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match unmapped(address) {
        IpAddr::V4(v4) => !V4_SPECIAL.iter().any(|(base, bits)| in_v4(v4, *base, *bits)),
        IpAddr::V6(v6) => {
            in_v6(v6, Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3)
                && !V6_SPECIAL.iter().any(|(base, bits)| in_v6(v6, *base, *bits))
        }
    }
}

/// The IPv4 address inside an IPv4-mapped (`::ffff:a.b.c.d`) address; any other as it is. NAT64, 6to4
/// and Teredo ranges are refused as a whole instead of being looked into.
fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

fn in_v4(address: Ipv4Addr, base: Ipv4Addr, bits: u8) -> bool {
    Ipv4Net::new(base, bits).is_ok_and(|net| net.contains(&address))
}

fn in_v6(address: Ipv6Addr, base: Ipv6Addr, bits: u8) -> bool {
    Ipv6Net::new(base, bits).is_ok_and(|net| net.contains(&address))
}

fn canonical_host(url: &Url) -> Option<String> {
    let host = url.host_str()?.trim_end_matches('.').to_ascii_lowercase();
    (!host.is_empty()).then_some(host)
}

fn deny(because: impl Into<String>) -> Denial {
    Denial::policy(Rule::Egress, because)
}

const INWARD_NAMES: &[&str] = &[
    "localhost", "local", "internal", "intranet", "lan", "home", "corp", "home.arpa", "localdomain", "ts.net", "test",
    "invalid", "onion", "in-addr.arpa", "ip6.arpa",
];

const fn v4(a: u8, b: u8, c: u8, d: u8) -> Ipv4Addr {
    Ipv4Addr::new(a, b, c, d)
}

const fn v6(a: u16, b: u16, c: u16) -> Ipv6Addr {
    Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)
}

const V4_SPECIAL: &[(Ipv4Addr, u8)] = &[
    (v4(0, 0, 0, 0), 8),        // this network, RFC 791
    (v4(10, 0, 0, 0), 8),       // private, RFC 1918
    (v4(100, 64, 0, 0), 10),    // carrier-grade NAT, RFC 6598; also the Tailscale range
    (v4(127, 0, 0, 0), 8),      // loopback, RFC 1122
    (v4(168, 63, 129, 16), 32), // Azure's host channel
    (v4(169, 254, 0, 0), 16),   // link-local and cloud metadata, RFC 3927
    (v4(172, 16, 0, 0), 12),    // private, RFC 1918
    (v4(192, 0, 0, 0), 24),     // IETF assignments, RFC 6890
    (v4(192, 0, 2, 0), 24),     // documentation, RFC 5737
    (v4(192, 31, 196, 0), 24),  // AS112, RFC 7535
    (v4(192, 52, 193, 0), 24),  // AMT, RFC 7450
    (v4(192, 88, 99, 0), 24),   // 6to4 relays, RFC 7526
    (v4(192, 168, 0, 0), 16),   // private, RFC 1918
    (v4(192, 175, 48, 0), 24),  // AS112, RFC 7534
    (v4(198, 18, 0, 0), 15),    // benchmarking, RFC 2544
    (v4(198, 51, 100, 0), 24),  // documentation, RFC 5737
    (v4(203, 0, 113, 0), 24),   // documentation, RFC 5737
    (v4(224, 0, 0, 0), 4),      // multicast, RFC 5771
    (v4(240, 0, 0, 0), 4),      // reserved and broadcast, RFC 1112
];

const V6_SPECIAL: &[(Ipv6Addr, u8)] = &[
    (v6(0x2001, 0, 0), 23),         // IETF assignments, Teredo, ORCHID, benchmarking, RFC 2928
    (v6(0x2001, 0xdb8, 0), 32),     // documentation, RFC 3849
    (v6(0x2002, 0, 0), 16),         // 6to4 carries any IPv4 address, RFC 3056
    (v6(0x2620, 0x4f, 0x8000), 48), // AS112, RFC 7534
    (v6(0x3fff, 0, 0), 20),         // documentation, RFC 9637
];

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(policy: &EgressPolicy, url: &str) -> bool {
        Url::parse(url).is_ok_and(|url| judge_url(policy, &url).is_ok())
    }

    #[test]
    fn every_spelling_of_an_inward_address_is_refused() {
        let none = EgressPolicy::default();
        for url in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://0/",
            "http://0.0.0.0/",
            "http://[::1]/",
            "http://[::]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://[::127.0.0.1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[2002:7f00:1::]/",
            "http://[fe80::1]/",
            "http://[fc00::1]/",
            "http://[ff02::1]/",
            "http://[2001:db8::1]/",
            "http://169.254.169.254/latest/meta-data/",
            "http://[fd00:ec2::254]/",
            "http://100.100.100.200/",
            "http://168.63.129.16/",
            "http://10.0.0.1/",
            "http://192.168.1.1/",
            "http://172.31.255.255/",
            "http://localhost/",
            "http://LOCALHOST./",
            "http://a.localhost/",
            "http://metadata.google.internal/",
            "http://router/",
            "http://printer.local/",
            "http://host.ts.net/",
            "http://１２７.０.０.１/",
            "http://①②⑦.0.0.1/",
            "http://user:pw@example.com/",
            "http://example.com:22/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "gopher://example.com/",
            "data:text/plain,x",
            "http://example.com:8080/",
        ] {
            assert!(!verdict(&none, url), "{url} passed");
        }
    }

    #[test]
    fn ordinary_addresses_pass() {
        let none = EgressPolicy::default();
        for url in
            ["http://example.com/", "https://example.com:443/a?b#c", "https://8.8.8.8/", "https://[2606:4700::1]/"]
        {
            assert!(verdict(&none, url), "{url} was refused");
        }
    }

    #[test]
    fn an_allowed_origin_is_exactly_that_origin() {
        let policy = EgressPolicy::new(&["http://127.0.0.1:9000", "https://*.example.org"]).expect("valid");
        assert!(verdict(&policy, "http://127.0.0.1:9000/page"));
        assert!(verdict(&policy, "http://127.1:9000/page"), "the same address in another spelling");
        assert!(!verdict(&policy, "http://127.0.0.1:9001/"));
        assert!(!verdict(&policy, "https://127.0.0.1:9000/"));
        assert!(!verdict(&policy, "http://127.0.0.2:9000/"));
        let inward: IpAddr = "10.1.1.1".parse().expect("address");
        let url = |text| Url::parse(text).expect("url");
        assert!(judge_address(&policy, &url("https://a.example.org/"), inward).is_ok());
        assert!(
            judge_address(&policy, &url("https://example.org/"), inward).is_err(),
            "the wildcard is for subdomains"
        );
        assert!(judge_address(&policy, &url("https://badexample.org/"), inward).is_err());
        let metadata: IpAddr = "169.254.169.254".parse().expect("address");
        assert!(judge_address(&policy, &url("https://a.example.org/"), metadata).is_err());
    }

    #[test]
    fn rules_that_are_no_origins_are_refused() {
        for bad in ["example.org", "ftp://x", "https://x/path", "https://u@x", "https://*.org", "", "https://"] {
            assert!(EgressPolicy::new(&[bad]).is_err(), "{bad:?}");
        }
    }
}
