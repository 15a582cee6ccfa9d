//! Senders known by a name that anyone may take. The attack: take the name, the nick, the tag or the address of
//! someone who is on the list, and be them.

use std::collections::BTreeSet;

use serde_json::Value;
use stockade_config::KeyPath;

use crate::checks::Check;
use crate::finding::{Finding, Fix, Place, Severity};
use crate::model::Model;
use crate::model::channels::Account;
use crate::snapshot::config::texts;

pub(super) const CHECK: Check = Check {
    ids: &[
        "channels.<channel>.allowFrom.dangerous_name_matching_enabled",
        "channels.<channel>.allowFrom.mutable_entries_inert",
        "channels.discord.allowFrom.name_based_entries",
        "channels.zalouser.groups.mutable_entries",
        "channels.synology-chat.reply.dangerous_name_matching_enabled",
    ],
    run,
};

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    for account in model.channels.live() {
        let matching = account.is_true(FLAG);
        let names: Vec<_> = account.allow_from().into_iter().filter(|entry| account.kind.is_name(entry)).collect();
        if matching {
            out.push(matching_enabled(account, names.len()));
        } else if account.kind.names && !names.is_empty() {
            out.push(inert(account, &names));
        }
        match account.channel {
            "discord" => out.extend(discord(account, matching)),
            "zalouser" => out.extend(zalouser(account, matching)),
            "synology-chat" if matching => out.push(synology(account)),
            _ => {}
        }
    }
}

fn matching_enabled(account: &Account<'_>, names: usize) -> Finding {
    Finding::new(
        account.check_id("allowFrom.dangerous_name_matching_enabled"),
        Severity::Info,
        "Senders are matched by names that anyone may take",
    )
    .detail(format!(
        "{}: {} is true. {names} entries of {} are names; whoever calls themselves so is let in.",
        account.label(),
        account.key(FLAG),
        account.allow_from_key()
    ))
    .remedy(format!("Put ids in place of names, then remove {}.", account.key(FLAG)))
    .at(Place::Key(account.key(FLAG)))
    .fix(
        Fix::ask(format!("match senders of {} by id only", account.label()))
            .change(crate::Change::Remove { key: account.key(FLAG) }),
    )
}

fn inert(account: &Account<'_>, names: &[String]) -> Finding {
    Finding::new(
        account.check_id("allowFrom.mutable_entries_inert"),
        Severity::Warn,
        "Entries of a list of senders match nobody",
    )
    .detail(format!(
        "{}: {} of the entries in {} are names ({}), and names are not matched. Whoever turns name matching on to make \
         them work lets in whoever takes the name.",
        account.label(),
        names.len(),
        account.allow_from_key(),
        shown(names)
    ))
    .remedy("Replace each by the sender's id.")
    .at(Place::Key(account.allow_from_key()))
}

fn discord(account: &Account<'_>, matching: bool) -> Option<Finding> {
    let mut places: Vec<(KeyPath, Vec<String>)> = vec![(account.key("allowFrom"), texts(account.get("allowFrom")))];
    let dm = account.get("dm").and_then(|dm| dm.get("allowFrom"));
    places.push((account.key("dm").child("allowFrom"), texts(dm)));
    for (key, guild) in account.groups() {
        places.push((key.child("users"), texts(guild.get("users"))));
        let channels = guild.get("channels").and_then(Value::as_object);
        for (id, channel) in channels.into_iter().flatten() {
            places.push((key.child("channels").child(id.as_str()).child("users"), texts(channel.get("users"))));
        }
    }
    let is_name = |entry: &String| account.kind.is_name(entry);
    places.iter_mut().for_each(|(_, entries)| entries.retain(is_name));
    places.retain(|(_, entries)| !entries.is_empty());
    let paired: Vec<String> = account.paired.iter().map(|entry| (*entry).to_owned()).filter(is_name).collect();
    let names: BTreeSet<_> = places.iter().flat_map(|(_, entries)| entries).chain(&paired).cloned().collect();
    if names.is_empty() {
        return None;
    }
    let severity = if matching { Severity::Info } else { Severity::Warn };
    let finding = Finding::new(
        account.check_id("allowFrom.name_based_entries"),
        severity,
        "Discord users are listed by name",
    )
    .detail(format!(
        "{}: {} names or tags on its lists ({}). Names are not unique: two users may share what is left of one.",
        account.label(),
        names.len(),
        shown(&names.into_iter().collect::<Vec<_>>())
    ))
    .remedy("Use ids: digits, `<@id>`, `user:id` or `pk:id`.");
    Some(places.into_iter().fold(finding, |finding, (key, _)| finding.at(Place::Key(key))))
}

