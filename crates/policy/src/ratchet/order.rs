//! How the values of one key are ordered: which of two allows more. What cannot be compared counts as more.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Direction;

/// The order of a key's values.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    /// Words, from the tightest group to the widest; words of one group cannot be compared.
    Words(&'static [&'static [&'static str]], Absent<&'static str>),
    /// A switch that allows more when it is on.
    On(Absent<bool>),
    /// A switch that allows more when it is off.
    Off(Absent<bool>),
    /// A number that allows more when it is greater.
    More(Absent<u64>),
    /// A number that allows more when it is less.
    Less(Absent<u64>),
    /// A list in which a further entry allows more; `*` is every entry.
    Allow(Unlisted),
    /// A list in which a further entry allows less.
    Deny,
    /// A named part: one more allows more, one less allows less; below it stand keys of its own.
    Part,
    /// A named rule for someone: what holds for him without it may be more or less.
    Route,
    /// A section whose keys are ordered by themselves.
    Section,
    /// A secret, an address, a program, a path: another one is someone else's, whichever it is.
    Any,
    /// Nothing that is allowed depends on it.
    Neutral,
}

/// What stands for a key that is absent. `Unsure`: it depends on what else stands there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Absent<T> {
    Is(T),
    Unsure,
}

/// What an absent list allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Unlisted {
    /// Everything: a list restricts.
    All,
    /// Nothing: a list grants.
    Nothing,
    /// It depends on what else stands there.
    Unsure,
}

/// A direction and its reason. No value is in the reason, except words of the table and counts.
pub(super) type Verdict = (Direction, String);

impl Order {
    /// Judges a change of one value; at least one side is present, and they differ.
    pub(super) fn judge(self, old: Option<&Value>, new: Option<&Value>) -> Verdict {
        match self {
            Self::Words(tiers, absent) => words(tiers, absent, old, new),
            Self::On(absent) => switch(absent, true, old, new),
            Self::Off(absent) => switch(absent, false, old, new),
            Self::More(absent) => number(absent, true, old, new),
            Self::Less(absent) => number(absent, false, old, new),
            Self::Allow(unlisted) => allow(unlisted, old, new),
            Self::Deny => deny(old, new),
            Self::Part | Self::Route | Self::Section => wider("it is no longer what it was"),
            Self::Any => wider("any other value counts as more"),
            Self::Neutral => (Direction::Neutral, "nothing that is allowed depends on it".to_owned()),
        }
    }
}

pub(super) fn wider(why: &str) -> Verdict {
    (Direction::Widening, why.to_owned())
}

fn tighter(why: String) -> Verdict {
    (Direction::Tightening, why)
}

