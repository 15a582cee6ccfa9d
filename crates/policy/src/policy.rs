//! The policy that a gateway runs: the meet of every config layer, compiled once per config.

mod remarks;

use std::path::PathBuf;
use std::time::Duration;

use stockade_config::Loaded;
use stockade_config::exec_approvals::{ApprovalLayer, ExecApprovals};
use stockade_config::model::{
    ExecAsk, ExecHost, ExecKeys, ExecSecurity, Sandbox, SandboxMode, SandboxScope, Tools, WorkspaceAccess,
};
use stockade_core::{AgentId, Digest, DigestBuilder, SessionKey};
use thiserror::Error;

use crate::egress::{BadRule, EgressPolicy};
use crate::exec::{ExecPolicy, entries};
use crate::sender::{Sender, SenderLayers};
use crate::tools::{Layer, outside_sandbox};
use crate::view::{Access, Backend, Limits, Mount, View};

/// The running policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The fingerprint of everything that the policy was compiled from.
    pub generation: Digest,
    /// The agents, the default one first.
    pub agents: Vec<AgentPolicy>,
    /// What `web_fetch` may reach.
    pub egress: EgressPolicy,
    /// Paths on the host that no file tool reaches, whatever the view.
    pub protected: Vec<PathBuf>,
    /// How long an approval waits.
    pub approval_timeout: Duration,
    /// Tool calls per turn.
    pub max_tool_calls: u32,
    /// Wall-clock time of a turn.
    pub turn_timeout: Duration,
    /// What is written somewhere and can have no effect, with its place.
    pub remarks: Vec<String>,
}

/// The policy of one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentPolicy {
    /// The agent.
    pub id: AgentId,
    /// Its workspace on the host.
    pub workspace: PathBuf,
    /// The operator's home; `HOME` of commands that run on the host.
    pub home: PathBuf,
    /// `provider/model`, the first choice.
    pub model: Option<String>,
    /// The tool layers.
    pub tool_layers: Vec<Layer>,
    /// Further tool layers for sessions in the sandbox.
    pub sandbox_layers: Vec<Layer>,
    /// Further tool layers for who asks; each map applies by itself.
    pub sender_layers: Vec<SenderLayers>,
    /// Whether a session outside the sandbox may run no command (`tools.exec.host: "sandbox"`).
    pub sandbox_required: bool,
    /// The exec policy.
    pub exec: ExecPolicy,
    /// Limit of one command.
    pub exec_timeout: Duration,
    /// The sandbox.
    pub sandbox: Sandbox,
    /// Whether the file tools stay in the workspace.
    pub workspace_only: bool,
    /// Characters of a fetched page that reach the model.
    pub fetch_max_chars: usize,
    /// Where the private folders of sessions stand.
    pub sandboxes: PathBuf,
    /// Kernel features whose absence the operator accepted.
    pub accept_degraded: Vec<String>,
}

/// A config that no policy can be made from.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A rule of `egress.allow` or `egress.deny`.
    #[error("{0}")]
    Egress(#[from] BadRule),
    /// `tools.exec.host: node`.
    #[error(
        "tools.exec.host is \"node\": commands on paired nodes are not supported; set it to \"auto\" or \"sandbox\""
    )]
    ExecHost,
    /// A mounted workspace that holds the gateway's own state.
    #[error(
        "the workspace {workspace} of agent {agent} holds the state directory, so the sandbox would show it; \
         set agents.entries.{agent}.workspace to another folder, or sandbox.workspaceAccess to \"none\""
    )]
    WorkspaceHoldsState {
        /// The agent.
        agent: AgentId,
        /// Its workspace.
        workspace: String,
    },
}

