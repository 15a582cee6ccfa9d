//! A config as far as it can be read, with what is wrong with it. Where [`crate::load()`] refuses,
//! this lists: whoever looks after an install needs the findings of a broken config most.
//!
//! It must never fail, wait, read without bound, or quote a value. A part that cannot be read is left
//! out and named, and everything else is there.

mod fault;
mod values;

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::bounds::{Node, Outline};
use crate::edit::{self, EditError};
use crate::environment::Env;
use crate::include::{self, Reading, Tree};
use crate::key_path::KeyPath;
use crate::known_keys::{self, OPENCLAW, OWN, Rules};
use crate::load::include_roots;
use crate::model::Config;
use crate::note::NoteKind;
use crate::origin::{Origin, Spot};
use crate::own::OwnConfig;
use crate::syntax::Format;

use fault::number;
pub use fault::{Fault, FaultKind};

/// A config as far as it could be read.
pub struct Survey {
    /// Includes merged in, nothing interpolated or resolved; an empty object when nothing could be read.
    pub value: Value,
    /// Every file that was read, the config first. A file that stands in several places is there once
    /// for each.
    pub sources: Vec<Source>,
    /// What is wrong, at most some thousands.
    pub faults: Vec<Fault>,
    /// Whether the config is there at all.
    pub present: bool,
    outlines: Vec<Option<Outline>>,
    origin: Origin,
}

/// One file.
#[derive(Clone)]
pub struct Source {
    /// Its path; of an include, the real one.
    pub path: PathBuf,
    /// The key in the merged config that its value stands at.
    pub prefix: KeyPath,
    /// What it holds; may hold secrets.
    pub text: String,
    /// How it is written.
    pub format: Format,
    /// Permission bits.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// Whether it is reached through a symbolic link.
    pub symlink: bool,
}

/// Where a key stands in its file. Ranges are in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as an index into [`Survey::sources`].
    pub source: usize,
    /// The key with its quotes; empty for a list item.
    pub key: Range<usize>,
    /// The value; of an object or a list with its brackets.
    pub value: Range<usize>,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// Characters of the key and the value that are on that line.
    pub length: u32,
}

/// Why no single file takes an edit of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unowned {
    /// Several files are merged there.
    #[error("several files are merged at `{key}`; edit the one that is meant: {}", paths(.files))]
    Merged {
        /// The merged key.
        key: KeyPath,
        /// The files.
        files: Vec<PathBuf>,
    },
    /// The value overrides that of an included file, which would come back.
    #[error("`{key}` overrides an included file; edit the one that is meant: {}", paths(.files))]
    Overridden {
        /// The key.
        key: KeyPath,
        /// The files, the one that counts last.
        files: Vec<PathBuf>,
    },
    /// The config as a whole is an include.
    #[error("the whole config is included from {}; edit that file", .file.display())]
    RootInclude {
        /// The included file.
        file: PathBuf,
    },
    /// An ancestor of the key holds no keys.
    #[error("`{key}` is not an object")]
    NotAnObject {
        /// The ancestor.
        key: KeyPath,
    },
    /// The config could not be read.
    #[error("the config could not be read")]
    Unread,
}

impl Survey {
    /// Reads `openclaw.json`. Includes may lie beside it and in `OPENCLAW_INCLUDE_ROOTS`.
    #[must_use]
    pub fn read(path: &Path, env: &Env) -> Self {
        Self::of(path, env, &OPENCLAW, values::refused::<Config>)
    }

    /// Reads `stockade.json`.
    #[must_use]
    pub fn read_own(path: &Path, env: &Env) -> Self {
        Self::of(path, env, &OWN, values::refused::<OwnConfig>)
    }

    /// Where a key counts; `None` when it stands nowhere, or in a file without known places.
    #[must_use]
    pub fn place(&self, key: &KeyPath) -> Option<Place> {
        self.place_of(*self.origin.find(key.parts())?.at.last()?)
    }

    /// Every key and list item that counts, with its place, sorted by key.
    #[must_use]
    pub fn places(&self) -> Vec<(KeyPath, Place)> {
        let mut places = Vec::new();
        let mut waiting = vec![(KeyPath::default(), &self.origin)];
        while let Some((key, origin)) = waiting.pop() {
            let place = origin.at.last().and_then(|spot| self.place_of(*spot)).filter(|_| key.parent().is_some());
            waiting.extend(origin.children().map(|(part, below)| (key.child(part), below)));
            places.extend(place.map(|place| (key, place)));
        }
        places.sort_by(|(left, _), (right, _)| left.cmp(right));
        places
    }

