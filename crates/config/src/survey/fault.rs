//! One thing that is wrong with a config. Never quotes a value, which may be a secret.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::ConfigError;
use crate::key_path::KeyPath;

/// One thing that is wrong with a config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of thing it is.
    pub kind: FaultKind,
    /// The file that holds it.
    pub file: PathBuf,
    /// From 1; `None` when it concerns the whole file, or the line is not known.
    pub line: Option<u32>,
    /// The key in the merged config; `None` when it concerns the whole file.
    pub key: Option<KeyPath>,
    /// The fact and the way out, in one line. Never holds a value from the config.
    pub what: String,
}

/// The kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FaultKind {
    /// The file cannot be opened, or is no regular file.
    Unreadable,
    /// The file is larger than is read.
    TooLarge,
    /// The file is not UTF-8.
    NotText,
    /// The text is not well-formed, or nested too deeply.
    Syntax,
    /// An `$include` that is not followed.
    Include,
    /// A key that stands twice in one object; the last one counts.
    DuplicateKey,
    /// A key of an included file that a sibling or a later file overrides with another value.
    Shadowed,
    /// A key that nobody knows.
    UnknownKey,
    /// A key that OpenClaw has retired.
    RetiredKey,
    /// A value that its key does not take.
    InvalidValue,
    /// A text that two parsers read differently: what counts depends on the program that reads it.
    ParserDisagreement,
    /// A `${NAME}` that the environment does not have. A survey knows no environment: whoever replaces variables says it.
    MissingVariable,
}

impl Fault {
    pub(crate) fn at(kind: FaultKind, file: &Path, line: Option<usize>, what: String) -> Self {
        Self { kind, file: file.to_owned(), line: line.map(number), key: None, what }
    }

    /// The same fault, of a key.
    pub(crate) fn of(mut self, key: &[String]) -> Self {
        self.key = Some(key.iter().map(String::as_str).collect());
        self
    }

    /// The key at which an include was left out because of this.
    pub(crate) fn left_out(&self) -> Option<&KeyPath> {
        let lost = matches!(
            self.kind,
            FaultKind::Unreadable | FaultKind::TooLarge | FaultKind::NotText | FaultKind::Syntax | FaultKind::Include
        );
        self.key.as_ref().filter(|_| lost)
    }

    /// What an error says. `file` and `line` are those of what asked for the part that failed.
    pub(crate) fn from_error(error: &ConfigError, file: &Path, line: Option<usize>) -> Self {
        match error {
            ConfigError::Read { path, source } => Self::at(FaultKind::Unreadable, path, None, source.to_string()),
            ConfigError::File { path, why } => Self::at(FaultKind::Unreadable, path, None, why.clone()),
            ConfigError::TooLarge { path, limit } => {
                Self::at(FaultKind::TooLarge, path, None, format!("is larger than {limit} bytes"))
            }
            ConfigError::NotText { path } => Self::at(FaultKind::NotText, path, None, "is not UTF-8".to_owned()),
            ConfigError::Syntax { path, line, expected, .. } => {
                Self::at(FaultKind::Syntax, path, Some(*line), expected.clone())
            }
            error => Self::at(FaultKind::Include, file, line, error.to_string()),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// A line or a column; what does not fit is the last one that does.
pub(crate) fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
