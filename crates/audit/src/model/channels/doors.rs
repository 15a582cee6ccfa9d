//! Which policies let in whom nobody chose: OpenClaw's three ways of counting, which differ in how deep they look.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use stockade_config::KeyPath;

use super::{Account, Channels, GROUPS};
use crate::snapshot::config::texts;

/// One sign that several people use an install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// Where it stands.
    pub key: KeyPath,
    /// What it is.
    pub what: String,
}

/// A way in for people whom nobody chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// What lets them in.
    pub key: KeyPath,
    /// Whether it is for direct messages; else for groups.
    pub direct: bool,
}

/// The keys of a channel or an account, and of the channel that an account inherits from.
type Scope<'s> = (KeyPath, &'s Map<String, Value>, Option<&'s Map<String, Value>>);

impl Account<'_> {
    /// Its policies that are open and its lists with `*`. Where two stand over each other, closing one of
    /// them closes nothing: each is a way.
    fn own_doors(&self) -> Vec<Door> {
        let mut doors = Vec::new();
        let star = |value: Option<&Value>| texts(value).iter().any(|entry| entry.trim() == "*");
        if self.kind.direct && self.dm_policy() != "disabled" {
            if self.dm_policy() == "open" {
                doors.push(Door { key: self.dm_policy_key(), direct: true });
            }
            if star(self.find_allow_from()) {
                doors.push(Door { key: self.allow_from_key(), direct: true });
            }
        }
        let policy = self.group_policy();
        if policy == "open" {
            doors.push(Door { key: self.group_policy_key(), direct: false });
        }
        if matches!(policy, "open" | "allowlist") && star(self.get("groupAllowFrom")) {
            doors.push(Door { key: self.key("groupAllowFrom"), direct: false });
        }
        doors
    }

    fn doors_of_groups(&self) -> Vec<Door> {
        let mut nested = Vec::new();
        self.groups().for_each(|(key, group)| walk(group, key, &["groupPolicy"], &mut nested));
        nested.into_iter().map(|key| Door { key, direct: false }).collect()
    }
}

impl<'s> Channels<'s> {
    /// The accounts that are on, each with every way in for strangers: open policies, of single groups too, and lists
    /// with `*`. Groups that many accounts have in common are gone through once.
    #[must_use]
    pub fn doors(&self) -> Vec<(&Account<'s>, Vec<Door>)> {
        let mut shared: BTreeMap<(&str, &str), Vec<Door>> = BTreeMap::new();
        let with_doors = |account: &'_ Account<'s>| {
            let mut doors = account.own_doors();
            doors.extend(match account.shared_groups() {
                Some(common) => shared.entry(common).or_insert_with(|| account.doors_of_groups()).clone(),
                None => account.doors_of_groups(),
            });
            doors
        };
        self.live().zip(self.live().map(with_doors)).collect()
    }

    /// Every open policy, of groups and of direct messages, however deep it stands.
    #[must_use]
    pub fn open_surfaces(&self) -> Vec<KeyPath> {
        let mut found = Vec::new();
        for (name, section) in self.value.into_iter().flatten() {
            walk(section, KeyPath::dotted("channels").child(name.as_str()), &["groupPolicy", "dmPolicy"], &mut found);
        }
        found
    }

    /// Every open policy of groups, however deep it stands.
    #[must_use]
    pub fn open_group_policies(&self) -> Vec<KeyPath> {
        let mut found = Vec::new();
        for (name, section) in self.value.into_iter().flatten() {
            walk(section, KeyPath::dotted("channels").child(name.as_str()), &["groupPolicy"], &mut found);
        }
        found
    }

    /// The open policies of channels and their accounts; those of single groups are not among them.
    #[must_use]
    pub fn open_inbound(&self) -> Vec<KeyPath> {
        self.scopes().into_iter().flat_map(|(key, own, _)| open_at(&key, own)).collect()
    }

    /// The signs that several people use this install.
    #[must_use]
    pub fn multi_user(&self) -> Vec<Signal> {
        let mut found: Vec<Signal> = Vec::new();
        let mut seen = BTreeSet::new();
        for (key, own, root) in self.scopes() {
            for signal in signals(&key, own, root) {
                if seen.insert((signal.key.clone(), signal.what.clone())) {
                    found.push(signal);
                }
            }
        }
        found
    }

    /// Every channel, `defaults` among them, and every account, each with the channel that it inherits from.
    fn scopes(&self) -> Vec<Scope<'_>> {
        let mut scopes = Vec::new();
        for (name, section) in self.value.into_iter().flatten() {
            let Some(root) = section.as_object() else { continue };
            let key = KeyPath::dotted("channels").child(name.as_str());
            scopes.push((key.clone(), root, None));
            let accounts = root.get("accounts").and_then(Value::as_object);
            for (id, account) in accounts.into_iter().flatten() {
                if let Some(own) = account.as_object() {
                    scopes.push((key.child("accounts").child(id.as_str()), own, Some(root)));
                }
            }
        }
        scopes
    }
}

