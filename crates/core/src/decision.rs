//! What the judge answers. A decision is a value with its reason; a denial is never an error string,
//! and an error while deciding is a denial ([`Because::Unreadable`]).

use serde::{Deserialize, Serialize};

/// The answer to one question of authority. There is deliberately no `Default`: an answer that
/// nobody gave does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
#[must_use = "a decision that is not acted on is a control that is not on the path"]
pub enum Decision {
    /// The call may run as it is.
    Allow {
        /// The rule that allowed it.
        rule: Rule,
    },
    /// A human must answer first.
    Ask(Question),
    /// The call may not run.
    Deny(Denial),
}

/// A question for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The rule that asks.
    pub rule: Rule,
    /// Why it asks, in the gateway's own words. Holds no text that the model wrote.
    pub because: String,
}

/// A refusal with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// The rule that refused.
    pub rule: Rule,
    /// Why.
    pub because: Because,
}

/// The reason of a denial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "detail", rename_all = "kebab-case")]
pub enum Because {
    /// Policy says no; the text is the gateway's own and names the key that decides.
    Policy(String),
    /// Something that the decision needs could not be read. Fail closed.
    Unreadable(String),
    /// The operator said no.
    Operator,
    /// Nobody answered in time.
    Expired,
    /// What would run is not what was approved.
    Changed(String),
}

impl Denial {
    /// A denial by policy; `because` names the key or the way out.
    pub fn policy(rule: Rule, because: impl Into<String>) -> Self {
        Self { rule, because: Because::Policy(because.into()) }
    }

    /// A denial because a fact could not be had.
    pub fn unreadable(rule: Rule, what: impl Into<String>) -> Self {
        Self { rule, because: Because::Unreadable(what.into()) }
    }
}

impl std::fmt::Display for Denial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "denied by {}: {}", self.rule, self.because)
    }
}

impl std::fmt::Display for Because {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Policy(text) => f.write_str(text),
            Self::Unreadable(what) => write!(f, "{what} could not be read, so the answer is no"),
            Self::Operator => f.write_str("the operator refused it"),
            Self::Expired => f.write_str("nobody approved it in time"),
            Self::Changed(what) => write!(f, "{what} changed after it was approved"),
        }
    }
}

impl Decision {
    /// The word for journals and metrics: `allow`, `ask` or `deny`.
    #[must_use]
    pub const fn verdict(&self) -> &'static str {
        match self {
            Self::Allow { .. } => "allow",
            Self::Ask(_) => "ask",
            Self::Deny(_) => "deny",
        }
    }

    /// Why, in the gateway's own words.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Allow { rule } => format!("allowed by {rule}"),
            Self::Ask(question) => question.because.clone(),
            Self::Deny(denial) => denial.because.to_string(),
        }
    }

    /// The rule that decided.
    #[must_use]
    pub const fn rule(&self) -> Rule {
        match self {
            Self::Allow { rule } => *rule,
            Self::Ask(question) => question.rule,
            Self::Deny(denial) => denial.rule,
        }
    }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $id:literal,)*) => {
        /// The rules of the judge, one table. The id is what journals, the drill and the docs say.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Rule {
            $($(#[$doc])* #[serde(rename = $id)] $name,)*
        }

        impl Rule {
            /// Every rule, in the order in which the judge asks them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable id of the rule.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }
        }
    };
}

rules! {
    /// The containment lock is set, or cannot be read.
    Containment = "containment",
    /// The sender is not known or may not reach this agent.
    Admission = "admission",
    /// The tool is not one that exists, or its arguments do not fit its schema.
    ToolShape = "tool.shape",
    /// A tool layer does not allow the tool, or denies it.
    ToolLayers = "tool.layers",
    /// The tool is for the owner of the gateway only, and somebody else asks.
    ToolOwner = "tool.owner",
    /// `tools.exec.security`.
    ExecSecurity = "exec.security",
    /// `tools.exec.ask`.
    ExecAsk = "exec.ask",
    /// What a command would run could not be established in full.
    ExecOpaque = "exec.opaque",
    /// The exec allowlist of the agent.
    ExecAllowlist = "exec.allowlist",
    /// Which environment variables a call may set.
    ExecEnv = "exec.env",
    /// The sandbox is required and cannot be had.
    SandboxRequired = "sandbox.required",
    /// A path outside what the session may see.
    Workspace = "workspace",
    /// `workspaceAccess` forbids writing.
    WorkspaceAccess = "workspace.access",
    /// The address, port or scheme may not be contacted.
    Egress = "egress",
    /// An address that the model put together after it had read untrusted content.
    EgressComposed = "egress.composed",
    /// The approval: refused, expired, or for something else.
    Approval = "approval",
    /// The permit: expired, or no longer what it was minted for.
    Permit = "permit",
    /// The turn used up its tool calls.
    TurnLimit = "turn.limit",
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_ids_are_unique() {
        let mut ids: Vec<_> = Rule::ALL.iter().map(|rule| rule.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Rule::ALL.len());
    }

    #[test]
    fn a_decision_round_trips() {
        let decision = Decision::Deny(Denial::policy(Rule::Egress, "private address"));
        let json = serde_json::to_string(&decision).expect("serialises");
        assert_eq!(
            json,
            r#"{"verdict":"deny","rule":"egress","because":{"kind":"policy","detail":"private address"}}"#
        );
        assert_eq!(serde_json::from_str::<Decision>(&json).expect("parses"), decision);
    }
}
