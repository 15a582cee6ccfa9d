//! Weak models with authority: how weak a model is matters as much as what its agent may do.

use super::strength::{SMALL, SMALL_OF_FAMILY, legacy, parameters, weak};
use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::{Agent, Model};

pub(super) const CHECK: Check = Check { ids: &[ID], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let mut worst = None;
    let mut lines = Vec::new();
    let mut keys = Vec::new();
    for agent in &model.agents.list {
        let Some((severity, what)) = authority(model, agent) else { continue };
        for one in &agent.models {
            let Some((at_most, why)) = weakness(&one.id) else { continue };
            lines.push(format!("- agent {} runs on {} ({why}; {}) and {what}", agent.id, one.id, one.key));
            keys.push(one.key.clone());
            worst = worst.max(Some(severity.min(at_most)));
        }
    }
    let Some(severity) = worst else { return };
    let finding = Finding::new(ID, severity, "A model that is easily steered holds authority")
        .detail(format!(
            "{}\nOne page, mail or file with orders in it is enough to have such a model use what it \
            holds.",
            lines.join("\n")
        ))
        .remedy(
            "Run this agent on a current model of the first tier, fallbacks too; or take the tools from it: deny \
            exec, have every command asked, sandbox it, deny group:web.",
        )
        .keys(keys);
    findings.push(finding);
}

/// What an agent may do, when it is enough to matter.
fn authority(model: &Model<'_>, agent: &Agent<'_>) -> Option<(Severity, String)> {
    if agent.runs_on_host() && !agent.exec.asks_always() {
        return Some((Severity::Critical, "runs commands on the host".to_owned()));
    }
    if agent.runs_on_host() {
        return Some((Severity::Warn, "runs commands on the host, each of them asked".to_owned()));
    }
    if agent.runs_in_sandbox() {
        return Some((Severity::Warn, "runs commands in its sandbox".to_owned()));
    }
    let web: Vec<&str> = model.web.tools().filter(|tool| agent.may_use(tool)).collect();
    (!web.is_empty()).then(|| (Severity::Warn, format!("has {}", web.join(", "))))
}

/// How bad it can get with a model, and what is weak about it.
fn weakness(id: &str) -> Option<(Severity, String)> {
    if let Some(label) = legacy(id) {
        return Some((Severity::Critical, label.to_owned()));
    }
    if let Some(size) = parameters(id).filter(|size| *size <= SMALL) {
        return Some((Severity::Critical, format!("{size} billion parameters")));
    }
    let reasons = weak(id);
    match reasons.as_slice() {
        [] => None,
        // The small model of a current family holds out better than anything old.
        [SMALL_OF_FAMILY] => Some((Severity::Warn, SMALL_OF_FAMILY.to_owned())),
        reasons => Some((Severity::Critical, reasons.join(", "))),
    }
}

const ID: &str = "models.weak_with_authority";

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{said, snapshot};

    fn of(model: &str, tools: Value, sandbox: &str) -> Vec<String> {
        let config = json!({"agents": {"defaults": {"model": model, "sandbox": {"mode": sandbox}}}, "tools": tools});
        said(&snapshot(config), super::ID)
    }

    #[test]
    fn weakness_and_authority_multiply() {
        let weak = "openai/gpt-3.5-turbo";
        assert_eq!(of(weak, json!({}), "off"), ["critical models.weak_with_authority"]);
        assert_eq!(of("mistral/mixtral-8x22b", json!({}), "off"), ["critical models.weak_with_authority"]);
        assert_eq!(of("anthropic/claude-haiku-4-5", json!({}), "off"), ["warn models.weak_with_authority"]);
        assert_eq!(of("claude-3-5-haiku-latest", json!({}), "off"), ["critical models.weak_with_authority"]);
        assert_eq!(of(weak, json!({}), "all"), ["warn models.weak_with_authority"]);
        assert_eq!(of(weak, json!({"exec": {"ask": "always"}}), "off"), ["warn models.weak_with_authority"]);
        assert_eq!(of(weak, json!({"deny": ["BASH"]}), "off"), ["warn models.weak_with_authority"], "the web is left");
        assert!(of(weak, json!({"deny": ["bash", "group:web", "browser"]}), "off").is_empty());
        assert!(of("anthropic/claude-opus-4-6", json!({}), "off").is_empty());
        assert!(of("openai/gpt-6-astra", json!({}), "off").is_empty());
    }
}
