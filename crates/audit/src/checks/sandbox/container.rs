//! Options of a sandbox's containers that undo it.

use serde_json::Value;

use crate::checks::Check;
use crate::finding::{Finding, Fix, Severity};
use crate::model::Model;
use crate::model::agents::{Agent, Setting};

pub(super) const CHECK: Check = Check { ids: &[NETWORK, SECCOMP, APPARMOR, WEAK], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for agent in model.agents.contexts() {
        let written = |name: &str| written(agent, name);
        findings.extend(written("network").and_then(network));
        findings.extend(
            written("seccompProfile")
                .and_then(|setting| unconfined(&setting, SECCOMP, "System calls of a sandbox are not filtered")),
        );
        findings.extend(
            written("apparmorProfile")
                .and_then(|setting| unconfined(&setting, APPARMOR, "A sandbox runs without its AppArmor profile")),
        );
        findings.extend(Some(agent).filter(|agent| in_force(model, agent)).and_then(weak));
    }
}

/// What the defaults write for the defaults, and an agent for itself.
fn written<'s>(agent: &Agent<'s>, name: &str) -> Option<Setting<'s>> {
    let key = format!("sandbox.docker.{name}");
    if agent.key.is_some() { agent.own(&key) } else { agent.setting(&key) }
}

/// Whether some container is made by what stands there.
fn in_force(model: &Model<'_>, agent: &Agent<'_>) -> bool {
    match agent.key {
        Some(_) => agent.sandbox.heeds_own(),
        None => model.agents.list.iter().any(|agent| agent.sandbox.holds_others()),
    }
}

fn network(setting: Setting<'_>) -> Option<Finding> {
    let mode = setting.value.as_str()?.trim().to_lowercase();
    let what = if mode == "host" {
        "the network of the host: every service on loopback, the gateway's own port among them"
    } else if mode.starts_with("container:") {
        "the network of another container, and with it that container's open ports and its traffic"
    } else {
        return None;
    };
    let key = setting.key;
    let finding = Finding::new(NETWORK, Severity::Critical, "A sandbox shares a network that is not its own")
        .detail(format!("{key} is {mode:?}. What runs in the sandbox has {what}."))
        .remedy(format!("Set {key} to \"none\", or to a bridge network of its own."))
        .fix(Fix::ask("Cut the sandbox off the network").set_at(key.clone(), "none"))
        .keys([key]);
    Some(finding)
}

fn unconfined(setting: &Setting<'_>, id: &str, title: &str) -> Option<Finding> {
    setting.value.as_str().filter(|profile| profile.trim().eq_ignore_ascii_case("unconfined"))?;
    let key = &setting.key;
    let fix = Fix::ask("Go back to the engine's own profile").change(crate::Change::Remove { key: key.clone() });
    let finding = Finding::new(id, Severity::Critical, title)
        .detail(format!(
            "{key} is \"unconfined\": a flaw of the kernel is one call away from whatever runs in the sandbox."
        ))
        .remedy(format!("Take {key} away; the engine's own profile then holds."))
        .fix(fix)
        .keys([key.clone()]);
    Some(finding)
}

/// Everything that is weak in one place, in one finding: each alone is a step, not a way out.
fn weak(agent: &Agent<'_>) -> Option<Finding> {
    let mut found = Vec::new();
    let mut fix = Fix::ask("Take the weak settings of the container away; the defaults are the strict ones");
    for (name, what) in OPTIONS {
        let Some(setting) = written(agent, name).filter(|setting| is_weak(name, setting.value)) else { continue };
        fix = fix.change(crate::Change::Remove { key: setting.key.clone() });
        found.push((setting.key, *what));
    }
    if found.is_empty() {
        return None;
    }
    let lines: Vec<String> = found.iter().map(|(key, what)| format!("- {key}: {what}")).collect();
    let finding = Finding::new(WEAK, Severity::Warn, "The containers of a sandbox are weaker than they need be")
        .detail(format!("What breaks out of a program in the sandbox is helped by:\n{}", lines.join("\n")))
        .remedy(
            "Take these keys away: unset, a container has no network, no capabilities, a root it cannot write, \
            and a user without rights. Hand secrets to the one tool that needs them, not to the sandbox.",
        )
        .keys(found.into_iter().map(|(key, _)| key))
        .fix(fix);
    Some(finding)
}

