//! What paired devices can be made to do, and who is paired as one. Answers the phone whose camera an agent was talked
//! into using, and the denial that denies nothing.

use std::collections::BTreeSet;

use crate::checks::Check;
use crate::finding::{Finding, Fix, Severity};
use crate::model::Model;
use crate::model::reach::{Entry, entry};

pub(super) const CHECK: Check = Check {
    ids: &[
        "gateway.nodes.allow_commands_dangerous",
        "gateway.nodes.deny_commands_ineffective",
        "gateway.pairing_auto_approve_wide",
    ],
    run,
};

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let (allow, deny) = (commands(model, "allow"), commands(model, "deny"));
    out.extend(dangerous(model, &allow, &deny));
    out.extend(ineffective(&allow, &deny));
    out.extend(auto_approve(model));
}

fn dangerous(model: &Model<'_>, allow: &BTreeSet<String>, deny: &BTreeSet<String>) -> Option<Finding> {
    let open: Vec<&str> = allow
        .difference(deny)
        .map(String::as_str)
        .filter(|command| DANGEROUS.iter().any(|known| known.eq_ignore_ascii_case(command)))
        .collect();
    if open.is_empty() {
        return None;
    }
    let severity = if model.gateway.remote_exposed { Severity::Critical } else { Severity::Warn };
    let finding = Finding::new("gateway.nodes.allow_commands_dangerous", severity, "Agents may watch, record or speak through paired devices")
        .detail(format!(
            "gateway.nodes.commands.allow has {}. An agent that was talked into it uses the camera, the screen, the contacts or \
             the messages of a paired device.",
            open.join(", ")
        ))
        .remedy("Take out what no agent needs, or add it to gateway.nodes.commands.deny.")
        .key("gateway.nodes.commands.allow");
    Some(finding)
}

fn ineffective(allow: &BTreeSet<String>, deny: &BTreeSet<String>) -> Option<Finding> {
    let (patterns, names): (Vec<&str>, Vec<&str>) =
        deny.iter().map(String::as_str).partition(|entry| is_pattern(entry));
    let unknown: Vec<&str> = names.into_iter().filter(|name| !KNOWN.contains(name) && !allow.contains(*name)).collect();
    let mut lines = Vec::new();
    if !patterns.is_empty() {
        lines.push(format!("- Patterns, which are not understood here: {}", patterns.join(", ")));
    }
    if !unknown.is_empty() {
        lines.push(format!("- Commands that no node has: {}", unknown.join(", ")));
    }
    if lines.is_empty() {
        return None;
    }
    let finding = Finding::new("gateway.nodes.deny_commands_ineffective", Severity::Warn, "A denied node command denies nothing")
        .detail(format!(
            "gateway.nodes.commands.deny takes exact names of node commands, such as \"system.run\"; nothing inside a command is \
             looked at.\n{}",
            lines.join("\n")
        ))
        .remedy("Write the exact names. To limit what runs in a shell, use the exec policy.")
        .key("gateway.nodes.commands.deny");
    Some(finding)
}

fn auto_approve(model: &Model<'_>) -> Option<Finding> {
    let listed = model.config().list(CIDRS);
    let wide: Vec<&str> = listed.iter().map(String::as_str).filter(|text| entry(text) == Entry::Wide).collect();
    if wide.is_empty() {
        return None;
    }
    let severity = if model.gateway.remote_exposed { Severity::Critical } else { Severity::Warn };
    let finding = Finding::new("gateway.pairing_auto_approve_wide", severity, "Devices of strangers are paired without being asked about")
        .detail(format!(
            "{CIDRS} has {}: any machine there becomes a node by asking. A false node answers the agent's commands with text \
             that steers it, and is sent what was meant for a real one.",
            wide.join(", ")
        ))
        .remedy("Remove it and approve nodes by hand, or list single addresses.")
        .key(CIDRS)
        .fix(Fix::ask("Approve nodes by hand").remove(CIDRS));
    Some(finding)
}

/// The commands of a list, in the key of either generation.
fn commands(model: &Model<'_>, list: &str) -> BTreeSet<String> {
    let keys = [format!("gateway.nodes.commands.{list}"), format!("gateway.nodes.{list}Commands")];
    let all = keys.iter().flat_map(|key| model.config().list(key));
    all.map(|command| command.trim().to_owned()).filter(|command| !command.is_empty()).collect()
}

