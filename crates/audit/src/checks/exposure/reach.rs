//! Strangers and the host, by what the gateway does when nothing is written. The attack: one message from anyone, and
//! a command runs as the operator, because nobody wrote that it should not.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use stockade_config::model::ExecHost;

use super::open::{exec, listed, placed};
use crate::checks::Check;
use crate::finding::{Finding, Fix, Severity};
use crate::model::agents::normalized;
use crate::model::channels::Door;
use crate::model::{Agent, Model};

pub(super) const CHECK: Check = Check { ids: &["security.exposure.strangers_reach_host"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    if exec(model).is_some_and(|finding| finding.severity == Severity::Critical) {
        return;
    }
    let main = matches!(model.config().text("session.dmScope"), None | Some("main"));
    let doors = model.channels.doors();
    let bound = bound(model);
    for agent in &model.agents.list {
        // As the one for messages that no binding takes, or by a binding.
        let answers = |door: &Door| {
            model.agents.answering() == Some(agent.id.as_str())
                || bound.get(&agent.id).is_some_and(|channels| channels.contains(&door.channel.to_ascii_lowercase()))
        };
        let (to_groups, to_direct) = (on_host(agent, false), on_host(agent, main));
        let open = doors.iter().filter(|door| if door.direct { to_direct } else { to_groups });
        let reached: Vec<_> = open.filter(|door| answers(door)).map(|door| door.key.clone()).collect();
        if !reached.is_empty() {
            out.push(finding(agent, &reached));
        }
    }
}

/// The channels that are bound to each agent, in lower case. Read once: it would be read for each agent and door.
fn bound(model: &Model<'_>) -> BTreeMap<String, BTreeSet<String>> {
    let mut bound: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for binding in model.config().get("bindings").and_then(Value::as_array).into_iter().flatten() {
        let channel = binding.get("match").and_then(|matching| matching.get("channel")).and_then(Value::as_str);
        let id = binding.get("agentId").and_then(Value::as_str).map(normalized);
        if let (Some(id), Some(channel)) = (id, channel) {
            bound.entry(id).or_default().insert(channel.trim().to_ascii_lowercase());
        }
    }
    bound
}

/// Whether a command of a stranger's session runs on the host with no one asked. Direct messages that share the main
/// session run where that runs.
fn on_host(agent: &Agent<'_>, in_main: bool) -> bool {
    let sandboxed = if in_main { agent.sandbox.holds_main() } else { agent.sandbox.holds_others() };
    let outside = match agent.exec.host.value {
        ExecHost::Gateway | ExecHost::Node => true,
        ExecHost::Auto => !sandboxed,
        ExecHost::Sandbox => false,
    };
    outside && agent.exec.runs() && !agent.exec.asks_always() && agent.may_use("exec")
}

fn finding(agent: &Agent<'_>, doors: &[stockade_config::KeyPath]) -> Finding {
    let why = if agent.exec.is_default() {
        "Nothing in the config says which commands may run, so all of them do".to_owned()
    } else {
        format!("{} lets commands run", agent.exec.security.key)
    };
    let finding = Finding::new("security.exposure.strangers_reach_host", Severity::Critical, "A stranger's message can run commands on this machine")
        .detail(format!(
            "{} answers strangers ({}). {why}, outside a sandbox, as the user of the gateway, with no one asked.",
            agent.label(),
            listed(doors)
        ))
        .remedy("Close the policies; or set the sandbox mode to \"all\", tools.exec.ask to \"always\", or tools.exec.mode to \"deny\".");
    placed(finding, doors)
        .at(crate::Place::Key(agent.sandbox.mode.key.clone()))
        .at(crate::Place::Key(agent.exec.security.key.clone()))
        .fix(
            Fix::ask(format!("run the commands of {} in a sandbox", agent.label()))
                .change(crate::Change::Set { key: agent.sandbox.mode.key.clone(), to: "all".into() }),
        )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{said, snapshot};

    fn reached(config: Value) -> bool {
        !said(&snapshot(config), "security.exposure.strangers").is_empty()
    }

    #[test]
    fn what_is_not_written_runs_everything() {
        let open = json!({"telegram": {"groupPolicy": "open"}});
        assert!(reached(json!({"channels": open})));
        for sound in [
            json!({"channels": open, "tools": {"exec": {"mode": "deny"}}}),
            json!({"channels": open, "tools": {"exec": {"security": "allowlist", "ask": "always"}}}),
            json!({"channels": open, "tools": {"deny": ["exec"]}}),
            json!({"channels": open, "agents": {"defaults": {"sandbox": {"mode": "all"}}}}),
            json!({"channels": open, "agents": {"defaults": {"sandbox": {"mode": "non-main"}}}}),
            json!({"channels": {"telegram": {"allowFrom": [7], "groups": {"*": {"requireMention": true}}}}}),
            json!({"channels": {"telegram": {"enabled": false, "groupPolicy": "open"}}}),
            // OpenClaw's own check says it.
            json!({"channels": open, "tools": {"exec": {"mode": "full"}}}),
        ] {
            assert!(!reached(sound.clone()), "{sound}");
        }
    }

    #[test]
    fn a_star_a_topic_and_the_main_session_are_ways_in() {
        let non_main = json!({"defaults": {"sandbox": {"mode": "non-main"}}});
        let star = json!({"telegram": {"dmPolicy": "allowlist", "allowFrom": [" * "]}});
        assert!(reached(json!({"channels": star, "agents": non_main})));
        assert!(!reached(json!({"channels": star, "agents": non_main, "session": {"dmScope": "per-channel-peer"}})));
        assert!(reached(
            json!({"channels": {"telegram": {"groups": {"-1": {"topics": {"2": {"groupPolicy": "open"}}}}}}})
        ));
        assert!(reached(json!({"channels": {"telegram": {"groupAllowFrom": ["*"]}}})));
    }

    #[test]
    fn only_the_agent_that_answers_is_meant() {
        let config = |bindings: Value| {
            json!({
                "channels": {"telegram": {"groupPolicy": "open"}}, "bindings": bindings,
                "agents": {"ownership": "explicit", "entries": {"safe": {"sandbox": {"mode": "all"}}, "bare": {}}},
            })
        };
        let bind = |agent: &str, channel: &str| json!([{"agentId": agent, "match": {"channel": channel}}]);
        assert!(reached(config(bind("bare", " Telegram"))));
        assert!(!reached(config(bind("safe", "telegram"))) && !reached(config(bind("bare", "signal"))));
        let only = json!({"ownership": "explicit", "entries": {"bare": {}}});
        assert!(reached(json!({"channels": {"telegram": {"groupPolicy": "open"}}, "agents": only})));
    }
}
