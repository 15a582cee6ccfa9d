//! Signs that an agent made for one person serves several. The attack: one user has the agent fetch what another
//! user's files and keys are.

use serde_json::Value;

use super::open::{lines, risks};
use crate::checks::Check;
use crate::finding::{Change, Finding, Fix, KeyPath, Place, Severity};
use crate::model::Model;
use crate::model::channels::Signal;

pub(super) const CHECK: Check =
    Check { ids: &["security.trust_model.group_scope_main", "security.trust_model.multi_user_heuristic"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    out.extend(group_scope_main(model));
    out.extend(multi_user(model));
}

fn group_scope_main(model: &Model<'_>) -> Option<Finding> {
    let mut keys = Vec::new();
    if model.config().text("session.groupScope") == Some("main") {
        keys.push(KeyPath::dotted("session.groupScope"));
    }
    let bindings = model.config().get("bindings").and_then(Value::as_array).into_iter().flatten().enumerate();
    for (index, binding) in bindings {
        let main = binding.get("session").and_then(|session| session.get("groupScope")).and_then(Value::as_str)
            == Some("main");
        let kind = binding.get("match").and_then(|matching| matching.get("peer")?.get("kind")?.as_str());
        if main && !matches!(kind, Some("direct" | "dm")) {
            keys.push(KeyPath::dotted("bindings").child(index.to_string()).child("session").child("groupScope"));
        }
    }
    if keys.is_empty() {
        return None;
    }
    let fix = Fix::ask("give every group a session of its own");
    let fix = keys.iter().fold(fix, |fix, key| fix.change(Change::Set { key: key.clone(), to: "per-group".into() }));
    let shown: Vec<_> = keys.iter().map(ToString::to_string).collect();
    let finding = Finding::new(
        "security.trust_model.group_scope_main",
        Severity::Warn,
        "Groups share the main session",
    )
    .detail(format!(
        "{} is \"main\": what is said in a group goes into the owner's own session, and its members can ask for what \
             stands there.",
        shown.join(", ")
    ))
    .remedy("Set it to \"per-group\".");
    Some(keys.into_iter().fold(finding, |finding, key| finding.at(Place::Key(key))).fix(fix))
}

fn multi_user(model: &Model<'_>) -> Option<Finding> {
    let signals = model.channels.multi_user();
    if signals.is_empty() {
        return None;
    }
    let risks = risks(model);
    let reach = if risks.is_empty() {
        "No agent has commands or files outside a sandbox.".to_owned()
    } else {
        format!("Outside a sandbox:\n{}", lines(&risks))
    };
    let said: Vec<_> = signals.iter().map(|Signal { key, what }| format!("{key}: {what}")).collect();
    let finding = Finding::new("security.trust_model.multi_user_heuristic", Severity::Warn, "Several people may use this install")
        .detail(format!(
            "{}\n{reach}\nOne gateway is one circle of trust: whoever may write has what its agents have.",
            said.join("\n")
        ))
        .remedy("Give people who do not trust each other gateways of their own; else sandbox every agent and keep private accounts and keys off it.");
    Some(signals.into_iter().fold(finding, |finding, signal| finding.at(Place::Key(signal.key))))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{said, snapshot};

    fn trust(config: Value) -> Vec<String> {
        said(&snapshot(config), "security.trust_model.")
            .iter()
            .map(|id| id.replace("security.trust_model.", ""))
            .collect()
    }

    #[test]
    fn the_signs_are_those_of_openclaw() {
        for several in [
            json!({"telegram": {"groupPolicy": "open"}}),
            json!({"telegram": {"groupPolicy": "allowlist", "groups": {"*": {}}}}),
            json!({"discord": {"groupPolicy": "allowlist", "accounts": {"a": {"guilds": {"1": {}}}}}}),
            json!({"slack": {"dm": {"allowFrom": ["*"]}}}),
            json!({"x.y": {"groupAllowFrom": [" * "]}}),
            json!({"telegram": {"groups": {"-1": {"groupPolicy": "disabled"}}}}),
        ] {
            assert_eq!(trust(json!({"channels": several.clone()})), ["warn multi_user_heuristic"], "{several}");
        }
        for one in [
            json!({"telegram": {"dmPolicy": "pairing", "groupPolicy": "allowlist"}}),
            json!({"telegram": {"groups": {}}, "signal": {"groupPolicy": "allowlist", "groups": {}}}),
            json!({"telegram": {"groupPolicy": "disabled", "groups": {"*": {}}}}),
        ] {
            assert!(trust(json!({"channels": one.clone()})).is_empty(), "{one}");
        }
    }

    #[test]
    fn groups_in_the_main_session_are_found_in_bindings_too() {
        let binding = |kind: &str| json!({"bindings": [{"agentId": "a", "match": {"channel": "x", "peer": {"kind": kind, "id": "1"}}, "session": {"groupScope": "main"}}]});
        assert_eq!(trust(binding("group")), ["warn group_scope_main"]);
        assert!(trust(binding("direct")).is_empty());
        assert_eq!(trust(json!({"session": {"groupScope": "main"}})), ["warn group_scope_main"]);
    }
}