fn is_pattern(entry: &str) -> bool {
    entry.contains(|c: char| "?*[]{}(),|".contains(c) || c.is_whitespace())
        || entry.starts_with(['/', '^'])
        || entry.ends_with(['/', '$'])
        || entry.contains("group:")
}

const CIDRS: &str = "gateway.nodes.pairing.autoApproveCidrs";

/// Commands that watch, record, write or speak.
const DANGEROUS: &[&str] = &[
    "camera.snap", "camera.clip", "camera.ptz.control", "screen.record", "contacts.add", "calendar.add",
    "reminders.add", "sms.send", "sms.search", "health.summary",
];

/// Every command that a node may have.
const KNOWN: &[&str] = &[
    "camera.list",
    "camera.ptz.status",
    "camera.snap",
    "camera.clip",
    "camera.ptz.control",
    "location.get",
    "device.info",
    "device.status",
    "device.permissions",
    "device.health",
    "device.apps",
    "contacts.search",
    "contacts.add",
    "calendar.events",
    "calendar.add",
    "callLog.search",
    "reminders.list",
    "reminders.add",
    "photos.latest",
    "motion.activity",
    "motion.pedometer",
    "notifications.list",
    "notifications.actions",
    "system.notify",
    "system.run.prepare",
    "system.run",
    "system.which",
    "system.execApprovals.get",
    "system.execApprovals.set",
    "fs.listDir",
    "terminal.upload",
    "browser.proxy",
    "browser.proxy.upload.v1",
    "mcp.tools.call.v1",
    "agent.cli.claude.run.v1",
    "screen.snapshot",
    "screen.record",
    "desktop.stream",
    "computer.act",
    "mobile.ui.observe",
    "mobile.ui.act",
    "watch.status",
    "watch.notify",
    "talk.ptt.start",
    "talk.ptt.stop",
    "talk.ptt.cancel",
    "talk.ptt.once",
    "sms.send",
    "sms.search",
    "health.summary",
];

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{findings, said, snapshot};

    fn of(nodes: Value) -> Vec<String> {
        let mut said = said(&snapshot(json!({"gateway": {"nodes": nodes}})), "gateway.");
        said.retain(|line| CHECK.ids.iter().any(|id| line.ends_with(id)));
        said
    }

    #[test]
    fn dangerous_commands_count_unless_they_are_denied() {
        let allow = |allow: Value, deny: Value| of(json!({"commands": {"allow": allow, "deny": deny}}));
        let weak = ["warn gateway.nodes.allow_commands_dangerous"];
        assert_eq!(allow(json!(["camera.snap", "screen.record"]), json!(["screen.record"])), weak);
        assert_eq!(allow(json!([" SMS.Send "]), json!([])), weak);
        assert_eq!(of(json!({"allowCommands": ["sms.send"]})), weak);
        assert!(allow(json!(["sms.send"]), json!([" sms.send"])).is_empty());
        assert!(allow(json!(["system.run"]), json!([])).is_empty());
        assert_eq!(
            allow(json!(["sms.send"]), json!(["SMS.SEND"])).len(),
            2,
            "a denial in other letters denies nothing"
        );
    }

    #[test]
    fn a_denial_that_matches_nothing_is_said() {
        let deny = |deny: Value| of(json!({"commands": {"allow": ["acme.do"], "deny": deny}}));
        for entry in ["system.*", "rm -rf /", "group:runtime", "camera.snapp", "/x/", "^system", "a|b"] {
            assert_eq!(deny(json!([entry])), ["warn gateway.nodes.deny_commands_ineffective"], "{entry}");
        }
        assert!(deny(json!(["system.run", "acme.do", "", 5])).len() == 1);
        assert!(deny(json!(["system.run", "acme.do"])).is_empty());
        let install = snapshot(json!({"gateway": {"nodes": {"commands": {"deny": ["system.*", "camera.snapp"]}}}}));
        let found = findings(&install, "gateway.nodes.deny");
        assert!(found[0].detail.contains("understood here: system.*") && found[0].detail.contains("has: camera.snapp"));
    }

    #[test]
    fn only_wide_ranges_are_strangers() {
        let pairing = |cidrs: Value| of(json!({"pairing": {"autoApproveCidrs": cidrs}}));
        assert_eq!(pairing(json!(["0.0.0.0/0"])), ["warn gateway.pairing_auto_approve_wide"]);
        assert!(pairing(json!(["192.168.1.0/24", "fd00:1234:5678::/64"])).is_empty());
    }
}
