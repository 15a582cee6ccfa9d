//! Why a fix or an undo did not happen.

use std::io;
use std::path::PathBuf;

use super::plan::Refused;

/// Why nothing was changed, or what could not be taken back. Never holds a value of a config.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FixError {
    /// A folder of the journal is not ours alone.
    #[error("{path} {why}; fixes are not written there, because whoever can write in it could steer an undo")]
    Journal {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A folder or file of the journal cannot be used.
    #[error("cannot use {path}: {source}")]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process is fixing or undoing.
    #[error("another fix or undo is running on {path}; wait until it ends")]
    Busy {
        /// The journal.
        path: PathBuf,
    },
    /// An earlier run was cut off.
    #[error("the fix {id} was interrupted; take it back with `stockade security undo {id}`, then fix again")]
    Interrupted {
        /// The run.
        id: String,
    },
    /// The texts that were drafted do not mean exactly what was planned.
    #[error("the edited config would mean something else than was planned; nothing was written")]
    Differs,
    /// The result would be worse than what is there.
    #[error("the fixed install would have new findings, so nothing was written: {}", findings.join(", "))]
    Worse {
        /// The ids of the findings, with their severities.
        findings: Vec<String>,
    },
    /// A step failed. What was done before it was taken back, but for what is named.
    #[error("cannot change {path}: {source}; {}", undone(left))]
    Failed {
        /// What was being changed.
        path: PathBuf,
        /// What the system said, or what was found there.
        source: io::Error,
        /// What could not be taken back; empty when all was.
        left: Vec<Refused>,
    },
    /// There is no such run.
    #[error("there is no fix{} to undo; `stockade security undo --list` shows those there are", if id.is_empty() { String::new() } else { format!(" {id}") })]
    Unknown {
        /// The run that was asked for; empty for the latest.
        id: String,
    },
    /// A record is not one that a fix could have written.
    #[error("the record of fix {id} is refused: {why}; look into `stockade/fixes/{id}`, then delete that folder")]
    Record {
        /// The run.
        id: String,
        /// What is wrong with it.
        why: String,
    },
}

fn undone(left: &[Refused]) -> String {
    match left {
        [] => "everything before it was taken back".into(),
        left => {
            let left: Vec<&str> = left.iter().map(|refused| refused.what.as_str()).collect();
            format!("these could not be taken back: {}", left.join(", "))
        }
    }
}
