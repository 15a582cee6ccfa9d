//! Which fixes are wanted: chosen, merged, and without those that contradict each other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use stockade_config::KeyPath;
use stockade_config::edit::Edit;

use super::{Choice, Conflict, at};
use crate::finding::{Change, Finding, Fix, Safety};

/// One fix that is all or none, and the checks that ask for it.
#[derive(Clone, PartialEq)]
pub(super) struct Wanted {
    pub(super) checks: Vec<String>,
    pub(super) changes: Vec<Change>,
}

/// The chosen fixes, equal ones merged; one that only closes files as one a file.
pub(super) fn wanted(findings: &[Finding], choice: &Choice) -> Vec<Wanted> {
    let chosen = |finding: &Finding, fix: &Fix| match choice {
        Choice::SafeOnly => fix.safety == Safety::Safe,
        Choice::Ids(ids) => ids.contains(&finding.check_id),
        Choice::All => true,
    };
    let mut all: Vec<Wanted> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for finding in findings {
        let Some(fix) = finding.fix.as_ref().filter(|fix| chosen(finding, fix)) else { continue };
        let alone = fix.changes.iter().all(|change| matches!(change, Change::Mode { .. }));
        let parts = if alone { fix.changes.chunks(1) } else { fix.changes.chunks(fix.changes.len().max(1)) };
        for changes in parts {
            let same = serde_json::to_string(changes).unwrap_or_default();
            let index = *known.entry(same).or_insert(all.len());
            match all.get_mut(index) {
                Some(wanted) => add(&mut wanted.checks, std::slice::from_ref(&finding.check_id)),
                None => all.push(Wanted { checks: vec![finding.check_id.clone()], changes: changes.to_vec() }),
            }
        }
    }
    all
}

/// What neither contradicts itself nor is there already, and the contradictions.
pub(super) fn settled(mut all: Vec<Wanted>, value: &Value) -> (Vec<Wanted>, Vec<Conflict>) {
    let (mut out, mut conflicts) = (BTreeSet::new(), Vec::new());
    let mut keyed: Vec<(usize, &KeyPath, &Change)> = Vec::new();
    for (index, wanted) in all.iter().enumerate() {
        keyed.extend(wanted.changes.iter().filter_map(|change| Some((index, key_of(change)?, change))));
    }
    // Sorted, the keys below one follow it at once.
    keyed.sort_by(|one, other| one.1.cmp(other.1));
    for (place, (one, key, change)) in keyed.iter().enumerate() {
        let below = keyed.iter().skip(place + 1).take_while(|(_, other, _)| other.parts().starts_with(key.parts()));
        for (other, _, against) in below.filter(|(_, _, against)| !agree(change, against)) {
            out.extend([*one, *other]);
            let side = |index: usize, change: &Change| {
                let check = all.get(index).and_then(|wanted| wanted.checks.first());
                (check.cloned().unwrap_or_default(), change.clone())
            };
            conflicts.push(Conflict { one: side(*one, change), other: side(*other, against) });
        }
    }
    without(&mut all, &out);
    for wanted in &mut all {
        wanted.changes.retain(|change| edit_of(change).is_none_or(|edit| changes(value, &edit)));
    }
    all.retain(|wanted| !wanted.changes.is_empty());
    (all, conflicts)
}

/// Takes out those with these indices.
pub(super) fn without(all: &mut Vec<Wanted>, out: &BTreeSet<usize>) {
    let mut index = 0;
    all.retain(|_| {
        index += 1;
        !out.contains(&(index - 1))
    });
}

/// Names checks that are not named yet.
pub(super) fn add(known: &mut Vec<String>, more: &[String]) {
    for check in more {
        if !known.contains(check) {
            known.push(check.clone());
        }
    }
}

/// Whether two changes, of which the second is of the same key or one below, can both be made.
fn agree(one: &Change, other: &Change) -> bool {
    match (one, other) {
        (Change::Drop { key, .. }, Change::Drop { key: below, .. }) => key == below,
        _ => one == other,
    }
}

/// Whether an edit would change anything.
fn changes(value: &Value, edit: &Edit) -> bool {
    match edit {
        Edit::Set { key, to } => at(value, key) != Some(to),
        Edit::Remove { key } => at(value, key).is_some(),
        Edit::Drop { key, item } => at(value, key).and_then(Value::as_array).is_some_and(|items| items.contains(item)),
    }
}

fn key_of(change: &Change) -> Option<&KeyPath> {
    match change {
        Change::Set { key, .. } | Change::Remove { key } | Change::Drop { key, .. } => Some(key),
        Change::Mode { .. } => None,
    }
}

/// The edit of a config that a change is.
pub(super) fn edit_of(change: &Change) -> Option<Edit> {
    match change.clone() {
        Change::Set { key, to } => Some(Edit::Set { key, to }),
        Change::Remove { key } => Some(Edit::Remove { key }),
        Change::Drop { key, item } => Some(Edit::Drop { key, item }),
        Change::Mode { .. } => None,
    }
}
