//! The one place where a call is judged. Each kind of call passes the same head (containment, agent,
//! tool layers) and then its own rule.

use stockade_core::{Decision, Denial, Rule, SessionKey, Timestamp};

use crate::call::{ExecCall, FetchCall, FileCall, FileOp, ProcessAction, ProcessCall, Words};
use crate::egress;
use crate::paths;
use crate::permit::{Bound, Judged};
use crate::policy::{AgentPolicy, Policy};
use crate::sender::Sender;
use crate::tools::{self, Tool};
use crate::view::Backend;

/// The containment lock as it was read for this decision. An unreadable lock is a closed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lock {
    /// Not contained.
    Released,
    /// The operator contained the gateway.
    Contained {
        /// Since when.
        since: Timestamp,
    },
    /// The lock could not be read.
    Unreadable(String),
}

impl Lock {
    /// Whether anything may run at all.
    ///
    /// # Errors
    /// A [`Denial`] when contained, or when nobody knows.
    pub fn judge(&self) -> Result<(), Denial> {
        match self {
            Self::Released => Ok(()),
            Self::Contained { since } => Err(Denial::policy(
                Rule::Containment,
                format!("contained since {since}; `stockade incident release` ends it"),
            )),
            Self::Unreadable(what) => {
                Err(Denial::unreadable(Rule::Containment, format!("the containment lock ({what})")))
            }
        }
    }
}

/// The judge for one decision: a policy and the lock as read just now.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'a> {
    policy: &'a Policy,
    lock: &'a Lock,
}

impl<'a> Judge<'a> {
    /// A judge that decides by `policy` under `lock`.
    #[must_use]
    pub const fn new(policy: &'a Policy, lock: &'a Lock) -> Self {
        Self { policy, lock }
    }

    /// Whether a tool may be offered to the agent's model, and called at all.
    ///
    /// # Errors
    /// A [`Denial`] by containment, the tool's name, its owner, or a tool layer.
    pub fn tool(&self, agent: &AgentPolicy, session: &SessionKey, sender: &Sender, tool: &Tool) -> Result<(), Denial> {
        self.lock.judge()?;
        tools::judge_tool(agent.layers(session, sender), sender, tool)
    }

    /// Judges a shell command.
    pub fn exec(&self, call: ExecCall) -> Judged<ExecCall> {
        self.judge(call, "exec", |agent, call| {
            if let Some(denial) = lacks_sandbox(agent, call) {
                return Decision::Deny(denial);
            }
            match (agent.exec.judge(call), &call.unbound) {
                // An answer for a part of what would run is an answer for something else.
                (Decision::Ask(_), Some(why)) => {
                    let why = format!("it cannot be approved as a whole: {why}");
                    Decision::Deny(Denial::policy(Rule::ExecOpaque, why))
                }
                (decision, _) => decision,
            }
        })
    }

    /// Judges a command again when nobody answered the question about it.
    pub fn unattended(&self, call: ExecCall) -> Judged<ExecCall> {
        self.judge(call, "exec", |agent, call| {
            if let Some(denial) = lacks_sandbox(agent, call) {
                return Decision::Deny(denial);
            }
            agent.exec.judge_unattended(call)
        })
    }

    /// Judges an act on a background process. The executor holds it to the session's own processes.
    pub fn process(&self, call: ProcessCall) -> Judged<ProcessCall> {
        self.judge(call, "process", |agent, call| match &call.action {
            // What is written to a shell runs in it.
            ProcessAction::Write { .. } => agent.exec.judge_input(),
            ProcessAction::List | ProcessAction::Poll { .. } | ProcessAction::Kill { .. } => {
                Decision::Allow { rule: Rule::ToolLayers }
            }
        })
    }

    /// Judges a file operation.
    pub fn file(&self, call: FileCall) -> Judged<FileCall> {
        let tool = match call.op {
            FileOp::Read { .. } => "read",
            FileOp::Write { .. } => "write",
            FileOp::Edit { .. } => "edit",
        };
        self.judge(call, tool, |_, call| paths::judge(call, &self.policy.protected))
    }

    /// Judges a request to the web. The guarded client judges each address and redirect again.
    pub fn fetch(&self, call: FetchCall) -> Judged<FetchCall> {
        self.judge(call, "web_fetch", |_, call| match egress::judge_url(&self.policy.egress, &call.url) {
            Err(denial) => Decision::Deny(denial),
            // An address is also a message to whoever answers there. A model that has read a hostile page
            // may visit what it was shown, and may not spell out what it knows in an address of its own.
            Ok(()) if call.untrusted && call.words == Words::Composed => Decision::Deny(Denial::policy(
                Rule::EgressComposed,
                "this session has read untrusted content, so only addresses that stand in it or in the operator's \
                 words may be fetched; give the address yourself, or start a new session",
            )),
            Ok(()) => Decision::Allow { rule: Rule::Egress },
        })
    }

    fn judge<T: Bound>(&self, call: T, tool: &str, rule: impl FnOnce(&AgentPolicy, &T) -> Decision) -> Judged<T> {
        let decision = match self.head(&call, tool) {
            Ok(agent) => rule(agent, &call),
            Err(denial) => Decision::Deny(denial),
        };
        Judged::new(call, decision)
    }

    fn head<T: Bound>(&self, call: &T, tool: &str) -> Result<&'a AgentPolicy, Denial> {
        self.lock.judge()?;
        let context = call.context();
        if context.generation != self.policy.generation {
            return Err(Denial::policy(Rule::Permit, "the policy changed since the call was prepared"));
        }
        if context.session.agent() != context.agent {
            return Err(Denial::policy(Rule::Admission, "the session belongs to another agent"));
        }
        let agent = self
            .policy
            .agent(&context.agent)
            .ok_or_else(|| Denial::policy(Rule::Admission, "there is no such agent in agents.entries"))?;
        self.tool(agent, &context.session, &context.sender, &Tool::core(tool))?;
        Ok(agent)
    }
}

fn lacks_sandbox(agent: &AgentPolicy, call: &ExecCall) -> Option<Denial> {
    let why = "tools.exec.host is sandbox, and this session has none (sandbox.mode)";
    let lacks = agent.sandbox_required && call.view.backend == Backend::Host;
    lacks.then(|| Denial::policy(Rule::SandboxRequired, why))
}

#[cfg(test)]
#[path = "judge/tests.rs"]
mod tests;
