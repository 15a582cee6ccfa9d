//! Slash commands: who may give them. The attack: a member of a server types `/` and commands the agent without ever
//! having been admitted to it.

use serde_json::Value;

use crate::checks::Check;
use crate::finding::{Finding, Fix, Place, Severity};
use crate::model::Model;
use crate::model::channels::Account;
use crate::snapshot::Generation;
use crate::snapshot::config::texts;

pub(super) const CHECK: Check = Check {
    ids: &[
        "channels.discord.allowlisted_groups.broad_members",
        "channels.discord.commands.native.no_allowlists",
        "channels.discord.commands.native.unrestricted",
        "channels.slack.commands.slash.no_allowlists",
        "channels.slack.commands.slash.useAccessGroups_off",
    ],
    run,
};

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    // February could turn the lists off for commands; the key is gone since.
    let unchecked = model.snapshot.install.generation == Generation::February
        && model.config().is_false("commands.useAccessGroups");
    for account in model.channels.live() {
        match account.channel {
            "discord" => discord(model, account, unchecked, out),
            "slack" => slack(model, account, unchecked, out),
            _ => {}
        }
    }
}

fn discord(model: &Model<'_>, account: &Account<'_>, unchecked: bool, out: &mut Vec<Finding>) {
    if account.group_policy() == "allowlist" {
        out.extend(broad_members(account));
    }
    let named = account.groups().any(|(_, guild)| {
        let channels = guild.get("channels").and_then(Value::as_object);
        has_users(guild) || channels.into_iter().flatten().any(|(_, channel)| has_users(channel))
    });
    let guilds = account.groups().next().is_some();
    if !has_commands(model, account) || account.group_policy() == "disabled" || !guilds {
        return;
    }
    if unchecked && !named {
        out.push(unrestricted(account, "commands.native.unrestricted", "Discord"));
    } else if !named && account.allow_from().is_empty() && account.paired.is_empty() {
        out.push(no_allowlists(account, "commands.native.no_allowlists", "guilds"));
    }
}

fn slack(model: &Model<'_>, account: &Account<'_>, unchecked: bool, out: &mut Vec<Finding>) {
    let slash = account.get("slashCommand").and_then(|slash| slash.get("enabled")) == Some(&Value::Bool(true));
    if !slash && !has_commands(model, account) {
        return;
    }
    let named = account.groups().any(|(_, channel)| has_users(channel));
    if unchecked {
        out.push(unrestricted(account, "commands.slash.useAccessGroups_off", "Slack"));
    } else if !named && account.allow_from().is_empty() && account.paired.is_empty() {
        out.push(no_allowlists(account, "commands.slash.no_allowlists", "channels"));
    }
}

/// Whether commands of the platform are on. `auto`, the default, is off for an audit today; February's was on for
/// Discord.
fn has_commands(model: &Model<'_>, account: &Account<'_>) -> bool {
    let auto = model.snapshot.install.generation == Generation::February && account.channel == "discord";
    let own = account.get("commands");
    ["native", "nativeSkills"].iter().any(|name| {
        let global = model.config().get(&format!("commands.{name}"));
        let setting = own.and_then(|own| own.get(*name)).filter(|own| own.is_boolean()).or(global);
        setting.and_then(Value::as_bool).unwrap_or(auto)
    })
}

fn has_users(place: &Value) -> bool {
    !texts(place.get("users")).is_empty()
}

fn broad_members(account: &Account<'_>) -> Option<Finding> {
    let narrow = |guild: &Value, channel: Option<&Value>| {
        let list = |field: &str| texts(channel.and_then(|channel| channel.get(field)).or_else(|| guild.get(field)));
        let members = [list("users"), list("roles")].concat();
        !members.is_empty() && members.iter().all(|member| member.trim() != "*")
    };
    let mut broad = Vec::new();
    for (key, guild) in account.groups().filter(|(_, guild)| guild.is_object()) {
        let channels = guild.get("channels").and_then(Value::as_object).filter(|channels| !channels.is_empty());
        if channels.is_none() && !narrow(guild, None) {
            broad.push(key.clone());
        }
        let on = |channel: &Value| channel.get("enabled") != Some(&Value::Bool(false));
        let channels =
            channels.into_iter().flatten().filter(|(_, channel)| on(channel) && !narrow(guild, Some(channel)));
        broad.extend(channels.map(|(id, _)| key.child("channels").child(id.as_str())));
    }
    let shown: Vec<_> = broad.iter().take(10).map(|key| key.to_string()).collect();
    let finding = Finding::new(
        account.check_id("allowlisted_groups.broad_members"),
        Severity::Warn,
        "Every member of a listed server may use the agent",
    );
    let finding = finding
        .detail(format!(
            "{}: {} places are listed without users or roles ({}). The list says where the agent listens, not to whom: \
             every member there gives it orders.",
            account.label(),
            broad.len(),
            shown.join(", ")
        ))
        .remedy("Add users or roles to each of them.");
    (!broad.is_empty()).then(|| broad.into_iter().fold(finding, |finding, key| finding.at(Place::Key(key))))
}

