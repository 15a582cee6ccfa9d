//! From what is in force to a graph.

use std::path::Path;

use serde_json::{Value, json};
use stockade_config::KeyPath;
use stockade_config::model::{ExecHost, ExecSecurity, SandboxMode, WorkspaceAccess};

use super::edit::{Act, KeyEdit};
use super::graph::{EditId, Graph, NodeId, Part};
use crate::model::binds::{Binds, Written};
use crate::model::channels::{Account, Door};
use crate::model::reach::{Entry, entry};
use crate::model::{Agent, Model};

/// The graph of an install, and the edits that its edges name.
pub(super) fn build(model: &Model<'_>) -> (Graph, Vec<KeyEdit>) {
    let mut builder = Builder { model, graph: Graph::default(), edits: Vec::new() };
    for (account, doors) in model.channels.doors() {
        builder.channel(account, doors);
    }
    builder.http();
    builder.hooks();
    for agent in &model.agents.list {
        builder.reading(agent);
        builder.servers(agent);
        builder.others(agent);
        builder.acting(agent);
    }
    (builder.graph, builder.edits)
}

struct Builder<'m, 's> {
    model: &'m Model<'s>,
    graph: Graph,
    edits: Vec<KeyEdit>,
}

impl Builder<'_, '_> {
    /// Whom a channel lets in whom nobody chose.
    fn channel(&mut self, account: &Account<'_>, doors: Vec<Door>) {
        for Door { key, direct } in doors {
            let list =
                key.parts().last().is_some_and(|last| last != "groupPolicy" && last != "dmPolicy" && last != "policy");
            let (because, cut) = match (list, direct) {
                (true, _) => (format!("{key} holds \"*\""), self.take_star(key)),
                (false, true) => (format!("{key} is open"), self.set(key, json!("pairing"), 1)),
                (false, false) => (format!("{key} is open"), self.set(key, json!("allowlist"), 0)),
            };
            let what = if direct { "direct messages" } else { "groups" };
            let who = self.graph.node(0, STRANGERS, Part::Source);
            let door = self.graph.node(1, &format!("{}: {what}", account.label()), Part::Way);
            self.graph.edge(who, door, because, vec![cut]);
            for agent in self.agents_of(account) {
                let agent = self.graph.node(2, &format!("agent {agent}"), Part::Way);
                self.graph.edge(door, agent, "messages go to it", Vec::new());
            }
            self.elevated(account, door);
        }
    }

    /// Elevated commands run on the host for whoever the channel's list names, whatever the agent has.
    fn elevated(&mut self, account: &Account<'_>, door: NodeId) {
        let config = self.model.config();
        let key = KeyPath::dotted("tools.elevated.allowFrom").child(account.channel);
        let listed = crate::snapshot::config::texts(config.at(&key));
        let runs = self.model.agents.contexts().any(|agent| agent.may_use("exec") && agent.exec.runs());
        if config.is_false("tools.elevated.enabled") || !listed.iter().any(|entry| entry.trim() == "*") || !runs {
            return;
        }
        let written = listed.iter().find(|entry| entry.trim() == "*").cloned().unwrap_or_default();
        let cuts = vec![
            self.take(key.clone(), json!(written), 1),
            self.set(KeyPath::dotted("tools.elevated.enabled"), json!(false), 2),
        ];
        let mode = self.graph.node(3, "elevated mode", Part::Way);
        self.graph.edge(door, mode, format!("{key} holds \"*\""), cuts);
        let end = self.graph.node(5, HOST, Part::BadEnd);
        self.graph.edge(mode, end, "elevated commands leave the sandbox", Vec::new());
    }

