//! The size of it: lines of `name: value` that a script can read, then one about what it means.

use serde_json::Value;

use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::Model;

pub(super) const CHECK: Check = Check { ids: &["summary.attack_surface"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let (config, gateway) = (model.config(), &model.gateway);
    let groups = |word: &str| {
        let policy = |channel: &Value| channel.get("groupPolicy").and_then(Value::as_str).map(str::trim) == Some(word);
        config.fields("channels").filter(|(_, channel)| policy(channel)).count()
    };
    let on = |on: bool| if on { "enabled" } else { "disabled" };
    let lines = [
        format!("groups: open={}, allowlist={}", groups("open"), groups("allowlist")),
        format!("tools.elevated: {}", on(!config.is_false("tools.elevated.enabled"))),
        format!("hooks.webhooks: {}", on(config.is_true("hooks.enabled"))),
        format!("hooks.internal: {}", on(config.is_true("hooks.internal.enabled"))),
        format!("browser control: {}", on(!config.is_false("browser.enabled"))),
        format!("gateway: bind={}, auth={}, tailscale={}", gateway.bind, gateway.auth_mode, gateway.tailscale),
        "Whoever may write to an agent can try to make it use whatever it may use; people who do not trust each other need \
         an install each."
            .to_owned(),
    ];
    out.push(
        Finding::new("summary.attack_surface", Severity::Info, "What there is to attack").detail(lines.join("\n")),
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{findings, snapshot};

    #[test]
    fn the_lines_say_what_is_on() {
        let install = snapshot(json!({
            "channels": {"telegram": {"groupPolicy": "open"}, "discord": {"groupPolicy": "allowlist"}, "odd": 5},
            "hooks": {"enabled": true}, "browser": {"enabled": false}, "gateway": {"bind": "lan"},
        }));
        let found = findings(&install, "summary.");
        let lines: Vec<&str> = found[0].detail.lines().collect();
        assert_eq!(
            lines[..5],
            [
                "groups: open=1, allowlist=1",
                "tools.elevated: enabled",
                "hooks.webhooks: enabled",
                "hooks.internal: disabled",
                "browser control: disabled",
            ]
        );
        assert_eq!(lines[5], "gateway: bind=lan, auth=token, tailscale=off");
        assert_eq!(findings(&snapshot(json!(null)), "summary.").len(), 1);
    }
}
