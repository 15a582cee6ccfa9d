//! The small languages that text tools carry: sed scripts, jq filters, find expressions, tar's letters. Only a
//! form that is known to print is let through. Answers the classes "sed w and e commands",
//! "find -exec classed read-only", "jq env dumps secrets", "tar checkpoint actions".

use super::arguments::Why;
use crate::command::{Tail, Word};

/// Words of a find expression that only select or print.
pub(super) fn find(arguments: &[Word]) -> Result<(), Why> {
    for word in arguments {
        let text = word.text.as_str();
        let number = text.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let newer = text.strip_prefix("-newer").is_some_and(|rest| rest.len() == 2 && !rest.contains('t'));
        if word.tail == Tail::Split || text.starts_with('-') && !(number || newer || PREDICATES.contains(&text)) {
            return Err("find is told to do more than to look");
        }
    }
    Ok(())
}

/// A sed call that prints: no script file, no editing in place, no command that writes or runs.
pub(super) fn sed(arguments: &[Word]) -> Result<(), Why> {
    let mut scripts: Vec<&Word> = Vec::new();
    let mut operands: Vec<&Word> = Vec::new();
    let mut words = arguments.iter();
    let mut ended = false;
    while let Some(word) = words.next() {
        let text = word.text.as_str();
        if ended || !text.starts_with('-') || text == "-" {
            operands.push(word);
        } else if text == "--" {
            ended = true;
        } else if text == "-e" || text == "-ne" || text == "-Ee" || text == "-nEe" || text == "--expression" {
            scripts.push(words.next().ok_or(SED)?);
        } else if matches!(
            text,
            "--quiet" | "--silent" | "--regexp-extended" | "--null-data" | "--sandbox" | "--version"
        ) {
        } else if !text.chars().skip(1).all(|c| matches!(c, 'n' | 'E' | 'r' | 's' | 'u' | 'z'))
            || text.starts_with("--")
        {
            return Err(SED);
        }
    }
    if scripts.is_empty() {
        scripts.extend(operands.first());
    }
    scripts.iter().try_for_each(|script| if script.is_plain() { sed_script(&script.text) } else { Err(SED) })
}

const SED: Why = "sed is told to do more than to print";

