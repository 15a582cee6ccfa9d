//! Edits of a JSON5 text: which bytes go, and what comes in their place.

use std::ops::Range;

use serde_json::Value;

use super::written::Style;
use super::{Edit, EditError, outline};
use crate::bounds::{Node, Outline, ROOT, ends_line};

/// The text with one edit made. `value` is what the text holds.
pub(super) fn edited(text: &str, value: &Value, edit: &Edit) -> Result<String, EditError> {
    match edit {
        Edit::Set { key, to } => {
            let outline = outline(text)?;
            let document = Document { text, style: Style::of(text, &outline), outline };
            Ok(document.set(key.parts(), to))
        }
        Edit::Remove { key } => {
            let mut text = text.to_owned();
            // A key that stands twice is taken away twice; an item of a list only once.
            for _ in 0..MAX_ROUNDS {
                let outline = outline(&text)?;
                let Some(node) = outline.find(key.parts()) else { return Ok(text) };
                let item = outline.nodes.get(node).is_some_and(|node| node.key.is_empty());
                let document = Document { text: &text, style: Style::of(&text, &outline), outline };
                text = document.without(node);
                if item {
                    return Ok(text);
                }
            }
            Err(EditError::NotExact { key: key.clone() })
        }
        Edit::Drop { key, item } => {
            let items = key.parts().iter().try_fold(value, |value, part| match value {
                Value::Array(items) => items.get(super::index(part)?),
                value => value.get(part),
            });
            let items = items.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let mut text = text.to_owned();
            let gone = || items.iter().enumerate().rev().filter(|(_, found)| *found == item);
            if gone().nth(MAX_ROUNDS).is_some() {
                return Err(EditError::NotExact { key: key.clone() });
            }
            for (at, _) in gone() {
                let outline = outline(&text)?;
                let Some(node) = outline.find(key.child(at.to_string()).parts()) else { continue };
                let document = Document { text: &text, style: Style::of(&text, &outline), outline };
                text = document.without(node);
            }
            Ok(text)
        }
    }
}

/// How many keys or items one edit takes away, each by a scan of the whole text. Answers: a text of a
/// hundred thousand equal items.
pub(super) const MAX_ROUNDS: usize = 256;

struct Document<'t> {
    text: &'t str,
    outline: Outline,
    style: Style,
}

