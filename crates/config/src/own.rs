//! `stockade.json`: the keys that are this gateway's alone. They live beside `openclaw.json`, because
//! OpenClaw's clients read that file and refuse it whole on one key that they do not know.

use serde::Deserialize;

use crate::model::words;

/// `stockade.json`. An unknown key is an error everywhere in it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct OwnConfig {
    /// Which addresses the agents may contact.
    pub egress: Egress,
    /// What the operator accepts of the sandbox.
    pub sandbox: OwnSandbox,
    /// How approvals behave.
    pub approvals: Approvals,
    /// The limits of one turn.
    pub turn: Turn,
    /// What the operator accepts of what the audit finds.
    pub audit: AuditKeys,
}

/// `egress`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Egress {
    /// Origins that may be contacted beyond the public internet's rules: `scheme://host[:port]`,
    /// where the host may start with `*.`. Default: none.
    pub allow: Vec<String>,
    /// Hosts that may not be contacted although they are public, each with everything under it, and
    /// addresses or CIDR blocks. Wins over `allow`. Default: none.
    pub deny: Vec<String>,
}

/// `sandbox`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OwnSandbox {
    /// Layers that the kernel may lack without `exec` being refused. Default: none may be missing.
    pub accept_degraded: Vec<SandboxPart>,
}

/// `approvals`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Approvals {
    /// How long a question waits before it expires, which is a denial. Seconds, default 120.
    pub timeout_seconds: u64,
}

impl Default for Approvals {
    fn default() -> Self {
        Self { timeout_seconds: 120 }
    }
}

/// `turn`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Turn {
    /// How many tools the model may call in one turn. Default 64.
    pub max_tool_calls: u32,
    /// How long a turn may take, in seconds; the lesser of this and
    /// `agents.defaults.timeoutSeconds` holds. Default 1800.
    pub timeout_seconds: u64,
}

impl Default for Turn {
    fn default() -> Self {
        Self { max_tool_calls: 64, timeout_seconds: 1800 }
    }
}

/// `audit`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct AuditKeys {
    /// Findings that are set apart in every report. Default: none.
    pub suppressions: Vec<Suppression>,
}

/// One item of `audit.suppressions`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Suppression {
    /// The check, by its exact id.
    pub check_id: String,
    /// The key that the finding must be about. Default: any.
    pub key: Option<String>,
    /// What its detail must include, in any case. Default: anything.
    pub detail_includes: Option<String>,
    /// Why it is accepted.
    pub reason: String,
    /// The last day on which it is, such as `2026-12-31`. Default: without end.
    pub expires: Option<String>,
}

words! {
    /// A layer of the native sandbox, as named in `sandbox.acceptDegraded`.
    SandboxPart {
        /// User namespaces; without them, none of the other namespaces either.
        UserNamespace = "user-namespace",
        /// Mount namespace.
        MountNamespace = "mount-namespace",
        /// Process namespace.
        PidNamespace = "pid-namespace",
        /// Network namespace.
        NetNamespace = "net-namespace",
        /// IPC namespace.
        IpcNamespace = "ipc-namespace",
        /// Host name namespace.
        UtsNamespace = "uts-namespace",
        /// Landlock rules on files.
        Landlock = "landlock",
        /// The system call filter.
        Seccomp = "seccomp",
        /// Bounds on processes, files and memory (a gateway as root without CAP_SYS_ADMIN).
        Rlimits = "rlimits",
    }
}

/// Every key of `stockade.json`, in the form of `known_keys.txt`. A test holds it to the types.
pub(crate) const KEYS: &str = "\
egress
 allow
 deny
sandbox
 acceptDegraded
approvals
 timeoutSeconds
turn
 maxToolCalls
 timeoutSeconds
audit
 suppressions
  []
   checkId
   key
   detailIncludes
   reason
   expires
";
