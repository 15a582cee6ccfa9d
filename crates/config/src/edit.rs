//! Edits of one config file that leave alone what they do not concern: comments, order, quotes,
//! indentation, line ends.
//!
//! What it must never do: give a text whose meaning differs from what was asked for, or from one
//! parser to the next. Every result is read back by two parsers and compared with the edits applied to
//! the value; when anything differs, there is an error and no text.

mod json5_text;
mod second;
mod untouched;
mod written;
mod yaml_reading;
mod yaml_text;

use std::path::Path;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::bounds::{MAX_DEPTH, Outline};
use crate::error::ConfigError;
use crate::files::MAX_CONFIG;
use crate::key_path::KeyPath;
use crate::syntax::{Format, parse};

/// One change.
#[derive(Clone, PartialEq)]
pub enum Edit {
    /// Gives a key a value; objects that lack on the way are made.
    Set {
        /// The key.
        key: KeyPath,
        /// Its new value.
        to: Value,
    },
    /// Takes a key or a list item away. One that is not there is left at that.
    Remove {
        /// The key.
        key: KeyPath,
    },
    /// Takes every item that equals `item` out of a list. A list that is not there is left at that.
    Drop {
        /// The list.
        key: KeyPath,
        /// The item.
        item: Value,
    },
}

impl Edit {
    /// The key that it changes.
    #[must_use]
    pub const fn key(&self) -> &KeyPath {
        match self {
            Self::Set { key, .. } | Self::Remove { key } | Self::Drop { key, .. } => key,
        }
    }
}

impl std::fmt::Debug for Edit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let act = match self {
            Self::Set { .. } => "Set",
            Self::Remove { .. } => "Remove",
            Self::Drop { .. } => "Drop",
        };
        write!(f, "{act}({})", self.key())
    }
}

/// Why a text was not edited. Never quotes a value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EditError {
    /// The text is not well-formed.
    #[error("line {line}, column {column}: {expected}")]
    Syntax {
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What was expected there.
        expected: String,
    },
    /// Two parsers read the text differently, so that it has no one meaning.
    #[error("two parsers read this text differently{}: {why}", at(*.line, .key.as_ref()))]
    Disagreement {
        /// The line, when it is known.
        line: Option<usize>,
        /// The key, when it is known.
        key: Option<KeyPath>,
        /// What the second one met.
        why: String,
    },
    /// A key cannot stand where another kind of value stands.
    #[error("`{key}` is not an object, so that no key can be put below it")]
    NotAnObject {
        /// The key that is in the way.
        key: KeyPath,
    },
    /// The whole document is meant.
    #[error("the document as a whole is not edited; name a key")]
    Root,
    /// The text is larger than a config may be.
    #[error("the text is larger than {MAX_CONFIG} bytes")]
    TooLarge,
    /// The text is written in a way that is not edited here.
    #[error("line {line}: {what}; edit this file by hand")]
    Unsupported {
        /// From 1.
        line: usize,
        /// What it is.
        what: String,
    },
    /// The edited text did not come out as meant, and was thrown away.
    #[error("`{key}` could not be edited without changing something else; edit this file by hand")]
    NotExact {
        /// The key of the edit.
        key: KeyPath,
    },
}

/// The text with the edits made, in their order. `text` is at most as large as a config may be.
///
/// # Errors
/// [`EditError`]; there is never a text that is not what was asked for.
pub fn edit(format: Format, text: &str, edits: &[Edit]) -> Result<String, EditError> {
    let mut value = agreed(format, text)?;
    let mut text = text.to_owned();
    for edit in edits {
        let mut wanted = value.clone();
        apply(&mut wanted, edit)?;
        if wanted == value {
            continue;
        }
        let edited = match format {
            Format::Json5 => json5_text::edited(&text, &value, edit)?,
            Format::Yaml => yaml_text::edited(&text, &value, edit)?,
        };
        let not_exact = || EditError::NotExact { key: edit.key().clone() };
        let read = agreed(format, &edited).map_err(|_| not_exact())?;
        if read != wanted || !untouched::others(format, (&value, &text), (&wanted, &edited), edit) {
            return Err(not_exact());
        }
        (text, value) = (edited, wanted);
    }
    Ok(text)
}

