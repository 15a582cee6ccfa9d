//! The agents: every one that the config has, by its own name for itself, and where each of its settings stands.
//! Wrong types and unknown words count as the weakest that they could mean, never as nothing.

use serde_json::Value;
use serde_json::map::Map;
use stockade_config::KeyPath;

use super::exec::Exec;
use super::models::{self, ModelRef};
use super::sandbox::Sandbox;
use super::tools::ToolAccess;
use crate::snapshot::{ConfigFacts, Snapshot};

/// Every agent.
#[derive(Debug)]
pub struct Agents<'s> {
    /// What holds for an agent without settings of its own: `agents.defaults` and `tools`.
    pub defaults: Agent<'s>,
    /// Those that the config writes, in the order of the file; the implicit `main` when it writes none.
    pub list: Vec<Agent<'s>>,
    /// The agent for messages that name none; `None` when `agents.ownership` is `explicit` and none is marked.
    pub default_id: Option<String>,
}

/// One agent and what is in force for it.
#[derive(Debug)]
pub struct Agent<'s> {
    /// Its id, normalised as OpenClaw does: lower case, at most 64 of `a-z0-9_-`.
    pub id: String,
    /// Its entry: `agents.entries.x`, or `agents.list.1`; `None` for the defaults and for the implicit `main`.
    pub key: Option<KeyPath>,
    /// The models that it may run on: the primary one first.
    pub models: Vec<ModelRef>,
    /// Its sandbox.
    pub sandbox: Sandbox,
    /// Where and when its commands run.
    pub exec: Exec,
    /// The tools that it has by what holds for every model: what OpenClaw's own checks look at.
    pub tools: ToolAccess,
    config: &'s ConfigFacts,
    entry: &'s Value,
}

/// A value and the key at which it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting<'s> {
    /// What stands there.
    pub value: &'s Value,
    /// Where.
    pub key: KeyPath,
}

/// A word in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen<T> {
    /// The word.
    pub value: T,
    /// Where it stands, or where it would stand for every agent.
    pub key: KeyPath,
    /// Whether it stands in the config.
    pub written: bool,
}

impl<'s> Agents<'s> {
    /// Derives them.
    #[must_use]
    pub fn of(snapshot: &'s Snapshot) -> Self {
        let entries = entries(&snapshot.config);
        let default_id = default_id(&snapshot.config, &entries);
        let defaults = Agent::of(snapshot, DEFAULTS.to_owned(), None, &Value::Null);
        let mut list: Vec<Agent<'s>> =
            entries.into_iter().map(|entry| Agent::of(snapshot, entry.id, Some(entry.key), entry.value)).collect();
        if list.is_empty() {
            list.push(Agent::of(snapshot, MAIN.to_owned(), None, &Value::Null));
        }
        Self { defaults, list, default_id }
    }

    /// The agent that answers where no binding names one: the default, or the only one there is.
    #[must_use]
    pub fn answering(&self) -> Option<&str> {
        match (&self.default_id, self.list.as_slice()) {
            (Some(id), _) => Some(id),
            (None, [only]) => Some(&only.id),
            (None, _) => None,
        }
    }

    /// What OpenClaw's own checks go through: the defaults, then every agent that the config writes.
    pub fn contexts(&self) -> impl Iterator<Item = &Agent<'s>> {
        std::iter::once(&self.defaults).chain(self.written())
    }

    /// The agents that the config writes.
    pub fn written(&self) -> impl Iterator<Item = &Agent<'s>> {
        self.list.iter().filter(|agent| agent.key.is_some())
    }

    /// The agent of this id, in any spelling that OpenClaw takes for it.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Agent<'s>> {
        let id = normalized(id);
        self.list.iter().find(|agent| agent.id == id)
    }
}

impl<'s> Agent<'s> {
    fn of(snapshot: &'s Snapshot, id: String, key: Option<KeyPath>, entry: &'s Value) -> Self {
        let config = &snapshot.config;
        let scope = Scope { config, entry, key: key.as_ref() };
        let sandbox = Sandbox::of(scope);
        let exec = Exec::of(scope, &id, snapshot.approvals.as_ref());
        let models = models::of_agent(scope);
        let tools = ToolAccess::of(scope, &sandbox, None);
        Self { id, key, models, sandbox, exec, tools, config, entry }
    }

    /// How a finding calls it: `agents.entries.x`, or `agents.defaults` when it has no entry.
    #[must_use]
    pub fn label(&self) -> String {
        self.key.as_ref().map_or_else(|| DEFAULTS.to_owned(), ToString::to_string)
    }

