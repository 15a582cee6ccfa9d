//! Strangers and the host, by what the gateway does when nothing is written. The attack: one message from anyone, and
//! a command runs as the operator, because nobody wrote that it should not.

use std::collections::BTreeSet;

use stockade_config::model::ExecHost;

use super::open::{exec, listed, placed};
use crate::checks::Check;
use crate::finding::{Finding, Fix, Severity};
use crate::model::{Agent, Model};

pub(super) const CHECK: Check = Check { ids: &["security.exposure.strangers_reach_host"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    if exec(model).is_some_and(|finding| finding.severity == Severity::Critical) {
        return;
    }
    let main = matches!(model.config().text("session.dmScope"), None | Some("main"));
    let doors = model.channels.doors();
    // Once for each account: bindings are long in an install with many agents.
    let doors: Vec<_> = doors.iter().map(|(account, doors)| (model.agents_at(account), doors)).collect();
    for agent in &model.agents.list {
        let answered = doors.iter().filter(|(agents, _)| agents.contains(&agent.id.as_str()));
        let open = answered.flat_map(|(_, doors)| doors.iter()).filter(|door| on_host(agent, door.direct && main));
        let mut known = BTreeSet::new();
        let reached: Vec<_> = open.map(|door| door.key.clone()).filter(|key| known.insert(key.clone())).collect();
        if !reached.is_empty() {
            out.push(finding(agent, &reached));
        }
    }
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
        let kept = |bindings: Value, accounts: Value| {
            json!({
                "channels": {"telegram": {"groupPolicy": "open", "accounts": accounts}}, "bindings": bindings,
                "agents": {"entries": {"bare": {}, "safe": {"sandbox": {"mode": "all"}}}},
            })
        };
        assert!(!reached(kept(bind("safe", "telegram"), Value::Null)), "the binding takes all of them");
        assert!(reached(kept(bind("nobody", "telegram"), Value::Null)));
        assert!(reached(kept(bind("safe", "telegram"), json!({"a": {}, "b": {}}))), "it is for one of them");
        let matching = |more: Value| {
            let mut matching = json!({"channel": "telegram"});
            matching.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("an object"));
            json!([{"agentId": "safe", "match": matching}])
        };
        assert!(reached(kept(matching(json!({"peer": {"kind": "group", "id": "1"}})), Value::Null)));
        assert!(!reached(kept(matching(json!({"accountId": "*"})), json!({"a": {}, "b": {}}))));
        let only = json!({"ownership": "explicit", "entries": {"bare": {}}});
        assert!(reached(json!({"channels": {"telegram": {"groupPolicy": "open"}}, "agents": only})));
    }
}
