//! A plan as a unified diff, with its secrets masked.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

use rustix::fs::FileType;
use stockade_core::redact::MASK;
use stockade_core::text::{single_line, visible};

use super::mask::Mask;
use super::plan::{ModeStep, Plan};
use super::region::Region;

impl Plan<'_> {
    /// What would change, as `git diff` shows it: permission bits, and texts with three lines around each change. Secrets are masked and control characters escaped, so it is for eyes, not for `patch`.
    #[must_use]
    pub fn diff(&self, mask: &Mask) -> String {
        let mut out = String::new();
        let text_of = |step: &ModeStep| self.texts().iter().any(|text| text.real == step.real);
        for step in self.mode_steps().iter().filter(|step| !text_of(step)) {
            heading(&mut out, Path::new(&step.shown));
            modes(&mut out, step);
        }
        for step in self.texts() {
            heading(&mut out, step.shown);
            self.mode_steps().iter().filter(|mode| mode.real == step.real).for_each(|mode| modes(&mut out, mode));
            let path = shown(step.shown);
            let _ = writeln!(out, "--- a{path}\n+++ b{path}");
            hunks(&mut out, (step.old, &step.new), &step.regions, mask);
        }
        out
    }
}

/// One text, with where its lines begin and where its secrets are.
struct Side<'t> {
    text: &'t str,
    starts: Vec<usize>,
    secrets: Vec<Range<usize>>,
}

/// Lines of the old text and of the new one, from 0, that take each other's place.
struct Lines {
    old: Range<usize>,
    new: Range<usize>,
}

fn hunks(out: &mut String, (old, new): (&str, &str), regions: &[Region], mask: &Mask) {
    let (old, new) = (Side::of(old, mask), Side::of(new, mask));
    let changed = changed(&old, &new, regions);
    let mut rest = changed.as_slice();
    while let Some(first) = rest.first() {
        let gap = |pair: &[Lines]| matches!(pair, [one, other] if other.old.start - one.old.end <= 2 * CONTEXT);
        let count = 1 + rest.windows(2).take_while(|pair| gap(pair)).count();
        let (hunk, later) = rest.split_at(count);
        rest = later;
        let Some(last) = hunk.last() else { return };
        let before = first.old.start.min(CONTEXT);
        let after = (old.starts.len() - last.old.end).min(CONTEXT);
        let (from, to) = (first.old.start - before, last.old.end + after);
        let new_from = first.new.start - before;
        let new_count = last.new.end + after - new_from;
        let _ = writeln!(out, "@@ -{} +{} @@", span(from, to - from), span(new_from, new_count));
        let mut at = from;
        for lines in hunk {
            (at..lines.old.start).for_each(|line| old.line(out, ' ', line));
            lines.old.clone().for_each(|line| old.line(out, '-', line));
            lines.new.clone().for_each(|line| new.line(out, '+', line));
            at = lines.old.end;
        }
        (at..to).for_each(|line| old.line(out, ' ', line));
    }
}

/// Regions widened to whole lines; those that meet are one.
fn changed(old: &Side<'_>, new: &Side<'_>, regions: &[Region]) -> Vec<Lines> {
    let mut all: Vec<Lines> = Vec::new();
    for region in regions {
        let (old_first, new_first) = (old.line_of(region.old.start), new.line_of(region.new.start));
        let clean = old.begins(region.old.end) && new.begins(region.new.end);
        let end = |side: &Side<'_>, at: usize| if clean { side.lines_before(at) } else { side.line_of(at) + 1 };
        let lines = Lines {
            old: old_first..end(old, region.old.end).min(old.starts.len()),
            new: new_first..end(new, region.new.end).min(new.starts.len()),
        };
        match all.last_mut() {
            Some(last) if lines.old.start <= last.old.end || lines.new.start <= last.new.end => {
                last.old.end = last.old.end.max(lines.old.end);
                last.new.end = last.new.end.max(lines.new.end);
            }
            _ => all.push(lines),
        }
    }
    all
}

impl<'t> Side<'t> {
    fn of(text: &'t str, mask: &Mask) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1).filter(|at| *at < text.len());
        let starts = (!text.is_empty()).then_some(0).into_iter().chain(ends).collect();
        Self { text, starts, secrets: mask.spans(text) }
    }

