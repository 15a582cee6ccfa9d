//! Commands that the config lets run without limit. Unset counts as none here, as it does for OpenClaw; what unset
//! really means is told by the check of the default.

use stockade_config::KeyPath;
use stockade_config::model::ExecSecurity;

use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::Model;

pub(super) const CHECK: Check = Check { ids: &[ID], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let agents = &model.agents;
    // An entry of the default agent replaces what holds for all.
    let default = agents.default_id.as_ref().is_some_and(|id| agents.written().any(|agent| agent.id == *id));
    let scopes = std::iter::once(&agents.defaults).filter(|_| !default).chain(agents.written());
    let full: Vec<_> = scopes.filter(|agent| agent.exec.configured == ExecSecurity::Full).collect();
    if full.is_empty() {
        return;
    }
    let open = &model.visitors.open;
    let severity = if open.is_empty() { Severity::Warn } else { Severity::Critical };
    let names: Vec<String> = full
        .iter()
        .map(|agent| if agent.key.is_some() { format!("agent {}", agent.id) } else { "every agent".to_owned() })
        .collect();
    let ways: Vec<String> = open.iter().map(ToString::to_string).collect();
    let strangers = match ways.as_slice() {
        [] => String::new(),
        ways => format!(" Strangers come in by {}.", ways.join(", ")),
    };
    let keys: Vec<KeyPath> = full.iter().map(|agent| agent.exec.security.key.clone()).collect();
    let finding = Finding::new(ID, severity, "Any command runs")
        .detail(format!(
            "{} may run any command: whoever steers the agent, by a message or by a page that it reads, \
            is the gateway's user on this machine.{strangers}",
            names.join(", ")
        ))
        .remedy(
            "Set tools.exec.security to \"allowlist\" and tools.exec.ask to \"always\", or tools.exec.mode to \
            \"ask\"; run sessions in a sandbox.",
        )
        .fix(super::default::ask_always(full))
        .keys(keys.into_iter().chain(open.iter().cloned()));
    findings.push(finding);
}

const ID: &str = "tools.exec.security_full_configured";

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::finding::Change;
    use crate::testing::{findings, said, snapshot};

    fn of(config: Value) -> Vec<String> {
        said(&snapshot(config), super::ID)
    }

    #[test]
    fn only_what_is_written_counts() {
        assert!(of(json!({})).is_empty());
        assert!(of(json!({"tools": {"exec": {"ask": "off"}}})).is_empty());
        assert_eq!(of(json!({"tools": {"exec": {"mode": "full"}}})), ["warn tools.exec.security_full_configured"]);
        assert_eq!(of(json!({"tools": {"exec": {"security": "full", "ask": "always"}}})).len(), 1);
        assert_eq!(of(json!({"agents": {"list": [{"id": "a", "tools": {"exec": {"security": "full"}}}]}})).len(), 1);
        let overridden = json!({"tools": {"exec": {"mode": "full"}},
            "agents": {"entries": {"a": {"tools": {"exec": {"mode": "deny"}}}}}});
        assert!(of(overridden).is_empty());
    }

    #[test]
    fn the_fix_ends_it_even_where_every_command_is_asked() {
        let config = json!({"tools": {"exec": {"security": "full", "ask": "always"}}});
        let fix = findings(&snapshot(config), super::ID)[0].fix.clone().expect("a fix");
        let set = |change: &Change| matches!(change, Change::Set { key, to } if key.to_string() == "tools.exec.security" && to == "allowlist");
        assert!(fix.changes.iter().any(set), "{:?}", fix.changes);
    }

    #[test]
    fn a_nested_open_room_makes_it_critical() {
        let config = json!({"tools": {"exec": {"security": "full"}},
            "channels": {"telegram": {"groups": {"-1": {"topics": {"2": {"groupPolicy": "open"}}}}}}});
        assert_eq!(of(config), ["critical tools.exec.security_full_configured"]);
    }
}