/// The value of a text that two parsers read in the same way.
///
/// # Errors
/// [`EditError::Disagreement`] when they do not, [`EditError::Syntax`] when the first refuses it.
pub fn agreed(format: Format, text: &str) -> Result<Value, EditError> {
    if text.len() as u64 > MAX_CONFIG {
        return Err(EditError::TooLarge);
    }
    let value = first(format, text)?;
    match format {
        Format::Json5 => second::agrees(text, &value)?,
        Format::Yaml => yaml_text::agrees(text, &value)?,
    }
    Ok(value)
}

/// What an edit means for a value.
///
/// # Errors
/// [`EditError::NotAnObject`] and [`EditError::Root`].
pub fn apply(value: &mut Value, edit: &Edit) -> Result<(), EditError> {
    let Some((last, above)) = edit.key().parts().split_last() else { return Err(EditError::Root) };
    match edit {
        Edit::Set { to, .. } => set(value, edit.key().parts(), to),
        Edit::Remove { .. } => {
            match find(value, above) {
                Some(Value::Object(fields)) => drop(fields.shift_remove(last)),
                Some(Value::Array(items)) => {
                    if let Some(at) = index(last).filter(|at| *at < items.len()) {
                        items.remove(at);
                    }
                }
                _ => {}
            }
            Ok(())
        }
        Edit::Drop { key, item } => {
            if let Some(Value::Array(items)) = find(value, key.parts()) {
                items.retain(|found| found != item);
            }
            Ok(())
        }
    }
}

/// The places of a YAML text of this value; `None` when it is written in a way that is not edited.
pub(crate) fn yaml_outline(text: &str, value: &Value) -> Option<Outline> {
    yaml_text::outline(text, value)
}

fn first(format: Format, text: &str) -> Result<Value, EditError> {
    let name = match format {
        Format::Json5 => Path::new("config.json"),
        Format::Yaml => Path::new("config.yaml"),
    };
    match parse(name, text, 0) {
        Ok(parsed) => Ok(parsed.value),
        Err(ConfigError::Syntax { line, column, expected, .. }) => Err(EditError::Syntax { line, column, expected }),
        Err(_) => Err(EditError::Syntax { line: 1, column: 1, expected: "expected a config".to_owned() }),
    }
}

fn set(value: &mut Value, key: &[String], to: &Value) -> Result<(), EditError> {
    let mut node = value;
    for (depth, part) in key.iter().enumerate() {
        let blocked = || EditError::NotAnObject { key: key.iter().take(depth).map(String::as_str).collect() };
        node = match node {
            Value::Object(fields) => fields.entry(part.as_str()).or_insert_with(|| Value::Object(Map::new())),
            Value::Array(items) => index(part).and_then(|at| items.get_mut(at)).ok_or_else(blocked)?,
            _ => return Err(blocked()),
        };
    }
    *node = to.clone();
    Ok(())
}

fn find<'v>(value: &'v mut Value, key: &[String]) -> Option<&'v mut Value> {
    key.iter().try_fold(value, |value, part| match value {
        Value::Object(fields) => fields.get_mut(part),
        Value::Array(items) => items.get_mut(index(part)?),
        _ => None,
    })
}

/// An index as this crate writes it: `01` and `+1` are keys, not the first item.
fn index(part: &str) -> Option<usize> {
    part.parse().ok().filter(|at: &usize| at.to_string() == part)
}

fn outline(text: &str) -> Result<Outline, EditError> {
    Outline::scan(text, MAX_DEPTH).map_err(|excess| EditError::Syntax {
        line: excess.line,
        column: 1,
        expected: excess.expected,
    })
}

fn at(line: Option<usize>, key: Option<&KeyPath>) -> String {
    let line = line.map(|line| format!(" at line {line}")).unwrap_or_default();
    let key = key.map(|key| format!(", `{key}`")).unwrap_or_default();
    line + &key
}

#[cfg(test)]
mod tests;
