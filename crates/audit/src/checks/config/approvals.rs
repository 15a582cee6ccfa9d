//! Exec approvals in the file of the February generation, which the current one does not start beside.

use crate::checks::Check;
use crate::finding::{Finding, Place, Severity};
use crate::model::Model;
use crate::snapshot::Generation;

pub(super) const CHECK: Check = Check { ids: &["config.leftover_approvals"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let current = model.snapshot.install.generation == Generation::Current;
    let Some(approvals) = model.snapshot.approvals.as_ref().filter(|approvals| approvals.is_file && current) else {
        return;
    };
    out.push(
        Finding::new("config.leftover_approvals", Severity::Warn, "Exec approvals of an earlier version lie beside the current ones")
            .detail(format!(
                "{} is the form of February 2026. The current OpenClaw keeps approvals in its database and neither starts nor \
                 audits beside this file; a downgrade would obey it again.",
                approvals.path
            ))
            .remedy("Let `openclaw doctor` take it over, or move it away.")
            .at(Place::File(approvals.path.clone())),
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::snapshot::Approvals;
    use crate::testing::{said, snapshot};

    #[test]
    fn the_file_is_left_over_only_beside_a_current_install() {
        let mut install = snapshot(json!({}));
        let path = "/home/op/.openclaw/exec-approvals.json".to_owned();
        install.approvals = Some(Approvals { path, is_file: true, ..Approvals::default() });
        assert_eq!(said(&install, "config.leftover"), ["warn config.leftover_approvals"]);
        install.install.generation = Generation::February;
        assert!(said(&install, "config.leftover").is_empty());
        install.install.generation = Generation::Current;
        install.approvals = Some(Approvals::default());
        assert!(said(&install, "config.leftover").is_empty());
    }
}
