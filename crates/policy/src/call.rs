//! The calls that can be judged and executed: a proposal with every fact that decides what will
//! really happen. The gateway resolves the facts, the judge reads them, the permit binds them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stockade_core::{AgentId, Digest, DigestBuilder, SessionKey, TurnId};
use url::Url;

use crate::permit::Bound;
use crate::sender::Sender;
use crate::view::View;

/// Who calls, and under which policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallContext {
    /// The agent.
    pub agent: AgentId,
    /// The session.
    pub session: SessionKey,
    /// Who asked for the turn.
    pub sender: Sender,
    /// The turn.
    pub turn: TurnId,
    /// The provider's id of the tool call.
    pub call_id: String,
    /// The fingerprint of the policy that judged; a permit of an older policy is void.
    pub generation: Digest,
}

/// A program file as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Executable {
    /// The word in the command.
    pub word: String,
    /// The file that the word resolves to inside the view, links resolved; `None` when not found.
    pub path: Option<PathBuf>,
    /// Device, inode, size and modification time (ns) of that file.
    pub identity: Option<[u64; 4]>,
}

/// A file named as an operand that an interpreter would run. Its bytes are bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptOperand {
    /// The absolute path inside the view.
    pub path: PathBuf,
    /// SHA-256 of the content.
    pub sha256: Digest,
}

/// A shell command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecCall {
    /// Who.
    pub context: CallContext,
    /// The command as proposed; run by `/bin/sh -c`.
    pub command: String,
    /// The working directory, absolute inside the view.
    pub cwd: PathBuf,
    /// The whole environment of the process. Nothing is inherited.
    pub env: BTreeMap<String, String>,
    /// The programs that the command was found to run.
    pub programs: Vec<Executable>,
    /// Operand files whose bytes decide what runs.
    pub operands: Vec<ScriptOperand>,
    /// Why the operands could not be bound, when they could not. Such a call can run where nobody is asked,
    /// and cannot be approved.
    pub unbound: Option<String>,
    /// What the process sees.
    pub view: View,
    /// Keep running after the call returns.
    pub background: bool,
    /// Wall-clock limit of this call; at most the view's.
    pub timeout: Duration,
}

/// What to do with a background process of the same session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub enum ProcessAction {
    /// List the session's background processes.
    List,
    /// Wait a moment and return new output.
    Poll {
        /// The process.
        id: String,
    },
    /// Write to its standard input.
    Write {
        /// The process.
        id: String,
        /// What to write.
        data: String,
    },
    /// Kill the whole tree.
    Kill {
        /// The process.
        id: String,
    },
}

/// A `process` call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessCall {
    /// Who.
    pub context: CallContext,
    /// What.
    pub action: ProcessAction,
}

/// A file operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum FileOp {
    /// Read a text file.
    Read {
        /// First line, from 1.
        offset: usize,
        /// At most this many lines.
        limit: usize,
    },
    /// Create or replace a file; parent folders are made.
    Write {
        /// The whole new content.
        content: String,
    },
    /// Replace one exact occurrence of a text.
    Edit {
        /// The text to find; must occur exactly once.
        old: String,
        /// What stands there afterwards.
        new: String,
    },
}

/// A `read`, `write` or `edit` call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCall {
    /// Who.
    pub context: CallContext,
    /// The absolute path inside the view.
    pub path: PathBuf,
    /// What.
    pub op: FileOp,
    /// What the session sees.
    pub view: View,
}

/// Where the words of an address stand, whole and letter for letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Words {
    /// In what the operator said.
    Owner,
    /// In a page that was fetched.
    Source,
    /// Nowhere: the model put them together, and may have put anything into them.
    Composed,
}

/// A `web_fetch` call: one GET.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchCall {
    /// Who.
    pub context: CallContext,
    /// The address, normalised by the WHATWG URL standard.
    pub url: Url,
    /// Where the address was found.
    pub words: Words,
    /// Whether the session has read untrusted content.
    pub untrusted: bool,
    /// At most this many characters of text are returned.
    pub max_chars: usize,
}

impl CallContext {
    fn bind(&self, builder: DigestBuilder) -> DigestBuilder {
        builder
            .field("agent", self.agent.as_str())
            .field("session", self.session.as_str())
            .field("sender", serde_json::to_vec(&self.sender).unwrap_or_default())
            .field("turn", self.turn.as_str())
            .field("call", &self.call_id)
            .field("generation", self.generation.as_bytes())
    }
}

impl Bound for ExecCall {
    fn context(&self) -> &CallContext {
        &self.context
    }

    fn digest(&self) -> Digest {
        let env: Vec<String> = self.env.iter().flat_map(|(name, value)| [name.clone(), value.clone()]).collect();
        let programs: Vec<Vec<u8>> = self.programs.iter().map(|p| serde_json::to_vec(p).unwrap_or_default()).collect();
        let operands: Vec<Vec<u8>> = self.operands.iter().map(|o| serde_json::to_vec(o).unwrap_or_default()).collect();
        self.context
            .bind(DigestBuilder::new("stockade.exec.v1"))
            .field("command", &self.command)
            .field("cwd", self.cwd.as_os_str().as_encoded_bytes())
            .list("env", env.iter())
            .list("programs", programs.iter())
            .list("operands", operands.iter())
            .field("unbound", self.unbound.as_deref().unwrap_or_default())
            .field("view", self.view.digest().as_bytes())
            .field("background", [u8::from(self.background)])
            .field("timeout", self.timeout.as_millis().to_be_bytes())
            .finish()
    }
}

macro_rules! bound_by_json {
    ($($call:ident as $purpose:literal with $($field:ident),*;)*) => {$(
        impl Bound for $call {
            fn context(&self) -> &CallContext {
                &self.context
            }

            fn digest(&self) -> Digest {
                self.context.bind(DigestBuilder::new($purpose))
                    $(.field(stringify!($field), serde_json::to_vec(&self.$field).unwrap_or_default()))*
                    .finish()
            }
        }
    )*};
}

bound_by_json! {
    ProcessCall as "stockade.process.v1" with action;
    FileCall as "stockade.file.v1" with path, op, view;
    FetchCall as "stockade.fetch.v1" with url, words, untrusted, max_chars;
}
