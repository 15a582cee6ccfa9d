//! The steps of a plan, each for one file, and the look at the file that each begins with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rustix::fs::FileType;
use stockade_config::edit::{self, Edit};
use stockade_config::{Format, KeyPath};

use super::wanted::{add, edit_of};
use super::{Plan, Refused};
use crate::finding::Change;
use crate::fix::handle::{Handle, Identity};
use crate::fix::region::{Region, extend};
use crate::snapshot::{Entry, Kind};

/// A file whose text changes.
pub(in crate::fix) struct TextStep<'a> {
    /// Its path as it was surveyed.
    pub(in crate::fix) shown: &'a Path,
    /// The same without links.
    pub(in crate::fix) real: PathBuf,
    pub(in crate::fix) old: &'a str,
    pub(in crate::fix) new: String,
    pub(in crate::fix) regions: Vec<Region>,
    pub(in crate::fix) identity: Identity,
    pub(in crate::fix) checks: Vec<String>,
}

/// A file or folder whose permission bits change.
pub(in crate::fix) struct ModeStep {
    pub(in crate::fix) shown: String,
    pub(in crate::fix) real: PathBuf,
    pub(in crate::fix) to: u32,
    pub(in crate::fix) identity: Identity,
    pub(in crate::fix) checks: Vec<String>,
}

impl<'a> Plan<'a> {
    pub(super) fn draft_modes(&self, failed: &mut Vec<(usize, Refused)>) -> Vec<ModeStep> {
        let audited: BTreeMap<&str, &Entry> =
            self.snapshot.tree.entries.iter().map(|entry| (entry.path.as_str(), entry)).collect();
        let mut steps: BTreeMap<PathBuf, ModeStep> = BTreeMap::new();
        for (index, wanted) in self.wanted.iter().enumerate() {
            for change in &wanted.changes {
                let Change::Mode { path, mode } = change else { continue };
                match self.mode_step(path, *mode, audited.get(path.as_str()).copied()) {
                    Err(why) => failed.push((index, Refused::of(path, why, Some(*mode)))),
                    Ok(None) => {}
                    Ok(Some(step)) => {
                        let known = steps.entry(step.real.clone()).or_insert(step);
                        known.to &= *mode | 0o7000;
                        add(&mut known.checks, &wanted.checks);
                    }
                }
            }
        }
        let mut steps: Vec<ModeStep> = steps.into_values().collect();
        steps.retain(|step| step.to != step.identity.mode);
        steps
    }

    /// A fix takes rights away and gives none; set-id and sticky bits stay as they are.
    fn mode_step(&self, path: &str, mode: u32, audited: Option<&Entry>) -> Result<Option<ModeStep>, String> {
        let said = |error: std::io::Error| error.to_string();
        let named = Path::new(path);
        let (Some(parent), Some(name)) = (named.parent(), named.file_name()) else { return Err("has no name".into()) };
        let real = parent.canonicalize().map_err(said)?.join(name);
        if !self.grounds.hold(&real) {
            return Err("lies outside the install".into());
        }
        if real.to_str().is_none() {
            return Err("has a path that is not UTF-8".into());
        }
        let identity = Handle::at(&real).and_then(|handle| handle.identity()).map_err(said)?;
        if identity.kind == FileType::Symlink {
            return Err("is a symbolic link; change what it points to".into());
        }
        let trusted = rustix::process::geteuid().as_raw();
        if identity.uid != trusted && trusted != 0 {
            return Err(format!("belongs to the user {}, who alone can change it", identity.uid));
        }
        if identity.kind == FileType::RegularFile && identity.links != 1 {
            return Err("has more than one name (hard links), and another would be closed with it".into());
        }
        if audited.is_some_and(|entry| !as_audited(entry, &identity)) {
            return Err("changed since it was audited; audit again".into());
        }
        let to = identity.mode & (mode | 0o7000);
        let step = ModeStep { shown: path.to_owned(), real, to, identity, checks: Vec::new() };
        Ok((to != step.identity.mode).then_some(step))
    }

