//! Closing the groups of a channel. What is closed keeps working for whom the owner chose: those already paired go on
//! the list where there is none, and those on `allowFrom` where a channel does not count that in groups. It never admits whom the open policy did not, and never puts `*` on a list.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use stockade_config::KeyPath;
use stockade_core::text::single_line;

use crate::finding::{Change, Fix};
use crate::model::channels::{Account, Channels};

/// Closes policies of one channel, each of which stands at a `groupPolicy` key.
pub(super) fn close(channels: &Channels<'_>, channel: &str, keys: &[KeyPath]) -> Fix {
    let accounts: Vec<_> = channels.accounts.iter().filter(|account| account.channel == channel).collect();
    let closed: BTreeSet<_> = keys.iter().collect();
    let ruled: Vec<_> = accounts.iter().copied().filter(|account| closed.contains(&policy_key(account))).collect();
    let ids: BTreeSet<_> = ruled.iter().map(|account| account.id).collect();
    let by_id: BTreeMap<_, _> = accounts.iter().map(|account| (account.id, *account)).collect();
    let mut changes: Vec<_> = keys.iter().map(|key| Change::Set { key: key.clone(), to: json!("allowlist") }).collect();
    let mut speakers = Vec::new();
    for account in &ruled {
        let who = if takes_seed(account, &accounts, &ids) {
            let seed = seed(account);
            let known = if account.kind.falls_back { "were paired" } else { "were paired or may write directly" };
            let who = format!("{}, who {known}", shown(&seed));
            changes.push(Change::Set { key: account.scope().child(LIST), to: json!(seed) });
            who
        } else {
            remaining(account)
        };
        speakers.push(format!("{}: {who}{}", account.label(), places(account)));
    }
    changes.extend(keys.iter().filter_map(|key| seed_of_group(&by_id, key, &closed)));
    let who = if speakers.is_empty() {
        String::new()
    } else {
        format!(". Who may still speak in groups: {}", speakers.join("; "))
    };
    let channel = single_line(channel);
    let mut fix = Fix::safe(format!("close the groups of {channel} ({} keys to \"allowlist\"){who}", keys.len()));
    fix.changes = changes;
    fix
}

/// The key that closes an account: its own or its channel's. What it only inherits from `channels.defaults` is closed
/// at the channel, so that it stays closed whatever the defaults say later.
pub(super) fn policy_key(account: &Account<'_>) -> KeyPath {
    let key = account.group_policy_key();
    let inherited = key.parts().get(1).is_some_and(|part| part == "defaults");
    if inherited { account.root_key().child("groupPolicy") } else { key }
}

/// Whether an account has no list in force: a list of everyone is none.
fn unlisted(account: &Account<'_>) -> bool {
    let senders = account.group_senders();
    let none = senders.is_empty() || senders.iter().any(|entry| entry == "*");
    account.kind.group_senders && account.get(LIST).is_none() && none
}

/// Whether those paired on an account go on a list of its own. The channel's list is not made when an account would
/// inherit it that gets none here: it may be closed to everyone now.
fn takes_seed(account: &Account<'_>, all: &[&Account<'_>], ruled: &BTreeSet<&str>) -> bool {
    let listed = |other: &Account<'_>| {
        let seeded = other.explicit && ruled.contains(other.id) && unlisted(other) && !seed(other).is_empty();
        other.id == account.id || seeded || other.stands(&other.scope().child(LIST))
    };
    unlisted(account) && !seed(account).is_empty() && (account.explicit || all.iter().all(|other| listed(other)))
}

/// Those paired on an account, by ids that nobody else can take, and those whom only its list of groups would forget.
fn seed(account: &Account<'_>) -> Vec<String> {
    let direct = if account.kind.falls_back { Vec::new() } else { account.allow_from() };
    let known = account.paired.iter().copied().chain(direct.iter().map(String::as_str));
    let plain = known.map(|entry| account.kind.plain(entry));
    let mut seed: Vec<String> =
        plain.filter(|entry| !matches!(*entry, "" | "*") && !account.kind.is_name(entry)).map(str::to_owned).collect();
    seed.sort();
    seed.dedup();
    seed
}

