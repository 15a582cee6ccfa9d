//! Who may have commands run on the host from inside a sandbox.

use serde_json::Value;
use stockade_config::KeyPath;

use crate::checks::Check;
use crate::finding::{Change, Finding, Fix, Severity};
use crate::model::Model;
use crate::snapshot::config::texts;

pub(super) const CHECK: Check = Check {
    ids: &["tools.elevated.allowFrom.<channel>.wildcard", "tools.elevated.allowFrom.<channel>.large", DEFAULT],
    run,
};

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let config = model.config();
    if config.is_false("tools.elevated.enabled") {
        return;
    }
    let list = KeyPath::dotted("tools.elevated.allowFrom");
    for (channel, who) in config.fields("tools.elevated.allowFrom") {
        findings.extend(allowed(channel, who, list.child(channel)));
    }
    findings.extend(unasked(model));
}

/// The other words leave the approvals in force, and `on` is what OpenClaw takes silence for.
fn unasked(model: &Model<'_>) -> Option<Finding> {
    model.config().text(LEVEL).filter(|word| word.trim() == "full")?;
    let severity = model.visitors.severity().max(Severity::Warn);
    let finding = Finding::new(DEFAULT, severity, "Elevated commands run unasked from the first message")
        .detail(format!(
            "{LEVEL} is \"full\": whoever is on the elevated list runs commands on the host in every session, and where \
             nothing else asks, nobody is asked."
        ))
        .remedy(format!("Set {LEVEL} to \"off\"; switch it on for one session when it is needed."))
        .fix(Fix::ask("Start sessions without elevated commands").set(LEVEL, "off"))
        .key(LEVEL);
    Some(finding)
}

fn allowed(channel: &str, who: &Value, key: KeyPath) -> Option<Finding> {
    let listed: Vec<String> = texts(Some(who)).into_iter().filter(|who| !who.trim().is_empty()).collect();
    if listed.iter().any(|who| who.trim() == "*") {
        let stars = listed.iter().filter(|who| who.trim() == "*");
        let fix = stars.fold(Fix::ask("Take everybody off the elevated list"), |fix, star| {
            fix.change(Change::Drop { key: key.clone(), item: Value::String(star.clone()) })
        });
        let finding = Finding::new(
            format!("tools.elevated.allowFrom.{channel}.wildcard"),
            Severity::Critical,
            "Everybody on a channel may run elevated commands",
        )
        .detail(format!(
            "{key} holds \"*\": whoever may write to the agent there leaves the sandbox and runs commands \
            as the gateway's user."
        ))
        .remedy(format!("Put the operator's own ids into {key}, or set tools.elevated.enabled to false."))
        .fix(fix)
        .keys([key]);
        return Some(finding);
    }
    if listed.len() <= MANY {
        return None;
    }
    let finding = Finding::new(
        format!("tools.elevated.allowFrom.{channel}.large"),
        Severity::Warn,
        "Many people may run elevated commands",
    )
    .detail(format!("{key} has {} entries: each account that is taken over is a way onto the host.", listed.len()))
    .remedy(format!("Keep {key} to those who administer this machine."))
    .keys([key]);
    Some(finding)
}

const DEFAULT: &str = "tools.elevated.default_full";
const LEVEL: &str = "agents.defaults.elevatedDefault";
const MANY: usize = 25;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{findings, said, snapshot};

    fn of(elevated: Value) -> Vec<String> {
        said(&snapshot(json!({"tools": {"elevated": elevated}})), "tools.elevated")
    }

    #[test]
    fn everybody_and_many_are_told_apart() {
        assert_eq!(
            of(json!({"allowFrom": {"x": ["1", " * "], "y": ["*"]}})),
            ["critical tools.elevated.allowFrom.x.wildcard", "critical tools.elevated.allowFrom.y.wildcard"]
        );
        let many: Vec<u32> = (0..26).collect();
        assert_eq!(of(json!({"allowFrom": {"x": many}})), ["warn tools.elevated.allowFrom.x.large"]);
        assert!(of(json!({"allowFrom": {"x": ["1"], "y": "*", "z": [["*"]]}})).is_empty());
        assert!(of(json!({"enabled": false, "allowFrom": {"x": ["*"]}})).is_empty());
    }

    #[test]
    fn the_fix_drops_the_star_as_it_is_written() {
        let found =
            findings(&snapshot(json!({"tools": {"elevated": {"allowFrom": {"x.y": ["1", " *"]}}}})), "tools.elevated");
        let changes = &found[0].fix.as_ref().expect("a fix").changes;
        assert!(matches!(&changes[..], [crate::Change::Drop { key, item }] if item == " *" && key.parts().len() == 4));
    }

    #[test]
    fn elevated_and_unasked_from_the_start_is_told() {
        let config = |word: &str| json!({"agents": {"defaults": {"elevatedDefault": word}}});
        assert_eq!(said(&snapshot(config("full")), "tools.elevated"), ["warn tools.elevated.default_full"]);
        for word in ["on", "ask", "off"] {
            assert!(said(&snapshot(config(word)), "tools.elevated").is_empty(), "{word}");
        }
    }
}
