//! The arguments of git that only look, or that record what is already in the working tree. Everything else asks.
//!
//! What a repository's own configuration makes git run (`core.fsmonitor`, hooks, filters) is not in the words, and an
//! agent can write it: on the host git always asks (see `exec`). Answers the classes "git -c", "ext:: transport",
//! "upload-pack", "open files in pager", "aliases".

use super::arguments::{Why, is_abbreviation};
use super::files;
use super::grammar::Grammar;
use crate::command::{Tail, Word};

/// Judges the words after `git`.
pub(super) fn judge(arguments: &[Word]) -> Result<(), Why> {
    let mut rest = arguments;
    while let Some((word, after)) = rest.split_first() {
        rest = match word.text.as_str() {
            "--no-pager" | "-P" | "--no-optional-locks" | "--literal-pathspecs" | "--no-replace-objects" => after,
            "--version" | "-v" if after.is_empty() => return Ok(()),
            "-C" => {
                let Some((folder, after)) = after.split_first() else { return Err(UNKNOWN) };
                let below = folder.is_plain() && !folder.text.starts_with(['/', '-', '~']);
                if !below || folder.text.split('/').any(|part| part == "..") {
                    return Err("git is sent to another folder");
                }
                after
            }
            text if text.starts_with('-') => return Err(UNKNOWN),
            _ => break,
        };
    }
    let Some((verb, words)) = rest.split_first() else { return Err(UNKNOWN) };
    if !verb.is_plain() {
        return Err(UNKNOWN);
    }
    if words.iter().any(|word| word.text.contains("::")) && !TEXTUAL.contains(&verb.text.as_str()) {
        return Err("a transport that runs a program");
    }
    if words.iter().any(|word| verifies(&verb.text, &word.text)) {
        return Err("git would start a program that checks a signature");
    }
    subcommand(&verb.text, words)
}

/// Whether a word could be a format or an order that asks about a signature, for which git starts `gpg.program`.
fn verifies(verb: &str, text: &str) -> bool {
    match verb {
        "commit" | "grep" => false,
        "for-each-ref" | "branch" | "tag" => text.contains("signature"),
        // A sign before the letter says what to do with an empty one.
        _ => text.split('%').skip(1).any(|after| after.trim_start_matches(['+', '-', ' ']).starts_with('G')),
    }
}

