//! What can be done over HTTP alone. Answers the request forged on the owner's network, and the credential that was meant
//! for chat and starts commands.

use crate::checks::Check;
use crate::finding::{Change, Finding, Fix, KeyPath, Severity};
use crate::model::Model;

pub(super) const CHECK: Check =
    Check { ids: &["gateway.tools_invoke_http.dangerous_allow", "gateway.http.session_key_override_enabled"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let (config, gateway) = (model.config(), &model.gateway);
    let allowed = config.list("gateway.tools.allow");
    let mut dangerous: Vec<&str> = allowed.iter().filter_map(|tool| denied_by_default(tool)).collect();
    dangerous.sort_unstable();
    dangerous.dedup();
    if !dangerous.is_empty() {
        let reachable = gateway.beyond_loopback() || gateway.tailscale == "funnel";
        let severity = if reachable { Severity::Critical } else { Severity::Warn };
        out.push(
            Finding::new("gateway.tools_invoke_http.dangerous_allow", severity, "Dangerous tools can be called over HTTP")
                .detail(format!(
                    "gateway.tools.allow lets {} through POST /tools/invoke, which keeps them out by default. One request with \
                     the gateway's credential, or none where it asks for none, then runs them without a conversation.",
                    dangerous.join(", ")
                ))
                .remedy("Take them out of gateway.tools.allow.")
                .key("gateway.tools.allow")
                .fix(drop_each(&allowed)),
        );
    }
    let endpoints = ["chatCompletions", "responses"]
        .map(|name| (name, format!("gateway.http.endpoints.{name}.enabled")))
        .into_iter()
        .filter(|(_, key)| config.is_true(key));
    let (names, keys): (Vec<_>, Vec<_>) = endpoints.unzip();
    if !names.is_empty() {
        let finding = Finding::new("gateway.http.session_key_override_enabled", Severity::Info, "A caller over HTTP chooses the session")
            .detail(format!(
                "The HTTP interfaces {} are on, and a header of the request names the session that it goes to: whoever has the \
                 credential can continue anybody's conversation.",
                names.join(", ")
            ))
            .remedy("Give the credential only to what you trust with every session.");
        out.push(keys.iter().fold(finding, |finding, key| finding.key(key)));
    }
}

/// The tool, under its own name, when the gateway keeps it out of HTTP by default.
fn denied_by_default(written: &str) -> Option<&'static str> {
    let name = written.trim().to_lowercase();
    let meant = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name.as_str(), |(_, tool)| tool);
    DENIED.iter().find(|tool| **tool == meant).copied()
}

fn drop_each(allowed: &[String]) -> Fix {
    let fix = Fix::ask("Keep dangerous tools out of POST /tools/invoke");
    allowed.iter().filter(|tool| denied_by_default(tool).is_some()).fold(fix, |fix, tool| {
        let key = KeyPath::dotted("gateway.tools.allow");
        fix.change(Change::Drop { key, item: tool.as_str().into() })
    })
}

/// Tools that `/tools/invoke` refuses unless they are allowed.
const DENIED: &[&str] = &[
    "exec", "spawn", "shell", "fs_write", "fs_delete", "fs_move", "apply_patch", "terminal", "portal",
    "sessions_spawn", "sessions_send", "conversations_list", "conversations_send", "conversations_turn", "automations",
    "gateway", "plugins", "nodes", "computer", "mobile_ui", "openclaw",
];
/// Other names of tools; the gateway resolves them, OpenClaw's audit does not.
const ALIASES: &[(&str, &str)] = &[("bash", "exec"), ("cron", "automations"), ("apply-patch", "apply_patch")];

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{findings, said, snapshot};

    fn of(gateway: Value) -> Vec<String> {
        let mut said = said(&snapshot(json!({ "gateway": gateway })), "gateway.");
        said.retain(|line| line.contains("tools_invoke") || line.contains("session_key"));
        said
    }

    #[test]
    fn a_dangerous_tool_is_found_under_any_name() {
        for tool in ["exec", " Gateway", "cron", "BASH"] {
            assert_eq!(
                of(json!({"tools": {"allow": [tool]}})),
                ["warn gateway.tools_invoke_http.dangerous_allow"],
                "{tool}"
            );
        }
        let funnel = json!({"tailscale": {"mode": "funnel"}, "tools": {"allow": ["exec", "cron"]}});
        assert_eq!(of(funnel), ["critical gateway.tools_invoke_http.dangerous_allow"]);
        assert!(of(json!({"tools": {"allow": ["web_search", 7, null, {}]}})).is_empty());
        assert!(of(json!({"tools": {"allow": "exec"}})).is_empty());
    }

    #[test]
    fn the_fix_drops_what_is_written() {
        let install = snapshot(json!({"gateway": {"tools": {"allow": ["BASH", "web_search"]}}}));
        let found = findings(&install, "gateway.tools_invoke");
        let fix = serde_json::to_value(&found[0].fix).expect("JSON");
        assert_eq!(fix["changes"], json!([{"drop": {"key": ["gateway", "tools", "allow"], "item": "BASH"}}]));
    }

    #[test]
    fn interfaces_that_choose_the_session_are_named() {
        let on = json!({"http": {"endpoints": {"chatCompletions": {"enabled": true}, "responses": {"enabled": true}}}});
        assert_eq!(of(on), ["info gateway.http.session_key_override_enabled"]);
        assert!(of(json!({"http": {"endpoints": {"responses": {"enabled": "true"}}}})).is_empty());
    }
}
