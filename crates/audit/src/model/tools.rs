//! Which tools an agent has, by the layers that OpenClaw lays over each other. What a name, a group or a pattern
//! covers is put to `stockade_policy`, which knows the other names of every tool.

use serde::Deserialize as _;
use serde_json::Value;
use stockade_config::model::Profile;
use stockade_policy::Sender;
use stockade_policy::tools::{Entries, Layer, Origin, Tool, judge_tool, outside_sandbox_names, profile};

use super::agents::{Scope, Setting};
use super::models::ModelRef;
use super::sandbox::Sandbox;
use crate::snapshot::config::texts;

/// The layers of an agent.
#[derive(Debug, Clone, Default)]
pub struct ToolAccess {
    layers: Vec<Layer>,
}

impl ToolAccess {
    pub(super) fn of(at: Scope<'_, '_>, sandbox: &Sandbox, model: Option<&ModelRef>) -> Self {
        let mut layers = vec![profile_layer(at.tool_setting("profile"), at.tool_setting("alsoAllow"))];
        layers.extend(at.config.get("tools").map(|tools| lists("tools", tools)));
        if let (Some(own), Some(key)) = (at.own("tools"), at.key) {
            layers.push(lists(&format!("{key}.tools"), own.value));
        }
        for setting in [at.common_tool("byProvider"), at.own_tool("byProvider")].into_iter().flatten() {
            let Some(found) = model.and_then(|model| by_provider(setting.value, model)) else { continue };
            let origin = setting.key.to_string();
            layers.push(profile_layer(below(found, "profile", &setting), below(found, "alsoAllow", &setting)));
            layers.push(lists(&origin, found));
        }
        if sandbox.holds_main() {
            layers.push(sandbox_layer(at));
        }
        Self { layers }
    }

    /// Whether it has a built-in tool, by any of its names, when its owner asks.
    #[must_use]
    pub fn allows(&self, tool: &str) -> bool {
        let tool = Tool::core(tool);
        if tool.canonical() == "apply_patch" { self.allows_patch(&tool) } else { self.allows_tool(&tool) }
    }

    /// Whether it has a tool, whoever provides it.
    #[must_use]
    pub fn allows_tool(&self, tool: &Tool) -> bool {
        judge_tool(&self.layers, &Sender::owner(), tool).is_ok()
    }

    /// Whether it has some tool of MCP servers about which nothing is known but their name.
    #[must_use]
    pub fn allows_server(&self, server: &str) -> bool {
        let server: String = server
            .chars()
            .map(|letter| letter.to_ascii_lowercase())
            .map(|letter| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '-' })
            .collect();
        let name = format!("{server}__some-tool");
        self.allows_tool(&Tool { name: stockade_core::ToolName::new(&name), origin: Origin::Mcp(server) })
    }

    /// A patch is a way of writing: a list that holds `write` holds it, unless it is denied by its name.
    fn allows_patch(&self, patch: &Tool) -> bool {
        let (owner, write) = (Sender::owner(), Tool::core("write"));
        self.layers.iter().all(|layer| {
            let denies = Layer { deny: layer.deny.clone(), ..Layer::default() };
            let lists = Layer { deny: Entries::default(), ..layer.clone() };
            let judge = |layer: &Layer, tool: &Tool| judge_tool([layer], &owner, tool).is_ok();
            judge(&denies, patch) && (judge(&lists, patch) || judge(&lists, &write))
        })
    }
}

/// What the profile leaves. One that is not known restricts nothing: OpenClaw would not start with it.
fn profile_layer(name: Option<Setting<'_>>, also: Option<Setting<'_>>) -> Layer {
    let origin = name.as_ref().map_or_else(|| "tools".to_owned(), |name| name.key.to_string());
    let known = name.and_then(|name| Profile::deserialize(name.value).ok());
    Layer {
        origin,
        profile: known.and_then(|known| profile(known.id())),
        also_allow: also.map(|also| entries(also.value)).unwrap_or_default(),
        ..Layer::default()
    }
}

/// The `allow` and `deny` at one place. An empty `allow` counts as none, as does one with `alsoAllow` alone.
fn lists(origin: &str, tools: &Value) -> Layer {
    let allow = texts(tools.get("allow"));
    Layer {
        origin: origin.to_owned(),
        allow: (!allow.is_empty()).then(|| allow.iter().collect()),
        also_allow: tools.get("alsoAllow").map(entries).unwrap_or_default(),
        deny: tools.get("deny").map(entries).unwrap_or_default(),
        ..Layer::default()
    }
}

/// The layer for one model, else for its provider.
fn by_provider<'v>(map: &'v Value, model: &ModelRef) -> Option<&'v Value> {
    let map = map.as_object()?;
    let named = |name: &str| {
        let name = name.trim().to_lowercase();
        map.iter().find(|(key, _)| key.trim().to_lowercase() == name).map(|(_, value)| value)
    };
    named(&model.id).or_else(|| named(model.provider()))
}

/// What a sandbox leaves: OpenClaw's own lists unless others are written.
fn sandbox_layer(at: Scope<'_, '_>) -> Layer {
    let list = |name: &str| at.tool_setting(&format!("sandbox.tools.{name}")).filter(|found| found.value.is_array());
    let also = list("alsoAllow").map(|also| texts(Some(also.value))).unwrap_or_default();
    let allow = list("allow").map(|allow| texts(Some(allow.value)));
    let explicit: Entries = allow.iter().flatten().chain(&also).collect();
    let named = |tool: &str| {
        let only = Layer { allow: Some(explicit.clone()), ..Layer::default() };
        judge_tool([&only], &Sender::owner(), &Tool::core(tool)).is_ok()
    };
    let deny = match list("deny") {
        Some(deny) => entries(deny.value),
        None => outside_sandbox_names().iter().filter(|tool| !named(tool)).collect(),
    };
    let allow = match allow {
        Some(allow) if allow.is_empty() => None,
        Some(allow) => Some(
            allow.iter().map(String::as_str).chain(also.iter().map(String::as_str)).chain(["view_image"]).collect(),
        ),
        None => Some(IN_SANDBOX.iter().copied().chain(also.iter().map(String::as_str)).collect()),
    };
    Layer { origin: "tools.sandbox.tools".into(), allow, deny, ..Layer::default() }
}

fn below<'s>(value: &'s Value, name: &str, at: &Setting<'_>) -> Option<Setting<'s>> {
    Some(Setting { value: value.get(name)?, key: at.key.child(name) })
}

fn entries(list: &Value) -> Entries {
    texts(Some(list)).iter().collect()
}

/// What a sandboxed session has when nothing else is written.
const IN_SANDBOX: &[&str] = &[
    "exec", "process", "read", "ls", "write", "edit", "apply_patch", "view_image", "sessions_list", "sessions_history",
    "sessions_search", "sessions_send", "sessions_spawn", "sessions_yield", "subagents", "session_status",
];
