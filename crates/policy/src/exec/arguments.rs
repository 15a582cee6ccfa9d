//! What a program may be told. An allowlist entry trusts a program for its harmless arguments only: a word that
//! makes it run another program, write a file or read its own configuration asks. Answers the class
//! "argument injection" (`sort --compress-program`, `tar --checkpoint-action`, `git -c`, `rg --pre`).

use super::programs::{Kind, Options, PROGRAMS, VERSIONED};
use super::{awk, build, fetch, files, git, grammar, processes, scripts};
use crate::command::{Simple, Tail, Word};
use crate::view::{Backend, View};

/// Why the words do not pass.
pub(super) type Why = &'static str;

/// Judges the arguments of a command that runs the program of this name.
///
/// # Errors
/// The reason to ask.
pub(super) fn judge(name: &str, simple: &Simple, view: &View) -> Result<(), Why> {
    let kind = kind_of(name);
    let arguments = simple.words.get(1..).unwrap_or_default();
    if let Kind::Never(why) = kind {
        let versioned = VERSIONED.contains(&name) || VERSIONED.contains(&name_stem(name));
        return if versioned && asks_for_version(name_stem(name), arguments) { Ok(()) } else { Err(why) };
    }
    if simple.appended && !matches!(kind, Kind::Any) {
        return Err("it takes arguments from its input");
    }
    if arguments.iter().any(|word| word.glob && hides_its_name(word)) {
        return Err("a pattern hides which file is named");
    }
    if !matches!(kind, Kind::Any) && arguments.iter().any(may_become_option) {
        return Err("an expansion could become an option");
    }
    match kind {
        Kind::Any => Ok(()),
        Kind::Bare(_) if arguments.is_empty() => Ok(()),
        Kind::Bare(why) => Err(why),
        Kind::Only(words) if arguments.iter().all(|word| word.is_plain() && words.contains(&word.text.as_str())) => {
            Ok(())
        }
        Kind::Only(_) => Err("an argument is not one of the harmless ones"),
        Kind::Never(why) => Err(why),
        Kind::Refuse(options) => refuse(&options, arguments),
        Kind::Names => names(arguments),
        Kind::Unknown if simple.fed => Err("the program is not known, and what it reads on its input may be code"),
        Kind::Unknown => unknown(arguments),
        Kind::Git => git::judge(arguments),
        Kind::Find => scripts::find(arguments),
        Kind::Sed => scripts::sed(arguments),
        Kind::Awk => awk::judge(arguments),
        Kind::Jq => scripts::jq(arguments),
        Kind::Tar => scripts::tar(arguments),
        Kind::Build(verbs) => build::judge(verbs, arguments),
        Kind::Forms(verbs) | Kind::Project(verbs) => {
            if grammar::is_known(verbs, arguments) {
                Ok(())
            } else {
                Err(NO_FORM)
            }
        }
        Kind::Processes => processes::judge(arguments),
        Kind::Fetch => fetch::judge(arguments, view.network || view.backend == Backend::Host),
        Kind::Moves => files::moves(arguments),
    }
}

const NO_FORM: Why = "this form of the program is not known to be harmless";

/// Whether a program takes what it runs from files of the project, or leaves files there that others run: git, build
/// tools, copies, and whatever is not known (`gulp`, `scons`, `doxygen` are told nothing and run what they find).
pub(super) fn reads_the_project(name: &str) -> bool {
    matches!(kind_of(name), Kind::Git | Kind::Build(_) | Kind::Project(_) | Kind::Moves | Kind::Unknown)
}

/// Whether what a program does hangs on the folder that it is in: what it runs, or where it writes. A reader finds there
/// nothing that it could not read by a whole path.
pub(super) fn minds_its_folder(name: &str) -> bool {
    !matches!(kind_of(name), Kind::Any | Kind::Only(_) | Kind::Processes | Kind::Forms(_))
}