fn subcommand(verb: &str, words: &[Word]) -> Result<(), Why> {
    match verb {
        _ if READING.contains(&verb) => read_only(verb, words),
        "branch" => limited(words, "arvl", &LIST_OPTIONS, usize::MAX),
        "tag" => limited(words, "ln", &LIST_OPTIONS, usize::MAX).or_else(|why| annotated(words).ok_or(why)),
        "remote" => match words {
            [] => Ok(()),
            [only] if matches!(only.text.as_str(), "-v" | "--verbose") => Ok(()),
            [get, name] if get.text == "get-url" && is_ref(name) => Ok(()),
            [show, name] if show.text == "show" && is_own_remote(name) => Ok(()),
            _ => Err(UNKNOWN),
        },
        "config" => config(words),
        "stash" => stash(words),
        "reflog" if words.first().is_none_or(|word| word.text == "show" || word.text.starts_with('-')) => {
            read_only(verb, words)
        }
        "worktree" if matches!(words, [only] if only.text == "list") => Ok(()),
        "submodule" if matches!(words, [only] if only.text == "status") => Ok(()),
        "add" => {
            limited(words, "AuvnfN", &["all", "update", "verbose", "dry-run", "force", "intent-to-add"], usize::MAX)
        }
        "commit" => commit(words),
        "checkout" => match words {
            [name] if is_ref(name) && is_file(name) || name.text == "-" && name.is_plain() => Ok(()),
            [option, name] if option.text == "-b" && is_ref(name) => Ok(()),
            [option, name, from] if option.text == "-b" && is_ref(name) && is_ref(from) => Ok(()),
            [dashes, paths @ ..] if dashes.text == "--" && !paths.is_empty() && paths.iter().all(is_file) => Ok(()),
            [from, dashes, paths @ ..]
                if is_ref(from) && dashes.text == "--" && !paths.is_empty() && paths.iter().all(is_file) =>
            {
                Ok(())
            }
            _ => Err(UNKNOWN),
        },
        // What is staged is no longer; the files stay as they are.
        "reset" => match words {
            [] => Ok(()),
            [head] if head.text == "HEAD" && head.is_plain() => Ok(()),
            [head, paths @ ..] if head.text == "HEAD" && head.is_plain() => {
                let paths = paths.strip_prefix(&[Word { text: "--".into(), ..Word::default() }]).unwrap_or(paths);
                known(!paths.is_empty() && paths.iter().all(is_file))
            }
            _ => Err(UNKNOWN),
        },
        "switch" => match words {
            [name] if is_ref(name) || name.text == "-" && name.is_plain() => Ok(()),
            [option, names @ ..] if matches!(option.text.as_str(), "-c" | "--create" | "-d" | "--detach") => {
                known((1..=2).contains(&names.len()) && names.iter().all(is_ref))
            }
            _ => Err(UNKNOWN),
        },
        "restore" => known(
            Grammar::of("SW", "", &["staged", "worktree"])
                .with(is_file, 64)
                .read(words)
                .is_some_and(|paths| !paths.is_empty()),
        ),
        // A strategy is the name of a program; without a message an editor opens.
        "merge" => {
            known(matches!(words, [only] if matches!(only.text.as_str(), "--abort" | "--quit")) || merges(words))
        }
        "cherry-pick" | "revert" => known(picks(verb, words)),
        "mv" => known(
            Grammar::of("vkn", "", &["verbose", "dry-run"])
                .with(files::is_plain_file, 16)
                .read(words)
                .as_deref()
                .is_some_and(moves),
        ),
        "ls-remote" => known(
            Grammar::of("ht", "", &["heads", "tags", "refs", "branches", "quiet", "symref"])
                .with(is_ref, 2)
                .first(is_own_remote)
                .read(words)
                .is_some(),
        ),
        "fetch" | "pull" => {
            let known = |word: &Word| FETCH_OPTIONS.contains(&word.text.as_str()) && word.is_plain();
            let (options, operands): (Vec<&Word>, Vec<&Word>) =
                words.iter().partition(|word| word.text.starts_with('-'));
            let own = operands.first().is_none_or(|remote| is_own_remote(remote));
            let refs = operands.iter().all(|word| is_ref(word)) && operands.len() <= 2;
            if own && refs && options.into_iter().all(known) { Ok(()) } else { Err(UNKNOWN) }
        }
        _ => Err(UNKNOWN),
    }
}

fn known(is: bool) -> Result<(), Why> {
    if is { Ok(()) } else { Err(UNKNOWN) }
}

/// A tag with its message in the words, unsigned.
fn annotated(words: &[Word]) -> Option<()> {
    let options = Grammar::of("a", "m", &["annotate", "message="]).with(is_ref, 2);
    let has_message =
        words.iter().any(|word| word.text == "-m" || word.text.starts_with("--message") || word.text == "-am");
    options.read(words).filter(|names| has_message && !names.is_empty()).map(|_| ())
}

fn stash(words: &[Word]) -> Result<(), Why> {
    let rest = words.get(1..).unwrap_or_default();
    let entry = |word: &Word| {
        word.is_plain()
            && word.text.trim_start_matches("stash@{").trim_end_matches('}').chars().all(|c| c.is_ascii_digit())
    };
    match words.first().map(|word| word.text.as_str()) {
        None => Ok(()),
        Some("list" | "show") => read_only("stash", rest),
        Some("push") => {
            let options = Grammar::of("ukq", "m", &["include-untracked", "keep-index", "staged", "quiet", "message="]);
            known(options.with(is_file, 64).read(rest).is_some())
        }
        Some("pop" | "apply") => {
            let options: &[&str] = &["--index", "-q", "--quiet"];
            known(rest.iter().all(|word| word.is_plain() && options.contains(&word.text.as_str()) || entry(word)))
        }
        _ => Err(UNKNOWN),
    }
}

