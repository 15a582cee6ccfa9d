//! Where a secret may begin: every keyword of the table is looked for in one pass.

use aho_corasick::packed::{Config, MatchKind, Searcher};
use aho_corasick::{AhoCorasick, Span};
use stockade_core::Secret;

use super::rules::{ASSIGNED, MARKED};
use super::shape::Rule;

/// All keywords. There are at most [`MOST`]: so many can be looked for with vector instructions, a few bytes a cycle.
pub(super) struct Keywords {
    finder: Finder,
    meanings: Vec<Meaning>,
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

enum Finder {
    Vectors(Searcher),
    Automaton(Box<AhoCorasick>),
}

impl Keywords {
    /// The keywords of the table and secrets that are known.
    pub(super) fn new(known: &[Secret]) -> Self {
        let (mut words, mut meanings): (Vec<Vec<u8>>, Vec<Meaning>) = (Vec::new(), Vec::new());
        for secret in known.iter().filter(|secret| secret.expose().trim().len() >= LEAST_KNOWN).take(MOST_KNOWN) {
            words.push(secret.expose().trim().as_bytes().to_vec());
            meanings.push(Meaning::Known);
        }
        for trigger in triggers() {
            let fits = |rule: &&Rule| rule.prefixes.iter().any(|prefix| prefix.starts_with(trigger));
            words.push(trigger.as_bytes().to_vec());
            meanings.push(Meaning::Marked(MARKED.iter().filter(fits).collect()));
        }
        for name in ASSIGNED {
            words.push(name.as_bytes().to_vec());
            meanings.push(Meaning::Name);
        }
        let vectors = Config::new().match_kind(MatchKind::LeftmostFirst).builder().extend(&words).build();
        // Without vector instructions; cannot fail for so few words, and then nothing would be found.
        let automaton = || AhoCorasick::builder().match_kind(aho_corasick::MatchKind::LeftmostFirst).build(&words);
        let finder = match vectors {
            Some(searcher) => Finder::Vectors(searcher),
            None => Finder::Automaton(Box::new(automaton().unwrap_or_else(|_| unreachable!("few short words")))),
        };
        Self { finder, meanings }
    }

    /// The next keyword from `at`: where it stands, and what it may be.
    pub(super) fn next(&self, text: &[u8], at: usize) -> Option<(std::ops::Range<usize>, &Meaning)> {
        let (found, word) = match &self.finder {
            Finder::Vectors(searcher) => {
                let found = searcher.find_in(text, Span { start: at, end: text.len() })?;
                (found.start()..found.end(), found.pattern())
            }
            Finder::Automaton(automaton) => {
                let found = automaton.find(aho_corasick::Input::new(text).range(at..))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_few_keywords_that_vectors_can_look_for_them() {
        let all = triggers().len() + ASSIGNED.len() + MOST_KNOWN;
        assert!(all <= 128, "{all}: {:?}", triggers());
    }
}
