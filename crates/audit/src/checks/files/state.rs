//! The state directory: who may read or change everything at once.

use super::{about, closed, entries};
use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::Model;
use crate::snapshot::tree::{Kind, Role};

pub(super) const CHECK: Check = Check {
    ids: &[
        "fs.state_dir.symlink",
        "fs.state_dir.perms_world_writable",
        "fs.state_dir.perms_group_writable",
        "fs.state_dir.perms_readable",
    ],
    run,
};

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for entry in entries(model, &Role::StateDir) {
        if entry.kind == Kind::Link {
            let leads = entry.target.as_deref().unwrap_or("nowhere");
            findings.push(
                Finding::new("fs.state_dir.symlink", Severity::Warn, "The state directory is a link")
                    .detail(format!(
                        "{} leads to {leads}. Whoever controls that place controls the gateway's state.",
                        entry.path
                    ))
                    .remedy("Make it a folder of its own, or set OPENCLAW_STATE_DIR to the real place.")
                    .at(crate::finding::Place::File(entry.path.clone())),
            );
        }
        let (id, severity, title, gets) = match entry.open() {
            mode if mode & 0o002 != 0 => (
                "fs.state_dir.perms_world_writable",
                Severity::Critical,
                "Everybody may write in the state directory",
                "Every user of this machine can put another config, key or plugin in place.",
            ),
            mode if mode & 0o020 != 0 => (
                "fs.state_dir.perms_group_writable",
                Severity::Warn,
                "A group may write in the state directory",
                "Every member of its group can put another config, key or plugin in place.",
            ),
            mode if mode & 0o044 != 0 => (
                "fs.state_dir.perms_readable",
                Severity::Warn,
                "Others may look into the state directory",
                "They see which agents, channels and accounts there are, and reach each file that is open itself.",
            ),
            _ => continue,
        };
        let finding =
            Finding::new(id, severity, title).detail(format!("{} has mode {:o}. {gets}", entry.path, entry.mode));
        findings.push(about(model, finding, &[entry], closed));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{entry, said};
    use super::*;
    use crate::snapshot::Entry;

    #[test]
    fn each_mode_has_its_one_finding() {
        for (mode, expected) in [
            (0o700, None),
            (0o711, None),
            (0o750, Some("warn fs.state_dir.perms_readable")),
            (0o755, Some("warn fs.state_dir.perms_readable")),
            (0o770, Some("warn fs.state_dir.perms_group_writable")),
            (0o777, Some("critical fs.state_dir.perms_world_writable")),
        ] {
            assert_eq!(said(vec![entry("", Role::StateDir, mode)]), Vec::from_iter(expected), "{mode:o}");
        }
    }

    #[test]
    fn a_link_is_said_and_its_target_judged_and_never_changed() {
        let link = Entry { kind: Kind::Link, target: Some("/srv/oc".into()), ..entry("", Role::StateDir, 0o755) };
        let said = crate::testing::findings(&super::super::tests::install(vec![link]), "fs.state_dir");
        let ids: Vec<&str> = said.iter().map(|finding| finding.check_id.as_str()).collect();
        assert_eq!(ids, ["fs.state_dir.symlink", "fs.state_dir.perms_readable"]);
        assert!(said.iter().all(|finding| finding.fix.is_none()));
    }
}
