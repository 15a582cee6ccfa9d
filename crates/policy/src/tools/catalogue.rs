//! The built-in tools of OpenClaw 2026.9.6, its groups, profiles and other names for them, and which of them
//! are the owner's. Read from its tool catalogue, which its own pages lag behind.

/// A built-in tool under its own name.
pub(super) fn holds(name: &str) -> bool {
    tools().any(|tool| tool == name)
}

/// Every built-in tool.
pub(super) fn tools() -> impl Iterator<Item = &'static str> {
    SECTIONS.iter().flat_map(|(_, tools)| tools.iter().copied())
}

/// Whether a group holds a tool; `None` when there is no such group of built-in tools.
pub(super) fn group_holds(group: &str, tool: &str) -> Option<bool> {
    if group == "group:openclaw" {
        return Some(holds(tool) && !OUTSIDE_OPENCLAW.contains(&tool));
    }
    SECTIONS.iter().find(|(name, _)| *name == group).map(|(_, tools)| tools.contains(&tool))
}

/// The name under which a tool is judged.
pub(super) fn canonical(name: &str) -> &str {
    let mut name = name;
    while let Some(own) = name.strip_prefix(OWN_BRIDGE) {
        name = own;
    }
    ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, canonical)| canonical)
}

/// The name that an entry of a list stands for; a pattern stands for itself.
pub(super) fn meant_by(entry: &str) -> &str {
    if entry.contains('*') { entry } else { canonical(entry) }
}

/// The other names of a tool.
pub(super) fn aliases(canonical: &str) -> impl Iterator<Item = &'static str> {
    ALIASES.iter().filter(move |(_, name)| *name == canonical).map(|(alias, _)| *alias)
}

/// Whether a name means something in a list of tools, so that nothing from outside may bear it.
pub(super) fn is_reserved(name: &str) -> bool {
    name == MCP_ENTRY || name.starts_with("group:") || name.contains('*') || holds(canonical(name))
}

/// The tools of a profile; `None` when the profile does not restrict. An unknown profile allows nothing.
pub(super) fn profile(name: &str) -> Option<&'static [&'static str]> {
    if name == "full" {
        return None;
    }
    Some(PROFILES.iter().find(|(profile, _)| *profile == name).map_or(&[][..], |(_, tools)| tools))
}

/// Stands for every tool of every configured MCP server.
pub(super) const MCP_ENTRY: &str = "bundle-mcp";

/// How a command-line backend sees OpenClaw's own tools.
const OWN_BRIDGE: &str = "mcp__openclaw__";

/// `image` and `update_plan` are what `view_image` and `progress_card` were called.
const ALIASES: &[(&str, &str)] = &[
    ("bash", "exec"),
    ("cron", "automations"),
    ("apply-patch", "apply_patch"),
    ("image", "view_image"),
    ("update_plan", "progress_card"),
];

/// The owner's tools. The first lines are OpenClaw's own; the last one holds what it leaves to everybody, and
/// what also changes the gateway or acts beyond the session: credentials, skills, work in other sessions, a
/// release in the owner's name.
pub(super) const OWNER_ONLY: &[&str] = &[
    "automations", "gateway", "plugins", "sessions", "screen", "terminal", "portal", "conversations_list",
    "conversations_send", "conversations_turn", "nodes", "computer", "mobile_ui", "openclaw", "secrets",
    "skill_workshop", "sessions_spawn", "sessions_send", "subagents", "github_publish",
];

/// What reads and changes nothing but the session's own bookkeeping, whatever the arguments are.
pub(super) const HARMLESS: &[&str] = &[
    "session_status", "theme", "get_goal", "create_goal", "update_goal", "progress_card", "ask_user", "suggest_task",
    "dismiss_task", "heartbeat_respond", "sessions_yield", "agents_list", "agents_wait",
];

/// What OpenClaw keeps out of sandboxes unless `tools.sandbox.tools` names it.
pub(super) const OUTSIDE_SANDBOX: &[&str] =
    &["browser", "canvas", "computer", "mobile_ui", "nodes", "automations", "gateway"];

const SECTIONS: &[(&str, &[&str])] = &[
    ("group:fs", &["ls", "read", "write", "edit", "apply_patch"]),
    ("group:runtime", &["exec", "process", "code_execution", "secrets"]),
    ("group:web", &["web_search", "web_fetch", "x_search"]),
    ("group:memory", &["memory_search", "memory_get"]),
    (
        "group:sessions",
        &[
            "sessions", "sessions_list", "sessions_history", "sessions_search", "conversations_list",
            "conversations_send", "conversations_turn", "sessions_send", "sessions_spawn", "github_identity_status",
            "github_publish", "agents_wait", "sessions_yield", "subagents", "session_status", "suggest_task",
            "dismiss_task",
        ],
    ),
    ("group:ui", &["browser", "screen", "theme", "dashboard", "terminal", "portal", "canvas", "show_widget"]),
    ("group:messaging", &["message"]),
    ("group:automation", &["heartbeat_respond", "automations", "gateway", "plugins", "openclaw"]),
    ("group:nodes", &["nodes", "computer", "mobile_ui"]),
    (
        "group:agents",
        &["agents_list", "get_goal", "create_goal", "update_goal", "progress_card", "ask_user", "skill_workshop"],
    ),
    ("group:media", &["view_image", "image_generate", "music_generate", "video_generate", "tts", "pdf"]),
];

/// `group:openclaw` is every built-in tool but these.
const OUTSIDE_OPENCLAW: &[&str] = &["ls", "read", "write", "edit", "apply_patch", "exec", "process", "canvas"];

/// `full` does not restrict.
const PROFILES: &[(&str, &[&str])] = &[
    ("minimal", &["session_status", "gateway"]),
    (
        "coding",
        &[
            "ls", "read", "write", "edit", "apply_patch", "exec", "process", "code_execution", "secrets", "web_search",
            "web_fetch", "x_search", "memory_search", "memory_get", "sessions", "sessions_list", "sessions_history",
            "sessions_search", "conversations_list", "conversations_send", "conversations_turn", "sessions_send",
            "sessions_spawn", "github_identity_status", "github_publish", "agents_wait", "sessions_yield", "subagents",
            "session_status", "suggest_task", "dismiss_task", "screen", "theme", "dashboard", "terminal", "portal",
            "automations", "gateway", "plugins", "get_goal", "create_goal", "update_goal", "progress_card", "ask_user",
            "skill_workshop", "view_image", "image_generate", "music_generate", "video_generate", MCP_ENTRY,
        ],
    ),
    (
        "messaging",
        &[
            "secrets", "sessions", "sessions_list", "sessions_history", "sessions_search", "conversations_list",
            "conversations_send", "conversations_turn", "sessions_send", "sessions_spawn", "sessions_yield",
            "subagents", "session_status", "theme", "message", "gateway", "ask_user", MCP_ENTRY,
        ],
    ),
];
