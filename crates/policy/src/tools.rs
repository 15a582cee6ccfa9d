//! Which tools a session has: layers of allow and deny, of which each can only tighten, and the tools that
//! are the owner's whatever the layers say. Answers the classes "the tool's other name is not on the deny
//! list", "a plugin names its tool `read`" and "a group member schedules a job".

mod catalogue;

use serde::{Deserialize, Serialize};
use stockade_config::model::ToolLayer;
use stockade_core::{Denial, Rule, ToolName};

use crate::sender::Sender;

/// A tool, and who provides it. The gateway establishes both; what a plugin calls its tool proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: ToolName,
    /// Who provides it.
    pub origin: Origin,
}

/// Who provides a tool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The gateway itself.
    #[default]
    Core,
    /// A plugin, by its id.
    Plugin(String),
    /// An MCP server, by the prefix of its tools' names: `github` for `github__create_issue`.
    Mcp(String),
}

/// One layer of tool policy. An absent allow list leaves everything; a present one, even an empty one,
/// leaves only what it names (OpenClaw takes an empty one for none). Deny wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layer {
    /// Where the layer stands in the config, for the reason of a denial: `tools`, `agents.entries.x.tools`.
    pub origin: String,
    /// The profile's tools, when a profile restricts.
    pub profile: Option<&'static [&'static str]>,
    /// `allow`.
    pub allow: Option<Entries>,
    /// `alsoAllow`: widens the profile of this layer, never another layer.
    pub also_allow: Entries,
    /// `deny`.
    pub deny: Entries,
}

/// The entries of one list, folded to lower case.
///
/// An entry of an allow list covers the built-in tool of this name, also by its other names, by its group or
/// by a pattern with `*`. A tool from outside is covered by `*`, `group:plugins`, its plugin's id,
/// `bundle-mcp` for any MCP server, its own name, or a pattern that fits no built-in tool: one that does was
/// written for those. An entry of a deny list covers whatever it could mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entries(Vec<String>);

/// Judges a tool for who asks, against every layer.
///
/// # Errors
/// A name that is not the tool's to bear, a tool that is the owner's, or the first layer that denies it, with
/// the key that decides.
pub fn judge_tool<'a>(layers: impl IntoIterator<Item = &'a Layer>, sender: &Sender, tool: &Tool) -> Result<(), Denial> {
    tool.judge_name()?;
    if !sender.owner && catalogue::OWNER_ONLY.contains(&tool.canonical()) {
        let why = format!("{} is for the owner of the gateway only, whatever the tool layers say", tool.canonical());
        return Err(Denial::policy(Rule::ToolOwner, why));
    }
    layers.into_iter().try_for_each(|layer| layer.judge(tool))
}

/// Every built-in tool.
pub fn known_tools() -> impl Iterator<Item = &'static str> {
    catalogue::tools()
}

/// Tools by which two sets of layers can be compared: the built-in ones, and for each entry tools from outside
/// that it covers, if it covers any.
#[must_use]
pub fn probes<'a>(layers: impl IntoIterator<Item = &'a Layer>) -> Vec<Tool> {
    let outside = |name: &str, origin| Tool { name: ToolName::new(name), origin };
    let mut probes: Vec<Tool> = known_tools().map(Tool::core).collect();
    probes.push(outside("some-tool", Origin::Plugin("some-plugin".into())));
    probes.push(outside("some-server__tool", Origin::Mcp("some-server".into())));
    for layer in layers {
        let allow = layer.allow.iter().flat_map(|entries| &entries.0);
        for entry in allow.chain(&layer.also_allow.0).chain(&layer.deny.0) {
            let name = entry.replace('*', "x");
            let name = name.strip_prefix("mcp__").unwrap_or(&name);
            if let Some((server, _)) = name.split_once("__") {
                probes.push(outside(name, Origin::Mcp(server.into())));
            }
            probes.push(outside(name, Origin::Plugin("some-plugin".into())));
            if !catalogue::is_reserved(name) {
                probes.push(outside("some-tool", Origin::Plugin(name.into())));
            }
        }
    }
    probes.retain(|tool| tool.judge_name().is_ok());
    probes
}

/// The tools of a profile; `None` when the profile does not restrict. An unknown profile allows nothing.
#[must_use]
pub fn profile(name: &str) -> Option<&'static [&'static str]> {
    catalogue::profile(name)
}

/// The tools that OpenClaw keeps out of sandboxes unless a list names them.
#[must_use]
pub const fn outside_sandbox_names() -> &'static [&'static str] {
    catalogue::OUTSIDE_SANDBOX
}