fn is_weak(name: &str, value: &Value) -> bool {
    let text = value.as_str().map(|text| text.trim().to_ascii_lowercase());
    match name {
        "capDrop" => !value.as_array().is_some_and(|caps| caps.iter().any(is_all)),
        "user" => text.is_some_and(|user| {
            let user = user.split(':').next().unwrap_or_default().to_owned();
            user == "root" || !user.is_empty() && user.bytes().all(|digit| digit == b'0')
        }),
        "readOnlyRoot" => *value != Value::Bool(true),
        // What shares a network of others has a finding of its own.
        "network" => {
            text.is_some_and(|net| !matches!(net.as_str(), "none" | "host" | "") && !net.starts_with("container:"))
        }
        "env" => {
            value.as_object().is_some_and(|env| env.iter().any(|(name, value)| value.is_object() || is_secret(name)))
        }
        "pidsLimit" => value.as_i64().is_some_and(|limit| limit <= 0),
        "dangerouslyAllowContainerNamespaceJoin" => *value == Value::Bool(true),
        _ => false,
    }
}

fn is_all(cap: &Value) -> bool {
    cap.as_str().is_some_and(|cap| cap.trim().eq_ignore_ascii_case("all"))
}

/// Names under which programs look for credentials.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "API_KEY", "APIKEY", "PRIVATE_KEY", "CREDENTIAL"]
        .iter()
        .any(|part| name.contains(part))
}

const OPTIONS: &[(&str, &str)] = &[
    ("capDrop", "capabilities of the kernel stay"),
    ("user", "its programs run as root"),
    ("readOnlyRoot", "its system can be written"),
    ("network", "it reaches the network, and what it reads can leave by it"),
    ("env", "secrets stand in its environment, for every program in it"),
    ("pidsLimit", "one program can use up every process"),
    ("dangerouslyAllowContainerNamespaceJoin", "it may join another container"),
];

const NETWORK: &str = "sandbox.dangerous_network_mode";
const SECCOMP: &str = "sandbox.dangerous_seccomp_profile";
const APPARMOR: &str = "sandbox.dangerous_apparmor_profile";
const WEAK: &str = "sandbox.weak_container";

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{findings, said, snapshot};

    fn of(docker: Value) -> Vec<String> {
        let mut said = said(
            &snapshot(json!({"agents": {"defaults": {"sandbox": {"mode": "all", "docker": docker}}}})),
            "sandbox.",
        );
        said.retain(|line| ["dangerous", "weak"].iter().any(|word| line.contains(word)));
        said
    }

    #[test]
    fn shared_networks_and_dropped_profiles_are_critical() {
        assert_eq!(of(json!({"network": " HOST "})), ["critical sandbox.dangerous_network_mode"]);
        assert_eq!(of(json!({"network": "Container:db"})), ["critical sandbox.dangerous_network_mode"]);
        assert_eq!(of(json!({"seccompProfile": "Unconfined"})), ["critical sandbox.dangerous_seccomp_profile"]);
        assert_eq!(of(json!({"apparmorProfile": "unconfined"})), ["critical sandbox.dangerous_apparmor_profile"]);
    }

    #[test]
    fn weak_settings_are_told_together() {
        let docker = json!({"capDrop": [], "user": "00:0", "readOnlyRoot": false, "network": "bridge",
            "env": {"API_TOKEN": "x"}, "pidsLimit": -1});
        let found = findings(
            &snapshot(json!({"agents": {"defaults": {"sandbox": {"mode": "all", "docker": docker}}}})),
            super::WEAK,
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].places.len(), 6, "{}", found[0].detail);
    }

    #[test]
    fn strict_ones_are_fine() {
        assert!(
            of(json!({"capDrop": ["ALL"], "user": "1000:1000", "readOnlyRoot": true, "network": "none",
            "pidsLimit": 256, "env": {"LANG": "C"}}))
            .is_empty()
        );
        assert!(of(json!({})).is_empty());
        let unused = json!({"agents": {"entries": {"a": {"sandbox": {"docker": {"user": "root"}}}}}});
        assert!(said(&snapshot(unused), super::WEAK).is_empty(), "no container is made by it");
        assert!(of(json!({"capDrop": 3, "user": [], "network": {}, "env": "x"})).len() <= 1);
    }
}
