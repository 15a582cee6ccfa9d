//! One form for what a config may say in several: both generations of the list of agents, `mode` for security
//! and ask, retired names. Only for the comparison; nothing here decides what holds.

use serde_json::{Map, Value};

/// `openclaw.json` in the form that is compared.
pub(super) fn openclaw(document: &Value) -> Value {
    let mut document = document.clone();
    if let Some(tools) = document.get_mut("tools") {
        exec(tools);
    }
    if !document.is_object() {
        return document;
    }
    let agents = document.as_object_mut().map(|fields| fields.entry("agents").or_insert_with(empty));
    if let Some(agents) = agents.filter(|agents| agents.is_object()) {
        list_to_entries(agents);
        if let Some(defaults) = agents.get_mut("defaults") {
            sandbox(defaults);
        }
        let entries = agents.get_mut("entries").and_then(Value::as_object_mut);
        for (_, agent) in entries.into_iter().flatten() {
            sandbox(agent);
            if let Some(tools) = agent.get_mut("tools") {
                exec(tools);
            }
        }
    }
    document
}

/// `exec-approvals.json` in the form that is compared: an entry of an allowlist is its patterns; when it was
/// last used is nobody's permission.
pub(super) fn approvals(document: &Value) -> Value {
    let mut document = document.clone();
    let Some(fields) = document.as_object_mut() else { return document };
    let (defaults, agents) = fields.iter_mut().fold((Vec::new(), Vec::new()), |(mut own, mut all), (key, value)| {
        match (key.as_str(), value) {
            ("defaults", value) => own.push(value),
            ("agents", Value::Object(layers)) => all.extend(layers.iter_mut().map(|(_, layer)| layer)),
            _ => {}
        }
        (own, all)
    });
    for layer in defaults.into_iter().chain(agents) {
        for entry in layer.get_mut("allowlist").and_then(Value::as_array_mut).into_iter().flatten() {
            let Some(fields) = entry.as_object_mut() else { continue };
            fields.retain(|key, _| !USE.contains(&key.as_str()));
            // One order of keys for equal entries.
            let mut sorted: Vec<_> = std::mem::take(fields).into_iter().collect();
            sorted.sort_by(|one, other| one.0.cmp(&other.0));
            *fields = sorted.into_iter().collect();
        }
    }
    document
}

/// What an approvals file notes beside the patterns.
const USE: &[&str] = &["id", "lastUsedAt", "lastUsedCommand", "lastResolvedPath"];

/// The agent for messages that name none, as the config chooses it.
pub(super) fn default_agent(document: &Value) -> &str {
    let agents = document.get("agents").unwrap_or(&Value::Null);
    let list = agents.get("list").and_then(Value::as_array).into_iter().flatten();
    let list = list.filter_map(|agent| Some((agent.get("id")?.as_str()?, agent)));
    let entries = agents.get("entries").and_then(Value::as_object).into_iter().flatten();
    let mut entries: Vec<_> = entries.map(|(id, agent)| (id.as_str(), agent)).collect();
    entries.sort_by_key(|(id, _)| *id);
    let all: Vec<_> = list.chain(entries).collect();
    let chosen = all.iter().find(|(_, agent)| agent.get("default") == Some(&Value::Bool(true)));
    chosen.or(all.first()).map_or("main", |(id, _)| *id)
}

fn empty() -> Value {
    Value::Object(Map::new())
}

/// `list[]` with ids becomes `entries`; without any agent there is one, `main`.
fn list_to_entries(agents: &mut Value) {
    let Some(fields) = agents.as_object_mut() else { return };
    let list = fields.get("list").and_then(Value::as_array).cloned().unwrap_or_default();
    let named = list.iter().map(|agent| Some((agent.get("id")?.as_str()?.to_owned(), agent.clone())));
    let named: Option<Vec<(String, Value)>> = named.collect();
    let entries = fields.entry("entries").or_insert_with(empty);
    if let (Some(named), Some(entries)) = (named, entries.as_object_mut())
        && named.iter().all(|(id, _)| !entries.contains_key(id))
    {
        for (id, mut agent) in named {
            if let Some(keys) = agent.as_object_mut() {
                keys.shift_remove("id");
            }
            // The same id twice is refused when the config is loaded; here the list then stays to be compared.
            if entries.insert(id, agent).is_some() {
                return;
            }
        }
        if entries.is_empty() {
            entries.insert("main".to_owned(), empty());
        }
        fields.shift_remove("list");
    }
}

/// `mode` becomes the pair that it stands for; what is denied is never asked about; `timeoutSec` is retired.
fn exec(tools: &mut Value) {
    let Some(keys) = tools.get_mut("exec").and_then(Value::as_object_mut) else { return };
    let pair = keys.get("mode").and_then(Value::as_str).and_then(|mode| {
        let known = MODES.iter().find(|(name, ..)| *name == mode);
        known.map(|(_, security, ask)| (*security, *ask))
    });
    if let Some((security, ask)) = pair.filter(|_| !keys.contains_key("security") && !keys.contains_key("ask")) {
        keys.shift_remove("mode");
        keys.insert("security".to_owned(), security.into());
        keys.insert("ask".to_owned(), ask.into());
    }
    if keys.get("security").and_then(Value::as_str) == Some("deny") {
        keys.insert("ask".to_owned(), "always".into());
    }
    rename(keys, "timeoutSec", "timeoutSeconds");
}

fn sandbox(agent: &mut Value) {
    let Some(keys) = agent.get_mut("sandbox").and_then(Value::as_object_mut) else { return };
    if let Some(own) = keys.get("perSession").and_then(Value::as_bool)
        && !keys.contains_key("scope")
    {
        keys.shift_remove("perSession");
        keys.insert("scope".to_owned(), if own { "session" } else { "shared" }.into());
    }
}

fn rename(keys: &mut Map<String, Value>, from: &str, to: &str) {
    if !keys.contains_key(to)
        && let Some(value) = keys.shift_remove(from)
    {
        keys.insert(to.to_owned(), value);
    }
}

/// OpenClaw's table of `tools.exec.mode`.
const MODES: &[(&str, &str, &str)] = &[
    ("deny", "deny", "off"),
    ("allowlist", "allowlist", "off"),
    ("ask", "allowlist", "on-miss"),
    ("auto", "allowlist", "on-miss"),
    ("full", "full", "off"),
];