impl Policy {
    /// Compiles the policy. Every layer only tightens: of security and ask the strictest wins, tool
    /// layers are all applied, an agent's `workspaceOnly` adds to the global one.
    ///
    /// # Errors
    /// When a key cannot be enforced.
    pub fn compile(loaded: &Loaded, approvals: Option<&ExecApprovals>) -> Result<Self, PolicyError> {
        let Loaded { config, own, .. } = loaded;
        let egress = EgressPolicy::new(&own.egress.allow)?.with_deny(&own.egress.deny)?;
        let compiler = Compiler { loaded, approvals };
        let mut ids: Vec<AgentId> = config.agents.entries.iter().map(|agent| agent.id.clone()).collect();
        if ids.is_empty() {
            ids.extend(AgentId::parse("main"));
        }
        if let Some(at) = config.agents.default_id().and_then(|default| ids.iter().position(|id| id == default)) {
            ids.swap(0, at);
        }
        let agents = ids.into_iter().map(|id| compiler.agent(id)).collect::<Result<_, _>>()?;
        let remarks = remarks::of(config, approvals);
        let mut protected = vec![loaded.paths.state.clone()];
        protected.extend(loaded.files.iter().cloned());
        Ok(Self {
            generation: DigestBuilder::new("stockade.policy.v1")
                .field("config", loaded.fingerprint.as_bytes())
                .field("approvals", format!("{approvals:?}"))
                .finish(),
            agents,
            egress,
            protected,
            approval_timeout: Duration::from_secs(own.approvals.timeout_seconds),
            max_tool_calls: own.turn.max_tool_calls,
            turn_timeout: Duration::from_secs(own.turn.timeout_seconds),
            remarks,
        })
    }

    /// An agent's policy.
    #[must_use]
    pub fn agent(&self, id: &AgentId) -> Option<&AgentPolicy> {
        self.agents.iter().find(|agent| agent.id == *id)
    }

    /// The agent that `main` stands for.
    #[must_use]
    pub fn default_agent(&self) -> Option<&AgentPolicy> {
        self.agents.first()
    }
}

impl AgentPolicy {
    /// The tool layers of a session, for who asks in it.
    pub fn layers<'a>(&'a self, session: &SessionKey, sender: &'a Sender) -> impl Iterator<Item = &'a Layer> {
        let sandbox = if self.sandboxed(session) { self.sandbox_layers.as_slice() } else { &[] };
        self.tool_layers.iter().chain(sandbox).chain(self.sender_layers.iter().flat_map(|map| map.of(sender)))
    }

    /// Every tool layer, whoever and whatever it is for.
    pub(crate) fn every_layer(&self) -> impl Iterator<Item = &Layer> {
        let senders = self.sender_layers.iter().flat_map(SenderLayers::every_layer);
        self.tool_layers.iter().chain(&self.sandbox_layers).chain(senders)
    }

    /// Whether a session of this agent runs in the sandbox.
    #[must_use]
    pub fn sandboxed(&self, session: &SessionKey) -> bool {
        match self.sandbox.mode {
            SandboxMode::Off => false,
            SandboxMode::NonMain => *session != SessionKey::main(&self.id),
            SandboxMode::All => true,
        }
    }

    /// What a session may see and use. With `workspaceAccess` `none` a private folder stands at
    /// `/workspace`; `ro` adds the agent's workspace at `/agent`; `rw` puts it at `/workspace`.
    #[must_use]
    pub fn view(&self, session: &SessionKey) -> View {
        let limits = Limits { wall: self.exec_timeout, ..Limits::default() };
        if !self.sandboxed(session) {
            let (host, target) = if self.workspace_only {
                (self.workspace.clone(), self.workspace.clone())
            } else {
                (PathBuf::from("/"), PathBuf::from("/"))
            };
            return View {
                backend: Backend::Host,
                mounts: vec![Mount { host, target, access: Access::Rw }],
                workdir: self.workspace.clone(),
                network: true,
                hidden: Vec::new(),
                accept_degraded: self.accept_degraded.clone(),
                limits,
            };
        }
        let at = |host: PathBuf, target: &str, access| Mount { host, target: PathBuf::from(target), access };
        let mounts = match self.sandbox.workspace_access {
            WorkspaceAccess::None => vec![at(self.scratch(session), "/workspace", Access::Rw)],
            WorkspaceAccess::Ro => vec![
                at(self.scratch(session), "/workspace", Access::Rw),
                at(self.workspace.clone(), "/agent", Access::Ro),
            ],
            WorkspaceAccess::Rw => vec![at(self.workspace.clone(), "/workspace", Access::Rw)],
        };
        View {
            backend: Backend::Native,
            mounts,
            workdir: PathBuf::from("/workspace"),
            network: false,
            hidden: Vec::new(),
            accept_degraded: self.accept_degraded.clone(),
            limits,
        }
    }

