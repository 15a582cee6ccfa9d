//! May this person start a turn of this agent, now.

use stockade_core::{Decision, Denial, Rule, Scope, ScopeSet, SessionKey};

use crate::judge::Lock;
use crate::policy::Policy;

/// Judges whether a connection with `scopes` may speak to the agent of `session`.
pub fn admit(policy: &Policy, lock: &Lock, scopes: &ScopeSet, session: &SessionKey) -> Decision {
    if let Err(denial) = lock.judge() {
        return Decision::Deny(denial);
    }
    if !scopes.covers(Scope::Write) {
        return Decision::Deny(Denial::policy(Rule::Admission, "the connection lacks the scope operator.write"));
    }
    if policy.agent(&session.agent()).is_none() {
        return Decision::Deny(Denial::policy(Rule::Admission, "there is no such agent in agents.entries"));
    }
    Decision::Allow { rule: Rule::Admission }
}
