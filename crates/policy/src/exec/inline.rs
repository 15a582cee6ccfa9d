//! Code in the words of a command, for `tools.exec.strictInlineEval`: asked about whatever else allows it. Answers the
//! class "inline-eval".

use crate::command::{Analysis, Simple, pieces};

/// Whether the command holds inline code, or could: a command that is not understood and names an interpreter does.
pub(crate) fn holds_code(analysis: &Analysis, command: &str) -> bool {
    if analysis.opaque.is_some() {
        return pieces(command).any(|piece| piece == "eval" || interpreter(piece).is_some());
    }
    analysis.commands.iter().any(is_inline)
}

fn is_inline(simple: &Simple) -> bool {
    let Some((program, arguments)) = simple.words.split_first() else { return false };
    let Some((_, short, long)) = interpreter(&program.text) else { return false };
    if short.is_empty() && long.is_empty() {
        return true;
    }
    arguments.iter().any(|word| {
        let text = word.text.as_str();
        let option = match text.strip_prefix("--") {
            Some(name) => {
                long.iter().any(|long| !name.is_empty() && (long.starts_with(name) || name.starts_with(long)))
            }
            None => text.strip_prefix('-').is_some_and(|cluster| cluster.contains(|c: char| short.contains(c))),
        };
        option || long.contains(&text)
    })
}

fn interpreter(word: &str) -> Option<&'static (&'static [&'static str], &'static str, &'static [&'static str])> {
    let name = word.rsplit('/').next().unwrap_or(word);
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    INTERPRETERS.iter().find(|(names, _, _)| names.contains(&name) || names.contains(&stem))
}

/// Names, the short options and the long options that carry code; none of either: any call does.
const INTERPRETERS: &[(&[&str], &str, &[&str])] = &[
    (&["sh", "bash", "dash", "ash", "zsh", "ksh", "fish", "csh", "tcsh"], "c", &["command", "init-command"]),
    (&["python", "pypy"], "c", &[]),
    (&["perl"], "eE", &[]),
    (&["ruby"], "e", &[]),
    (&["node", "nodejs", "bun", "tsx"], "ep", &["eval", "print"]),
    (&["deno"], "", &["eval", "repl"]),
    (&["php"], "rBRE", &["run", "process-begin"]),
    (&["lua", "luajit", "osascript", "groovy", "scala", "erl"], "e", &["eval", "execute"]),
    (&["Rscript", "R", "julia", "elixir", "guile"], "ecE", &["eval", "print"]),
    (&["pwsh", "powershell"], "ceCE", &["command", "encodedcommand"]),
    (&["awk", "gawk", "mawk", "nawk", "xargs", "parallel", "expect"], "", &[]),
    (&["find"], "eo", &[]),
    (&["make", "gmake"], "fE", &["eval", "file", "makefile"]),
    (&["psql", "mysql", "sqlite"], "ce", &["command", "execute"]),
];
