//! Commands as they really run: what nothing says means any command, unasked; and a command that nobody sees first is
//! how injected text reaches the host.

use stockade_config::KeyPath;
use stockade_config::model::ExecSecurity;

use crate::checks::Check;
use crate::finding::{Change, Finding, Fix, Severity};
use crate::model::{Agent, Model};

pub(super) const CHECK: Check = Check { ids: &[DEFAULT, UNASKED], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let agents = || model.agents.list.iter();
    let default: Vec<&Agent<'_>> = agents().filter(|agent| is_default(agent) && agent.runs_on_host()).collect();
    if let Some(names) = names(&default) {
        let visitors = model.visitors_of(default.iter().copied());
        let finding = Finding::new(
            DEFAULT,
            visitors.severity(),
            "Any command runs on the host unasked, because \
            nothing says otherwise",
        )
        .detail(format!(
            "Neither tools.exec.mode nor tools.exec.security is set for {names}, and unset means \
                \"full\" without asking. Such commands are within reach of {}.",
            visitors.who()
        ))
        .remedy(
            "Set tools.exec.security to \"allowlist\" and tools.exec.ask to \"always\"; run sessions in a \
                sandbox; or deny group:runtime.",
        )
        .fix(ask_always(default.iter().copied()))
        .keys(default.iter().map(|agent| agent.exec.security.key.clone()));
        findings.push(finding);
    }
    let unasked = |agent: &&Agent<'_>| !agent.exec.asks_always() && (agent.runs_on_host() || agent.runs_in_sandbox());
    let unasked: Vec<&Agent<'_>> =
        agents().filter(unasked).filter(|agent| !(is_default(agent) && agent.runs_on_host())).collect();
    if let Some(names) = names(&unasked) {
        let on_host = unasked.iter().any(|agent| agent.runs_on_host());
        let (severity, place) =
            if on_host { (Severity::Warn, "on the host") } else { (Severity::Info, "in the sandbox") };
        let finding = Finding::new(UNASKED, severity, "Commands run that nobody sees first")
            .detail(format!(
                "{names} may run commands {place}, and tools.exec.ask is not \"always\": what is on the \
                allowlist, or everything, runs without a person who reads it first."
            ))
            .remedy("Set tools.exec.ask to \"always\" (beside tools.exec.security; it has no word in tools.exec.mode).")
            .fix(ask_always(unasked.iter().copied()))
            .keys(unasked.iter().map(|agent| agent.exec.ask.key.clone()));
        findings.push(finding);
    }
}

/// Has every command of these agents asked. OpenClaw refuses a `mode` beside the pair that this needs.
pub(super) fn ask_always<'a, 's: 'a>(agents: impl IntoIterator<Item = &'a Agent<'s>>) -> Fix {
    let mut fix = Fix::ask("Have every command asked");
    let mut done: Vec<KeyPath> = Vec::new();
    for agent in agents {
        let exec = &agent.exec;
        for (key, word) in [(&exec.security.key, "security"), (&exec.ask.key, "ask")] {
            let Some(place) = key.parent() else { continue };
            let is_mode = key.parts().last().is_some_and(|last| last == "mode");
            if is_mode {
                fix = change(fix, &mut done, Change::Remove { key: key.clone() });
            }
            if word == "ask" {
                fix = change(fix, &mut done, Change::Set { key: place.child("ask"), to: "always".into() });
            } else if is_mode || !exec.security.written || exec.security.value == ExecSecurity::Full {
                let security = match exec.security.value {
                    ExecSecurity::Deny => ExecSecurity::Deny,
                    ExecSecurity::Allowlist | ExecSecurity::Full => ExecSecurity::Allowlist,
                };
                fix = change(fix, &mut done, Change::Set { key: place.child("security"), to: security.id().into() });
            }
        }
    }
    fix
}

fn change(fix: Fix, done: &mut Vec<KeyPath>, change: Change) -> Fix {
    let (Change::Set { key, .. } | Change::Remove { key }) = &change else { return fix };
    if done.contains(key) {
        return fix;
    }
    done.push(key.clone());
    fix.change(change)
}

fn is_default(agent: &Agent<'_>) -> bool {
    agent.exec.is_default() && !agent.exec.asks_always()
}