fn merges(words: &[Word]) -> bool {
    let options = Grammar::of(
        "nq",
        "m",
        &["no-ff", "ff-only", "ff", "no-edit", "squash", "no-commit", "quiet", "stat", "no-stat", "message="],
    );
    let silent = |word: &Word| {
        ["-m", "--no-edit", "--ff-only", "--squash", "--no-commit"].contains(&word.text.as_str())
            || word.text.starts_with("--message")
    };
    let read = options.with(is_ref, 1).read(words);
    words.iter().any(silent) && read.is_some_and(|names| names.len() == 1)
}

fn picks(verb: &str, words: &[Word]) -> bool {
    if matches!(words, [only] if matches!(only.text.as_str(), "--abort" | "--quit" | "--skip")) {
        return true;
    }
    let options = Grammar::of("xn", "m", &["no-commit", "no-edit", "ff", "allow-empty", "mainline="]);
    // A revert opens an editor unless it is told not to.
    let silent = verb == "cherry-pick"
        || words.iter().any(|word| matches!(word.text.as_str(), "--no-edit" | "-n" | "--no-commit"));
    silent && options.with(is_commit, 16).read(words).is_some_and(|names| !names.is_empty())
}

/// A commit by its name, or as an ancestor or a range of named ones.
fn is_commit(word: &Word) -> bool {
    word.is_plain()
        && word.text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && word.text.chars().all(|c| c.is_ascii_alphanumeric() || "._/-~^".contains(c))
}

/// A file or folder by its plain name, for what only puts back what was recorded.
fn is_file(word: &Word) -> bool {
    let text = word.text.as_str();
    word.is_plain()
        && !text.is_empty()
        && !text.starts_with(['-', '/', ':', '~'])
        && !text.split('/').any(|part| part == ".." || part.eq_ignore_ascii_case(".git"))
        && !text.contains(['*', '?', '['])
        && !text.trim_matches(['.', '/']).is_empty()
}

fn moves(paths: &[&Word]) -> bool {
    matches!(paths, [sources @ .., to] if !sources.is_empty() && sources.iter().all(|from| files::is_move(&from.text, &to.text)))
}

/// The remotes that a clone and a fork have; any other name could be a path or an address.
fn is_own_remote(word: &Word) -> bool {
    word.is_plain() && matches!(word.text.as_str(), "origin" | "upstream")
}

/// Subcommands that only look: harmless but for some options.
fn read_only(verb: &str, words: &[Word]) -> Result<(), Why> {
    for word in words {
        if word.text == "--" {
            break;
        }
        if let Some(long) = word.text.strip_prefix("--") {
            // `--text` is an option of its own, not a short form of `--textconv`.
            if long != "text" && is_abbreviation(long.split('=').next().unwrap_or_default(), HARMFUL) {
                return Err("an option of git runs or writes something");
            }
        } else if word.text.starts_with("-O") || word.text.starts_with('-') && word.text.contains('O') && verb == "grep"
        {
            return Err("an option of git runs a program");
        }
        if word.tail == Tail::Split {
            return Err("an expansion could become an option");
        }
    }
    Ok(())
}

/// Known options only; operands are names of refs or paths.
fn limited(words: &[Word], short: &str, long: &[&str], operands: usize) -> Result<(), Why> {
    let mut count = 0_usize;
    for word in words {
        let known = match (word.text.strip_prefix("--"), word.text.strip_prefix('-')) {
            (Some(""), _) => true,
            (Some(name), _) => long.iter().any(|known| {
                *known == name
                    || known.ends_with('=') && name.starts_with(known)
                    || known.strip_suffix('=') == Some(name)
            }),
            (None, Some(cluster)) => !cluster.is_empty() && cluster.chars().all(|c| short.contains(c)),
            (None, None) => {
                count += 1;
                true
            }
        };
        if !known {
            return Err(UNKNOWN);
        }
    }
    if count > operands { Err(UNKNOWN) } else { Ok(()) }
}

