//! Groups: who may speak to the agent in them. The attack: someone adds the bot to a room of strangers, or joins one
//! that it is in, and every member gives the agent orders.

use std::collections::BTreeSet;

use stockade_config::KeyPath;

use super::closing::{close, policy_key};
use crate::checks::Check;
use crate::finding::{Finding, Fix, Place, Severity};
use crate::model::Model;
use crate::model::channels::Account;

pub(super) const CHECK: Check = Check {
    ids: &[
        "channels.<channel>.groups.open",
        "channels.nested_open_group",
        "channels.open_while_off",
        "channels.defaults_open",
    ],
    run,
};

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let channels = &model.channels;
    let written = channels.open_group_policies();
    for channel in channels.names() {
        let of_channel = |key: &&KeyPath| key.parts().get(1).is_some_and(|part| part == channel);
        let mut keys: Vec<_> = written.iter().filter(of_channel).cloned().collect();
        let live: Vec<_> = channels.live().filter(|account| account.channel == channel).collect();
        let open: Vec<_> = live.iter().copied().filter(|account| account.group_policy() == "open").collect();
        let mut known: BTreeSet<_> = keys.iter().cloned().collect();
        let inherited = open.iter().map(|account| policy_key(account)).filter(|key| known.insert(key.clone()));
        keys.extend(inherited);
        let (nested, own): (Vec<_>, Vec<_>) = keys.iter().cloned().partition(is_nested);
        let finding = match (open.first(), live.is_empty()) {
            (Some(first), _) => Some(groups_open(first, &open, &keys)),
            (None, false) if !nested.is_empty() => Some(nested_open(&keys, &nested)),
            _ if !own.is_empty() || !nested.is_empty() => Some(open_while_off(&keys)),
            _ => None,
        };
        out.extend(finding.map(|finding| finding.fix(close(channels, channel, &keys))));
    }
    let defaults = KeyPath::dotted("channels.defaults.groupPolicy");
    if written.contains(&defaults) {
        out.push(defaults_open(&defaults));
    }
}

/// Whether a policy is that of one group, and not of a channel or an account.
fn is_nested(key: &KeyPath) -> bool {
    match key.parts() {
        [_, _, _] => false,
        [_, _, accounts, _, _] => accounts != "accounts",
        _ => true,
    }
}

fn groups_open(first: &Account<'_>, open: &[&Account<'_>], keys: &[KeyPath]) -> Finding {
    let labels: Vec<_> = open.iter().map(|account| account.label()).collect();
    let named = open.iter().any(|account| account.groups().next().is_some());
    let scope = if named {
        "in the groups that it is in, named or not, every member may give the agent orders"
    } else {
        "no group is named, so whoever adds the bot to a group may give the agent orders there"
    };
    let finding = Finding::new(first.check_id("groups.open"), Severity::Warn, "Every group may use the agent");
    let finding = finding.detail(format!("{}: {}; {scope}.", labels.join(", "), equal_open(keys))).remedy(
        "Set each of these to \"allowlist\" and name who may speak: groupAllowFrom, or the guilds and channels.",
    );
    at_all(finding, keys)
}

fn nested_open(keys: &[KeyPath], nested: &[KeyPath]) -> Finding {
    let finding = Finding::new("channels.nested_open_group", Severity::Warn, "A group is open under a closed channel")
        .detail(format!(
            "{}. The channel looks closed, but every member of that group or topic may give the agent orders.",
            equal_open(nested)
        ))
        .remedy("Set it to \"allowlist\" and name who may speak there.");
    at_all(finding, keys)
}

fn open_while_off(keys: &[KeyPath]) -> Finding {
    let finding =
        Finding::new("channels.open_while_off", Severity::Info, "What is turned off would be open if turned on")
            .detail(format!("{}. It has no effect now, and takes effect with `enabled: true`.", equal_open(keys)))
            .remedy("Set it to \"allowlist\" before the channel or account is turned on again.");
    at_all(finding, keys)
}

fn defaults_open(key: &KeyPath) -> Finding {
    Finding::new("channels.defaults_open", Severity::Warn, "Channels are open unless they say otherwise")
        .detail(format!(
            "{key} is \"open\": every channel without a groupPolicy of its own, now or later, lets every group in."
        ))
        .remedy(format!("Set {key} to \"allowlist\"."))
        .at(Place::Key(key.clone()))
        .fix(
            Fix::safe("close the groups of every channel that does not say otherwise")
                .set("channels.defaults.groupPolicy", "allowlist"),
        )
}

