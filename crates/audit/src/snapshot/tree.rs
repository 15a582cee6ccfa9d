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
    /// Whose the install is: the user who ran the audit, or when root did, the owner of the folder that it stands in.
    pub owner: u32,
    /// The real path of the state directory, links followed; empty when it is not there.
    pub real: String,
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
    /// What a link points to; `None` as [`Entry::target`].
    pub target_kind: Option<Kind>,
    /// Others whom an access control list lets in: `user 1001 rw`, `default group 50 r` for files made later.
    pub acl: Vec<String>,
    /// Those of the bits `0o077` that let nobody in, because a folder above, within the state directory, is closed.
    pub closed: u32,
    /// The folder from which on they are closed.
    pub closed_by: Option<String>,
    /// Whether `path` is not the name itself, but shows what in it is invisible or no UTF-8 as escapes. Such a path
    /// must not be changed by.
    pub escaped: bool,
}

impl Entry {
    /// The permission bits of the group and of everybody else.
    #[must_use]
    pub const fn open(&self) -> u32 {
        self.mode & 0o077
    }

    /// Those of them that let somebody in, past the folders above.
    #[must_use]
    pub const fn reachable(&self) -> u32 {
        self.open() & !self.closed
    }

    /// Those of the permission bits that nobody but the owner should have.
    #[must_use]
    pub const fn unwanted(&self) -> u32 {
        self.mode & self.role.unwanted(self.uid, self.gid)
    }

    /// The last part of the path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
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
    /// `.env`, `secrets.json` and other files of nothing but secrets: those that the config names, and our own.
    SecretFile,
    /// `credentials/`.
    CredentialsDir,
    /// A file or folder below `credentials/`, WhatsApp's among them.
    Credential,
    /// The keys of an agent: `auth-profiles.json`, `auth.json`, `models.json`, by the agent's folder name.
    AuthProfiles(String),
    /// The database of an agent, and its sidecars, by the agent's folder name.
    AgentDatabase(String),
    /// `agents/<id>/sessions/sessions.json`, by the agent's folder name.
    SessionsStore(String),
    /// A transcript, by the agent's folder name.
    Transcript(String),
    /// A folder of an agent: `agents/<id>`, `agent`, `sessions`; without a name, `agents` itself.
    AgentDir(String),
    /// `state/openclaw.sqlite` and its sidecars, and their folder.
    StateDatabase,
    /// `identity/`, `devices/`.
    Identity,
    /// `exec-approvals.json` and its socket.
    ExecApprovals,
    /// A log: `logging.file`, or one in the state directory.
    Log,
    /// A log in the folder where OpenClaw writes them unless told otherwise, and that folder.
    DefaultLog,
    /// A workspace, and the files in it that tell its agent what to do.
    Workspace,
    /// Code of a plugin or hook.
    Code,
    /// A folder above the state directory or above a file of the config.
    Parent,
    /// Anything else in the state directory.
    #[default]
    Other,
}

impl Role {
    /// Whether a file of it is for its owner's eyes only.
    #[must_use]
    pub const fn is_secret(&self) -> bool {
        !matches!(self, Self::Workspace | Self::Code | Self::Parent | Self::Other)
    }

    /// The permission bits that nobody but the owner should have. Where secrets are, none; elsewhere, to write, and a
    /// group with its owner's number counts as his own: by the convention of most systems it has no other member, and
    /// their default is to let it write.
    #[must_use]
    pub const fn unwanted(&self, uid: u32, gid: u32) -> u32 {
        match (self.is_secret(), uid == gid) {
            (true, _) => 0o077,
            (false, true) => 0o002,
            (false, false) => 0o022,
        }
    }
}
