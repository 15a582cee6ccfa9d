//! Lists of skills that do not bind what runs commands: an MCP server that the list leaves out is one command away.

use serde_json::Value;
use stockade_config::KeyPath;

use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::{Agent, Model};

pub(super) const CHECK: Check = Check { ids: &[DRIFT, INCOMPLETE], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let scopes: Vec<(&Agent<'_>, KeyPath)> = model
        .agents
        .contexts()
        .filter_map(|agent| Some((agent, agent.skills()?.key)))
        .filter(|(agent, _)| runs_outside(agent))
        .collect();
    if scopes.is_empty() {
        return;
    }
    let on = |server: &Value| server.get("enabled") != Some(&Value::Bool(false));
    let mut servers: Vec<String> =
        model.config().fields("mcp.servers").filter(|(_, server)| on(server)).map(|(name, _)| name.clone()).collect();
    match &model.snapshot.skills.mcporter {
        Some(Ok(names)) => servers.extend(names.iter().cloned()),
        Some(Err(why)) => findings.push(incomplete(why)),
        None => {}
    }
    if servers.is_empty() {
        return;
    }
    let names: Vec<String> = scopes.iter().map(|(agent, key)| format!("- {} by {key}", agent.label())).collect();
    let finding = Finding::new(DRIFT, Severity::Warn, "A list of skills does not keep an agent from MCP servers")
        .detail(format!(
            "These have a list of skills, and run commands outside a sandbox:\n{}\nThe list says what the \
            agent is shown. A command of it can start any client and reach {}, with the credentials that stand \
            there.",
            names.join("\n"),
            servers.join(", ")
        ))
        .remedy("Deny exec for these agents, or run them in a sandbox that cannot read the registry of servers.")
        .keys(scopes.into_iter().map(|(_, key)| key));
    findings.push(finding);
}

/// OpenClaw asks whether there is a sandbox for some session, not whether every session is in it.
fn runs_outside(agent: &Agent<'_>) -> bool {
    use stockade_config::model::ExecHost::{Auto, Gateway, Node, Sandbox};
    agent.exec.runs()
        && match agent.exec.host.value {
            Auto => !agent.sandbox.holds_others(),
            Gateway | Node => true,
            Sandbox => false,
        }
}

fn incomplete(why: &str) -> Finding {
    Finding::new(INCOMPLETE, Severity::Warn, "The registry of MCP servers could not be read")
        .detail(format!("skills/config/mcporter.json: {why}. Which servers a command can reach is not known."))
        .remedy("Make it a regular JSON file that the gateway's user can read, or take it away.")
}

const DRIFT: &str = "tools.exec.agent_skill_mcp_boundary_drift";
const INCOMPLETE: &str = "tools.exec.mcporter_registry_inspection_incomplete";

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{said, snapshot};

    fn of(agents: Value, servers: Value) -> Vec<String> {
        said(&snapshot(json!({"agents": agents, "mcp": {"servers": servers}})), DRIFT)
    }

    #[test]
    fn a_list_of_skills_is_no_boundary_for_commands() {
        let docs = json!({"docs": {"command": "x"}});
        assert_eq!(of(json!({"entries": {"a": {"skills": []}}}), docs.clone()).len(), 1);
        assert!(of(json!({"entries": {"a": {}}}), docs.clone()).is_empty());
        assert!(
            of(json!({"entries": {"a": {"skills": ["x"], "tools": {"exec": {"mode": "deny"}}}}}), docs.clone())
                .is_empty()
        );
        assert!(of(json!({"entries": {"a": {"skills": ["x"], "sandbox": {"mode": "all"}}}}), docs).is_empty());
        assert!(of(json!({"entries": {"a": {"skills": ["x"]}}}), json!({"off": {"enabled": false}})).is_empty());
    }

    #[test]
    fn a_registry_that_cannot_be_read_is_told() {
        let mut snapshot = snapshot(json!({"agents": {"defaults": {"skills": ["x"]}}}));
        snapshot.skills.mcporter = Some(Err("not JSON".into()));
        assert_eq!(said(&snapshot, INCOMPLETE), ["warn tools.exec.mcporter_registry_inspection_incomplete"]);
    }
}