fn words(tiers: &[&[&'static str]], absent: Absent<&'static str>, old: Option<&Value>, new: Option<&Value>) -> Verdict {
    let word = |value: Option<&Value>| match (value, absent) {
        (Some(value), _) => value.as_str().and_then(|word| known(tiers, word)),
        (None, Absent::Is(word)) => known(tiers, word),
        (None, Absent::Unsure) => None,
    };
    let name = |value: Option<&Value>, word: Option<(usize, &'static str)>| match (word, value) {
        (Some((_, word)), Some(_)) => format!("{word:?}"),
        (Some((_, word)), None) => format!("{word:?}, the default"),
        (None, Some(_)) => "another word".to_owned(),
        (None, None) => "what holds elsewhere".to_owned(),
    };
    let (before, after) = (word(old), word(new));
    let text = format!("from {} to {}", name(old, before), name(new, after));
    let unsure = |value: Option<&Value>| value.is_none() && absent == Absent::Unsure;
    let top = tiers.len().saturating_sub(1);
    let wide = match (before, after) {
        (Some((_, from)), Some((_, to))) if from == to => return (Direction::Neutral, text),
        (Some((from, _)), Some((to, _))) => to >= from,
        // The bottom is below whatever it was, and the top above whatever comes by leaving the key out.
        (None, Some((to, _))) => to > 0,
        (Some((from, _)), None) => !(unsure(new) && from == top && top > 0),
        (None, None) => true,
    };
    if wide { (Direction::Widening, text) } else { tighter(text) }
}

fn known(tiers: &[&[&'static str]], word: &str) -> Option<(usize, &'static str)> {
    let mut all = tiers.iter().enumerate().flat_map(|(tier, words)| words.iter().map(move |word| (tier, *word)));
    all.find(|(_, known)| *known == word)
}

fn switch(absent: Absent<bool>, weak: bool, old: Option<&Value>, new: Option<&Value>) -> Verdict {
    let state = |value: Option<&Value>, unsure: bool| match (value, absent) {
        (Some(value), _) => value.as_bool(),
        (None, Absent::Is(default)) => Some(default),
        (None, Absent::Unsure) => Some(unsure),
    };
    // What is not known was the tighter of the two, and becomes the wider one.
    let (Some(before), Some(after)) = (state(old, !weak), state(new, weak)) else {
        return wider("it is not a switch");
    };
    let name = |value: Option<&Value>, on: bool| match (value, absent, on) {
        (None, Absent::Unsure, _) => "what holds elsewhere",
        (None, _, true) => "on, the default",
        (None, _, false) => "off, the default",
        (Some(_), _, true) => "on",
        (Some(_), _, false) => "off",
    };
    let text = format!("from {} to {}", name(old, before), name(new, after));
    let unsure = absent == Absent::Unsure && (old.is_none() || new.is_none());
    match (before == after, after == weak) {
        (true, _) if unsure => tighter(text),
        (true, _) => (Direction::Neutral, text),
        (false, true) => (Direction::Widening, text),
        (false, false) => tighter(text),
    }
}

fn number(absent: Absent<u64>, more: bool, old: Option<&Value>, new: Option<&Value>) -> Verdict {
    #[expect(clippy::cast_precision_loss, reason = "the defaults are far below 2^53")]
    let number = |value: Option<&Value>| match (value, absent) {
        (Some(value), _) => value.as_f64(),
        (None, Absent::Is(default)) => Some(default as f64),
        (None, Absent::Unsure) => None,
    };
    let (Some(before), Some(after)) = (number(old), number(new)) else {
        return wider("it cannot be compared");
    };
    if before == after {
        return (Direction::Neutral, "the same number".to_owned());
    }
    // Zero is "no limit" as often as it is "none".
    if before == 0.0 || after == 0.0 {
        return wider("zero may be no limit");
    }
    let text = if after > before { "a greater number" } else { "a lesser number" };
    if (after > before) == more { wider(text) } else { tighter(text.to_owned()) }
}

/// What a list allows.
enum Listed {
    All,
    These(BTreeSet<String>),
}

fn allow(unlisted: Unlisted, old: Option<&Value>, new: Option<&Value>) -> Verdict {
    if unlisted == Unlisted::Unsure && (old.is_none() || new.is_none()) {
        return wider("without the list, what holds elsewhere holds");
    }
    let listed = |value: Option<&Value>| match value {
        None if unlisted == Unlisted::All => Some(Listed::All),
        None => Some(Listed::These(BTreeSet::new())),
        Some(value) => entries(value).map(|set| if set.contains("*") { Listed::All } else { Listed::These(set) }),
    };
    let (Some(before), Some(after)) = (listed(old), listed(new)) else { return wider("it is not a plain list") };
    match (before, after) {
        (Listed::All, Listed::All) => (Direction::Neutral, "everything, as before".to_owned()),
        (Listed::These(_), Listed::All) => wider("everything instead of a list"),
        (Listed::All, Listed::These(_)) => tighter("a list instead of everything".to_owned()),
        (Listed::These(before), Listed::These(after)) => {
            if before == after {
                return (Direction::Neutral, "the same entries".to_owned());
            }
            // An empty list that restricts is read as "nothing" by some, and as "no list" by others.
            if unlisted == Unlisted::All && (before.is_empty() || after.is_empty()) {
                return wider("an empty list may be no list");
            }
            match after.difference(&before).count() {
                0 => tighter(entries_text(before.len() - after.len(), "less")),
                more => wider(&entries_text(more, "more")),
            }
        }
    }
}

fn deny(old: Option<&Value>, new: Option<&Value>) -> Verdict {
    let texts = |value: &Value| value.as_array().is_some_and(|items| items.iter().all(Value::is_string));
    let listed = |value: Option<&Value>| match value {
        None => Some(BTreeSet::new()),
        Some(value) => entries(value).filter(|_| texts(value)),
    };
    let (Some(before), Some(after)) = (listed(old), listed(new)) else { return wider("it is not a plain list") };
    if before == after {
        return (Direction::Neutral, "the same entries".to_owned());
    }
    match before.difference(&after).count() {
        0 => tighter(entries_text(after.len() - before.len(), "more")),
        _ if after.contains("*") => tighter("everything".to_owned()),
        less => wider(&entries_text(less, "less")),
    }
}

fn entries_text(count: usize, what: &str) -> String {
    format!("{count} {} {what}", if count == 1 { "entry" } else { "entries" })
}

/// The entries of a list; `None` when it is none, or when an entry takes away from the others.
fn entries(value: &Value) -> Option<BTreeSet<String>> {
    let entry = |item: &Value| match item {
        Value::String(text) if text.starts_with(['!', '-']) && !is_number(text) => None,
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        // An id is written as a number or as text.
        other => Some(other.to_string()),
    };
    value.as_array()?.iter().map(entry).collect()
}

/// A chat's id may be negative.
fn is_number(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}
