//! What would be changed, drafted in memory: which fixes, in which files, to which bytes.

mod steps;
mod wanted;

use std::collections::BTreeSet;

use serde_json::Value;
use stockade_config::edit::{self, Edit};
use stockade_config::survey::Survey;
use stockade_config::{Env, KeyPath};

use super::ground::Grounds;
use super::mask::Mask;
use crate::finding::{Change, Finding};
use crate::snapshot::Snapshot;

use steps::ordered;
pub(super) use steps::{ModeStep, TextStep};
use wanted::{Wanted, edit_of, settled, wanted};

/// Which fixes to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Those that take nothing away from the owner; the only ones without a person at a terminal.
    SafeOnly,
    /// Those of these checks, safe or not.
    Ids(BTreeSet<String>),
    /// All.
    All,
}

/// What would be changed. Made by [`plan()`]; nothing is written before [`apply`](super::apply()).
pub struct Plan<'a> {
    survey: &'a Survey,
    snapshot: &'a Snapshot,
    grounds: &'a Grounds,
    before: &'a [Finding],
    wanted: Vec<Wanted>,
    edits: Vec<Edit>,
    value: Value,
    differs: bool,
    texts: Vec<TextStep<'a>>,
    modes: Vec<ModeStep>,
    refused: Vec<Refused>,
    conflicts: Vec<Conflict>,
}

/// A fix, or a part of one, that is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The checks whose fix it is.
    pub checks: Vec<String>,
    /// The key or path that it is about.
    pub what: String,
    /// Why.
    pub why: String,
    /// The permission bits that it would have had, when it is about those.
    pub mode: Option<u32>,
}

/// Two fixes that want different things of one key. Neither is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict {
    /// One fix: a check and its change.
    pub one: (String, Change),
    /// The other.
    pub other: (String, Change),
}

/// Plans the chosen fixes of findings. A fix with changes of keys is all or none; of one that only closes files, each
/// file stands for itself. What cannot be made is listed, and the rest goes on.
#[must_use]
pub fn plan<'a>(
    findings: &'a [Finding],
    choice: &Choice,
    survey: &'a Survey,
    snapshot: &'a Snapshot,
    grounds: &'a Grounds,
) -> Plan<'a> {
    let (wanted, conflicts) = settled(wanted(findings, choice), &survey.value);
    let mut plan = Plan {
        survey,
        snapshot,
        grounds,
        before: findings,
        wanted,
        edits: Vec::new(),
        value: survey.value.clone(),
        differs: false,
        texts: Vec::new(),
        modes: Vec::new(),
        refused: Vec::new(),
        conflicts,
    };
    plan.draft();
    plan
}