fn equal_open(keys: &[KeyPath]) -> String {
    let shown: Vec<_> = keys.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = keys.len().saturating_sub(SHOWN);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}: \"open\"", shown.join(", "))
}

fn at_all(finding: Finding, keys: &[KeyPath]) -> Finding {
    keys.iter().fold(finding, |finding, key| finding.at(Place::Key(key.clone())))
}

/// How many keys are written out.
const SHOWN: usize = 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::finding::{Change, Safety};
    use crate::snapshot::Paired;
    use crate::testing::{findings, said, snapshot};

    fn paired(channel: &str, account: Option<&str>, entries: &[&str]) -> Paired {
        Paired {
            channel: channel.into(),
            account: account.map(str::to_owned),
            entries: entries.iter().map(|entry| (*entry).to_owned()).collect(),
            path: String::new(),
        }
    }

    /// What the fixes of all findings about groups set.
    fn sets(found: &crate::Snapshot) -> Vec<(String, Value)> {
        let fixes = findings(found, "channels.").into_iter().filter_map(|finding| finding.fix);
        let safe = fixes.filter(|fix| fix.safety == Safety::Safe);
        let mut sets: Vec<_> = safe
            .flat_map(|fix| fix.changes)
            .filter_map(|change| match change {
                Change::Set { key, to } => Some((key.to_string(), to)),
                _ => None,
            })
            .collect();
        sets.sort_by(|a, b| a.0.cmp(&b.0));
        sets
    }

    #[test]
    fn one_finding_a_channel_closes_everything_that_is_open_in_it() {
        let found = snapshot(json!({"channels": {
            "telegram": {"botToken": "1:a", "groupPolicy": "open", "groups": {"-100": {"groupPolicy": "open"}}},
            "discord": {"groupPolicy": "open", "token": "t", "accounts": {"second": {"token": "x", "groupPolicy": "open"}}},
            "whatsapp": {"groupPolicy": "open", "accounts": {"biz": {"groupPolicy": "open"}}},
        }}));
        let said: Vec<_> = said(&found, "channels.").into_iter().filter(|id| id.contains("open")).collect();
        assert_eq!(
            said,
            [
                "warn channels.discord.groups.open",
                "warn channels.telegram.groups.open",
                "warn channels.whatsapp.groups.open"
            ]
        );
        let closed: Vec<_> =
            sets(&found).into_iter().map(|(key, to)| format!("{key}={}", to.as_str().unwrap_or("?"))).collect();
        assert_eq!(
            closed,
            [
                "channels.discord.accounts.second.groupPolicy=allowlist",
                "channels.discord.groupPolicy=allowlist",
                "channels.telegram.groupPolicy=allowlist",
                "channels.telegram.groups.-100.groupPolicy=allowlist",
                "channels.whatsapp.accounts.biz.groupPolicy=allowlist",
                "channels.whatsapp.groupPolicy=allowlist",
            ]
        );
    }

    #[test]
    fn closing_keeps_those_who_were_paired_and_no_one_else() {
        let mut found = snapshot(json!({"channels": {"telegram": {
            "groupPolicy": "open", "botToken": "1:a", "accounts": {"work": {"groupPolicy": "open"}},
        }}}));
        found.paired = vec![
            paired("telegram", Some("work"), &["42", "*", "tg:43", "@name", " "]),
            paired("telegram", Some("default"), &["7"]),
            paired("signal", None, &["666"]),
        ];
        assert_eq!(
            sets(&found),
            [
                ("channels.telegram.accounts.work.groupAllowFrom".to_owned(), json!(["42", "43"])),
                ("channels.telegram.accounts.work.groupPolicy".to_owned(), json!("allowlist")),
                ("channels.telegram.groupAllowFrom".to_owned(), json!(["7"])),
                ("channels.telegram.groupPolicy".to_owned(), json!("allowlist")),
            ]
        );
        let open = findings(&found, "channels.telegram.groups.open");
        let what = &open.first().and_then(|finding| finding.fix.as_ref()).expect("fix").what;
        assert!(what.contains("42, 43") && what.contains('7'), "{what}");
    }

    #[test]
    fn a_list_of_the_owner_is_kept_and_a_list_of_everyone_is_none() {
        for (list, expected) in
            [(json!([5]), None), (json!(["*"]), Some(json!(["+1555"]))), (json!([]), Some(json!(["+1555"])))]
        {
            let mut found = snapshot(json!({"channels": {"whatsapp": {"groupPolicy": "open", "allowFrom": list}}}));
            found.paired = vec![paired("whatsapp", None, &["+1555"])];
            let list = sets(&found).into_iter().find(|(key, _)| key.ends_with("groupAllowFrom")).map(|(_, to)| to);
            assert_eq!(list, expected);
        }
    }

    #[test]
    fn a_channel_that_takes_no_list_gets_none() {
        let mut found = snapshot(
            json!({"channels": {"discord": {"groupPolicy": "open"}, "no-one.knows": {"groupPolicy": "open"}}}),
        );
        found.paired = vec![paired("discord", None, &["1"]), paired("no-one.knows", None, &["1"])];
        assert!(sets(&found).iter().all(|(key, _)| key.ends_with("groupPolicy")), "{:?}", sets(&found));
    }

    #[test]
    fn a_topic_that_is_open_under_a_closed_root_is_found_and_closed() {
        let mut found = snapshot(json!({"channels": {"telegram": {"groupPolicy": "allowlist", "accounts": {"a.b": {
            "groups": {"-100": {"topics": {"5": {"groupPolicy": "open"}}}, "-200": {"groupPolicy": "allowlist"}},
        }}}}}));
        found.paired = vec![paired("telegram", None, &["9"])];
        assert_eq!(said(&found, "channels.nested"), ["warn channels.nested_open_group"]);
        let fix = findings(&found, "channels.nested").first().and_then(|finding| finding.fix.clone()).expect("fix");
        let scope: KeyPath =
            ["channels", "telegram", "accounts", "a.b", "groups", "-100", "topics", "5"].into_iter().collect();
        assert_eq!(
            fix.changes,
            [
                Change::Set { key: scope.child("groupPolicy"), to: json!("allowlist") },
                Change::Set { key: scope.child("allowFrom"), to: json!(["9"]) },
            ]
        );
    }

    #[test]
    fn what_is_off_and_what_is_inherited_is_found_too() {
        let off = snapshot(json!({"channels": {"signal": {"enabled": false, "groupPolicy": "open"}}}));
        assert_eq!(said(&off, "channels."), ["info channels.open_while_off"]);
        let inherited = snapshot(json!({"channels": {"defaults": {"groupPolicy": "open"}, "irc": {}}}));
        let groups: Vec<_> = said(&inherited, "channels.").into_iter().filter(|id| id.contains("open")).collect();
        assert_eq!(groups, ["warn channels.defaults_open", "warn channels.irc.groups.open"]);
        assert_eq!(sets(&inherited).first().map(|(key, _)| key.as_str()), Some("channels.defaults.groupPolicy"));
    }

    proptest! {
        #[test]
        fn every_open_policy_anywhere_is_closed_once(opens in proptest::collection::vec(
            (proptest::sample::select(&["telegram", "discord", "evil.one", "defaults"][..]),
             proptest::collection::vec(proptest::sample::select(&["accounts", "a", "groups", "-1", "topics", "x.y"][..]), 0..5)), 0..6)) {
            let mut config = json!({});
            for (channel, path) in &opens {
                let mut at = &mut config["channels"][*channel];
                for part in path { at = &mut at[*part]; }
                at["groupPolicy"] = json!("open");
            }
            let found = snapshot(config);
            let written: BTreeSet<String> = crate::Model::of(&found).channels.open_group_policies().iter().map(ToString::to_string).collect();
            let sets: Vec<_> = sets(&found).into_iter().map(|(key, _)| key).collect();
            let closed: BTreeSet<String> = sets.iter().cloned().collect();
            prop_assert_eq!(closed.len(), sets.len());
            // Under `defaults` only the policy itself means anything.
            let missing: Vec<_> = written.difference(&closed).filter(|key| !key.starts_with("channels.defaults.")).collect();
            prop_assert!(missing.is_empty(), "{:?}", missing);
        }
    }
}