impl Document<'_> {
    fn set(&self, key: &[String], to: &Value) -> String {
        if let Some(node) = self.outline.find(key).and_then(|node| self.outline.nodes.get(node)) {
            let old = self.slice(&node.value);
            let written = match (to, old.chars().next()) {
                (Value::String(to), Some(quote @ ('"' | '\''))) => Style::string(to, quote),
                _ => {
                    let indent = self.begins_line(node.start()).map(str::to_owned);
                    self.style.value(to, indent.as_deref())
                }
            };
            return splice(self.text, vec![(node.value.clone(), written)]);
        }
        // The nearest object that is there takes what lacks on the way, as one value.
        let depth =
            (0..key.len()).rev().find(|depth| self.outline.find(key.get(..*depth).unwrap_or_default()).is_some());
        let (above, missing) = key.split_at_checked(depth.unwrap_or(0)).unwrap_or_default();
        let Some((name, deeper)) = missing.split_first() else { return self.text.to_owned() };
        let wrap = |below: Value, part: &String| Value::Object([(part.clone(), below)].into_iter().collect());
        let value = deeper.iter().rev().fold(to.clone(), wrap);
        self.insert(self.outline.find(above).unwrap_or(ROOT), name, &value)
    }

    /// Puts a key at the end of an object.
    fn insert(&self, object: usize, name: &str, value: &Value) -> String {
        let Some(holder) = self.outline.nodes.get(object) else { return self.text.to_owned() };
        let close = holder.value.end.saturating_sub(1);
        let last = self.children(object).last();
        let before = last.map_or(holder.value.start + 1, |last| last.comma.map_or(last.value.end, |comma| comma + 1));
        let (spot, comment_open) = self.end_of_line(before, close);
        let own_line = match last {
            Some(last) => self.begins_line(last.start()).map(str::to_owned),
            None => self.inner_indent(object, holder),
        };
        let own_line = own_line.or_else(|| comment_open.then(|| self.style.deeper(self.indent_of(holder.start()))));
        let trailing = last.is_some_and(|last| last.comma.is_some());
        let sibling = last.map(|last| (self.slice(&last.key), self.between(last)));
        let written = self.style.property(name, value, sibling, own_line.as_deref());
        let comma = if trailing { "," } else { "" };
        let mut splices = Vec::new();
        if let Some(last) = last.filter(|_| !trailing) {
            splices.push((last.value.end..last.value.end, ",".to_owned()));
        }
        let inserted = match &own_line {
            Some(indent) => {
                let line_end = &self.style.newline;
                let closing_line = last.is_none() && !self.slice(&(spot..close)).contains(ends_line);
                let closing =
                    if closing_line { format!("{line_end}{}", self.indent_of(holder.start())) } else { String::new() };
                format!("{line_end}{indent}{written}{comma}{closing}")
            }
            None if last.is_none() => written,
            None => format!("{}{written}{comma}", self.gap(object)),
        };
        // The white space of `{ }` would stand behind the new key's line.
        let blank = last.is_none() && own_line.is_some() && self.slice(&(spot..close)).chars().all(|c| c == ' ');
        splices.push((spot..if blank { close } else { spot }, inserted));
        splice(self.text, splices)
    }

    /// The text without a key or an item.
    fn without(&self, at: usize) -> String {
        let Some(node) = self.outline.nodes.get(at) else { return self.text.to_owned() };
        let mut gone: Vec<Range<usize>> = Vec::new();
        let mut end = node.value.end;
        match node.comma {
            // A comment between the value and a comma that begins the next line belongs to nothing here.
            Some(comma) if self.slice(&(end..comma)).contains(ends_line) => gone.push(comma..comma + 1),
            Some(comma) => end = comma + 1,
            None => {
                let before = self.children(node.parent).take_while(|child| child.start() < node.start()).last();
                gone.extend(before.and_then(|before| before.comma).map(|comma| comma..comma + 1));
            }
        }
        let line_end = self.after_comment(end);
        let rest = self.text.get(line_end..).unwrap_or_default();
        let own = match self.begins_line(node.start()) {
            Some(indent) if rest.is_empty() || rest.starts_with(ends_line) => {
                let next = if rest.starts_with("\r\n") { 2 } else { rest.chars().next().map_or(0, char::len_utf8) };
                node.start() - indent.len()..line_end + next
            }
            Some(_) => node.start()..end + blanks(self.text.get(end..).unwrap_or_default()),
            None if node.comma.is_some() && gone.is_empty() => {
                node.start()..end + blanks(self.text.get(end..).unwrap_or_default())
            }
            None => node.start() - blanks_before(self.text.get(..node.start()).unwrap_or_default())..end,
        };
        gone.push(own);
        splice(self.text, gone.into_iter().map(|range| (range, String::new())).collect())
    }

    fn children(&self, parent: usize) -> impl Iterator<Item = &Node> {
        self.outline
            .nodes
            .iter()
            .enumerate()
            .filter(move |(at, node)| *at != ROOT && node.parent == parent)
            .map(|(_, node)| node)
    }

    /// The blanks before a place, when there is nothing else before it on its line.
    fn begins_line(&self, at: usize) -> Option<&str> {
        let before = self.text.get(..at)?;
        let indent = before.get(before.len() - blanks_before(before)..)?;
        let above = before.strip_suffix(indent)?;
        above.ends_with(['\n', '\r']).then_some(indent)
    }

    /// The blanks that the line of a place begins with.
    fn indent_of(&self, at: usize) -> &str {
        let before = self.text.get(..at).unwrap_or_default();
        let line = before.rsplit(['\n', '\r']).next().unwrap_or_default();
        let line = self.text.get(at - line.len()..).unwrap_or_default();
        line.get(..blanks(line)).unwrap_or_default()
    }

    /// The indentation of the first key of an empty object; `None` when it stays on its line.
    fn inner_indent(&self, object: usize, holder: &Node) -> Option<String> {
        let spread = object == ROOT || self.slice(&holder.value).contains(ends_line);
        let spread = spread || self.begins_line(holder.start()).is_some();
        spread.then(|| self.style.deeper(self.indent_of(holder.start())))
    }

    /// The end of what else is on the line behind a place and before `limit`: comments, not the blanks
    /// behind them. Whether the last of them needs a line end.
    fn end_of_line(&self, from: usize, limit: usize) -> (usize, bool) {
        let (mut end, mut at) = (from, from);
        while let Some(rest) = self.text.get(at..limit) {
            let comment = at + blanks(rest);
            let rest = self.text.get(comment..limit).unwrap_or_default();
            if rest.starts_with("//") {
                return (comment + rest.find(ends_line).unwrap_or(rest.len()), true);
            }
            let Some(length) = rest.strip_prefix("/*").and_then(|inner| inner.find("*/")) else { break };
            (end, at) = (comment + length + 4, comment + length + 4);
        }
        (end, false)
    }

    /// The end of the line's blanks and comments behind a place, when nothing else follows there.
    fn after_comment(&self, from: usize) -> usize {
        let (end, _) = self.end_of_line(from, self.text.len());
        // A comment that goes on in the next line is not one of this line's.
        let end = if self.slice(&(from..end)).contains(ends_line) { from } else { end };
        end + blanks(self.text.get(end..).unwrap_or_default())
    }

    fn between<'s>(&'s self, node: &Node) -> &'s str {
        self.slice(&(node.key.end..node.value.start))
    }

    /// What separates the keys of an object that stands on one line.
    fn gap(&self, object: usize) -> &'static str {
        let tight = self.children(object).next().is_some_and(|first| self.between(first) == ":");
        if tight { "" } else { " " }
    }

    fn slice(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }
}

fn blanks(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t']).len()
}

fn blanks_before(text: &str) -> usize {
    text.len() - text.trim_end_matches([' ', '\t']).len()
}

/// Replaces ranges that do not overlap.
fn splice(text: &str, mut splices: Vec<(Range<usize>, String)>) -> String {
    splices.sort_by_key(|(range, _)| (range.start, range.end));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (range, with) in splices {
        out.push_str(text.get(at..range.start).unwrap_or_default());
        out.push_str(&with);
        at = at.max(range.end);
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}
