//! Who may write to an agent: every account of every channel, with the policies that are in force on it and the key
//! where each stands. Words are compared exactly, as OpenClaw does: it refuses a config with `"Open"` in it.

pub mod doors;
pub mod kind;

use serde_json::{Map, Value};
use stockade_config::KeyPath;
use stockade_core::text::{clip, single_line};

use crate::snapshot::config::texts;
use crate::snapshot::{Paired, Snapshot};
pub use doors::{Door, Signal};
pub use kind::{Kind, kind};

/// The channels of an install.
#[derive(Debug, Default)]
pub struct Channels<'s> {
    /// Every account of every channel, those that are off among them, in the order of the config.
    pub accounts: Vec<Account<'s>>,
    value: Option<&'s Map<String, Value>>,
}

/// One account of a channel: its own keys over those of the channel.
#[derive(Debug)]
pub struct Account<'s> {
    /// The channel's name in the config.
    pub channel: &'s str,
    /// What is known of the channel.
    pub kind: &'static Kind,
    /// The account's name.
    pub id: &'s str,
    /// Whether the account stands under `accounts`.
    pub explicit: bool,
    /// Whether the channel has another account beside this.
    pub one_of_several: bool,
    /// Who was paired on it.
    pub paired: Vec<&'s str>,
    root: &'s Map<String, Value>,
    own: Option<&'s Map<String, Value>>,
    default_group_policy: Option<&'s str>,
}

impl<'s> Channels<'s> {
    /// Derives them.
    #[must_use]
    pub fn of(snapshot: &'s Snapshot) -> Self {
        let value = snapshot.config.get("channels").and_then(Value::as_object);
        let default_group_policy =
            value.and_then(|value| value.get("defaults")?.get("groupPolicy")).and_then(Value::as_str);
        let sections = value.into_iter().flatten().filter(|(name, _)| *name != "defaults");
        let accounts = sections
            .filter_map(|(name, section)| Some((name, section.as_object()?)))
            .flat_map(|(name, root)| accounts_of(name, root, default_group_policy, &snapshot.paired))
            .collect();
        Self { accounts, value }
    }

    /// The accounts that are on.
    pub fn live(&self) -> impl Iterator<Item = &Account<'s>> {
        self.accounts.iter().filter(|account| account.enabled())
    }

    /// The names of the channels, each once.
    pub fn names(&self) -> impl Iterator<Item = &'s str> {
        let mut last = None;
        self.accounts.iter().map(|account| account.channel).filter(move |name| last.replace(*name) != Some(*name))
    }
}

impl<'s> Account<'s> {
    /// Whether it is on: neither it nor its channel is turned off.
    #[must_use]
    pub fn enabled(&self) -> bool {
        let off = |fields: &Map<String, Value>| fields.get("enabled") == Some(&Value::Bool(false));
        !off(self.root) && !self.own.is_some_and(off)
    }

