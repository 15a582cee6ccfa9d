//! Closing the groups of a channel. What is closed keeps working for whom the owner chose: those already paired go on
//! the list where there is none. It never admits whom the open policy did not, and never puts `*` on a list.

use serde_json::json;
use stockade_config::KeyPath;

use crate::finding::{Change, Fix};
use crate::model::channels::{Account, Channels};

/// Closes policies of one channel, each of which stands at a `groupPolicy` key.
pub(super) fn close(channels: &Channels<'_>, channel: &str, keys: &[KeyPath]) -> Fix {
    let accounts: Vec<_> = channels.accounts.iter().filter(|account| account.channel == channel).collect();
    let mut changes = Vec::new();
    let mut speakers = Vec::new();
    for key in keys {
        changes.push(Change::Set { key: key.clone(), to: json!("allowlist") });
        let ruled: Vec<_> = accounts.iter().copied().filter(|account| policy_key(account) == *key).collect();
        if ruled.is_empty() {
            changes.extend(seed_of_group(&accounts, key, keys));
            continue;
        }
        let list = list_key(key, &ruled);
        let seed = seed(&ruled);
        if let (Some(list), false) = (list, seed.is_empty()) {
            speakers.push(format!("{}: {}, who were paired", labels(&ruled), shown(&seed)));
            changes.push(Change::Set { key: list, to: json!(seed) });
        } else {
            speakers.push(format!("{}: {}", labels(&ruled), remaining(&ruled)));
        }
    }
    let who = if speakers.is_empty() { String::new() } else { format!(". Who may still speak in groups: {}", speakers.join("; ")) };
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

/// Where the list of a policy would stand, when there is no list in force beneath it: a list of everyone is none.
fn list_key(policy: &KeyPath, ruled: &[&Account<'_>]) -> Option<KeyPath> {
    let account = ruled.first()?;
    let free = |account: &&Account<'_>| {
        let senders = account.group_senders();
        account.kind.group_senders
            && account.get("groupAllowFrom").is_none()
            && (senders.is_empty() || senders.iter().any(|entry| entry == "*"))
    };
    if !ruled.iter().all(free) {
        return None;
    }
    let own = policy.parent().filter(|scope| *scope == account.scope());
    Some(own.unwrap_or_else(|| account.root_key()).child("groupAllowFrom"))
}

/// Those paired on the accounts that a policy rules, by ids that nobody else can take.
fn seed(ruled: &[&Account<'_>]) -> Vec<String> {
    let paired = ruled.iter().flat_map(|account| account.paired.iter().map(|entry| (account.kind, account.kind.plain(entry))));
    let mut seed: Vec<String> = paired
        .filter(|(kind, entry)| !matches!(*entry, "" | "*") && !kind.is_name(entry))
        .map(|(_, entry)| entry.to_owned())
        .collect();
    seed.sort();
    seed.dedup();
    seed
}

/// A group that is open under a closed channel has its own list, if the channel's is empty and stays so.
fn seed_of_group(accounts: &[&Account<'_>], policy: &KeyPath, closed: &[KeyPath]) -> Option<Change> {
    let group = policy.parent()?;
    let above = |account: &&&Account<'_>| group.parts().starts_with(account.scope().parts());
    let account = accounts.iter().filter(above).max_by_key(|account| account.scope().parts().len())?;
    let listed = !account.group_senders().is_empty() || closed.contains(&policy_key(account));
    let direct = group.parts().iter().any(|part| part == "direct");
    if listed || direct || group == account.scope() || group == account.root_key() {
        return None;
    }
    let list = group.child(account.kind.nested_senders?);
    let seed = seed(&[account]);
    (!seed.is_empty() && !account.stands(&list)).then(|| Change::Set { key: list, to: json!(seed) })
}

/// Who is left where nobody was put on the list.
fn remaining(ruled: &[&Account<'_>]) -> String {
    let mut senders: Vec<String> = ruled.iter().flat_map(|account| account.group_senders()).collect();
    senders.sort();
    senders.dedup();
    let by_place = ruled.first().is_some_and(|account| !account.kind.group_senders);
    if by_place {
        "the members of the places that the config names".to_owned()
    } else if senders.iter().any(|entry| entry == "*") {
        "still everyone, until \"*\" is taken out of the list".to_owned()
    } else if senders.is_empty() {
        "nobody, until groupAllowFrom names them".to_owned()
    } else {
        shown(&senders)
    }
}

fn labels(ruled: &[&Account<'_>]) -> String {
    ruled.iter().map(|account| account.label()).collect::<Vec<_>>().join(", ")
}

fn shown(ids: &[String]) -> String {
    let more = ids.len().saturating_sub(SHOWN);
    let shown: Vec<_> = ids.iter().take(SHOWN).map(|id| stockade_core::text::single_line(id)).collect();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{} ({}{more})", ids.len(), shown.join(", "))
}

/// How many ids are written out.
const SHOWN: usize = 10;
