//! Where a hook's call goes. Answers the caller that chooses an agent with more tools, or somebody's conversation.

use crate::checks::Check;
use crate::finding::{Finding, Fix, Severity};
use crate::model::Model;
use crate::snapshot::Generation;

pub(super) const CHECK: Check = Check {
    ids: &[
        "hooks.path_root",
        "hooks.default_session_key_unset",
        "hooks.allowed_agent_ids_unrestricted",
        "hooks.request_session_key_enabled",
        "hooks.request_session_key_prefixes_missing",
    ],
    run,
};

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let config = model.config();
    if !config.is_true("hooks.enabled") {
        return;
    }
    let severity = if model.gateway.remote_exposed { Severity::Critical } else { Severity::Warn };
    // February knows neither of the keys that these fixes write, and refuses a config that has them.
    let february = model.snapshot.install.generation == Generation::February;
    let blank = |key: &str| config.text(key).is_none_or(|text| text.trim().is_empty());
    let path = config.text("hooks.path").unwrap_or_default().trim();
    if !path.is_empty() && path.bytes().all(|byte| byte == b'/') {
        out.push(
            Finding::new("hooks.path_root", Severity::Critical, "Hooks take every path of the gateway")
                .detail("hooks.path is \"/\": calls meant for other interfaces reach the hooks, and an agent is woken by them.")
                .remedy("Use a path of its own, such as \"/hooks\".")
                .key("hooks.path")
                .fix(Fix::ask("Move the hooks to /hooks; services that call them must follow").set("hooks.path", "/hooks")),
        );
    }
    if blank("hooks.defaultSessionKey") {
        let finding = Finding::new("hooks.default_session_key_unset", Severity::Warn, "Hooks have no session of their own")
            .detail("hooks.defaultSessionKey is not set: each call opens a session of its own making, and nothing keeps its text together and apart from people's.")
            .remedy("Set it, for example to \"hook:ingress\".")
            .key("hooks.defaultSessionKey");
        let fix = Fix::ask("Send hooks to a session of their own").set("hooks.defaultSessionKey", "hook:ingress");
        out.push(if february { finding } else { finding.fix(fix) });
    }
    let agents = config.get("hooks.allowedAgentIds").filter(|ids| ids.is_array());
    let any = agents.is_none() || config.list("hooks.allowedAgentIds").iter().any(|id| id.trim() == "*");
    if any {
        out.push(
            Finding::new("hooks.allowed_agent_ids_unrestricted", severity, "A hook may wake any agent")
                .detail("hooks.allowedAgentIds does not limit them: whoever has the hooks' token chooses the agent with the most tools.")
                .remedy("List the agents that hooks are for; [] is none but the default routing.")
                .key("hooks.allowedAgentIds"),
        );
    }
    if config.is_true(REQUEST) {
        out.push(
            Finding::new("hooks.request_session_key_enabled", severity, "A hook's caller chooses the session")
                .detail("hooks.allowRequestSessionKey is true: a call can put its text into a conversation that is already trusted.")
                .remedy("Set it to false and use hooks.defaultSessionKey.")
                .key(REQUEST)
                .fix(Fix::ask("Let callers choose no session").remove(REQUEST)),
        );
        if config.list("hooks.allowedSessionKeyPrefixes").iter().all(|prefix| prefix.trim().is_empty()) {
            let finding = Finding::new("hooks.request_session_key_prefixes_missing", severity, "A hook's caller may choose any session")
                .detail("hooks.allowRequestSessionKey is true and hooks.allowedSessionKeyPrefixes is empty: every conversation can be chosen, the owner's too.")
                .remedy("Set hooks.allowedSessionKeyPrefixes, for example to [\"hook:\"].")
                .key("hooks.allowedSessionKeyPrefixes");
            let fix = Fix::ask("Limit callers to sessions of hooks")
                .set("hooks.allowedSessionKeyPrefixes", serde_json::json!(["hook:"]));
            out.push(if february { finding } else { finding.fix(fix) });
        }
    }
}

const REQUEST: &str = "hooks.allowRequestSessionKey";

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{said, snapshot};

    fn of(bind: &str, mut hooks: Value) -> Vec<String> {
        hooks["enabled"] = json!(true);
        let mut said = said(&snapshot(json!({"gateway": {"bind": bind}, "hooks": hooks})), "hooks.");
        said.retain(|line| CHECK.ids.iter().any(|id| line.ends_with(id)));
        said
    }

    #[test]
    fn hooks_that_are_held_are_quiet() {
        let held = json!({"defaultSessionKey": "hook:x", "allowedAgentIds": [], "path": "/hooks"});
        assert!(of("lan", held).is_empty());
        assert!(said(&snapshot(json!({"hooks": {"path": "/"}})), "hooks.").is_empty());
    }

    #[test]
    fn hooks_that_are_not_held_say_so() {
        let loose = json!({"path": " // ", "allowRequestSessionKey": true, "allowedSessionKeyPrefixes": [" "], "allowedAgentIds": ["*"]});
        let all = |severity: &str| {
            let mut all = vec![
                "critical hooks.path_root".to_owned(),
                "warn hooks.default_session_key_unset".to_owned(),
                format!("{severity} hooks.allowed_agent_ids_unrestricted"),
                format!("{severity} hooks.request_session_key_enabled"),
                format!("{severity} hooks.request_session_key_prefixes_missing"),
            ];
            all.sort();
            all
        };
        assert_eq!(of("lan", loose.clone()), all("critical"));
        assert_eq!(of("loopback", loose), all("warn"));
        assert_eq!(of("loopback", json!({"defaultSessionKey": "h", "allowedAgentIds": "main"})).len(), 1);
    }
}
