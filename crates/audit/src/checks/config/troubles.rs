//! What was not looked at. Answers the file that is made unreadable so that the audit comes out clean.

use crate::checks::Check;
use crate::finding::{Finding, Place, Severity};
use crate::model::Model;

pub(super) const CHECK: Check = Check { ids: &["audit.not_looked_at"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let troubles = &model.snapshot.troubles;
    if troubles.is_empty() {
        return;
    }
    let lines: Vec<String> = troubles.iter().map(|trouble| format!("- {}: {}", trouble.path, trouble.what)).collect();
    let finding = Finding::new("audit.not_looked_at", Severity::Warn, "Not everything could be looked at")
        .detail(format!("What was not seen was not found clean:\n{}", lines.join("\n")))
        .remedy("Run the audit as the user who owns the install, and mend what is broken.");
    out.push(troubles.iter().fold(finding, |finding, trouble| finding.at(Place::File(trouble.path.clone()))));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::snapshot::Trouble;
    use crate::testing::{findings, snapshot};

    #[test]
    fn what_was_not_seen_is_listed_once() {
        let mut install = snapshot(json!({}));
        assert!(findings(&install, "audit.").is_empty());
        let trouble = |path: &str| Trouble { path: path.into(), what: "permission denied".into() };
        install.troubles = vec![trouble("/home/op/.openclaw/agents"), trouble("/home/op/.openclaw/.env")];
        let found = findings(&install, "audit.");
        assert_eq!((found.len(), found[0].places.len()), (1, 2));
        assert!(found[0].detail.contains(".env: permission denied"));
    }
}
