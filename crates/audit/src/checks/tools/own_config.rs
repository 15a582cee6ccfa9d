//! Agents that can change what limits them: by a tool of the gateway's, or by the files in which it stands.

use crate::checks::Check;
use crate::finding::Finding;
use crate::model::Model;
use crate::model::flow::writes_host;

pub(super) const CHECK: Check = Check { ids: &[ID], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let mut lines = Vec::new();
    let (mut keys, mut weak) = (Vec::new(), Vec::new());
    for agent in &model.agents.list {
        let mut ways: Vec<String> =
            model.changes_gateway(agent).into_iter().map(|tool| format!("the tool {tool}")).collect();
        if agent.runs_on_host() && !agent.exec.asks_always() {
            ways.push("commands on the host, which write the state directory".to_owned());
        }
        if writes_host(agent) {
            ways.push("writing files outside a sandbox, the config among them".to_owned());
        }
        if !ways.is_empty() {
            lines.push(format!("- agent {}: {}", agent.id, ways.join("; ")));
            weak.push(agent);
            keys.push(agent.key.clone().unwrap_or_else(|| stockade_config::KeyPath::dotted("tools")));
        }
    }
    if lines.is_empty() {
        return;
    }
    let visitors = model.visitors_of(weak);
    let finding = Finding::new(ID, visitors.severity(), "An agent can change what limits it")
        .detail(format!(
            "{}\nWhat steers it for one message can switch the limits off for every later one: \
            {}.",
            lines.join("\n"),
            visitors.who()
        ))
        .remedy(
            "Deny gateway, plugins and automations (tools.deny; \"cron\" means the last), set \
            tools.fs.workspaceOnly to true, and run sessions in a sandbox (mode \"all\").",
        )
        .keys(keys);
    findings.push(finding);
}

const ID: &str = "agents.can_change_own_config";

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{findings, said, snapshot};

    fn of(config: Value) -> Vec<String> {
        said(&snapshot(config), super::ID)
    }

    #[test]
    fn every_way_to_the_config_is_one() {
        assert_eq!(of(json!({})), ["info agents.can_change_own_config"]);
        assert_eq!(of(json!({"tools": {"profile": "minimal"}})).len(), 1, "minimal holds gateway");
        let strict =
            json!({"tools": {"deny": ["gateway", "CRON", "plugins", "group:runtime"], "fs": {"workspaceOnly": true}}});
        assert!(of(strict).is_empty());
        let half = json!({"tools": {"deny": ["gateway", "cron ", "plugins", "group:runtime", "write", "edit"]}});
        assert!(findings(&snapshot(half), super::ID)[0].detail.contains("writing files"), "apply_patch is left");
    }

    #[test]
    fn a_sandbox_keeps_it_out_unless_a_list_lets_it_in() {
        let boxed = |tools: Value| json!({"agents": {"defaults": {"sandbox": {"mode": "all"}}}, "tools": tools});
        assert!(of(boxed(json!({}))).is_empty());
        assert_eq!(of(boxed(json!({"sandbox": {"tools": {"alsoAllow": ["group:automation"]}}}))).len(), 1);
        assert_eq!(
            of(boxed(json!({"sandbox": {"tools": {"allow": []}}}))).len(),
            1,
            "an empty list is none, and leaves plugins"
        );
    }
}
