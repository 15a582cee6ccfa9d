//! A minimal profile for all that single agents leave.

use stockade_config::KeyPath;

use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::Model;

pub(super) const CHECK: Check = Check { ids: &[ID], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    if model.config().text("tools.profile") != Some("minimal") {
        return;
    }
    let other: Vec<(KeyPath, String)> = model
        .agents
        .written()
        .filter_map(|agent| agent.own("tools.profile"))
        .filter_map(|profile| Some((profile.key, profile.value.as_str()?.to_owned())))
        .filter(|(_, word)| !word.is_empty() && word != "minimal")
        .collect();
    if other.is_empty() {
        return;
    }
    let lines: Vec<String> = other.iter().map(|(key, word)| format!("- {key}: {word:?}")).collect();
    let finding = Finding::new(ID, Severity::Warn, "The minimal profile does not hold for every agent")
        .detail(format!("tools.profile is \"minimal\", and these agents have more:\n{}", lines.join("\n")))
        .remedy(
            "Take the agents' own profiles away where they need no more tools; name the tools that they need in \
            alsoAllow.",
        )
        .keys(other.into_iter().map(|(key, _)| key));
    findings.push(finding);
}

const ID: &str = "tools.profile_minimal_overridden";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{said, snapshot};

    #[test]
    fn an_agent_with_more_is_told() {
        let config = |all: &str, own: &str| {
            json!({"tools": {"profile": all},
            "agents": {"entries": {"a": {"tools": {"profile": own}}}}})
        };
        assert_eq!(said(&snapshot(config("minimal", "full")), super::ID), ["warn tools.profile_minimal_overridden"]);
        assert!(said(&snapshot(config("minimal", "minimal")), super::ID).is_empty());
        assert!(said(&snapshot(config("coding", "full")), super::ID).is_empty());
    }
}