fn no_allowlists(account: &Account<'_>, what: &str, places: &str) -> Finding {
    Finding::new(account.check_id(what), Severity::Warn, "Slash commands are on and nobody may give them")
        .detail(format!(
            "{}: no one is on allowFrom, paired, or among the users of its {places}, so every command is refused, and \
             the temptation is to open the list to all.",
            account.label()
        ))
        .remedy(format!("Approve yourself by pairing, or name yourself in allowFrom or in {places}.<id>.users."))
        .at(Place::Key(account.key("commands")))
}

fn unrestricted(account: &Account<'_>, what: &str, label: &str) -> Finding {
    Finding::new(account.check_id(what), Severity::Critical, "Everyone may give slash commands")
        .detail(format!(
            "{}: commands.useAccessGroups is false, so no list applies to slash commands: any member of a {label} \
             server that the bot is in commands the agent.",
            account.label()
        ))
        .remedy("Remove commands.useAccessGroups.")
        .key("commands.useAccessGroups")
        .fix(Fix::ask("make the lists of senders count for slash commands").remove("commands.useAccessGroups"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{said, snapshot};

    fn commands(config: Value, generation: Generation) -> Vec<String> {
        let mut found = snapshot(config);
        found.install.generation = generation;
        said(&found, "channels.").into_iter().filter(|id| id.contains(".commands.") || id.contains("broad")).collect()
    }

    #[test]
    fn a_listed_server_is_narrow_only_when_its_members_are_named() {
        let guild = |guild: Value| json!({"channels": {"discord": {"guilds": {"1": guild}}}});
        let broad = ["warn channels.discord.allowlisted_groups.broad_members"];
        for (config, expected) in [
            (json!({}), &broad[..]),
            (json!({"users": ["7"]}), &[]),
            (json!({"users": ["7", "*"]}), &broad),
            (json!({"users": ["7"], "channels": {"c": {"users": []}}}), &broad),
            (json!({"users": ["7"], "channels": {"c": {"roles": ["r"]}}}), &[]),
            (json!({"channels": {"c": {"enabled": false}}}), &[]),
        ] {
            assert_eq!(commands(guild(config.clone()), Generation::Current), expected, "{config}");
        }
    }

    #[test]
    fn commands_without_any_list_are_said_in_both_generations() {
        let config = json!({
            "commands": {"native": true, "useAccessGroups": false},
            "channels": {"discord": {"groupPolicy": "open", "guilds": {"1": {}}}, "slack": {"slashCommand": {"enabled": true}}},
        });
        assert_eq!(
            commands(config.clone(), Generation::Current),
            ["warn channels.discord.commands.native.no_allowlists", "warn channels.slack.commands.slash.no_allowlists",]
        );
        assert_eq!(
            commands(config, Generation::February),
            [
                "critical channels.discord.commands.native.unrestricted",
                "critical channels.slack.commands.slash.useAccessGroups_off",
            ]
        );
        let unsaid = json!({"commands": {"useAccessGroups": false}, "channels": {"discord": {"groupPolicy": "open", "guilds": {"1": {}}}}});
        assert_eq!(commands(unsaid, Generation::February), ["critical channels.discord.commands.native.unrestricted"]);
        let auto = json!({"commands": {"native": "auto"}, "channels": {"discord": {"groupPolicy": "open", "guilds": {"1": {}}}}});
        assert!(commands(auto, Generation::Current).is_empty());
    }
}