fn names(agents: &[&Agent<'_>]) -> Option<String> {
    let names: Vec<String> = agents.iter().map(|agent| format!("agent {}", agent.id)).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

const DEFAULT: &str = "exec.default_full";
const UNASKED: &str = "exec.ask_not_always";

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::snapshot::Approvals;
    use crate::testing::{findings, said, snapshot};

    fn of(config: Value) -> Vec<String> {
        said(&snapshot(config), "exec.")
    }

    #[test]
    fn nothing_said_is_everything_allowed() {
        assert_eq!(of(json!({})), ["info exec.default_full"]);
        assert_eq!(of(json!({"channels": {"x": {"allowFrom": ["1"]}}})), ["warn exec.default_full"]);
        assert_eq!(of(json!({"channels": {"x": {"dmPolicy": "open"}}})), ["critical exec.default_full"]);
    }

    #[test]
    fn a_tool_that_is_denied_by_any_name_runs_nothing() {
        for deny in ["exec", "Bash", " group:RUNTIME ", "*", "ex*", "group:runtime"] {
            assert!(of(json!({"tools": {"deny": [deny]}})).is_empty(), "{deny}");
        }
        assert!(of(json!({"tools": {"profile": "messaging"}})).is_empty());
        assert!(of(json!({"tools": {"allow": ["read"]}})).is_empty());
        for hidden in
            [json!({"deny": ["exec "]}), json!({"profile": "minimal", "alsoAllow": ["BASH"]}), json!({"allow": []})]
        {
            let expected = usize::from(hidden.get("deny").is_none());
            assert_eq!(of(json!({"tools": hidden.clone()})).len(), expected, "{hidden}");
        }
        let by_agent =
            json!({"tools": {"deny": ["read"]}, "agents": {"entries": {"a": {"tools": {"deny": ["bash"]}}, "b": {}}}});
        assert!(findings(&snapshot(by_agent), "exec.")[0].detail.contains("agent b"));
    }

    #[test]
    fn only_a_person_who_is_always_asked_counts() {
        assert_eq!(of(json!({"tools": {"exec": {"mode": "ask"}}})), ["warn exec.ask_not_always"]);
        assert_eq!(
            of(json!({"tools": {"exec": {"security": "allowlist", "ask": "Always"}}})),
            ["warn exec.ask_not_always"]
        );
        assert!(of(json!({"tools": {"exec": {"security": "allowlist", "ask": "always"}}})).is_empty());
        assert!(of(json!({"tools": {"exec": {"mode": "deny"}}})).is_empty());
        assert_eq!(of(json!({"tools": {"exec": {"mode": "nonsense"}}})), ["warn exec.ask_not_always"]);
        let boxed = json!({"agents": {"defaults": {"sandbox": {"mode": "all"}}}});
        assert_eq!(of(boxed), ["info exec.ask_not_always"]);
        let out = json!({"agents": {"defaults": {"sandbox": {"mode": "all"}}}, "tools": {"exec": {"host": "gateway"}}});
        assert_eq!(of(out), ["info exec.default_full"], "the host is named beside a sandbox");
    }

    #[test]
    fn the_approvals_document_tightens_and_never_loosens() {
        let with = |document: Value, config: Value| {
            let mut snapshot = snapshot(config);
            snapshot.approvals = Some(Approvals { document, ..Approvals::default() });
            said(&snapshot, "exec.")
        };
        assert!(with(json!({"defaults": {"ask": "always"}}), json!({})).is_empty());
        assert!(with(json!({"agents": {"MAIN": {"security": "deny"}}}), json!({})).is_empty());
        assert_eq!(with(json!({"agents": {"other": {"security": "deny"}}}), json!({})), ["info exec.default_full"]);
        let strict = json!({"tools": {"exec": {"security": "allowlist", "ask": "always"}}});
        assert!(with(json!({"defaults": {"security": "full", "ask": "off"}}), strict).is_empty());
    }

    #[test]
    fn the_fix_never_leaves_a_mode_beside_the_pair() {
        let found = findings(&snapshot(json!({"tools": {"exec": {"mode": "ask"}}})), "exec.");
        let changes = &found[0].fix.as_ref().expect("a fix").changes;
        let text = serde_json::to_string(changes).expect("JSON");
        assert_eq!(changes.len(), 3, "{text}");
        assert!(text.contains("remove") && text.contains("always") && text.contains("allowlist"));
        let found =
            findings(&snapshot(json!({"tools": {"exec": {"security": "allowlist", "ask": "on-miss"}}})), "exec.");
        assert_eq!(found[0].fix.as_ref().expect("a fix").changes.len(), 1);
    }
}
