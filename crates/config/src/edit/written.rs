//! How a document is written, and new text in that manner.

use serde_json::Value;

use crate::bounds::{Outline, ROOT};

/// The habits of one JSON5 text.
pub(super) struct Style {
    /// What ends its lines.
    pub(super) newline: String,
    unit: String,
    quote: char,
    key_quote: Option<char>,
}

impl Style {
    pub(super) fn of(text: &str, outline: &Outline) -> Self {
        let slice = |range: &std::ops::Range<usize>| text.get(range.clone()).unwrap_or_default();
        let quoted = |written: &str| written.chars().next().filter(|c| matches!(c, '"' | '\''));
        let keys = || outline.nodes.iter().skip(1).filter(|node| !node.key.is_empty());
        let first_key = keys().next();
        let key_quote = first_key.map_or(Some('"'), |node| quoted(slice(&node.key)));
        let value = outline.nodes.iter().find_map(|node| quoted(slice(&node.value)));
        let indented = keys().filter(|node| node.parent == ROOT).find_map(|node| {
            // No further back than the blanks: a text of one line has all its keys on it.
            let before = text.get(..node.start())?;
            let above = before.trim_end_matches([' ', '\t']);
            let indent = before.get(above.len()..)?;
            (!indent.is_empty() && above.ends_with(['\n', '\r'])).then(|| indent.to_owned())
        });
        Self {
            newline: newline(text).to_owned(),
            unit: indented.unwrap_or_else(|| "  ".to_owned()),
            quote: value.or(key_quote).unwrap_or('"'),
            key_quote,
        }
    }

    /// One level further in.
    pub(super) fn deeper(&self, indent: &str) -> String {
        format!("{indent}{}", self.unit)
    }

    /// A key and its value. `sibling`: a key beside it, and what stands between that and its value.
    pub(super) fn property(
        &self,
        name: &str,
        value: &Value,
        sibling: Option<(&str, &str)>,
        indent: Option<&str>,
    ) -> String {
        let quote = sibling.map_or(self.key_quote, |(key, _)| key.chars().next().filter(|c| matches!(c, '"' | '\'')));
        let colon = sibling.map_or(": ", |(_, between)| between);
        let plain = colon.chars().all(|c| matches!(c, ':' | ' ' | '\t'));
        let colon = if plain { colon } else { ": " };
        format!("{}{colon}{}", self.key(name, quote), self.value(value, indent))
    }

    /// A value; over several lines when `indent`, that of its key, is given and it holds objects.
    pub(super) fn value(&self, value: &Value, indent: Option<&str>) -> String {
        match value {
            Value::String(text) => Self::string(text, self.quote),
            Value::Array(items) if items.is_empty() => "[]".to_owned(),
            Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
            Value::Array(items) => {
                let spread = indent.filter(|_| items.iter().any(|item| item.is_object() || item.is_array()));
                let inner = spread.map(|indent| self.deeper(indent));
                let items = items.iter().map(|item| self.value(item, inner.as_deref()));
                self.bracketed(('[', ']'), "", items.collect(), spread)
            }
            Value::Object(fields) => {
                let inner = indent.map(|indent| self.deeper(indent));
                let fields = fields.iter().map(|(key, value)| {
                    format!("{}: {}", self.key(key, self.key_quote), self.value(value, inner.as_deref()))
                });
                self.bracketed(('{', '}'), " ", fields.collect(), indent)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        }
    }

    fn bracketed(&self, (open, close): (char, char), pad: &str, parts: Vec<String>, indent: Option<&str>) -> String {
        let Some(indent) = indent else { return format!("{open}{pad}{}{pad}{close}", parts.join(", ")) };
        let newline = &self.newline;
        let inner = self.deeper(indent);
        let parts = parts.join(&format!(",{newline}{inner}"));
        format!("{open}{newline}{inner}{parts}{newline}{indent}{close}")
    }

    fn key(&self, name: &str, quote: Option<char>) -> String {
        match quote {
            Some(quote) => Self::string(name, quote),
            None if is_identifier(name) => name.to_owned(),
            None => Self::string(name, self.quote),
        }
    }

    /// A text in quotes. What could end a line, or turn the reading order, is escaped.
    pub(super) fn string(text: &str, quote: char) -> String {
        let mut out = String::with_capacity(text.len() + 2);
        out.push(quote);
        for c in text.chars() {
            match c {
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\\' => out.push_str("\\\\"),
                c if c == quote => out.extend(['\\', c]),
                c if c.is_control() || is_invisible(c) => out.push_str(&format!("\\u{:04x}", u32::from(c))),
                c => out.push(c),
            }
        }
        out.push(quote);
        out
    }
}

fn newline(text: &str) -> &'static str {
    match text.find(['\n', '\r']).and_then(|at| text.get(at..)) {
        Some(rest) if rest.starts_with("\r\n") => "\r\n",
        Some(rest) if rest.starts_with('\r') => "\r",
        _ => "\n",
    }
}

/// Line and paragraph separators, the byte order mark, and the marks that turn the reading order.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Whether every parser takes a name without quotes: letters of ASCII, and none of the words that
/// are values.
fn is_identifier(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '$'));
    let valid = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$'));
    starts && valid && !matches!(name, "true" | "false" | "null" | "Infinity" | "NaN")
}
