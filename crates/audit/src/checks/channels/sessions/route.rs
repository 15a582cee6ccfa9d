//! Which agent answers whom, and in which session: bindings, the most particular first.

use serde_json::{Map, Value};

use crate::model::Model;
use crate::model::agents::normalized;
use crate::model::channels::Account;
use crate::snapshot::config::texts;

/// How messages find their agent.
#[derive(Debug)]
pub(super) struct Routes<'s> {
    /// Whether all senders of all channels share one session.
    pub(super) global: bool,
    bindings: Vec<Binding<'s>>,
    links: Option<&'s Map<String, Value>>,
    owner: Option<String>,
    scope: &'s str,
}

/// Where a sender ends up.
#[derive(Debug)]
pub(super) struct Route {
    /// The agent.
    pub(super) agent: String,
    /// What its session is named after.
    pub(super) scope: String,
    /// The name of the session that everyone shares.
    pub(super) main: String,
}

#[derive(Debug)]
struct Binding<'s> {
    agent: &'s str,
    channel: String,
    account: &'s str,
    peer: Option<(&'s str, String)>,
    /// It is for a server or a team, so not for direct messages.
    elsewhere: bool,
    scope: Option<&'s str>,
}

impl<'s> Routes<'s> {
    pub(super) fn of(model: &Model<'s>) -> Self {
        let config = model.config();
        let bindings = config.get("bindings").and_then(Value::as_array).into_iter().flatten().filter_map(Binding::of);
        Self {
            global: config.text("session.scope") == Some("global"),
            bindings: bindings.collect(),
            links: config.get("session.identityLinks").and_then(Value::as_object),
            owner: model.agents.answering().map(str::to_owned),
            scope: config.text("session.dmScope").unwrap_or("main"),
        }
    }

    /// Where a sender's direct messages go; `None` when no agent is named for them.
    pub(super) fn resolve(&self, account: &Account<'_>, sender: &str) -> Option<Route> {
        let here: Vec<_> = self.bindings.iter().filter(|binding| binding.is_for(account)).collect();
        let direct = |binding: &&&Binding<'_>, id: &str| {
            binding.peer.as_ref().is_some_and(|(kind, peer)| is_direct(kind) && peer == id)
        };
        let sender = sender.to_lowercase();
        let found = here.iter().find(|binding| direct(binding, &sender) && sender != "*");
        let found = found.or_else(|| here.iter().find(|binding| direct(binding, "*")));
        let plain = |binding: &&&Binding<'_>| binding.peer.is_none() && !binding.elsewhere;
        let found = found.or_else(|| here.iter().find(|binding| plain(binding) && binding.account != "*"));
        let found = found.or_else(|| here.iter().find(plain));
        let agent = found.map_or_else(|| self.owner.clone(), |binding| Some(normalized(binding.agent)))?;
        let scope = found.and_then(|binding| binding.scope).unwrap_or(self.scope).to_owned();
        let main = if self.global { "global" } else { "main" }.to_owned();
        let agent = if self.global { main.clone() } else { agent };
        Some(Route { agent, scope, main })
    }

    /// Senders that bindings name one by one; they are admitted where everyone is.
    pub(super) fn bound_peers(&self, account: &Account<'_>) -> Vec<String> {
        let here = self.bindings.iter().filter(|binding| binding.is_for(account));
        let peers = here.filter_map(|binding| binding.peer.as_ref());
        peers.filter(|(kind, id)| is_direct(kind) && id != "*").map(|(_, id)| id.clone()).collect()
    }

    /// The person that a sender was declared to be.
    pub(super) fn linked(&self, channel: &str, sender: &str) -> Option<String> {
        let sender = sender.to_lowercase();
        let scoped = format!("{}:{sender}", channel.to_lowercase());
        let same = |id: &String| matches!(id.trim().to_lowercase(), id if id == sender || id == scoped);
        let (name, _) = self.links?.iter().find(|(_, ids)| texts(Some(ids)).iter().any(same))?;
        Some(name.trim().to_lowercase()).filter(|name| !name.is_empty())
    }
}

impl<'s> Binding<'s> {
    fn of(value: &'s Value) -> Option<Self> {
        let matching = value.get("match")?;
        let text = |field: &str| matching.get(field).and_then(Value::as_str).map(str::trim);
        let peer = matching.get("peer").filter(|peer| !peer.is_null());
        let peer = match peer {
            Some(peer) => {
                let id = texts(Some(&Value::Array(vec![peer.get("id")?.clone()]))).pop()?;
                Some((peer.get("kind")?.as_str()?, id.trim().to_lowercase()))
            }
            None => None,
        };
        Some(Self {
            agent: value.get("agentId")?.as_str()?,
            channel: text("channel")?.to_lowercase(),
            account: text("accountId").filter(|id| !id.is_empty()).unwrap_or("default"),
            peer,
            elsewhere: ["guildId", "teamId"].iter().any(|field| matching.get(*field).is_some_and(|id| !id.is_null())),
            scope: value.get("session").and_then(|session| session.get("dmScope")).and_then(Value::as_str),
        })
    }

    fn is_for(&self, account: &Account<'_>) -> bool {
        self.channel == account.channel.to_lowercase()
            && (self.account == "*" || self.account.eq_ignore_ascii_case(account.id))
    }
}

fn is_direct(kind: &str) -> bool {
    matches!(kind.trim().to_lowercase().as_str(), "direct" | "dm")
}
