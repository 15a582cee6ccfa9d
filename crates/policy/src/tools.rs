//! Which tools a session has: layers of allow and deny, of which each can only tighten.

use std::collections::BTreeSet;

use stockade_core::{Denial, Rule, ToolName};

/// One layer of tool policy. An absent allow list leaves everything; a present one, even an empty one,
/// leaves only what it names. Deny wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layer {
    /// Where the layer stands in the config, for the reason of a denial: `tools`, `agents.entries.x.tools`.
    pub origin: String,
    /// The profile's tools, when a profile restricts.
    pub profile: Option<Vec<String>>,
    /// `allow`.
    pub allow: Option<Vec<String>>,
    /// `alsoAllow`: widens the profile of this layer, never another layer.
    pub also_allow: Vec<String>,
    /// `deny`.
    pub deny: Vec<String>,
}

/// Judges a tool against every layer.
///
/// # Errors
/// The first layer that denies it, with the key that decides.
pub fn judge_tool<'a>(layers: impl IntoIterator<Item = &'a Layer>, tool: &ToolName) -> Result<(), Denial> {
    layers.into_iter().try_for_each(|layer| layer.judge(tool))
}

impl Layer {
    fn judge(&self, tool: &ToolName) -> Result<(), Denial> {
        let deny = |why: String| Err(Denial::policy(Rule::ToolLayers, why));
        if let Some(entry) = find(&self.deny, tool) {
            return deny(format!("{}.deny names {entry:?}", self.origin));
        }
        if let Some(profile) = &self.profile
            && find(profile, tool).is_none()
            && find(&self.also_allow, tool).is_none()
        {
            return deny(format!("{}.profile does not include it", self.origin));
        }
        if let Some(allow) = &self.allow
            && find(allow, tool).is_none()
            && find(&self.also_allow, tool).is_none()
        {
            return deny(format!("{}.allow does not name it", self.origin));
        }
        Ok(())
    }
}

/// Whether a tool is one that runs commands or changes files, by OpenClaw's groups.
#[must_use]
pub fn acts_on_the_host(tool: &ToolName) -> bool {
    let acts = |group: &str| expand(group).contains(canonical(tool.as_str()));
    acts("group:runtime") || acts("group:fs")
}

/// Every tool that a group names.
pub fn known_tools() -> impl Iterator<Item = &'static str> {
    GROUPS.iter().flat_map(|(_, tools)| tools.iter().copied())
}

/// The tools of a profile; `None` when the profile does not restrict. An unknown profile allows nothing.
#[must_use]
pub fn profile(name: &str) -> Option<Vec<String>> {
    if name == "full" {
        return None;
    }
    let entries = PROFILES.iter().find(|(profile, _)| *profile == name).map_or(&[][..], |(_, entries)| entries);
    Some(entries.iter().map(|entry| (*entry).to_owned()).collect())
}

/// The entry that covers the tool: its name, an alias, a group, or a pattern with `*`.
fn find<'a>(entries: &'a [String], tool: &ToolName) -> Option<&'a str> {
    let canonical = canonical(tool.as_str());
    entries.iter().map(String::as_str).find(|entry| {
        let entry = entry.trim().to_ascii_lowercase();
        expand(&entry).iter().any(|name| matches(name, canonical))
    })
}

fn expand(entry: &str) -> BTreeSet<&str> {
    match GROUPS.iter().find(|(group, _)| *group == entry) {
        Some((_, tools)) => tools.iter().copied().collect(),
        None => BTreeSet::from([canonical(entry)]),
    }
}

/// The tool that a name stands for: another of its names, or itself.
#[must_use]
pub fn canonical(name: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, canonical)| canonical)
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

const ALIASES: &[(&str, &str)] = &[("bash", "exec"), ("cron", "automations"), ("apply-patch", "apply_patch")];

/// Groups of OpenClaw 2026.9.6.
const GROUPS: &[(&str, &[&str])] = &[
    ("group:runtime", &["exec", "process", "code_execution"]),
    ("group:fs", &["read", "write", "edit", "apply_patch"]),
    (
        "group:sessions",
        &[
            "sessions", "sessions_list", "sessions_history", "sessions_search", "conversations_list",
            "conversations_send", "conversations_turn", "sessions_send", "sessions_spawn", "sessions_yield",
            "subagents", "session_status", "suggest_task", "dismiss_task",
        ],
    ),
    ("group:memory", &["memory_search", "memory_get"]),
    ("group:web", &["web_search", "x_search", "web_fetch"]),
    ("group:ui", &["browser", "screen", "theme", "dashboard", "terminal", "portal", "canvas", "show_widget"]),
    ("group:automation", &["heartbeat_respond", "automations", "gateway", "plugins", "openclaw"]),
    ("group:messaging", &["message"]),
    ("group:nodes", &["nodes", "computer"]),
    (
        "group:agents",
        &["agents_list", "get_goal", "create_goal", "update_goal", "progress_card", "ask_user", "skill_workshop"],
    ),
    ("group:media", &["view_image", "image_generate", "music_generate", "video_generate", "tts", "pdf"]),
    (
        "group:openclaw",
        &[
            "code_execution", "sessions", "sessions_list", "sessions_history", "sessions_search", "conversations_list",
            "conversations_send", "conversations_turn", "sessions_send", "sessions_spawn", "sessions_yield",
            "subagents", "session_status", "suggest_task", "dismiss_task", "memory_search", "memory_get", "web_search",
            "x_search", "web_fetch", "browser", "screen", "theme", "dashboard", "terminal", "portal", "show_widget",
            "heartbeat_respond", "automations", "gateway", "plugins", "openclaw", "message", "nodes", "computer",
            "agents_list", "get_goal", "create_goal", "update_goal", "progress_card", "ask_user", "skill_workshop",
            "view_image", "image_generate", "music_generate", "video_generate", "tts", "pdf",
        ],
    ),
];

/// Profiles of OpenClaw 2026.9.6; `full` does not restrict.
const PROFILES: &[(&str, &[&str])] = &[
    ("minimal", &["session_status", "gateway"]),
    (
        "coding",
        &[
            "group:fs", "group:runtime", "group:web", "group:sessions", "group:memory", "automations", "gateway",
            "get_goal", "create_goal", "update_goal", "progress_card", "ask_user", "skill_workshop", "view_image",
            "image_generate", "music_generate", "video_generate", "theme",
        ],
    ),
    (
        "messaging",
        &[
            "group:messaging", "sessions", "sessions_list", "sessions_history", "sessions_search",
            "conversations_list", "conversations_send", "conversations_turn", "sessions_send", "sessions_spawn",
            "sessions_yield", "subagents", "session_status", "gateway", "ask_user", "theme",
        ],
    ),
];

#[cfg(test)]
#[path = "tools/tests.rs"]
mod tests;
