//! Which agents a message or a hook can reach. An agent that a binding keeps strangers away from is not said to be within
//! their reach, and one that a binding hands to them is.

use serde_json::Value;

use super::agents::normalized;
use super::channels::Account;
use super::{Agent, Model, Visitors};
use crate::snapshot::Generation;
use crate::snapshot::config::texts;

impl<'s> Model<'s> {
    /// The agents that messages to an account may reach: those that a binding names for some of them, and the one that
    /// answers where none does, unless a binding takes all of them. Ids, sorted.
    #[must_use]
    pub fn agents_at(&self, account: &Account<'_>) -> Vec<&str> {
        let (mut reached, mut all_taken) = (Vec::new(), false);
        for binding in self.config().get("bindings").and_then(Value::as_array).into_iter().flatten() {
            let Some(agent) = binding.get("agentId").and_then(Value::as_str).and_then(|id| self.agents.find(id)) else {
                continue;
            };
            let Some(matching) = binding.get("match").filter(|matching| is_for(matching, account)) else { continue };
            reached.push(agent.id.as_str());
            all_taken |= takes_all(binding, matching, account);
        }
        if !all_taken {
            reached.extend(self.agents.answering());
        }
        reached.sort_unstable();
        reached.dedup();
        reached
    }

    /// Who else can write to some of the agents: what admits people to an agent that they do not name, and that sends
    /// them nothing, is left out.
    #[must_use]
    pub fn visitors_of<'a>(&self, agents: impl IntoIterator<Item = &'a Agent<'s>>) -> Visitors
    where
        's: 'a,
    {
        let ids: Vec<&str> = agents.into_iter().map(|agent| agent.id.as_str()).collect();
        let mut reached = Vec::new();
        for account in self.channels.live() {
            let answering = self.agents_at(account);
            let passed_on = |id: &&str| self.agents.find(id).is_some_and(|agent| self.commands_agents(agent));
            let here = answering.is_empty() || answering.iter().any(|id| ids.contains(id) || passed_on(id));
            if here {
                reached.push(account);
            }
        }
        self.visitors.at(&reached)
    }

    /// Whether what a hook brings is given to an agent: it is the one for hooks that name none, or a mapping names it,
    /// and `hooks.allowedAgentIds` does not leave it out.
    #[must_use]
    pub fn hooks_wake(&self, agent: &Agent<'_>) -> bool {
        let mappings = self.config().get("hooks.mappings").and_then(Value::as_array).into_iter().flatten();
        let named = |mapping: &Value| mapping.get("agentId").and_then(Value::as_str).map(normalized);
        self.hooks_may_name(agent)
            && (self.agents.default_id.as_ref().is_none_or(|id| *id == agent.id)
                || mappings.into_iter().any(|mapping| named(mapping).is_some_and(|id| id == agent.id)))
    }

    /// Whether whoever calls a hook may name an agent.
    #[must_use]
    pub fn hooks_may_name(&self, agent: &Agent<'_>) -> bool {
        let listed = self.config().get("hooks.allowedAgentIds").map(|list| texts(Some(list)));
        listed.is_none_or(|listed| listed.iter().any(|id| id.trim() == "*" || normalized(id) == agent.id))
    }

    /// Whether an agent can give another one's session a task. In a sandbox it gets at those alone that it began.
    #[must_use]
    pub fn commands_agents(&self, agent: &Agent<'_>) -> bool {
        let config = self.config();
        let unclamped = config.text("agents.defaults.sandbox.sessionToolsVisibility") == Some("all");
        self.sessions_are_shared()
            && (unclamped || !agent.sandbox.holds_main())
            && self.is_among_equals(agent)
            && agent.may_use("sessions_send")
    }

    /// Whether `tools.agentToAgent.allow` names an agent, or nobody. Both ends must be named.
    #[must_use]
    pub fn is_among_equals(&self, agent: &Agent<'_>) -> bool {
        let allowed = self.config().list("tools.agentToAgent.allow");
        // A pattern may mean anybody: it is taken to.
        allowed.is_empty() || allowed.iter().any(|id| id.contains('*') || normalized(id) == agent.id)
    }

    /// February's sessions are kept apart unless it is said; the current ones are not.
    fn sessions_are_shared(&self) -> bool {
        let config = self.config();
        let visible = config.text("tools.sessions.visibility");
        match self.snapshot.install.generation {
            Generation::Current => {
                !matches!(visible, Some("self" | "tree" | "agent")) && !config.is_false("tools.agentToAgent.enabled")
            }
            Generation::February => visible == Some("all") && config.is_true("tools.agentToAgent.enabled"),
        }
    }
}

fn is_for(matching: &Value, account: &Account<'_>) -> bool {
    let text = |field: &str| matching.get(field).and_then(Value::as_str).map(str::trim);
    text("channel").is_some_and(|channel| channel.eq_ignore_ascii_case(account.channel))
        && text("accountId").is_none_or(|id| id.is_empty() || id == "*" || id.eq_ignore_ascii_case(account.id))
}

/// Whether a binding leaves no message of the account to others. One that names no account is for the default one, and
/// where there are several it is not known here which that is.
fn takes_all(binding: &Value, matching: &Value, account: &Account<'_>) -> bool {
    let conditions = matching.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let plain = conditions.into_iter().all(|(field, _)| field == "channel" || field == "accountId");
    let named = matching.get("accountId").and_then(Value::as_str).is_some_and(|id| !id.trim().is_empty());
    let route = binding.get("type").is_none_or(|kind| kind == "route");
    plain && route && (named || !account.one_of_several)
}
