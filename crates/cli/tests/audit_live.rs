//! Promise: the look of `security audit --deep` at a running gateway finds ours sound, and does it no harm.
#![allow(clippy::disallowed_methods, reason = "the tests start processes and open sockets")]

mod support;

use stockade_audit::gather::{self, Depth, Progress};
use stockade_audit::live::{Target, look};
use stockade_audit::report::{Probe, Report};
use stockade_audit::snapshot::live::{Outcome, Way};
use stockade_audit::{Severity, Snapshot};
use stockade_config::{Env, Paths};
use support::Home;

/// What was seen, what the probe says, and what is found weak about what runs.
fn deep(home: &Home) -> (Snapshot, Probe, Vec<(Severity, String)>) {
    let env: Env = [("HOME", home.path().to_str().expect("text"))].into_iter().collect();
    let paths = Paths::from_env(&env).expect("paths");
    let mut snapshot =
        gather::snapshot(&paths, &env, Depth::Install, &Progress::default()).expect("randomness").snapshot;
    let probe = look(&mut snapshot, &Target::of(&paths, &env, None, None));
    let live = ["probe.", "live.", "gateway.probe"];
    let report = Report::of(&snapshot, None);
    let findings = report.findings.into_iter().map(|located| located.finding);
    let found = findings.filter(|finding| live.iter().any(|prefix| finding.check_id.starts_with(prefix)));
    let found = found.map(|finding| (finding.severity, finding.check_id)).collect();
    (snapshot, probe, found)
}

#[test]
fn our_gateway_is_found_sound() {
    let home = Home::baseline("http://127.0.0.1:1");
    let up = home.up();
    for round in 0..3 {
        let (snapshot, probe, found) = deep(&home);
        assert!(probe.ok && probe.attempted, "round {round}: {probe:?}");
        assert_eq!(probe.url, format!("ws://{}", up.address));
        assert_eq!(found, [], "round {round}");
        let live = snapshot.live.expect("looked");
        assert!(live.gateway.attempts.len() >= 10, "{:?}", live.gateway.attempts);
        let unclear = |outcome: &Outcome| matches!(outcome, Outcome::Unclear(_));
        assert!(!live.gateway.attempts.iter().any(|attempt| unclear(&attempt.outcome)), "{:?}", live.gateway.attempts);
        assert!(matches!(live.gateway.outcome(&Way::WrongSecret), Some(Outcome::Refused(_))));
        assert!(live.listeners.iter().any(|listener| listener.pid == Some(up.pid())), "{:?}", live.listeners);
    }
}

#[test]
fn our_gateway_without_a_secret_is_found_open() {
    let home = Home::baseline("http://127.0.0.1:1");
    home.edit("openclaw.json", "mode: \"token\"", "mode: \"none\"");
    let up = home.up();
    let (_, probe, found) = deep(&home);
    assert!(probe.ok, "{probe:?} {}", up.said());
    assert!(found.contains(&(Severity::Critical, "probe.no_auth_needed".to_owned())), "{found:?}");
    // Even then, no web page gets in.
    assert!(!found.iter().any(|(_, id)| id.starts_with("probe.foreign")), "{found:?}");
}

#[test]
fn a_gateway_that_is_down_is_said() {
    let home = Home::baseline("http://127.0.0.1:1");
    let (_, probe, found) = deep(&home);
    assert_eq!(probe.error, Some(format!("connect ECONNREFUSED 127.0.0.1:{}", home.port)));
    assert_eq!(found, [(Severity::Warn, "gateway.probe_failed".to_owned())]);
}
