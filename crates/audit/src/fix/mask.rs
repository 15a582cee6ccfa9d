//! Secrets of a config, so that a diff of it can be shown. Answers: a fix that prints the token beside the line that
//! it changes, into a terminal's history or a ticket.

use std::ops::Range;

use regex::Regex;
use serde_json::Value;
use stockade_config::edit::agreed;
use stockade_config::secret_keys;
use stockade_config::survey::Survey;
use stockade_core::redact::MASK;

use crate::secrets::looks_like;

/// Knows where the secrets of a config stand in its texts: by their values, and by the keys that take one.
#[derive(Default)]
pub struct Mask {
    values: Vec<String>,
    after_name: Option<Regex>,
    /// Without its pattern it cannot tell what to show, and shows nothing.
    blind: bool,
}

impl Mask {
    /// The secrets of a config, those that a file beside it overrides too.
    #[must_use]
    pub fn of(survey: &Survey) -> Self {
        let (mut values, mut names) = (Vec::new(), Vec::new());
        learn(&survey.value, &mut values, &mut names);
        for source in &survey.sources {
            if let Ok(value) = agreed(source.format, &source.text) {
                let nest = |value, part: &String| Value::Object([(part.clone(), value)].into_iter().collect());
                learn(&source.prefix.parts().iter().rev().fold(value, nest), &mut values, &mut names);
            }
        }
        values.sort_by_key(|value: &String| std::cmp::Reverse(value.len()));
        values.dedup();
        names.sort();
        names.dedup();
        let after_name = (!names.is_empty()).then(|| Regex::new(&pattern(&names)));
        let blind = matches!(after_name, Some(Err(_)));
        Self { values, after_name: after_name.and_then(Result::ok), blind }
    }

    /// A text in which each secret is replaced by a mark.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        let mut shown = String::new();
        let mut from = 0;
        for span in self.spans(text) {
            shown.push_str(text.get(from..span.start).unwrap_or_default());
            shown.push_str(MASK);
            from = span.end;
        }
        shown + text.get(from..).unwrap_or_default()
    }

    /// Where secrets stand in a text, in bytes, in order, apart from each other.
    pub(super) fn spans(&self, text: &str) -> Vec<Range<usize>> {
        if self.blind {
            return std::iter::once(0..text.len()).collect();
        }
        let mut spans: Vec<Range<usize>> = self.values.iter().flat_map(|value| places(text, value)).collect();
        for found in self.after_name.iter().flat_map(|names| names.captures_iter(text)) {
            let value = found.iter().skip(1).flatten().next();
            spans.extend(value.filter(|value| !value.as_str().starts_with('$')).map(|value| value.range()));
        }
        spans.retain(|span| !span.is_empty());
        spans.sort_by_key(|span| span.start);
        let mut apart: Vec<Range<usize>> = Vec::new();
        for span in spans {
            match apart.last_mut() {
                Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
                _ => apart.push(span),
            }
        }
        apart
    }
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mask({} secrets)", self.values.len())
    }
}

fn learn(value: &Value, values: &mut Vec<String>, names: &mut Vec<String>) {
    for key in secret_keys(value) {
        let found = key.parts().iter().try_fold(value, |value, part| match value {
            Value::Array(items) => items.get(part.parse::<usize>().ok()?),
            other => other.get(part),
        });
        names.extend(key.parts().last().filter(|name| name.parse::<usize>().is_err()).cloned());
        match found {
            Some(Value::String(text)) => keep(text, values),
            Some(Value::Number(number)) => values.push(number.to_string()),
            _ => {}
        }
    }
    shapes(value, values);
}

/// What looks like a provider's key, wherever it stands.
fn shapes(value: &Value, values: &mut Vec<String>) {
    match value {
        Value::String(text) if looks_like(text).is_some() => keep(text, values),
        Value::Array(items) => items.iter().for_each(|item| shapes(item, values)),
        Value::Object(fields) => fields.values().for_each(|field| shapes(field, values)),
        _ => {}
    }
}

/// A value, as it may be written: whole, escaped, and a line at a time. A `${NAME}` is no secret.
fn keep(text: &str, values: &mut Vec<String>) {
    if text.starts_with("${") && text.ends_with('}') {
        return;
    }
    let escaped = Value::from(text).to_string();
    values.push(escaped.trim_matches('"').to_owned());
    values.extend(text.lines().map(|line| line.trim().to_owned()).filter(|line| line.len() >= MIN_LINE));
    if !text.is_empty() {
        values.push(text.to_owned());
    }
}

/// Where a value stands; a short one only where it is a word of its own.
fn places<'t>(text: &'t str, value: &'t str) -> impl Iterator<Item = Range<usize>> {
    let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let found = (!value.is_empty()).then(|| text.match_indices(value)).into_iter().flatten();
    let spans = found.map(|(at, found)| at..at + found.len());
    spans.filter(move |span| {
        let before = text.get(..span.start).and_then(|text| text.chars().next_back());
        let after = text.get(span.end..).and_then(|text| text.chars().next());
        value.len() >= MIN_WORD || !(word(before) || word(after))
    })
}

/// One of the names, and the value behind it: in either quotes, or bare to the end of its line.
fn pattern(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| regex::escape(name)).collect();
    let quoted = r#""((?:[^"\\]|\\(?s:.))*)"|'((?:[^'\\]|\\(?s:.))*)'"#;
    format!(r#"(?:{})["']?[ \t]*:[ \t\r\n]*(?:{quoted}|([^ \t\r\n"'{{\[|>&$][^,}}\n]*))"#, names.join("|"))
}

/// The shortest line of a longer secret that is looked for, in bytes.
const MIN_LINE: usize = 6;
/// A shorter value is only looked for as a word of its own.
const MIN_WORD: usize = 8;
