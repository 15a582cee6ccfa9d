//! Logs: they hold what was said, and in part what was secret.

use super::{about, closed, listed, reached, readable};
use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::Model;
use crate::snapshot::tree::{Entry, Kind, Role};

pub(super) const CHECK: Check = Check { ids: &["fs.log_file.perms_readable", "fs.default_log_readable"], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let named = model.config().text("logging.file").and_then(|path| path.trim().rsplit('/').next());
    let mut others = Vec::new();
    for entry in model.snapshot.tree.entries.iter().filter(|entry| is_open(entry)) {
        match entry.role {
            Role::Log if named.is_some_and(|name| name == entry.name()) => findings.push(log_file(model, entry)),
            Role::Log | Role::DefaultLog => others.push(entry),
            _ => {}
        }
    }
    if !others.is_empty() {
        let (severity, why) = reached(Severity::Warn, &others);
        let finding = Finding::new("fs.default_log_readable", severity, "Others may read logs of the gateway")
            .detail(format!("Messages, names and errors stand in them:\n{}{why}", listed(&others)));
        findings.push(about(model, finding, &others, closed));
    }
}

fn is_open(entry: &Entry) -> bool {
    match entry.kind {
        Kind::File | Kind::Link => readable(entry.open()),
        // A folder with closed logs is no leak; one that others may write in lets them put links in the log's place.
        Kind::Folder => entry.mode & 0o022 != 0 && entry.mode & 0o1000 == 0,
        Kind::Special => false,
    }
}

fn log_file(model: &Model<'_>, entry: &Entry) -> Finding {
    let finding = Finding::new("fs.log_file.perms_readable", Severity::Warn, "Others may read the log file")
        .detail(format!("{} has mode {:o}. Messages, names and errors stand in it.", entry.path, entry.mode))
        .key("logging.file");
    about(model, finding, &[entry], closed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{entry, install};
    use super::*;

    #[test]
    fn the_configured_log_and_the_default_ones_have_their_ids() {
        let log = Entry { path: "/home/op/oc.log".into(), ..entry("x", Role::Log, 0o644) };
        let default = Entry { path: "/tmp/openclaw/openclaw-1.log".into(), ..entry("x", Role::DefaultLog, 0o644) };
        let folder = Entry { path: "/tmp/openclaw".into(), ..entry("x/", Role::DefaultLog, 0o755) };
        let mut snapshot = install(vec![log, default, folder]);
        snapshot.config.value = json!({"logging": {"file": "~/oc.log"}});
        let said = crate::testing::said(&snapshot, "fs.");
        assert_eq!(said, ["warn fs.default_log_readable", "warn fs.log_file.perms_readable"]);
    }

    #[test]
    fn closed_logs_in_an_open_folder_are_silent() {
        let folder = Entry { path: "/tmp/openclaw".into(), ..entry("x/", Role::DefaultLog, 0o755) };
        assert!(super::super::tests::said(vec![folder]).is_empty());
    }
}
