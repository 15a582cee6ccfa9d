//! What an open policy opens. The attack: anyone writes to the agent, and what the agent may do, anyone may do.

use stockade_config::KeyPath;
use stockade_config::model::{ExecSecurity, SandboxMode};

use crate::checks::Check;
use crate::finding::{Finding, Fix, Place, Severity};
use crate::model::{Agent, Model};

pub(super) const CHECK: Check = Check {
    ids: &[
        "security.exposure.open_channels_with_exec",
        "security.exposure.open_groups_with_elevated",
        "security.exposure.open_groups_with_runtime_or_fs",
        "security.exposure.open_groups_with_control_plane_tools",
    ],
    run,
};

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    out.extend(exec(model));
    let open = model.channels.open_inbound();
    if open.is_empty() {
        return;
    }
    out.extend(elevated(model, &open));
    out.extend(runtime(model, &open));
    out.extend(control_plane(model, &open));
}

/// Whether OpenClaw's own check says that strangers reach an agent with commands; it takes what is not written for
/// "no commands", where the gateway runs everything.
pub(super) fn exec(model: &Model<'_>) -> Option<Finding> {
    let open = model.channels.open_surfaces();
    let global = model.agents.default_id.is_none().then_some(&model.agents.defaults);
    let scopes = model.agents.list.iter().chain(global);
    let running: Vec<_> = scopes.filter(|agent| agent.exec.configured != ExecSecurity::Deny).collect();
    if open.is_empty() || running.is_empty() {
        return None;
    }
    let full = running.iter().any(|agent| agent.exec.configured == ExecSecurity::Full);
    let severity = if full { Severity::Critical } else { Severity::Warn };
    let agents: Vec<_> = running.iter().map(|agent| agent.label()).collect();
    let finding = Finding::new(
        "security.exposure.open_channels_with_exec",
        severity,
        "Strangers reach an agent that runs commands",
    )
    .detail(format!(
        "Open: {}.\nRun commands: {}.\nA stranger's message can become a command.",
        listed(&open),
        agents.join(", ")
    ))
    .remedy("Close the policies, or set tools.exec.mode to \"deny\" for the agents that strangers reach.");
    Some(placed(finding, &open).key("tools.exec"))
}

fn elevated(model: &Model<'_>, open: &[KeyPath]) -> Option<Finding> {
    (!model.config().is_false("tools.elevated.enabled")).then(|| {
        let finding = Finding::new(
            "security.exposure.open_groups_with_elevated",
            Severity::Critical,
            "Open conversations and elevated commands",
        )
        .detail(format!(
            "Open: {}.\ntools.elevated.enabled is not false, so a sender on its lists takes commands out of the \
                 sandbox: in an open conversation it is a short way from a stranger's text to such a command.",
            listed(open)
        ))
        .remedy("Close the policies, or set tools.elevated.enabled to false.");
        placed(finding, open)
            .key("tools.elevated.enabled")
            .fix(Fix::ask("turn elevated commands off").set("tools.elevated.enabled", false))
    })
}

fn runtime(model: &Model<'_>, open: &[KeyPath]) -> Option<Finding> {
    let risks = risks(model);
    if risks.is_empty() {
        return None;
    }
    let severity = if risks.iter().any(|risk| !risk.commands.is_empty()) { Severity::Critical } else { Severity::Warn };
    let finding = Finding::new("security.exposure.open_groups_with_runtime_or_fs", severity, "Open conversations reach commands or files")
        .detail(format!(
            "Open: {}.\n{}\nA stranger's message can run a program or read and change files.",
            listed(open),
            lines(&risks)
        ))
        .remedy("Close the policies, or give those agents sandbox.mode \"all\", tools.fs.workspaceOnly, or tools.deny for group:runtime and group:fs.");
    Some(placed(finding, open))
}

fn control_plane(model: &Model<'_>, open: &[KeyPath]) -> Option<Finding> {
    let mut found = Vec::new();
    for agent in model.agents.contexts() {
        let tools: Vec<_> = CONTROL_PLANE.iter().copied().filter(|tool| agent.tools.allows(tool)).collect();
        if !tools.is_empty() {
            found.push(format!("{}: {}", agent.label(), tools.join(", ")));
        }
    }
    if found.is_empty() {
        return None;
    }
    let finding = Finding::new(
        "security.exposure.open_groups_with_control_plane_tools",
        Severity::Critical,
        "Open conversations reach the gateway's controls",
    )
    .detail(format!(
        "Open: {}.\n{}\nA stranger's message can change the gateway, its plugins, or what runs at night.",
        listed(open),
        found.join("\n")
    ))
    .remedy("Close the policies, or add automations, gateway and plugins to tools.deny.");
    Some(placed(finding, open).key("tools.deny"))
}

