//! Where a secret may begin: every keyword of the table is looked for in one pass.

use std::ops::Range;

use aho_corasick::packed::{Config, MatchKind, Searcher};
use aho_corasick::{AhoCorasick, Input, Span};
use stockade_core::Secret;

use super::rules::{ASSIGNED, MARKED};
use super::shape::Rule;

/// All keywords, in groups so small that each can be looked for with vector instructions, a few bytes a cycle.
pub(super) struct Keywords {
    groups: Vec<Group>,
    known: Vec<Secret>,
}

/// What a keyword may be the beginning of.
pub(super) enum Meaning {
    /// A secret with a mark.
    Marked(Vec<&'static Rule>),
    /// The end of a name that is given a secret.
    Name,
    /// A secret that is known, whole.
    Known,
}

struct Group {
    finder: Finder,
    meanings: Vec<Meaning>,
}

enum Finder {
    Vectors(Searcher),
    /// Where the processor has none.
    Automaton(AhoCorasick),
}

/// Where each group stands in one text.
pub(super) struct Cursor<'k, 't> {
    text: &'t [u8],
    next: Vec<(&'k Group, Option<Word<'k>>)>,
}

/// A keyword that was found: where it stands, and what it may be.
type Word<'k> = (Range<usize>, &'k Meaning);

impl Keywords {
    /// The keywords of the table and secrets that are known.
    pub(super) fn new(known: &[Secret]) -> Self {
        let mut words: Vec<(Vec<u8>, Meaning)> = Vec::new();
        let known = known.iter().map(|secret| secret.expose().trim()).filter(|secret| secret.len() >= LEAST_KNOWN);
        let known: Vec<Secret> = known.take(MOST_KNOWN).map(Secret::new).collect();
        words.extend(known.iter().map(|secret| (secret.expose().as_bytes().to_vec(), Meaning::Known)));
        for trigger in triggers() {
            let fits = |rule: &&Rule| rule.prefixes.iter().any(|prefix| prefix.starts_with(trigger));
            let rules = MARKED.iter().filter(fits).collect();
            words.push((trigger.as_bytes().to_vec(), Meaning::Marked(rules)));
        }
        words.extend(ASSIGNED.iter().map(|name| (name.as_bytes().to_vec(), Meaning::Name)));
        // The shortest word decides how much of each word of its group is compared at once: short ones stand alone.
        let (mut short, mut long): (Vec<_>, Vec<_>) = words.into_iter().partition(|(word, _)| word.len() < COMPARED);
        let mut groups = Vec::new();
        while !short.is_empty() {
            groups.extend(Group::new(short.drain(..short.len().min(GROUP))));
        }
        while !long.is_empty() {
            groups.extend(Group::new(long.drain(..long.len().min(GROUP))));
        }
        Self { groups, known }
    }

    /// Whether a secret that is known stands in a text: by its name or mark it may have been found as another.
    pub(super) fn knows(&self, text: &[u8]) -> bool {
        let mut known = self.known.iter().map(|secret| secret.expose().as_bytes());
        known.any(|secret| text.windows(secret.len()).any(|piece| piece == secret))
    }

    /// Looks through a text from `at`.
    pub(super) fn cursor<'k, 't>(&'k self, text: &'t [u8], at: usize) -> Cursor<'k, 't> {
        Cursor { text, next: self.groups.iter().map(|group| (group, group.next(text, at))).collect() }
    }
}

impl<'k> Cursor<'k, '_> {
    /// The next keyword from `at`, which may only grow.
    pub(super) fn next(&mut self, at: usize) -> Option<Word<'k>> {
        for (group, next) in &mut self.next {
            if next.as_ref().is_some_and(|(found, _)| found.start < at) {
                *next = group.next(self.text, at);
            }
        }
        self.next.iter().filter_map(|(_, next)| next.clone()).min_by_key(|(found, _)| found.start)
    }
}

impl Group {
    fn new(words: impl Iterator<Item = (Vec<u8>, Meaning)>) -> Option<Self> {
        let (words, meanings): (Vec<_>, Vec<_>) = words.unzip();
        let vectors = Config::new().match_kind(MatchKind::LeftmostFirst).builder().extend(&words).build();
        let finder = match vectors {
            Some(searcher) => Finder::Vectors(searcher),
            None => {
                let kind = aho_corasick::MatchKind::LeftmostFirst;
                Finder::Automaton(AhoCorasick::builder().match_kind(kind).build(&words).ok()?)
            }
        };
        Some(Self { finder, meanings })
    }

    fn next(&self, text: &[u8], at: usize) -> Option<Word<'_>> {
        let (found, word) = match &self.finder {
            Finder::Vectors(searcher) => {
                let found = searcher.find_in(text, Span { start: at, end: text.len() })?;
                (found.start()..found.end(), found.pattern())
            }
            Finder::Automaton(automaton) => {
                let found = automaton.find(Input::new(text).range(at..))?;
                (found.start()..found.end(), found.pattern())
            }
        };
        Some((found, self.meanings.get(word.as_usize())?))
    }
}

/// The beginnings of marks, none of which begins with another.
fn triggers() -> Vec<&'static str> {
    let head = |prefix: &'static str| prefix.get(..prefix.len().min(HEAD)).unwrap_or(prefix);
    let mut heads: Vec<&str> = MARKED.iter().flat_map(|rule| rule.prefixes).map(|prefix| head(prefix)).collect();
    heads.sort_unstable();
    heads.dedup_by(|later, earlier| later.starts_with(*earlier));
    heads
}

/// How much of a mark is looked for.
const HEAD: usize = 8;
/// The shortest known secret that is looked for: a shorter one is in too many words.
const LEAST_KNOWN: usize = 8;
/// The most known secrets that are looked for.
const MOST_KNOWN: usize = 6;

/// How many bytes of each word are compared at once.
const COMPARED: usize = 4;
/// How many words are looked for in one pass: with more, too many places look like one.
const GROUP: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_keyword_is_looked_for_with_vectors_where_there_are_any() {
        let known = [Secret::new("q7Hs82kLmZ04xWvT9bNc31Rd")];
        let keywords = Keywords::new(&known);
        let words: usize = keywords.groups.iter().map(|group| group.meanings.len()).sum();
        assert_eq!(words, triggers().len() + ASSIGNED.len() + 1);
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("ssse3") {
            assert!(keywords.groups.iter().all(|group| matches!(group.finder, Finder::Vectors(_))));
        }
        assert!(keywords.knows(b"x q7Hs82kLmZ04xWvT9bNc31Rd") && !keywords.knows(b"q7Hs82kLmZ04"));
    }
}
