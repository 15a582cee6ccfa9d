//! Models that are old or below the recommended tiers: they obey injected text more readily.

use stockade_config::KeyPath;

use super::strength::{legacy, weak, written};
use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::Model;
use crate::model::models::{ModelRef, written_at};

pub(super) const CHECK: Check = Check { ids: &[LEGACY, WEAK], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let mut models = written(model);
    models.extend(written_at(model.config(), &KeyPath::dotted("agents.defaults.imageModel")));
    let old: Vec<(&ModelRef, String)> =
        models.iter().filter_map(|one| Some((one, legacy(&one.id)?.to_owned()))).collect();
    let weak: Vec<(&ModelRef, String)> =
        models.iter().map(|one| (one, weak(&one.id).join(", "))).filter(|(_, why)| !why.is_empty()).collect();
    findings.extend(said(LEGACY, "A model is of a generation that obeys what it reads", &old));
    findings.extend(said(WEAK, "A model is below the recommended tiers", &weak));
}

fn said(id: &str, title: &str, found: &[(&ModelRef, String)]) -> Option<Finding> {
    if found.is_empty() {
        return None;
    }
    let lines: Vec<String> =
        found.iter().map(|(model, why)| format!("- {}: {why} ({})", model.id, model.key)).collect();
    let finding = Finding::new(id, Severity::Warn, title)
        .detail(format!(
            "{}\nOld and small models take orders from the pages, mails and files that they read more \
            readily.",
            lines.join("\n")
        ))
        .remedy(
            "Run agents that have tools, or that strangers write to, on a current model of the first tier; \
            fallbacks as well, since an attacker can wait for one.",
        )
        .keys(found.iter().map(|(model, _)| model.key.clone()));
    Some(finding)
}

const LEGACY: &str = "models.legacy";
const WEAK: &str = "models.weak_tier";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{findings, said, snapshot};

    #[test]
    fn aliases_fallbacks_and_images_are_looked_at() {
        let config = json!({"agents": {
            "defaults": {
                "model": {"primary": "Fast", "fallbacks": ["gpt-4-0613"]}, "imageModel": "openai/gpt-4o",
                "models": {"anthropic/claude-haiku-4-5": {"alias": "fast"}},
            },
            "entries": {"x.y": {"model": "openai/gpt-3.5-turbo"}},
        }});
        let found = findings(&snapshot(config.clone()), "models.weak_tier");
        assert!(found[0].detail.contains("anthropic/claude-haiku-4-5"), "{}", found[0].detail);
        assert_eq!(found[0].places.len(), 4);
        assert_eq!(said(&snapshot(config), "models.legacy"), ["warn models.legacy"]);
        assert!(said(&snapshot(json!({"agents": {"defaults": {"model": "claude-opus-4-6"}}})), "models.").is_empty());
    }
}
