//! The operator's own rules: origins that may be reached although they are inside, and hosts that may
//! not be reached although they are public. A denial wins.

use std::net::IpAddr;

use ipnet::IpNet;
use thiserror::Error;
use url::{Host, Url};

use crate::clients::net;

/// Origins that the operator allows although they resolve to a private address, or on an unusual port,
/// and hosts that the operator denies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EgressPolicy {
    allow: Vec<AllowRule>,
    deny: Vec<DenyRule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct AllowRule {
    scheme: String,
    host: String,
    subdomains: bool,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum DenyRule {
    /// A name and everything under it.
    Name(String),
    Net(IpNet),
}

/// An entry of `egress.allow` or `egress.deny` that cannot be held to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{key} entry {entry:?} is not usable: {why}; write it as {example}")]
pub struct BadRule {
    key: &'static str,
    entry: String,
    why: &'static str,
    example: &'static str,
}

impl EgressPolicy {
    /// Compiles `stockade.json` `egress.allow`: origins, `https://host[:port]`, with `*.` for subdomains.
    ///
    /// # Errors
    /// When an entry is not an http(s) origin.
    pub fn new<S: AsRef<str>>(allow: &[S]) -> Result<Self, BadRule> {
        let allow = allow.iter().map(|entry| AllowRule::parse(entry.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self { allow, deny: Vec::new() })
    }

    /// The same with `stockade.json` `egress.deny`: host names, each with everything under it, and
    /// addresses or CIDR blocks. They win over `egress.allow`.
    ///
    /// # Errors
    /// When an entry is neither.
    pub fn with_deny<S: AsRef<str>>(self, deny: &[S]) -> Result<Self, BadRule> {
        let deny = deny.iter().map(|entry| DenyRule::parse(entry.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self { deny, ..self })
    }

    /// Whether this policy allows nothing that `other` does not.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.allow.iter().all(|rule| other.allow.contains(rule))
            && other.deny.iter().all(|rule| self.deny.contains(rule))
    }

    pub(super) fn allows(&self, url: &Url) -> bool {
        self.allow.iter().any(|rule| rule.matches(url))
    }

    pub(crate) fn denies(&self, url: &Url) -> bool {
        match url.host() {
            Some(Host::Ipv4(address)) => self.denies_address(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => self.denies_address(IpAddr::V6(address)),
            Some(Host::Domain(_)) | None => {
                let Some(host) = canonical_host(url) else { return true };
                self.deny.iter().any(|rule| matches!(rule, DenyRule::Name(name) if is_under(&host, name)))
            }
        }
    }

    pub(super) fn denies_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.deny.iter().any(|rule| matches!(rule, DenyRule::Net(net) if net.contains(&address)))
    }
}

impl AllowRule {
    fn parse(entry: &str) -> Result<Self, BadRule> {
        let example = "\"https://host\" or \"http://host:port\"";
        let bad = |why| BadRule { key: "egress.allow", entry: entry.to_owned(), why, example };
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
        let host_matches =
            if self.subdomains { host != self.host && is_under(&host, &self.host) } else { host == self.host };
        host_matches && url.scheme() == self.scheme && url.port_or_known_default() == Some(self.port)
    }
}

impl DenyRule {
    fn parse(entry: &str) -> Result<Self, BadRule> {
        let bad =
            |why| BadRule { key: "egress.deny", entry: entry.to_owned(), why, example: "\"host\" or \"10.0.0.0/8\"" };
        let text = entry.trim();
        if let Some(net) = net(text) {
            // Addresses are compared in their IPv4 form, which such a block would never match.
            return match text.parse::<IpNet>() {
                Ok(IpNet::V6(wide)) if matches!(net, IpNet::V6(_)) && wide.addr().to_ipv4_mapped().is_some() => {
                    Err(bad("a block wider than the IPv4-mapped addresses; name the IPv4 block"))
                }
                _ => Ok(Self::Net(net)),
            };
        }
        // What stands for an address must deny that address, in whatever spelling.
        let name = text.strip_prefix("*.").unwrap_or(text);
        if name.contains('*') || name.starts_with('.') {
            return Err(bad("a pattern denies nothing; a host stands for everything under it too"));
        }
        match Host::parse(name).map_err(|_| bad("it is neither a host name nor an address"))? {
            Host::Ipv4(address) => Ok(Self::Net(IpAddr::V4(address).into())),
            Host::Ipv6(address) => Ok(Self::Net(IpAddr::V6(address).to_canonical().into())),
            Host::Domain(name) => Ok(Self::Name(name.trim_end_matches('.').to_ascii_lowercase())),
        }
        .and_then(|rule| if rule == Self::Name(String::new()) { Err(bad("it is empty")) } else { Ok(rule) })
    }
}

fn is_under(host: &str, name: &str) -> bool {
    host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn canonical_host(url: &Url) -> Option<String> {
    let host = url.host_str()?.trim_end_matches('.').to_ascii_lowercase();
    (!host.is_empty()).then_some(host)
}
