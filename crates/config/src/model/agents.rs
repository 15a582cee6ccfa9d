//! `agents.*`: the agents, their workspace, model and sandbox. Reads both generations: the list of
//! February 2026 (`agents.list[]` with `id`) and the map of today (`agents.entries.<id>`).

use std::collections::BTreeMap;

use serde::Deserialize;
use stockade_core::AgentId;

use super::{Tools, words};

/// `agents`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(try_from = "RawAgents")]
pub struct Agents {
    /// What holds for every agent that does not say otherwise.
    pub defaults: AgentDefaults,
    /// The agents, in the order of the file (list) or of their ids (map). Empty: one agent, `main`.
    pub entries: Vec<Agent>,
}

/// `agents.defaults`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AgentDefaults {
    /// The folder of the agent; `~` is the home directory. Absent: `<state>/workspace`.
    pub workspace: Option<String>,
    /// The model.
    pub model: Option<ModelChoice>,
    /// The sandbox.
    pub sandbox: SandboxKeys,
    /// How long one turn may take, in seconds. Absent: 172 800, as in OpenClaw.
    pub timeout_seconds: Option<u64>,
}

/// One agent. What is absent comes from `agents.defaults` or the global `tools`.
#[derive(Debug, Clone)]
pub struct Agent {
    /// The name.
    pub id: AgentId,
    /// Everything else.
    pub keys: AgentKeys,
}

/// `agents.entries.<id>`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct AgentKeys {
    id: Option<AgentId>,
    /// Whether messages that name no agent go here.
    pub default: bool,
    /// The folder of the agent; `~` is the home directory.
    pub workspace: Option<String>,
    /// The model.
    pub model: Option<ModelChoice>,
    /// The sandbox; each key given here replaces the one of the defaults.
    pub sandbox: SandboxKeys,
    /// A further layer of tool policy.
    pub tools: Tools,
}

/// `model`: a name, or a name with fallbacks. Names read `provider/model`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "RawModelChoice")]
pub struct ModelChoice {
    /// The first choice. Absent when only fallbacks are set.
    pub primary: Option<String>,
    /// What is tried when it fails, in order.
    pub fallbacks: Vec<String>,
}

/// `sandbox`, as written: every key may be absent.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(from = "RawSandboxKeys")]
pub struct SandboxKeys {
    /// Which sessions are sandboxed.
    pub mode: Option<SandboxMode>,
    /// What shares one sandbox; also from `perSession`, as February 2026 wrote it.
    pub scope: Option<SandboxScope>,
    /// How the workspace appears inside.
    pub workspace_access: Option<WorkspaceAccess>,
    /// Where the workspaces of sandboxes are kept. Absent: `<state>/sandboxes`.
    pub workspace_root: Option<String>,
}

/// The sandbox settings in effect for an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sandbox {
    /// Which sessions are sandboxed. OpenClaw's default is `off`.
    pub mode: SandboxMode,
    /// What shares one sandbox. OpenClaw's default is `agent`.
    pub scope: SandboxScope,
    /// How the workspace appears inside. OpenClaw's default is `none`.
    pub workspace_access: WorkspaceAccess,
    /// As written; `None` is `<state>/sandboxes`.
    pub workspace_root: Option<String>,
}

words! {
    /// `sandbox.mode`.
    SandboxMode {
        /// No session.
        Off = "off",
        /// Every session but the main one.
        NonMain = "non-main",
        /// Every session.
        All = "all",
    }

    /// `sandbox.scope`.
    SandboxScope {
        /// One for each session.
        Session = "session",
        /// One for each agent.
        Agent = "agent",
        /// One for all.
        Shared = "shared",
    }

    /// `sandbox.workspaceAccess`.
    WorkspaceAccess {
        /// Not at all: the sandbox has a folder of its own.
        None = "none",
        /// Read-only.
        Ro = "ro",
        /// Read and write.
        Rw = "rw",
    }
}

