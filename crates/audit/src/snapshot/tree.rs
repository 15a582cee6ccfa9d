//! The files and folders of an install.

use serde::{Deserialize, Serialize};

/// The files and folders that matter. What is closed and ordinary is counted, not kept, so that an install with many
/// transcripts takes no more memory than one with few.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tree {
    /// What matters, by path.
    pub entries: Vec<Entry>,
    /// How many files were looked at.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// One file or folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The absolute path, as it is shown and changed.
    pub path: String,
    /// What it is for.
    pub role: Role,
    /// What it is.
    pub kind: Kind,
    /// Permission bits; of a link, those of what it points to.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// How many names it has.
    pub links: u64,
    /// Bytes.
    pub size: u64,
    /// Where a link points, in full; `None` for anything else, and for a link that leads nowhere.
    pub target: Option<String>,
    /// Others whom an access control list lets in: `user 1001 rw`.
    pub acl: Vec<String>,
}

/// What a file is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A regular file.
    #[default]
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A socket, pipe or device.
    Special,
}

/// What a file is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// The state directory itself.
    StateDir,
    /// `openclaw.json`.
    Config,
    /// A file that the config includes.
    Include,
    /// An earlier config: `.bak`, `.bak.1`, `.last-good`, `.rejected`.
    ConfigBackup,
    /// `.env`, `secrets.json`.
    SecretFile,
    /// `credentials/`.
    CredentialsDir,
    /// A file below `credentials/`, WhatsApp's among them.
    Credential,
    /// The keys of an agent: `auth-profiles.json`, `auth.json`, `models.json`, by the agent's folder name.
    AuthProfiles(String),
    /// The database of an agent, and its sidecars, by the agent's folder name.
    AgentDatabase(String),
    /// `agents/<id>/sessions/sessions.json`, by the agent's folder name.
    SessionsStore(String),
    /// A transcript, by the agent's folder name.
    Transcript(String),
    /// A folder of an agent: `agents/<id>`, `agent`, `sessions`.
    AgentDir(String),
    /// `state/openclaw.sqlite` and its sidecars.
    StateDatabase,
    /// `identity/`, `devices/`.
    Identity,
    /// `exec-approvals.json` and its socket.
    ExecApprovals,
    /// A log.
    Log,
    /// A workspace.
    Workspace,
    /// Code of a plugin or hook.
    Code,
    /// A folder above the state directory.
    Parent,
    /// Anything else in the state directory.
    #[default]
    Other,
}
