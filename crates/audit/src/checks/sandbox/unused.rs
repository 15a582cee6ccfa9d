//! Settings of containers that no session runs in: whoever wrote them believes in a sandbox that is not there.

use serde_json::Value;
use stockade_config::KeyPath;
use stockade_config::model::SandboxMode;

use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::{Agent, Model};

pub(super) const CHECK: Check = Check { ids: &[ID], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let agents = &model.agents;
    let unused: Vec<KeyPath> = std::iter::once(&agents.defaults)
        .filter(|_| agents.written().all(is_off))
        .filter_map(|defaults| Some(defaults.setting(DOCKER)?).filter(|_| is_off(defaults)))
        .chain(agents.written().filter(|agent| is_off(agent)).filter_map(|agent| agent.own(DOCKER)))
        .filter(|docker| {
            docker.value.as_object().is_some_and(|fields| fields.values().any(|value| *value != Value::Null))
        })
        .map(|docker| docker.key)
        .collect();
    if unused.is_empty() {
        return;
    }
    let names: Vec<String> = unused.iter().map(ToString::to_string).collect();
    let finding = Finding::new(ID, Severity::Warn, "Container settings have no effect: the sandbox is off")
        .detail(format!(
            "{} describe containers, and the sandbox mode there is off: commands run on the host, with everything \
             that the gateway's user may do.",
            names.join(", ")
        ))
        .remedy(
            "Turn the sandbox on (agents.defaults.sandbox.mode: \"all\"), or take the settings away so that \
            nobody counts on them.",
        )
        .keys(unused);
    findings.push(finding);
}

fn is_off(agent: &Agent<'_>) -> bool {
    agent.sandbox.mode.value == SandboxMode::Off
}

const ID: &str = "sandbox.docker_config_mode_off";
const DOCKER: &str = "sandbox.docker";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{findings, said, snapshot};

    #[test]
    fn settings_without_a_sandbox_are_named_where_they_stand() {
        let docker = json!({"image": "x"});
        let off = json!({"agents": {"defaults": {"sandbox": {"docker": docker}}, "entries": {"a": {},
            "b": {"sandbox": {"docker": docker}}}}});
        let found = findings(&snapshot(off), super::ID);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].places.len(), 2, "{:?}", found[0].places);
        let one_on = json!({"agents": {"defaults": {"sandbox": {"docker": docker}},
            "entries": {"a": {"sandbox": {"mode": "all"}}}}});
        assert!(said(&snapshot(one_on), super::ID).is_empty());
        assert!(said(&snapshot(json!({"agents": {"defaults": {"sandbox": {"docker": {}}}}})), super::ID).is_empty());
    }
}