    /// An interface that lets in whoever reaches it: nothing authenticates, or it takes the word of anybody's proxy.
    fn http(&mut self) {
        let gateway = &self.model.gateway;
        let mut ways: Vec<(String, Vec<EditId>)> = Vec::new();
        if gateway.behind_proxy() && gateway.remote_exposed {
            for proxy in self.model.config().list("gateway.trustedProxies") {
                if entry(&proxy) == Entry::Wide {
                    let because =
                        format!("gateway.trustedProxies holds {proxy}, so anybody is a proxy that names a user");
                    ways.push((because, vec![self.take(KeyPath::dotted("gateway.trustedProxies"), json!(proxy), 1)]));
                }
            }
        } else if !gateway.has_auth && (gateway.remote_exposed || gateway.auth_mode == "none") {
            ways = self.without_auth();
        }
        for (because, cuts) in ways {
            let who = self.graph.node(0, if gateway.remote_exposed { NETWORK } else { LOCAL }, Part::Source);
            let door = self.graph.node(1, "the gateway's interfaces", Part::Way);
            self.graph.edge(who, door, because, cuts);
            for agent in &self.model.agents.list {
                let agent = self.graph.node(2, &format!("agent {}", agent.id), Part::Way);
                self.graph.edge(door, agent, "a client may speak to it", Vec::new());
            }
        }
    }

    /// A mode that asks for nothing and a credential that is not there are ways of their own: mending one of them mends
    /// nothing.
    fn without_auth(&mut self) -> Vec<(String, Vec<EditId>)> {
        let gateway = &self.model.gateway;
        let mode = gateway.auth_mode.as_str();
        let (asks, wanted) = (matches!(mode, "token" | "password"), if mode == "password" { mode } else { "token" });
        let mut ways = Vec::new();
        if !asks {
            let cut = self.set(KeyPath::dotted("gateway.auth.mode"), json!("token"), 0);
            ways.push((format!("gateway.auth.mode is {mode}, which asks for nothing"), vec![cut]));
        }
        if asks || !gateway.token.as_ref().is_some_and(crate::snapshot::SecretFact::has_value) {
            let key = KeyPath::dotted("gateway.auth").child(wanted);
            let because = format!("gateway.bind is {} and {key} is not set", gateway.bind);
            let mut cuts = vec![self.edit(key, Act::SetSecret, 0)];
            if asks && gateway.tailscale == "off" {
                cuts.push(self.set(KeyPath::dotted("gateway.bind"), json!("loopback"), 2));
            }
            ways.push((because, cuts));
        }
        ways
    }

    /// Hooks: whoever calls one without a token, and whoever wrote what a hook brings.
    fn hooks(&mut self) {
        let config = self.model.config();
        if !config.is_true("hooks.enabled") {
            return;
        }
        let open = config.secret("hooks.token").is_none_or(|token| !token.has_value());
        let off = self.set(KeyPath::dotted("hooks.enabled"), json!(false), 3);
        if open && config.get("hooks.token").is_none() {
            let cuts = vec![self.edit(KeyPath::dotted("hooks.token"), Act::SetSecret, 0), off];
            let who = self.graph.node(0, if self.model.gateway.remote_exposed { NETWORK } else { LOCAL }, Part::Source);
            let door = self.graph.node(1, "hooks", Part::Way);
            self.graph.edge(who, door, "hooks.enabled is true and hooks.token is not set", cuts);
            self.wakes(door, |model, agent| model.hooks_may_name(agent));
        }
        let mapped = self.model.config().get("hooks.mappings").and_then(Value::as_array);
        let brought = match (self.model.has_mail(), mapped.is_some_and(|mappings| !mappings.is_empty())) {
            (true, _) => ("mail that a hook brings", "hooks.enabled is true, and mail is handed on"),
            (false, true) => ("what webhooks bring", "hooks.enabled is true, and hooks.mappings hands on what comes"),
            (false, false) => return,
        };
        let who = self.graph.node(0, WRITERS, Part::Source);
        let door = self.graph.node(1, brought.0, Part::Way);
        self.graph.edge(who, door, brought.1, vec![off]);
        self.wakes(door, |model, agent| model.hooks_wake(agent));
    }

    fn wakes(&mut self, door: NodeId, woken: impl Fn(&Model<'_>, &Agent<'_>) -> bool) {
        for agent in self.model.agents.list.iter().filter(|agent| woken(self.model, agent)) {
            let agent = self.graph.node(2, &format!("agent {}", agent.id), Part::Way);
            self.graph.edge(door, agent, "hooks wake it", Vec::new());
        }
    }

