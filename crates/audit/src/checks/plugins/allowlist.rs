//! `plugins.allow`: without it whatever lies in `extensions` may load; with a name that nobody bears, whoever takes
//! that name does. Answers "a dropped folder becomes a plugin" and "a plugin registers a name that was trusted".

use serde_json::{Value, json};

use super::super::Check;
use super::bundled::BUNDLED;
use super::extensions;
use crate::finding::{Change, Finding, Fix, KeyPath, Severity};
use crate::model::Model;
use crate::snapshot::ConfigFacts;
use crate::snapshot::config::texts;

pub(super) const CHECK: Check = Check { ids: &[NO_ALLOWLIST, PHANTOM], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let folders: Vec<String> = extensions(model).collect();
    if folders.is_empty() {
        return;
    }
    let configured =
        model.config().get("plugins.allow").and_then(Value::as_array).is_some_and(|allow| !allow.is_empty());
    findings.extend(if configured { phantoms(model, &folders) } else { Some(no_allowlist(model, &folders)) });
}

fn no_allowlist(model: &Model<'_>, folders: &[String]) -> Finding {
    let config = model.config();
    let chats: Vec<&str> = CHATS.iter().filter(|chat| offers_skills(config, chat)).map(|chat| chat.id).collect();
    let severity = if chats.is_empty() { Severity::Warn } else { Severity::Critical };
    let mut detail = format!(
        "There are {} plugins below {}/extensions ({}), and plugins.allow names none: whatever lies there may load, and \
         runs as the gateway with all its secrets. Who can put a folder there has the gateway.",
        folders.len(),
        model.snapshot.install.state,
        folders.join(", "),
    );
    if !chats.is_empty() {
        detail.push_str(&format!(
            " Skill commands are on in {}, so that a chat can set plugin code off.",
            chats.join(", ")
        ));
    }
    // No fix: which of the bundled plugins must be on the list only a running gateway knows.
    let remedy = "List in plugins.allow the ids of the plugins that you use and trust, those of the bundled ones that you \
                  use among them (openclaw plugins list): nothing else loads then. Delete folders that you do not know.";
    Finding::new(NO_ALLOWLIST, severity, "Any plugin in the extensions folder may load")
        .detail(detail)
        .remedy(remedy)
        .key("plugins.allow")
}

fn phantoms(model: &Model<'_>, folders: &[String]) -> Option<Finding> {
    let snapshot = model.snapshot;
    let mut known: Vec<String> = folders.to_vec();
    known.extend(snapshot.plugins.iter().map(|plugin| plugin.id.to_ascii_lowercase()));
    known.extend(snapshot.installs.iter().filter(|record| !record.hook).map(|record| record.id.to_ascii_lowercase()));
    let allowed = texts(model.config().get("plugins.allow"));
    let is_phantom = |entry: &&String| {
        let id = entry.to_ascii_lowercase();
        *entry != "group:plugins" && !BUNDLED.contains(&id.as_str()) && !known.contains(&id)
    };
    let phantoms: Vec<String> = allowed.iter().filter(is_phantom).cloned().collect();
    if phantoms.is_empty() {
        return None;
    }
    let detail = format!(
        "plugins.allow names {}, and no such plugin is installed. The name is trusted beforehand: whoever brings a \
         plugin of that name is let in.",
        phantoms.join(", ")
    );
    let finding = Finding::new(PHANTOM, Severity::Warn, "The list of allowed plugins names some that do not exist")
        .detail(detail)
        .remedy("Take names of plugins that you no longer use out of plugins.allow, or install what is missing.")
        .key("plugins.allow");
    // An empty list would let everything in.
    if phantoms.len() == allowed.len() {
        return Some(finding);
    }
    let drop =
        |fix: Fix, name: &String| fix.change(Change::Drop { key: KeyPath::dotted("plugins.allow"), item: json!(name) });
    Some(finding.fix(phantoms.iter().fold(Fix::ask("take the names without a plugin out of plugins.allow"), drop)))
}

/// A chat on which skills can be commands.
struct Chat {
    id: &'static str,
    /// The keys of which one must have a value for it to be set up.
    credentials: &'static [&'static str],
    /// Whether skills are commands there unless somebody turns it off.
    by_default: bool,
}

/// Whether skills are commands on a chat that is set up.
fn offers_skills(config: &ConfigFacts, chat: &Chat) -> bool {
    let Some(section) = config.get(&format!("channels.{}", chat.id)) else { return false };
    let is_on = |section: &Value| section.get("enabled") != Some(&Value::Bool(false));
    let has = |section: &Value| {
        chat.credentials.iter().any(|key| section.get(key).is_some_and(|value| is_set(config, value)))
    };
    let accounts = section.get("accounts").and_then(Value::as_object);
    let account = || accounts.into_iter().flatten().any(|(_, account)| is_on(account) && has(account));
    if !is_on(section) || !(has(section) || account()) {
        return false;
    }
    let setting = section.pointer("/commands/nativeSkills").or_else(|| config.get("commands.nativeSkills"));
    setting.and_then(Value::as_bool).unwrap_or(chat.by_default)
}

