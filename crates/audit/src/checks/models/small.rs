//! Small models with a way to the web.

use super::strength::{SMALL, parameters, written};
use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::Model;
use crate::model::models::ModelRef;

pub(super) const CHECK: Check = Check { ids: &[ID], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let small: Vec<(ModelRef, Vec<&str>)> = written(model)
        .into_iter()
        .filter(|one| parameters(&one.id).is_some_and(|size| size <= SMALL))
        .map(|one| {
            let exposed = exposed(model, &one);
            (one, exposed)
        })
        .collect();
    if small.is_empty() {
        return;
    }
    let severity = if small.iter().any(|(_, tools)| !tools.is_empty()) { Severity::Critical } else { Severity::Info };
    let lines: Vec<String> = small
        .iter()
        .map(|(one, tools)| {
            let reach =
                if tools.is_empty() { "no way to the web".to_owned() } else { format!("with {}", tools.join(", ")) };
            format!("- {}: {reach} ({})", one.id, one.key)
        })
        .collect();
    let finding = Finding::new(ID, severity, "A small model is in use")
        .detail(format!(
            "{}\nA small model follows the orders in a web page. With a tool that reads one, whoever \
            writes the page steers the agent.",
            lines.join("\n")
        ))
        .remedy(
            "Give a small model no web: tools.byProvider.\"<provider/model>\".deny: [\"group:web\", \"browser\"], \
            and run it in a sandbox (mode \"all\").",
        )
        .keys(small.into_iter().map(|(one, _)| one.key));
    findings.push(finding);
}

/// The tools of the web that an agent has on this model.
fn exposed(model: &Model<'_>, one: &ModelRef) -> Vec<&'static str> {
    let own = |key: Option<stockade_config::KeyPath>| key.is_some_and(|key| one.key.parts().starts_with(key.parts()));
    let agent = model.agents.written().find(|agent| own(agent.key.clone())).unwrap_or(&model.agents.defaults);
    let tools = agent.tools_on(one);
    model.web.tools().filter(|tool| tools.allows(tool)).collect()
}

const ID: &str = "models.small_params";

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{said, snapshot};

    fn of(agents: Value, tools: Value) -> Vec<String> {
        said(&snapshot(json!({"agents": agents, "tools": tools})), super::ID)
    }

    #[test]
    fn the_web_makes_it_critical() {
        let small = json!({"defaults": {"model": "ollama/llama3.1:8b"}});
        assert_eq!(of(small.clone(), json!({})), ["critical models.small_params"]);
        let no_web = json!({"deny": [" Group:Web ", "BROWSER"]});
        assert_eq!(of(small.clone(), no_web), ["info models.small_params"]);
        let of_model = json!({"byProvider": {"Ollama/llama3.1:8B": {"deny": ["web_*", "browser"]}}});
        assert_eq!(of(small.clone(), of_model), ["info models.small_params"]);
        let of_other = json!({"byProvider": {"openai": {"deny": ["*"]}}});
        assert_eq!(of(small, of_other), ["critical models.small_params"]);
        let boxed = json!({"defaults": {"model": "ollama/llama3.1:8b", "sandbox": {"mode": "all"}}});
        assert_eq!(of(boxed.clone(), json!({})), ["info models.small_params"]);
        assert_eq!(
            of(boxed, json!({"sandbox": {"tools": {"alsoAllow": ["browser"]}}})),
            ["critical models.small_params"]
        );
    }
}
