//! Keys whose meaning is gone: what a switch of another generation does in this one, and how it is taken away.

use crate::checks::Check;
use crate::finding::{Change, Finding, Fix, Severity};
use crate::model::Model;
use crate::snapshot::{Generation, Problem};

pub(super) const CHECK: Check = Check { ids: &["logging.redact_off", "config.inert_key"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let config = model.config();
    let february = model.snapshot.install.generation == Generation::February;
    if config.text(REDACT).is_some_and(|word| word.trim().eq_ignore_ascii_case("off")) {
        let (remedy, fix) = if february {
            ("Set it to \"tools\".", Fix::safe("Keep secrets out of the logs").set(REDACT, "tools"))
        } else {
            ("Remove it: current versions always redact, and refuse the key.", Fix::safe(WHY_REDACT).remove(REDACT))
        };
        out.push(
            Finding::new("logging.redact_off", Severity::Warn, "Logs are not redacted")
                .detail("logging.redactSensitive is \"off\": tokens and keys that pass through tools are written to the log and to the status, as they are.")
                .remedy(remedy)
                .key(REDACT)
                .fix(fix),
        );
    }
    if !february && config.is_true(DEVICE_AUTH) {
        out.push(
            Finding::new("config.inert_key", Severity::Info, "A switch that does nothing any more")
                .detail(format!("{DEVICE_AUTH} is true. This version ignores it; a downgrade to an early one would obey it, and a leaked token would be enough."))
                .remedy("Remove it.")
                .key(DEVICE_AUTH)
                .fix(Fix::safe("Remove a switch that this version ignores").remove(DEVICE_AUTH)),
        );
    }
}

/// Takes away those of the keys that have no successor; the others hold something that has to be moved by hand.
pub(super) fn fix(problems: &[&Problem]) -> Option<Fix> {
    let keys: Vec<_> = problems.iter().filter_map(|problem| problem.key.as_ref()).collect();
    let gone: Vec<_> = keys.into_iter().filter(|key| WITHOUT_SUCCESSOR.contains(&key.to_string().as_str())).collect();
    if gone.is_empty() {
        return None;
    }
    let names: Vec<String> = gone.iter().map(ToString::to_string).collect();
    let what =
        format!("Remove {}: OpenClaw refuses a config that has them, and nothing takes their place", names.join(", "));
    Some(gone.into_iter().fold(Fix::safe(what), |fix, key| fix.change(Change::Remove { key: key.clone() })))
}

const REDACT: &str = "logging.redactSensitive";
const DEVICE_AUTH: &str = "gateway.controlUi.dangerouslyDisableDeviceAuth";
const WHY_REDACT: &str = "Remove logging.redactSensitive, which current versions refuse because they always redact";

/// Retired keys whose behaviour is now always the safe one, or that meant nothing to begin with.
const WITHOUT_SUCCESSOR: &[&str] = &[
    REDACT,
    "commands.useAccessGroups",
    "gateway.controlUi.allowInsecureAuth",
    "gateway.tailscale.resetOnExit",
    "meta.lastTouchedAt",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::{KeyPath, Safety};
    use crate::snapshot::ProblemKind;
    use crate::testing::{findings, said, snapshot};

    #[test]
    fn the_log_is_mended_as_each_generation_can_take_it() {
        let mut install = snapshot(json!({"logging": {"redactSensitive": " OFF"}}));
        let change = |install: &crate::Snapshot| {
            let fix = findings(install, "logging.")[0].fix.clone().expect("a fix");
            assert_eq!(fix.safety, Safety::Safe);
            serde_json::to_value(fix.changes).expect("JSON")
        };
        assert_eq!(change(&install), json!([{"remove": {"key": ["logging", "redactSensitive"]}}]));
        install.install.generation = Generation::February;
        assert_eq!(change(&install), json!([{"set": {"key": ["logging", "redactSensitive"], "to": "tools"}}]));
        assert!(said(&snapshot(json!({"logging": {"redactSensitive": "tools"}})), "logging.").is_empty());
    }

    #[test]
    fn what_holds_something_is_not_removed() {
        let problem = |key: &str| Problem {
            kind: ProblemKind::RetiredKey,
            file: "/x".into(),
            line: None,
            key: Some(KeyPath::dotted(key)),
            what: String::new(),
        };
        let (list, redact) = (problem("agents.list"), problem("logging.redactSensitive"));
        assert_eq!(fix(&[&list]), None);
        assert_eq!(fix(&[&list, &redact]).map(|fix| fix.changes.len()), Some(1));
    }

    #[test]
    fn an_inert_switch_is_said_where_it_is_inert() {
        let mut install = snapshot(json!({"gateway": {"controlUi": {"dangerouslyDisableDeviceAuth": true}}}));
        assert_eq!(said(&install, "config.inert"), ["info config.inert_key"]);
        install.install.generation = Generation::February;
        assert!(said(&install, "config.inert").is_empty());
    }
}
