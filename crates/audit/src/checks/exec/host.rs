//! Commands that are sent to a sandbox that is not there.

use stockade_config::KeyPath;
use stockade_config::model::SandboxMode;

use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::{Agent, Model};

pub(super) const CHECK: Check = Check { ids: &[DEFAULTS, AGENTS], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let off = |agent: &Agent<'_>| agent.sandbox.mode.value == SandboxMode::Off;
    if model.config().text(HOST) == Some("sandbox") && off(&model.agents.defaults) {
        findings.push(said(DEFAULTS, vec![KeyPath::dotted(HOST)], "agents.defaults.sandbox.mode"));
    }
    let sends = |agent: &&Agent<'_>| agent.own(HOST).is_some_and(|host| host.value == "sandbox");
    let keys: Vec<KeyPath> = model
        .agents
        .written()
        .filter(sends)
        .filter(|agent| off(agent))
        .filter_map(|agent| agent.own_key(HOST))
        .collect();
    if !keys.is_empty() {
        findings.push(said(AGENTS, keys, "the agent's sandbox.mode"));
    }
}

fn said(id: &str, keys: Vec<KeyPath>, mode: &str) -> Finding {
    let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
    Finding::new(id, Severity::Warn, "Commands are sent to a sandbox that is switched off")
        .detail(format!(
            "{} says \"sandbox\", and {mode} is off: no command runs. Whoever is in a hurry sets the host \
            to \"gateway\" and is on the host.",
            names.join(", ")
        ))
        .remedy(format!("Set {mode} to \"all\"."))
        .keys(keys)
}

const DEFAULTS: &str = "tools.exec.host_sandbox_no_sandbox_defaults";
const AGENTS: &str = "tools.exec.host_sandbox_no_sandbox_agents";
const HOST: &str = "tools.exec.host";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{said, snapshot};

    #[test]
    fn a_sandbox_that_is_off_is_told() {
        let config = json!({"tools": {"exec": {"host": "sandbox"}}, "agents": {"list": [{"id": "a",
            "tools": {"exec": {"host": "sandbox"}}}]}});
        assert_eq!(
            said(&snapshot(config), "tools.exec.host_"),
            ["warn tools.exec.host_sandbox_no_sandbox_agents", "warn tools.exec.host_sandbox_no_sandbox_defaults"]
        );
        let on =
            json!({"tools": {"exec": {"host": "sandbox"}}, "agents": {"defaults": {"sandbox": {"mode": "non-main"}}}});
        assert!(said(&snapshot(on), "tools.exec.host_").is_empty());
    }
}
