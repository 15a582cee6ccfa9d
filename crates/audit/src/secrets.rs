//! What a secret looks like: one table of shapes, found by keyword first. It owns what counts as a secret in a text
//! and how one is shown. What it must never do: give a secret to anybody but its caller, or take longer than one look
//! at each byte, whatever a hostile transcript says (an attacker writes the files that are scanned).

mod assignment;
mod keywords;
mod likeness;
mod rules;
mod scanner;
mod shape;

pub use scanner::{Hit, Scanner};

/// The provider or kind of secret that a whole text looks like. A bare random text looks like none: only what has the
/// mark of its issuer, and addresses with a password.
#[must_use]
pub fn looks_like(text: &str) -> Option<&'static str> {
    named(text.trim().as_bytes()).map(|(what, _)| what)
}

/// A secret as it may be shown: what its issuer puts before each of its secrets, and how many characters there are.
/// `sk-ant-…(108)`. A secret without such a mark shows its length alone.
#[must_use]
pub fn mask(text: &str) -> String {
    let public = named(text.trim().as_bytes()).map_or("", |(_, public)| public);
    format!("{public}…({})", text.chars().count())
}

/// What a whole text is, and the part of it that is the same for all of its kind.
fn named(text: &[u8]) -> Option<(&'static str, &'static str)> {
    let rules = rules::MARKED.iter().chain(rules::BARE);
    rules.filter(|rule| rule.is_whole(text)).find_map(|rule| Some((rule.what, rule.public(text)?)))
}

#[cfg(test)]
mod tests;
