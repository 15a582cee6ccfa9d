//! `tools.exec.safeBins`: filters that need no allowlist entry as long as they read nothing but their input. Each has a
//! profile; a name without one is no filter, whatever the config says. Decided on the words alone, so that no answer tells
//! whether a file exists. Answers the class "exec-safebins".

use std::path::Path;

use super::scripts;
use crate::command::{Simple, Word};

struct Profile {
    name: &'static str,
    flags: &'static str,
    valued: &'static str,
    /// Long options; those that end in `=` have a value. Never abbreviated.
    long: &'static [&'static str],
    operands: usize,
}

/// Whether the command is a filter of its standard input.
pub(super) fn filters(bins: &[String], simple: &Simple, path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let immutable = path.parent().is_some_and(|folder| folder == Path::new("/usr/bin") || folder == Path::new("/bin"));
    let named = simple.words.first().is_some_and(|word| word.text == name || Path::new(&word.text) == path);
    let Some(profile) = PROFILES.iter().find(|profile| profile.name == name) else { return false };
    immutable
        && named
        && bins.iter().any(|bin| bin == name)
        && simple.reads.is_empty()
        && simple.variables.is_empty()
        && !simple.appended
        && only_options(profile, simple.words.get(1..).unwrap_or_default())
}

fn only_options(profile: &Profile, words: &[Word]) -> bool {
    let mut operands = 0_usize;
    let mut ended = false;
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        let text = word.text.as_str();
        if !word.is_plain() {
            return false;
        }
        if ended || !text.starts_with('-') {
            operands += 1;
            let is_code = profile.name == "jq";
            if operands > profile.operands || is_code && scripts::jq(std::slice::from_ref(word)).is_err() {
                return false;
            }
        } else if text == "--" {
            ended = true;
        } else if let Some(long) = text.strip_prefix("--") {
            let known = |name: &str| profile.long.contains(&name);
            match long.split_once('=') {
                Some((name, _)) if known(&format!("{name}=")) => {}
                None if known(long) => {}
                None if known(&format!("{long}=")) && words.get(at).is_some_and(Word::is_plain) => at += 1,
                _ => return false,
            }
        } else {
            match cluster(profile, text) {
                Some(false) => {}
                Some(true) if words.get(at).is_some_and(Word::is_plain) => at += 1,
                _ => return false,
            }
        }
    }
    true
}

/// Whether a cluster takes the next word; `None` when it is not known, or is `-` alone.
fn cluster(profile: &Profile, text: &str) -> Option<bool> {
    let cluster = text.strip_prefix('-').filter(|cluster| !cluster.is_empty())?;
    if matches!(profile.name, "head" | "tail") && cluster.chars().all(|c| c.is_ascii_digit()) {
        return Some(false);
    }
    let mut letters = cluster.chars();
    while let Some(letter) = letters.next() {
        if profile.valued.contains(letter) {
            return Some(letters.as_str().is_empty());
        }
        if !profile.flags.contains(letter) {
            return None;
        }
    }
    Some(false)
}

const fn profile(
    name: &'static str,
    flags: &'static str,
    valued: &'static str,
    long: &'static [&'static str],
    operands: usize,
) -> Profile {
    Profile { name, flags, valued, long, operands }
}

const PROFILES: &[Profile] = &[
    profile(
        "cut",
        "nsz",
        "bcdf",
        &["bytes=", "characters=", "fields=", "delimiter=", "complement", "only-delimited"],
        0,
    ),
    profile("head", "qvz", "nc", &["lines=", "bytes=", "quiet", "silent", "verbose"], 0),
    profile("tail", "qvz", "nc", &["lines=", "bytes=", "quiet", "silent", "verbose"], 0),
    profile("uniq", "cdDiuz", "fsw", &["count", "repeated", "unique", "ignore-case", "skip-fields=", "skip-chars="], 0),
    profile("tr", "cCdst", "", &["complement", "delete", "squeeze-repeats", "truncate-set1"], 2),
    profile("wc", "clmwL", "", &["lines", "words", "chars", "bytes", "max-line-length"], 0),
    profile(
        "sort",
        "bdfghiMnrRsuVz",
        "kt",
        &["reverse", "unique", "numeric-sort", "key=", "field-separator=", "version-sort"],
        0,
    ),
    profile(
        "grep",
        "EFGivwxcnoqsha",
        "eABCm",
        &["regexp=", "ignore-case", "invert-match", "count", "fixed-strings"],
        0,
    ),
    profile("jq", "rcsSaMCj", "", &["raw-output", "compact-output", "slurp", "sort-keys", "tab"], 1),
];