impl Agents {
    /// The agent of this name, if the config has an entry for it.
    #[must_use]
    pub fn find(&self, id: &AgentId) -> Option<&Agent> {
        self.entries.iter().find(|agent| agent.id == *id)
    }

    /// The agent for messages that name none: the entry marked `default`, else the first, else `main`.
    #[must_use]
    pub fn default_id(&self) -> Option<&AgentId> {
        self.entries.iter().find(|agent| agent.keys.default).or(self.entries.first()).map(|agent| &agent.id)
    }

    /// The sandbox in effect for an agent: its keys over the defaults, over OpenClaw's own.
    #[must_use]
    pub fn sandbox(&self, id: &AgentId) -> Sandbox {
        let (own, base) = (self.find(id).map(|agent| &agent.keys.sandbox), &self.defaults.sandbox);
        Sandbox {
            mode: own.and_then(|keys| keys.mode).or(base.mode).unwrap_or(SandboxMode::Off),
            scope: own.and_then(|keys| keys.scope).or(base.scope).unwrap_or(SandboxScope::Agent),
            workspace_access: own
                .and_then(|keys| keys.workspace_access)
                .or(base.workspace_access)
                .unwrap_or(WorkspaceAccess::None),
            workspace_root: own.and_then(|keys| keys.workspace_root.clone()).or_else(|| base.workspace_root.clone()),
        }
    }

    /// The model of an agent: its own choice, else the default one.
    #[must_use]
    pub fn model(&self, id: &AgentId) -> Option<&ModelChoice> {
        self.find(id).and_then(|agent| agent.keys.model.as_ref()).or(self.defaults.model.as_ref())
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawAgents {
    defaults: AgentDefaults,
    entries: BTreeMap<AgentId, AgentKeys>,
    list: Vec<AgentKeys>,
}

impl TryFrom<RawAgents> for Agents {
    type Error = String;

    fn try_from(raw: RawAgents) -> Result<Self, String> {
        let mut entries = Vec::with_capacity(raw.list.len() + raw.entries.len());
        for (at, keys) in raw.list.into_iter().enumerate() {
            let id = keys.id.clone().ok_or_else(|| format!("expected an id in list[{at}]"))?;
            entries.push(Agent { id, keys });
        }
        entries.extend(raw.entries.into_iter().map(|(id, keys)| Agent { id, keys }));
        for (at, agent) in entries.iter().enumerate() {
            if entries.iter().skip(at + 1).any(|other| other.id == agent.id) {
                return Err(format!("expected each agent once, but {:?} is there twice", agent.id.as_str()));
            }
        }
        Ok(Self { defaults: raw.defaults, entries })
    }
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct RawSandboxKeys {
    mode: Option<SandboxMode>,
    scope: Option<SandboxScope>,
    per_session: Option<bool>,
    workspace_access: Option<WorkspaceAccess>,
    workspace_root: Option<String>,
}

impl From<RawSandboxKeys> for SandboxKeys {
    fn from(raw: RawSandboxKeys) -> Self {
        let retired = raw.per_session.map(|own| if own { SandboxScope::Session } else { SandboxScope::Shared });
        Self {
            mode: raw.mode,
            scope: raw.scope.or(retired),
            workspace_access: raw.workspace_access,
            workspace_root: raw.workspace_root,
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a model name or {primary, fallbacks}")]
enum RawModelChoice {
    Name(String),
    Choice {
        #[serde(default)]
        primary: Option<String>,
        #[serde(default)]
        fallbacks: Vec<String>,
    },
}

impl From<RawModelChoice> for ModelChoice {
    fn from(raw: RawModelChoice) -> Self {
        match raw {
            RawModelChoice::Name(name) => Self { primary: Some(name), fallbacks: Vec::new() },
            RawModelChoice::Choice { primary, fallbacks } => Self { primary, fallbacks },
        }
    }
}
