//! The arguments of build tools. A build runs the project's own code, and that is what an operator allows who lists
//! one; what passes here builds or tests the project with its own settings, and with no others. Answers the class
//! "build tool with another compiler" (`go build -toolexec`, `cargo --config build.rustc-wrapper`, `npm exec`).

use super::arguments::Why;
use crate::command::Word;

/// Judges the words after the program: a known verb, known options, plain names.
pub(super) fn judge(verbs: &[&str], arguments: &[Word]) -> Result<(), Why> {
    let Some((verb, words)) = arguments.split_first() else { return Err(UNKNOWN) };
    let only_version = words.is_empty() && matches!(verb.text.as_str(), "--version" | "-V" | "--help");
    if only_version {
        return Ok(());
    }
    if !verb.is_plain() || !verbs.contains(&verb.text.as_str()) {
        return Err(UNKNOWN);
    }
    let known = |word: &Word| {
        let text = word.text.as_str();
        let name = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:".contains(c));
        let option = text.split_once('=').filter(|(_, value)| name(value)).map_or(text, |(option, _)| option);
        word.is_plain()
            && if text.starts_with('-') {
                OPTIONS.contains(&option)
            } else {
                name(text) && !text.contains("..") || text == "./..."
            }
    };
    if words.iter().all(known) { Ok(()) } else { Err(UNKNOWN) }
}

const UNKNOWN: Why = "this form of a build tool is not known to be harmless";

const OPTIONS: &[&str] = &[
    "--", "--release", "--all", "--workspace", "--lib", "--bins", "--bin", "--tests", "--test", "--all-targets",
    "--all-features", "--no-default-features", "--features", "-p", "--package", "-v", "-q", "--quiet", "--verbose",
    "--locked", "--check", "--offline", "--frozen", "--no-run", "--no-deps", "--doc", "-j", "--jobs",
    "--message-format", "--format-version", "--nocapture", "--ignored", "--test-threads", "-D", "--depth", "--json",
    "-race", "-short", "-count", "-run", "-cover", "-timeout", "-json", "-m",
];
