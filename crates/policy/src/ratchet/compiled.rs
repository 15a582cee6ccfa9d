//! What the compiled policies allow: the second opinion, which knows what the keys of all layers come to together.

use stockade_config::model::{ExecSecurity, SandboxMode, SandboxScope, WorkspaceAccess};
use stockade_core::SessionKey;

use super::{Change, Direction};
use crate::exec::ExecPolicy;
use crate::policy::{AgentPolicy, Policy, insistence, strictness};
use crate::sender::{Sender, SenderLayers};
use crate::tools::{Tool, judge_tool, probes};

/// A widening, and the part of a key path that says the same.
pub(super) struct Found {
    pub(super) change: Change,
    says: &'static str,
}

impl Found {
    fn new(says: &'static str, of: &str, because: &str) -> Self {
        let key = if of.is_empty() { says.to_owned() } else { format!("{says} ({of})") };
        Self { change: Change { key, direction: Direction::Widening, because: because.to_owned() }, says }
    }

    /// Whether a change of this key says it already.
    pub(super) fn is_said_by(&self, key: &str) -> bool {
        let key = key.split(" (").next().unwrap_or_default();
        !self.says.is_empty() && format!(".{key}.").contains(&format!(".{}.", self.says))
    }
}

/// By what `new` allows more than `old`; empty when it allows no more.
pub(super) fn widenings(old: &Policy, new: &Policy) -> Vec<Found> {
    // Every field by name: one that is added later does not compile until it is compared.
    let Policy {
        generation: _,
        agents,
        egress,
        protected,
        approval_timeout,
        max_tool_calls,
        turn_timeout,
        remarks: _, // what has no effect
    } = new;
    let mut all = Vec::new();
    for agent in agents {
        match old.agent(&agent.id) {
            Some(before) => all.extend(agent_widenings(before, agent)),
            None => {
                let mut found = Found::new("agents.entries", "", "a new agent");
                found.change.key = format!("agents.entries.{}", agent.id);
                all.push(found);
            }
        }
    }
    let mut found = |wider: bool, key: &'static str, of: &str| {
        if wider {
            all.push(Found::new(key, of, COMPILED));
        }
    };
    found(!egress.is_within(&old.egress), "egress", "stockade.json");
    found(!old.protected.iter().all(|path| protected.contains(path)), "$include", "a config file is no longer one");
    found(*approval_timeout > old.approval_timeout, "approvals.timeoutSeconds", "stockade.json");
    found(*max_tool_calls > old.max_tool_calls, "turn.maxToolCalls", "stockade.json");
    found(*turn_timeout > old.turn_timeout, "turn.timeoutSeconds", "stockade.json");
    let default = |policy: &Policy| policy.default_agent().map(|agent| agent.id.clone());
    found(default(new) != default(old), "agents.entries.*.default", "");
    all
}

fn agent_widenings(old: &AgentPolicy, new: &AgentPolicy) -> Vec<Found> {
    let AgentPolicy {
        id,
        workspace,
        home: _, // says where a host command starts, and what it may do there is not said by it
        model,
        tool_layers: _, // compared by what they allow
        sandbox_layers: _,
        sender_layers: _,
        sandbox_required,
        exec: ExecPolicy { security, ask, allowlist, argument_entries, safe_bins, strict_inline_eval, ask_fallback },
        exec_timeout,
        sandbox,
        workspace_only,
        fetch_max_chars,
        sandboxes,
        accept_degraded,
    } = new;
    let mut all = Vec::new();
    let of = format!("agent {id}");
    let mut found = |wider: bool, key: &'static str| {
        if wider {
            all.push(Found::new(key, &of, COMPILED));
        }
    };
    let more = |new: &[String], old: &[String]| new.iter().any(|entry| !old.contains(entry));
    found(strictness(*security) < strictness(old.exec.security), "tools.exec.security");
    found(insistence(*ask) < insistence(old.exec.ask), "tools.exec.ask");
    found(more(allowlist, &old.exec.allowlist), "allowlist");
    let bound = argument_entries.iter().any(|entry| !old.exec.argument_entries.contains(entry));
    found(bound, "allowlist");
    found(strictness(*ask_fallback) < strictness(old.exec.ask_fallback), "askFallback");
    found(more(safe_bins, &old.exec.safe_bins), "tools.exec.safeBins");
    found(old.exec.strict_inline_eval && !strict_inline_eval, "tools.exec.strictInlineEval");
    found(*exec_timeout > old.exec_timeout, "tools.exec.timeoutSeconds");
    found(old.sandbox_required && !sandbox_required, "tools.exec.host");
    found(old.workspace_only && !workspace_only, "tools.fs.workspaceOnly");
    found(*fetch_max_chars > old.fetch_max_chars, "tools.web.fetch.maxChars");
    found(mode(sandbox.mode) > mode(old.sandbox.mode) || opens(old, new), "sandbox.mode");
    found(scope(sandbox.scope) > scope(old.sandbox.scope), "sandbox.scope");
    found(access(sandbox.workspace_access) > access(old.sandbox.workspace_access), "sandbox.workspaceAccess");
    found(*workspace != old.workspace, "workspace");
    found(*sandboxes != old.sandboxes, "sandbox.workspaceRoot");
    found(*model != old.model, "model");
    found(more(accept_degraded, &old.accept_degraded), "sandbox.acceptDegraded");
    let layers = [old, new].into_iter().flat_map(AgentPolicy::every_layer);
    let gained = probes(layers).into_iter().filter(|tool| gains(old, new, tool));
    let mut tools: Vec<String> = gained.map(|tool| tool.to_string()).collect();
    tools.sort_unstable();
    tools.dedup();
    if !tools.is_empty() {
        // Always said: a group or a profile in the file does not show what it comes to.
        let mut found = Found::new("tools", &of, &format!("it gains {}", tools.join(", ")));
        found.says = "";
        all.push(found);
    }
    all
}