    /// The private folder of a session, an agent or all of them, by `sandbox.scope`. Its name is a
    /// digest: a session key is not a file name.
    #[must_use]
    pub fn scratch(&self, session: &SessionKey) -> PathBuf {
        let scope = match self.sandbox.scope {
            SandboxScope::Session => DigestBuilder::new("scratch").field("session", session.as_str()),
            SandboxScope::Agent => DigestBuilder::new("scratch").field("agent", self.id.as_str()),
            SandboxScope::Shared => DigestBuilder::new("scratch").field("shared", ""),
        };
        self.sandboxes.join(scope.finish().hex().chars().take(32).collect::<String>())
    }
}

struct Compiler<'a> {
    loaded: &'a Loaded,
    approvals: Option<&'a ExecApprovals>,
}

impl Compiler<'_> {
    fn agent(&self, id: AgentId) -> Result<AgentPolicy, PolicyError> {
        let Loaded { config, own, paths, .. } = self.loaded;
        let (agents, tools) = (&config.agents, &config.tools);
        let own_tools = agents.find(&id).map(|agent| &agent.keys.tools);
        let sandbox = agents.sandbox(&id);
        let model = agents.model(&id).and_then(|choice| choice.primary.clone());
        let (mut tool_layers, mut sandbox_layers, mut sender_layers) = (Vec::new(), Vec::new(), Vec::new());
        let own_origin = format!("agents.entries.{id}.tools");
        for (origin, tools) in [("tools", Some(tools)), (own_origin.as_str(), own_tools)] {
            let Some(tools) = tools else { continue };
            tool_layers.push(Layer::of(origin.to_owned(), &tools.layer()));
            tool_layers.extend(provider_layers(origin, tools, model.as_deref()));
            sandbox_layers.push(Layer::of(format!("{origin}.sandbox.tools"), &tools.sandbox.tools));
            sender_layers.push(SenderLayers::new(origin, &tools.tools_by_sender));
        }
        sandbox_layers.push(outside_sandbox(&sandbox_layers));
        if !tools.web.fetch.enabled.unwrap_or(true) {
            let deny = ["web_fetch"].iter().collect();
            tool_layers.push(Layer { origin: "tools.web.fetch".into(), deny, ..Layer::default() });
        }
        let global = [&tools.exec];
        let layers: Vec<&ExecKeys> = global.into_iter().chain(own_tools.map(|own| &own.exec)).collect();
        if layers.iter().any(|keys| keys.host == Some(ExecHost::Node)) {
            return Err(PolicyError::ExecHost);
        }
        let timeout = layers.iter().filter_map(|keys| keys.timeout_seconds).min().unwrap_or(DEFAULT_EXEC_SECONDS);
        let workspace_only =
            [Some(tools), own_tools].into_iter().flatten().any(|tools| tools.fs.workspace_only.unwrap_or(false));
        let sandboxes =
            sandbox.workspace_root.as_deref().map_or_else(|| paths.data.join("sandboxes"), |root| paths.expand(root));
        let workspace = paths.workspace(config, &id);
        let mounted = sandbox.mode != SandboxMode::Off && sandbox.workspace_access != WorkspaceAccess::None;
        if mounted && paths.state.starts_with(&workspace) {
            return Err(PolicyError::WorkspaceHoldsState { agent: id, workspace: workspace.display().to_string() });
        }
        Ok(AgentPolicy {
            home: paths.home.clone().unwrap_or_else(|| workspace.clone()),
            workspace,
            model,
            tool_layers,
            sandbox_layers,
            sender_layers,
            sandbox_required: layers.iter().any(|keys| keys.host == Some(ExecHost::Sandbox)),
            exec: self.exec(&layers, &id),
            exec_timeout: Duration::from_secs(if timeout == 0 { DEFAULT_EXEC_SECONDS } else { timeout }),
            workspace_only,
            fetch_max_chars: usize::try_from(tools.web.fetch.max_chars.unwrap_or(20_000)).unwrap_or(20_000),
            sandboxes,
            accept_degraded: own.sandbox.accept_degraded.iter().map(|part| part.id().to_owned()).collect(),
            sandbox,
            id,
        })
    }

    /// The stricter of the config's layers and the host's approvals file, which is one more layer.
    fn exec(&self, layers: &[&ExecKeys], id: &AgentId) -> ExecPolicy {
        let host: Vec<&ApprovalLayer> = self.approvals.map(|file| host_layers(file, id)).unwrap_or_default();
        let security = layers.iter().filter_map(|keys| keys.own_security());
        let ask = layers.iter().filter_map(|keys| keys.own_ask());
        let (allowlist, argument_entries) = entries(host.iter().flat_map(|layer| &layer.allowlist));
        ExecPolicy {
            security: security
                .chain(host.iter().filter_map(|layer| layer.security))
                .max_by_key(|security| strictness(*security))
                .unwrap_or(ExecSecurity::Full),
            ask: ask
                .chain(host.iter().filter_map(|layer| layer.ask))
                .max_by_key(|ask| insistence(*ask))
                .unwrap_or(ExecAsk::Off),
            allowlist,
            argument_entries,
            // A layer that has a list only tightens the others': what is on every list there is.
            safe_bins: {
                let mut lists = layers.iter().filter_map(|keys| keys.safe_bins.as_ref());
                let mut bins = lists.next().cloned().unwrap_or_default();
                for list in lists {
                    bins.retain(|bin| list.contains(bin));
                }
                bins.retain(|bin| !layers.iter().any(|keys| keys.has_own_profile(bin)));
                bins
            },
            strict_inline_eval: layers.iter().any(|keys| keys.strict_inline_eval.unwrap_or(false)),
            ask_fallback: host
                .iter()
                .filter_map(|layer| layer.ask_fallback)
                .max_by_key(|fallback| strictness(*fallback))
                .unwrap_or(ExecSecurity::Deny),
        }
    }
}

