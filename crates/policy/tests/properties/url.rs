//! Addresses: what is allowed is a public host over http(s), and a denial always wins.
//!
//! Input, a line each: the URL; then `a` an allowed origin, `d` a denied host, `n` an address that every name has, `r`
//! where the next answer redirects to.

use std::net::IpAddr;

use stockade_policy::egress::{
    EgressPolicy, MAX_REDIRECTS, is_public, judge_address, judge_chain, judge_url, parse, redirect,
};
use url::Url;

/// Checks one input.
pub fn holds(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    let mut lines = text.split('\n');
    let text = lines.next().unwrap_or_default();
    let world = World::read(lines.take(16));
    let parsed = parse(text);
    assert_eq!(parsed, parse(text), "the parser is deterministic");
    let Ok(url) = parsed else { return };
    let none = EgressPolicy::default();
    if judge_url(&none, &url).is_ok() {
        is_plainly_public(&url);
    }
    if matches!(url.scheme(), "http" | "https") {
        assert_eq!(parse(url.as_str()).as_ref(), Ok(&url), "the normal form is idempotent");
    }
    world.denying_more_never_allows_more(&url);
    world.own_origin(&url);
    world.chain(&url);
    for location in &world.redirects {
        if let Ok(next) = redirect(&url, location) {
            assert!(url.scheme() != "https" || next.scheme() != "http", "a redirect gave up encryption");
        }
    }
}

#[derive(Default)]
struct World {
    allow: Vec<String>,
    deny: Vec<String>,
    addresses: Vec<IpAddr>,
    redirects: Vec<String>,
}

impl World {
    fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut world = Self::default();
        for line in lines {
            match line.split_once(' ') {
                Some(("a", entry)) if EgressPolicy::new(&[entry]).is_ok() => world.allow.push(entry.to_owned()),
                Some(("d", entry)) if EgressPolicy::default().with_deny(&[entry]).is_ok() => {
                    world.deny.push(entry.to_owned());
                }
                Some(("n", address)) => world.addresses.extend(address.parse::<IpAddr>()),
                Some(("r", location)) => world.redirects.push(location.to_owned()),
                _ => {}
            }
        }
        world
    }

    fn policy(&self, deny: &[String]) -> EgressPolicy {
        EgressPolicy::new(&self.allow).and_then(|policy| policy.with_deny(deny)).expect("each entry is usable")
    }

    fn denying_more_never_allows_more(&self, url: &Url) {
        let (before, after) = (self.policy(&[]), self.policy(&self.deny));
        assert!(judge_url(&before, url).is_ok() || judge_url(&after, url).is_err(), "a denial allows more");
        for address in &self.addresses {
            let under = |policy| judge_address(policy, url, *address).is_ok();
            assert!(under(&before) || !under(&after), "a denial allows more for {address}");
        }
    }

    /// The URL's own origin can be allowed, and its own host denied over that.
    fn own_origin(&self, url: &Url) {
        let Some(host) = url.host_str() else { return };
        let origin = url.origin().ascii_serialization();
        let Ok(allowing) = EgressPolicy::new(&[&origin]) else { return };
        if url.username().is_empty() && url.password().is_none() {
            assert!(judge_url(&allowing, url).is_ok(), "an allowed origin is refused");
        }
        if let Ok(denying) = allowing.with_deny(&[host]) {
            assert!(judge_url(&denying, url).is_err(), "a denied host is allowed");
        }
    }

    fn chain(&self, url: &Url) {
        let judge = |policy: &EgressPolicy| {
            let mut redirects = self.redirects.iter().cloned();
            judge_chain(policy, url, |_| self.addresses.clone(), |_| redirects.next())
        };
        let plain = judge(&EgressPolicy::default());
        assert_eq!(plain, judge(&EgressPolicy::default()), "the answer is deterministic");
        if plain.verdict() == "allow" {
            let literal = url.domain().is_none();
            assert!(literal || !self.addresses.is_empty(), "a name without an address was allowed");
            assert!(literal || self.addresses.iter().all(|address| !is_inward(*address)), "a name leads inward");
            assert!(self.redirects.len() <= MAX_REDIRECTS, "more redirects than are followed");
        }
        let (before, after) = (judge(&self.policy(&[])), judge(&self.policy(&self.deny)));
        assert!(before.verdict() == "allow" || after.verdict() != "allow", "a denial allows more");
    }
}

fn is_plainly_public(url: &Url) {
    assert!(matches!(url.scheme(), "http" | "https"));
    assert!(matches!(url.port_or_known_default(), Some(80 | 443)), "an unusual port");
    assert!(url.username().is_empty() && url.password().is_none(), "credentials");
    let host = url.host_str().expect("a host").to_ascii_lowercase();
    let host = host.trim_end_matches('.');
    if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        assert!(!is_inward(address) && is_public(address), "{address} is inside");
        return;
    }
    assert!(host.contains('.'), "{host} is a name of the local network");
    for zone in ["localhost", "local", "internal", "lan", "home.arpa", "nip.io", "svc"] {
        assert!(host != zone && !host.ends_with(&format!(".{zone}")), "{host} is in {zone}");
    }
}

/// By the standard library's words and a few blocks of its own, not by the table of the judge.
fn is_inward(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_broadcast()
                || v4.is_multicast()
                || v4.is_documentation()
                || a == 0
                || (a == 100 && (64..128).contains(&b))
                || (a == 198 && (18..20).contains(&b))
                || a >= 240
        }
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6.to_ipv4_mapped().is_some()
                || first == 0x2002
                || matches!((first, second), (0x64, 0xff9b) | (0x2001, 0xdb8))
        }
    }
}