/// What an agent can do outside a sandbox.
pub(super) struct Risk {
    agent: String,
    sandbox: SandboxMode,
    /// The tools that run programs.
    pub(super) commands: Vec<&'static str>,
    files: Vec<&'static str>,
}

/// What agents can do outside a sandbox; nothing of those that can do nothing.
pub(super) fn risks(model: &Model<'_>) -> Vec<Risk> {
    model.agents.contexts().filter(|agent| agent.sandbox.mode.value != SandboxMode::All).filter_map(risk).collect()
}

fn risk(agent: &Agent<'_>) -> Option<Risk> {
    let allowed =
        |tools: &[&'static str]| tools.iter().copied().filter(|tool| agent.tools.allows(tool)).collect::<Vec<_>>();
    let walled =
        agent.tool_setting("fs.workspaceOnly").is_some_and(|setting| *setting.value == serde_json::Value::Bool(true));
    let (commands, files) = (allowed(RUNTIME), if walled { Vec::new() } else { allowed(FILES) });
    let none = commands.is_empty() && files.is_empty();
    (!none).then(|| Risk { agent: agent.label(), sandbox: agent.sandbox.mode.value, commands, files })
}

/// One line for each risk.
pub(super) fn lines(risks: &[Risk]) -> String {
    let line = |risk: &Risk| {
        let tools = [risk.commands.as_slice(), risk.files.as_slice()].concat();
        format!("{}: {} with sandbox.mode {}", risk.agent, tools.join(", "), risk.sandbox)
    };
    risks.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Keys in a line.
pub(super) fn listed(keys: &[KeyPath]) -> String {
    let shown: Vec<_> = keys.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = keys.len().saturating_sub(SHOWN);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", shown.join(", "))
}

/// A finding at these keys, or at the first of very many: each agent may have as many as there are accounts.
pub(super) fn placed(finding: Finding, keys: &[KeyPath]) -> Finding {
    keys.iter().take(PLACES).fold(finding, |finding, key| finding.at(Place::Key(key.clone())))
}

/// The most places of one finding.
const PLACES: usize = 100;
const RUNTIME: &[&str] = &["exec", "process"];
const FILES: &[&str] = &["read", "write", "edit", "apply_patch"];
const CONTROL_PLANE: &[&str] = &["automations", "gateway", "plugins"];
const SHOWN: usize = 12;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{said, snapshot};

    fn exposure(config: Value) -> Vec<String> {
        said(&snapshot(config), "security.exposure.open")
            .iter()
            .map(|id| id.replace("security.exposure.", ""))
            .collect()
    }

    #[test]
    fn an_open_root_opens_everything_that_is_not_taken_away() {
        let all = [
            "critical open_groups_with_control_plane_tools",
            "critical open_groups_with_elevated",
            "critical open_groups_with_runtime_or_fs",
        ];
        let open = |more: Value| {
            let mut config = json!({"channels": {"telegram": {"groupPolicy": "open"}}});
            config.as_object_mut().expect("object").extend(more.as_object().cloned().unwrap_or_default());
            exposure(config)
        };
        assert_eq!(open(json!({})), all);
        assert_eq!(
            open(json!({"tools": {"exec": {"mode": "full"}}})).first().map(String::as_str),
            Some("critical open_channels_with_exec")
        );
        assert_eq!(
            open(json!({"tools": {"exec": {"mode": "allowlist"}}})).last().map(String::as_str),
            Some("warn open_channels_with_exec")
        );
        assert_eq!(
            open(
                json!({"tools": {"elevated": {"enabled": false}, "deny": ["group:runtime", "gateway", "cron", "plugins"]}})
            ),
            ["warn open_groups_with_runtime_or_fs"]
        );
        assert_eq!(
            open(
                json!({"tools": {"elevated": {"enabled": false}, "fs": {"workspaceOnly": true}, "deny": ["bash", "process", "gateway", "automations", "plugins"]}})
            ),
            [""; 0]
        );
        assert_eq!(open(json!({"tools": {"deny": ["gateway", "cron"], "exec": {"mode": "deny"}}})), all);
        assert!(
            !open(json!({"agents": {"defaults": {"sandbox": {"mode": "all"}}}}))
                .iter()
                .any(|id| id.contains("runtime"))
        );
    }

    #[test]
    fn a_topic_of_an_account_opens_commands_but_is_not_an_inbound_policy() {
        let config = |policy: &str| {
            json!({
                "tools": {"exec": {"security": "full"}},
                "channels": {"telegram": {"accounts": {"a": {"groups": {"-1": {"topics": {"2": {"groupPolicy": policy}}}}}}}},
            })
        };
        assert_eq!(exposure(config("open")), ["critical open_channels_with_exec"]);
        assert!(exposure(config("allowlist")).is_empty() && exposure(config("Open")).is_empty());
    }
}
