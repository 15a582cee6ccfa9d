//! What the shell itself makes of a first word. A builtin that runs, defines or changes something that later
//! words mean ends the analysis; the few that only look, or only leave, are harmless. Answers the class
//! "command-word": `eval`, `trap`, `hash -p`, `read PATH`, `compgen -C`.

use super::{Opaque, Role, Tail, Word};

/// The role of a command by its first word.
pub(super) fn role(words: &[Word]) -> Result<Role, Opaque> {
    let Some((program, arguments)) = words.split_first() else { return Err("an empty command") };
    let harmless = match program.text.as_str() {
        "cd" => return change_folder(arguments),
        ":" | "true" | "false" => true,
        "exit" => arguments.iter().all(|word| word.is_plain() && word.text.chars().all(|c| c.is_ascii_digit())),
        "set" => !arguments.is_empty() && options_are_strict(arguments),
        // `-v` and `-R` evaluate a subscript, which can hold a substitution.
        "test" | "[" => arguments.iter().all(|word| word.tail != Tail::Split && !is_variable_test(word)),
        "command" if arguments.first().is_some_and(|word| matches!(word.text.as_str(), "-v" | "-V")) => true,
        "type" => true,
        "command" => return Ok(Role::Program),
        "printf" => return if prints_only(arguments) { Ok(Role::Program) } else { Err("a shell construct") },
        other if REFUSED.contains(&other) => false,
        _ => return Ok(Role::Program),
    };
    if harmless { Ok(Role::Builtin) } else { Err("a shell construct") }
}

/// Whether the word is no program file to a shell. A wrapper that is given it does not mean the shell's.
pub(super) fn is_shells_own(word: &str) -> bool {
    REFUSED.contains(&word) || matches!(word, "cd" | ":" | "exit" | "set" | "command" | "type")
}

/// A word that opens or continues a shell construct.
pub(super) fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&word)
}

/// `cd` to one literal folder. Options, `-`, and no folder at all depend on more than the words say.
fn change_folder(arguments: &[Word]) -> Result<Role, Opaque> {
    match arguments {
        [folder] if folder.is_plain() && !folder.text.is_empty() && !folder.text.starts_with('-') => {
            Ok(Role::ChangeFolder)
        }
        _ => Err("a change of folder that the words do not tell"),
    }
}

/// `set -e`, `set -u`, `set -o pipefail`: they only end a script sooner.
fn options_are_strict(arguments: &[Word]) -> bool {
    let mut takes_name = false;
    arguments.iter().all(|word| {
        if takes_name {
            takes_name = false;
            return matches!(word.text.as_str(), "pipefail" | "errexit" | "nounset");
        }
        takes_name = word.text.ends_with('o');
        word.text.strip_prefix('-').is_some_and(|flags| {
            let flags = flags.strip_suffix('o').unwrap_or(flags);
            flags.chars().all(|c| matches!(c, 'e' | 'u')) && word.text.len() > 1
        })
    }) && !takes_name
}

/// A file could be named `-v`, and a pattern find it.
fn is_variable_test(word: &Word) -> bool {
    let could_be = |option: &str| {
        let literal = word.text.split(['*', '?', '[']).next().unwrap_or_default();
        let end = word.text.rsplit(['*', '?', ']']).next().unwrap_or_default();
        option.starts_with(literal) && option.ends_with(end)
    };
    matches!(word.text.as_str(), "-v" | "-R") || word.glob && (could_be("-v") || could_be("-R"))
}

/// `printf -v` and `%n` set variables.
fn prints_only(arguments: &[Word]) -> bool {
    let Some(format) = arguments.iter().find(|word| word.text != "--") else { return false };
    let assigns = format.text.split('%').skip(1).any(|after| {
        after.trim_start_matches(|c: char| c.is_ascii_digit() || "-+ #0.*'$hlLjzt".contains(c)).starts_with('n')
    });
    !format.text.starts_with('-') && format.is_plain() && !assigns
}

const RESERVED: &[&str] = &[
    "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "in", "select",
    "function", "coproc", "[[", "]]", "{", "}", "!",
];

/// Builtins of bash or dash that are not modelled as harmless.
const REFUSED: &[&str] = &[
    "eval", "exec", "source", ".", "builtin", "alias", "unalias", "export", "declare", "typeset", "local", "readonly",
    "shopt", "trap", "enable", "hash", "unset", "read", "mapfile", "readarray", "wait", "bind", "complete", "compgen",
    "compopt", "umask", "ulimit", "pushd", "popd", "dirs", "let", "fc", "history", "getopts", "shift", "return",
    "break", "continue", "caller", "bg", "fg", "jobs", "disown", "suspend", "logout", "chdir", "local", "times",
    "help",
];
