//! Takes a fix back: byte for byte and mode for mode, and nothing that somebody changed since.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use stockade_core::Digest;

use super::apply::draft_name;
use super::fault::FixError;
use super::ground::Grounds;
use super::handle::{Handle, Identity, Watch};
use super::journal::{Journal, Record, Splice, Step};
use super::plan::Refused;

/// What was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// The run.
    pub id: String,
    /// The files and folders that are as they were before it.
    pub restored: Vec<String>,
    /// Those that are not, and why: edited since, replaced, not ours. They stay in the record.
    pub refused: Vec<Refused>,
}

/// Takes a run back: the one named, else the latest. When one file was changed since, nothing is taken back, unless
/// `partial` says to take back the rest. What is wholly taken back is forgotten, with the bytes that were kept for it;
/// then the tree is as it was before the fix.
///
/// A run that was interrupted is taken back in the same way, as far as it came; so is an undo that was.
///
/// # Errors
/// [`FixError`]: no such run, a record that no fix could have written, a journal that is not ours alone.
pub fn undo(grounds: &Grounds, which: Option<&str>, partial: bool) -> Result<Undone, FixError> {
    undo_watched(grounds, which, partial, &|_, _| Ok(()))
}

/// The same, and tells of each moment.
pub(super) fn undo_watched(
    grounds: &Grounds,
    which: Option<&str>,
    partial: bool,
    watch: Watch<'_>,
) -> Result<Undone, FixError> {
    let unknown = || FixError::Unknown { id: which.unwrap_or_default().to_owned() };
    let Some(journal) = Journal::open(grounds.state())? else {
        Journal::remove_empty(grounds.state());
        return Err(unknown());
    };
    journal.claim()?;
    let (id, mut record) = match which {
        Some(id) => (id.to_owned(), journal.record(id)?.ok_or_else(unknown)?),
        None => match latest(&journal)? {
            Some(found) => found,
            None => {
                journal.sweep_unborn()?;
                return Err(unknown());
            }
        },
    };
    for step in &record.steps {
        credible(step, grounds).map_err(|why| FixError::Record { id: id.clone(), why })?;
    }
    let mut undone = Undone { id, restored: Vec::new(), refused: Vec::new() };
    let looked: Vec<Option<Refused>> = record.steps.iter().map(|step| look(step).err()).collect();
    if !partial && looked.iter().any(Option::is_some) {
        undone.refused = looked.into_iter().flatten().collect();
        return Ok(undone);
    }
    let edited: BTreeSet<&str> = looked.iter().flatten().map(|refused| refused.what.as_str()).collect();
    let mut left = Vec::new();
    for (step, found) in record.steps.iter().zip(&looked).rev() {
        // Of a file that was edited since, the mode stays as well: its text is not what the mode was for.
        let refused = match found {
            Some(refused) => Some(refused.clone()),
            None if edited.contains(step.path()) => Some(Refused::of(step.path(), EDITED, None)),
            None => revert(step, &undone.id, watch).err(),
        };
        match refused {
            None => undone.restored.push(step.path().to_owned()),
            Some(refused) => {
                undone.refused.push(refused);
                left.push(step.clone());
            }
        }
    }
    undone.restored.sort();
    undone.restored.dedup();
    if left.is_empty() {
        journal.forget(&undone.id, record.made_home)?;
    } else {
        left.reverse();
        record.steps = left;
        journal.write(&undone.id, &record)?;
    }
    Ok(undone)
}

/// Takes back what a failed run had done. Answers with what it could not.
pub(super) fn take_back(record: &Record, id: &str, grounds: &Grounds) -> Vec<Refused> {
    let refused = |step: &Step| {
        let credible = credible(step, grounds).map_err(|why| Refused::of(step.path(), why, None));
        credible.and_then(|()| look(step)).and_then(|()| revert(step, id, &|_, _| Ok(()))).err()
    };
    record.steps.iter().rev().filter_map(refused).collect()
}

