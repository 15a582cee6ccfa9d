//! Reading records back, for `stockade trace` and for whoever watches. Nothing is verified here beyond
//! each record's form: `verify` does that.

use std::path::Path;

use stockade_core::TurnId;

use super::lines::{self, Line, Lines};
use super::opening::broken;
use super::{FILE, JournalError, Record};
use crate::folder::{FileError, Folder};

/// Every record of one turn, in order.
///
/// # Errors
/// When the journal cannot be read, or a line of that turn is not a record.
pub fn trace(dir: &Path, turn: &TurnId) -> Result<Vec<Record>, JournalError> {
    let folder = Folder::existing(dir)?;
    let read = |error| FileError::system("read", folder.path_of(FILE), error);
    let mut lines = Lines::from(folder.read(FILE)?, 0).map_err(read)?;
    let (mut records, mut at) = (Vec::new(), 0);
    while let Some(line) = lines.next().map_err(read)? {
        at += 1;
        match line {
            Line::Whole(line) => {
                let record = parse(&folder, &line, Some(at))?;
                if record.turn.as_ref() == Some(turn) {
                    records.push(record);
                }
            }
            Line::Torn(_) => break,
            Line::TooLong => return Err(broken(&folder, FILE, Some(at), "it is too long to be a record").into()),
        }
    }
    Ok(records)
}

/// The last records, oldest first; at most 1000.
///
/// # Errors
/// When the journal cannot be read, or one of those lines is not a record.
pub fn tail(dir: &Path, count: usize) -> Result<Vec<Record>, JournalError> {
    let folder = Folder::existing(dir)?;
    let read = |error| FileError::system("read", folder.path_of(FILE), error);
    let file = folder.read(FILE)?;
    let end = file.metadata().map_err(read)?.len();
    let lines = lines::last(&file, end, count.min(MAX_TAIL)).map_err(read)?;
    lines.iter().map(|line| parse(&folder, line, None)).collect()
}

fn parse(folder: &Folder, line: &[u8], at: Option<u64>) -> Result<Record, JournalError> {
    serde_json::from_slice(line).map_err(|_| broken(folder, FILE, at, "a line is not a record").into())
}

const MAX_TAIL: usize = 1000;
