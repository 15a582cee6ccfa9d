//! The journal: one hash-chained record for every stage of every turn, in `journal.jsonl`.
//!
//! It answers "cover the tracks": who changes, removes, reorders, adds or truncates records without
//! the key in `journal.key` is found by [`verify()`]. Each record carries the hash of the one before
//! it, the hashes are keyed (HMAC-SHA256), and a sealed head names the last one. What it cannot
//! answer: someone who holds the key, or who puts back an older copy of all three files together.
//!
//! No secret enters: every string passes the [`Redactor`] before it is
//! hashed and written. An entry that could not be made durable is an error, so that nothing runs
//! that was not recorded.

mod head;
mod lines;
mod opening;
mod record;
mod seal;
mod trace;
mod verify;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use stockade_core::{Clock, Digest, Redactor};
use thiserror::Error;

use crate::folder::{FileError, Folder};
use writer::{Job, Writer};

pub use record::{Entry, Record};
pub use trace::{tail, trace};
pub use verify::{Verified, verify};

/// A journal open for writing; one per store folder, held by a lock. Dropping it writes out what is queued.
#[derive(Debug)]
pub struct Journal {
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    redactor: Redactor,
}

/// Where an entry ended up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The number of the record, from 1.
    pub seq: u64,
    /// Its hash.
    pub hash: Digest,
}

/// A journal that could not be opened or written.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum JournalError {
    /// One of its files could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another process writes it.
    #[error("{} is in use by another gateway: stop that one, or use another state directory", file.display())]
    Locked {
        /// The journal.
        file: PathBuf,
    },
    /// It does not verify.
    #[error("{0}; see `stockade journal verify`, then keep journal.* as evidence and move them away to start anew")]
    Broken(#[from] Broken),
    /// Someone else removed, replaced or changed it while it was open.
    #[error("{} was {what} while the gateway was writing it; nothing runs until it is restarted", file.display())]
    Tampered {
        /// The journal.
        file: PathBuf,
        /// What was seen.
        what: &'static str,
    },
    /// The entry cannot be encoded within the bound of a record.
    #[error("a journal entry cannot be encoded within {} bytes", record::MAX_LINE)]
    Encoding,
    /// The writer has ended.
    #[error("the journal is closed")]
    Closed,
}

/// The first thing that is wrong with a journal.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{} is broken{}: {why}", file.display(), at.map(|at| format!(" at record {at}")).unwrap_or_default())]
pub struct Broken {
    /// Which file.
    pub file: PathBuf,
    /// Which record, from 1; it is also the line. None when it is the key or the head that is wrong.
    pub at: Option<u64>,
    /// What is wrong.
    pub why: String,
}

impl Journal {
    /// Opens the journal of a store folder (`<state>/stockade`), making both when they are absent. The end of the
    /// journal is verified, not the whole of it. What a crash left half-written is cut off, and that is recorded.
    ///
    /// # Errors
    /// When a file cannot be used, another process holds the journal, or its end does not verify.
    pub fn open(dir: &Path, redactor: Redactor, clock: Arc<dyn Clock>) -> Result<Self, JournalError> {
        let (writer, notice) = Writer::open(Folder::private(dir)?, clock)?;
        let (jobs, queue) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run(&queue))
            .map_err(|error| FileError::system("start the writer of", dir, error))?;
        let journal = Self { jobs: Some(jobs), thread: Some(thread), redactor };
        if let Some(entry) = notice {
            journal.append(entry)?;
        }
        Ok(journal)
    }

    /// Appends an entry; returns when it is on the disk, together with whatever was queued beside it.
    ///
    /// # Errors
    /// When it could not be made durable; then what it announces must not run.
    pub fn append(&self, entry: Entry) -> Result<Appended, JournalError> {
        let (answer, answered) = sync_channel(1);
        self.append_then(entry, move |result| {
            // The receiver waits below; it cannot be gone.
            let _ = answer.send(result);
        })?;
        answered.recv().unwrap_or(Err(JournalError::Closed))
    }

    /// Appends an entry and calls `then` with the outcome, from the writer's thread, when it is on the disk: for
    /// callers that may not block. `then` must be quick. Blocks only while [`QUEUE`] entries are waiting.
    ///
    /// # Errors
    /// When the entry cannot be encoded or the writer has ended; then `then` is not called.
    pub fn append_then(
        &self,
        entry: Entry,
        then: impl FnOnce(Result<Appended, JournalError>) + Send + 'static,
    ) -> Result<(), JournalError> {
        self.append_all_then(vec![entry], then)
    }

    /// Appends several entries, all of them or none, and calls `then` with the outcome of the last, as
    /// [`Journal::append_then`] does.
    ///
    /// # Errors
    /// When an entry cannot be encoded or the writer has ended; then `then` is not called, and none is appended.
    pub fn append_all_then(
        &self,
        entries: Vec<Entry>,
        then: impl FnOnce(Result<Appended, JournalError>) + Send + 'static,
    ) -> Result<(), JournalError> {
        let drafts = entries.into_iter().map(|entry| entry.draft(&self.redactor)).collect::<Result<_, _>>()?;
        let jobs = self.jobs.as_ref().ok_or(JournalError::Closed)?;
        jobs.send(Job { drafts, then: Box::new(then) }).map_err(|_| JournalError::Closed)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has already failed everyone who waited for it.
            let _ = thread.join();
        }
    }
}

/// Entries that may wait for the writer.
pub const QUEUE: usize = 1024;

/// The records, one JSON object a line.
pub const FILE: &str = "journal.jsonl";
/// The sealed name of the last record.
pub const HEAD_FILE: &str = "journal.head";
/// The key of the seals.
pub const KEY_FILE: &str = "journal.key";
