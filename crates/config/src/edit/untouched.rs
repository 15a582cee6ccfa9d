//! That an edit left every other key's text as it was, byte by byte.

use std::ops::Range;

use serde_json::Value;

use super::{Edit, outline, yaml_outline};
use crate::bounds::{Outline, ROOT};
use crate::syntax::Format;

/// Whether every key that an edit does not concern is written after it as before it. Each text comes
/// with its value.
pub(super) fn others(
    format: Format,
    (value, before): (&Value, &str),
    (edited, after): (&Value, &str),
    edit: &Edit,
) -> bool {
    let places = |text, value| match format {
        Format::Json5 => outline(text).ok(),
        Format::Yaml => yaml_outline(text, value),
    };
    let (Some(old), Some(new)) = (places(before, value), places(after, edited)) else { return false };
    let both = Both { before, old, after, new };
    both.same_below(value, (ROOT, ROOT), edit.key().parts()).unwrap_or(false)
}

struct Both<'t> {
    before: &'t str,
    old: Outline,
    after: &'t str,
    new: Outline,
}

impl Both<'_> {
    /// Whether what is below two nodes is the same except for `path`; `None` when a key is lost.
    fn same_below(&self, value: &Value, (old, new): (usize, usize), path: &[String]) -> Option<bool> {
        let Some((edited, rest)) = path.split_first() else { return Some(true) };
        match value {
            Value::Object(fields) => {
                for (key, field) in fields {
                    let on_path = key == edited;
                    if on_path && rest.is_empty() {
                        continue;
                    }
                    let pair = (self.old.child(old, key)?, self.new.child(new, key)?);
                    let below = if on_path { self.same_below(field, pair, rest)? } else { self.same(pair)? };
                    if !below || !self.same_key(pair)? {
                        return Some(false);
                    }
                }
                Some(true)
            }
            // An item that is taken away moves those behind it; their values are compared as a whole.
            Value::Array(_) if rest.is_empty() => Some(true),
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    let part = at.to_string();
                    let pair = (self.old.child(old, &part)?, self.new.child(new, &part)?);
                    let same = if part == *edited { self.same_below(item, pair, rest)? } else { self.same(pair)? };
                    if !same {
                        return Some(false);
                    }
                }
                Some(true)
            }
            _ => Some(true),
        }
    }

    fn same_key(&self, (old, new): (usize, usize)) -> Option<bool> {
        Some(self.texts(&self.old.nodes.get(old)?.key, &self.new.nodes.get(new)?.key))
    }

    fn same(&self, (old, new): (usize, usize)) -> Option<bool> {
        Some(self.texts(&self.old.nodes.get(old)?.value, &self.new.nodes.get(new)?.value))
    }

    fn texts(&self, old: &Range<usize>, new: &Range<usize>) -> bool {
        self.before.get(old.clone()) == self.after.get(new.clone())
    }
}