    pub(super) fn draft_texts(&self, failed: &mut Vec<(usize, Refused)>) -> Vec<TextStep<'a>> {
        let mut files: BTreeMap<usize, Vec<(usize, Edit)>> = BTreeMap::new();
        for (index, wanted) in self.wanted.iter().enumerate() {
            for edit in wanted.changes.iter().filter_map(edit_of) {
                match self.survey.owner(edit.key()) {
                    Ok((source, local)) => files.entry(source).or_default().push((index, with_key(edit, local))),
                    Err(why) => failed.push((index, Refused::of(&edit.key().to_string(), why.to_string(), None))),
                }
            }
        }
        let mut steps = Vec::new();
        for (source, edits) in files {
            match self.text_step(source, &edits) {
                Ok(step) => steps.push(step),
                Err(faults) => failed.extend(faults),
            }
        }
        steps
    }

    fn text_step(&self, source: usize, edits: &[(usize, Edit)]) -> Result<TextStep<'a>, Vec<(usize, Refused)>> {
        let all = |why: String, shown: &Path| {
            let fixes: BTreeSet<usize> = edits.iter().map(|(index, _)| *index).collect();
            let refused = Refused::of(&shown.display().to_string(), why, None);
            fixes.into_iter().map(|index| (index, refused.clone())).collect::<Vec<_>>()
        };
        let Some(source) = self.survey.sources.get(source) else {
            return Err(all("is not known".into(), Path::new("")));
        };
        if self.survey.sources.iter().filter(|other| other.path == source.path).count() > 1 {
            return Err(all("is included in several places, and an edit would change them all".into(), &source.path));
        }
        let (real, identity) = self.surveyed(&source.path, &source.text).map_err(|why| all(why, &source.path))?;
        let ordered = ordered(edits.iter().map(|(_, edit)| edit.clone()).collect());
        let (new, regions) = match drafted(source.format, &source.text, &ordered) {
            Ok(drafted) => drafted,
            Err(why) => {
                let alone = |edit: &Edit| edit::edit(source.format, &source.text, std::slice::from_ref(edit)).err();
                let faults = edits.iter().filter_map(|(index, edit)| {
                    Some((*index, Refused::of(&edit.key().to_string(), alone(edit)?.to_string(), None)))
                });
                let faults: Vec<_> = faults.collect();
                return Err(if faults.is_empty() { all(why, &source.path) } else { faults });
            }
        };
        let mut checks = Vec::new();
        for (index, _) in edits {
            add(&mut checks, self.wanted.get(*index).map(|wanted| wanted.checks.as_slice()).unwrap_or_default());
        }
        Ok(TextStep { shown: &source.path, real, old: &source.text, new, regions, identity, checks })
    }

    /// Where a file that was surveyed really is, if it still has the text that was read.
    fn surveyed(&self, path: &Path, text: &str) -> Result<(PathBuf, Identity), String> {
        let said = |error: std::io::Error| error.to_string();
        let real = path.canonicalize().map_err(said)?;
        if !self.grounds.hold(&real) {
            return Err("lies outside the install".into());
        }
        if real.to_str().is_none() {
            return Err("has a path that is not UTF-8".into());
        }
        let (now, identity) = Handle::at(&real).and_then(|handle| handle.read()).map_err(said)?;
        let euid = rustix::process::geteuid().as_raw();
        if now != text {
            return Err("changed since it was read; audit again".into());
        }
        if identity.links != 1 {
            return Err("has more than one name (hard links); copy it to a file of its own".into());
        }
        if identity.uid != euid && euid != 0 {
            return Err(format!("belongs to the user {}, who alone can change it", identity.uid));
        }
        Ok((real, identity))
    }
}

/// The new text, and where it differs. Edits are made a few at a time, so that what lies between two of them is not
/// part of what is remembered.
fn drafted(format: Format, old: &str, edits: &[Edit]) -> Result<(String, Vec<Region>), String> {
    let said = |error: edit::EditError| error.to_string();
    let whole = edit::edit(format, old, edits).map_err(said)?;
    let mut regions = Vec::new();
    let mut text = old.to_owned();
    for some in edits.chunks(edits.len().div_ceil(MAX_ROUNDS).max(1)) {
        let next = edit::edit(format, &text, some).map_err(said)?;
        extend(&mut regions, &text, &next);
        text = next;
    }
    if text != whole {
        regions.clear();
        extend(&mut regions, old, &whole);
    }
    Ok((whole, regions))
}

/// In an order in which no edit moves what another names: values first, then items, then keys from the last on.
pub(super) fn ordered(mut edits: Vec<Edit>) -> Vec<Edit> {
    let rank = |edit: &Edit| match edit {
        Edit::Set { .. } => 0,
        Edit::Drop { .. } => 1,
        Edit::Remove { .. } => 2,
    };
    let index = |part: &String| (part.parse::<u64>().ok(), part.clone());
    let place = |edit: &Edit| edit.key().parts().iter().map(index).collect::<Vec<_>>();
    edits.sort_by(|one, other| {
        let order = rank(one).cmp(&rank(other));
        order.then_with(|| if rank(one) == 2 { place(other).cmp(&place(one)) } else { place(one).cmp(&place(other)) })
    });
    edits.dedup();
    edits
}

fn with_key(edit: Edit, key: KeyPath) -> Edit {
    match edit {
        Edit::Set { to, .. } => Edit::Set { key, to },
        Edit::Remove { .. } => Edit::Remove { key },
        Edit::Drop { item, .. } => Edit::Drop { key, item },
    }
}

fn as_audited(entry: &Entry, found: &Identity) -> bool {
    let kind = match entry.kind {
        Kind::File => found.kind == FileType::RegularFile,
        Kind::Folder => found.kind == FileType::Directory,
        Kind::Link => false,
        Kind::Special => !matches!(found.kind, FileType::RegularFile | FileType::Directory),
    };
    kind && entry.uid == found.uid && entry.mode & 0o777 == found.mode & 0o777
}

/// How often the edits of one file are made apart; each time the file is read by both parsers.
const MAX_ROUNDS: usize = 64;
