//! The head: the number, end and hash of the last record, sealed. It is what finds a cut tail.
//!
//! Crash order: records are written and synced first, then the head is written in place over itself
//! (172 bytes in the file's first sector, which a disk writes whole or not at all). So the head may
//! lag behind the records, by at most [`SYNC_EVERY`](super::writer::SYNC_EVERY) after a power cut and not at all after
//! a killed process, and it never runs ahead of them. A head that lags is no alarm: the records
//! after it chain on from it under the same key.
//!
//! A head that does not verify is broken, always. A second copy to fall back to would let whoever
//! spoils the first one cut the journal back to the second.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use stockade_core::Digest;

use super::record::Record;
use super::seal::Seal;
use super::{Broken, HEAD_FILE, JournalError};
use crate::folder::{FileError, Folder};

/// The end of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// The number of the last record; 0 when there is none.
    pub(super) seq: u64,
    /// The bytes of the journal up to and with that record.
    pub(super) end: u64,
    /// Its hash.
    pub(super) hash: Digest,
}

impl Head {
    /// The head of an empty journal.
    pub(super) fn genesis() -> Self {
        Self { seq: 0, end: 0, hash: Seal::genesis() }
    }

    /// Reads and checks the head.
    pub(super) fn read(folder: &Folder, seal: &Seal) -> Result<Self, JournalError> {
        let broken = |why: &str| Broken { file: folder.path_of(HEAD_FILE), at: None, why: why.to_owned() };
        for _ in 0..ATTEMPTS {
            let bytes = match folder.read_whole(HEAD_FILE, MAX_FILE) {
                Ok(bytes) => bytes,
                Err(error) if error.is_absent() => {
                    return Err(broken("it is missing: the tail cannot be verified").into());
                }
                Err(error) => return Err(error.into()),
            };
            if let Some(head) = std::str::from_utf8(&bytes).ok().and_then(|text| Self::parse(text, seal)) {
                return Ok(head);
            }
            // A reader beside a running gateway may have caught the head half-written.
            std::thread::sleep(PAUSE);
        }
        Err(broken("its seal does not match: it was changed, or the key was").into())
    }

    /// Moves on over the next line of the journal (given without its newline), if it chains.
    pub(super) fn follow(&mut self, line: &[u8], seal: &Seal) -> Result<Record, String> {
        let record = Record::read(line, seal)?;
        let expected = self.seq + 1;
        if record.seq != expected {
            return Err(format!("it is numbered {}: a record was removed, added or moved", record.seq));
        }
        if record.prev != self.hash {
            return Err("it does not follow the record before it".to_owned());
        }
        *self = Self { seq: expected, end: self.end + line.len() as u64 + 1, hash: record.hash };
        Ok(record)
    }

    /// Writes the head over the old one.
    pub(super) fn write(&self, file: &File, folder: &Folder, seal: &Seal) -> Result<(), FileError> {
        file.write_all_at(self.text(seal).as_bytes(), 0)
            .map_err(|error| FileError::system("write", folder.path_of(HEAD_FILE), error))
    }

    fn text(&self, seal: &Seal) -> String {
        let body = format!("{:020} {:020} {}", self.seq, self.end, self.hash);
        let mac = seal.head(body.as_bytes());
        format!("{body} {mac}\n")
    }

    /// Only the exact bytes that [`Head::text`] writes are a head.
    fn parse(text: &str, seal: &Seal) -> Option<Self> {
        let mut fields = text.split(' ');
        let head = Self {
            seq: fields.next()?.parse().ok()?,
            end: fields.next()?.parse().ok()?,
            hash: Digest::from_hex(fields.next()?)?,
        };
        (head.text(seal) == text).then_some(head)
    }
}

const MAX_FILE: u64 = 512;
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(2);
