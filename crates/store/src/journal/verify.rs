//! Verifying a whole journal: streaming, read-only, beside a running gateway or without one.

use std::path::Path;

use super::head::Head;
use super::lines::{Line, Lines};
use super::opening::broken;
use super::seal::Seal;
use super::{Broken, FILE, HEAD_FILE, JournalError, KEY_FILE};
use crate::folder::Folder;

/// A journal in which nothing is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many records it has.
    pub records: u64,
    /// How many of them the head seals. Those after it chain on, and are there when the gateway is writing at
    /// this moment or was cut off from power.
    pub sealed: u64,
    /// Bytes of a record that is being written, or that a crash left half-written, at the end.
    pub torn: usize,
}

/// Verifies the journal of a store folder (`<state>/stockade`) and changes nothing.
///
/// # Errors
/// The first thing that is wrong: a record that was changed, removed, added, moved or cut off; a missing key or head;
/// a file that cannot be read.
pub fn verify(dir: &Path) -> Result<Verified, Broken> {
    let refused = |error: JournalError| match error {
        JournalError::Broken(broken) => broken,
        other => Broken { file: dir.join(FILE), at: None, why: other.to_string() },
    };
    let folder = Folder::existing(dir).map_err(|error| refused(error.into()))?;
    let file = folder.read(FILE).map_err(|error| refused(error.into()))?;
    let seal = Seal::read(&folder)
        .map_err(refused)?
        .ok_or_else(|| broken(&folder, KEY_FILE, None, "it is missing: without it nothing can be verified"))?;
    // The head first: records that arrive from here on are after it.
    let sealed = Head::read(&folder, &seal).map_err(refused)?;
    let read = |error: std::io::Error| broken(&folder, FILE, None, error.to_string());
    let mut lines = Lines::from(file, 0).map_err(read)?;
    let mut head = Head::genesis();
    let mut torn = 0;
    while let Some(line) = lines.next().map_err(read)? {
        let here = |why: String| broken(&folder, FILE, Some(head.seq + 1), why);
        match line {
            Line::Whole(line) => {
                let mut next = head;
                next.follow(&line, &seal).map_err(here)?;
                head = next;
            }
            Line::Torn(rest) if head.end >= sealed.end => torn = rest.len(),
            Line::Torn(_) => return Err(here("it is cut off".to_owned())),
            Line::TooLong => return Err(here("it is too long to be a record".to_owned())),
        }
        if head.seq == sealed.seq && head != sealed {
            return Err(broken(&folder, HEAD_FILE, Some(head.seq), "the head names another record"));
        }
    }
    if head.seq < sealed.seq {
        let why = format!("it is missing: the head names {} records", sealed.seq);
        return Err(broken(&folder, FILE, Some(head.seq + 1), why));
    }
    Ok(Verified { records: head.seq, sealed: sealed.seq, torn })
}