/// What a sandboxed session does not have unless one of its own layers names it.
pub(crate) fn outside_sandbox(layers: &[Layer]) -> Layer {
    let is_named = |tool: &str| {
        let tool = Tool::core(tool);
        layers
            .iter()
            .any(|layer| layer.also_allow.allows(&tool).or_else(|| layer.allow.as_ref()?.allows(&tool)).is_some())
    };
    let deny = catalogue::OUTSIDE_SANDBOX.iter().filter(|tool| !is_named(tool)).collect();
    Layer { origin: "tools.sandbox.tools (its default)".into(), deny, ..Layer::default() }
}

impl Tool {
    /// A tool of the gateway's own.
    #[must_use]
    pub fn core(name: &str) -> Self {
        Self { name: ToolName::new(name), origin: Origin::Core }
    }

    /// Whether every call of it is harmless, whatever its arguments. Of all others the name alone is no answer:
    /// how far they reach is up to arguments that are not analysed.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        self.origin == Origin::Core && catalogue::HARMLESS.contains(&self.canonical())
    }

    /// Whether it is a tool from outside that an `allow` or `alsoAllow` of one of these layers names, so that the
    /// operator has decided about it.
    pub fn is_chosen<'a>(&self, layers: impl IntoIterator<Item = &'a Layer>) -> bool {
        let named = |layer: &Layer| {
            let lists = layer.allow.iter().chain([&layer.also_allow]);
            lists.filter_map(|list| list.allows(self)).any(|entry| entry != "*")
        };
        self.origin != Origin::Core && layers.into_iter().any(named)
    }

    /// The tool's own name, whichever of its names it was called by.
    #[must_use]
    pub fn canonical(&self) -> &str {
        match self.origin {
            Origin::Core => catalogue::canonical(self.name.as_str()),
            Origin::Plugin(_) | Origin::Mcp(_) => self.name.as_str(),
        }
    }

    fn is_built_in(&self) -> bool {
        self.origin == Origin::Core && catalogue::holds(self.canonical())
    }

    /// OpenClaw drops a tool whose name is taken; here it is refused, so that the conflict is seen.
    fn judge_name(&self) -> Result<(), Denial> {
        let refuse = |why: &str| Err(Denial::policy(Rule::ToolShape, why));
        if !self.name.is_plain() {
            return refuse("a tool's name has 1 to 128 of a-z, 0-9, _, -, . and :");
        }
        match &self.origin {
            Origin::Core if !catalogue::holds(self.canonical()) => refuse("there is no such built-in tool"),
            Origin::Core => Ok(()),
            Origin::Plugin(id) if id.trim().is_empty() => refuse("a plugin has an id"),
            Origin::Mcp(server) if server.trim().eq_ignore_ascii_case("openclaw") => {
                refuse("the gateway's own tools come from no MCP server")
            }
            Origin::Plugin(_) | Origin::Mcp(_) if catalogue::is_reserved(self.name.as_str()) => {
                refuse("a tool from outside bears the name of a built-in tool or of a group")
            }
            Origin::Mcp(server) if self.part_of(server).is_none() => {
                refuse("a tool of an MCP server does not bear its server's name")
            }
            Origin::Plugin(_) | Origin::Mcp(_) => Ok(()),
        }
    }

    /// The tool's own part of `server__tool`.
    fn part_of(&self, server: &str) -> Option<&str> {
        let server = server.trim().to_ascii_lowercase();
        self.name.as_str().strip_prefix(server.as_str())?.strip_prefix("__").filter(|part| !part.is_empty())
    }

    /// Whether the name says by itself whose tool it is. `a__b__c` may be `c` of `a__b` or `b__c` of `a`.
    fn is_told_by_name(&self) -> bool {
        match &self.origin {
            Origin::Core | Origin::Plugin(_) => true,
            Origin::Mcp(server) => self.name.as_str().split_once("__").is_some_and(|(first, rest)| {
                first.eq_ignore_ascii_case(server.trim()) && !rest.contains("__") && !rest.starts_with('_')
            }),
        }
    }
}

impl std::fmt::Display for Tool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.origin {
            Origin::Core | Origin::Mcp(_) => write!(f, "{}", self.name),
            Origin::Plugin(id) => {
                let id = stockade_core::text::clip(&stockade_core::text::single_line(id), 64);
                write!(f, "{} of the plugin {id}", self.name)
            }
        }
    }
}

impl Layer {
    /// The layer that stands at `origin`.
    #[must_use]
    pub fn of(origin: String, tools: &ToolLayer) -> Self {
        Self {
            origin,
            profile: tools.profile.and_then(|name| profile(name.id())),
            allow: tools.allow.as_ref().map(|entries| entries.iter().collect()),
            also_allow: tools.also_allow.iter().flatten().collect(),
            deny: tools.deny.iter().collect(),
        }
    }

    fn judge(&self, tool: &Tool) -> Result<(), Denial> {
        let why = match self.refusal(tool) {
            None => return Ok(()),
            Some(Field::Deny(entry)) => format!("{}.deny names {entry:?}", self.origin),
            Some(Field::Profile) => format!("{}.profile does not include it", self.origin),
            Some(Field::Allow) => format!("{}.allow does not name it", self.origin),
        };
        Err(Denial::policy(Rule::ToolLayers, why))
    }

