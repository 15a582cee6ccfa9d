//! Does a new policy allow anything that the old one did not? Tightening is free; widening needs an
//! operator. Answers the class "the agent edits the config and waits for the reload".

use stockade_config::model::{SandboxMode, SandboxScope, WorkspaceAccess};
use stockade_core::{SessionKey, ToolName};

use crate::policy::{AgentPolicy, Policy, insistence, strictness};
use crate::tools::{judge_tool, known_tools};

/// The keys by which `new` allows more than `old`; empty when it allows no more.
#[must_use]
pub fn widenings(old: &Policy, new: &Policy) -> Vec<String> {
    let mut keys = Vec::new();
    for agent in &new.agents {
        match old.agent(&agent.id) {
            Some(before) => keys.extend(agent_widenings(before, agent)),
            None => keys.push(format!("agents.entries.{} (a new agent)", agent.id)),
        }
    }
    if !new.egress.is_within(&old.egress) {
        keys.push("egress.allow".to_owned());
    }
    keys.sort();
    keys.dedup();
    keys
}

fn agent_widenings(old: &AgentPolicy, new: &AgentPolicy) -> Vec<String> {
    let mut keys = Vec::new();
    let mut found = |wider: bool, key: &str| {
        if wider {
            keys.push(format!("{key} (agent {})", new.id));
        }
    };
    found(strictness(new.exec.security) < strictness(old.exec.security), "tools.exec.security");
    found(insistence(new.exec.ask) < insistence(old.exec.ask), "tools.exec.ask");
    found(new.exec.allowlist.iter().any(|entry| !old.exec.allowlist.contains(entry)), "the exec allowlist");
    found(old.sandbox_required && !new.sandbox_required, "tools.exec.host");
    found(old.workspace_only && !new.workspace_only, "tools.fs.workspaceOnly");
    found(mode(new.sandbox.mode) > mode(old.sandbox.mode), "sandbox.mode");
    found(scope(new.sandbox.scope) > scope(old.sandbox.scope), "sandbox.scope");
    found(access(new.sandbox.workspace_access) > access(old.sandbox.workspace_access), "sandbox.workspaceAccess");
    found(new.workspace != old.workspace, "workspace");
    found(new.sandboxes != old.sandboxes, "sandbox.workspaceRoot");
    found(!new.accept_degraded.iter().all(|part| old.accept_degraded.contains(part)), "sandbox.acceptDegraded");
    let mut tools: Vec<&str> = known_tools().filter(|tool| allows(new, tool) && !allows(old, tool)).collect();
    tools.sort_unstable();
    tools.dedup();
    found(!tools.is_empty(), &format!("tools ({})", tools.join(", ")));
    keys
}

/// Whether any session of the agent has the tool: the main one, which may be outside the sandbox, or another.
fn allows(agent: &AgentPolicy, tool: &str) -> bool {
    let other = SessionKey::parse(&format!("agent:{}:other", agent.id)).ok();
    let sessions = [Some(SessionKey::main(&agent.id)), other];
    sessions.into_iter().flatten().any(|session| judge_tool(agent.layers(&session), &ToolName::new(tool)).is_ok())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::tests::compiled;

    fn from_to(old: (&str, &str), new: (&str, &str)) -> Vec<String> {
        let compile = |(config, own): (&str, &str)| compiled(config, own, None).expect("compiles");
        widenings(&compile(old), &compile(new))
    }

    #[test]
    fn each_way_to_widen_is_named_and_its_reverse_is_free() {
        let hard = "{agents:{defaults:{sandbox:{mode:'all',scope:'session',workspaceAccess:'none'}}},\
                    tools:{exec:{security:'allowlist',ask:'always',host:'sandbox'},fs:{workspaceOnly:true},deny:['process']}}";
        for (weaker, own, key) in [
            (hard.replace("'all'", "'off'"), "{}", "sandbox.mode"),
            (hard.replace("'all'", "'non-main'"), "{}", "sandbox.mode"),
            (hard.replace("scope:'session'", "scope:'shared'"), "{}", "sandbox.scope"),
            (hard.replace("'none'", "'rw'"), "{}", "sandbox.workspaceAccess"),
            (hard.replace("'allowlist'", "'full'"), "{}", "tools.exec.security"),
            (hard.replace("'always'", "'on-miss'"), "{}", "tools.exec.ask"),
            (hard.replace("host:'sandbox'", "host:'auto'"), "{}", "tools.exec.host"),
            (hard.replace("workspaceOnly:true", "workspaceOnly:false"), "{}", "tools.fs.workspaceOnly"),
            (hard.replace("deny:['process']", "deny:[]"), "{}", "tools (process)"),
            (hard.replace("agents:{", "agents:{entries:{main:{},more:{}},"), "{}", "agents.entries.more"),
            (hard.to_owned(), "{egress:{allow:['http://127.0.0.1:1']}}", "egress.allow"),
            (hard.to_owned(), "{sandbox:{acceptDegraded:['landlock']}}", "sandbox.acceptDegraded"),
        ] {
            let keys = from_to((hard, "{}"), (&weaker, own));
            assert!(keys.iter().any(|found| found.starts_with(key)), "{key}: {keys:?}");
            assert_eq!(from_to((&weaker, own), (hard, "{}")), Vec::<String>::new(), "back from {key}");
        }
        assert_eq!(from_to((hard, "{}"), (hard, "{turn:{maxToolCalls:3}}")), Vec::<String>::new());
    }
}
