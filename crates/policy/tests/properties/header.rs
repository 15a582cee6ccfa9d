//! Who is at the other end: no header makes anyone local, and no client chooses its address.
//!
//! Input, a line each: the peer; then `t net` a trusted proxy, `r` to believe `X-Real-IP`, and header lines.

use std::net::IpAddr;

use stockade_policy::clients::{Client, TrustedProxies, client, is_forwarded, is_loopback_host};

/// Checks one input.
pub fn holds(data: &[u8]) {
    let Some(text) = super::text(data) else { return };
    let mut lines = text.split('\n');
    let Ok(peer) = lines.next().unwrap_or_default().trim().parse::<IpAddr>() else { return };
    let peer = peer.to_canonical();
    let world = World::read(lines.take(64));
    let found = world.ask(peer, &[]);
    assert_eq!(found, world.ask(peer, &[]), "the answer is deterministic");
    if world.trusted.trusts(peer) {
        assert!(!found.is_local, "a proxy lends its locality");
        let remote = |ip: IpAddr| !ip.is_loopback() && !ip.is_unspecified() && !world.trusted.trusts(ip);
        assert!(found.ip.is_none_or(remote), "{found:?} is a proxy or a claim of loopback");
    } else {
        assert_eq!(found.ip, Some(peer), "a stranger chose its address");
    }
    if found.is_local {
        assert!(peer.is_loopback() && !is_forwarded(&world.headers) && !world.holds_evidence(), "not local");
    }
    for evidence in EVIDENCE {
        assert!(!world.ask(peer, &[(evidence, "127.0.0.1")]).is_local, "{evidence} does not end locality");
    }
    world.claims_change_nothing(peer, found);
    for (_, value) in &world.headers {
        if is_loopback_host(value) {
            let lower = value.to_ascii_lowercase();
            let own = lower.starts_with("localhost") || lower.starts_with("127.") || lower.starts_with('[');
            assert!(own, "{value:?} names this machine in another way");
        }
    }
}

struct World<'a> {
    trusted: TrustedProxies,
    real_ip: bool,
    headers: Vec<(&'a str, &'a str)>,
}

impl<'a> World<'a> {
    fn read(lines: impl Iterator<Item = &'a str>) -> Self {
        let (mut nets, mut real_ip, mut headers) = (Vec::new(), false, Vec::new());
        for line in lines {
            if line == "r" {
                real_ip = true;
            } else if let Some(net) = line.strip_prefix("t ") {
                nets.extend(TrustedProxies::new(&[net]).is_ok().then_some(net));
            } else if let Some((name, value)) = line.split_once(':') {
                headers.push((name, value));
            }
        }
        let trusted = TrustedProxies::new(&nets).expect("each entry is usable").with_real_ip(real_ip);
        Self { trusted, real_ip, headers }
    }

    fn ask(&self, peer: IpAddr, before: &[(&'a str, &'a str)]) -> Client {
        let headers: Vec<_> = before.iter().chain(&self.headers).copied().collect();
        client(peer, &headers, &self.trusted)
    }

    fn holds_evidence(&self) -> bool {
        let is = |name: &str| EVIDENCE.iter().any(|evidence| evidence.eq_ignore_ascii_case(name.trim()));
        self.headers.iter().any(|(name, _)| is(name))
    }

    /// What a client writes stands to the left of what the proxy adds, and changes no answer.
    fn claims_change_nothing(&self, peer: IpAddr, found: Client) {
        let has = |wanted: &str| self.headers.iter().any(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
        let Some(address) = found.ip else { return };
        if self.trusted.trusts(peer) && has("x-forwarded-for") {
            for claim in ["6.6.6.6", "127.0.0.1", "unknown", ""] {
                assert_eq!(self.ask(peer, &[("X-Forwarded-For", claim)]), found, "the claim {claim:?} counts");
            }
        }
        // What was found is what a proxy would write, and is found again.
        if self.trusted.trusts(peer) {
            let again = client(peer, &[("X-Forwarded-For", &address.to_string())], &self.trusted);
            assert_eq!(again, found, "the normal form is idempotent (real ip {})", self.real_ip);
        }
    }
}

const EVIDENCE: &[&str] = &[
    "X-Forwarded-For", "X_Forwarded_For", "Forwarded", "X-Real-IP", "Via", "X-Forwarded-Host", "CF-Connecting-IP",
    "Tailscale-User-Login", "True-Client-IP", "X-Client-IP",
];
