//! The second reading of a YAML text: block mappings, block lists and one-line values, by lines. It
//! shares nothing with the parser, and refuses whatever it does not read with certainty (anchors, tags,
//! block scalars, several documents). Answers: YAML's many ways to write what another reader misses.

use std::collections::HashSet;
use std::ops::Range;

use serde_json::{Map, Number, Value};

use super::EditError;
use crate::bounds::{Node, Outline, ROOT};

/// A mapping entry, a list item, or the whole document.
pub(super) struct Entry {
    /// Its name, or its index.
    pub(super) name: String,
    pub(super) value: Block,
    /// Its name as it is written, in bytes; empty for a list item.
    pub(super) key: Range<usize>,
    /// In bytes: a value on the entry's line without its comment; empty behind the colon or dash when
    /// there is none.
    pub(super) range: Range<usize>,
    /// Its lines, without comments behind its last one.
    pub(super) lines: Range<usize>,
    /// How far its name is indented, in bytes.
    pub(super) indent: usize,
    /// Whether its line has nothing of another entry.
    pub(super) own_line: bool,
}

/// What an entry holds.
pub(super) enum Block {
    /// A value on its line.
    Inline(Value),
    Mapping(Vec<Entry>),
    List(Vec<Entry>),
}

/// A line's content: blank lines and comments have none.
#[derive(Clone, Copy)]
struct Line {
    start: usize,
    end: usize,
    indent: usize,
    own: bool,
}

/// A text by its lines.
pub(super) struct Reading<'t> {
    pub(super) text: &'t str,
    lines: Vec<Option<Line>>,
    /// Where each line starts, and the end of the text.
    pub(super) starts: Vec<usize>,
    ends: Vec<usize>,
}

impl Block {
    pub(super) fn value(&self) -> Value {
        match self {
            Self::Inline(value) => value.clone(),
            Self::Mapping(entries) => Value::Object(
                entries.iter().map(|entry| (entry.name.clone(), entry.value.value())).collect::<Map<_, _>>(),
            ),
            Self::List(items) => Value::Array(items.iter().map(|item| item.value.value()).collect()),
        }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        match self {
            Self::Inline(_) => &[],
            Self::Mapping(entries) | Self::List(entries) => entries,
        }
    }
}

impl<'t> Reading<'t> {
    /// The entries of a text that the parser has accepted, and so bounded.
    pub(super) fn read(text: &'t str) -> Result<(Self, Entry), EditError> {
        let mut reading = Self { text, lines: Vec::new(), starts: Vec::new(), ends: Vec::new() };
        let mut start = 0;
        for (at, line) in text.split_inclusive('\n').enumerate() {
            reading.starts.push(start);
            let content = line.trim_end_matches('\n');
            let content = content.strip_suffix('\r').unwrap_or(content);
            let indent = content.len() - content.trim_start_matches(' ').len();
            let inner = content.get(indent..).unwrap_or_default();
            if content
                .contains(|c: char| c.is_control() || matches!(c, '\u{feff}' | '\u{85}' | '\u{2028}' | '\u{2029}'))
            {
                return Err(unsupported(at, "a tab or another control character"));
            }
            if indent == 0 && (inner.starts_with("---") || inner.starts_with("...") || inner.starts_with('%')) {
                return Err(unsupported(at, "a document marker or directive"));
            }
            let held = !inner.is_empty() && !inner.starts_with('#');
            let line_of = Line { start: start + indent, end: start + content.len(), indent, own: true };
            reading.ends.push(line_of.end);
            reading.lines.push(held.then_some(line_of));
            start += line.len();
        }
        reading.starts.push(text.len());
        let (first, line) = reading.next(0).ok_or_else(|| unsupported(0, "an empty document"))?;
        let (value, end) = reading.block(first, line.indent)?;
        if let Some((at, _)) = reading.next(end) {
            return Err(unsupported(at, "an indentation that fits nothing above"));
        }
        let root =
            Entry { name: String::new(), key: 0..0, value, range: 0..0, lines: first..end, indent: 0, own_line: false };
        Ok((reading, root))
    }

    /// The places of what was read.
    pub(super) fn outline(&self, root: &Entry) -> Outline {
        let mut outline = Outline::new(self.node(root, ROOT));
        let mut waiting: Vec<(usize, &Entry)> = root.value.entries().iter().map(|entry| (ROOT, entry)).collect();
        while let Some((parent, entry)) = waiting.pop() {
            let (number, _) = outline.add(entry.name.clone(), self.node(entry, parent));
            waiting.extend(entry.value.entries().iter().map(|below| (number, below)));
        }
        outline
    }