    /// The file into which an edit of a key goes, and the key within that file: the file that holds the
    /// key, or else its nearest ancestor that is there.
    ///
    /// # Errors
    /// [`Unowned`] when the edit of one file would not have the meant effect.
    pub fn owner(&self, key: &KeyPath) -> Result<(usize, KeyPath), Unowned> {
        let (mut origin, mut value) = (&self.origin, Some(&self.value));
        let mut found = KeyPath::default();
        for part in key.parts() {
            let (Some(below), Some(above)) = (origin.get(part), value) else { break };
            // The items of joined lists are counted on, and have other numbers in their files.
            if above.is_array() && origin.at.len() > 1 {
                return Err(Unowned::Merged { key: found, files: self.files(origin) });
            }
            (origin, value) = (below, above.get(part).or_else(|| above.get(part.parse::<usize>().ok()?)));
            found = found.child(part);
        }
        let whole = found == *key;
        if !whole && !value.is_some_and(Value::is_object) {
            return Err(Unowned::NotAnObject { key: found });
        }
        let Some(spot) = origin.at.last() else { return Err(Unowned::Unread) };
        if origin.at.len() > 1 && value.is_some_and(|value| value.is_object() || value.is_array()) {
            return Err(Unowned::Merged { key: found, files: self.files(origin) });
        }
        if origin.at.len() > 1 {
            return Err(Unowned::Overridden { key: found, files: self.files(origin) });
        }
        let source = self.sources.get(spot.source).ok_or(Unowned::Unread)?;
        if spot.source != 0 && source.prefix.parts().is_empty() {
            return Err(Unowned::RootInclude { file: source.path.clone() });
        }
        let within = key.parts().strip_prefix(source.prefix.parts()).ok_or(Unowned::Unread)?;
        Ok((spot.source, within.iter().map(String::as_str).collect()))
    }

    fn of(path: &Path, env: &Env, rules: &Rules, refused: fn(&Value, &Env) -> Vec<values::Refused>) -> Self {
        let missing = std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
        if missing {
            return Self::absent();
        }
        // A lenient reading has no error of its own.
        let Ok(mut tree) = Tree::read(path, &include_roots(env), Reading::Lenient) else { return Self::absent() };
        let mut faults = std::mem::take(&mut tree.faults);
        faults.extend(tree.sources.iter().filter_map(disagreement));
        let fault = |kind, key: &[String], what| {
            let (file, line) = tree
                .spot(key)
                .map_or((path, None), |(source, node)| (source.path.as_path(), node.map(|node| node.line)));
            Fault::at(kind, file, line, what).of(key)
        };
        for found in known_keys::irregular(&tree.value, rules, |found| found.len() >= MAX_IRREGULAR) {
            let retired = found.kind == NoteKind::RetiredKey;
            let kind = if retired { FaultKind::RetiredKey } else { FaultKind::UnknownKey };
            faults.push(fault(kind, &found.key, found.what()));
        }
        // Where an include was left out, what stands there is not what was written.
        let left_out: Vec<KeyPath> = faults.iter().filter_map(Fault::left_out).cloned().collect();
        for found in refused(&tree.value, env) {
            if left_out.iter().any(|key| key.parts() == found.key) {
                continue;
            }
            let what = format!("`{}`: {}", include::dotted(&found.key), found.expected);
            faults.push(fault(FaultKind::InvalidValue, &found.key, what));
        }
        let (sources, outlines) = tree.sources.into_iter().map(surveyed).unzip();
        Self { value: tree.value, sources, faults, present: true, outlines, origin: tree.origin }
    }

    fn files(&self, origin: &Origin) -> Vec<PathBuf> {
        origin.at.iter().filter_map(|spot| Some(self.sources.get(spot.source)?.path.clone())).collect()
    }

    fn absent() -> Self {
        let (value, origin) = (Value::Object(serde_json::Map::new()), Origin::default());
        Self { value, sources: Vec::new(), faults: Vec::new(), present: false, outlines: Vec::new(), origin }
    }

    fn place_of(&self, spot: Spot) -> Option<Place> {
        let outline = self.outlines.get(spot.source)?.as_ref()?;
        let node = outline.nodes.get(spot.node?)?;
        let text = &self.sources.get(spot.source)?.text;
        Some(Place {
            source: spot.source,
            key: node.key.clone(),
            value: node.value.clone(),
            line: number(node.line),
            column: number(node.column),
            length: number(length(text, node)),
        })
    }
}

impl fmt::Debug for Survey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Survey({:?}, {:?})", self.sources, self.faults)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at `{}` ({:04o})", self.path.display(), self.prefix, self.mode)
    }
}

fn surveyed(source: include::Source) -> (Source, Option<Outline>) {
    let include::Source { path, prefix, outline, format, file } = source;
    let (text, mode, uid, symlink) =
        file.map(|file| (file.text, file.mode, file.uid, file.symlink)).unwrap_or_default();
    (Source { path, prefix: prefix.into_iter().collect(), text, format, mode, uid, symlink }, outline)
}

fn disagreement(source: &include::Source) -> Option<Fault> {
    let file = source.file.as_ref().filter(|_| source.format == Format::Json5)?;
    let Err(EditError::Disagreement { line, key, why }) = edit::agreed(source.format, &file.text) else { return None };
    let fault = Fault::at(FaultKind::ParserDisagreement, &source.path, line, why);
    let key: Option<Vec<String>> = key.map(|key| source.prefix.iter().cloned().chain(key.parts().to_vec()).collect());
    Some(key.map_or_else(|| fault.clone(), |key| fault.clone().of(&key)))
}

fn length(text: &str, node: &Node) -> usize {
    let written = text.get(node.start()..node.value.end).unwrap_or_default();
    written.chars().take_while(|c| !matches!(c, '\n' | '\r')).count()
}

fn paths(files: &[PathBuf]) -> String {
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
}

const MAX_IRREGULAR: usize = 1_000;

#[cfg(test)]
mod tests;
