//! Agents that read what others wrote and can act on it: one page with orders in it is enough. The guide's answer is a
//! reader without tools that hands a summary to an agent that acts.

use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::Model;

pub(super) const CHECK: Check = Check { ids: &[ID], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let mut lines = Vec::new();
    let (mut keys, mut mixed) = (Vec::new(), Vec::new());
    for agent in &model.agents.list {
        let (reads, acts) = (model.reads(agent), model.acts(agent));
        if reads.is_empty() || acts.is_empty() {
            continue;
        }
        lines.push(format!("- {} -> agent {} -> {}", reads.join(", "), agent.id, acts.join(", ")));
        mixed.push(agent);
        keys.push(agent.key.clone().unwrap_or_else(|| stockade_config::KeyPath::dotted("tools")));
    }
    if lines.is_empty() {
        return;
    }
    let severity = model.visitors_of(mixed).severity().max(Severity::Warn);
    let finding = Finding::new(ID, severity, "An agent reads what others wrote, and can act on it")
        .detail(format!("{}\nWhoever writes what it reads can have it do what stands behind it.", lines.join("\n")))
        .remedy(
            "Split it: one agent that reads (web, mail, messages) and has no exec, write, gateway or message, and \
            one that acts and reads only its summary. Or run it in a sandbox (mode \"all\") and deny group:runtime, \
            gateway and automations.",
        )
        .keys(keys);
    findings.push(finding);
}

const ID: &str = "reader_pattern.mixed_agent";

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{findings, said, snapshot};

    fn of(config: Value) -> Vec<String> {
        said(&snapshot(config), super::ID)
    }

    #[test]
    fn the_path_is_named() {
        let found = findings(&snapshot(json!({})), super::ID);
        assert!(
            found[0].detail.contains("web_fetch, browser -> agent main -> exec on the host (ask off)"),
            "{}",
            found[0].detail
        );
        assert_eq!(of(json!({"channels": {"x": {"groupPolicy": "open"}}})), ["critical reader_pattern.mixed_agent"]);
    }

    #[test]
    fn a_reader_that_cannot_act_and_an_actor_that_does_not_read_are_fine() {
        let reader = json!({"tools": {"allow": ["web_fetch", "read", "message"]}});
        assert!(of(reader).is_empty(), "there is no channel to send to");
        let actor = json!({"tools": {"deny": ["group:web", "Browser"]}});
        assert!(of(actor).is_empty());
        let guide = json!({
            "agents": {"defaults": {"sandbox": {"mode": "all", "scope": "session", "workspaceAccess": "ro"}}},
            "tools": {"deny": ["group:runtime", "gateway", "cron"], "exec": {"security": "allowlist", "ask": "always"}},
            "channels": {"telegram": {"dmPolicy": "pairing", "groupPolicy": "allowlist"}},
        });
        assert!(of(guide).is_empty());
    }

    #[test]
    fn mail_groups_and_servers_are_read_too() {
        let base = json!({"deny": ["group:web", "browser"]});
        for part in [
            json!({"hooks": {"enabled": true, "gmail": {"account": "a@b"}}}),
            json!({"mcp": {"servers": {"Docs Server": {"url": "https://x.example"}}}}),
            json!({"channels": {"telegram": {"groups": {"*": {}}}}}),
            json!({"channels": {"discord": {"accounts": {"b": {"allowFrom": ["1", "2"]}}}}}),
        ] {
            let mut config = part.clone();
            config["tools"] = base.clone();
            assert_eq!(of(config).len(), 1, "{part}");
        }
    }

    #[test]
    fn strangers_of_another_agent_do_not_make_it_worse() {
        let config = |tools: Value| {
            json!({
                "agents": {"entries": {"main": {"default": true}, "desk": {"tools": {"allow": ["sessions_send"]}}}},
                "tools": tools, "channels": {"telegram": {"dmPolicy": "open", "allowFrom": ["*"]}},
                "bindings": [{"agentId": "desk", "match": {"channel": "telegram"}}],
            })
        };
        let apart = json!({"sessions": {"visibility": "agent"}});
        assert_eq!(of(config(apart)), ["warn reader_pattern.mixed_agent"]);
        assert_eq!(of(config(json!({}))), ["critical reader_pattern.mixed_agent"], "the desk sends them on");
    }

    #[test]
    fn mail_is_read_by_the_agent_that_the_hook_wakes() {
        let config = |allowed: Value| {
            json!({
                "agents": {"entries": {"main": {"default": true}, "mail": {"tools": {"allow": ["session_status"]}}}},
                "tools": {"deny": ["group:web", "browser"]},
                "hooks": {"enabled": true, "presets": ["gmail"], "allowedAgentIds": allowed,
                    "mappings": [{"match": {"path": "gmail"}, "agentId": "mail"}]},
            })
        };
        assert!(of(config(json!(["mail"]))).is_empty());
        assert_eq!(of(config(json!(["*"]))).len(), 1, "what names no agent goes to the default one");
    }

    #[test]
    fn only_the_agent_that_is_bound_reads_the_channel() {
        let config = json!({
            "agents": {"entries": {"main": {"default": true, "tools": {"allow": ["read"]}}, "worker": {}}},
            "tools": {"deny": ["group:web", "browser"]},
            "channels": {"telegram": {"groups": {"1": {}}}},
        });
        assert!(of(config.clone()).is_empty());
        let mut bound = config;
        bound["bindings"] = json!([{"agentId": "Worker", "match": {"channel": "telegram"}}]);
        assert_eq!(of(bound).len(), 1);
    }
}