    fn node(&self, entry: &Entry, parent: usize) -> Node {
        let first = entry.value.entries().first();
        let end = entry.lines.end.checked_sub(1).and_then(|last| self.ends.get(last)).copied();
        let value = first.map_or_else(|| entry.range.clone(), |first| first.key.start..end.unwrap_or(first.key.end));
        let line = entry.lines.start;
        let before = self.starts.get(line).and_then(|start| self.text.get(*start..entry.key.start));
        let column = before.map_or(0, |before| before.chars().count()) + 1;
        Node { parent, key: entry.key.clone(), value, comma: None, line: line + 1, column }
    }

    fn next(&self, from: usize) -> Option<(usize, Line)> {
        self.lines.iter().enumerate().skip(from).find_map(|(at, line)| Some((at, (*line)?)))
    }

    fn content(&self, line: Line) -> &'t str {
        self.text.get(line.start..line.end).unwrap_or_default()
    }

    /// The mapping or list whose first line is `at`; and the line behind its last.
    fn block(&mut self, at: usize, indent: usize) -> Result<(Block, usize), EditError> {
        let is_item = |content: &str| content == "-" || content.starts_with("- ");
        let list = self.next(at).is_some_and(|(_, line)| is_item(self.content(line)));
        let (mut entries, mut end, mut names) = (Vec::<Entry>::new(), at, HashSet::new());
        while let Some((at, line)) = self.next(end).filter(|(_, line)| line.indent == indent) {
            let content = self.content(line);
            if is_item(content) != list {
                break;
            }
            let entry = if list { self.item(at, line, entries.len())? } else { self.pair(at, line)? };
            if !names.insert(entry.name.clone()) {
                return Err(unsupported(at, "a key that stands twice"));
            }
            end = entry.lines.end;
            entries.push(entry);
        }
        if self.next(end).is_some_and(|(_, line)| line.indent > indent) {
            return Err(unsupported(end, "a value of several lines"));
        }
        Ok((if list { Block::List(entries) } else { Block::Mapping(entries) }, end))
    }

    fn item(&mut self, at: usize, line: Line, index: usize) -> Result<Entry, EditError> {
        let rest = self.content(line).get(1..).unwrap_or_default();
        let inner = rest.trim_start_matches(' ');
        let start = line.end - inner.len();
        let nested = inner.starts_with("- ") || inner == "-" || split_pair(inner).is_some();
        let (value, range, end) = if nested {
            let indent = line.indent + (start - line.start);
            if let Some(slot) = self.lines.get_mut(at) {
                *slot = Some(Line { start, indent, own: false, ..line });
            }
            let (value, end) = self.block(at, indent)?;
            (value, start..start, end)
        } else {
            self.held(at, start..line.end, line.indent, false)?
        };
        Ok(Entry {
            name: index.to_string(),
            key: start..start,
            value,
            range,
            lines: at..end,
            indent: line.indent,
            own_line: line.own,
        })
    }

    fn pair(&mut self, at: usize, line: Line) -> Result<Entry, EditError> {
        let (name, rest) =
            split_pair(self.content(line)).ok_or_else(|| unsupported(at, "a line that is no plain key"))?;
        let (value, range, end) = self.held(at, line.end - rest.len()..line.end, line.indent, true)?;
        Ok(Entry {
            name,
            key: line.start..line.end - rest.len() - 1,
            value,
            range,
            lines: at..end,
            indent: line.indent,
            own_line: line.own,
        })
    }

    /// What stands behind a colon or dash, or below it.
    fn held(
        &mut self,
        at: usize,
        rest: Range<usize>,
        indent: usize,
        in_mapping: bool,
    ) -> Result<(Block, Range<usize>, usize), EditError> {
        let text = self.text.get(rest.clone()).unwrap_or_default();
        let inner = text.trim_start_matches(' ');
        let start = rest.end - inner.len();
        if !inner.is_empty() && !inner.starts_with('#') {
            let (value, length) = inline(inner).ok_or_else(|| unsupported(at, "a value that is not plain"))?;
            return Ok((Block::Inline(value), start..start + length, at + 1));
        }
        let empty = rest.start..rest.start;
        match self.next(at + 1) {
            Some((below, line)) if line.indent > indent => {
                let (value, end) = self.block(below, line.indent)?;
                Ok((value, empty, end))
            }
            Some((below, line)) if in_mapping && line.indent == indent && self.content(line).starts_with('-') => {
                let (value, end) = self.block(below, indent)?;
                Ok((value, empty, end))
            }
            _ => Ok((Block::Inline(Value::Null), empty, at + 1)),
        }
    }
}

