//! Allowlist entries of the host's approvals document that hold for certain arguments only (`argPattern`). The
//! program's own argument rules hold beneath. Answers the class "the pattern is matched against joined text, so
//! that one argument passes for two, or a part of them for all" (CVE-2026-53853).

use regex::bytes::{Regex, RegexBuilder};
use stockade_config::exec_approvals::AllowlistEntry;
use stockade_core::Digest;

use crate::call::ExecCall;
use crate::command::{Simple, Word};

/// An entry for certain arguments.
#[derive(Debug, Clone)]
pub struct ArgumentEntry {
    /// Patterns of programs, as in the rest of the allowlist.
    pub pattern: String,
    arguments: String,
    form: Form,
}

/// What the arguments must be.
#[derive(Debug, Clone)]
enum Form {
    /// The digest of the folder and each argument, as OpenClaw's approvals write it.
    Exact,
    /// The whole of the arguments, one blank between each two.
    Matching(Regex),
    /// Nothing matches what cannot be read.
    Never(&'static str),
}

/// Reads the entries of an approvals document: those for a program as such, and those for certain arguments.
/// An entry that an approval left behind holds for what was approved, in the folder where it was; older ones,
/// which name only the program, are void, in OpenClaw 2026.9.6 as here.
#[must_use]
pub fn entries<'a>(list: impl IntoIterator<Item = &'a AllowlistEntry>) -> (Vec<String>, Vec<ArgumentEntry>) {
    let (mut programs, mut bound) = (Vec::new(), Vec::new());
    for entry in list {
        let approved = entry.source.as_deref() == Some("allow-always");
        match &entry.arg_pattern {
            None if approved => {}
            None => programs.push(entry.pattern.clone()),
            Some(arguments) if approved && !arguments.starts_with(EXACT) => {}
            Some(arguments) => bound.push(ArgumentEntry::new(&entry.pattern, arguments)),
        }
    }
    (programs, bound)
}

impl ArgumentEntry {
    /// Reads an entry.
    #[must_use]
    pub fn new(pattern: &str, arguments: &str) -> Self {
        let form = if arguments.starts_with(EXACT) {
            Form::Exact
        } else {
            compile(arguments).map_or_else(Form::Never, Form::Matching)
        };
        Self { pattern: pattern.to_owned(), arguments: arguments.to_owned(), form }
    }

    /// Why the entry never matches, when it does not.
    #[must_use]
    pub const fn defect(&self) -> Option<&'static str> {
        match self.form {
            Form::Never(why) => Some(why),
            Form::Exact | Form::Matching(_) => None,
        }
    }

    /// Whether the words after the program are those that the entry is for.
    pub(super) fn covers(&self, simple: &Simple, call: &ExecCall) -> bool {
        let words = simple.words.get(1..).unwrap_or_default();
        if simple.appended || !words.iter().all(is_literal) {
            return false;
        }
        match &self.form {
            Form::Never(_) => false,
            Form::Exact => self.arguments.strip_prefix(EXACT) == Some(digest(words, call).as_str()),
            Form::Matching(regex) => {
                // Joined, `a b` as one word and as two are the same text.
                let plain =
                    |word: &Word| !word.text.is_empty() && word.text.bytes().all(|byte| byte.is_ascii_graphic());
                let joined = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
                words.iter().all(plain) && joined.len() <= MAX_ARGUMENTS && regex.is_match(joined.as_bytes())
            }
        }
    }
}

impl PartialEq for ArgumentEntry {
    fn eq(&self, other: &Self) -> bool {
        self.pattern == other.pattern && self.arguments == other.arguments
    }
}

impl Eq for ArgumentEntry {}

/// Whether the program gets exactly this text.
fn is_literal(word: &Word) -> bool {
    // Some shells make several words of braces.
    word.is_plain() && !word.text.contains(['{', '}', '~'])
}

fn digest(words: &[Word], call: &ExecCall) -> String {
    let mut subject = Vec::new();
    let mut field = |text: &str| {
        subject.extend_from_slice(text.as_bytes());
        subject.push(0);
    };
    let cwd = call.cwd.to_string_lossy();
    field(&cwd.len().to_string());
    field(&cwd);
    field(&words.len().to_string());
    for word in words {
        field(&word.text.len().to_string());
        field(&word.text);
    }
    Digest::of(&subject).hex()
}

/// A pattern that means here what it means in OpenClaw, an ECMAScript expression over plain text. What the two
/// read differently, or only one of them reads, is refused. OpenClaw matches anywhere in the text; here the
/// pattern stands for all of it, so that `^log` is not also `log --output=x`.
fn compile(pattern: &str) -> Result<Regex, &'static str> {
    if pattern.len() > MAX_PATTERN {
        return Err("it is too long");
    }
    if !pattern.is_ascii() || pattern.bytes().any(|byte| byte.is_ascii_control()) {
        return Err("it holds more than printable ASCII");
    }
    if !is_common(pattern) {
        return Err("it uses what is not read alike everywhere");
    }
    RegexBuilder::new(&format!("^(?:{pattern})$"))
        .unicode(false)
        .size_limit(MAX_PROGRAM)
        .nest_limit(32)
        .build()
        .map_err(|_| "it is not a regular expression, or too large a one")
}

/// Whether the syntax is common to ECMAScript and this gateway.
fn is_common(pattern: &str) -> bool {
    let mut rest = pattern.chars();
    let mut class = false;
    while let Some(c) = rest.next() {
        let ahead = rest.as_str();
        let fine = match c {
            '\\' => rest.next().is_some_and(|escaped| {
                "dDwWsS".contains(escaped)
                    || !class && "bB".contains(escaped)
                    || escaped.is_ascii_punctuation() && !"<>".contains(escaped)
            }),
            '[' if class => false,
            '[' => {
                class = true;
                !ahead.starts_with(']') && !ahead.starts_with("^]")
            }
            ']' => std::mem::take(&mut class),
            '&' | '~' | '-' if class => !ahead.starts_with(c),
            '(' if !class => !ahead.starts_with('?') || ahead.starts_with("?:"),
            _ => true,
        };
        if !fine {
            return false;
        }
    }
    !class
}

const EXACT: &str = "sha256:cwd-argv:v1:";
const MAX_PATTERN: usize = 1024;
const MAX_ARGUMENTS: usize = 64 * 1024;
const MAX_PROGRAM: usize = 256 * 1024;

#[cfg(test)]
#[path = "entries/tests.rs"]
mod tests;