fn zalouser(account: &Account<'_>, matching: bool) -> Option<Finding> {
    let named: Vec<_> =
        account.groups().filter(|(key, _)| key.parts().last().is_some_and(|id| !is_zalo_group(id))).collect();
    if named.is_empty() {
        return None;
    }
    let severity = if matching { Severity::Info } else { Severity::Warn };
    let names: Vec<_> = named.iter().filter_map(|(key, _)| key.parts().last().cloned()).collect();
    let finding = Finding::new(account.check_id("groups.mutable_entries"), severity, "Groups are listed by name")
        .detail(format!(
            "{}: {}. Whoever names a group so may have it taken for the one that was meant.",
            account.label(),
            shown(&names)
        ))
        .remedy("Use the ids of the groups: `group:<id>` or the `g-` id.");
    Some(named.into_iter().fold(finding, |finding, (key, _)| finding.at(Place::Key(key))))
}

/// `group:123`, `g-abc`, `zlu:123`; `*` is every group, and no name.
fn is_zalo_group(id: &str) -> bool {
    let id = id.trim().to_ascii_lowercase();
    let id = ["zalouser:", "zlu:"].iter().find_map(|head| id.strip_prefix(head)).unwrap_or(&id);
    let id = id.strip_prefix("group:").unwrap_or(id);
    id == "*"
        || id.is_empty()
        || id.strip_prefix("g-").is_some_and(|rest| !rest.is_empty())
        || id.bytes().all(|b| b.is_ascii_digit())
}

fn synology(account: &Account<'_>) -> Finding {
    Finding::new(
        account.check_id("reply.dangerous_name_matching_enabled"),
        Severity::Info,
        "Replies go to whoever has the name",
    )
    .detail(format!(
        "{}: {} is true, so a reply is sent to the user of that name, not to who wrote.",
        account.label(),
        account.key(FLAG)
    ))
    .remedy(format!("Remove {}; replies then go to numeric ids.", account.key(FLAG)))
    .at(Place::Key(account.key(FLAG)))
}

fn shown(names: &[String]) -> String {
    let more = if names.len() > 5 { ", …" } else { "" };
    let names: Vec<_> = names.iter().take(5).map(|name| stockade_core::text::single_line(name)).collect();
    format!("{}{more}", names.join(", "))
}

const FLAG: &str = "dangerouslyAllowNameMatching";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{said, snapshot};

    fn names(config: serde_json::Value) -> Vec<String> {
        let found = snapshot(json!({"channels": config}));
        said(&found, "channels.")
            .into_iter()
            .filter(|id| id.contains("allowFrom") || id.contains("mutable") || id.contains("reply"))
            .collect()
    }

    #[test]
    fn names_are_dangerous_when_matched_and_dead_when_not() {
        let discord =
            |flag: bool| json!({"discord": {"dangerouslyAllowNameMatching": flag, "allowFrom": ["bob#1234", 17]}});
        assert_eq!(
            names(discord(true)),
            [
                "info channels.discord.allowFrom.dangerous_name_matching_enabled",
                "info channels.discord.allowFrom.name_based_entries",
            ]
        );
        assert_eq!(
            names(discord(false)),
            [
                "warn channels.discord.allowFrom.mutable_entries_inert",
                "warn channels.discord.allowFrom.name_based_entries",
            ]
        );
        assert!(
            names(json!({"discord": {"allowFrom": ["17", "<@!18>", "*"]}, "whatsapp": {"allowFrom": ["+1555"]}}))
                .is_empty()
        );
    }

    #[test]
    fn a_name_deep_in_a_guild_is_found() {
        let config = json!({"discord": {"guilds": {"1": {"channels": {"g.x": {"users": ["eve"]}}}}}});
        assert_eq!(names(config), ["warn channels.discord.allowFrom.name_based_entries"]);
    }

    #[test]
    fn groups_and_replies_by_name() {
        assert_eq!(
            names(json!({"zalouser": {"groups": {"My Team": {}, "group:12": {}, "g-x": {}}}})),
            ["warn channels.zalouser.groups.mutable_entries"]
        );
        assert!(names(json!({"zalouser": {"groups": {"*": {}, "zlu:group:5": {}}}})).is_empty());
        let synology = json!({"synology-chat": {"dangerouslyAllowNameMatching": true, "accounts": {"a": {"dangerouslyAllowNameMatching": false}}}});
        assert!(names(synology).is_empty());
    }
}
