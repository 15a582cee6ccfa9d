//! The committed part of a write-ahead log, by the format that SQLite documents.
//!
//! A frame counts when its salts are the header's and the running checksum holds, and only up to the last frame that
//! ends a transaction. Everything after the first frame that does not count is left over from an earlier generation.

/// What a log makes of its database.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Committed<'w> {
    /// Bytes of a page.
    pub(super) page_size: usize,
    /// Pages of the database after the last transaction; 0 when there is none.
    pub(super) pages: usize,
    frames: Vec<(usize, &'w [u8])>,
}

/// Reads a log; `None` when its header is none that SQLite would take up, so that the log counts for nothing.
pub(super) fn committed(log: &[u8]) -> Option<Committed<'_>> {
    let (header, mut rest) = log.split_first_chunk::<HEADER>()?;
    let big_endian = match word(header, 0)? {
        0x377f_0682 => false,
        0x377f_0683 => true,
        _ => return None,
    };
    let page_size = usize::try_from(word(header, 2)?).ok()?;
    let valid = page_size.is_power_of_two() && (512..=65_536).contains(&page_size);
    let mut sum = checksum(big_endian, (0, 0), header.get(..24)?);
    if !valid || word(header, 1)? != 3_007_000 || sum != (word(header, 6)?, word(header, 7)?) {
        return None;
    }
    let salts = header.get(16..24)?;
    let (mut pages, mut seen, mut ended) = (0, Vec::new(), 0);
    while let Some((frame, after)) = rest.split_first_chunk::<FRAME>() {
        let Some((page, after)) = after.split_at_checked(page_size) else { break };
        sum = checksum(big_endian, checksum(big_endian, sum, frame.get(..8)?), page);
        let (number, size) = (usize::try_from(word(frame, 0)?).ok()?, usize::try_from(word(frame, 1)?).ok()?);
        if number == 0 || frame.get(8..16)? != salts || sum != (word(frame, 4)?, word(frame, 5)?) {
            break;
        }
        seen.push((number, page));
        if size > 0 {
            (pages, ended) = (size, seen.len());
        }
        rest = after;
    }
    seen.truncate(ended);
    Some(Committed { page_size, pages, frames: seen })
}

impl Committed<'_> {
    /// Puts the log over its database.
    pub(super) fn over(&self, image: &mut Vec<u8>) {
        image.resize(self.pages.saturating_mul(self.page_size), 0);
        for (number, page) in &self.frames {
            let at = number.saturating_sub(1).saturating_mul(self.page_size);
            // A page beyond the end was cut off by a later transaction.
            if let Some(place) = image.get_mut(at..at.saturating_add(self.page_size)) {
                place.copy_from_slice(page);
            }
        }
    }
}

/// The running checksum over whole pairs of words.
fn checksum(big_endian: bool, (mut a, mut b): (u32, u32), bytes: &[u8]) -> (u32, u32) {
    let (words, _) = bytes.as_chunks::<4>();
    let (pairs, _) = words.as_chunks::<2>();
    for [x, y] in pairs {
        let of = |word: &[u8; 4]| if big_endian { u32::from_be_bytes(*word) } else { u32::from_le_bytes(*word) };
        a = a.wrapping_add(of(x)).wrapping_add(b);
        b = b.wrapping_add(of(y)).wrapping_add(a);
    }
    (a, b)
}

fn word(bytes: &[u8], index: usize) -> Option<u32> {
    let (words, _) = bytes.as_chunks::<4>();
    words.get(index).map(|word| u32::from_be_bytes(*word))
}

const HEADER: usize = 32;
const FRAME: usize = 24;

/// The checksum of a first frame, for a test that forges one.
#[cfg(test)]
pub(super) fn sum_of(header: &[u8], frame: &[u8], page: &[u8]) -> (u32, u32) {
    let big_endian = word(header, 0) == Some(0x377f_0683);
    checksum(big_endian, checksum(big_endian, checksum(big_endian, (0, 0), header), frame), page)
}