/// A group that is open under a closed channel has its own list, if the channel's is empty and stays so.
fn seed_of_group(
    accounts: &BTreeMap<&str, &Account<'_>>,
    policy: &KeyPath,
    closed: &BTreeSet<&KeyPath>,
) -> Option<Change> {
    let group = policy.parent()?;
    let id = match policy.parts() {
        [_, _, accounts, id, ..] if accounts == "accounts" => id,
        _ => "default",
    };
    let account = accounts.get(id).filter(|account| group.parts().starts_with(account.scope().parts()))?;
    let listed = !account.group_senders().is_empty() || closed.contains(&policy_key(account));
    let direct = group.parts().iter().any(|part| part == "direct");
    if listed || direct || group == account.scope() || group == account.root_key() {
        return None;
    }
    // Its topics would inherit the list, and one of them may be closed to everyone now.
    if account.stands(&group.child("topics")) {
        return None;
    }
    let list = group.child(account.kind.nested_senders?);
    let seed = seed(account);
    (!seed.is_empty() && !account.stands(&list)).then(|| Change::Set { key: list, to: json!(seed) })
}

/// Who is left where nobody was put on the list.
fn remaining(account: &Account<'_>) -> String {
    let senders = account.group_senders();
    if !account.kind.group_senders {
        "whom the config names for single places".to_owned()
    } else if senders.iter().any(|entry| entry == "*") {
        "still everyone, until \"*\" is taken out of the list".to_owned()
    } else if senders.is_empty() && account.kind.empty_admits {
        format!("every member, until {LIST} names people")
    } else if senders.is_empty() {
        format!("nobody, until {LIST} names them")
    } else {
        shown(&senders)
    }
}