fn host_layers<'a>(file: &'a ExecApprovals, id: &AgentId) -> Vec<&'a ApprovalLayer> {
    let agents = ["*", id.as_str()].into_iter().filter_map(|key| file.agents.get(key));
    std::iter::once(&file.defaults).chain(agents).collect()
}

const DEFAULT_EXEC_SECONDS: u64 = 1800;

pub(crate) const fn strictness(security: ExecSecurity) -> u8 {
    match security {
        ExecSecurity::Full => 0,
        ExecSecurity::Allowlist => 1,
        ExecSecurity::Deny => 2,
    }
}

pub(crate) const fn insistence(ask: ExecAsk) -> u8 {
    match ask {
        ExecAsk::Off => 0,
        ExecAsk::OnMiss => 1,
        ExecAsk::Always => 2,
    }
}

/// The layers of `byProvider` that apply to a model: its provider's and its own. Letter case decides nothing,
/// and of two spellings of one key both hold. OpenClaw applies the model's alone when there are both.
fn provider_layers(origin: &str, tools: &Tools, model: Option<&str>) -> Vec<Layer> {
    let Some(model) = model.map(|model| model.trim().to_lowercase()) else { return Vec::new() };
    let provider = model.split('/').next().unwrap_or_default();
    let applies = |key: &str| {
        let key = key.trim().to_lowercase();
        key == model || key.trim_end_matches('/') == provider
    };
    let named = tools.by_provider.iter().filter(|(key, _)| applies(key));
    named.map(|(key, tools)| Layer::of(format!("{origin}.byProvider.{key}"), tools)).collect()
}

#[cfg(test)]
#[path = "policy/tests.rs"]
pub(crate) mod tests;
