//! Agents and each other's sessions. The attack: an agent that reads what strangers write is told to fetch the
//! conversations of the one that is trusted.

use serde_json::Value;

use crate::checks::Check;
use crate::finding::{Finding, Fix, Severity};
use crate::model::{Agent, Model};

pub(super) const CHECK: Check = Check { ids: &["security.trust_model.cross_agent_session_access_default"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let config = model.config();
    let everyone = !matches!(config.text("tools.sessions.visibility"), Some("self" | "tree" | "agent"));
    let limited = config.is_false("tools.agentToAgent.enabled") || !config.list("tools.agentToAgent.allow").is_empty();
    let agents = &model.agents.list;
    if agents.len() < 2 || !everyone || limited {
        return;
    }
    let unclamped = config.text("agents.defaults.sandbox.sessionToolsVisibility") == Some("all");
    let reach: Vec<_> =
        agents.iter().filter(|agent| reaches(agent, unclamped)).map(|agent| agent.id.as_str()).collect();
    if reach.is_empty() {
        return;
    }
    let mut signals: Vec<String> = agents.iter().flat_map(limits).collect();
    signals.extend(model.channels.multi_user().iter().map(|signal| format!("{}: {}", signal.key, signal.what)));
    let severity = if signals.is_empty() { Severity::Info } else { Severity::Warn };
    let ids: Vec<_> = agents.iter().map(|agent| agent.id.as_str()).collect();
    let differ = if signals.is_empty() {
        String::new()
    } else {
        format!("\nThey are not meant to be equal:\n{}", signals.join("\n"))
    };
    out.push(
        Finding::new(
            "security.trust_model.cross_agent_session_access_default",
            severity,
            "Agents may read each other's sessions",
        )
        .detail(format!(
            "Of {}, these may list, search and read the sessions of all: {}.{differ}",
            ids.join(", "),
            reach.join(", ")
        ))
        .remedy("Set tools.sessions.visibility to \"agent\", or name in tools.agentToAgent.allow who may reach whom.")
        .key("tools.sessions.visibility")
        .key("tools.agentToAgent.allow")
        .fix(Fix::ask("keep each agent to its own sessions").set("tools.sessions.visibility", "agent")),
    );
}

/// Whether an agent gets at the sessions of others; a sandbox keeps it to those that it began.
fn reaches(agent: &Agent<'_>, unclamped: bool) -> bool {
    (unclamped || !agent.sandbox.holds_main()) && SESSION_TOOLS.iter().any(|tool| agent.tools.allows(tool))
}

/// What shows that an agent is trusted less than others.
fn limits(agent: &Agent<'_>) -> Vec<String> {
    let mut found = Vec::new();
    if agent.sandbox.holds_others() {
        found.push(format!("{}: sandbox.mode is {}", agent.id, agent.sandbox.mode.value));
    }
    let own = ["profile", "allow", "deny"]
        .into_iter()
        .filter(|name| agent.own(&format!("tools.{name}")).is_some_and(|setting| *setting.value != Value::Null));
    let own: Vec<_> = own.map(|name| format!("tools.{name}")).collect();
    if !own.is_empty() {
        found.push(format!("{}: has its own {}", agent.id, own.join(", ")));
    }
    found
}

const SESSION_TOOLS: &[&str] =
    &["sessions_list", "sessions_history", "sessions_search", "sessions_send", "session_status"];

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{said, snapshot};

    fn sharing(entries: Value, tools: Value) -> Vec<String> {
        let config = json!({"agents": {"ownership": "explicit", "entries": entries}, "tools": tools});
        said(&snapshot(config), "security.trust_model.cross")
            .iter()
            .map(|id| id.split(' ').next().unwrap_or("").to_owned())
            .collect()
    }

    #[test]
    fn two_agents_share_unless_it_is_said() {
        let two = json!({"a": {}, "b": {}});
        assert_eq!(sharing(two.clone(), json!({})), ["info"]);
        assert_eq!(sharing(json!({"a": {}, "b": {"tools": {"deny": ["exec"]}}}), json!({})), ["warn"]);
        assert_eq!(sharing(json!({"a": {}, "b": {"sandbox": {"mode": "non-main"}}}), json!({})), ["warn"]);
        for sound in [
            json!({"sessions": {"visibility": "agent"}}),
            json!({"agentToAgent": {"enabled": false}}),
            json!({"agentToAgent": {"allow": ["a"]}}),
            json!({"deny": ["group:sessions"]}),
        ] {
            assert!(sharing(two.clone(), sound.clone()).is_empty(), "{sound}");
        }
        assert!(sharing(json!({"a": {}}), json!({})).is_empty());
        let walled = json!({"sandbox": {"mode": "all"}});
        assert!(sharing(json!({"a": walled, "b": walled}), json!({})).is_empty());
    }
}