fn sed_script(script: &str) -> Result<(), Why> {
    let mut rest = script.chars().peekable();
    let mut open = 0_usize;
    loop {
        while rest.next_if(|c| matches!(c, ' ' | ';' | '\n' | '\t')).is_some() {}
        if rest.peek().is_none() {
            return if open == 0 { Ok(()) } else { Err(SED) };
        }
        if rest.next_if_eq(&'}').is_some() {
            open = open.checked_sub(1).ok_or(SED)?;
            continue;
        }
        while address(&mut rest)? {
            while rest.next_if(|c| *c == ' ').is_some() {}
            rest.next_if_eq(&',');
        }
        while rest.next_if(|c| matches!(c, ' ' | '!')).is_some() {}
        match rest.next() {
            Some('{') => {
                open += 1;
                continue;
            }
            Some('p' | 'd' | 'D' | 'P' | 'n' | 'N' | '=' | 'g' | 'G' | 'h' | 'H' | 'x') => {}
            Some('q' | 'Q' | 'l') => while rest.next_if(char::is_ascii_digit).is_some() {},
            Some('s') => {
                let delimiter = rest.next().filter(|c| !c.is_alphanumeric() && !matches!(c, '\n' | '\\')).ok_or(SED)?;
                part(&mut rest, delimiter)?;
                part(&mut rest, delimiter)?;
                while rest.next_if(|c| matches!(c, 'g' | 'p' | 'i' | 'I' | '0'..='9')).is_some() {}
            }
            Some('y') => {
                let delimiter = rest.next().filter(|c| !c.is_alphanumeric() && !matches!(c, '\n' | '\\')).ok_or(SED)?;
                part(&mut rest, delimiter)?;
                part(&mut rest, delimiter)?;
            }
            _ => return Err(SED),
        }
        while rest.next_if(|c| *c == ' ').is_some() {}
        if !rest.peek().is_none_or(|c| matches!(c, ';' | '\n') || *c == '}' && open > 0) {
            return Err(SED);
        }
    }
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Takes one address, when there is one.
fn address(rest: &mut Chars<'_>) -> Result<bool, Why> {
    match rest.peek() {
        Some('0'..='9' | '+' | '~' | '$') => {
            while rest.next_if(|c| c.is_ascii_digit() || matches!(c, '+' | '~' | '$')).is_some() {}
            Ok(true)
        }
        Some('/') => {
            rest.next();
            part(rest, '/')?;
            rest.next_if(|c| matches!(c, 'I'));
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// The text up to an unescaped delimiter. Seds differ on a delimiter inside brackets, so there may be none.
fn part(rest: &mut Chars<'_>, delimiter: char) -> Result<(), Why> {
    let mut brackets = false;
    while let Some(c) = rest.next() {
        if c == delimiter {
            return if brackets { Err(SED) } else { Ok(()) };
        }
        match c {
            '\\' => {
                rest.next().filter(|c| *c != '\n').ok_or(SED)?;
            }
            '[' => brackets = true,
            ']' => brackets = false,
            '\n' => return Err(SED),
            _ => {}
        }
    }
    Err(SED)
}

/// A jq call that reads its input and no more.
pub(super) fn jq(arguments: &[Word]) -> Result<(), Why> {
    let mut filter_seen = false;
    let mut values = 0_usize;
    for word in arguments {
        let text = word.text.as_str();
        let is_value = values > 0;
        values = match text {
            _ if is_value => values - 1,
            "--arg" | "--argjson" => 2,
            "--indent" => 1,
            _ => 0,
        };
        // The first word that is no option and no value of one is the filter, whatever it looks like.
        let is_filter = !text.starts_with('-') && !filter_seen && !is_value;
        filter_seen |= is_filter;
        // A file can be named like a filter.
        if (is_filter || is_value) && !word.is_plain() {
            return Err("jq is told to read more than its input");
        }
        let option = match text.strip_prefix("--") {
            Some(long) => JQ_OPTIONS.contains(&long),
            None => text.strip_prefix('-').is_none_or(|cluster| cluster.chars().all(|c| "rcsSeRnMCaj".contains(c))),
        };
        let names = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let reads_more = names.into_iter().any(|name| JQ_NAMES.contains(&name)) && (is_filter || !is_path(text));
        if !option || word.tail == Tail::Split || reads_more {
            return Err("jq is told to read more than its input");
        }
    }
    Ok(())
}

/// A file name, rather than a filter.
fn is_path(text: &str) -> bool {
    text.ends_with(".json") && text.chars().all(|c| c.is_ascii_alphanumeric() || "./_-".contains(c))
}

/// A tar call that lists a local archive.
pub(super) fn tar(arguments: &[Word]) -> Result<(), Why> {
    let mut lists = false;
    for (index, word) in arguments.iter().enumerate() {
        let text = word.text.as_str();
        let letters = text.strip_prefix('-').or_else(|| (index == 0).then_some(text));
        match letters {
            _ if !word.is_plain() || text.contains(':') => return Err(TAR),
            _ if matches!(text, "--list" | "--verbose" | "--gzip" | "--xz") || text.starts_with("--file=") => {
                lists |= text == "--list";
            }
            Some(letters) => {
                if !letters.chars().all(|c| "tvfzjJa".contains(c))
                    || letters.find('f').is_some_and(|at| at + 1 != letters.len())
                {
                    return Err(TAR);
                }
                lists |= letters.contains('t');
            }
            None => {}
        }
    }
    if lists { Ok(()) } else { Err(TAR) }
}

/// What reads the environment, other files or their names.
const JQ_NAMES: &[&str] = &["env", "ENV", "import", "include", "modulemeta", "input_filename"];

const JQ_OPTIONS: &[&str] = &[
    "", "raw-output", "compact-output", "slurp", "sort-keys", "exit-status", "tab", "arg", "argjson", "null-input",
    "raw-input", "indent", "join-output", "color-output", "monochrome-output", "args",
];

const TAR: Why = "tar is told to do more than to list";

const PREDICATES: &[&str] = &[
    "-name", "-iname", "-path", "-ipath", "-wholename", "-iwholename", "-regex", "-iregex", "-regextype", "-type",
    "-xtype", "-size", "-mtime", "-mmin", "-ctime", "-cmin", "-atime", "-amin", "-newer", "-anewer", "-cnewer",
    "-maxdepth", "-mindepth", "-empty", "-perm", "-user", "-group", "-uid", "-gid", "-nouser", "-nogroup", "-links",
    "-inum", "-print", "-print0", "-printf", "-ls", "-not", "-a", "-o", "-and", "-or", "-prune", "-depth", "-xdev",
    "-mount", "-follow", "-H", "-L", "-P", "-readable", "-writable", "-executable", "-true", "-false", "-quit",
    "-daystart", "-noleaf", "-lname", "-samefile",
];
