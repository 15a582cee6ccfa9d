//! Programs that run another program with an argument list, and how to find where that list begins. A form
//! that is not in the table is not seen through: the wrapper then stands for itself, and the rule for it asks.
//! Answers the classes "transparent wrapper", "wrapper with side effects" (`time -o`), "env -S", "combined short flags
//! hide -c".

use super::{Word, lexer::is_name};

/// What a wrapper runs.
pub(super) struct Carried {
    /// Where that is.
    pub(super) load: Load,
    /// Variables that it sets for it.
    pub(super) variables: Vec<(String, Word)>,
    /// It appends arguments that it reads.
    pub(super) appended: bool,
    /// It is part of the shell: no program file is run for it.
    pub(super) by_shell: bool,
}

pub(super) enum Load {
    /// The words from this one on.
    Words(usize),
    /// The text of a script.
    Text(String),
}

struct Wrapper {
    name: &'static str,
    /// Short options without a value.
    flags: &'static str,
    /// Short options with a value.
    valued: &'static str,
    /// Long options; those that end in `=` have a value. Never abbreviated.
    long: &'static [&'static str],
    /// Operands before the command.
    operands: usize,
}

/// What the words run beyond the program itself, when the form is known.
pub(super) fn carried(words: &[Word]) -> Option<Carried> {
    let program = words.first()?;
    let name = program.text.rsplit('/').next()?;
    if SHELLS.contains(&name) {
        return script(words);
    }
    let wrapper = WRAPPERS.iter().find(|wrapper| wrapper.name == name)?;
    let mut at = options(wrapper, words)?;
    let mut variables = Vec::new();
    if wrapper.name == "env" {
        while let Some((name, value)) = words.get(at).and_then(|word| word.text.split_once('=')) {
            if !is_name(name) {
                return None;
            }
            let value = Word { text: value.to_owned(), ..words.get(at)?.clone() };
            variables.push((name.to_owned(), value));
            at += 1;
        }
    }
    at += wrapper.operands;
    // What `-I` names is replaced in the program word too.
    let replaces = |word: &&Word| wrapper.name == "xargs" && word.text.starts_with("-") && word.text.contains('I');
    let replaced = words.get(1..at)?.iter().find(replaces);
    if replaced.is_some_and(|word| word.text != "-I{}") {
        return None;
    }
    let plain = words.get(..at)?.iter().all(|word| !word.glob && word.tail == super::Tail::None);
    (plain && at < words.len()).then(|| Carried {
        load: Load::Words(at),
        variables,
        appended: wrapper.name == "xargs",
        by_shell: wrapper.name == "command",
    })
}

/// `sh -c TEXT` and nothing more: no other option, no positional parameters that carry what the text hides.
fn script(words: &[Word]) -> Option<Carried> {
    let [_, option, text] = words else { return None };
    (option.text == "-c" && option.is_plain() && text.is_plain()).then(|| Carried {
        load: Load::Text(text.text.clone()),
        variables: Vec::new(),
        appended: false,
        by_shell: false,
    })
}

/// Where the options end, as the wrapper itself reads them: at the first operand.
fn options(wrapper: &Wrapper, words: &[Word]) -> Option<usize> {
    let mut at = 1;
    while let Some(word) = words.get(at) {
        if word.text == "--" {
            return Some(at + 1);
        }
        if let Some(long) = word.text.strip_prefix("--") {
            let known = |name: &str| wrapper.long.contains(&name);
            match long.split_once('=') {
                Some((name, _)) if known(&format!("{name}=")) => {}
                None if known(long) => {}
                None if known(&format!("{long}=")) => at += 1,
                _ => return None,
            }
        } else if let Some(cluster) = word.text.strip_prefix('-') {
            at += usize::from(cluster_takes_next(wrapper, cluster)?);
        } else {
            return Some(at);
        }
        at += 1;
    }
    Some(at)
}

/// Whether a cluster of short options takes the next word as a value; `None` when it is not known.
fn cluster_takes_next(wrapper: &Wrapper, cluster: &str) -> Option<bool> {
    if wrapper.name == "nice" && !cluster.is_empty() && cluster.chars().all(|c| c.is_ascii_digit()) {
        return Some(false);
    }
    let mut letters = cluster.chars();
    let mut any = false;
    while let Some(letter) = letters.next() {
        any = true;
        if wrapper.valued.contains(letter) {
            return Some(letters.as_str().is_empty());
        }
        if !wrapper.flags.contains(letter) {
            return None;
        }
    }
    any.then_some(false)
}

/// Whether a file of this name is a wrapper or a shell that can be seen through.
pub(crate) fn is_transparent(name: &str) -> bool {
    SHELLS.contains(&name) || WRAPPERS.iter().any(|wrapper| wrapper.name == name)
}

const SHELLS: &[&str] = &["sh", "bash", "dash"];

const fn wrapper(
    name: &'static str,
    flags: &'static str,
    valued: &'static str,
    long: &'static [&'static str],
    operands: usize,
) -> Wrapper {
    Wrapper { name, flags, valued, long, operands }
}

/// Left out on purpose: options that write (`time -o`), split a string (`env -S`), change the folder (`env -C`),
/// detach (`setsid -f`), or act on another process (`ionice -p`).
const WRAPPERS: &[Wrapper] = &[
    wrapper("env", "i", "", &["ignore-environment"], 0),
    wrapper("nice", "", "n", &["adjustment="], 0),
    wrapper("nohup", "", "", &[], 0),
    wrapper("timeout", "v", "ks", &["preserve-status", "foreground", "verbose", "kill-after=", "signal="], 1),
    wrapper("stdbuf", "", "ioe", &["input=", "output=", "error="], 0),
    wrapper("setsid", "cw", "", &["ctty", "wait"], 0),
    wrapper("time", "p", "", &["portability"], 0),
    wrapper("ionice", "t", "cn", &["class=", "classdata=", "ignore"], 0),
    wrapper(
        "xargs",
        "0rt",
        "nLPIdE",
        &["null", "no-run-if-empty", "verbose", "max-args=", "max-procs=", "delimiter="],
        0,
    ),
    wrapper("command", "", "", &[], 0),
];