    /// A setting of its own entry.
    #[must_use]
    pub fn own(&self, dotted: &str) -> Option<Setting<'s>> {
        self.scope().own(dotted)
    }

    /// A setting of its own, else of `agents.defaults`.
    #[must_use]
    pub fn setting(&self, dotted: &str) -> Option<Setting<'s>> {
        self.scope().setting(dotted)
    }

    /// A setting below `tools` of its own, else below the global `tools`.
    #[must_use]
    pub fn tool_setting(&self, dotted: &str) -> Option<Setting<'s>> {
        self.scope().tool_setting(dotted)
    }

    /// Where its workspace is, as it is written; `None` for OpenClaw's default.
    #[must_use]
    pub fn workspace(&self) -> Option<(&'s str, KeyPath)> {
        let setting = self.setting("workspace")?;
        Some((setting.value.as_str()?, setting.key))
    }

    /// Its list of skills, its own or the common one; `None` when there is no list, which leaves every skill.
    #[must_use]
    pub fn skills(&self) -> Option<Setting<'s>> {
        self.setting("skills")
    }

    /// The tools that it has on one of its models.
    #[must_use]
    pub fn tools_on(&self, model: &ModelRef) -> ToolAccess {
        ToolAccess::of(self.scope(), &self.sandbox, Some(model))
    }

    /// Whether it has a built-in tool on some model that it runs on.
    #[must_use]
    pub fn may_use(&self, tool: &str) -> bool {
        self.tools.allows(tool)
            && (self.models.is_empty() || self.models.iter().any(|model| self.tools_on(model).allows(tool)))
    }

    /// Whether some command of it runs outside a sandbox: on the gateway's host, or on a node.
    #[must_use]
    pub fn runs_on_host(&self) -> bool {
        self.exec.leaves_sandbox(&self.sandbox) && self.may_use("exec")
    }

    /// Whether some command of it runs inside a sandbox.
    #[must_use]
    pub fn runs_in_sandbox(&self) -> bool {
        self.exec.runs_in_sandbox(&self.sandbox) && self.may_use("exec")
    }

    /// Where a setting of its own stands or would stand; `None` without an entry of its own.
    #[must_use]
    pub fn own_key(&self, dotted: &str) -> Option<KeyPath> {
        Some(dotted.split('.').fold(self.key.clone()?, |key, part| key.child(part)))
    }

    fn scope(&self) -> Scope<'s, '_> {
        Scope { config: self.config, entry: self.entry, key: self.key.as_ref() }
    }
}

/// An agent's entry before what is in force is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'s, 'k> {
    /// The config.
    pub config: &'s ConfigFacts,
    /// The entry; null when there is none.
    pub entry: &'s Value,
    /// Where the entry stands.
    pub key: Option<&'k KeyPath>,
}

impl<'s> Scope<'s, '_> {
    /// A setting of the entry. A null is none.
    pub fn own(self, dotted: &str) -> Option<Setting<'s>> {
        below(self.entry, self.key?, dotted)
    }

    /// A setting of the entry, else of `agents.defaults`.
    pub fn setting(self, dotted: &str) -> Option<Setting<'s>> {
        self.own(dotted).or_else(|| self.common(dotted))
    }

    /// A setting of `agents.defaults`.
    pub fn common(self, dotted: &str) -> Option<Setting<'s>> {
        below(self.config.get(DEFAULTS)?, &KeyPath::dotted(DEFAULTS), dotted)
    }

    /// A setting below the entry's `tools`, else below the global `tools`.
    pub fn tool_setting(self, dotted: &str) -> Option<Setting<'s>> {
        self.own_tool(dotted).or_else(|| self.common_tool(dotted))
    }

    /// A setting below the entry's `tools`.
    pub fn own_tool(self, dotted: &str) -> Option<Setting<'s>> {
        self.own(&format!("tools.{dotted}"))
    }

    /// A setting below the global `tools`.
    pub fn common_tool(self, dotted: &str) -> Option<Setting<'s>> {
        below(self.config.get("tools")?, &KeyPath::dotted("tools"), dotted)
    }
}

impl<T> Chosen<T> {
    /// The word at a setting, by what reads it; without a setting `absent`, and for what cannot be read `weakest`.
    pub(super) fn read<'s>(
        setting: Option<Setting<'s>>,
        place: &str,
        absent: T,
        weakest: T,
        read: impl Fn(&'s Value) -> Option<T>,
    ) -> Self {
        match setting {
            Some(Setting { value, key }) => Self { value: read(value).unwrap_or(weakest), key, written: true },
            None => Self { value: absent, key: KeyPath::dotted(place), written: false },
        }
    }
}

/// An id as OpenClaw keeps it.
#[must_use]
pub fn normalized(id: &str) -> String {
    let mut clean = String::new();
    for letter in id.trim().chars().map(|letter| letter.to_ascii_lowercase()) {
        if letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '_' | '-') {
            clean.push(letter);
        } else if !clean.ends_with('-') {
            clean.push('-');
        }
    }
    let clean: String = clean.trim_matches('-').chars().take(64).collect();
    if clean.is_empty() { MAIN.to_owned() } else { clean }
}

/// Whoever has no entry reads these.
pub const DEFAULTS: &str = "agents.defaults";

/// The agent of an install without agents.
pub const MAIN: &str = "main";

struct Entry<'s> {
    id: String,
    key: KeyPath,
    value: &'s Value,
}

/// `agents.entries`, then what February wrote in `agents.list`.
fn entries(config: &ConfigFacts) -> Vec<Entry<'_>> {
    let named = config.fields("agents.entries").map(|(name, value)| Entry {
        id: normalized(name),
        key: KeyPath::dotted("agents.entries").child(name),
        value,
    });
    let listed = config.get("agents.list").and_then(Value::as_array).into_iter().flatten().enumerate();
    let listed = listed.filter_map(|(index, value)| {
        let id = normalized(value.get("id")?.as_str()?);
        Some(Entry { id, key: KeyPath::dotted("agents.list").child(index.to_string()), value })
    });
    named.chain(listed).collect()
}

fn default_id(config: &ConfigFacts, entries: &[Entry<'_>]) -> Option<String> {
    let marked = |entry: &&Entry<'_>| entry.value.get("default") == Some(&Value::Bool(true));
    match entries.iter().find(marked).or(entries.first()) {
        None => Some(MAIN.to_owned()),
        Some(_) if config.text("agents.ownership") == Some("explicit") => None,
        Some(entry) => Some(entry.id.clone()),
    }
}

fn below<'s>(value: &'s Value, at: &KeyPath, dotted: &str) -> Option<Setting<'s>> {
    let mut setting = Setting { value, key: at.clone() };
    for part in dotted.split('.') {
        setting = Setting { value: Map::get(setting.value.as_object()?, part)?, key: setting.key.child(part) };
    }
    (!setting.value.is_null()).then_some(setting)
}
