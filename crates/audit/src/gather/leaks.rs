//! Secrets in plain text in the files of an install. What is found leaves masked. What it must never do: follow a link,
//! open what is no regular file (a pipe would hold it, a device would act), or take more memory for a file full of
//! keys than for one with none: whoever writes a transcript writes what is read here.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, SeekFrom};
use rustix::io::Errno;
use stockade_core::Secret;

use super::config::Redaction;
use crate::secrets::{Hit, Scanner, mask};
use crate::snapshot::Trouble;
use crate::snapshot::leaks::{Leak, Where};

mod places;

pub use places::{histories, units};

/// A file to look through.
#[derive(Debug)]
pub struct Candidate {
    shown: String,
    within: Where,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Open(OwnedFd),
    Beneath(Arc<OwnedFd>, PathBuf),
    Path(PathBuf),
}

impl Candidate {
    /// A file by its path. A link at its end is not followed.
    pub fn at(path: impl Into<PathBuf>, within: Where) -> Self {
        let path = path.into();
        Self { shown: path.display().to_string(), within, source: Source::Path(path) }
    }

    /// A file below a folder that is open. No link on the way is followed. `shown` is its path in reports.
    pub fn beneath(folder: Arc<OwnedFd>, path: impl Into<PathBuf>, shown: impl Into<String>, within: Where) -> Self {
        Self { shown: shown.into(), within, source: Source::Beneath(folder, path.into()) }
    }

    /// A file that is open for reading, from where it stands. `shown` is its path in reports.
    pub fn open(file: OwnedFd, shown: impl Into<String>, within: Where) -> Self {
        Self { shown: shown.into(), within, source: Source::Open(file) }
    }
}

/// Looks through files for secrets, and byte for byte for those that are `known`: the gateway's own. A link, a pipe
/// and what is gone are passed over; what cannot be read, and what was found beyond the bounds, is a trouble. Sorted.
pub fn scan<I>(candidates: I, redaction: &Redaction, known: &[Secret]) -> (Vec<Leak>, Vec<Trouble>)
where
    I: Iterator<Item = Candidate> + Send,
{
    let scan = Scan { scanner: Scanner::new(known), redaction, listed: AtomicUsize::new(0) };
    let candidates = Mutex::new(candidates);
    let work = || {
        let (mut buffer, mut leaks, mut troubles) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            let next = candidates.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(candidate) = next else { return (leaks, troubles) };
            scan.file(candidate, &mut buffer, &mut leaks, &mut troubles);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(THREADS));
    let (mut leaks, mut troubles) = std::thread::scope(|scope| {
        let others: Vec<_> =
            (1..threads).filter_map(|_| std::thread::Builder::new().spawn_scoped(scope, work).ok()).collect();
        let (mut leaks, mut troubles) = work();
        for (more, wrong) in others.into_iter().filter_map(|other| other.join().ok()) {
            leaks.extend(more);
            troubles.extend(wrong);
        }
        (leaks, troubles)
    });
    leaks.sort_by(|left, right| (&left.path, left.line, &left.rule).cmp(&(&right.path, right.line, &right.rule)));
    troubles.sort_by(|left, right| (&left.path, &left.what).cmp(&(&right.path, &right.what)));
    (leaks, troubles)
}

struct Scan<'r> {
    scanner: Scanner,
    redaction: &'r Redaction,
    listed: AtomicUsize,
}

