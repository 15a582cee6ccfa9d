//! What the gateway runs and what its agents obey: who else may write it.

use super::{about, listed, reached};
use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::Model;
use crate::snapshot::tree::{Entry, Kind, Role};

pub(super) const CHECK: Check = Check { ids: &["fs.plugin_code.perms_writable", "fs.workspace.perms_writable"], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let open = |role: Role| -> Vec<&Entry> {
        let entries = model.snapshot.tree.entries.iter().filter(|entry| entry.role == role);
        entries.filter(|entry| matches!(entry.kind, Kind::File | Kind::Folder) && entry.unwanted() != 0).collect()
    };
    let code = open(Role::Code);
    if !code.is_empty() {
        let (severity, why) = reached(Severity::Critical, &code);
        let title = "Others may write code of plugins or hooks";
        let finding = Finding::new("fs.plugin_code.perms_writable", severity, title)
            .detail(format!("The gateway runs it with all its rights and secrets:\n{}{why}", listed(&code)));
        findings.push(about(model, finding, &code, unwritten));
    }
    let workspace = open(Role::Workspace);
    if !workspace.is_empty() {
        let everybody = workspace.iter().any(|entry| entry.mode & 0o002 != 0);
        let full = if everybody { Severity::Critical } else { Severity::Warn };
        let (severity, why) = reached(full, &workspace);
        let title = "Others may write in a workspace";
        let finding = Finding::new("fs.workspace.perms_writable", severity, title).detail(format!(
            "An agent obeys what stands in its AGENTS.md, its memory and its skills as if its owner had said it:\n{}{why}",
            listed(&workspace)
        ));
        findings.push(about(model, finding, &workspace, unwritten));
    }
}

/// The bits without writing by others; who may read and run is left as it is.
const fn unwritten(entry: &Entry) -> u32 {
    entry.mode & 0o7755
}

#[cfg(test)]
mod tests {
    use super::super::tests::{entry, install, said};
    use super::*;
    use crate::finding::Change;

    #[test]
    fn only_writing_is_taken_away() {
        let findings = crate::testing::findings(&install(vec![entry("extensions/x/a.js", Role::Code, 0o777)]), "fs.");
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!(
            (finding.check_id.as_str(), finding.severity),
            ("fs.plugin_code.perms_writable", Severity::Critical)
        );
        let changes = finding.fix.as_ref().map(|fix| fix.changes.as_slice());
        assert!(matches!(changes, Some([Change::Mode { mode: 0o755, .. }])), "{changes:?}");
    }

    #[test]
    fn a_private_group_is_its_owner_and_another_is_not() {
        let file = || entry("workspace/AGENTS.md", Role::Workspace, 0o664);
        assert!(said(vec![file()]).is_empty());
        assert_eq!(said(vec![Entry { gid: 50, ..file() }]), ["warn fs.workspace.perms_writable"]);
        assert_eq!(said(vec![entry("workspace/", Role::Workspace, 0o777)]), ["critical fs.workspace.perms_writable"]);
    }
}