/// A commit with its message in the words: no editor, no template, no signing program.
fn commit(words: &[Word]) -> Result<(), Why> {
    let mut has_message = false;
    let mut value = false;
    for word in words {
        if std::mem::take(&mut value) {
            continue;
        }
        let text = word.text.as_str();
        if let Some(long) = text.strip_prefix("--") {
            let message = long == "message" || long.starts_with("message=") || long == "no-edit";
            has_message |= message;
            value = long == "message";
            if !message
                && !["all", "amend", "allow-empty", "no-verify", "signoff", "quiet", "verbose", ""].contains(&long)
            {
                return Err(UNKNOWN);
            }
        } else if let Some(cluster) = text.strip_prefix('-') {
            let (flags, attached) =
                cluster.split_once('m').map_or((cluster, None), |(flags, rest)| (flags, Some(rest)));
            if cluster.is_empty() || !flags.chars().all(|c| matches!(c, 'a' | 's' | 'q' | 'v' | 'n')) {
                return Err(UNKNOWN);
            }
            has_message |= attached.is_some();
            value = attached == Some("");
        }
    }
    if has_message && !value { Ok(()) } else { Err("git would open an editor") }
}

fn config(words: &[Word]) -> Result<(), Why> {
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    let is_key = |key: &str| !key.starts_with('-');
    // A pattern may become a key and a value.
    if !words.iter().all(Word::is_plain) {
        return Err("git's configuration would be written");
    }
    match texts.as_slice() {
        [.., "--list" | "-l"] | ["--list" | "-l", ..] if texts.iter().all(|text| LISTING.contains(text)) => Ok(()),
        ["--get" | "--get-all" | "get", key] | ["--global" | "--local", "--get", key] if is_key(key) => Ok(()),
        [key] if is_key(key) && key.contains('.') => Ok(()),
        _ => Err("git's configuration would be written"),
    }
}

/// A plain name of a branch, tag or remote.
fn is_ref(word: &Word) -> bool {
    word.is_plain()
        && !word.text.is_empty()
        && !word.text.starts_with('-')
        && word.text.chars().all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c))
        && !word.text.contains("..")
}

const LISTING: &[&str] = &[
    "--list", "-l", "--global", "--local", "--system", "--worktree", "--show-origin", "--show-scope", "--name-only",
    "-z", "--includes",
];

const UNKNOWN: Why = "this form of git is not known to be harmless";

const READING: &[&str] = &[
    "status", "log", "diff", "show", "rev-parse", "ls-files", "ls-tree", "blame", "annotate", "describe", "shortlog",
    "rev-list", "cat-file", "merge-base", "name-rev", "show-ref", "for-each-ref", "count-objects", "whatchanged",
    "check-ignore", "check-attr", "diff-tree", "diff-index", "diff-files", "grep", "cherry", "range-diff", "version",
    "show-branch", "verify-pack",
];

/// Subcommands whose words are text to find or to record, where `::` is a name in a program.
const TEXTUAL: &[&str] = &["grep", "log", "commit", "show", "blame"];

const LIST_OPTIONS: [&str; 15] = [
    "list", "all", "remotes", "show-current", "merged", "no-merged", "contains", "sort=", "format=", "points-at",
    "column", "no-column", "verbose", "no-color", "color",
];

const FETCH_OPTIONS: &[&str] =
    &["--all", "--prune", "-p", "--tags", "--rebase", "--ff-only", "--quiet", "-q", "--dry-run", "--no-tags", "-v"];

/// Refused in every subcommand that looks, with every abbreviation.
const HARMFUL: &[&str] = &[
    "output", "ext-diff", "textconv", "filters", "exec", "exec-path", "upload-pack", "receive-pack",
    "open-files-in-pager", "config-env", "git-dir", "work-tree", "template", "paginate", "help", "edit", "editor",
    "show-signature", "gpg-sign", "contents",
];