    /// The value of a key: its own, else the channel's.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&'s Value> {
        self.find(&[field]).map(|(_, value)| value)
    }

    /// The text of a key.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<&'s str> {
        self.get(field)?.as_str()
    }

    /// Whether a key is exactly `true`.
    #[must_use]
    pub fn is_true(&self, field: &str) -> bool {
        self.get(field) == Some(&Value::Bool(true))
    }

    /// Where a key stands, or would stand.
    #[must_use]
    pub fn key(&self, field: &str) -> KeyPath {
        self.find(&[field]).map_or_else(|| self.scope().child(field), |(key, _)| key)
    }

    /// Where the account's own keys stand: under `accounts`, else at the channel.
    #[must_use]
    pub fn scope(&self) -> KeyPath {
        if self.explicit { self.root_key().child("accounts").child(self.id) } else { self.root_key() }
    }

    /// Where the channel's keys stand.
    #[must_use]
    pub fn root_key(&self) -> KeyPath {
        KeyPath::dotted("channels").child(self.channel)
    }

    /// Who may write to it directly: `pairing` unless it is said.
    #[must_use]
    pub fn dm_policy(&self) -> &'s str {
        self.find(DM_POLICY).and_then(|(_, value)| value.as_str()).unwrap_or("pairing")
    }

    /// Where that stands.
    #[must_use]
    pub fn dm_policy_key(&self) -> KeyPath {
        self.find(DM_POLICY).map_or_else(|| self.scope().child("dmPolicy"), |(key, _)| key)
    }

    /// Whom the config admits to write directly.
    #[must_use]
    pub fn allow_from(&self) -> Vec<String> {
        trimmed(self.find_allow_from())
    }

    /// That list as it is written.
    #[must_use]
    pub fn find_allow_from(&self) -> Option<&'s Value> {
        self.find(ALLOW_FROM).map(|(_, value)| value)
    }

    /// Where that stands.
    #[must_use]
    pub fn allow_from_key(&self) -> KeyPath {
        let field = if self.channel == "synology-chat" { "allowedUserIds" } else { "allowFrom" };
        self.find(ALLOW_FROM).map_or_else(|| self.scope().child(field), |(key, _)| key)
    }

    /// Whether everyone is admitted to write directly.
    #[must_use]
    pub fn open_to_strangers(&self) -> bool {
        match self.dm_policy() {
            "disabled" => false,
            "open" => true,
            _ => self.allow_from().iter().any(|entry| entry == "*"),
        }
    }

    /// Who may write in groups: what it or `channels.defaults` says, else what the channel does then.
    #[must_use]
    pub fn group_policy(&self) -> &'s str {
        let unset = if self.kind.open_unset { "open" } else { "allowlist" };
        self.text("groupPolicy").or(self.default_group_policy).unwrap_or(unset)
    }

    /// Where that stands; of what nobody said, where it would.
    #[must_use]
    pub fn group_policy_key(&self) -> KeyPath {
        match self.find(&["groupPolicy"]) {
            Some((key, _)) => key,
            None if self.default_group_policy.is_some() => KeyPath::dotted("channels.defaults.groupPolicy"),
            None => self.scope().child("groupPolicy"),
        }
    }

    /// Whom the config admits in groups by name: `groupAllowFrom`, else `allowFrom` where the channel takes that.
    #[must_use]
    pub fn group_senders(&self) -> Vec<String> {
        let own = trimmed(self.get("groupAllowFrom"));
        if own.is_empty() && self.kind.falls_back { self.allow_from() } else { own }
    }

    /// The groups, guilds, rooms and teams that are named, with what is set for each and where that stands.
    pub fn groups(&self) -> impl Iterator<Item = (KeyPath, &'s Value)> + '_ {
        GROUPS.iter().filter_map(|field| self.find(&[field])).flat_map(|(key, groups)| {
            groups.as_object().into_iter().flatten().map(move |(id, group)| (key.child(id.as_str()), group))
        })
    }

    /// What an account has in common with others that take the channel's groups under the same policy: what is true
    /// of its groups is true of theirs. `None` when it has groups of its own.
    #[must_use]
    pub fn shared_groups(&self) -> Option<(&'s str, &'s str)> {
        let own = self.own.is_some_and(|own| GROUPS.iter().any(|field| own.contains_key(*field)));
        (!own).then(|| (self.channel, self.group_policy()))
    }

    /// Whether a key below the channel is written.
    #[must_use]
    pub fn stands(&self, key: &KeyPath) -> bool {
        let mut parts = key.parts().iter().skip(2);
        let first = parts.next().and_then(|part| self.root.get(part));
        first.is_some_and(|first| parts.try_fold(first, |value, part| value.get(part)).is_some())
    }

    /// How people are told of it: the channel, and the account when there are several.
    #[must_use]
    pub fn label(&self) -> String {
        let label = if self.kind.is_known() { self.kind.label.to_owned() } else { shown(self.channel) };
        if self.explicit || self.one_of_several { format!("{label} (account {})", shown(self.id)) } else { label }
    }

    /// The id of a check about its channel. A name that could be taken for another id is spelled out.
    #[must_use]
    pub fn check_id(&self, what: &str) -> String {
        format!("channels.{}.{what}", word(self.channel))
    }

    /// The first of some keys that is set: the account's before the channel's. `a.b` is a key below a key.
    fn find(&self, fields: &[&str]) -> Option<(KeyPath, &'s Value)> {
        let scopes = [self.own.map(|own| (self.scope(), own)), Some((self.root_key(), self.root))];
        scopes.into_iter().flatten().find_map(|(scope, values)| {
            fields.iter().find_map(|field| {
                let (first, below) =
                    field.split_once('.').map_or((*field, None), |(first, below)| (first, Some(below)));
                let (mut key, mut value) = (scope.child(first), values.get(first)?);
                if let Some(below) = below {
                    (key, value) = (key.child(below), value.get(below)?);
                }
                (!value.is_null()).then_some((key, value))
            })
        })
    }
}

/// A name that someone chose, so that it cannot pass for the text around it.
fn shown(name: &str) -> String {
    clip(&single_line(name), 64)
}

/// A name as part of a check id: letters, digits, `-` and `_`, at most 64 of them.
#[must_use]
pub fn word(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    name.chars().take(64).map(safe).collect()
}

fn accounts_of<'s>(
    channel: &'s str,
    root: &'s Map<String, Value>,
    default_group_policy: Option<&'s str>,
    paired: &'s [Paired],
) -> Vec<Account<'s>> {
    let kind = kind(channel);
    let named: Vec<_> = root
        .get("accounts")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(id, own)| Some((id.as_str(), own.as_object()?)))
        .filter(|(id, _)| !id.is_empty())
        .collect();
    let of_its_own = kind.credentials.iter().any(|field| root.get(*field).is_some_and(|value| !value.is_null()));
    let implicit = named.is_empty() || of_its_own && named.iter().all(|(id, _)| *id != DEFAULT);
    let several = named.len() + usize::from(implicit) > 1;
    let account = |id: &'s str, own: Option<&'s Map<String, Value>>| Account {
        channel,
        kind,
        id,
        explicit: own.is_some(),
        one_of_several: several,
        paired: paired_on(channel, id, paired),
        root,
        own,
        default_group_policy,
    };
    let implicit = implicit.then(|| account(DEFAULT, None));
    implicit.into_iter().chain(named.iter().map(|(id, own)| account(id, Some(own)))).collect()
}

