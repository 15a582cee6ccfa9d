//! What flows through an agent: what it reads that others wrote, and what it can do. An agent with both is how a web
//! page runs commands.

use serde_json::Value;

use super::Model;
use super::agents::Agent;
use super::channels::word;
use crate::snapshot::config::texts;

impl<'s> Model<'s> {
    /// What an agent reads that others wrote, by the name of the tool or the way in.
    #[must_use]
    pub fn reads(&self, agent: &Agent<'s>) -> Vec<String> {
        let mut reads: Vec<String> = self.web.tools().filter(|tool| agent.may_use(tool)).map(str::to_owned).collect();
        if self.reads_posts(agent) {
            reads.push("x_search".to_owned());
        }
        let shared =
            self.config().fields("channels").filter(|(name, channel)| *name != "defaults" && has_others(channel));
        let shared = shared.filter(|(name, _)| self.serves(agent, name));
        reads.extend(shared.map(|(name, _)| format!("messages of others on {}", word(name))));
        if self.config().is_true("hooks.enabled") && self.hooks_wake(agent) {
            reads.push(if self.has_mail() { "mail through hooks.gmail" } else { "what webhooks bring" }.to_owned());
        }
        reads.extend(self.reads_servers(agent).map(|name| format!("MCP server {}", word(name))));
        reads
    }

    /// What an agent can do without a person who sees it first, the worst first.
    #[must_use]
    pub fn acts(&self, agent: &Agent<'s>) -> Vec<String> {
        let mut acts = Vec::new();
        if agent.runs_on_host() && !agent.exec.asks_always() {
            acts.push(format!("exec on the host (ask {})", agent.exec.ask.value.id()));
        }
        acts.extend(self.changes_gateway(agent).into_iter().map(str::to_owned));
        if writes_host(agent) {
            acts.push("writes files of the host".to_owned());
        }
        if agent.may_use("nodes") {
            acts.push("commands to paired nodes".to_owned());
        }
        if agent.may_use("message") && !self.visitors.channels.is_empty() {
            acts.push("messages to anybody".to_owned());
        }
        acts
    }

    /// The tools of an agent that change the gateway itself.
    #[must_use]
    pub fn changes_gateway(&self, agent: &Agent<'s>) -> Vec<&'static str> {
        ["gateway", "plugins", "automations"].into_iter().filter(|tool| agent.may_use(tool)).collect()
    }

    /// The MCP servers whose answers an agent reads.
    pub fn reads_servers(&self, agent: &Agent<'s>) -> impl Iterator<Item = &'s str> {
        let servers = self.snapshot.config.fields("mcp.servers");
        let on = servers.filter(|(_, server)| server.get("enabled") != Some(&Value::Bool(false)));
        on.map(|(name, _)| name.as_str()).filter(|name| agent.tools.allows_server(name))
    }

    /// Whether an agent can search posts: it has the tool, and there is a key for it.
    #[must_use]
    pub fn reads_posts(&self, agent: &Agent<'s>) -> bool {
        agent.may_use("x_search") && self.snapshot.env.secrets.contains_key("XAI_API_KEY")
    }

    /// Whether messages on a channel can reach an agent: none is named for them, or it may be the one.
    fn serves(&self, agent: &Agent<'s>, channel: &str) -> bool {
        let mut accounts = self.channels.live().filter(|account| account.channel == channel);
        self.agents.default_id.is_none() || accounts.any(|account| self.agents_at(account).contains(&agent.id.as_str()))
    }

    /// Whether a hook brings mail.
    #[must_use]
    pub fn has_mail(&self) -> bool {
        self.config().get("hooks.gmail").is_some_and(Value::is_object)
            || self.config().list("hooks.presets").iter().any(|preset| preset == "gmail")
    }
}

/// Whether its files are those of the gateway's user, and not only of its workspace.
#[must_use]
pub fn writes_host(agent: &Agent<'_>) -> bool {
    let confined = agent.tool_setting("fs.workspaceOnly").is_some_and(|only| *only.value == Value::Bool(true));
    !agent.sandbox.holds_main() && !confined && ["write", "edit", "apply_patch"].iter().any(|tool| agent.may_use(tool))
}

/// Whether more than one person can write on a channel.
fn has_others(channel: &Value) -> bool {
    let Some(fields) = channel.as_object().filter(|fields| fields.get("enabled") != Some(&Value::Bool(false))) else {
        return false;
    };
    let is = |name: &str, word: &str| fields.get(name).is_some_and(|value| value == word);
    let filled = |name: &str| fields.get(name).and_then(Value::as_object).is_some_and(|groups| !groups.is_empty());
    let many = |name: &str| {
        let who = texts(fields.get(name));
        who.len() > 1 || who.iter().any(|who| who.trim() == "*")
    };
    let accounts = fields.get("accounts").and_then(Value::as_object).into_iter().flatten();
    let groups = ["groups", "guilds", "channels", "rooms"].iter().any(|name| filled(name));
    is("dmPolicy", "open")
        || is("groupPolicy", "open")
        || groups && !is("groupPolicy", "disabled")
        || many("allowFrom")
        || many("groupAllowFrom")
        || accounts.into_iter().any(|(_, account)| has_others(account))
}
