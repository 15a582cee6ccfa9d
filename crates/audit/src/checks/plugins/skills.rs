//! Skills of a workspace whose text stands elsewhere. A skill is an instruction that the agent follows; who can write
//! where it really stands instructs the agent.

use super::super::Check;
use super::lines;
use crate::finding::{Finding, Place, Severity};
use crate::model::Model;

pub(super) const CHECK: Check = Check { ids: &[ESCAPE, TRUNCATED], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let skills = &model.snapshot.skills;
    for workspace in &skills.truncated {
        let detail = format!(
            "{workspace}/skills has more folders than are looked at, or leads far out of the workspace: some skills were \
             not looked at."
        );
        findings.push(
            Finding::new(TRUNCATED, Severity::Warn, "Not every skill of a workspace was looked at")
                .detail(detail)
                .remedy("Make the skills folder flatter, and take links to large folders out of it.")
                .at(Place::File(format!("{workspace}/skills"))),
        );
    }
    if skills.escapes.is_empty() {
        return;
    }
    let mut shown: Vec<String> =
        skills.escapes.iter().take(SHOWN).map(|(_, file, real)| format!("{file} is really {real}")).collect();
    if skills.escapes.len() > SHOWN {
        shown.push(format!("and {} more", skills.escapes.len() - SHOWN));
    }
    let mut finding = Finding::new(ESCAPE, Severity::Warn, "Skills of a workspace stand outside of it")
        .detail(format!(
            "Links lead out of the workspace. Who can write there tells the agent what to do, and nothing in the \
             workspace shows it:{}",
            lines(&shown)
        ))
        .remedy("Copy the skills into the workspace, or install shared ones where OpenClaw keeps managed skills.");
    for (_, file, _) in skills.escapes.iter().take(SHOWN) {
        finding = finding.at(Place::File(file.clone()));
    }
    findings.push(finding);
}

const ESCAPE: &str = "skills.workspace.symlink_escape";
const TRUNCATED: &str = "skills.workspace.scan_truncated";
const SHOWN: usize = 12;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::snapshot::{Skills, Snapshot};
    use crate::testing::{findings, said, snapshot};

    #[test]
    fn escapes_are_one_finding_and_truncation_one_for_each_workspace() {
        assert!(said(&snapshot(json!({})), "skills.").is_empty());
        let escape = |n: usize| ("/w".to_owned(), format!("/w/skills/{n}/SKILL.md"), format!("/out/{n}/SKILL.md"));
        let skills = Skills {
            escapes: (0..20).map(escape).collect(),
            truncated: vec!["/w".into(), "/v".into()],
            ..Skills::default()
        };
        let snapshot = Snapshot { skills, ..snapshot(json!({})) };
        let expected = [
            "warn skills.workspace.scan_truncated",
            "warn skills.workspace.scan_truncated",
            "warn skills.workspace.symlink_escape",
        ];
        assert_eq!(said(&snapshot, "skills."), expected);
        let found = findings(&snapshot, ESCAPE);
        assert!(found[0].detail.contains("/out/0/SKILL.md") && found[0].detail.contains("8 more"));
    }
}