fn paired_on<'s>(channel: &str, account: &str, paired: &'s [Paired]) -> Vec<&'s str> {
    let here = |store: &&Paired| store.channel == channel && store.account.as_deref().is_none_or(|id| id == account);
    let entries = paired.iter().filter(here).flat_map(|store| &store.entries);
    let mut entries: Vec<_> = entries.map(|entry| entry.trim()).filter(|entry| !entry.is_empty()).collect();
    entries.sort_unstable();
    entries.dedup();
    entries
}

fn trimmed(value: Option<&Value>) -> Vec<String> {
    texts(value).iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

const DEFAULT: &str = "default";
const DM_POLICY: &[&str] = &["dmPolicy", "dm.policy"];
const ALLOW_FROM: &[&str] = &["allowFrom", "dm.allowFrom", "allowedUserIds"];
/// Where channels keep what is set for one group.
const GROUPS: &[&str] = &["groups", "guilds", "channels", "rooms", "teams"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::testing::snapshot;

    #[test]
    fn an_account_has_its_own_keys_before_those_of_the_channel() {
        let found = snapshot(json!({"channels": {"telegram": {
            "botToken": "1:a", "dmPolicy": "open", "allowFrom": ["*"], "dm": {"policy": "disabled"},
            "accounts": {"work": {"dm": {"policy": "allowlist"}, "allowFrom": [42]}, "off": {"enabled": false}},
        }}}));
        let channels = Channels::of(&found);
        let ids: Vec<_> = channels.accounts.iter().map(|account| account.id).collect();
        assert_eq!(ids, ["default", "work", "off"]);
        let [default, work, off] = channels.accounts.as_slice() else { panic!("{ids:?}") };
        assert_eq!((default.dm_policy(), work.dm_policy()), ("open", "allowlist"));
        assert_eq!(work.allow_from(), ["42"]);
        assert_eq!(work.dm_policy_key().to_string(), "channels.telegram.accounts.work.dm.policy");
        assert_eq!(default.allow_from_key().to_string(), "channels.telegram.allowFrom");
        assert!(!off.enabled() && default.enabled());
    }

    #[test]
    fn the_implicit_account_is_there_by_its_credential_or_when_there_is_no_other() {
        let accounts = |config: Value| {
            let found = snapshot(json!({"channels": config}));
            Channels::of(&found).accounts.iter().map(|account| account.id.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(accounts(json!({"whatsapp": {"accounts": {"biz": {}}}})), ["biz"]);
        assert_eq!(accounts(json!({"discord": {"token": "t", "accounts": {"second": {}}}})), ["default", "second"]);
        assert_eq!(accounts(json!({"whatsapp": {}})), ["default"]);
        assert_eq!(accounts(json!({"defaults": {}, "telegram": 5, "signal": []})), [""; 0]);
    }

    #[test]
    fn a_name_with_a_dot_in_it_is_not_a_path() {
        let found = snapshot(json!({"channels": {"a.b\n": {"groupPolicy": "open"}, "a": {"b": {"groupPolicy": "x"}}}}));
        let channels = Channels::of(&found);
        let hostile = channels.accounts.iter().find(|account| account.channel == "a.b\n").expect("account");
        assert_eq!(hostile.group_policy_key().parts(), ["channels", "a.b\n", "groupPolicy"]);
        assert_eq!(hostile.check_id("groups.open"), "channels.a_b_.groups.open");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let words = ["open", "allowlist", "pairing", "*", " * ", "Open", "-100", ""].map(Value::from);
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            proptest::sample::select(words.to_vec()),
            ".{0,6}".prop_map(Value::from),
        ];
        let keys = [
            "groupPolicy", "dmPolicy", "dm", "policy", "allowFrom", "groupAllowFrom", "accounts", "groups", "guilds",
            "channels", "topics", "telegram", "discord", "slack", "defaults", "enabled", "execApprovals", "webhookUrl",
            "users", "bindings", "a.b",
        ];
        let key = prop_oneof![proptest::sample::select(keys.to_vec()).prop_map(str::to_owned), ".{0,4}"];
        leaf.prop_recursive(5, 64, 6, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(key.clone(), inner, 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_under_channels_makes_a_check_panic(value in any_json(), session in any_json(), agents in any_json()) {
            let mut found = snapshot(json!({
                "channels": {"telegram": value, "discord": value, "zalouser": value, "x": value},
                "session": session, "bindings": session, "agents": agents,
            }));
            found.paired = vec![Paired { channel: "telegram".into(), entries: vec!["*".into(), "7".into()], ..Paired::default() }];
            crate::testing::findings(&found, "");
            found.config.value = agents_as_config(&found);
            crate::testing::findings(&found, "");
        }
    }

    fn agents_as_config(found: &Snapshot) -> Value {
        json!({"channels": found.config.value.get("agents")})
    }
}
