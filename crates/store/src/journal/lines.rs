//! Reading a journal line by line, forwards and from the end, with bounded lines: a journal that
//! someone filled with one endless line must not fill the memory of whoever verifies it.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;

use super::record::MAX_LINE;

/// A journal, read forwards.
pub(super) struct Lines(BufReader<File>);

/// One line.
pub(super) enum Line {
    /// A line, without its newline.
    Whole(Vec<u8>),
    /// The file ends inside it.
    Torn(Vec<u8>),
    /// It is longer than a record can be.
    TooLong,
}

impl Lines {
    /// Reads from a byte offset.
    pub(super) fn from(mut file: File, offset: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(offset))?;
        Ok(Self(BufReader::with_capacity(BLOCK, file)))
    }

    /// The next line; none at the end of the file.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        let mut line = Vec::new();
        self.0.by_ref().take(MAX_LINE as u64).read_until(b'\n', &mut line)?;
        Ok(match line.last() {
            None => None,
            Some(b'\n') => {
                line.pop();
                Some(Line::Whole(line))
            }
            Some(_) if line.len() == MAX_LINE => Some(Line::TooLong),
            Some(_) => Some(Line::Torn(line)),
        })
    }
}

/// The last `count` lines that end at or before byte `end`, oldest first, without their newlines. Reads backwards, at
/// most `count` times the longest line.
pub(super) fn last(file: &File, end: u64, count: usize) -> io::Result<Vec<Vec<u8>>> {
    let most = (MAX_LINE as u64).saturating_mul(count as u64);
    let (mut start, mut tail) = (end, Vec::new());
    while start > 0 && end - start < most && tail.iter().filter(|byte| **byte == b'\n').count() <= count {
        let size = start.min(BLOCK as u64);
        start -= size;
        let mut block = vec![0; usize::try_from(size).unwrap_or(BLOCK)];
        file.read_exact_at(&mut block, start)?;
        block.append(&mut tail);
        tail = block;
    }
    let Some(whole) = tail.iter().rposition(|byte| *byte == b'\n').and_then(|last| tail.get(..last)) else {
        return Ok(Vec::new());
    };
    let mut lines: Vec<Vec<u8>> = whole.rsplit(|byte| *byte == b'\n').take(count).map(<[u8]>::to_vec).collect();
    lines.reverse();
    Ok(lines)
}

const BLOCK: usize = 64 * 1024;
