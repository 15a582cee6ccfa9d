//! Signs that stand in JavaScript by themselves, whatever happens to the values: texts that are written so that nobody
//! reads them, names of miners, files on one line.

use super::flow::unquoted;
use super::texts;
use super::tokens::{Kind, Tokens};
use crate::finding::Severity::{self, Critical, Info, Warn};
use crate::snapshot::code::Evidence;

/// The signs in a file, each rule once.
#[must_use]
pub(super) fn evidence(file: &str, tokens: &Tokens<'_>) -> Vec<Evidence> {
    let mut found: Vec<Evidence> = Vec::new();
    let mut say = |rule: &str, severity: Severity, line: u32, what: &str| {
        if !found.iter().any(|old| old.rule == rule && old.severity == severity) {
            let (rule, file, what) = (rule.to_owned(), file.to_owned(), what.to_owned());
            found.push(Evidence { rule, severity, file, line, what, flow: Vec::new() });
        }
    };
    let (mut scrambled, mut first_scrambled) = (0_usize, 1);
    let (mut symbols, mut others) = (0_usize, 0_usize);
    for (at, token) in tokens.list.iter().enumerate() {
        match token.kind {
            Kind::String | Kind::Chunk => {
                let raw = tokens.raw(at);
                if escaped_letters(raw) >= 6 {
                    say("obfuscated-code", Warn, token.line, "a text spells plain letters by their numbers");
                }
                if raw.len() < 4096 && texts::is_mining(&unquoted(raw)) {
                    say("crypto-mining", Critical, token.line, "names a miner or its pool");
                }
                others += 1;
            }
            Kind::Name => {
                others += 1;
                if tokens.raw(at).strip_prefix("_0x").is_some_and(|rest| rest.len() >= 3) {
                    if scrambled == 0 {
                        first_scrambled = token.line;
                    }
                    scrambled += 1;
                }
            }
            Kind::Open(b'(' | b'[') | Kind::Close => symbols += 1,
            Kind::Op if matches!(tokens.raw(at), "+" | "!") => symbols += 1,
            _ => others += 1,
        }
    }
    if scrambled >= 20 {
        say("obfuscated-code", Warn, first_scrambled, "names are scrambled by an obfuscator");
    }
    if symbols >= 400 && symbols > others.saturating_mul(20) {
        say("obfuscated-code", Warn, 1, "the program is written with brackets and signs alone");
    }
    let longest = tokens.text.lines().map(str::len).max().unwrap_or(0);
    if longest >= 5000 {
        say("unreadable-code", Info, 1, "the code stands on lines that nobody can read");
    }
    if tokens.cut {
        say("unreadable-code", Warn, 1, "there is more code than is followed");
    }
    found
}

/// A file that could not be followed at all.
#[must_use]
pub(super) fn unfollowed(file: &str) -> Evidence {
    Evidence {
        severity: Warn,
        what: "the code could not be followed".to_owned(),
        rule: "unreadable-code".to_owned(),
        ..native(file)
    }
}

/// A compiled part.
#[must_use]
pub(super) fn native(file: &str) -> Evidence {
    Evidence {
        rule: "native-addon".to_owned(),
        severity: Info,
        file: file.to_owned(),
        line: 1,
        what: "a compiled program that cannot be read".to_owned(),
        flow: Vec::new(),
    }
}

/// How many `\x41` and `\u0041` stand for letters, digits and signs that need no escape.
fn escaped_letters(raw: &str) -> usize {
    let mut count = 0;
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        let after = rest.get(at + 1..).unwrap_or_default();
        let digits = match after.as_bytes().first() {
            Some(b'x') => after.get(1..3),
            Some(b'u') => after.get(1..5),
            _ => None,
        };
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        count += usize::from(code.is_some_and(|code| (0x21..0x7f).contains(&code)));
        let mut next = after.chars();
        next.next();
        rest = next.as_str();
    }
    count
}
