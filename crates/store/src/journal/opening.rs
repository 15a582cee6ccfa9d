//! Opening a journal for writing: a first one is made, an existing one must end where its head says,
//! and what a crash left behind the head is either whole records, which stay, or half a line, which goes.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde_json::json;
use stockade_core::{Clock, Principal, Stage};

use super::head::Head;
use super::lines::{self, Line, Lines};
use super::record::Entry;
use super::seal::Seal;
use super::writer::Writer;
use super::{Broken, FILE, HEAD_FILE, JournalError, KEY_FILE};
use crate::folder::{FileError, Folder};

impl Writer {
    /// Locks, checks and repairs; answers what is to be recorded about it.
    pub(super) fn open(folder: Folder, clock: Arc<dyn Clock>) -> Result<(Self, Option<Entry>), JournalError> {
        let file = folder.write(FILE)?;
        // Held by this descriptor until it closes: two writers would each chain on the same record.
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
            Errno::WOULDBLOCK => JournalError::Locked { file: folder.path_of(FILE) },
            other => FileError::system("lock", folder.path_of(FILE), other).into(),
        })?;
        let seal = match Seal::read(&folder)? {
            Some(seal) => seal,
            None if length(&file, &folder)? == 0 => found(&folder)?,
            None => return Err(broken(&folder, KEY_FILE, None, "it is missing, and there are records").into()),
        };
        let sealed = Head::read(&folder, &seal)?;
        check_end(&file, &folder, &seal, sealed)?;
        let (head, torn) = read_on(&file, &folder, &seal, sealed)?;
        let head_file = folder.write(HEAD_FILE)?;
        if torn > 0 {
            let cut = |error| FileError::system("cut the torn end of", folder.path_of(FILE), error);
            file.set_len(head.end).and_then(|()| file.sync_data()).map_err(cut)?;
        }
        head.write(&head_file, &folder, &seal)?;
        let notice = (torn > 0 || head != sealed).then(|| Entry {
            detail: json!({ "event": "journal recovered", "records after the head": head.seq - sealed.seq,
                "bytes of a torn record": torn }),
            ..Entry::new(Stage::Control, Principal::Gateway)
        });
        let inode = file.metadata().map_err(|error| FileError::system("read", folder.path_of(FILE), error))?.ino();
        Ok((Self::new(folder, file, inode, head_file, seal, head, clock), notice))
    }
}

/// Makes key and head of a first journal. The key comes last, so that a key on the disk means that the rest was there.
fn found(folder: &Folder) -> Result<Seal, JournalError> {
    let (seal, key) = Seal::fresh()?;
    let head = folder.write(HEAD_FILE)?;
    head.set_len(0).map_err(|error| FileError::system("write", folder.path_of(HEAD_FILE), error))?;
    Head::genesis().write(&head, folder, &seal)?;
    head.sync_all().map_err(|error| FileError::system("sync", folder.path_of(HEAD_FILE), error))?;
    Seal::store(folder, &key)?;
    Ok(seal)
}

/// The journal must hold all that the head names, and end there with that record.
fn check_end(file: &File, folder: &Folder, seal: &Seal, head: Head) -> Result<(), JournalError> {
    if length(file, folder)? < head.end {
        let why = format!("it is missing: the head names {} records in {} bytes", head.seq, head.end);
        return Err(broken(folder, FILE, Some(head.seq), why).into());
    }
    if head.seq == 0 {
        return Ok(());
    }
    let lines =
        lines::last(file, head.end, 1).map_err(|error| FileError::system("read", folder.path_of(FILE), error))?;
    let record = lines.first().map_or(Err("it is missing"), |line| super::Record::read(line, seal));
    match record {
        Ok(record) if record.seq == head.seq && record.hash == head.hash => Ok(()),
        Ok(_) => Err(broken(folder, FILE, Some(head.seq), "it is not the record that the head names").into()),
        Err(why) => Err(broken(folder, FILE, Some(head.seq), why).into()),
    }
}

/// Follows the records behind the head. Answers where they end, and the bytes of a torn line after that.
fn read_on(file: &File, folder: &Folder, seal: &Seal, sealed: Head) -> Result<(Head, usize), JournalError> {
    let read = |error| FileError::system("read", folder.path_of(FILE), error);
    let mut head = sealed;
    let mut lines = Lines::from(file.try_clone().map_err(read)?, sealed.end).map_err(read)?;
    while let Some(line) = lines.next().map_err(read)? {
        let why = match line {
            Line::Whole(line) => match head.follow(&line, seal) {
                Ok(_) => continue,
                Err(why) => why,
            },
            // Half a line behind the head was never acknowledged to anyone: the crash came first.
            Line::Torn(rest) => return Ok((head, rest.len())),
            Line::TooLong => "it is too long to be a record".to_owned(),
        };
        return Err(broken(folder, FILE, Some(head.seq + 1), why).into());
    }
    Ok((head, 0))
}

fn length(file: &File, folder: &Folder) -> Result<u64, FileError> {
    Ok(file.metadata().map_err(|error| FileError::system("read", folder.path_of(FILE), error))?.len())
}

pub(super) fn broken(folder: &Folder, name: &str, at: Option<u64>, why: impl Into<String>) -> Broken {
    Broken { file: folder.path_of(name), at, why: why.into() }
}
