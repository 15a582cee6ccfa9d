//! Sandboxes on another machine, and browsers in a sandbox.

use serde_json::Value;

use crate::checks::Check;
use crate::finding::{Finding, Fix, Severity};
use crate::model::Model;
use crate::model::agents::{Agent, Setting};

pub(super) const CHECK: Check = Check { ids: &[SSH, BROWSER], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for agent in model.agents.contexts() {
        findings.extend(written(agent, "ssh.strictHostKeyChecking").filter(|check| switched_off(check.value)).map(ssh));
        findings.extend(browser(agent));
    }
}

fn written<'s>(agent: &Agent<'s>, name: &str) -> Option<Setting<'s>> {
    let key = format!("sandbox.{name}");
    if agent.key.is_some() { agent.own(&key) } else { agent.setting(&key) }
}

fn switched_off(value: &Value) -> bool {
    match value {
        Value::Bool(check) => !check,
        Value::String(check) => matches!(check.trim().to_ascii_lowercase().as_str(), "no" | "off" | "false"),
        _ => false,
    }
}

fn ssh(setting: Setting<'_>) -> Finding {
    let key = setting.key;
    Finding::new(SSH, Severity::Warn, "The machine of a remote sandbox is not told from an impostor")
        .detail(format!(
            "{key} is off: whoever can answer for that address gets the workspace and the agent's \
            commands, and answers in its place."
        ))
        .remedy(format!("Take {key} away, and put the machine's key into known_hosts by hand."))
        .fix(Fix::ask("Check the key of the machine").set_at(key.clone(), true))
        .keys([key])
}

fn browser(agent: &Agent<'_>) -> Option<Finding> {
    let host = written(agent, "browser.allowHostControl").filter(|allow| *allow.value == Value::Bool(true));
    let range = written(agent, "browser.cdpSourceRange").filter(|range| is_wide(range.value));
    let mut lines = Vec::new();
    let mut keys = Vec::new();
    let mut fix = Fix::ask("Keep the browser of the sandbox to the sandbox");
    if let Some(Setting { key, .. }) = host {
        lines.push(format!("- {key}: the sandbox drives the browser of the host, with the operator's logins"));
        fix = fix.set_at(key.clone(), false);
        keys.push(key);
    }
    if let Some(Setting { key, .. }) = range {
        lines.push(format!("- {key}: others than this machine may drive the browser, without a password"));
        fix = fix.change(crate::Change::Remove { key: key.clone() });
        keys.push(key);
    }
    if lines.is_empty() {
        return None;
    }
    let finding = Finding::new(BROWSER, Severity::Warn, "A sandbox's browser reaches further than the sandbox")
        .detail(lines.join("\n"))
        .remedy(
            "Leave sandbox.browser.allowHostControl off, and sandbox.browser.cdpSourceRange to the gateway's own \
            address.",
        )
        .fix(fix)
        .keys(keys);
    Some(finding)
}

/// Whether a range of addresses holds more than this machine and single neighbours of it.
fn is_wide(value: &Value) -> bool {
    let Some(text) = value.as_str() else { return true };
    match text.trim().parse::<ipnet::IpNet>() {
        Ok(range) => !range.network().is_loopback() && range.prefix_len() < range.max_prefix_len(),
        Err(_) => text.trim().parse::<std::net::IpAddr>().is_err(),
    }
}

const SSH: &str = "sandbox.ssh_no_host_key_check";
const BROWSER: &str = "sandbox.browser_exposed";

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{said, snapshot};

    fn of(sandbox: Value) -> Vec<String> {
        let mut said = said(&snapshot(json!({"agents": {"entries": {"x": {"sandbox": sandbox}}}})), "sandbox.");
        said.retain(|line| line.contains("ssh") || line.contains("browser"));
        said
    }

    #[test]
    fn unchecked_machines_and_shared_browsers_are_told() {
        assert_eq!(of(json!({"ssh": {"strictHostKeyChecking": false}})), ["warn sandbox.ssh_no_host_key_check"]);
        assert_eq!(of(json!({"ssh": {"strictHostKeyChecking": "No"}})), ["warn sandbox.ssh_no_host_key_check"]);
        assert_eq!(of(json!({"browser": {"allowHostControl": true}})), ["warn sandbox.browser_exposed"]);
        assert_eq!(of(json!({"browser": {"cdpSourceRange": "0.0.0.0/0"}})), ["warn sandbox.browser_exposed"]);
        assert!(
            of(json!({"ssh": {"target": "me@box"}, "browser": {"enabled": true, "cdpSourceRange": "127.0.0.1/32"}}))
                .is_empty()
        );
    }
}
