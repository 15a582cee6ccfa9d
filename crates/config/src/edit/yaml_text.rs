//! Edits of a YAML text: whole lines, and values on one line.

use std::ops::Range;

use serde_json::Value;

use super::json5_text::MAX_ROUNDS;
use super::written::Style;
use super::yaml_reading::{Block, Entry, Reading, plain};
use super::{Edit, EditError};
use crate::bounds::Outline;

/// Whether the second reading gives `value` for a text that the parser has accepted.
pub(super) fn agrees(text: &str, value: &Value) -> Result<(), EditError> {
    let (_, root) = Reading::read(text)?;
    if root.value.value() == *value {
        return Ok(());
    }
    let why = "the second reading finds another value".to_owned();
    Err(EditError::Disagreement { line: None, key: None, why })
}

/// The places of a YAML text of this value, when the second reading agrees with it.
pub(super) fn outline(text: &str, value: &Value) -> Option<Outline> {
    let (reading, root) = Reading::read(text).ok()?;
    (root.value.value() == *value).then(|| reading.outline(&root))
}

/// The text with one edit made.
pub(super) fn edited(text: &str, value: &Value, edit: &Edit) -> Result<String, EditError> {
    let (reading, root) = Reading::read(text)?;
    let document = Document { reading, root };
    match edit {
        Edit::Set { key, to } => document.set(key.parts(), to),
        Edit::Remove { key } => {
            let (last, above) = key.parts().split_last().ok_or(EditError::Root)?;
            document.without(above, |entry| entry.name == *last)
        }
        Edit::Drop { key, item } => {
            let list = key.parts().iter().try_fold(value, |value, part| value.get(part));
            let list = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            match document.find(key.parts()).map(|entry| &entry.value) {
                Some(Block::Inline(_)) => {
                    let rest = list.iter().filter(|found| *found != item).cloned().collect();
                    document.set(key.parts(), &Value::Array(rest))
                }
                _ => document.without(key.parts(), |entry| entry.value.value() == *item),
            }
        }
    }
}

struct Document<'t> {
    reading: Reading<'t>,
    root: Entry,
}