/// Where they may: some channels answer only in groups that the config names once the policy is closed.
fn places(account: &Account<'_>) -> &'static str {
    match (account.kind.named_groups, account.groups().next().is_some()) {
        (false, _) => "",
        (true, true) => ", in the groups that the config names",
        (true, false) => ", in groups that the config names; it names none, so no group is answered until it does",
    }
}

fn shown(ids: &[String]) -> String {
    let more = ids.len().saturating_sub(SHOWN);
    let shown: Vec<_> = ids.iter().take(SHOWN).map(|id| single_line(id)).collect();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{} ({}{more})", ids.len(), shown.join(", "))
}

/// Who may speak in groups.
const LIST: &str = "groupAllowFrom";
/// How many ids are written out.
const SHOWN: usize = 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::model::Model;
    use crate::snapshot::{Paired, Snapshot};
    use crate::testing::snapshot;

    /// Who may speak in the groups of each account that is on; `*` is everyone.
    fn speakers(found: &Snapshot) -> BTreeMap<String, BTreeSet<String>> {
        let model = Model::of(found);
        let who = |account: &Account<'_>| match account.group_policy() {
            "open" => BTreeSet::from(["*".to_owned()]),
            "allowlist" => account.group_senders().into_iter().collect(),
            _ => BTreeSet::new(),
        };
        model.channels.live().map(|account| (format!("{}/{}", account.channel, account.id), who(account))).collect()
    }

    /// What closing one channel does and says, with somebody paired.
    fn closed(channel: &str, section: Value, entries: &[&str]) -> Fix {
        let mut found = snapshot(json!({"channels": {channel: section}}));
        let entries = entries.iter().map(|entry| (*entry).to_owned()).collect();
        found.paired = vec![Paired { channel: channel.into(), entries, ..Paired::default() }];
        let findings = crate::testing::findings(&found, "channels.");
        findings
            .into_iter()
            .find(|finding| finding.check_id.ends_with("groups.open"))
            .and_then(|finding| finding.fix)
            .expect("a fix")
    }

    #[test]
    fn where_allow_from_does_not_count_in_groups_those_on_it_go_on_the_list() {
        let open = || json!({"groupPolicy": "open", "allowFrom": ["U1", "*"]});
        let list = Change::Set { key: KeyPath::dotted("channels.line.groupAllowFrom"), to: json!(["U1", "U2"]) };
        let line = closed("line", open(), &["U2"]);
        assert!(line.changes.contains(&list), "{line:?}");
        assert!(line.what.contains("2 (U1, U2), who were paired or may write directly"), "{}", line.what);
        // Here it counts, so the list of the owner stays as it is.
        let signal = closed("signal", json!({"groupPolicy": "open", "allowFrom": ["U1"]}), &["U2"]);
        assert!(signal.changes.len() == 1 && signal.what.ends_with("Signal: 1 (U1)"), "{signal:?}");
    }

    #[test]
    fn who_is_left_is_said_as_the_channel_takes_it() {
        let nobody = closed("line", json!({"groupPolicy": "open"}), &[]);
        assert!(nobody.what.ends_with("LINE: nobody, until groupAllowFrom names them"), "{}", nobody.what);
        let zalo = closed("zalouser", json!({"groupPolicy": "open", "groups": {"5": {}}}), &[]);
        assert!(zalo.what.contains("every member, until groupAllowFrom names people"), "{}", zalo.what);
        let irc = closed("irc", json!({"groupPolicy": "open"}), &["bob!b@host"]);
        assert!(irc.what.contains("it names none, so no group is answered"), "{}", irc.what);
    }

    #[test]
    fn what_is_open_where_nobody_said_so_is_closed() {
        let key = KeyPath::dotted("channels.zalo.groupPolicy");
        let zalo = closed("zalo", json!({"botToken": "1:a"}), &["7"]);
        assert!(zalo.changes.contains(&Change::Set { key, to: json!("allowlist") }), "{zalo:?}");
    }

    fn apply(value: &mut Value, changes: &[Change]) {
        for change in changes {
            let Change::Set { key, to } = change else { panic!("{change:?}") };
            let mut at = &mut *value;
            for part in key.parts() {
                at = &mut at[part.as_str()];
            }
            *at = to.clone();
        }
    }

    fn scope() -> impl Strategy<Value = Value> {
        let policy = proptest::option::of(proptest::sample::select(&["open", "allowlist", "disabled"][..]));
        let list = || proptest::option::of(proptest::sample::subsequence(vec!["7", "8", "*"], 0..3));
        (policy, list(), list()).prop_map(|(policy, allow, group)| {
            let mut scope = json!({});
            for (key, value) in [
                ("groupPolicy", policy.map(Value::from)),
                ("allowFrom", allow.map(Value::from)),
                ("groupAllowFrom", group.map(Value::from)),
            ] {
                if let Some(value) = value {
                    scope[key] = value;
                }
            }
            scope
        })
    }

    proptest! {
        #[test]
        fn closing_admits_nobody_who_was_not_admitted_before(
            root in scope(), accounts in proptest::collection::vec(scope(), 0..3), token in any::<bool>(),
            defaults in proptest::sample::select(&["open", "allowlist"][..]),
            paired in proptest::sample::subsequence(vec!["1", "2", "*"], 0..3),
        ) {
            let mut channel = root;
            if token { channel["botToken"] = json!("1:a"); }
            for (index, account) in accounts.into_iter().enumerate() { channel["accounts"][format!("a{index}")] = account; }
            let mut found = snapshot(json!({"channels": {"defaults": {"groupPolicy": defaults}, "telegram": channel}}));
            found.paired = vec![Paired { channel: "telegram".into(), entries: paired.into_iter().map(str::to_owned).collect(), ..Paired::default() }];
            let before = speakers(&found);
            let fixes = crate::testing::findings(&found, "channels.").into_iter().filter_map(|finding| finding.fix);
            let safe: Vec<_> = fixes.filter(|fix| fix.safety == crate::Safety::Safe).flat_map(|fix| fix.changes).collect();
            apply(&mut found.config.value, &safe);
            for (account, after) in speakers(&found) {
                let before = &before[&account];
                prop_assert!(before.contains("*") || after.is_subset(before), "{}: {:?} -> {:?}", account, before, after);
            }
            let model = Model::of(&found);
            prop_assert!(model.channels.open_group_policies().is_empty());
            prop_assert!(model.channels.live().all(|account| account.group_policy() != "open"));
        }
    }
}
