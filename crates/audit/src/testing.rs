//! Snapshots for the tests of checks, made from values instead of files.

use serde_json::Value;
use stockade_config::Env;

use crate::finding::Finding;
use crate::gather::config::Redaction;
use crate::model::Model;
use crate::snapshot::{ConfigFacts, Install, Snapshot, VERSION};

/// An install with this config, closed files and nothing else.
pub(crate) fn snapshot(config: Value) -> Snapshot {
    snapshot_with(config, &[])
}

/// The same, with an environment.
pub(crate) fn snapshot_with(config: Value, env: &[(&str, &str)]) -> Snapshot {
    let env: Env = env.iter().copied().collect();
    let redaction = Redaction::new().expect("randomness");
    let redacted = redaction.redact(config, &env);
    let install = Install {
        home: Some("/home/op".into()),
        state: "/home/op/.openclaw".into(),
        config: "/home/op/.openclaw/openclaw.json".into(),
        uid: 1000,
        ..Install::default()
    };
    let config =
        ConfigFacts { present: true, value: redacted.value, secrets: redacted.secrets, ..ConfigFacts::default() };
    Snapshot {
        version: VERSION,
        taken: 1_795_000_000_000,
        install,
        env: redaction.environment(&env),
        config,
        ..Snapshot::default()
    }
}

/// What the checks whose ids begin with `prefix` say, as `severity id`, sorted.
pub(crate) fn said(snapshot: &Snapshot, prefix: &str) -> Vec<String> {
    let mut said: Vec<String> = findings(snapshot, prefix)
        .iter()
        .map(|finding| format!("{} {}", finding.severity.id(), finding.check_id))
        .collect();
    said.sort();
    said
}

/// The same, whole.
pub(crate) fn findings(snapshot: &Snapshot, prefix: &str) -> Vec<Finding> {
    let mut findings = crate::checks::run(&Model::of(snapshot));
    findings.retain(|finding| finding.check_id.starts_with(prefix));
    findings
}

/// Writes a file, where its folder is.
pub(crate) fn write(path: &std::path::Path, text: &str) {
    let mut file = std::fs::File::create(path).expect("made");
    std::io::Write::write_all(&mut file, text.as_bytes()).expect("written");
}