impl<'a> Plan<'a> {
    /// Whether nothing would be changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.modes.is_empty()
    }

    /// What is not made, and why.
    #[must_use]
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// Fixes that contradict each other.
    #[must_use]
    pub fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }

    /// The checks whose fixes would be made.
    #[must_use]
    pub fn checks(&self) -> BTreeSet<&str> {
        self.wanted.iter().flat_map(|wanted| &wanted.checks).map(String::as_str).collect()
    }

    /// The whole config as it would be, includes merged.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.value
    }

    /// The paths whose permission bits would change, and to what.
    pub fn modes(&self) -> impl Iterator<Item = (&str, u32)> {
        self.modes.iter().map(|step| (step.shown.as_str(), step.to))
    }

    /// The changes of keys, in OpenClaw's words: `channels.irc.groupPolicy=open -> allowlist`.
    #[must_use]
    pub fn changes(&self, mask: &Mask) -> Vec<String> {
        let word = |value: Option<&Value>| match value {
            None => "unset".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let line = |edit: &Edit| {
            let old = |key: &KeyPath| word(at(&self.survey.value, key));
            let text = match edit {
                Edit::Set { key, to } => format!("{key}={} -> {}", shortened(key, &old(key), mask), word(Some(to))),
                Edit::Remove { key } => format!("{key}={} -> unset", shortened(key, &old(key), mask)),
                Edit::Drop { key, item } => format!("{key} without {}", word(Some(item))),
            };
            stockade_core::text::single_line(&text)
        };
        self.edits.iter().map(line).collect()
    }

    /// Whether the edits, made on the merged config, do not give a value.
    pub(super) const fn differs(&self) -> bool {
        self.differs
    }

    pub(super) const fn before(&self) -> &'a [Finding] {
        self.before
    }

    pub(super) const fn survey(&self) -> &'a Survey {
        self.survey
    }

    pub(super) const fn grounds(&self) -> &'a Grounds {
        self.grounds
    }

    pub(super) fn texts(&self) -> &[TextStep<'a>] {
        &self.texts
    }

    pub(super) fn mode_steps(&self) -> &[ModeStep] {
        &self.modes
    }

    /// Looks at the files again: a fix of one that is not as it was is left out, and the rest is drafted anew. When
    /// any file of the config changed, no key is edited: what the edits would mean is not known any more.
    pub(super) fn look_again(&mut self, env: &Env) {
        let config = self.survey.sources.first();
        if config.is_some_and(|config| Survey::read(&config.path, env).value != self.survey.value) {
            let stale = |(index, wanted): (usize, &Wanted)| {
                let key = wanted.changes.iter().find_map(edit_of)?.key().to_string();
                Some((index, Refused::of(&key, "the config changed since it was read; audit again", None)))
            };
            self.leave_out(self.wanted.iter().enumerate().filter_map(stale).collect());
        }
        self.draft();
    }

    /// Drafts every step. A fix that cannot be made goes, whole, and the rest is drafted again without it.
    fn draft(&mut self) {
        loop {
            let mut failed = Vec::new();
            self.modes = self.draft_modes(&mut failed);
            self.texts = self.draft_texts(&mut failed);
            if failed.is_empty() {
                break;
            }
            self.leave_out(failed);
        }
        self.edits = ordered(self.wanted.iter().flat_map(|wanted| &wanted.changes).filter_map(edit_of).collect());
        self.value = self.survey.value.clone();
        self.differs = self.edits.iter().any(|edit| edit::apply(&mut self.value, edit).is_err());
    }

    fn leave_out(&mut self, failed: Vec<(usize, Refused)>) {
        let out: BTreeSet<usize> = failed.iter().map(|(index, _)| *index).collect();
        for (index, mut refused) in failed {
            refused.checks = self.wanted.get(index).map(|wanted| wanted.checks.clone()).unwrap_or_default();
            self.refused.push(refused);
        }
        wanted::without(&mut self.wanted, &out);
    }
}

impl std::fmt::Debug for Plan<'_> {
    /// Counts: the texts hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plan({} texts, {} modes, refused {:?})", self.texts.len(), self.modes.len(), self.refused)
    }
}

impl Refused {
    pub(super) fn of(what: &str, why: impl Into<String>, mode: Option<u32>) -> Self {
        Self { checks: Vec::new(), what: what.to_owned(), why: why.into(), mode }
    }
}

/// The value of a key.
fn at<'v>(value: &'v Value, key: &KeyPath) -> Option<&'v Value> {
    key.parts().iter().try_fold(value, |value, part| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        other => other.get(part),
    })
}

/// A value of a key for one line: hidden when it is secret, cut when it is long.
fn shortened(key: &KeyPath, value: &str, mask: &Mask) -> String {
    let name = key.parts().last().map(String::as_str).unwrap_or_default();
    let prefix = format!("{name}:");
    let hidden = mask.hide(&format!("{prefix}{value}"));
    stockade_core::text::clip(hidden.strip_prefix(&prefix).unwrap_or(&hidden), MAX_SHOWN)
}

/// The longest old value that is shown of a key, in characters.
const MAX_SHOWN: usize = 60;