fn is_set(config: &ConfigFacts, value: &Value) -> bool {
    match config.secret_of(value) {
        Some(secret) => secret.has_value() || matches!(secret.source, crate::snapshot::SecretSource::Reference(..)),
        None => value.as_str().is_some_and(|text| !text.trim().is_empty()),
    }
}

const NO_ALLOWLIST: &str = "plugins.extensions_no_allowlist";
const PHANTOM: &str = "plugins.allow_phantom_entries";
const CHATS: &[Chat] = &[
    Chat { id: "telegram", credentials: &["botToken", "tokenFile"], by_default: true },
    Chat { id: "discord", credentials: &["token"], by_default: true },
    Chat { id: "slack", credentials: &["botToken"], by_default: false },
    Chat { id: "mattermost", credentials: &["botToken"], by_default: false },
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::snapshot::{InstallRecord, Plugin, Snapshot};
    use crate::testing::{findings, said, snapshot};

    fn with(config: Value, folders: &[&str]) -> Snapshot {
        let plugin = |folder: &&str| Plugin { folder: (*folder).into(), id: (*folder).into(), ..Plugin::default() };
        Snapshot { plugins: folders.iter().map(plugin).collect(), ..snapshot(config) }
    }

    #[test]
    fn a_missing_list_is_critical_when_a_chat_can_set_plugins_off() {
        let telegram = json!({"channels": {"telegram": {"botToken": "1:A"}}});
        assert_eq!(said(&with(telegram.clone(), &["x"]), NO_ALLOWLIST), ["critical plugins.extensions_no_allowlist"]);
        assert!(said(&with(telegram, &[]), "plugins.").is_empty(), "there is nothing to load");
        for config in [
            json!({}),
            json!({"plugins": {"allow": []}}),
            json!({"channels": {"telegram": {"enabled": false, "botToken": "1:A"}}}),
            json!({"channels": {"telegram": {"dmPolicy": "pairing"}, "discord": {"token": "${UNSET}"}}}),
            json!({"channels": {"telegram": {"botToken": "1:A", "commands": {"nativeSkills": false}}}}),
            json!({"channels": {"telegram": {"botToken": "1:A"}}, "commands": {"nativeSkills": false}}),
            json!({"channels": {"slack": {"botToken": "xoxb-1"}}}),
        ] {
            assert_eq!(
                said(&with(config.clone(), &["x"]), NO_ALLOWLIST),
                ["warn plugins.extensions_no_allowlist"],
                "{config}"
            );
        }
        for config in [
            json!({"channels": {"slack": {"botToken": "xoxb-1", "commands": {"nativeSkills": true}}}}),
            json!({"channels": {"discord": {"accounts": {"a": {"token": {"source": "env", "provider": "p", "id": "T"}}}}}}),
        ] {
            assert_eq!(
                said(&with(config.clone(), &["x"]), NO_ALLOWLIST),
                ["critical plugins.extensions_no_allowlist"],
                "{config}"
            );
        }
    }

    #[test]
    fn names_that_nobody_bears_are_found_and_known_ones_are_not() {
        let allow = |list: Value| with(json!({"plugins": {"allow": list}}), &["miner"]);
        let ghosts =
            findings(&allow(json!(["miner", "ghost-plugin", "browser", "group:plugins", "Telegram"])), PHANTOM);
        assert_eq!(ghosts.len(), 1);
        assert!(ghosts[0].detail.contains("ghost-plugin") && !ghosts[0].detail.contains("miner"));
        assert_eq!(ghosts[0].fix.as_ref().expect("a fix").changes.len(), 1);
        let only = findings(&allow(json!(["ghost"])), PHANTOM);
        assert_eq!(only[0].fix, None, "an empty list would let everything in");
        assert!(said(&allow(json!(["MINER", "browser"])), "plugins.allow").is_empty());
        let mut installed = allow(json!(["miner", "discord"]));
        installed.installs =
            vec![InstallRecord { id: "discord".into(), source: "path".into(), ..InstallRecord::default() }];
        assert!(said(&installed, PHANTOM).is_empty(), "it is installed elsewhere");
        installed.installs[0].hook = true;
        assert_eq!(said(&installed, PHANTOM).len(), 1, "a hook is no plugin");
    }

    #[test]
    fn the_table_is_sorted_and_has_what_is_asked_most() {
        assert!(BUNDLED.is_sorted() && BUNDLED.contains(&"browser") && !BUNDLED.contains(&"discord"));
    }
}
