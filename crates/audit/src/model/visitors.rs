//! Who else can write to an agent: what the channels admit.

use serde_json::Value;
use stockade_config::KeyPath;

use super::channels::{Account, word};
use crate::finding::Severity;
use crate::snapshot::Snapshot;
use crate::snapshot::config::texts;

/// Who else can write to an agent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Visitors {
    /// Keys below `channels` that are `groupPolicy: "open"` or `dmPolicy: "open"`, at any depth: what OpenClaw's checks
    /// of commands look at.
    pub open: Vec<KeyPath>,
    /// The same, with February's `dm.policy` and with lists that hold `*`: keys by which anybody comes in.
    pub strangers: Vec<KeyPath>,
    /// Channels that are configured and not switched off.
    pub channels: Vec<String>,
}

impl Visitors {
    /// Derives them.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut visitors = Self::default();
        for (name, channel) in snapshot.config.fields("channels") {
            visitors.walk(channel, &KeyPath::dotted("channels").child(name), is_on(channel));
            if name != "defaults" && channel.is_object() && is_on(channel) {
                visitors.channels.push(word(name));
            }
        }
        visitors
    }

    /// How bad it is when an agent has what it should not have: strangers use it, or those who are let in, or only the
    /// operator's own mistakes and what the agent reads.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match (self.strangers.is_empty(), self.channels.is_empty()) {
            (false, _) => Severity::Critical,
            (true, false) => Severity::Warn,
            (true, true) => Severity::Info,
        }
    }

    /// Who that is, as the end of a sentence.
    #[must_use]
    pub fn who(&self) -> String {
        match (self.strangers.first(), self.channels.is_empty()) {
            (Some(key), _) => format!("anybody who writes to it ({key} admits strangers)"),
            (None, false) => {
                format!("whoever is let in on {}, and whoever writes what it reads", self.channels.join(", "))
            }
            (None, true) => "whoever writes what it reads".to_owned(),
        }
    }

    /// Those that come in by some of the accounts. A key of the channel holds for each of its accounts.
    #[must_use]
    pub fn at(&self, accounts: &[&Account<'_>]) -> Self {
        let by = |key: &KeyPath| match key.parts() {
            [_, channel, section, id, ..] if section == "accounts" => {
                accounts.iter().any(|account| account.channel == *channel && account.id == *id)
            }
            [_, channel, ..] => channel == "defaults" || accounts.iter().any(|account| account.channel == *channel),
            _ => true,
        };
        Self {
            open: self.open.iter().filter(|key| by(key)).cloned().collect(),
            strangers: self.strangers.iter().filter(|key| by(key)).cloned().collect(),
            channels: self
                .channels
                .iter()
                .filter(|name| accounts.iter().any(|account| word(account.channel) == **name))
                .cloned()
                .collect(),
        }
    }

    fn walk(&mut self, value: &Value, key: &KeyPath, on: bool) {
        let Some(fields) = value.as_object() else { return };
        for (name, field) in fields {
            let at = || key.child(name);
            let is_open = field == "open";
            match name.as_str() {
                "groupPolicy" | "dmPolicy" if is_open => {
                    self.open.push(at());
                    if on {
                        self.strangers.push(at());
                    }
                }
                "policy" if is_open && on && key.parts().last().is_some_and(|last| last == "dm") => {
                    self.strangers.push(at());
                }
                "allowFrom" | "groupAllowFrom" if on && texts(Some(field)).iter().any(|who| who.trim() == "*") => {
                    self.strangers.push(at());
                }
                _ => self.walk(field, &at(), on && is_on(field)),
            }
        }
    }
}

fn is_on(value: &Value) -> bool {
    value.get("enabled") != Some(&Value::Bool(false))
}
