//! Bounded output: the beginning and the end are kept, and what was dropped is said. Answers output
//! floods that would fill the gateway's memory or push the beginning of an error out of sight.

use std::collections::VecDeque;

use stockade_core::text::lossy;

/// Output as it arrives.
#[derive(Debug)]
pub(crate) struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    half: usize,
    dropped: u64,
}

impl Capture {
    /// Keeps at most `limit` bytes.
    pub(crate) const fn new(limit: usize) -> Self {
        Self { head: Vec::new(), tail: VecDeque::new(), half: limit / 2, dropped: 0 }
    }

    /// Takes in what arrived.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let (first, rest) = bytes.split_at(bytes.len().min(self.half - self.head.len()));
        self.head.extend_from_slice(first);
        let excess = (self.tail.len() + rest.len()).saturating_sub(self.half);
        let from_tail = excess.min(self.tail.len());
        self.tail.drain(..from_tail);
        self.tail.extend(&rest[excess - from_tail..]);
        self.dropped += excess as u64;
    }

    /// The text so far and whether something is missing from it; starts afresh.
    pub(crate) fn take(&mut self) -> (String, bool) {
        let Self { head, tail, half, dropped } = std::mem::replace(self, Self::new(self.half * 2));
        debug_assert!(head.len() <= half && tail.len() <= half, "the bound holds");
        let mut bytes = head;
        if dropped > 0 {
            bytes.extend_from_slice(format!("\n[… {dropped} bytes dropped …]\n").as_bytes());
        }
        bytes.extend(tail);
        (lossy(&bytes), dropped > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_and_the_tail_are_kept_and_the_rest_is_counted() {
        for step in [1, 3, 7, 1000] {
            let mut capture = Capture::new(20);
            let all: Vec<u8> = (0..1000u16).map(|n| b'a' + (n % 26) as u8).collect();
            for chunk in all.chunks(step) {
                capture.push(chunk);
            }
            let (text, truncated) = capture.take();
            let tail = std::str::from_utf8(&all[990..]).expect("ascii");
            assert_eq!(text, format!("abcdefghij\n[… 980 bytes dropped …]\n{tail}"), "in steps of {step}");
            assert!(truncated);
            assert_eq!(capture.take(), (String::new(), false));
        }
    }

    #[test]
    fn output_that_fits_is_whole() {
        let mut capture = Capture::new(8);
        capture.push(b"1234");
        capture.push(b"5678");
        assert_eq!(capture.take(), ("12345678".into(), false));
    }
}
