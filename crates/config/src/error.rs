//! Why a config was not accepted. Each message names the file, the key and the way out; none repeats
//! a value from the config or the environment, because any value may be a secret in the wrong place.

use std::path::PathBuf;

use thiserror::Error;

/// A config that this gateway does not start on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Neither a home directory nor a state directory is known.
    #[error("no home directory: set HOME, or name the state directory in OPENCLAW_STATE_DIR")]
    NoHome,
    /// There is no config file.
    #[error("{path}: no config here; `stockade up` writes one")]
    Missing {
        /// The file that was looked for.
        path: PathBuf,
    },
    /// A file could not be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A file or directory could not be made.
    #[error("{path}: could not be written: {source}")]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The file is there already; nothing is ever overwritten.
    #[error("{path}: is there already and was left as it is")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file is not what it should be: a device, a directory, open to others.
    #[error("{path}: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// The fact and the way out.
        why: String,
    },
    /// A file is larger than is read.
    #[error("{path}: is larger than {limit} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// In bytes.
        limit: u64,
    },
    /// A file is not text.
    #[error("{path}: is not UTF-8")]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// A file is not well-formed.
    #[error("{path}:{line}:{column}: {expected}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What was expected there.
        expected: String,
    },
    /// A key has a value of the wrong type, or a word that the key does not know.
    #[error("{place}: {key}: {expected}")]
    Value {
        /// The file, and the line when it is known.
        place: String,
        /// The full key path.
        key: String,
        /// What the key takes.
        expected: String,
    },
    /// A key that nobody knows, where a typo would turn a control off.
    #[error("{place}: unknown key `{key}`{}", did_you_mean(.nearest.as_deref()))]
    UnknownKey {
        /// The file, and the line when it is known.
        place: String,
        /// The full key path.
        key: String,
        /// The known key that it resembles most.
        nearest: Option<String>,
    },
    /// An `$include` that is not followed.
    #[error("$include: {why} ({chain})")]
    Include {
        /// The files from the config to the offending one.
        chain: String,
        /// The fact and the way out.
        why: String,
    },
    /// `${NAME}` of a variable that is not set, or empty.
    #[error(
        "{place}: {key}: the environment variable {name} is not set or empty; set it, or write $${{{name}}} for the literal text"
    )]
    Variable {
        /// The file, and the line when it is known.
        place: String,
        /// The full key path.
        key: String,
        /// The variable.
        name: String,
    },
    /// A `{source, provider, id}` reference that does not resolve.
    #[error("{place}: {key}: {why}")]
    Reference {
        /// The file, and the line when it is known.
        place: String,
        /// The full key path.
        key: String,
        /// The fact and the way out.
        why: String,
    },
    /// A value that stands in the environment or a secret file is not the one that was confirmed.
    #[error("{keys}: the value comes from the environment or a secret file, and is not the one that was confirmed")]
    Resolved {
        /// The full key paths.
        keys: String,
    },
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|key| format!("; did you mean `{key}`?")).unwrap_or_default()
}
