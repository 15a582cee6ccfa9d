//! Does a new policy allow anything that the old one did not? Tightening is free; widening needs an
//! operator. Answers the class "the agent edits the config and waits for the reload".

use stockade_config::model::{SandboxMode, SandboxScope, WorkspaceAccess};
use stockade_core::SessionKey;

use crate::exec::ExecPolicy;
use crate::policy::{AgentPolicy, Policy, insistence, strictness};
use crate::sender::{Sender, SenderLayers};
use crate::tools::{Tool, judge_tool, known_tools};

/// The keys by which `new` allows more than `old`; empty when it allows no more.
#[must_use]
pub fn widenings(old: &Policy, new: &Policy) -> Vec<String> {
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
    let mut keys = Vec::new();
    for agent in agents {
        match old.agent(&agent.id) {
            Some(before) => keys.extend(agent_widenings(before, agent)),
            None => keys.push(format!("agents.entries.{} (a new agent)", agent.id)),
        }
    }
    let mut found = |wider: bool, key: &str| {
        if wider {
            keys.push(key.to_owned());
        }
    };
    found(!egress.is_within(&old.egress), "egress");
    found(!old.protected.iter().all(|path| protected.contains(path)), "$include (a config file is no longer one)");
    found(*approval_timeout > old.approval_timeout, "approvals.timeoutSeconds");
    found(*max_tool_calls > old.max_tool_calls, "turn.maxToolCalls");
    found(*turn_timeout > old.turn_timeout, "turn.timeoutSeconds");
    let default = |policy: &Policy| policy.default_agent().map(|agent| agent.id.clone());
    found(default(new) != default(old), "the default agent");
    keys.sort();
    keys.dedup();
    keys
}

fn agent_widenings(old: &AgentPolicy, new: &AgentPolicy) -> Vec<String> {
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
    let mut keys = Vec::new();
    let mut found = |wider: bool, key: &str| {
        if wider {
            keys.push(format!("{key} (agent {id})"));
        }
    };
    let more = |new: &[String], old: &[String]| new.iter().any(|entry| !old.contains(entry));
    found(strictness(*security) < strictness(old.exec.security), "tools.exec.security");
    found(insistence(*ask) < insistence(old.exec.ask), "tools.exec.ask");
    found(more(allowlist, &old.exec.allowlist), "the exec allowlist");
    let bound = argument_entries.iter().any(|entry| !old.exec.argument_entries.contains(entry));
    found(bound, "the exec allowlist (argPattern)");
    found(strictness(*ask_fallback) < strictness(old.exec.ask_fallback), "askFallback");
    found(more(safe_bins, &old.exec.safe_bins), "tools.exec.safeBins");
    found(old.exec.strict_inline_eval && !strict_inline_eval, "tools.exec.strictInlineEval");
    found(*exec_timeout > old.exec_timeout, "tools.exec.timeoutSeconds");
    found(old.sandbox_required && !sandbox_required, "tools.exec.host");
    found(old.workspace_only && !workspace_only, "tools.fs.workspaceOnly");
    found(*fetch_max_chars > old.fetch_max_chars, "tools.web.fetch.maxChars");
    found(mode(sandbox.mode) > mode(old.sandbox.mode), "sandbox.mode");
    found(scope(sandbox.scope) > scope(old.sandbox.scope), "sandbox.scope");
    found(access(sandbox.workspace_access) > access(old.sandbox.workspace_access), "sandbox.workspaceAccess");
    found(*workspace != old.workspace, "workspace");
    found(*sandboxes != old.sandboxes, "sandbox.workspaceRoot");
    found(*model != old.model, "model");
    found(more(accept_degraded, &old.accept_degraded), "sandbox.acceptDegraded");
    let mut tools: Vec<&str> = known_tools().filter(|tool| gains(old, new, tool)).collect();
    tools.sort_unstable();
    tools.dedup();
    found(!tools.is_empty(), &format!("tools ({})", tools.join(", ")));
    keys
}

/// Whether somebody has the tool now, in some session, that did not have it: the main session, which may be
/// outside the sandbox, or another; the owner, a stranger, or somebody with a layer in the place of `*`.
fn gains(old: &AgentPolicy, new: &AgentPolicy, tool: &str) -> bool {
    let tool = Tool::core(tool);
    let other = SessionKey::parse(&format!("agent:{}:other", new.id)).ok();
    let mut senders = vec![Sender::owner(), Sender::default()];
    senders.extend([old, new].into_iter().flat_map(|agent| &agent.sender_layers).flat_map(SenderLayers::exceptions));
    let has = |agent: &AgentPolicy, session: &SessionKey, sender: &Sender| {
        judge_tool(agent.layers(session, sender), sender, &tool).is_ok()
    };
    let sessions = [Some(SessionKey::main(&new.id)), other];
    let gained =
        |session: &SessionKey| senders.iter().any(|sender| has(new, session, sender) && !has(old, session, sender));
    sessions.into_iter().flatten().any(|session| gained(&session)) || loses_layer(old, new, &tool)
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
            (hard.to_owned(), "{egress:{allow:['http://127.0.0.1:1']}}", "egress"),
            (hard.to_owned(), "{turn:{maxToolCalls:1000}}", "turn.maxToolCalls"),
            (hard.to_owned(), "{approvals:{timeoutSeconds:86400}}", "approvals.timeoutSeconds"),
            (hard.replace("ask:'always'", "ask:'always',safeBins:['head']"), "{}", "tools.exec.safeBins"),
            (hard.to_owned(), "{sandbox:{acceptDegraded:['landlock']}}", "sandbox.acceptDegraded"),
        ] {
            let keys = from_to((hard, "{}"), (&weaker, own));
            assert!(keys.iter().any(|found| found.starts_with(key)), "{key}: {keys:?}");
            assert_eq!(from_to((&weaker, own), (hard, "{}")), Vec::<String>::new(), "back from {key}");
        }
        assert_eq!(from_to((hard, "{}"), (hard, "{turn:{maxToolCalls:3}}")), Vec::<String>::new());
        for (weaker, key) in [
            ("{'*':{deny:['read']},'id:7':{deny:['write']}}", "tools (exec)"),
            ("{'*':{deny:['read','exec']}}", "tools (write)"),
            ("{'*':{deny:['read','exec']},'id:7':{deny:['write']},'channel:irc:a':{}}", "tools (exec, read)"),
        ] {
            let config = |map: &str| format!("{{tools:{{toolsBySender:{map}}}}}");
            let strict = config("{'*':{deny:['read','exec']},'id:7':{deny:['write']}}");
            assert_eq!(from_to((&strict, "{}"), (&config(weaker), "{}")), [format!("{key} (agent main)")], "{weaker}");
            assert_eq!(from_to((&config(weaker), "{}"), (&strict, "{}")), Vec::<String>::new(), "back from {weaker}");
        }
        // What the main session has outside the sandbox is no reason to give it to the others.
        let split = "{agents:{defaults:{sandbox:{mode:'non-main'}}},tools:{sandbox:{tools:{deny:['exec']}}}}";
        let keys = from_to((split, "{}"), (&split.replace("['exec']", "[]"), "{}"));
        assert!(keys.iter().any(|key| key.starts_with("tools (exec)")), "{keys:?}");
    }
}