    /// The sessions of other agents: what is said there is a task for them.
    fn others(&mut self, agent: &Agent<'_>) {
        if !self.model.commands_agents(agent) {
            return;
        }
        let from = self.graph.node(2, &format!("agent {}", agent.id), Part::Way);
        let mut cuts = self.without(agent, &["sessions_send"]);
        cuts.push(self.set(KeyPath::dotted("tools.sessions.visibility"), json!("agent"), 1));
        for other in self.model.agents.list.iter().filter(|other| other.id != agent.id) {
            if self.model.is_among_equals(other) {
                let to = self.graph.node(2, &format!("agent {}", other.id), Part::Way);
                self.graph.edge(from, to, "it has sessions_send, and sees its sessions", cuts.clone());
            }
        }
    }

    /// What an agent reads that others write.
    fn reading(&mut self, agent: &Agent<'_>) {
        for (tool, what) in READING {
            let there = if *tool == "x_search" {
                self.model.reads_posts(agent)
            } else {
                self.model.web.tools().any(|on| on == *tool) && self.has(agent, tool)
            };
            if !there {
                continue;
            }
            let who = self.graph.node(0, WRITERS, Part::Source);
            let door = self.graph.node(1, what, Part::Way);
            self.graph.edge(who, door, "anybody may have written it", Vec::new());
            let node = self.graph.node(2, &format!("agent {}", agent.id), Part::Way);
            let cuts = self.without(agent, &[tool]);
            self.graph.edge(door, node, format!("it has {tool}"), cuts);
        }
    }

    /// The MCP servers that it asks: their answers are text of whoever runs them.
    fn servers(&mut self, agent: &Agent<'_>) {
        for name in self.model.reads_servers(agent) {
            let who = self.graph.node(0, WRITERS, Part::Source);
            let door = self.graph.node(1, &format!("MCP server {name}"), Part::Way);
            let off = self.set(KeyPath::dotted("mcp.servers").child(name).child("enabled"), json!(false), 3);
            self.graph.edge(who, door, "whoever runs it writes its answers", vec![off]);
            let node = self.graph.node(2, &format!("agent {}", agent.id), Part::Way);
            self.graph.edge(door, node, "it may ask it", Vec::new());
        }
    }

    /// What an agent can do.
    fn acting(&mut self, agent: &Agent<'_>) {
        self.commands(agent);
        self.binds(agent);
        self.network(agent);
        self.files(agent);
        for (tools, end) in ACTING {
            for tool in *tools {
                if self.has(agent, tool) {
                    let cuts = self.without(agent, &[tool]);
                    self.step(agent, tool, end, format!("it has {tool}"), cuts);
                }
            }
        }
    }

    fn commands(&mut self, agent: &Agent<'_>) {
        let exec = &agent.exec;
        let unasked = exec.security.value == ExecSecurity::Full && !exec.asks_always();
        if !unasked || !exec.leaves_sandbox(&agent.sandbox) || !self.has(agent, "exec") {
            return;
        }
        let because = format!("{} lets commands run on the host, unasked", exec.security.key);
        let mut cuts = self.without(agent, &["exec", "process"]);
        cuts.push(self.exec(agent, "ask", "always"));
        cuts.push(self.exec(agent, "security", "deny"));
        if exec.host.value == ExecHost::Auto {
            cuts.extend(self.sandboxed(agent));
        }
        self.step(agent, "exec", HOST, because, cuts);
    }

    /// A folder of the host in a sandbox that its judge would not let in.
    fn binds(&mut self, agent: &Agent<'_>) {
        if !agent.exec.runs_in_sandbox(&agent.sandbox) || !self.has(agent, "exec") {
            return;
        }
        let refused: Vec<_> = self.refused().map(|(bind, why)| (bind.list, bind.value.clone(), why)).collect();
        for (list, value, why) in refused {
            let own = agent.key.as_ref().is_some_and(|key| list.parts().starts_with(key.parts()));
            let common = list.parts().get(1).is_some_and(|part| part == "defaults");
            let Some(text) = value.as_str().filter(|_| own || common) else { continue };
            let end = if text.contains(".sock") || text.contains("/run") { HOST } else { KEYS };
            let because = format!("{list} shows its sandbox {text}: {why}");
            let cuts = vec![self.take(list, value.clone(), 1)];
            self.step(agent, "exec in the sandbox", end, because, cuts);
        }
    }