/// The rule for a file name: `python3.11` is `python`, `vim.basic` is `vim`.
fn kind_of(name: &str) -> Kind {
    let stem = name_stem(name);
    // `python3-dbg`, `clang++-15` and `bash-static` are what their first part is.
    let head = name_stem(name.split(['.', '-', '+', '_']).next().unwrap_or(name));
    let last = name_stem(name.rsplit('-').next().unwrap_or(name));
    let find = |wanted: &str| PROGRAMS.iter().find(|(names, _)| names.contains(&wanted)).map(|(_, kind)| *kind);
    let known = find(name).or_else(|| if stem == name { None } else { find(stem) });
    let carries = |kind: &Kind| matches!(kind, Kind::Never(_));
    known
        // A first part that is harmless says nothing of the whole: `cat-and-run` is no `cat`.
        .or_else(|| if head == name { None } else { find(head).filter(carries) })
        .or_else(|| if last == name { None } else { find(last).filter(carries) })
        .unwrap_or(Kind::Unknown)
}

fn name_stem(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-')
}

fn asks_for_version(stem: &str, arguments: &[Word]) -> bool {
    let [only] = arguments else { return false };
    only.is_plain()
        && (only.text == "--version"
            || matches!(
                (stem, only.text.as_str()),
                ("node", "-v") | ("python", "-V") | ("java", "-version") | ("openssl", "version")
            ))
}

/// A pattern that starts an absolute path with anything but `*` is how a name is hidden from a reader.
fn hides_its_name(word: &Word) -> bool {
    word.text.starts_with(['/', '~', '$']) && word.text.contains(['?', '['])
}

/// A file can be named like an option; a pattern that starts with a wildcard would find it.
fn may_become_option(word: &Word) -> bool {
    let first = word.text.chars().next();
    word.glob && (!first.is_some_and(|c| c.is_alphanumeric() || "/.~$_@".contains(c)))
        || word.tail == Tail::Unknown
        || word.glob && word.text.starts_with('-')
}

/// Options that are known to be harmful are refused wherever they could stand: in a cluster, attached,
/// abbreviated, and, where operands may be many, not only before a `--` that certainly ends them.
fn refuse(options: &Options, arguments: &[Word]) -> Result<(), Why> {
    let mut operands = 0_usize;
    let mut value = false;
    let mut unsure = false;
    for word in arguments {
        // A value that looks like an option is judged as one.
        let is_value = std::mem::take(&mut value) && word.is_plain();
        // After a long option it may be that option's value.
        if options.ends && word.text == "--" && word.is_plain() && !is_value && !unsure {
            return Ok(());
        }
        unsure = word.text.starts_with("--") && !word.text.contains('=');
        if let Some(long) = word.text.strip_prefix("--") {
            if is_abbreviation(long.split('=').next().unwrap_or_default(), options.long) {
                return Err(HARMFUL);
            }
        } else if let Some(cluster) = word.text.strip_prefix('-').filter(|cluster| !cluster.is_empty()) {
            for (index, letter) in cluster.char_indices() {
                if options.short.contains(letter) {
                    return Err(HARMFUL);
                }
                if options.valued.contains(letter) {
                    value = index + letter.len_utf8() == cluster.len();
                    break;
                }
            }
        } else if !is_value {
            operands += if word.glob || word.tail == Tail::Split { 2 } else { 1 };
        }
    }
    if operands > options.operands { Err("an operand may name a file that is written") } else { Ok(()) }
}

const HARMFUL: Why = "an option writes, runs or configures something";

/// Whether a long option could be one of these, by itself or as an abbreviation.
pub(super) fn is_abbreviation(name: &str, of: &[&str]) -> bool {
    !name.is_empty() && of.iter().any(|long| long.starts_with(name))
}

/// Names of files or folders to be made.
fn names(arguments: &[Word]) -> Result<(), Why> {
    let plain = |word: &Word| {
        word.is_plain()
            && (matches!(word.text.as_str(), "-p" | "-v" | "-pv" | "--parents" | "--verbose" | "--")
                || !word.text.starts_with(['-', '~', '/'])
                    && !word.text.rsplit('/').next().is_some_and(|name| files::is_armed(&name.to_ascii_lowercase()))
                    && word.text.split('/').all(|part| !part.starts_with('.') || part == "."))
    };
    if arguments.iter().all(plain) { Ok(()) } else { Err("it may make a hidden file, or one elsewhere") }
}

