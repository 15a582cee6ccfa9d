//! What fixes did, and how to take it back: `<state>/stockade/fixes/<id>/record.json`, for the owner alone. Of a text
//! only the bytes that an edit took away are kept, so that a secret elsewhere in the file is not copied.
//!
//! A record is data, not authority: it is only taken from a folder that nobody else can write in, and
//! [`undo`](super::undo()) checks each of its claims against the files.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, Uid};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use stockade_core::{Digest, Timestamp};

use super::fault::FixError;
use super::handle::{Identity, folder, read, sync};

/// One run of `--fix` that can be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its name; sorts by time.
    pub id: String,
    /// When it began.
    pub at: Timestamp,
    /// Whether it came to its end; else it was interrupted, and undoing it restores what it had done.
    pub whole: bool,
    /// The files and folders that it changed.
    pub paths: Vec<String>,
}

/// The runs that can be undone, the oldest first.
///
/// # Errors
/// When the journal is not ours alone or cannot be read.
pub fn runs(state: &Path) -> Result<Vec<Run>, FixError> {
    let Some(journal) = Journal::open(state)? else { return Ok(Vec::new()) };
    let mut runs = Vec::new();
    for id in journal.ids()? {
        let Some(record) = journal.record(&id)? else { continue };
        let paths = record.steps.iter().map(|step| step.path().to_owned()).collect();
        runs.push(Run { whole: journal.is_whole(&id), id, at: record.at, paths });
    }
    Ok(runs)
}

/// What one run changes, in order, with the inverse of each step. Written before the first of them.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Record {
    pub(super) version: u32,
    pub(super) at: Timestamp,
    /// Whether `<state>/stockade` was made for it.
    pub(super) made_home: bool,
    pub(super) steps: Vec<Step>,
}

/// One change of a file or folder, by its absolute path without links.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) enum Step {
    /// Its permission bits.
    Mode { path: String, uid: u32, from: u32, to: u32, checks: Vec<String> },
    /// Its text.
    Text { path: String, uid: u32, from: Digest, to: Digest, splices: Vec<Splice>, checks: Vec<String> },
}

/// Bytes of the new text, and what stood in their place.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Splice {
    pub(super) at: usize,
    pub(super) length: usize,
    pub(super) was: String,
}

impl Step {
    pub(super) fn path(&self) -> &str {
        match self {
            Self::Mode { path, .. } | Self::Text { path, .. } => path,
        }
    }
}

/// The folder of the records, held open.
pub(super) struct Journal {
    state: OwnedFd,
    home: OwnedFd,
    fixes: OwnedFd,
    path: PathBuf,
    owner: u32,
    /// Whether `<state>/stockade` was made by this run.
    pub(super) made_home: bool,
}

impl Journal {
    /// The journal, if there is one.
    pub(super) fn open(state: &Path) -> Result<Option<Self>, FixError> {
        Self::enter(state, false)
    }

    /// Removes the folder of a journal that was cut off before there was anything in it.
    pub(super) fn remove_empty(state: &Path) {
        let held = state.canonicalize().and_then(|real| folder(&real));
        let _ = held.map(|held| rustix::fs::unlinkat(&held, HOME, AtFlags::REMOVEDIR));
    }

    /// The journal, made when there is none, for this process alone until it is dropped.
    pub(super) fn lock(state: &Path) -> Result<Self, FixError> {
        let missing = || FixError::Io { path: state.to_owned(), source: Errno::NOENT.into() };
        let journal = Self::enter(state, true)?.ok_or_else(missing)?;
        journal.claim()?;
        Ok(journal)
    }