    fn files(&mut self, agent: &Agent<'_>) {
        let inside = agent.sandbox.mode.value == SandboxMode::All;
        let bounded = agent.tool_setting("fs.workspaceOnly").is_some_and(|found| *found.value == Value::Bool(true));
        if inside || bounded {
            return;
        }
        for (tools, end) in FILES {
            for tool in *tools {
                if !self.has(agent, tool) {
                    continue;
                }
                let mut cuts = self.without(agent, &[tool]);
                cuts.extend(self.sandboxed(agent));
                let key = self.own(agent, "tools.fs.workspaceOnly");
                cuts.push(self.set(key, json!(true), 1));
                let because = format!("it has {tool}, outside a sandbox and with tools.fs.workspaceOnly not true");
                self.step(agent, tool, end, because, cuts);
            }
        }
    }

    fn step(&mut self, agent: &Agent<'_>, tool: &str, end: &str, because: String, cuts: Vec<EditId>) {
        let from = self.graph.node(2, &format!("agent {}", agent.id), Part::Way);
        let tool = self.graph.node(3, &format!("{tool} of {}", agent.id), Part::Way);
        let end = self.graph.node(5, end, Part::BadEnd);
        self.graph.edge(from, tool, because, cuts);
        self.graph.edge(tool, end, "it does that", Vec::new());
    }

    fn has(&self, agent: &Agent<'_>, tool: &str) -> bool {
        agent.may_use(tool)
    }

    /// The edits that each take tools away: for this agent, or for all.
    fn without(&mut self, agent: &Agent<'_>, tools: &[&str]) -> Vec<EditId> {
        // One entry must do: an edit that adds two would be two.
        let entry = match tools {
            ["exec", "process"] => "group:runtime",
            [tool, ..] => tool,
            [] => return Vec::new(),
        };
        // A group closes more ways at once, and takes more away.
        let group = GROUPS.iter().find(|(_, members)| members.contains(&entry)).map(|(group, _)| (*group, 4));
        let mut keys = vec![KeyPath::dotted("tools.deny")];
        keys.extend(agent.key.as_ref().map(|key| key.child("tools").child("deny")));
        let entries = [Some((entry, 3)), group];
        let all = keys.iter().flat_map(|key| entries.into_iter().flatten().map(move |entry| (key.clone(), entry)));
        all.map(|(key, (entry, cost))| self.edit(key, Act::Add(json!(entry)), cost)).collect()
    }

    /// A network in the sandbox is a way out for whatever the sandbox sees.
    fn network(&mut self, agent: &Agent<'_>) {
        let Some((key, network)) = network_of(agent).filter(|_| agent.runs_in_sandbox() && self.has(agent, "exec"))
        else {
            return;
        };
        let mut cuts =
            vec![self.set(key.clone(), json!("none"), 1), self.set(agent.sandbox.access.key.clone(), json!("none"), 2)];
        cuts.extend(self.without(agent, &["exec", "process"]));
        let because = format!("{key} is \"{network}\", and its sandbox sees the workspace");
        self.step(agent, "exec in the sandbox", OUT, because, cuts);
    }

    /// A word of `tools.exec`, where the agent's own stands or for all. A `mode` stands in the place of the pair.
    fn exec(&mut self, agent: &Agent<'_>, name: &str, word: &str) -> EditId {
        let at = &agent.exec.security.key;
        let mode = at.parts().last().is_some_and(|last| last == "mode");
        match (mode, at.parent()) {
            (true, _) => self.set(at.clone(), json!(if name == "ask" { "ask" } else { "deny" }), 1),
            (false, Some(above)) => self.set(above.child(name), json!(word), if name == "ask" { 1 } else { 3 }),
            (false, None) => self.set(KeyPath::dotted("tools.exec").child(name), json!(word), 1),
        }
    }

    /// A sandbox that is shown the host, or has a network, would be a way of its own: where there is such a one, turning
    /// sandboxes on closes nothing.
    fn sandboxed(&mut self, agent: &Agent<'_>) -> Option<EditId> {
        let out = self.model.agents.list.iter().any(|agent| network_of(agent).is_some());
        let shown = self.refused().next().is_some();
        (!out && !shown).then(|| self.set(agent.sandbox.mode.key.clone(), json!("all"), 1))
    }

