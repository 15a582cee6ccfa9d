//! Switches that say of themselves that they are dangerous: one finding each, so that each can be suppressed with a reason.

use serde_json::Value;

use crate::checks::Check;
use crate::finding::{Change, Finding, Fix, KeyPath, Place, Severity};
use crate::model::Model;
use crate::snapshot::ConfigFacts;

pub(super) const CHECK: Check = Check { ids: &["config.insecure_or_dangerous_flags"], run };

/// A switch that is on: its key, the value that is dangerous, and the safe one, if a value and not absence is safe.
struct Flag {
    key: KeyPath,
    shown: String,
    safe: Option<Value>,
}

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    for flag in flags(model.config()) {
        let what = format!("Put {} back to its safe value", flag.key);
        let change = match flag.safe {
            Some(to) => Change::Set { key: flag.key.clone(), to },
            None => Change::Remove { key: flag.key.clone() },
        };
        out.push(
            finding(format!(
                "{} is set. It takes a protection away on purpose; see that it is still needed.",
                flag.shown
            ))
            .remedy("Take it back when it is not needed. When it is, suppress this one with its reason.")
            .at(Place::Key(flag.key))
            .fix(Fix::ask(what).change(change)),
        );
    }
    let suppressed = model.config().get(SUPPRESSIONS).and_then(Value::as_array).map_or(0, Vec::len);
    if suppressed > 0 {
        out.push(
            finding(format!(
                "{SUPPRESSIONS} configured ({suppressed}). Findings are hidden by the config that is audited."
            ))
            .remedy("Look through them, and remove what is no longer meant.")
            .key(SUPPRESSIONS),
        );
    }
}

fn finding(detail: String) -> Finding {
    Finding::new("config.insecure_or_dangerous_flags", Severity::Warn, "A dangerous switch is on").detail(detail)
}

fn flags(config: &ConfigFacts) -> Vec<Flag> {
    let mut found: Vec<Flag> =
        SWITCHES.iter().filter_map(|(key, dangerous)| flag(config, KeyPath::dotted(key), *dangerous)).collect();
    let mappings = KeyPath::dotted("hooks.mappings");
    for index in 0..length(config, "hooks.mappings") {
        let key = mappings.child(index.to_string()).child("allowUnsafeExternalContent");
        // OpenClaw's own spelling, which suppressions quote.
        let shown = format!("hooks.mappings[{index}].allowUnsafeExternalContent=true");
        found.extend(flag(config, key, true).map(|flag| Flag { shown, ..flag }));
    }
    for agent in agents(config) {
        let docker = agent.child("sandbox").child("docker");
        found.extend(DOCKER.iter().filter_map(|switch| flag(config, docker.child(*switch), true)));
    }
    let accounts = KeyPath::dotted(IMAP);
    for (account, fields) in config.fields(IMAP) {
        let sender = accounts.child(account).child("senderAuth");
        found.extend(flag(config, sender.child("acceptTrustedAuthservId"), true));
        let least = fields.pointer("/senderAuth/min");
        found.extend(named(sender.child("min"), least, &["unverified", "mutable"]));
    }
    let permissions = "plugins.entries.acpx.config.permissionMode";
    found.extend(named(KeyPath::dotted(permissions), config.get(permissions), &["approve-all"]));
    found
}

/// A switch that stands at its dangerous value.
fn flag(config: &ConfigFacts, key: KeyPath, dangerous: bool) -> Option<Flag> {
    if config.at(&key) != Some(&Value::Bool(dangerous)) {
        return None;
    }
    // What is dangerous when false is safe when true; the rest is safe when it is not there.
    Some(Flag { shown: format!("{key}={dangerous}"), key, safe: (!dangerous).then_some(Value::Bool(true)) })
}

/// A word that is dangerous.
fn named(key: KeyPath, value: Option<&Value>, dangerous: &[&str]) -> Option<Flag> {
    let word = value?.as_str()?.trim();
    dangerous.contains(&word).then(|| Flag { shown: format!("{key}={word}"), key, safe: None })
}

