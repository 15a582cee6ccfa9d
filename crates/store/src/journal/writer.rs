//! The one thread that writes. It takes all that is queued, writes and syncs it once, and answers everyone:
//! the more is asked of it at a time, the less each record costs.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use stockade_core::Clock;

use super::head::Head;
use super::record::{Draft, Record};
use super::seal::Seal;
use super::{Appended, FILE, HEAD_FILE, JournalError};
use crate::folder::{FileError, Folder};

/// Entries that are written together or not at all, and whom to tell.
pub(super) struct Job {
    pub(super) drafts: Vec<Draft>,
    pub(super) then: Then,
}

type Then = Box<dyn FnOnce(Result<Appended, JournalError>) + Send>;

/// The state of the writing end.
pub(super) struct Writer {
    folder: Folder,
    file: File,
    inode: u64,
    head_file: File,
    seal: Seal,
    head: Head,
    clock: Arc<dyn Clock>,
    /// Since when the head on the disk may lag.
    unsynced: Option<Instant>,
    /// After a failure whose extent is unknown nothing more is written until a new opening has checked the end.
    failed: Option<JournalError>,
}

impl Writer {
    pub(super) const fn new(
        folder: Folder,
        file: File,
        inode: u64,
        head_file: File,
        seal: Seal,
        head: Head,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { folder, file, inode, head_file, seal, head, clock, unsynced: None, failed: None }
    }

    /// Writes what is queued until every sender is gone.
    pub(super) fn run(mut self, queue: &Receiver<Job>) {
        loop {
            let first = match self.unsynced {
                Some(since) => queue.recv_timeout(SYNC_EVERY.saturating_sub(since.elapsed())),
                None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match first {
                Ok(job) => self.commit(batch(job, queue)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.unsynced.is_some_and(|since| since.elapsed() >= SYNC_EVERY) {
                self.sync_head();
            }
        }
        self.sync_head();
        // Explicitly: a child process that is between `fork` and `exec` at this moment shares the descriptor, and with
        // it the lock, which closing our copy would leave in its hands.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }

    /// Writes a batch and answers everyone in it.
    fn commit(&mut self, jobs: Vec<Job>) {
        let (mut head, mut bytes, mut waiting) = (self.head, String::new(), Vec::new());
        for Job { drafts, then } in jobs {
            let (before, length) = (head, bytes.len());
            match drafts.into_iter().try_for_each(|draft| self.chain(draft, &mut head, &mut bytes)) {
                Ok(()) => waiting.push((then, Appended { seq: head.seq, hash: head.hash })),
                Err(error) => {
                    head = before;
                    bytes.truncate(length);
                    then(Err(error));
                }
            }
        }
        let written = match self.failed.clone() {
            Some(error) => Err(error),
            None if waiting.is_empty() => Ok(()),
            None => self.write(bytes.as_bytes(), head),
        };
        for (then, appended) in waiting {
            then(written.clone().map(|()| appended));
        }
    }

    /// Adds one record to what will be written.
    fn chain(&self, draft: Draft, head: &mut Head, bytes: &mut String) -> Result<(), JournalError> {
        let (line, hash) = Record::write(draft, head.seq + 1, self.clock.now(), head.hash, &self.seal)?;
        bytes.push_str(&line);
        *head = Head { seq: head.seq + 1, end: head.end + line.len() as u64, hash };
        Ok(())
    }

    fn write(&mut self, bytes: &[u8], head: Head) -> Result<(), JournalError> {
        let system = |doing, error| FileError::system(doing, self.folder.path_of(FILE), error);
        if let Err(error) = self.require_untouched() {
            return Err(self.fail(error));
        }
        if let Err(error) = self.file.write_all_at(bytes, self.head.end) {
            let error = JournalError::from(system("write", error));
            // A full disk: what was written of the batch is taken back, and a later batch may find room.
            return match self.file.set_len(self.head.end) {
                Ok(()) => Err(error),
                Err(_) => Err(self.fail(error)),
            };
        }
        if let Err(error) = self.file.sync_data() {
            // The kernel may have dropped the pages: a second sync that succeeds would prove nothing.
            let error = system("sync", error);
            return Err(self.fail(error.into()));
        }
        self.head = head;
        if let Err(error) = head.write(&self.head_file, &self.folder, &self.seal) {
            return Err(self.fail(error.into()));
        }
        self.unsynced.get_or_insert_with(Instant::now);
        Ok(())
    }

    /// Answers "remove or swap the journal under the running gateway": what is at its name must be the file that is
    /// open here, as long as it was left.
    fn require_untouched(&self) -> Result<(), JournalError> {
        let tampered = |what| JournalError::Tampered { file: self.folder.path_of(FILE), what };
        match self.folder.identity(FILE) {
            Ok((inode, _)) if inode != self.inode => Err(tampered("replaced")),
            Ok((_, size)) if size != self.head.end => Err(tampered("changed")),
            Ok(_) => Ok(()),
            Err(error) if error.is_absent() => Err(tampered("removed")),
            Err(error) => Err(error.into()),
        }
    }

    fn sync_head(&mut self) {
        if self.unsynced.take().is_some()
            && let Err(error) = self.head_file.sync_data()
        {
            self.fail(FileError::system("sync", self.folder.path_of(HEAD_FILE), error).into());
        }
    }

    fn fail(&mut self, error: JournalError) -> JournalError {
        self.failed = Some(error.clone());
        error
    }
}

/// What is queued now, up to a bound.
fn batch(first: Job, queue: &Receiver<Job>) -> Vec<Job> {
    let mut entries = first.drafts.len();
    let mut jobs = vec![first];
    while entries < MAX_BATCH
        && let Ok(job) = queue.try_recv()
    {
        entries += job.drafts.len();
        jobs.push(job);
    }
    jobs
}

/// How long the head on the disk may lag behind the records on the disk. After a power cut, records younger than this
/// could be cut off without being missed.
pub(super) const SYNC_EVERY: Duration = Duration::from_secs(1);
/// Entries that share one sync, and at most one job's more; bounds the memory of a batch.
const MAX_BATCH: usize = 256;
