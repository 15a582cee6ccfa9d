//! What a file is for, by where it stands: the layouts of both generations in one place.

use std::rc::Rc;

use stockade_core::text;

use crate::snapshot::tree::{Kind, Role};

/// Where the walk is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ground {
    State,
    Credentials,
    Agents,
    Agent(Rc<str>),
    Keys(Rc<str>),
    Codex(Rc<str>),
    Sessions(Rc<str>),
    Databases,
    Identity,
    Logs,
    Own,
    Skills,
    Code,
    Workspace,
    /// Folders of a workspace whose files its agent obeys.
    Obeyed,
    Other,
}

impl Ground {
    /// What a name here is for, and the ground below it when it is a folder to be entered.
    pub(super) fn below(&self, name: &[u8], kind: Kind) -> (Role, Option<Self>) {
        match kind {
            Kind::Folder => self.folder(name),
            // Not entered, and still the folder that the gateway takes its credentials from.
            Kind::Link if *self == Self::State && name == b"credentials" => (Role::CredentialsDir, None),
            Kind::Link | Kind::Special | Kind::File => (self.file(name), None),
        }
    }

    /// Whether something that the config names can stand here: not among transcripts and code, of which there are many.
    pub(super) const fn may_hold_named(&self) -> bool {
        !matches!(self, Self::Sessions(_) | Self::Code)
    }

    /// Whether agents have their folders here, so that what stands here is known without the config.
    pub(super) const fn is_of_agents(&self) -> bool {
        matches!(self, Self::Agents | Self::Agent(_) | Self::Keys(_) | Self::Codex(_))
    }

    /// What is entered first, so that a huge tree of code cannot keep the walk from the secrets.
    pub(super) const fn rank(&self) -> u8 {
        match self {
            Self::Code | Self::Skills => 3,
            Self::Other => 2,
            Self::Workspace | Self::Obeyed | Self::Logs => 1,
            _ => 0,
        }
    }

    fn folder(&self, name: &[u8]) -> (Role, Option<Self>) {
        let (role, ground) = match self {
            Self::State => return state_folder(name),
            Self::Agents => {
                let id: Rc<str> = text::single_line(&text::lossy(name)).into();
                (Role::AgentDir(id.as_ref().to_owned()), Self::Agent(id))
            }
            Self::Agent(id) => {
                let ground = match name {
                    b"agent" => Self::Keys(Rc::clone(id)),
                    b"sessions" => Self::Sessions(Rc::clone(id)),
                    _ => Self::Other,
                };
                (Role::AgentDir(id.as_ref().to_owned()), ground)
            }
            Self::Keys(id) | Self::Codex(id) => (Role::AgentDir(id.as_ref().to_owned()), Self::Codex(Rc::clone(id))),
            Self::Sessions(id) => (Role::AgentDir(id.as_ref().to_owned()), self.clone()),
            Self::Credentials => (Role::Credential, Self::Credentials),
            Self::Databases => (Role::StateDatabase, Self::Databases),
            Self::Identity => (Role::Identity, Self::Identity),
            Self::Own => (Role::SecretFile, Self::Own),
            Self::Logs => (Role::DefaultLog, Self::Logs),
            Self::Workspace => return workspace_folder(name),
            Self::Obeyed => (Role::Workspace, Self::Obeyed),
            Self::Skills | Self::Code => (Role::Code, self.clone()),
            Self::Other => (Role::Other, Self::Other),
        };
        (role, Some(ground))
    }

    fn file(&self, name: &[u8]) -> Role {
        match self {
            Self::State => state_file(name),
            Self::Credentials => Role::Credential,
            Self::Keys(id) if is_database(name) => Role::AgentDatabase(id.as_ref().to_owned()),
            Self::Keys(id) | Self::Codex(id) => Role::AuthProfiles(id.as_ref().to_owned()),
            Self::Sessions(id) if name == b"sessions.json" => Role::SessionsStore(id.as_ref().to_owned()),
            Self::Sessions(id) => Role::Transcript(id.as_ref().to_owned()),
            Self::Databases => Role::StateDatabase,
            Self::Identity => Role::Identity,
            Self::Logs => Role::DefaultLog,
            Self::Own => Role::SecretFile,
            Self::Workspace | Self::Obeyed if is_environment(name) => Role::SecretFile,
            Self::Workspace | Self::Obeyed => Role::Workspace,
            Self::Skills if name == b"mcporter.json" => Role::SecretFile,
            Self::Skills | Self::Code => Role::Code,
            Self::Agents | Self::Agent(_) | Self::Other => Role::Other,
        }
    }
}

fn state_folder(name: &[u8]) -> (Role, Option<Ground>) {
    let (role, ground) = match name {
        b"credentials" => (Role::CredentialsDir, Ground::Credentials),
        b"agents" => (Role::AgentDir(String::new()), Ground::Agents),
        b"state" => (Role::StateDatabase, Ground::Databases),
        b"identity" | b"devices" => (Role::Identity, Ground::Identity),
        b"extensions" | b"npm" | b"hooks" | b"plugin-skills" => (Role::Code, Ground::Code),
        b"skills" => (Role::Code, Ground::Skills),
        b"sessions" => (Role::AgentDir("main".into()), Ground::Sessions("main".into())),
        b"logs" => (Role::Log, Ground::Logs),
        b"stockade" => (Role::SecretFile, Ground::Own),
        // Containers leave files of foreign owners there, and nothing that the gateway obeys.
        b"sandboxes" => return (Role::Other, None),
        _ if name == b"workspace" || name.starts_with(b"workspace-") => (Role::Workspace, Ground::Workspace),
        _ => (Role::Other, Ground::Other),
    };
    (role, Some(ground))
}

/// Of a workspace, only what its agent obeys is looked at: the rest is the owner's work.
fn workspace_folder(name: &[u8]) -> (Role, Option<Ground>) {
    let obeyed = matches!(name, b"skills" | b"memory" | b"hooks" | b".agents");
    (Role::Workspace, obeyed.then_some(Ground::Obeyed))
}

fn state_file(name: &[u8]) -> Role {
    let begins = |with: &[u8]| name.starts_with(with);
    let ends = |with: &[u8]| name.ends_with(with);
    if begins(b"openclaw.json") || begins(b"clawdbot.json") || begins(b"stockade.json") {
        Role::ConfigBackup
    } else if is_environment(name) || begins(b"secrets.json") || begins(b"auth.json") || ends(b".key") || ends(b".pem")
    {
        Role::SecretFile
    } else if begins(b"exec-approvals.") {
        Role::ExecApprovals
    } else if is_database(name) {
        Role::StateDatabase
    } else if ends(b".log") {
        Role::Log
    } else if name == b"mcporter.json" {
        Role::SecretFile
    } else {
        Role::Other
    }
}

fn is_environment(name: &[u8]) -> bool {
    name == b".env" || name.starts_with(b".env.") && name != b".env.example"
}

/// A database or what SQLite keeps beside one: `-wal`, `-shm`, `-journal`.
fn is_database(name: &[u8]) -> bool {
    name.windows(7).any(|part| part == b".sqlite")
}