fn walk(value: &Value, key: KeyPath, fields: &[&str], found: &mut Vec<KeyPath>) {
    let Some(object) = value.as_object() else { return };
    let open = |field: &&&str| object.get(**field).and_then(Value::as_str) == Some("open");
    found.extend(fields.iter().filter(open).map(|field| key.child(*field)));
    for (name, below) in object {
        walk(below, key.child(name.as_str()), fields, found);
    }
}

fn open_at(key: &KeyPath, own: &Map<String, Value>) -> Vec<KeyPath> {
    let mut found = Vec::new();
    let word = |value: Option<&Value>| value.and_then(Value::as_str) == Some("open");
    if word(own.get("groupPolicy")) {
        found.push(key.child("groupPolicy"));
    }
    match own.get("dmPolicy").filter(|policy| !policy.is_null()) {
        Some(policy) if word(Some(policy)) => found.push(key.child("dmPolicy")),
        None if word(own.get("dm").and_then(|dm| dm.get("policy"))) => found.push(key.child("dm").child("policy")),
        _ => {}
    }
    found
}

fn signals(scope: &KeyPath, own: &Map<String, Value>, root: Option<&Map<String, Value>>) -> Vec<Signal> {
    let get = |field: &str| own.get(field).or_else(|| root?.get(field));
    let mut found = Vec::new();
    let mut say = |path: &[&str], what: &str| {
        let key = path.iter().fold(scope.clone(), |key, part| key.child(*part));
        found.push(Signal { key, what: what.to_owned() });
    };
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let everyone = |value: Option<&Value>| {
        value.and_then(Value::as_array).into_iter().flatten().any(|entry| entry.as_str().map(str::trim) == Some("*"))
    };
    let targets = GROUPS
        .iter()
        .filter(|field| **field != "teams")
        .any(|field| get(field).and_then(Value::as_object).is_some_and(|groups| !groups.is_empty()));
    // OpenClaw fills the default in before it looks.
    match get("groupPolicy").map_or(Some("allowlist"), Value::as_str) {
        Some("open") => say(&["groupPolicy"], "groups are open"),
        Some("allowlist") if targets => say(&["groupPolicy"], "groups are named that may write"),
        _ => {}
    }
    if text(get("dmPolicy")).as_deref() == Some("open") {
        say(&["dmPolicy"], "direct messages are open");
    }
    for field in ["allowFrom", "groupAllowFrom"] {
        if everyone(get(field)) {
            say(&[field], "the list admits everyone: `*`");
        }
    }
    let dm = |field: &str| get("dm").and_then(|dm| dm.get(field));
    if text(dm("policy")).as_deref() == Some("open") {
        say(&["dm", "policy"], "direct messages are open");
    }
    if everyone(dm("allowFrom")) {
        say(&["dm", "allowFrom"], "the list admits everyone: `*`");
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::snapshot;

    fn paths(found: &[KeyPath]) -> Vec<String> {
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_open_topic_of_an_account_is_a_surface_but_not_an_inbound_policy() {
        let found = snapshot(json!({"channels": {
            "defaults": {"groupPolicy": "open"},
            "telegram": {"dm": {"policy": "open"}, "accounts": {"a": {"groups": {"-100": {"topics": {"5": {"groupPolicy": "open"}}}}}}},
        }}));
        let channels = Channels::of(&found);
        assert_eq!(
            paths(&channels.open_surfaces()),
            ["channels.defaults.groupPolicy", "channels.telegram.accounts.a.groups.-100.topics.5.groupPolicy",]
        );
        assert_eq!(paths(&channels.open_inbound()), ["channels.defaults.groupPolicy", "channels.telegram.dm.policy"]);
    }

    #[test]
    fn another_spelling_of_open_is_not_open() {
        let found =
            snapshot(json!({"channels": {"telegram": {"groupPolicy": "OPEN", "dmPolicy": " open", "x": ["open"]}}}));
        let channels = Channels::of(&found);
        assert!(channels.open_surfaces().is_empty() && channels.open_inbound().is_empty());
        assert!(channels.multi_user().is_empty());
    }

    #[test]
    fn an_account_repeats_the_signals_that_it_inherits() {
        let found = snapshot(json!({"channels": {"whatsapp": {
            "groupPolicy": "open", "dmPolicy": "open", "allowFrom": [" * "], "accounts": {"biz": {"groupPolicy": "open"}},
        }}}));
        let said: Vec<_> = Channels::of(&found).multi_user().iter().map(|signal| signal.key.to_string()).collect();
        let scope = |scope: &str| {
            ["groupPolicy", "dmPolicy", "allowFrom"].map(|field| format!("channels.whatsapp.{scope}{field}"))
        };
        assert_eq!(said, [scope(""), scope("accounts.biz.")].concat());
    }
}