/// A program that no rule knows passes alone, or with options that cannot, by convention, name code, programs,
/// configuration or outputs: the operator who listed it expects it to run. It passes with no operand but a number. What an
/// operand means is the program's to say, and there is always one more carrier (`conda run -n base id`, `chronic id`,
/// `mise exec id`) in which it is the name of a program: no list of such verbs, nor of the programs after them, is ever
/// complete, so a plain word is no safer than a path. An operator who means more says so, with the program's arguments.
fn unknown(arguments: &[Word]) -> Result<(), Why> {
    let number = |word: &Word| word.is_plain() && word.text.chars().all(|c| c.is_ascii_digit());
    for word in arguments.iter().filter(|word| !number(word)) {
        if !word.is_plain() || !word.text.starts_with('-') || word.text.len() < 2 {
            return Err("the program is not known, and it is given something that may be a program, a file or code");
        }
        if is_suspect_option(&word.text) {
            return Err("the program is not known, and an option could name code, a program or an output");
        }
    }
    Ok(())
}

/// Whether an option could, by its words or letters, name code, a program, a file or another place. No list of such names
/// is complete (`--reporter=./x.js`, `--preview=id`): a value is a number or a switch, whatever the option is called. Of a
/// word of letters all but the first may be its value.
pub(super) fn is_suspect_option(text: &str) -> bool {
    let Some(option) = text.strip_prefix('-') else { return false };
    let Some(long) = option.strip_prefix('-') else {
        let first = option.chars().next().unwrap_or('-');
        let rest = option.get(first.len_utf8()..).unwrap_or_default();
        let counts = rest.chars().all(|c| c.is_ascii_digit()) || rest.chars().all(|c| c == first);
        return !first.is_ascii_alphanumeric() || SUSPECT_LETTERS.contains(first) || !counts;
    };
    let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
    let name = name.to_ascii_lowercase();
    let harmless = |value: &str| {
        matches!(value, "true" | "false")
            || name == "color" && matches!(value, "auto" | "always" | "never")
            || !value.is_empty() && value.chars().all(|c| c.is_ascii_digit())
    };
    let last = name.rsplit(['-', '_', '.']).next().unwrap_or_default();
    let abbreviates = SUSPECT.iter().any(|suspect| suspect.starts_with(last)) && name != "help";
    value.is_some_and(|value| !harmless(value)) || abbreviates || name.split(['-', '_', '.']).any(is_suspect)
}

fn is_suspect(part: &str) -> bool {
    SUSPECT.iter().any(|suspect| if suspect.len() < 4 { part == *suspect } else { part.starts_with(suspect) })
}

const SUSPECT_LETTERS: &str = "cCeEfFiIlLoOmMrxXD/=";

/// Parts of long options; those under four letters are matched whole.
const SUSPECT: &[&str] = &[
    "addon", "agent", "append", "backup", "cmd", "code", "comman", "compress", "conf", "cred", "cwd", "delete", "dest",
    "dir", "driver", "dump", "edit", "env", "eval", "exec", "expr", "ext", "file", "filter", "force", "helper", "hook",
    "host", "import", "in", "include", "init", "inplace", "inter", "key", "lib", "load", "log", "mod", "modu", "out",
    "output", "overwrite", "pager", "pass", "path", "pipe", "plugin", "post", "pre", "preload", "prepro", "prog",
    "proxy", "rc", "remote", "replace", "require", "root", "rsh", "rule", "run", "runner", "save", "script", "serve",
    "sh", "shell", "socket", "ssh", "start", "tool", "tmp", "temp", "to", "trace", "tunnel", "update", "upload", "url",
    "user", "with", "work", "wrap", "write", "hooks", "extension", "eval", "external", "directory",
];
