//! Which OpenClaw made an install. One that is taken for the other is audited against rules that it does not follow,
//! and comes out clean.

use serde_json::Value;

use crate::snapshot::Generation;

/// Which OpenClaw made an install, by its config and by whether `<state>/state/openclaw.sqlite` is there.
///
/// The database is proof that the current one ran here; the version that the config was last written by comes next;
/// then keys that have been retired since February. An install without any of these is a current one.
#[must_use]
pub fn generation(config: &Value, has_state_database: bool) -> Generation {
    if has_state_database {
        return Generation::Current;
    }
    let february = match config.pointer("/meta/lastTouchedVersion").and_then(Value::as_str) {
        Some(version) => FEBRUARY.iter().any(|start| version.trim().starts_with(start)),
        None => RETIRED.iter().any(|key| config.pointer(key).is_some()),
    };
    if february { Generation::February } else { Generation::Current }
}

/// The beginnings of that generation's versions.
const FEBRUARY: &[&str] = &["2025.", "2026.1.", "2026.2."];

/// Keys that only that generation takes, as JSON pointers.
const RETIRED: &[&str] = &[
    "/agents/list",
    "/logging/redactSensitive",
    "/commands/useAccessGroups",
    "/gateway/controlUi/allowInsecureAuth",
    "/gateway/tailscale/resetOnExit",
    "/gateway/nodes/allowCommands",
    "/gateway/nodes/denyCommands",
    "/hooks/internal/installs",
    "/plugins/installs",
    "/meta/lastTouchedAt",
    "/cron/store",
    "/audit",
    "/agents/defaults/sandbox/perSession",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_install_is_told_by_its_database_then_its_version_then_its_keys() {
        let february = json!({"agents": {"list": []}, "logging": {"redactSensitive": "off"}});
        assert_eq!(generation(&february, false), Generation::February);
        assert_eq!(generation(&february, true), Generation::Current);
        assert_eq!(generation(&json!({"meta": {"lastTouchedVersion": "2026.2.6-3"}}), false), Generation::February);
        let edited = json!({"meta": {"lastTouchedVersion": "2026.9.6"}, "agents": {"list": []}});
        assert_eq!(generation(&edited, false), Generation::Current);
        assert_eq!(generation(&json!({"meta": {"lastTouchedVersion": "2026.10.1"}}), false), Generation::Current);
        assert_eq!(generation(&json!([1, 2]), false), Generation::Current);
        assert_eq!(generation(&json!({}), false), Generation::Current);
    }
}
