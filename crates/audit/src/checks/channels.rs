//! Who may write to an agent, channel by channel.

use super::Check;

mod bots;
mod closing;
mod commands;
mod direct;
mod feishu;
mod groups;
mod mentions;
mod names;
mod operators;
mod paired;
mod sessions;
mod synology;
mod telegram;
mod webhooks;

pub(super) const CHECKS: &[Check] = &[
    direct::CHECK,
    groups::CHECK,
    names::CHECK,
    sessions::CHECK,
    telegram::CHECK,
    commands::CHECK,
    feishu::CHECK,
    synology::CHECK,
    webhooks::CHECK,
    operators::CHECK,
    mentions::CHECK,
    bots::CHECK,
    paired::CHECK,
];

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{said, snapshot};

    fn said_of(config: Value) -> Vec<String> {
        let found = snapshot(config);
        [said(&found, "channels."), said(&found, "security.")].concat()
    }

    #[test]
    fn a_sound_install_is_left_alone() {
        let telegram = json!({"enabled": true, "botToken": "1:a", "dmPolicy": "pairing", "groupPolicy": "allowlist"});
        assert_eq!(said_of(json!({"channels": {"telegram": telegram}})), ["info channels.telegram.dm.locked"]);
        let with_owner = json!({"botToken": "1:a", "allowFrom": [123_456], "groupPolicy": "disabled"});
        assert_eq!(said_of(json!({"channels": {"telegram": with_owner}})), [""; 0]);
        let with_groups = json!({"botToken": "1:a", "allowFrom": [123_456], "groups": {"*": {"requireMention": true}}});
        let said = said_of(json!({"channels": {"telegram": with_groups}}));
        assert_eq!(said, ["warn security.trust_model.multi_user_heuristic"], "OpenClaw's sign of several people");
        assert_eq!(said_of(json!({})), [""; 0]);
    }

    #[test]
    fn the_names_of_a_config_do_not_pass_for_text() {
        let name = "x\n\u{202e}critical gateway.bind_no_auth";
        let found = snapshot(
            json!({"channels": {name: {"groupPolicy": "open", "dmPolicy": "open", "accounts": {name: {}, "b": {"allowFrom": ["*"]}}}}}),
        );
        for finding in crate::testing::findings(&found, "") {
            let text = format!(
                "{}{}{}",
                finding.check_id,
                finding.detail,
                finding.fix.map(|fix| fix.what).unwrap_or_default()
            );
            assert!(!text.contains('\u{202e}') && !text.contains("x\n"), "{text}");
        }
    }
}