impl Scan<'_> {
    fn file(&self, candidate: Candidate, buffer: &mut Vec<u8>, leaks: &mut Vec<Leak>, troubles: &mut Vec<Trouble>) {
        let Candidate { shown, within, source } = candidate;
        let mut trouble = |what: String| {
            if troubles.len() < MOST_LEAKS {
                troubles.push(Trouble { path: shown.clone(), what });
            }
        };
        let (mut reader, open) = match opened(source) {
            Ok(Some(opened)) => opened,
            Ok(None) => return,
            Err(error) => return trouble(format!("cannot be looked through for secrets: {error}")),
        };
        let mut found: BTreeMap<(&'static str, String), Leak> = BTreeMap::new();
        let (mut hits, mut unlisted) = (0_usize, 0_usize);
        let read = self.scanner.scan(&mut reader, buffer, |hit| {
            hits += 1;
            let key = (hit.rule, self.redaction.digest(hit.secret));
            if let Some(leak) = found.get_mut(&key) {
                leak.count = leak.count.saturating_add(1);
            } else if found.len() < MOST_IN_FILE && self.listed.fetch_add(1, Ordering::Relaxed) < MOST_LEAKS {
                let leak = leak(&shown, within, open, &hit, key.1.clone());
                found.insert(key, leak);
            } else {
                unlisted += 1;
            }
            if hits < MOST_HITS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        if let Err(error) = read {
            trouble(format!("could not be looked through to its end: {error}"));
        }
        if hits >= MOST_HITS {
            trouble(format!("holds {MOST_HITS} secrets or more: what stands behind them was not looked at"));
        } else if unlisted > 0 {
            trouble(format!("holds more secrets than are listed: {unlisted} were seen beside those that are"));
        }
        leaks.extend(found.into_values());
    }
}

fn leak(shown: &str, within: Where, open: bool, hit: &Hit<'_>, digest: String) -> Leak {
    Leak {
        path: shown.to_owned(),
        within,
        open,
        line: (within != Where::Database).then_some(hit.line),
        rule: hit.rule.to_owned(),
        what: hit.what.to_owned(),
        masked: mask(hit.secret),
        digest,
        count: 1,
    }
}

/// Reads what was there when the file was opened and no more: a log that grows as fast as it is read has an end. A hole
/// is passed over, and is one byte of zero to the reader: a file that is nothing but a name and a size of a terabyte
/// takes no time.
struct Bounded {
    file: File,
    at: u64,
    left: u64,
    /// The bytes from `at` on that are known to be no hole.
    solid: u64,
}

impl Bounded {
    fn new(file: File, size: u64) -> Self {
        Self { file, at: 0, left: size, solid: 0 }
    }

    /// Goes to where the next data are. Whether there was a hole.
    fn next_data(&mut self) -> bool {
        let data = match rustix::fs::seek(&self.file, SeekFrom::Data(self.at)) {
            Ok(data) => data,
            Err(Errno::NXIO) => self.at.saturating_add(self.left),
            // A file system that knows no holes.
            Err(_) => {
                self.solid = self.left;
                return false;
            }
        };
        let hole = data.saturating_sub(self.at).min(self.left);
        self.at = self.at.saturating_add(hole);
        self.left -= hole;
        let end = rustix::fs::seek(&self.file, SeekFrom::Hole(self.at)).unwrap_or(u64::MAX);
        // Where the file is changed meanwhile, a byte at a time still comes to the end.
        self.solid = end.saturating_sub(self.at).max(1);
        hole > 0
    }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        if self.solid == 0 && self.next_data() {
            if self.left == 0 {
                return Ok(0);
            }
            if let Some(first) = buffer.first_mut() {
                *first = 0;
            }
            return Ok(1);
        }
        let most = usize::try_from(self.left.min(self.solid)).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(buffer.get_mut(..most).unwrap_or_default(), self.at)?;
        self.at = self.at.saturating_add(read as u64);
        self.left -= read as u64;
        self.solid -= read as u64;
        Ok(read)
    }
}

/// The file, and whether others may read it; nothing for what is passed over.
fn opened(source: Source) -> io::Result<Option<(Bounded, bool)>> {
    let file = match source {
        Source::Open(file) => Ok(file),
        Source::Path(path) => regular(CWD, path.as_os_str()),
        Source::Beneath(folder, path) => beneath(&folder, &path),
    };
    let file = match file {
        Ok(file) => file,
        Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR | Errno::NXIO | Errno::INVAL) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let stat = rustix::fs::fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Ok(None);
    }
    let open = Mode::from_raw_mode(stat.st_mode).intersects(Mode::RGRP | Mode::ROTH);
    Ok(Some((Bounded::new(File::from(file), u64::try_from(stat.st_size).unwrap_or(0)), open)))
}

/// Opens a file below a folder, a step at a time, so that no step is a link.
fn beneath(folder: &OwnedFd, path: &Path) -> Result<OwnedFd, Errno> {
    let mut steps = path.components().map(|step| match step {
        Component::Normal(name) => Ok(name),
        _ => Err(Errno::INVAL),
    });
    let mut name = steps.next().ok_or(Errno::INVAL)??;
    let mut held: Option<OwnedFd> = None;
    for next in steps {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        held = Some(rustix::fs::openat(held.as_ref().unwrap_or(folder), name, flags, Mode::empty())?);
        name = next?;
    }
    regular(held.as_ref().unwrap_or(folder), name)
}

/// Opens a regular file: asks first, so that a device is never opened, and does not wait if it became a pipe since.
fn regular<Fd: std::os::fd::AsFd>(folder: Fd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let stat = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Errno::INVAL);
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::openat(&folder, name, flags, Mode::empty())
}

/// Threads that look through files.
const THREADS: usize = 2;
/// The most secrets of one file that are listed.
const MOST_IN_FILE: usize = 50;
/// The most secrets that are listed.
const MOST_LEAKS: usize = 2_000;
/// The most that are looked at in one file.
const MOST_HITS: usize = 10_000;

#[cfg(test)]
mod tests;
