//! Which stretches of a text differ from an earlier one, to the byte, without guessing: each edit is located when it
//! is made, and later ones are laid over earlier ones.

use std::ops::Range;

/// One stretch that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Region {
    /// Where it was in the old text, in bytes.
    pub(super) old: Range<usize>,
    /// Where it is in the new text, in bytes.
    pub(super) new: Range<usize>,
}

/// Lays the step from `before` to `after` over the regions that led to `before`.
pub(super) fn extend(regions: &mut Vec<Region>, before: &str, after: &str) {
    let Some((at, removed, inserted)) = difference(before, after) else { return };
    let end = at + removed;
    let first = regions.partition_point(|region| region.new.end < at);
    let touched = regions.iter().skip(first).take_while(|region| region.new.start <= end).count();
    let last = first + touched;
    let mut start = at;
    let mut stop = end;
    if let Some(region) = regions.get(first).filter(|_| touched > 0) {
        start = start.min(region.new.start);
    }
    if let Some(region) = last.checked_sub(1).and_then(|at| regions.get(at)).filter(|_| touched > 0) {
        stop = stop.max(region.new.end);
    }
    let old = to_old(regions, first, start)..to_old(regions, last, stop);
    let moved = Region { old, new: start..stop - removed + inserted };
    regions.splice(first..last, [moved]);
    for region in regions.iter_mut().skip(first + 1) {
        region.new = region.new.start - removed + inserted..region.new.end - removed + inserted;
    }
}

/// Where an offset in the new text, behind the first `passed` regions, was in the old one.
fn to_old(regions: &[Region], passed: usize, at: usize) -> usize {
    match passed.checked_sub(1).and_then(|last| regions.get(last)) {
        Some(region) => at - region.new.end + region.old.end,
        None => at,
    }
}

/// Where two texts differ: the offset, how many bytes go and how many come; whole characters.
fn difference(before: &str, after: &str) -> Option<(usize, usize, usize)> {
    if before == after {
        return None;
    }
    let least = before.len().min(after.len());
    let equal = |(a, b): &(u8, u8)| a == b;
    let mut head = before.bytes().zip(after.bytes()).take_while(equal).count();
    while !(before.is_char_boundary(head) && after.is_char_boundary(head)) {
        head -= 1;
    }
    let mut tail = before.bytes().rev().zip(after.bytes().rev()).take(least - head).take_while(equal).count();
    while !(before.is_char_boundary(before.len() - tail) && after.is_char_boundary(after.len() - tail)) {
        tail -= 1;
    }
    Some((head, before.len() - tail - head, after.len() - tail - head))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn restore(old: &str, new: &str, regions: &[Region]) -> String {
        let mut text = String::new();
        let mut from = 0;
        for region in regions {
            text.push_str(&new[from..region.new.start]);
            text.push_str(&old[region.old.clone()]);
            from = region.new.end;
        }
        text + &new[from..]
    }

    proptest! {
        #[test]
        fn any_chain_of_edits_can_be_taken_back(
            old in "[abé漢\n]{0,30}",
            edits in prop::collection::vec((0_usize..40, 0_usize..6, "[abxé]{0,5}"), 0..8),
        ) {
            let mut text = old.clone();
            let mut regions = Vec::new();
            for (at, gone, put) in edits {
                let mut chars: Vec<char> = text.chars().collect();
                let at = at.min(chars.len());
                let end = (at + gone).min(chars.len());
                chars.splice(at..end, put.chars());
                let next: String = chars.into_iter().collect();
                extend(&mut regions, &text, &next);
                text = next;
            }
            for pair in regions.windows(2) {
                prop_assert!(pair[0].new.end < pair[1].new.start && pair[0].old.end < pair[1].old.start);
            }
            prop_assert_eq!(restore(&old, &text, &regions), old);
        }
    }

    #[test]
    fn what_lies_between_two_edits_is_in_neither() {
        let (one, two, three) =
            ("a: 1, key: \"s3cret\", b: 1", "a: 2, key: \"s3cret\", b: 1", "a: 2, key: \"s3cret\", b: 2");
        let mut regions = Vec::new();
        extend(&mut regions, one, two);
        extend(&mut regions, two, three);
        let gone: Vec<&str> = regions.iter().map(|region| &one[region.old.clone()]).collect();
        assert_eq!(gone, ["1", "1"]);
    }
}
