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
    let mut selects = false;
    let known = |word: &Word| {
        let text = word.text.as_str();
        // Tests are selected by a regular expression.
        if std::mem::replace(&mut selects, SELECTING.contains(&text)) {
            return word.is_plain() && !text.starts_with('-');
        }
        if text.split_once('=').is_some_and(|(option, _)| SELECTING.contains(&option)) {
            return word.is_plain();
        }
        // A folder elsewhere would be built, and its tests run.
        let name = |text: &str| {
            text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:".contains(c))
                && !text.starts_with('/')
                && !text.contains("//")
                && !text.strip_suffix("/...").unwrap_or(text).contains("..")
        };
        let option = text.split_once('=').filter(|(_, value)| name(value)).map_or(text, |(option, _)| option);
        word.is_plain()
            && if text.starts_with('-') { OPTIONS.contains(&option) || SELECTING.contains(&text) } else { name(text) }
    };
    if words.iter().all(known) { Ok(()) } else { Err(UNKNOWN) }
}

const UNKNOWN: Why = "this form of a build tool is not known to be harmless";

const OPTIONS: &[&str] = &[
    "--", "--release", "--all", "--workspace", "--lib", "--bins", "--bin", "--tests", "--test", "--all-targets",
    "--all-features", "--no-default-features", "--features", "-p", "--package", "-v", "-q", "--quiet", "--verbose",
    "--locked", "--check", "--offline", "--frozen", "--no-run", "--no-deps", "--doc", "-j", "--jobs",
    "--message-format", "--format-version", "--nocapture", "--ignored", "--test-threads", "-D", "--depth", "--json",
    "-race", "-short", "-count", "-cover", "-timeout", "-json", "-m", "-failfast", "-parallel", "-cpu", "-benchmem",
    "-benchtime", "-i", "--invert", "-d", "--duplicates", "-e", "--edges", "--prefix", "--exact", "--keep-going",
    "--no-fail-fast", "--examples", "--example", "--benches", "--exclude", "--color", "--profile", "--skip",
    "--show-output", "--include-ignored", "--timings=no",
];

/// Options of go whose value is a regular expression.
const SELECTING: &[&str] = &["-run", "-bench", "-skip"];