impl Document<'_> {
    fn find(&self, key: &[String]) -> Option<&Entry> {
        key.iter().try_fold(&self.root, |entry, part| entry.value.entries().iter().find(|below| below.name == *part))
    }

    fn set(&self, key: &[String], to: &Value) -> Result<String, EditError> {
        if let Some(entry) = self.find(key) {
            return self.replace(entry, to);
        }
        let depth = (0..key.len()).rev().find(|depth| self.find(key.get(..*depth).unwrap_or_default()).is_some());
        let (above, missing) = key.split_at_checked(depth.unwrap_or(0)).unwrap_or_default();
        let holder = self.find(above).unwrap_or(&self.root);
        let Block::Mapping(entries) = &holder.value else {
            return Err(unsupported(holder, "an empty or one-line mapping"));
        };
        let Some(last) = entries.last() else { return Err(unsupported(holder, "an empty mapping")) };
        let newline = if self.reading.text.contains("\r\n") { "\r\n" } else { "\n" };
        let mut lines = Vec::new();
        for (level, name) in missing.iter().enumerate() {
            lines.push(format!("{}{}:", " ".repeat(last.indent + 2 * level), key_text(name)));
        }
        let written = scalar_or_flow(to, '"').ok_or_else(|| unsupported(holder, "a value that is itself a mapping"))?;
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(&written);
        }
        let at = self.start(last.lines.end);
        let block = lines.join(newline);
        let open = !self.reading.text.get(..at).unwrap_or_default().ends_with('\n');
        Ok(self.splice(at..at, &if open { format!("{newline}{block}") } else { format!("{block}{newline}") }))
    }

    fn replace(&self, entry: &Entry, to: &Value) -> Result<String, EditError> {
        if !matches!(entry.value, Block::Inline(_)) {
            return self.collapse(entry, to);
        }
        let old = self.reading.text.get(entry.range.clone()).unwrap_or_default();
        let quote = old.chars().next().unwrap_or(' ');
        let written =
            scalar_or_flow(to, quote).ok_or_else(|| unsupported(entry, "a value that is itself a mapping"))?;
        let space = if old.is_empty() { " " } else { "" };
        Ok(self.splice(entry.range.clone(), &format!("{space}{written}")))
    }

    /// Puts a value on an entry's line, in place of the lines below it.
    fn collapse(&self, entry: &Entry, to: &Value) -> Result<String, EditError> {
        let below = self.start(entry.lines.start + 1)..self.start(entry.lines.end);
        let inner = self.reading.text.get(below.clone()).unwrap_or_default();
        if entry.range.start >= below.start
            || inner.contains('#')
            || entry.lines.start == self.root.lines.start && entry.name.is_empty()
        {
            return Err(unsupported(entry, "a block with comments in it, or the whole document"));
        }
        let head = self.reading.text.get(entry.range.start..below.start).unwrap_or_default();
        let written = scalar_or_flow(to, '"').ok_or_else(|| unsupported(entry, "a value that is itself a mapping"))?;
        Ok(self.splice(entry.range.start..below.end, &format!(" {written}{head}")))
    }

    /// The text without those entries of a mapping or list.
    fn without(&self, key: &[String], gone: impl Fn(&Entry) -> bool) -> Result<String, EditError> {
        let Some(holder) = self.find(key) else { return Ok(self.reading.text.to_owned()) };
        let entries = holder.value.entries();
        if entries.is_empty() {
            return Err(unsupported(holder, "a list on one line"));
        }
        if entries.iter().all(&gone) {
            let empty = match holder.value {
                Block::List(_) => Value::Array(Vec::new()),
                _ => Value::Object(serde_json::Map::new()),
            };
            return self.collapse(holder, &empty);
        }
        if entries.iter().filter(|entry| gone(entry)).nth(MAX_ROUNDS).is_some() {
            return Err(unsupported(holder, "a list with that many equal items"));
        }
        let mut text = self.reading.text.to_owned();
        for entry in entries.iter().rev().filter(|entry| gone(entry)) {
            if !entry.own_line {
                return Err(unsupported(entry, "a key on the line of a list item"));
            }
            text.replace_range(self.start(entry.lines.start)..self.start(entry.lines.end), "");
        }
        Ok(text)
    }

    /// Where a line starts.
    fn start(&self, line: usize) -> usize {
        self.reading.starts.get(line).copied().unwrap_or(self.reading.text.len())
    }

    fn splice(&self, range: Range<usize>, with: &str) -> String {
        let text = self.reading.text;
        let (before, after) = (text.get(..range.start), text.get(range.end..));
        [before.unwrap_or_default(), with, after.unwrap_or_default()].concat()
    }
}

/// A value on one line, in the manner of one that begins with `quote`.
fn scalar_or_flow(value: &Value, quote: char) -> Option<String> {
    match value {
        Value::String(text) => Some(text_of(text, quote)),
        Value::Array(items) => {
            let items = items.iter().map(|item| match item {
                Value::Array(_) | Value::Object(_) => None,
                item => scalar_or_flow(item, '"'),
            });
            Some(format!("[{}]", items.collect::<Option<Vec<_>>>()?.join(", ")))
        }
        Value::Object(fields) => fields.is_empty().then(|| "{}".to_owned()),
        scalar => Some(scalar.to_string()),
    }
}

fn text_of(text: &str, quote: char) -> String {
    let simple = text.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    if quote == '\'' && simple {
        return format!("'{}'", text.replace('\'', "''"));
    }
    if quote != '"' && is_word(text) { text.to_owned() } else { Style::string(text, '"') }
}

fn key_text(name: &str) -> String {
    if is_word(name) { name.to_owned() } else { Style::string(name, '"') }
}

/// Whether every YAML reader, those of 1.1 too, takes a word without quotes for that text.
fn is_word(text: &str) -> bool {
    let letters = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/'));
    let old_booleans = ["y", "n", "yes", "no", "on", "off"];
    letters
        && plain(text).is_some_and(|value| value.is_string())
        && !old_booleans.contains(&text.to_lowercase().as_str())
}

fn unsupported(entry: &Entry, what: &str) -> EditError {
    EditError::Unsupported { line: entry.lines.start + 1, what: what.to_owned() }
}