/// A key, and what follows its colon.
fn split_pair(content: &str) -> Option<(String, &str)> {
    let (name, rest) = if content.starts_with(['"', '\'']) {
        let (name, length) = quoted(content)?;
        (name, content.get(length..)?)
    } else {
        let end = content.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '.' | '/' | '-' | '+')))?;
        let name = content
            .get(..end)
            .filter(|name| name.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$'))?;
        (name.to_owned(), content.get(end..)?)
    };
    let rest = rest.strip_prefix(':')?;
    (rest.is_empty() || rest.starts_with(' ')).then_some((name, rest))
}

/// A value on one line, and its length without a comment.
fn inline(text: &str) -> Option<(Value, usize)> {
    let (value, length) = match text.chars().next()? {
        '"' | '\'' => quoted(text).map(|(text, length)| (Value::String(text), length))?,
        '[' => flow(text)?,
        '{' => text.starts_with("{}").then(|| (Value::Object(Map::new()), 2))?,
        c if "|>&*!%@`?,}]#".contains(c) => return None,
        _ => {
            let end = text.find(" #").unwrap_or(text.len());
            let word = text.get(..end)?.trim_end_matches(' ');
            (plain(word).filter(|_| word != "-" && !word.starts_with("- "))?, word.len())
        }
    };
    let after = text.get(length..)?;
    let comment = after.trim_start_matches(' ');
    (comment.is_empty() || comment.starts_with('#') && after.starts_with(' ')).then_some((value, length))
}

/// `[a, 'b']`: scalars only.
fn flow(text: &str) -> Option<(Value, usize)> {
    let (mut items, mut at) = (Vec::new(), 1);
    loop {
        at += blanks(text.get(at..)?);
        let rest = text.get(at..)?;
        if rest.starts_with(']') {
            return Some((Value::Array(items), at + 1));
        }
        let (item, length) = if rest.starts_with(['"', '\'']) {
            quoted(rest).map(|(text, length)| (Value::String(text), length))?
        } else {
            let word = rest.get(..rest.find([',', ']'])?)?.trim_end_matches(' ');
            let strange = word.is_empty() || word.contains(['[', '{', '}', '#', '\'', '"', ':']);
            let strange = strange || word.starts_with(['|', '>', '&', '*', '!', '%', '@', '`', '?', '-']);
            (plain(word).filter(|_| !strange)?, word.len())
        };
        items.push(item);
        at += length;
        at += blanks(text.get(at..)?);
        match text.get(at..)?.chars().next()? {
            ',' => at += 1,
            ']' => {}
            _ => return None,
        }
    }
}

fn blanks(text: &str) -> usize {
    text.len() - text.trim_start_matches(' ').len()
}

/// A text in quotes, and its length with them.
fn quoted(text: &str) -> Option<(String, usize)> {
    if text.starts_with('"') {
        let mut escaped = false;
        let end = text.char_indices().skip(1).find_map(|(at, c)| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends.then_some(at)
        })?;
        // The escapes of JSON mean the same in YAML; others are not read.
        return Some((serde_json::from_str(text.get(..=end)?).ok()?, end + 1));
    }
    let (mut out, mut at) = (String::new(), 1);
    loop {
        let part = text.get(at..)?;
        let end = part.find('\'')?;
        out.push_str(part.get(..end)?);
        at += end + 1;
        if !text.get(at..)?.starts_with('\'') {
            return Some((out, at));
        }
        out.push('\'');
        at += 1;
    }
}

/// A word without quotes, by the core schema of YAML 1.2.
pub(super) fn plain(word: &str) -> Option<Value> {
    if word.contains(": ") || word.ends_with(':') {
        return None;
    }
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    let numeric = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let strange = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    Some(match word {
        "null" | "Null" | "NULL" | "~" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ if numeric && strange => return None,
        _ if numeric && digits.bytes().all(|b| b.is_ascii_digit()) => {
            let whole = word.strip_prefix('+').unwrap_or(word);
            Value::Number(
                whole.parse::<u64>().map(Number::from).or_else(|_| whole.parse::<i64>().map(Number::from)).ok()?,
            )
        }
        _ if numeric && digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'-' | b'+')) => {
            word.parse::<f64>().ok().map_or_else(
                || Some(Value::String(word.to_owned())),
                |float| Number::from_f64(float).map(Value::Number),
            )?
        }
        _ => Value::String(word.to_owned()),
    })
}

fn unsupported(line: usize, what: &str) -> EditError {
    EditError::Unsupported { line: line + 1, what: what.to_owned() }
}