    /// Keeps every other fix and undo out until this is dropped.
    pub(super) fn claim(&self) -> Result<(), FixError> {
        rustix::fs::flock(&self.fixes, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
            Errno::WOULDBLOCK => FixError::Busy { path: self.path.clone() },
            error => self.fault(error),
        })
    }

    /// The names of the runs, the oldest first.
    pub(super) fn ids(&self) -> Result<Vec<String>, FixError> {
        let listing = rustix::fs::Dir::read_from(&self.fixes).map_err(|error| self.fault(error))?;
        let mut ids = Vec::new();
        for entry in listing {
            let entry = entry.map_err(|error| self.fault(error))?;
            ids.extend(entry.file_name().to_str().ok().filter(|name| is_id(name)).map(str::to_owned));
        }
        ids.sort();
        Ok(ids)
    }

    /// The record of a run; `None` when it was never finished, or is gone.
    pub(super) fn record(&self, id: &str) -> Result<Option<Record>, FixError> {
        let refuse = |why: String| FixError::Record { id: id.to_owned(), why };
        if !is_id(id) {
            return Ok(None);
        }
        let Some(run) = self.private(&self.fixes, id)? else { return Ok(None) };
        let (text, identity) = match read(&run, OsStr::new(RECORD)) {
            Ok(found) => found,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(refuse(error.to_string())),
        };
        if !self.trusts(&identity) || identity.mode & 0o077 != 0 || identity.links != 1 {
            return Err(refuse("its file is not ours alone".into()));
        }
        // The parser's words could quote the file, which holds bytes of a config.
        let record: Record = serde_json::from_str(&text).map_err(|_| refuse("it cannot be read".into()))?;
        if record.version != VERSION {
            return Err(refuse(format!("its version is {}, and {VERSION} is known", record.version)));
        }
        Ok(Some(record))
    }

    /// Whether a run came to its end.
    pub(super) fn is_whole(&self, id: &str) -> bool {
        let done = format!("{id}/{DONE}");
        rustix::fs::statat(&self.fixes, done, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// Writes a record so that it is there whole or not at all, and survives a loss of power.
    pub(super) fn write(&self, id: &str, record: &Record) -> Result<(), FixError> {
        let run = match self.private(&self.fixes, id)? {
            Some(run) => run,
            None => self.make(&self.fixes, id)?,
        };
        let text = serde_json::to_vec(record).map_err(|error| self.fault(std::io::Error::other(error)))?;
        self.fill(&run, DRAFT, &text)?;
        rustix::fs::renameat(&run, DRAFT, &run, RECORD).map_err(|error| self.fault(error))?;
        sync(&run).and_then(|()| sync(&self.fixes)).map_err(|error| self.fault(error))
    }

    /// Notes that a run came to its end.
    pub(super) fn finish(&self, id: &str) -> Result<(), FixError> {
        let Some(run) = self.private(&self.fixes, id)? else { return Ok(()) };
        self.fill(&run, DONE, b"")?;
        sync(&run).map_err(|error| self.fault(error))
    }

    /// Removes a run that has nothing left to undo, and what was made for it when that is empty.
    pub(super) fn forget(&self, id: &str, made_home: bool) -> Result<(), FixError> {
        self.sweep(id)?;
        self.tidy(made_home);
        Ok(())
    }

    /// Makes sure that no run was cut off; what was cut off before its first step is removed.
    pub(super) fn expect_whole(&self) -> Result<(), FixError> {
        for id in self.ids()? {
            if self.record(&id)?.is_none() {
                self.sweep(&id)?;
            } else if !self.is_whole(&id) {
                return Err(FixError::Interrupted { id });
            }
        }
        Ok(())
    }

    /// Removes what runs left that were cut off before they changed anything.
    pub(super) fn sweep_unborn(&self) -> Result<(), FixError> {
        for id in self.ids()? {
            if self.record(&id)?.is_none() {
                self.sweep(&id)?;
            }
        }
        self.tidy(self.made_home);
        Ok(())
    }

    /// Whether the folders are those of runs that were cut off at their beginning: no other run is recorded, or the
    /// folder would be gone, and nothing else is kept beside it.
    fn is_left_over(&self, fixes: &OwnedFd) -> bool {
        let alone = names(&self.home).is_some_and(|names| names == [FIXES]);
        let recorded = |id: &String| {
            !is_id(id) || rustix::fs::statat(fixes, format!("{id}/{RECORD}"), AtFlags::SYMLINK_NOFOLLOW).is_ok()
        };
        alone && names(fixes).is_some_and(|ids| !ids.iter().any(recorded))
    }

    fn sweep(&self, id: &str) -> Result<(), FixError> {
        if let Some(run) = self.private(&self.fixes, id)? {
            for name in [RECORD, DRAFT, DONE] {
                match rustix::fs::unlinkat(&run, name, AtFlags::empty()) {
                    Ok(()) | Err(Errno::NOENT) => {}
                    Err(error) => return Err(self.fault(error)),
                }
            }
            rustix::fs::unlinkat(&self.fixes, id, AtFlags::REMOVEDIR).map_err(|error| self.fault(error))?;
        }
        Ok(())
    }

    /// Removes the folders of the journal when nothing is in them; `stockade/` only when a fix made it.
    pub(super) fn tidy(&self, made_home: bool) {
        let empty = rustix::fs::unlinkat(&self.home, FIXES, AtFlags::REMOVEDIR).is_ok();
        if empty && made_home {
            let _ = rustix::fs::unlinkat(&self.state, HOME, AtFlags::REMOVEDIR);
        }
        let _ = sync(&self.state);
    }

    fn enter(state: &Path, make: bool) -> Result<Option<Self>, FixError> {
        let io = |source: std::io::Error| FixError::Io { path: state.to_owned(), source };
        let real = match state.canonicalize() {
            Ok(real) => real,
            Err(error) if !make && error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        let held = folder(&real).map_err(io)?;
        let identity = Identity::of(&rustix::fs::fstat(&held).map_err(|error| io(error.into()))?);
        let euid = rustix::process::geteuid().as_raw();
        if identity.uid != euid && euid != 0 {
            return Err(FixError::Journal { path: real, why: "belongs to another user".into() });
        }
        let mut journal = Self {
            home: rustix::io::dup(&held).map_err(|error| io(error.into()))?,
            fixes: rustix::io::dup(&held).map_err(|error| io(error.into()))?,
            state: held,
            path: real.join(HOME).join(FIXES),
            owner: identity.uid,
            made_home: false,
        };
        journal.home = match journal.private(&journal.state, HOME)? {
            Some(home) => home,
            None if make => {
                journal.made_home = true;
                journal.make(&journal.state, HOME)?
            }
            None => return Ok(None),
        };
        let fixes = match journal.private(&journal.home, FIXES)? {
            Some(fixes) => {
                journal.made_home = journal.is_left_over(&fixes);
                fixes
            }
            None if make => journal.make(&journal.home, FIXES)?,
            None => return Ok(None),
        };
        // Readable, unlike the others, to be listed and locked.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        journal.fixes = rustix::fs::openat(&fixes, ".", flags, Mode::empty()).map_err(|error| journal.fault(error))?;
        Ok(Some(journal))
    }

    /// Opens a folder that nobody else can write in, and that is no link.
    fn private(&self, parent: &OwnedFd, name: &str) -> Result<Option<OwnedFd>, FixError> {
        let refuse = |why: &str| FixError::Journal { path: PathBuf::from(name), why: why.to_owned() };
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let held = match rustix::fs::openat(parent, name, flags, Mode::empty()) {
            Ok(held) => held,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(self.fault(error)),
        };
        let identity = Identity::of(&rustix::fs::fstat(&held).map_err(|error| self.fault(error))?);
        if identity.kind != rustix::fs::FileType::Directory {
            return Err(refuse("is a link or no folder"));
        }
        if !self.trusts(&identity) {
            return Err(refuse("belongs to another user"));
        }
        if identity.mode & 0o022 != 0 {
            return Err(refuse("can be written by others"));
        }
        Ok(Some(held))
    }

    fn make(&self, parent: &OwnedFd, name: &str) -> Result<OwnedFd, FixError> {
        rustix::fs::mkdirat(parent, name, Mode::RWXU).map_err(|error| self.fault(error))?;
        let gone = || self.fault(Errno::NOENT);
        let made = self.private(parent, name)?.ok_or_else(gone)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = rustix::fs::openat(&made, ".", flags, Mode::empty()).map_err(|error| self.fault(error))?;
        self.hand_over(&open)?;
        sync(parent).map_err(|error| self.fault(error))?;
        Ok(made)
    }

    fn fill(&self, run: &OwnedFd, name: &str, bytes: &[u8]) -> Result<(), FixError> {
        match rustix::fs::unlinkat(run, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(self.fault(error)),
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = rustix::fs::openat(run, name, flags, Mode::RUSR | Mode::WUSR).map_err(|error| self.fault(error))?;
        self.hand_over(&made)?;
        let mut file = std::fs::File::from(made);
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| self.fault(error))
    }

    /// Gives what root made to the owner of the install, who must be able to undo it.
    fn hand_over(&self, made: impl AsFd) -> Result<(), FixError> {
        if rustix::process::geteuid().is_root() && self.owner != 0 {
            let owner = Some(Uid::from_raw(self.owner));
            rustix::fs::fchown(made, owner, None).map_err(|error| self.fault(error))?;
        }
        Ok(())
    }

    fn trusts(&self, identity: &Identity) -> bool {
        identity.uid == self.owner || identity.uid == rustix::process::geteuid().as_raw()
    }

    fn fault(&self, source: impl Into<std::io::Error>) -> FixError {
        FixError::Io { path: self.path.clone(), source: source.into() }
    }
}

/// What is in a folder; `None` when that cannot be told.
fn names(folder: &OwnedFd) -> Option<Vec<String>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let open = rustix::fs::openat(folder, ".", flags, Mode::empty()).ok()?;
    let listing = rustix::fs::Dir::read_from(&open).ok()?;
    let names = listing.map(|entry| Some(entry.ok()?.file_name().to_str().ok()?.to_owned()));
    let names: Option<Vec<String>> = names.collect();
    names.map(|names| names.into_iter().filter(|name| name != "." && name != "..").collect())
}

/// A name for a run: its time and four random bytes.
pub(super) fn new_id(at: Timestamp) -> Result<String, FixError> {
    let failed =
        |what: &str| FixError::Io { path: PathBuf::from(FIXES), source: std::io::Error::other(what.to_owned()) };
    let mut random = [0_u8; 4];
    getrandom::fill(&mut random).map_err(|_| failed("the system gives no randomness"))?;
    let time = jiff::Timestamp::from_millisecond(at.0).map_err(|_| failed("the clock is beyond its range"))?;
    Ok(format!("{}-{:08x}", time.strftime("%Y%m%dT%H%M%S%3fZ"), u32::from_be_bytes(random)))
}

/// `20261123T013031123Z-1a2b3c4d`: no dot and no slash, so it names nothing but a folder here.
fn is_id(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    name.len() == 28 && name.bytes().all(plain)
}

pub(super) const VERSION: u32 = 1;
const HOME: &str = "stockade";
const FIXES: &str = "fixes";
const RECORD: &str = "record.json";
const DRAFT: &str = "record.json.new";
const DONE: &str = "done";
