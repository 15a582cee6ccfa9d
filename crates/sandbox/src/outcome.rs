//! What comes of a spent permit: an output, or a refusal with its reason. A refusal is a value for
//! the journal and for the operator; it never carries content of the files or the environment.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stockade_core::{Because, Denial, Rule};
use thiserror::Error;

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ExecStatus {
    /// It exited by itself.
    Exited {
        /// The exit code, 0 to 255.
        code: i32,
    },
    /// A signal ended it; 9 when a limit of the kernel did, 24 for CPU time, 25 for file size.
    Signaled {
        /// The signal's number.
        signal: i32,
    },
    /// It reached its wall-clock limit, and the whole tree was killed.
    TimedOut,
    /// The caller or containment stopped it, and the whole tree was killed.
    Cancelled,
    /// It goes on in the background.
    Background {
        /// Its name for the `process` tool, unique within the session.
        id: String,
    },
}

/// The outcome of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecOutput {
    /// How it ended.
    pub status: ExecStatus,
    /// Standard output and error as they were written, at most `Limits::output` bytes and a note
    /// of how much was dropped. What is not UTF-8 is replaced.
    pub output: String,
    /// True when something was dropped from `output`.
    pub truncated: bool,
    /// Wall-clock time from start to end.
    pub duration: Duration,
    /// Controls that were not, or only partly, in force for this run, each with the reason. Empty on
    /// a kernel that has everything. The host backend has none of the embedded sandbox's controls
    /// and names none here.
    pub degraded: Vec<String>,
}

/// The outcome of a file operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOutput {
    /// What the model is shown: the text that was read, or what was done.
    pub text: String,
    /// True when the text is a part of the file.
    pub truncated: bool,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// Why a redeemed call did not run, or did not run to its end.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Refusal {
    /// The permit is no longer good.
    #[error("{denial}")]
    Permit {
        /// The judge's words.
        denial: Denial,
    },
    /// A control of the embedded sandbox cannot be had.
    #[error("the sandbox control `{id}` is not available ({why}); see `stockade up` for what this kernel lacks")]
    Control {
        /// The control's id, as in [`crate::probe`].
        id: String,
        /// What the kernel said.
        why: String,
    },
    /// What would run is not what was approved.
    #[error("{what} changed after it was approved")]
    Changed {
        /// The file.
        what: String,
    },
    /// Another process of the sandbox could change what was approved while it runs.
    #[error("{path} was approved by content, and another running process can write there: stop it first")]
    Contended {
        /// The approved file.
        path: PathBuf,
    },
    /// The view cannot be built as it is described.
    #[error("the sandbox view is not usable: {why}")]
    View {
        /// Which part, and the way out.
        why: String,
    },
    /// A path that the view does not hold, or that may not be used this way.
    #[error("{path}: {why}")]
    Path {
        /// The path inside the view.
        path: PathBuf,
        /// The reason and the way out.
        why: String,
    },
    /// The path is in a folder that the session may only read.
    #[error("{path} is in a read-only folder of this session (`sandbox.workspaceAccess`)")]
    ReadOnly {
        /// The path inside the view.
        path: PathBuf,
    },
    /// A background process that does not exist, or one too many.
    #[error("background process {id}: {why}")]
    Process {
        /// Its name.
        id: String,
        /// The reason.
        why: String,
    },
    /// The disk below a folder of the session is nearly full; what fills it was stopped.
    #[error(
        "{folder}: {} MiB are free on its disk, and {} MiB must stay free: remove files there first",
        free >> 20, floor >> 20
    )]
    Full {
        /// The folder inside the view.
        folder: PathBuf,
        /// Free bytes on its file system.
        free: u64,
        /// The bytes that must stay free.
        floor: u64,
    },
    /// The launcher did not start, or did not answer as a launcher does.
    #[error("the sandbox launcher failed: {why}")]
    Launcher {
        /// What happened.
        why: String,
    },
}

impl Refusal {
    /// The refusal as the judge would have said it, for the journal.
    #[must_use]
    pub fn denial(&self) -> Denial {
        match self {
            Self::Permit { denial } => denial.clone(),
            Self::Changed { what } => Denial { rule: Rule::Permit, because: Because::Changed(what.clone()) },
            Self::Contended { .. } => Denial::policy(Rule::Permit, self.to_string()),
            Self::Control { .. } | Self::View { .. } | Self::Launcher { .. } => {
                Denial::policy(Rule::SandboxRequired, self.to_string())
            }
            Self::Path { .. } | Self::Full { .. } => Denial::policy(Rule::Workspace, self.to_string()),
            Self::ReadOnly { .. } => Denial::policy(Rule::WorkspaceAccess, self.to_string()),
            Self::Process { .. } => Denial::policy(Rule::ToolShape, self.to_string()),
        }
    }

    pub(crate) fn launcher(why: impl std::fmt::Display) -> Self {
        Self::Launcher { why: why.to_string() }
    }

    pub(crate) fn view(why: impl std::fmt::Display) -> Self {
        Self::View { why: why.to_string() }
    }

    pub(crate) fn path(path: impl Into<PathBuf>, why: impl std::fmt::Display) -> Self {
        Self::Path { path: path.into(), why: why.to_string() }
    }
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self::Permit { denial }
    }
}
