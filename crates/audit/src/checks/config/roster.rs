//! Which agent answers when nobody is named. Answers the message that reaches another agent than was meant.

use serde_json::Value;

use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::Model;
use crate::snapshot::ConfigFacts;

pub(super) const CHECK: Check = Check { ids: &["config.agent_roster.invalid_default_count"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let config = model.config();
    let (agents, key) = agents(config);
    let defaults = agents.iter().filter(|agent| agent.get("default") == Some(&Value::Bool(true))).count();
    let explicit = config.text("agents.ownership") == Some("explicit");
    // February takes the first of its list when none is marked.
    let needs_one = agents.len() > 1 && key == "agents.entries";
    let what = if explicit && defaults > 0 {
        format!(
            "agents.ownership is \"explicit\" and {defaults} agents are marked as the default, which nobody then is"
        )
    } else if !explicit && (defaults > 1 || (needs_one && defaults == 0)) {
        format!("{} agents are configured and {defaults} of them are marked as the default", agents.len())
    } else {
        return;
    };
    out.push(
        Finding::new(
            "config.agent_roster.invalid_default_count",
            Severity::Warn,
            "It is not clear which agent is the default",
        )
        .detail(format!(
            "{what}: a message without a route may reach an agent with more tools than its sender should have."
        ))
        .remedy("Mark exactly one agent with default: true, or set agents.ownership to \"explicit\" and mark none.")
        .key(key),
    );
}

fn agents(config: &ConfigFacts) -> (Vec<&Value>, &'static str) {
    match config.get("agents.entries").and_then(Value::as_object) {
        Some(entries) => (entries.values().collect(), "agents.entries"),
        None => (config.get("agents.list").and_then(Value::as_array).into_iter().flatten().collect(), "agents.list"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{said, snapshot};

    #[test]
    fn one_default_or_none_by_name() {
        let wrong =
            |agents: serde_json::Value| !said(&snapshot(json!({ "agents": agents })), "config.agent_roster").is_empty();
        assert!(wrong(json!({"entries": {"a": {}, "b": {}}})));
        assert!(wrong(json!({"entries": {"a": {"default": true}, "b": {"default": true}}})));
        assert!(wrong(json!({"ownership": "explicit", "entries": {"a": {"default": true}, "b": {}}})));
        assert!(wrong(json!({"list": [{"default": true}, {"default": true}]})));
        assert!(!wrong(json!({"entries": {"a": {}}})) && !wrong(json!({"entries": {"a": {"default": true}, "b": 5}})));
        assert!(!wrong(json!({"ownership": "explicit", "entries": {"a": {}, "b": {}}})));
        assert!(
            !wrong(json!({"list": [{"id": "main"}, {"id": "blog"}]}))
                && !wrong(json!({"entries": []}))
                && !wrong(json!(1))
        );
    }
}
