//! Looks through a file of any size with one buffer. What straddles the end of a read is looked at once, whole.

use std::io::{self, Read};
use std::ops::{ControlFlow, Range};

use stockade_core::Secret;

use super::assignment::assigned;
use super::keywords::{Keywords, Meaning};
use super::likeness::is_real;
use super::rules::MARKED;
use crate::snapshot::leaks::KNOWN;

/// Looks for secrets. Shared by threads.
pub struct Scanner {
    keywords: Keywords,
}

/// A secret that was found. It is not kept: the text is gone when the next is looked for.
pub struct Hit<'t> {
    /// The rule that found it, such as `github`.
    pub rule: &'static str,
    /// What it is, in words.
    pub what: &'static str,
    /// The line where it begins, from 1.
    pub line: u32,
    /// Where it begins, in bytes from the beginning of the file.
    pub offset: u64,
    /// The secret.
    pub secret: &'t str,
}

struct Found {
    place: Range<usize>,
    rule: &'static str,
    what: &'static str,
}

impl Scanner {
    /// Looks for every shape in the table and, byte for byte, for secrets that are known.
    #[must_use]
    pub fn new(known: &[Secret]) -> Self {
        Self { keywords: Keywords::new(known) }
    }

    /// Looks through everything that `reader` gives, in order, with `buffer`, which is made as large as it must be.
    /// Ends early when `seen` says so.
    ///
    /// # Errors
    /// When reading fails; what was seen until then was told.
    pub fn scan<R: Read>(
        &self,
        reader: &mut R,
        buffer: &mut Vec<u8>,
        mut seen: impl FnMut(Hit<'_>) -> ControlFlow<()>,
    ) -> io::Result<()> {
        buffer.resize(BUFFER, 0);
        let (mut held, mut from, mut offset) = (0, 0, 0_u64);
        // Line breaks before `counted`, where the last secret began.
        let (mut lines, mut counted) = (0_usize, 0);
        loop {
            let (read, failure) = fill(reader, buffer.get_mut(held..).unwrap_or_default());
            held += read;
            let last = held < BUFFER || failure.is_some();
            let text = buffer.get(..held).unwrap_or_default();
            let limit = if last { held } else { held.saturating_sub(WINDOW) };
            let mut cursor = self.keywords.cursor(text, from);
            while let Some((word, meaning)) = cursor.next(from).filter(|(word, _)| word.start < limit) {
                let found = begun(text, &word, meaning, from);
                from = found.as_ref().map_or(word.start + 1, |found| found.place.end.max(word.start + 1));
                let Some(found) = found.map(|found| self.named(found, text)) else { continue };
                let secret = text.get(found.place.clone()).and_then(|bytes| std::str::from_utf8(bytes).ok());
                lines += newlines(text.get(counted..found.place.start).unwrap_or_default());
                counted = counted.max(found.place.start);
                let hit = Hit {
                    rule: found.rule,
                    what: found.what,
                    line: u32::try_from(lines + 1).unwrap_or(u32::MAX),
                    offset: offset + found.place.start as u64,
                    secret: secret.unwrap_or_default(),
                };
                if seen(hit).is_break() {
                    return Ok(());
                }
            }
            if let Some(error) = failure {
                return Err(error);
            }
            if last {
                return Ok(());
            }
            let gone = from.max(limit).saturating_sub(BEHIND);
            lines += newlines(text.get(counted..gone).unwrap_or_default());
            counted = counted.max(gone) - gone;
            offset += gone as u64;
            from = from.max(limit) - gone;
            buffer.copy_within(gone..held, 0);
            held -= gone;
        }
    }

    /// Looks through a text.
    pub fn scan_text(&self, text: &str, seen: impl FnMut(Hit<'_>) -> ControlFlow<()>) {
        let mut reader = text.as_bytes();
        let read = self.scan(&mut reader, &mut Vec::new(), seen);
        debug_assert!(read.is_ok(), "memory can be read");
    }

    /// A secret of this config is called that, however it was found.
    fn named(&self, found: Found, text: &[u8]) -> Found {
        let known = text.get(found.place.clone()).is_some_and(|bytes| self.keywords.knows(bytes));
        if known { Found { rule: KNOWN, what: "secret of this config", ..found } } else { found }
    }
}

impl std::fmt::Debug for Scanner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scanner")
    }
}

impl std::fmt::Debug for Hit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hit({} on line {})", self.rule, self.line)
    }
}

/// The secret that begins at a keyword, or before it: but not before `from`, which was told already.
fn begun(text: &[u8], word: &Range<usize>, meaning: &Meaning, from: usize) -> Option<Found> {
    match meaning {
        Meaning::Known => Some(Found { place: word.clone(), rule: KNOWN, what: "secret of this config" }),
        Meaning::Name => {
            let (place, rule, what) = assigned(text, word.clone())?;
            Some(Found { place, rule, what })
        }
        Meaning::Marked(rules) => rules.iter().find_map(|rule| {
            let start = rule.start(text, word.start).filter(|start| *start + BEHIND >= from)?;
            let end = rule.end(text, word.start)?;
            let secret = rule.secret(text.get(..end)?, word.start);
            let found = Found { place: start..end, rule: rule.id, what: rule.what };
            is_real(secret).then(|| in_address(text, &found.place).unwrap_or(found))
        }),
    }
}

/// A secret with a mark that is the user or the password of an address: what it is says more than where it stands.
fn in_address(text: &[u8], place: &Range<usize>) -> Option<Found> {
    let address = text.get(place.clone()).filter(|address| address.contains(&b'@'))?;
    let mut next = place.start;
    address.split(|byte| matches!(byte, b'/' | b':' | b'@')).find_map(|piece| {
        let start = next;
        next += piece.len() + 1;
        let rule = MARKED.iter().find(|rule| rule.is_whole(piece))?;
        Some(Found { place: start..start + piece.len(), rule: rule.id, what: rule.what })
    })
}

/// Reads until the buffer is full or there is no more.
fn fill<R: Read>(reader: &mut R, buffer: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Some(error)),
        }
    }
    (filled, None)
}

/// Counts in pieces whose count fits a byte, so that the compiler makes vectors of it.
fn newlines(text: &[u8]) -> usize {
    let piece = |piece: &[u8]| usize::from(piece.iter().map(|byte| u8::from(*byte == b'\n')).sum::<u8>());
    text.chunks(255).map(piece).sum()
}

/// How much is read at once.
pub(super) const BUFFER: usize = 256 * 1024;
/// How much must be held behind a keyword: longer than any secret of the table.
const WINDOW: usize = 4096;
/// How much must be held before a keyword: longer than any lead and name.
const BEHIND: usize = 80;