fn latest(journal: &Journal) -> Result<Option<(String, Record)>, FixError> {
    for id in journal.ids()?.into_iter().rev() {
        if let Some(record) = journal.record(&id)? {
            return Ok(Some((id, record)));
        }
    }
    Ok(None)
}

/// Whether a fix could have written this step. Answers: a record that was tampered with.
fn credible(step: &Step, grounds: &Grounds) -> Result<(), String> {
    let path = Path::new(step.path());
    if !path.is_absolute() || !grounds.hold(path) {
        return Err(format!("{} lies outside the install", path.display()));
    }
    match step {
        // A fix takes bits away, and never set-id or sticky ones.
        Step::Mode { from, to, .. } if from & !0o7777 != 0 || to & !from != 0 || (from ^ to) & 0o7000 != 0 => {
            Err(format!("a fix would not have changed {} from {from:04o} to {to:04o}", path.display()))
        }
        Step::Mode { .. } | Step::Text { .. } => Ok(()),
    }
}

/// Whether a step can be taken back: the file is as the fix left it, or as it was before.
fn look(step: &Step) -> Result<(), Refused> {
    let refuse = |why: String| Refused::of(step.path(), why, None);
    let said = |error: io::Error| refuse(error.to_string());
    let handle = Handle::at(Path::new(step.path())).map_err(said)?;
    let owned = |found: &Identity, uid: u32| {
        let euid = rustix::process::geteuid().as_raw();
        if found.uid == uid && (euid == 0 || euid == uid) { Ok(()) } else { Err(refuse("has another owner".into())) }
    };
    match step {
        Step::Mode { uid, from, to, .. } => {
            let found = handle.identity().map_err(said)?;
            owned(&found, *uid)?;
            if found.kind == rustix::fs::FileType::Symlink {
                return Err(refuse("is a symbolic link now".into()));
            }
            let known = found.mode == *from || found.mode == *to;
            if known { Ok(()) } else { Err(refuse(format!("was changed since: its mode is {:04o}", found.mode))) }
        }
        Step::Text { uid, from, to, splices, .. } => {
            let (text, found) = handle.read().map_err(said)?;
            owned(&found, *uid)?;
            let now = Digest::of(text.as_bytes());
            if now == *from {
                return Ok(());
            }
            if now != *to || found.links != 1 {
                return Err(refuse(EDITED.into()));
            }
            let old = restored(&text, splices).filter(|old| Digest::of(old.as_bytes()) == *from);
            old.map(|_| ()).ok_or_else(|| refuse("its record does not lead back to the text it had".into()))
        }
    }
}

fn revert(step: &Step, id: &str, watch: Watch<'_>) -> Result<(), Refused> {
    let path = Path::new(step.path());
    let change = || -> io::Result<()> {
        let handle = Handle::at(path)?;
        match step {
            Step::Mode { uid, from, to, .. } => {
                let found = handle.identity()?;
                if found.mode == *from {
                    return Ok(());
                }
                watch(super::handle::Moment::Mode, handle.path())?;
                handle.set_mode(|now| now.mode == *to && now.uid == *uid, *from)
            }
            Step::Text { from, to, splices, .. } => {
                let draft = draft_name(path, id);
                handle.discard(&draft)?;
                let (text, _) = handle.read()?;
                if Digest::of(text.as_bytes()) == *from {
                    return Ok(());
                }
                let old = restored(&text, splices).unwrap_or_default();
                if Digest::of(old.as_bytes()) != *from {
                    return Err(super::handle::refuse(EDITED));
                }
                handle.replace(&draft, *to, &old, watch)
            }
        }
    };
    change().map_err(|error| Refused::of(step.path(), error.to_string(), None))
}

/// The text before the splices were made; `None` when they do not fit.
fn restored(text: &str, splices: &[Splice]) -> Option<String> {
    let mut old = String::new();
    let mut from = 0;
    for splice in splices {
        old.push_str(text.get(from..splice.at)?);
        old.push_str(&splice.was);
        from = splice.at.checked_add(splice.length)?;
    }
    old.push_str(text.get(from..)?);
    Some(old)
}

const EDITED: &str = "was edited since";