/// Whether commands that were refused for want of a sandbox get one: what is tighter for everything else is wider
/// for them.
fn opens(old: &AgentPolicy, new: &AgentPolicy) -> bool {
    let boxed = |session: &SessionKey| old.sandbox_required && !old.sandboxed(session) && new.sandboxed(session);
    new.exec.security != ExecSecurity::Deny && sessions(new).iter().any(boxed)
}

/// A session of each kind: the main one, which may be outside the sandbox, and another.
fn sessions(agent: &AgentPolicy) -> Vec<SessionKey> {
    let other = SessionKey::parse(&format!("agent:{}:other", agent.id)).ok();
    std::iter::once(SessionKey::main(&agent.id)).chain(other).collect()
}

/// Whether somebody has the tool now, in some session, that did not have it: the owner, a stranger, or somebody
/// with a layer in the place of `*`.
fn gains(old: &AgentPolicy, new: &AgentPolicy, tool: &Tool) -> bool {
    let mut senders = vec![Sender::owner(), Sender::default()];
    senders.extend([old, new].into_iter().flat_map(|agent| &agent.sender_layers).flat_map(SenderLayers::exceptions));
    let has = |agent: &AgentPolicy, session: &SessionKey, sender: &Sender| {
        judge_tool(agent.layers(session, sender), sender, tool).is_ok()
    };
    let gained =
        |session: &SessionKey| senders.iter().any(|sender| has(new, session, sender) && !has(old, session, sender));
    sessions(new).iter().any(gained) || loses_layer(old, new, tool)
}

/// Whether a layer for an id, a handle or a name denied the tool and no longer does. It holds beside the
/// others, so that it is compared by itself.
fn loses_layer(old: &AgentPolicy, new: &AgentPolicy, tool: &Tool) -> bool {
    let owner = Sender::owner();
    let mut beside = old.sender_layers.iter().flat_map(SenderLayers::beside);
    beside.any(|(key, layer)| {
        let after = new.sender_layers.iter().flat_map(SenderLayers::beside);
        let after = after.filter(|(other, _)| *other == key).map(|(_, layer)| layer);
        judge_tool([layer], &owner, tool).is_err() && judge_tool(after, &owner, tool).is_ok()
    })
}

const fn mode(mode: SandboxMode) -> u8 {
    match mode {
        SandboxMode::All => 0,
        SandboxMode::NonMain => 1,
        SandboxMode::Off => 2,
    }
}

const fn scope(scope: SandboxScope) -> u8 {
    match scope {
        SandboxScope::Session => 0,
        SandboxScope::Agent => 1,
        SandboxScope::Shared => 2,
    }
}

const fn access(access: WorkspaceAccess) -> u8 {
    match access {
        WorkspaceAccess::None => 0,
        WorkspaceAccess::Ro => 1,
        WorkspaceAccess::Rw => 2,
    }
}

const COMPILED: &str = "all layers together allow more";
