//! Groups in which the agent hears everything. The attack: in a room of strangers, text that addresses nobody, a pasted
//! log or a quote, gives it orders.

use std::collections::BTreeSet;

use serde_json::Value;
use stockade_config::KeyPath;

use crate::checks::Check;
use crate::finding::{Change, Finding, Fix, Place, Severity};
use crate::model::Model;
use crate::model::channels::Account;

pub(super) const CHECK: Check = Check { ids: &["channels.no_mention_required"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let (mut seen, mut shared_groups) = (BTreeSet::new(), BTreeSet::new());
    for account in model.channels.live() {
        let repeats = account.shared_groups().is_some_and(|shared| !shared_groups.insert(shared));
        let mut keys = unmentioned(account, repeats);
        keys.retain(|key| seen.insert(key.clone()));
        if !keys.is_empty() {
            out.push(finding(account, &keys));
        }
    }
}

/// Where an open group does without a mention; groups that another account was asked about are left out.
fn unmentioned(account: &Account<'_>, repeats: bool) -> Vec<KeyPath> {
    let open = account.group_policy() == "open";
    let mut keys = Vec::new();
    if open && account.get(FIELD) == Some(&Value::Bool(false)) {
        keys.push(account.key(FIELD));
    }
    for (key, group) in account.groups().take(if repeats { 0 } else { usize::MAX }) {
        walk(group, key, open, &mut keys);
    }
    keys
}

fn walk(value: &Value, key: KeyPath, open: bool, keys: &mut Vec<KeyPath>) {
    let Some(fields) = value.as_object() else { return };
    let open = fields.get("groupPolicy").and_then(Value::as_str).map_or(open, |policy| policy == "open");
    if open && fields.get(FIELD) == Some(&Value::Bool(false)) {
        keys.push(key.child(FIELD));
    }
    for (name, below) in fields {
        walk(below, key.child(name.as_str()), open, keys);
    }
}

fn finding(account: &Account<'_>, keys: &[KeyPath]) -> Finding {
    let shown: Vec<_> = keys.iter().take(5).map(ToString::to_string).collect();
    let fix = Fix::ask(format!("have {} answer in open groups only when it is mentioned", account.label()));
    let fix = keys.iter().fold(fix, |fix, key| fix.change(Change::Set { key: key.clone(), to: Value::Bool(true) }));
    let finding = Finding::new(
        "channels.no_mention_required",
        Severity::Warn,
        "The agent acts on everything said in an open group",
    )
    .detail(format!(
        "{}: {} is false where everyone may speak. No one has to address the agent: whatever is said or pasted \
             there is an order.",
        account.label(),
        shown.join(", ")
    ))
    .remedy("Set it to true, or close the group.")
    .fix(fix);
    keys.iter().fold(finding, |finding, key| finding.at(Place::Key(key.clone())))
}

const FIELD: &str = "requireMention";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{findings, snapshot};

    #[test]
    fn only_where_strangers_speak() {
        for (config, places) in [
            (json!({"groupPolicy": "open", "groups": {"*": {"requireMention": false}}}), 1),
            (json!({"groupPolicy": "open", "requireMention": false, "accounts": {"a": {}, "b": {}}}), 1),
            (json!({"groups": {"-1": {"groupPolicy": "open", "topics": {"5": {"requireMention": false}}}}}), 1),
            (json!({"groups": {"*": {"requireMention": false}}}), 0),
            (json!({"groupPolicy": "open", "groups": {"*": {"requireMention": "false"}}}), 0),
            (
                json!({"groupPolicy": "open", "groups": {"-1": {"groupPolicy": "allowlist", "requireMention": false}}}),
                0,
            ),
        ] {
            let found = snapshot(json!({"channels": {"telegram": config.clone()}}));
            let places_found: usize =
                findings(&found, "channels.no_mention").iter().map(|finding| finding.places.len()).sum();
            assert_eq!(places_found, places, "{config}");
        }
    }
}
