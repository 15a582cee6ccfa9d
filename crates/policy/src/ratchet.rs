//! Does a new config allow anything that the old one did not? Tightening is free; widening needs an operator.
//! Answers the class "the agent edits the config and waits for the reload".
//!
//! Two comparisons, and the stricter of both decides: of every key of the documents ([`weaker`]), by a table that
//! knows how a key's values are ordered, and of what the compiled policies allow ([`compare`]). A key that the
//! table does not know is never harmless. No value is in a [`Change`], because any value may be a secret.

mod compiled;
mod documents;
mod keys;
mod normal;
mod order;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Serialize;
use stockade_config::Documents;

use crate::policy::Policy;

/// One key that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The full key path; in parentheses the file, when it is not `openclaw.json`, or the agent.
    pub key: String,
    /// What it comes to.
    pub direction: Direction,
    /// Why, without the values.
    pub because: String,
}

/// What a change comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Nothing that is allowed depends on it.
    Neutral,
    /// Less is allowed.
    Tightening,
    /// More is allowed, or it cannot be told.
    Widening,
}

impl Direction {
    /// The word in JSON.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Tightening => "tightening",
            Self::Widening => "widening",
        }
    }
}

impl Change {
    fn new(key: impl Into<String>, (direction, because): (Direction, String)) -> Self {
        Self { key: key.into(), direction, because }
    }
}

/// Every key by which `new` differs from `old`, in the order of the keys. The documents are the resolved ones, of
/// which each value is what it stands for. Total, and bounded in depth and in the number of changes.
#[must_use]
pub fn weaker(old: &Documents, new: &Documents) -> Vec<Change> {
    ordered(documents::changes(old, new))
}

/// [`weaker`], and what the compiled policies show beyond it.
#[must_use]
pub fn compare(old: (&Documents, &Policy), new: (&Documents, &Policy)) -> Vec<Change> {
    let mut changes = weaker(old.0, new.0);
    let known: Vec<String> = widenings(&changes).map(str::to_owned).collect();
    let more = compiled::widenings(old.1, new.1).into_iter();
    changes.extend(more.filter(|found| !known.iter().any(|key| found.is_said_by(key))).map(|found| found.change));
    ordered(changes)
}

/// The keys that need an operator.
pub fn widenings(changes: &[Change]) -> impl Iterator<Item = &str> {
    changes.iter().filter(|change| change.direction == Direction::Widening).map(|change| change.key.as_str())
}

/// One change a key, the widest, in the order of the keys; the rest is counted when there are too many.
fn ordered(changes: Vec<Change>) -> Vec<Change> {
    let mut by_key: BTreeMap<String, Change> = BTreeMap::new();
    for change in changes {
        match by_key.get(&change.key) {
            Some(found) if found.direction >= change.direction => {}
            _ => drop(by_key.insert(change.key.clone(), change)),
        }
    }
    let mut changes: Vec<Change> = by_key.into_values().collect();
    if changes.len() > MAX_CHANGES {
        changes.sort_by_key(|change| std::cmp::Reverse(change.direction));
        let rest = changes.split_off(MAX_CHANGES);
        let direction = rest.iter().map(|change| change.direction).max().unwrap_or(Direction::Widening);
        changes.sort_by(|one, other| one.key.cmp(&other.key));
        changes.push(Change::new(MORE, (direction, format!("{} keys more", rest.len()))));
    }
    changes
}

/// What is listed one by one.
const MAX_CHANGES: usize = 1000;
/// The key of what is not.
const MORE: &str = "…";