    fn begins(&self, at: usize) -> bool {
        at == 0 || at == self.text.len() && self.text.ends_with('\n') || self.starts.binary_search(&at).is_ok()
    }

    fn lines_before(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start < at)
    }

    fn line_of(&self, at: usize) -> usize {
        let behind = at == self.text.len() && (self.text.ends_with('\n') || self.text.is_empty());
        if behind { self.starts.len() } else { self.starts.partition_point(|start| *start <= at).saturating_sub(1) }
    }

    fn line(&self, out: &mut String, sign: char, line: usize) {
        let Some(&start) = self.starts.get(line) else { return };
        let end = self.starts.get(line + 1).copied().unwrap_or(self.text.len());
        let mut at = start;
        let mut shown = String::new();
        for secret in self.secrets.iter().filter(|secret| secret.start < end && secret.end > start) {
            shown.push_str(self.text.get(at..secret.start.max(start)).unwrap_or_default());
            shown.push_str(MASK);
            at = secret.end.min(end);
        }
        shown.push_str(self.text.get(at..end).unwrap_or_default());
        let shown: Vec<String> = shown.trim_end_matches(['\n', '\r']).split('\t').map(visible).collect();
        let _ = writeln!(out, "{sign}{}", shown.join("\t"));
        if end == self.text.len() && !self.text.ends_with('\n') {
            out.push_str("\\ No newline at end of file\n");
        }
    }
}

/// The start and length of a hunk's side: an empty one names the line before it.
fn span(from: usize, count: usize) -> String {
    match count {
        0 => format!("{from},0"),
        1 => format!("{}", from + 1),
        count => format!("{},{count}", from + 1),
    }
}

fn heading(out: &mut String, path: &Path) {
    let path = shown(path);
    let _ = writeln!(out, "diff --git a{path} b{path}");
}

fn modes(out: &mut String, step: &ModeStep) {
    let kind = kind_bits(step);
    let _ = writeln!(out, "old mode {kind}{:04o}\nnew mode {kind}{:04o}", step.identity.mode, step.to);
}

fn shown(path: &Path) -> String {
    single_line(&path.display().to_string())
}

fn kind_bits(step: &ModeStep) -> &'static str {
    match step.identity.kind {
        FileType::Directory => "04",
        FileType::Socket => "14",
        FileType::Fifo => "01",
        _ => "10",
    }
}

/// Lines shown around a change.
const CONTEXT: usize = 3;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fix::region::extend;

    /// What the hunks of a diff make of a text. Each line of context and each that goes must be the text's.
    fn patched(old: &str, diff: &str) -> String {
        let lines: Vec<&str> = old.split_inclusive('\n').collect();
        let (mut text, mut at) = (String::new(), 0);
        for shown in diff.lines() {
            if let Some(header) = shown.strip_prefix("@@ -") {
                let (first, _) = header.split_once(' ').expect("two sides");
                let (start, count) = first.split_once(',').unwrap_or((first, "1"));
                let start = start.parse::<usize>().expect("a number") - usize::from(count != "0");
                text.extend(lines[at..start].iter().copied());
                at = start;
                continue;
            }
            let (sign, line) = shown.split_at(1);
            if sign != "+" {
                assert_eq!(lines[at].trim_end_matches('\n'), line, "{diff}");
                at += 1;
            }
            if sign != "-" {
                text.push_str(line);
                text.push('\n');
            }
        }
        text.extend(lines[at..].iter().copied());
        text
    }

    proptest! {
        #[test]
        fn a_diff_leads_to_the_new_text(
            old in prop::collection::vec("[ab]{0,2}", 0..24),
            edits in prop::collection::vec((0_usize..60, 0_usize..5, "[abc\n]{0,4}"), 1..4),
        ) {
            let old = old.iter().map(|line| format!("{line}\n")).collect::<String>();
            let (mut new, mut regions) = (old.clone(), Vec::new());
            for (at, gone, put) in edits {
                let at = at.min(new.len());
                let mut next = new.clone();
                next.replace_range(at..(at + gone).min(new.len()), &put);
                if !next.is_empty() && !next.ends_with('\n') {
                    next.push('\n');
                }
                extend(&mut regions, &new, &next);
                new = next;
            }
            let mut diff = String::new();
            hunks(&mut diff, (&old, &new), &regions, &Mask::default());
            prop_assert_eq!(patched(&old, &diff), new);
        }
    }
}
