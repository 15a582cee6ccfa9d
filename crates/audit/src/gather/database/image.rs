//! What a database holds now: its file, and the committed part of its log put over it.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::super::regular::{Regular, trouble};
use super::wal;
use crate::snapshot::Trouble;

/// Where the pages of a database are.
#[derive(Debug)]
pub(super) enum Contents {
    /// In memory.
    Image(Vec<u8>),
    /// In this file, which is too large for memory.
    File(File),
}

/// What a database holds; `None` when there is none. What may be missing of it is said in `troubles`.
///
/// # Errors
/// A [`Trouble`] when it is no database that can be read.
pub(super) fn contents(path: &Path, troubles: &mut Vec<Trouble>) -> Result<Option<Contents>, Trouble> {
    let Some(main) = Regular::open(path)? else { return Ok(None) };
    if main.size() == 0 {
        return Err(trouble(path, "it is empty: there is no database in it"));
    }
    let mut start = [0_u8; 16];
    let begins = main.file.read_exact_at(&mut start, 0);
    if begins.is_err() || start != *MAGIC {
        return Err(trouble(path, "it is no SQLite database, or an encrypted one"));
    }
    troubles.extend(hot_journal(path));
    let log = match log(path) {
        Ok(log) => log,
        Err(trouble) => {
            troubles.push(trouble);
            None
        }
    };
    if main.size() <= MAX_IMAGE {
        return image(path, &main, log, troubles).map(|image| Some(Contents::Image(image)));
    }
    if log.is_some() {
        troubles.push(log_left_out(path));
    }
    Ok(Some(Contents::File(main.file)))
}

/// The database in memory, read again when somebody wrote in between.
fn image(path: &Path, main: &Regular, log: Option<Regular>, troubles: &mut Vec<Trouble>) -> Result<Vec<u8>, Trouble> {
    let (mut image, mut whole, mut steady) = (Vec::new(), true, false);
    for _ in 0..ATTEMPTS {
        let before = (stamp(main), log.as_ref().map(head));
        image = bytes(path, &main.file, MAX_IMAGE)?;
        let written = log.as_ref().map(|log| bytes(&beside(path, "-wal"), &log.file, MAX_LOG)).transpose()?;
        steady = before == (stamp(main), log.as_ref().map(head));
        whole = written.is_none_or(|written| put_over(&mut image, &written));
        if steady {
            break;
        }
    }
    if !steady {
        let what = "it was written again and again while it was read: what was read may not fit together";
        troubles.push(trouble(path, what));
    }
    if !whole {
        troubles.push(log_left_out(path));
    }
    // SQLite looks for no log beside the image.
    if let Some(versions) = image.get_mut(18..20) {
        versions.fill(1);
    }
    Ok(image)
}

/// Puts the log over the image; `false` when the database is too large with it.
fn put_over(image: &mut Vec<u8>, log: &[u8]) -> bool {
    let Some(committed) = wal::committed(log).filter(|committed| committed.pages > 0) else { return true };
    let fits = committed.pages.saturating_mul(committed.page_size) as u64 <= MAX_IMAGE;
    if fits {
        committed.over(image);
    }
    fits
}

fn log_left_out(path: &Path) -> Trouble {
    let what = format!(
        "with its log it is larger than {MAX_IMAGE} bytes: only the file was read, so that what was written last may be \
         missed; stop the gateway, or run PRAGMA wal_checkpoint(TRUNCATE), and audit again"
    );
    trouble(path, what)
}

/// The log, when there is something in it.
fn log(path: &Path) -> Result<Option<Regular>, Trouble> {
    let log = Regular::open(&beside(path, "-wal"))?.filter(|log| log.size() > 0);
    match log {
        Some(log) if log.size() > MAX_LOG => {
            let what =
                format!("it is larger than {MAX_LOG} bytes, and was not read: what was written last may be missed");
            Err(trouble(&beside(path, "-wal"), what))
        }
        log => Ok(log),
    }
}

/// A journal that would be rolled back: what stands in the database is the middle of a transaction.
fn hot_journal(path: &Path) -> Option<Trouble> {
    let path = beside(path, "-journal");
    let journal = match Regular::open(&path) {
        Ok(journal) => journal?,
        Err(trouble) => return Some(trouble),
    };
    let mut start = [0_u8; 8];
    journal.file.read_exact_at(&mut start, 0).ok()?;
    (start == JOURNAL).then(|| {
        trouble(
            &path,
            "a transaction is under way or was cut off: what was read of the database may be in the middle of it",
        )
    })
}

fn bytes(path: &Path, file: &File, limit: u64) -> Result<Vec<u8>, Trouble> {
    let say = |error: std::io::Error| trouble(path, format!("it cannot be read: {error}"));
    let mut file = file;
    std::io::Seek::rewind(&mut file).map_err(say)?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(say)?;
    if bytes.len() as u64 > limit {
        return Err(trouble(path, format!("it is larger than {limit} bytes, and was not read")));
    }
    Ok(bytes)
}

/// Changes when the file is written.
fn stamp(regular: &Regular) -> Option<(i64, i64, i64)> {
    let stat = rustix::fs::fstat(&regular.file).ok()?;
    Some((stat.st_size, stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0)))
}

/// Changes when a log begins anew.
fn head(log: &Regular) -> [u8; 32] {
    let mut head = [0_u8; 32];
    let _ = log.file.read_at(&mut head, 0);
    head
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// The name by which SQLite opens a file that is open already: whatever stands at its path by now.
pub(super) fn uri(file: &File) -> String {
    format!("file:/proc/self/fd/{}?immutable=1&mode=ro", file.as_raw_fd())
}

/// A database that is larger is not read into memory.
pub(super) const MAX_IMAGE: u64 = 32 * 1024 * 1024;
/// A log that is larger is not read; OpenClaw's are written back at about 4 MiB.
const MAX_LOG: u64 = 32 * 1024 * 1024;
const ATTEMPTS: usize = 3;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const JOURNAL: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
