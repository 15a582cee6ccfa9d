//! The words of ps. It reads an option that it does not know in another dialect, in which `e` shows the environment of
//! other people's processes: only whole words of one dialect and a closed list of columns are known. Answers the class
//! "ps e shows the environment".

use super::arguments::Why;
use crate::command::Word;

/// Judges the words after `ps`.
pub(super) fn judge(arguments: &[Word]) -> Result<(), Why> {
    if matches!(arguments, [only] if only.is_plain() && ALONE.contains(&only.text.as_str())) {
        return Ok(());
    }
    let dialect = |word: &&Word| !word.text.starts_with("--") && !word.text.starts_with(|c: char| c.is_ascii_digit());
    let first = arguments.iter().find(dialect).map(|word| word.text.starts_with('-'));
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let text = word.text.as_str();
        let value = match text {
            _ if !word.is_plain() => return Err(UNKNOWN),
            _ if dialect(&word) && first != Some(text.starts_with('-')) => return Err(UNKNOWN),
            _ if WORDS.contains(&text) => continue,
            "-o" | "-eo" | "-Ao" | "axo" | "-efo" => columns as fn(&str) -> bool,
            "-p" | "--pid" | "--ppid" => numbers,
            "--sort" => sorting,
            _ => {
                let known = text.strip_prefix("--sort=").is_some_and(sorting)
                    || text.strip_prefix("--pid=").or(text.strip_prefix("--ppid=")).is_some_and(numbers);
                if !known {
                    return Err(UNKNOWN);
                }
                continue;
            }
        };
        if !words.next().is_some_and(|word| word.is_plain() && value(&word.text)) {
            return Err(UNKNOWN);
        }
    }
    Ok(())
}

fn columns(value: &str) -> bool {
    // A heading may follow, and it is the rest of the word; an empty one hides the line.
    value.split(',').all(|column| COLUMNS.contains(&column.strip_suffix('=').unwrap_or(column)))
}

fn sorting(value: &str) -> bool {
    value.split(',').all(|column| COLUMNS.contains(&column.trim_start_matches(['-', '+'])))
}

fn numbers(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|c| c.is_ascii_digit() || c == ',')
}

const UNKNOWN: Why = "a word of ps is not one of the harmless ones";

/// What makes it read every word in the other dialect.
const ALONE: &[&str] = &["-aux", "-u", "-x"];

const WORDS: &[&str] = &[
    "aux", "ax", "-ef", "-e", "-A", "-f", "auxww", "-ww", "--no-headers", "--forest", "-eLf", "-T", "-l", "-F", "auxf",
];

const COLUMNS: &[&str] = &[
    "pid", "ppid", "pgid", "sid", "tid", "lwp", "user", "uid", "group", "gid", "ruser", "comm", "ucmd", "args", "cmd",
    "command", "%cpu", "pcpu", "%mem", "pmem", "rss", "vsz", "vsize", "size", "sz", "tty", "tt", "stat", "state", "s",
    "start", "lstart", "stime", "etime", "etimes", "time", "cputime", "nice", "ni", "pri", "psr", "nlwp", "thcount",
    "wchan", "start_time", "rssize", "c",
];