    /// The binds that the judge of mounts would not make, each with the reason.
    fn refused(&self) -> impl Iterator<Item = (Written<'_>, String)> {
        let snapshot = self.model.snapshot;
        let written = Written::all(&self.model.agents).filter(|bind| !bind.browser);
        written.filter_map(move |bind| {
            let links = |path: &Path| snapshot.links.of(path);
            let refused = Binds::new(snapshot, &links).refusal(bind.value.as_str()?)?;
            refused.source.then_some((bind, refused.why))
        })
    }

    /// Where a setting of the agent stands: its own where it is written there, else everybody's.
    fn own(&self, agent: &Agent<'_>, dotted: &str) -> KeyPath {
        match (agent.own(dotted), &agent.key) {
            (Some(setting), _) => setting.key,
            _ => KeyPath::dotted(dotted),
        }
    }

    fn agents_of(&self, account: &Account<'_>) -> Vec<String> {
        let mut ids: Vec<String> = self.model.agents_at(account).into_iter().map(str::to_owned).collect();
        if ids.is_empty() {
            // Nobody is marked: any of them may be meant.
            ids.extend(self.model.agents.list.iter().map(|agent| agent.id.clone()));
        }
        ids
    }

    /// The edit that takes the `*` out of a list, as it is written there.
    fn take_star(&mut self, key: KeyPath) -> EditId {
        let mut items = self.model.config().at(&key).and_then(Value::as_array).into_iter().flatten();
        let written = items.find(|item| item.as_str().is_some_and(|text| text.trim() == "*"));
        let written = written.cloned().unwrap_or_else(|| json!("*"));
        self.take(key, written, 1)
    }

    fn set(&mut self, key: KeyPath, to: Value, cost: u32) -> EditId {
        self.edit(key, Act::Set(to), cost)
    }

    fn take(&mut self, key: KeyPath, item: Value, cost: u32) -> EditId {
        self.edit(key, Act::Drop(item), cost)
    }

    fn edit(&mut self, key: KeyPath, act: Act, cost: u32) -> EditId {
        let edit = KeyEdit { key, act, cost };
        self.edits.iter().position(|known| *known == edit).unwrap_or_else(|| {
            self.edits.push(edit);
            self.edits.len() - 1
        })
    }
}

/// The network that a sandbox which sees the workspace has, when it is written, and where that stands.
fn network_of(agent: &Agent<'_>) -> Option<(KeyPath, String)> {
    let setting = agent.setting("sandbox.docker.network")?;
    let network = setting.value.as_str().unwrap_or_default().trim().to_ascii_lowercase();
    (network != "none" && agent.sandbox.access.value != WorkspaceAccess::None).then_some((setting.key, network))
}

const STRANGERS: &str = "anybody who finds the bot";
const NETWORK: &str = "anybody on the network";
const LOCAL: &str = "any program on this machine";
const WRITERS: &str = "whoever wrote what is read";
const HOST: &str = "commands on the host, unasked";
const KEYS: &str = "keys and files of the operator";
const OWN_RULES: &str = "its own permissions";
const LATER: &str = "jobs that run later";
const DEVICES: &str = "paired devices";
const OUT: &str = "the workspace, sent anywhere";
/// The groups whose members this graph speaks of.
const GROUPS: &[(&str, &[&str])] = &[
    ("group:automation", &["gateway", "plugins", "openclaw", "automations"]),
    ("group:nodes", &["nodes", "computer", "mobile_ui"]),
    ("group:fs", &["read", "write", "edit", "apply_patch"]),
    ("group:web", &["web_fetch", "web_search", "x_search"]),
];

/// Tools that bring in what others wrote.
const READING: &[(&str, &str)] = &[
    ("web_fetch", "web pages"),
    ("web_search", "search results"),
    ("x_search", "posts"),
    ("browser", "pages in the browser"),
];
/// Tools that act by themselves, and what that is.
const ACTING: &[(&[&str], &str)] = &[
    (&["gateway", "plugins", "openclaw"], OWN_RULES),
    (&["automations"], LATER),
    (&["nodes", "computer", "mobile_ui"], DEVICES),
];
/// File tools outside a sandbox: who writes any file of the operator runs commands at the next login.
const FILES: &[(&[&str], &str)] = &[(&["write", "edit", "apply_patch"], HOST), (&["read"], KEYS)];
