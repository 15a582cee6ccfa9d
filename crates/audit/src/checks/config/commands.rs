//! What a chat can operate by typing a command. Answers the stolen phone, and the owner that everyone is.

use serde_json::Value;

use crate::checks::Check;
use crate::finding::{Finding, Fix, Severity};
use crate::model::Model;
use crate::snapshot::ConfigFacts;
use crate::snapshot::config::texts;

pub(super) const CHECK: Check = Check { ids: &["commands.operator_surface", "gateway.security_config_writable"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let config = model.config();
    if !has_channel(config) {
        return;
    }
    let who = who(config);
    let on: Vec<&str> = SURFACE.iter().copied().filter(|key| config.is_true(key)).collect();
    let severity = if matches!(who, Who::Owners) { Severity::Warn } else { Severity::Critical };
    // That everyone is the owner is told by itself; this is about what they can operate.
    if !on.is_empty() {
        out.push(surface(severity, who, &on));
    }
    if config.is_true("commands.config") {
        out.push(
            Finding::new("gateway.security_config_writable", severity, "A chat can change the rules that hold it")
                .detail("commands.config is true: whoever passes for an owner in a chat can open groups, turn the sandbox off and allow tools, and the config that is audited today is not the one of tomorrow.")
                .remedy("Set commands.config to false and change the config on the machine.")
                .key("commands.config")
                .fix(Fix::ask("Let no chat change the config").set("commands.config", false)),
        );
    }
}

/// Who can use what is on.
#[derive(Clone, Copy)]
enum Who {
    Owners,
    Everyone,
    EveryoneIsOwner,
}

fn who(config: &ConfigFacts) -> Who {
    let has_anyone = |list: &[String]| list.iter().any(|entry| is_anyone(entry));
    if has_anyone(&config.list(OWNERS)) {
        Who::EveryoneIsOwner
    } else if config.fields(TYPISTS).any(|(_, list)| has_anyone(&texts(Some(list)))) {
        Who::Everyone
    } else {
        Who::Owners
    }
}

fn surface(severity: Severity, who: Who, on: &[&str]) -> Finding {
    let (open, words) = match who {
        Who::Owners => (None, "Owners are known by their account on a channel alone"),
        Who::Everyone => (Some(TYPISTS), "commands.allowFrom has \"*\", so every sender may type commands"),
        Who::EveryoneIsOwner => (Some(OWNERS), "commands.ownerAllowFrom has \"*\", so every sender is an owner"),
    };
    let finding = Finding::new("commands.operator_surface", severity, "The machine can be operated from a chat")
        .detail(format!("{words}, and may use {}: a stolen or forged account starts commands and adds code without asking the model.", on.join(", ")))
        .remedy("Turn off what is not used, and list your own ids in commands.ownerAllowFrom.");
    let finding = open.iter().fold(finding, |finding, key| finding.key(key));
    let fix = Fix::ask("Turn the operator's commands off in chats");
    let fix = on.iter().fold(fix, |fix, key| fix.set(key, false));
    on.iter().fold(finding, |finding, key| finding.key(key)).fix(fix)
}

/// Whether somebody can write from a channel.
fn has_channel(config: &ConfigFacts) -> bool {
    config.fields("channels").any(|(name, channel)| {
        name != "defaults" && channel.is_object() && channel.get("enabled") != Some(&Value::Bool(false))
    })
}

/// `*`, and `telegram:*`.
fn is_anyone(owner: &str) -> bool {
    let owner = owner.trim();
    owner == "*" || owner.ends_with(":*")
}

const OWNERS: &str = "commands.ownerAllowFrom";
const TYPISTS: &str = "commands.allowFrom";
/// Beside `commands.config`, which has a finding of its own.
const SURFACE: &[&str] = &["commands.bash", "commands.plugins", "commands.debug", "commands.mcp"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{said, snapshot};

    fn of(commands: Value, channels: Value) -> Vec<String> {
        let install = snapshot(json!({"commands": commands, "channels": channels}));
        [said(&install, "commands."), said(&install, "gateway.security")].concat()
    }

    #[test]
    fn what_a_chat_operates_is_named() {
        let chat = json!({"telegram": {}});
        assert_eq!(of(json!({"bash": true}), chat.clone()), ["warn commands.operator_surface"]);
        for owners in [json!([" * "]), json!(["telegram:*"])] {
            let everyone = json!({"debug": true, "ownerAllowFrom": owners.clone()});
            assert_eq!(of(everyone, chat.clone()), ["critical commands.operator_surface"]);
            assert!(of(json!({"ownerAllowFrom": owners}), chat.clone()).is_empty(), "nothing is on");
        }
        let typed = json!({"bash": true, "allowFrom": {"*": ["telegram:1", "*"]}});
        assert_eq!(of(typed, chat.clone()), ["critical commands.operator_surface"]);
        assert!(of(json!({"allowFrom": {"telegram": ["*"]}}), chat.clone()).is_empty(), "nothing is on");
        let both = ["warn commands.operator_surface", "warn gateway.security_config_writable"];
        assert_eq!(of(json!({"config": true}), chat.clone()), both[1..], "one key is said once");
        assert_eq!(of(json!({"config": true, "mcp": true}), chat.clone()), both);
        assert!(
            of(json!({"bash": false, "native": "auto", "ownerAllowFrom": ["telegram:1", 2]}), chat.clone()).is_empty()
        );
        assert!(of(json!({"bash": "true", "ownerAllowFrom": {}}), chat).is_empty());
    }

    #[test]
    fn without_a_chat_nobody_types() {
        for channels in [json!({}), json!({"defaults": {}}), json!({"telegram": {"enabled": false}}), json!([1])] {
            assert!(
                of(json!({"bash": true, "config": true, "ownerAllowFrom": ["*"]}), channels.clone()).is_empty(),
                "{channels}"
            );
        }
    }
}
