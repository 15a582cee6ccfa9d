//! Telegram's lists. The attack: a list that holds everyone, or handles that Telegram does not check, looks like a
//! guard and is none.

use std::collections::BTreeSet;

use serde_json::Value;

use super::direct::without_everyone;
use crate::checks::Check;
use crate::finding::{Finding, Fix, Place, Severity};
use crate::model::Model;
use crate::model::channels::Account;
use crate::snapshot::config::texts;

pub(super) const CHECK: Check = Check {
    ids: &[
        "channels.telegram.groups.allowFrom.missing",
        "channels.telegram.groups.allowFrom.wildcard",
        "channels.telegram.allowFrom.invalid_entries",
    ],
    run,
};

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let commands = !model.config().is_false("commands.text");
    let mut shared_groups = BTreeSet::new();
    for account in model.channels.live().filter(|account| account.channel == "telegram") {
        let groups = account.group_policy() == "open"
            || account.group_policy() == "allowlist" && account.groups().next().is_some();
        let groups = groups && commands;
        let repeats = account.shared_groups().is_some_and(|shared| !shared_groups.insert(shared));
        out.extend(invalid(account, groups, repeats));
        let own = texts(account.get(SENDERS));
        let everyone = |entry: &str| account.kind.plain(entry) == "*";
        if groups && (own.iter().any(|entry| everyone(entry)) || account.paired.iter().any(|entry| everyone(entry))) {
            out.push(wildcard(account));
        } else if groups && account.group_policy() == "open" && !has_list(account) {
            out.push(missing(account));
        }
    }
}

/// Whether anything says who may give commands in groups; a closed policy without any admits nobody.
fn has_list(account: &Account<'_>) -> bool {
    !account.group_senders().is_empty() || !account.paired.is_empty() || !group_lists(account).is_empty()
}

/// What the lists of single groups and topics hold.
fn group_lists(account: &Account<'_>) -> Vec<String> {
    let mut entries = Vec::new();
    for (_, group) in account.groups() {
        entries.extend(texts(group.get("allowFrom")));
        let topics = group.get("topics").and_then(Value::as_object);
        entries.extend(topics.into_iter().flatten().flat_map(|(_, topic)| texts(topic.get("allowFrom"))));
    }
    entries
}

fn invalid(account: &Account<'_>, groups: bool, repeats: bool) -> Option<Finding> {
    let mut entries = account.allow_from();
    if groups {
        entries.extend(account.paired.iter().map(|entry| (*entry).to_owned()));
        entries.extend(texts(account.get(SENDERS)));
    }
    if groups && !repeats {
        entries.extend(group_lists(account));
    }
    entries.retain(|entry| account.kind.is_name(entry));
    entries.sort();
    entries.dedup();
    let shown: Vec<_> = entries.iter().take(5).map(|entry| stockade_core::text::single_line(entry)).collect();
    let shown = if entries.len() > 5 { format!("{}, …", shown.join(", ")) } else { shown.join(", ") };
    (!entries.is_empty()).then(|| {
        Finding::new(
            account.check_id("allowFrom.invalid_entries"),
            Severity::Warn,
            "Telegram users are listed by handle",
        )
        .detail(format!(
            "{}: {} entries are not numeric ids ({shown}). Telegram handles can be given up and taken by others, so \
                 they match nobody.",
            account.label(),
            entries.len()
        ))
        .remedy("Replace each by the numeric id of the user.")
        .at(Place::Key(account.allow_from_key()))
    })
}

fn wildcard(account: &Account<'_>) -> Finding {
    let key = account.key(SENDERS);
    let fix = Fix::ask(format!("admit only named senders in the groups of {}", account.label()));
    let fix = without_everyone(account, &key, account.get(SENDERS), fix);
    let finding = Finding::new(
        account.check_id("groups.allowFrom.wildcard"),
        Severity::Critical,
        "Every member of a group may command the agent",
    )
    .detail(format!(
        "{}: the list of who may speak in groups, {key} or the paired senders, holds \"*\". Anyone in a group that the \
         bot is in may give commands.",
        account.label()
    ))
    .remedy("Take \"*\" out of it and name numeric ids.")
    .at(Place::Key(key));
    if fix.changes.is_empty() { finding } else { finding.fix(fix) }
}

fn missing(account: &Account<'_>) -> Finding {
    Finding::new(
        account.check_id("groups.allowFrom.missing"),
        Severity::Critical,
        "Nothing says who may command the agent in groups",
    )
    .detail(format!(
        "{}: {} is \"open\" and there is no list of senders at all, so every member of every group gives commands.",
        account.label(),
        account.group_policy_key()
    ))
    .remedy("Set groupPolicy to \"allowlist\" and groupAllowFrom to the numeric ids of those who may.")
    .at(Place::Key(account.key(SENDERS)))
    .at(Place::Key(account.group_policy_key()))
}

/// Who may speak in groups.
const SENDERS: &str = "groupAllowFrom";

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{said, snapshot};

    fn telegram(config: Value) -> Vec<String> {
        let said = said(&snapshot(json!({"channels": {"telegram": config}})), "channels.telegram.");
        said.into_iter().filter(|id| id.contains("allowFrom")).collect()
    }

    #[test]
    fn a_list_that_holds_everyone_or_nobody_is_told_from_one_that_names() {
        let missing = ["critical channels.telegram.groups.allowFrom.missing"];
        let wildcard = ["critical channels.telegram.groups.allowFrom.wildcard"];
        assert_eq!(telegram(json!({"groupPolicy": "open"})), missing);
        assert_eq!(telegram(json!({"groupPolicy": "open", "groupAllowFrom": [7, " tg:* "]})), wildcard);
        assert_eq!(telegram(json!({"groups": {"-1": {}}, "groupAllowFrom": ["*"]})), wildcard);
        assert!(telegram(json!({"groupPolicy": "open", "groupAllowFrom": [7]})).is_empty());
        // Closed and without a list, nobody is admitted; and a typical install names its owner for both.
        assert!(telegram(json!({"groups": {"*": {"requireMention": true}}, "allowFrom": [123_456]})).is_empty());
        assert!(telegram(json!({"groups": {"*": {}}})).is_empty());
    }

    #[test]
    fn a_handle_is_no_id_wherever_it_stands() {
        let invalid = ["warn channels.telegram.allowFrom.invalid_entries"];
        assert_eq!(telegram(json!({"allowFrom": ["@owner"]})), invalid);
        assert_eq!(telegram(json!({"groups": {"-1": {"topics": {"2": {"allowFrom": ["@eve"]}}}}})), invalid);
        assert!(telegram(json!({"allowFrom": ["tg:42", 42, "TELEGRAM:42"]})).is_empty());
    }
}