/// Where agents are configured: the defaults, and each agent in the form of either generation.
fn agents(config: &ConfigFacts) -> Vec<KeyPath> {
    let entries = KeyPath::dotted("agents.entries");
    let list = KeyPath::dotted("agents.list");
    let entries = config.fields("agents.entries").map(|(id, _)| entries.child(id));
    let listed = (0..length(config, "agents.list")).map(|index| list.child(index.to_string()));
    [KeyPath::dotted("agents.defaults")].into_iter().chain(entries).chain(listed).collect()
}

fn length(config: &ConfigFacts, key: &str) -> usize {
    config.get(key).and_then(Value::as_array).map_or(0, Vec::len)
}

const SUPPRESSIONS: &str = "security.audit.suppressions";
const IMAP: &str = "plugins.entries.imap.config.accounts";

/// Each switch, and the value that is dangerous.
const SWITCHES: &[(&str, bool)] = &[
    ("gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback", true),
    ("hooks.gmail.allowUnsafeExternalContent", true),
    ("hooks.allowRequestSessionKey", true),
    ("browser.ssrfPolicy.dangerouslyAllowPrivateNetwork", true),
    ("tools.exec.applyPatch.workspaceOnly", false),
    ("tools.fs.workspaceOnly", false),
];

/// Switches of a sandbox.
const DOCKER: &[&str] = &[
    "dangerouslyAllowReservedContainerTargets",
    "dangerouslyAllowExternalBindSources",
    "dangerouslyAllowContainerNamespaceJoin",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{findings, snapshot};

    const ID: &str = "config.insecure_or_dangerous_flags";

    fn details(config: Value) -> Vec<String> {
        findings(&snapshot(config), ID).into_iter().map(|finding| finding.detail).collect()
    }

    #[test]
    fn each_switch_is_one_finding() {
        let loose = json!({
            "tools": {"exec": {"applyPatch": {"workspaceOnly": false}}, "fs": {"workspaceOnly": false}},
            "security": {"audit": {"suppressions": [{"checkId": "a"}, {}, {}]}},
            "hooks": {"mappings": [{}, {"allowUnsafeExternalContent": true}]},
            "agents": {"entries": {"dotted.id": {"sandbox": {"docker": {"dangerouslyAllowExternalBindSources": true}}}}},
            "plugins": {"entries": {"imap": {"config": {"accounts": {"a": {"senderAuth": {"min": "mutable", "acceptTrustedAuthservId": true}}}}},
                "acpx": {"config": {"permissionMode": "approve-all"}}}},
        });
        let details = details(loose);
        assert_eq!(details.len(), 8, "{details:?}");
        for part in [
            "tools.fs.workspaceOnly=false",
            "security.audit.suppressions configured (3)",
            "hooks.mappings[1].allowUnsafeExternalContent=true",
        ] {
            assert!(details.iter().any(|detail| detail.contains(part)), "{part}");
        }
    }

    #[test]
    fn safe_values_and_other_kinds_are_quiet() {
        assert!(
            details(json!({"tools": {"fs": {"workspaceOnly": true}}, "hooks": {"mappings": {}}, "agents": 5}))
                .is_empty()
        );
        assert!(
            details(json!({"tools": {"fs": {"workspaceOnly": "false"}}, "security": {"audit": {"suppressions": []}}}))
                .is_empty()
        );
    }

    #[test]
    fn the_fix_keeps_a_dotted_name_whole() {
        let install = snapshot(
            json!({"agents": {"entries": {"a.b": {"sandbox": {"docker": {"dangerouslyAllowContainerNamespaceJoin": true}}}}}}),
        );
        let fix = serde_json::to_value(&findings(&install, ID)[0].fix).expect("JSON");
        assert_eq!(fix["changes"][0]["remove"]["key"][2], "a.b");
        let fs = findings(&snapshot(json!({"tools": {"fs": {"workspaceOnly": false}}})), ID);
        assert_eq!(fs[0].fix.as_ref().map(|fix| fix.changes.len()), Some(1));
    }
}