    /// Every field and entry of this layer by which a tool is refused, the deciding one first.
    pub(crate) fn refusals(&self, tool: &Tool) -> Vec<Field<'_>> {
        let denies = |entry: &&String| Entries(vec![(*entry).clone()]).denies(tool).is_some();
        let denied = self.deny.0.iter().filter(denies).map(|entry| Field::Deny(entry));
        denied.chain(self.not_included(tool)).collect()
    }

    /// The field of this layer by which a tool is refused; `None` when it is not.
    fn refusal(&self, tool: &Tool) -> Option<Field<'_>> {
        self.deny.denies(tool).map(Field::Deny).or_else(|| self.not_included(tool))
    }

    fn not_included(&self, tool: &Tool) -> Option<Field<'_>> {
        let also = self.also_allow.allows(tool).is_some();
        let in_profile = |names: &[&str]| match tool.origin {
            Origin::Core => names.contains(&tool.canonical()),
            Origin::Plugin(_) => false,
            Origin::Mcp(_) => names.contains(&catalogue::MCP_ENTRY),
        };
        if self.profile.is_some_and(|profile| !in_profile(profile)) && !also {
            return Some(Field::Profile);
        }
        let unlisted = self.allow.as_ref().is_some_and(|allow| allow.allows(tool).is_none());
        (unlisted && !also).then_some(Field::Allow)
    }
}

/// By which field a layer refuses a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    /// `deny`, by this entry.
    Deny(&'a str),
    /// `profile`.
    Profile,
    /// `allow`.
    Allow,
}

impl Entries {
    /// The entry of an allow list that covers a tool.
    fn allows(&self, tool: &Tool) -> Option<&str> {
        let own_name = tool.canonical();
        let built_in = tool.is_built_in();
        self.find(|entry| {
            if entry == "*" {
                return true;
            }
            if built_in {
                return names_built_in(entry, own_name);
            }
            let from_owner = match &tool.origin {
                Origin::Core => false,
                Origin::Plugin(id) => {
                    entry == PLUGINS_GROUP || is_id(entry, id) && !catalogue::is_reserved(&id.to_ascii_lowercase())
                }
                Origin::Mcp(_) => entry == PLUGINS_GROUP || entry == catalogue::MCP_ENTRY,
            };
            let pattern = entry.contains('*');
            let by_name = matches(entry, own_name) && !(pattern && catalogue::tools().any(|core| matches(entry, core)));
            from_owner || by_name && tool.is_told_by_name()
        })
    }

    /// The entry of a deny list that covers a tool: by any of its names, under any spelling.
    fn denies(&self, tool: &Tool) -> Option<&str> {
        let own_name = tool.canonical();
        let (outside, bridged) = match &tool.origin {
            Origin::Core => (None, None),
            Origin::Plugin(id) => (Some(id.as_str()), None),
            Origin::Mcp(_) => (Some(catalogue::MCP_ENTRY), Some(format!("mcp__{own_name}"))),
        };
        self.find(|entry| {
            let own_names = [Some(own_name), Some(tool.name.as_str()), bridged.as_deref()];
            outside.is_some_and(|id| entry == PLUGINS_GROUP || is_id(entry, id))
                || own_names.into_iter().flatten().any(|name| names_built_in(entry, name))
                || catalogue::aliases(own_name).any(|name| names_built_in(entry, name))
        })
    }

    fn find(&self, covers: impl Fn(&str) -> bool) -> Option<&str> {
        self.0.iter().map(String::as_str).find(|entry| covers(entry))
    }
}

impl<S: AsRef<str>> FromIterator<S> for Entries {
    fn from_iter<I: IntoIterator<Item = S>>(entries: I) -> Self {
        let folded = entries.into_iter().map(|entry| entry.as_ref().trim().to_ascii_lowercase());
        Self(folded.filter(|entry| !entry.is_empty()).collect())
    }
}

/// Whether an entry is the tool's name, one of its other names, its group, or a pattern for it.
fn names_built_in(entry: &str, name: &str) -> bool {
    if let Some(held) = catalogue::group_holds(entry, name) {
        return held;
    }
    // The widget tool was once a part of the canvas.
    let family = entry == "canvas" && name == "show_widget";
    family || matches(catalogue::meant_by(entry), name)
}

fn is_id(entry: &str, id: &str) -> bool {
    !id.trim().is_empty() && entry.eq_ignore_ascii_case(id.trim())
}

/// `*` stands for any run of characters.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(previous) = last.replace(part) {
            let Some((_, after)) = rest.split_once(previous) else { return false };
            rest = after;
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

const PLUGINS_GROUP: &str = "group:plugins";

#[cfg(test)]
#[path = "tools/tests.rs"]
mod tests;
