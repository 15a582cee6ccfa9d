//! Which agents have the tools of plugins from `extensions`. What a plugin offers is not known before it runs, so the
//! question is put for a tool of each plugin about which nothing is known but the plugin.

use serde_json::Value;
use stockade_core::ToolName;
use stockade_policy::tools::{Origin, Tool};

use super::super::Check;
use super::{extensions, ids, lines};
use crate::finding::{Finding, Place, Severity};
use crate::model::{Agent, Model};

pub(super) const CHECK: Check = Check { ids: &[REACHABLE], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let enabled = enabled(model);
    if enabled.is_empty() {
        return;
    }
    let agents = &model.agents;
    let open: Vec<&Agent<'_>> =
        std::iter::once(&agents.defaults).chain(&agents.list).filter(|agent| reaches(agent, &enabled)).collect();
    if open.is_empty() {
        return;
    }
    let is_default = |agent: &Agent<'_>| std::ptr::eq(agent, &raw const agents.defaults);
    let named: Vec<String> = open
        .iter()
        .map(|agent| {
            if is_default(agent) {
                "an agent without settings of its own".into()
            } else {
                format!("agent {}", agent.id)
            }
        })
        .collect();
    let detail = format!(
        "Plugins from the extensions folder are on ({}), and these may use whatever tools they bring:{}\nA message that \
         talks such an agent round then runs the plugin's code with arguments of its choosing.",
        enabled.join(", "),
        lines(&named),
    );
    let mut finding = Finding::new(REACHABLE, Severity::Warn, "Agents have every tool that a plugin brings")
        .detail(detail)
        .remedy(
            "Give agents that read what strangers write tools.profile minimal or coding, or a tools.allow that names the \
             tools they need; or name group:plugins in tools.deny.",
        )
        .key("tools.profile");
    for key in open.iter().filter_map(|agent| agent.key.as_ref()) {
        finding = finding.at(Place::Key(key.child("tools")));
    }
    findings.push(finding);
}

/// The plugins that would load.
fn enabled(model: &Model<'_>) -> Vec<String> {
    let config = model.config();
    if config.is_false("plugins.enabled") {
        return Vec::new();
    }
    let (allow, deny) = (ids(model, "plugins.allow"), ids(model, "plugins.deny"));
    let is_off = |id: &str| {
        config.fields("plugins.entries").any(|(name, entry)| {
            name.trim().eq_ignore_ascii_case(id) && entry.get("enabled") == Some(&Value::Bool(false))
        })
    };
    extensions(model)
        .filter(|id| !deny.contains(id) && (allow.is_empty() || allow.contains(id)) && !is_off(id))
        .collect()
}

fn reaches(agent: &Agent<'_>, plugins: &[String]) -> bool {
    let tool = |id: &String| Tool { name: ToolName::new("some-tool"), origin: Origin::Plugin(id.clone()) };
    plugins.iter().any(|id| agent.tools.allows_tool(&tool(id)))
}

const REACHABLE: &str = "plugins.tools_reachable_permissive_policy";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::snapshot::{Plugin, Snapshot};
    use crate::testing::{findings, said, snapshot};

    fn with(config: Value) -> Snapshot {
        let plugin = |folder: &str| Plugin { folder: folder.into(), id: folder.into(), ..Plugin::default() };
        Snapshot { plugins: vec![plugin("Miner"), plugin("other")], ..snapshot(config) }
    }

    #[test]
    fn plugins_that_load_are_reachable_unless_a_layer_keeps_them_out() {
        for config in [
            json!({}),
            json!({"plugins": {"allow": ["miner"]}}),
            json!({"tools": {"allow": ["group:plugins", "read"]}}),
            json!({"tools": {"profile": "full"}}),
            json!({"tools": {"profile": "coding"}, "agents": {"entries": {"a": {"tools": {"profile": "full"}}}}}),
            json!({"tools": {"allow": []}}),
        ] {
            assert_eq!(said(&with(config.clone()), REACHABLE), [format!("warn {REACHABLE}")], "{config}");
        }
        for config in [
            json!({"tools": {"profile": "minimal"}}),
            json!({"tools": {"allow": ["read", "write"]}}),
            json!({"tools": {"deny": ["group:plugins"]}}),
            json!({"plugins": {"enabled": false}}),
            json!({"plugins": {"deny": ["miner", "OTHER "]}}),
            json!({"plugins": {"allow": ["browser"]}}),
            json!({"plugins": {"entries": {"MINER": {"enabled": false}, "other": {"enabled": false}}}}),
            json!({"agents": {"defaults": {"sandbox": {"mode": "all"}}}}),
        ] {
            assert!(said(&with(config.clone()), REACHABLE).is_empty(), "{config}");
        }
        assert!(said(&snapshot(json!({})), REACHABLE).is_empty(), "no plugins");
    }

    #[test]
    fn the_agents_and_the_plugins_are_named() {
        let found = findings(&with(json!({"plugins": {"allow": ["miner"]}})), REACHABLE);
        assert!(found[0].detail.contains("(miner)") && found[0].detail.contains("- agent main"), "{}", found[0].detail);
    }
}
