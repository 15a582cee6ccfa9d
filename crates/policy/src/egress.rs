//! Which addresses a request may reach. Asked of the text of a URL, of the URL, of every address that
//! its name resolves to, and of every redirect. Answers server-side request forgery in all its
//! spellings: odd IPv4 notations, mapped and translated IPv6, names that point inward, metadata
//! services, redirects, and texts that two parsers read differently.

mod addresses;
mod names;
mod rules;
mod spelling;

use std::net::IpAddr;

use stockade_core::{Decision, Denial, Rule};
use url::{Host, Url};

pub use addresses::is_public;
pub use rules::{BadRule, EgressPolicy};
pub use spelling::{parse, redirect};

/// Redirects followed for one request.
pub const MAX_REDIRECTS: usize = 5;

/// An address of the public internet, for questions that do not say what a name resolves to.
pub const PUBLIC: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(93, 184, 215, 14));

/// Judges a URL before any name is resolved: scheme, credentials, port, and a literal address.
///
/// # Errors
/// A [`Denial`] that says what would allow the request.
pub fn judge_url(policy: &EgressPolicy, url: &Url) -> Result<(), Denial> {
    if !matches!(url.scheme(), "http" | "https") {
        let scheme = stockade_core::text::clip(url.scheme(), 32);
        return Err(deny(format!("scheme {scheme:?} may not be fetched, only http and https")));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(deny("the address carries credentials"));
    }
    let Some(host) = url.host() else { return Err(deny("the address has no host")) };
    if policy.denies(url) {
        return Err(deny("the host is on stockade.json egress.deny"));
    }
    if policy.allows(url) {
        return Ok(());
    }
    match host {
        Host::Ipv4(address) => judge_literal(IpAddr::V4(address))?,
        Host::Ipv6(address) => judge_literal(IpAddr::V6(address))?,
        Host::Domain(name) => names::judge(name)?,
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
    if policy.denies_address(address) {
        return Err(deny("the address is on stockade.json egress.deny"));
    }
    if policy.allows(url) {
        // Allowing an origin by name is no reason to reach the metadata service through it.
        let named_itself = matches!(url.host(), Some(Host::Ipv4(_) | Host::Ipv6(_)));
        let refused = addresses::is_metadata(address) && !named_itself;
        return if refused { Err(private(address)) } else { Ok(()) };
    }
    judge_literal(address)
}

/// Whether an address names a metadata service by its number.
pub(crate) fn is_metadata_host(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => addresses::is_metadata(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => addresses::is_metadata(IpAddr::V6(address)),
        Some(Host::Domain(_)) | None => false,
    }
}

/// Judges a whole request as the guarded client would make it: each URL, every address that its name
/// has according to `dns`, and each redirect that `redirects` says its answer holds (the text of
/// `Location`, or none). Each is asked at most once for each hop.
pub fn judge_chain(
    policy: &EgressPolicy,
    url: &Url,
    mut dns: impl FnMut(&str) -> Vec<IpAddr>,
    mut redirects: impl FnMut(&Url) -> Option<String>,
) -> Decision {
    let mut url = url.clone();
    for _ in 0..=MAX_REDIRECTS {
        if let Err(denial) = judge_hop(policy, &url, &mut dns) {
            return Decision::Deny(denial);
        }
        let Some(location) = redirects(&url) else { return Decision::Allow { rule: Rule::Egress } };
        match redirect(&url, &location) {
            Ok(next) => url = next,
            Err(denial) => return Decision::Deny(denial),
        }
    }
    Decision::Deny(deny(format!("it redirects more than {MAX_REDIRECTS} times")))
}

fn judge_hop(policy: &EgressPolicy, url: &Url, dns: &mut impl FnMut(&str) -> Vec<IpAddr>) -> Result<(), Denial> {
    judge_url(policy, url)?;
    let addresses = match url.host() {
        Some(Host::Domain(name)) => dns(name),
        Some(Host::Ipv4(address)) => vec![IpAddr::V4(address)],
        Some(Host::Ipv6(address)) => vec![IpAddr::V6(address)],
        None => Vec::new(),
    };
    if addresses.is_empty() {
        return Err(Denial::unreadable(Rule::Egress, "the address of the host"));
    }
    addresses.into_iter().try_for_each(|address| judge_address(policy, url, address))
}

fn judge_literal(address: IpAddr) -> Result<(), Denial> {
    if is_public(address) { Ok(()) } else { Err(private(address)) }
}

fn private(address: IpAddr) -> Denial {
    deny(format!("{address} is not a public address; allow the origin in stockade.json egress.allow"))
}

fn deny(because: impl Into<String>) -> Denial {
    Denial::policy(Rule::Egress, because)
}

#[cfg(test)]
#[path = "egress/tests.rs"]
mod tests;
