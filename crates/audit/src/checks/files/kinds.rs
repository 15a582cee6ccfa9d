//! Files that are not what they seem: links that lead out, second names, pipes in the place of files.

use super::{is_ours, listed};
use crate::checks::Check;
use crate::finding::{Finding, Place, Severity};
use crate::model::Model;
use crate::snapshot::SecretFact;
use crate::snapshot::tree::{Entry, Kind, Role};

pub(super) const CHECK: Check = Check { ids: &["fs.symlink_target", "fs.hard_link", "fs.special_file"], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let entries = &model.snapshot.tree.entries;
    findings.extend(entries.iter().filter_map(|entry| leading_out(model, entry)));
    let linked = |entry: &&Entry| entry.kind == Kind::File && entry.links > 1 && entry.role.is_secret();
    let linked: Vec<&Entry> = entries.iter().filter(linked).collect();
    if !linked.is_empty() {
        let finding = Finding::new("fs.hard_link", Severity::Warn, "Files of secrets have a second name")
            .detail(format!(
                "The same file can be read and changed by its other name, past every closed folder here:\n{}",
                listed(&linked)
            ))
            .remedy("Find the other name (find / -xdev -samefile FILE), or replace the file by a copy of its own.");
        findings.push(placed(finding, &linked));
    }
    let special = |entry: &&Entry| entry.kind == Kind::Special && !is_expected(entry);
    let (grave, lesser): (Vec<&Entry>, Vec<&Entry>) =
        entries.iter().filter(special).partition(|entry| entry.role.is_secret());
    for (severity, files) in [(Severity::Warn, grave), (Severity::Info, lesser)] {
        if files.is_empty() {
            continue;
        }
        let title = "A pipe, socket or device stands where a file is expected";
        let finding = Finding::new("fs.special_file", severity, title)
            .detail(format!(
                "Whoever reads it waits for whoever made it, and gets what he pleases to say:\n{}",
                listed(&files)
            ))
            .remedy("Find out what made it, and remove it.");
        findings.push(placed(finding, &files));
    }
}

/// Sockets that programs of the gateway listen on.
fn is_expected(entry: &Entry) -> bool {
    let name = entry.name();
    name.ends_with(".sock") && matches!(entry.role, Role::ExecApprovals | Role::Other | Role::SecretFile)
}

/// A link out of the state directory to what others may write or, where it is secret, read.
fn leading_out(model: &Model<'_>, entry: &Entry) -> Option<Finding> {
    let target = entry.target.as_deref().filter(|_| entry.kind == Kind::Link)?;
    if matches!(entry.role, Role::Other | Role::Parent) || entry.target_kind == Some(Kind::Special) {
        return None;
    }
    let home = match model.snapshot.tree.real.as_str() {
        "" => model.snapshot.install.state.as_str(),
        real => real,
    };
    if entry.role != Role::StateDir
        && target.strip_prefix(home).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    {
        return None;
    }
    let strange = !is_ours(model, entry.uid);
    let (severity, what) = if strange {
        (Severity::Critical, format!("belongs to user {}", entry.uid))
    } else if super::writable(entry.mode & Role::Other.unwanted(entry.uid, entry.gid)) {
        (Severity::Critical, "can be written by others".to_owned())
    } else if entry.role.is_secret() && super::readable(entry.open()) {
        let grave = entry.role == Role::Config && entry.mode & 0o004 != 0 && holds_secrets(model);
        let severity = if grave { Severity::Critical } else { Severity::Warn };
        (severity, "can be read by others".to_owned())
    } else {
        return None;
    };
    let finding = Finding::new("fs.symlink_target", severity, "A link of the install leads to something that is open")
        .detail(format!("{} leads to {target}, which {what} (mode {:o}).", entry.path, entry.mode))
        .remedy(format!(
            "Close {target} to others, or put the file itself in the place of the link. --fix follows no link."
        ));
    Some(placed(finding, &[entry]))
}

fn holds_secrets(model: &Model<'_>) -> bool {
    model.config().secrets.iter().any(SecretFact::in_file)
}

fn placed(mut finding: Finding, files: &[&Entry]) -> Finding {
    finding.places.extend(files.iter().take(super::PLACES).map(|entry| Place::File(entry.path.clone())));
    finding
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{entry, install, said};
    use super::*;

    fn link(role: Role, target: &str, mode: u32) -> Entry {
        let target_kind = Some(Kind::File);
        Entry { kind: Kind::Link, target: Some(target.into()), target_kind, ..entry("x", role, mode) }
    }

    #[test]
    fn links_out_to_what_is_open() {
        let say = |entry| crate::testing::said(&install(vec![entry]), "fs.symlink_target");
        assert_eq!(say(link(Role::Credential, "/srv/x", 0o666)), ["critical fs.symlink_target"]);
        assert_eq!(say(link(Role::Credential, "/srv/x", 0o644)), ["warn fs.symlink_target"]);
        assert_eq!(say(Entry { uid: 1001, ..link(Role::Code, "/srv/x", 0o600) }), ["critical fs.symlink_target"]);
        for quiet in [
            link(Role::Credential, "/srv/x", 0o600),
            link(Role::Code, "/usr/lib/x", 0o755),
            link(Role::Credential, "/home/op/.openclaw/y", 0o644),
            Entry { target_kind: Some(Kind::Special), ..link(Role::SecretFile, "/dev/null", 0o666) },
        ] {
            assert!(say(quiet.clone()).is_empty(), "{quiet:?}");
        }
        let near = link(Role::Credential, "/home/op/.openclaw-evil/y", 0o666);
        assert_eq!(say(near), ["critical fs.symlink_target"], "a name that begins alike");
    }

    #[test]
    fn a_linked_config_with_a_token_that_everybody_may_read() {
        let mut snapshot =
            crate::testing::snapshot(json!({"gateway": {"auth": {"token": "c1f0a6f2b77e4b0d9a3c5e8d7f6a1b2c"}}}));
        snapshot.tree.entries = vec![link(Role::Config, "/home/op/dotfiles/openclaw.json", 0o644)];
        assert_eq!(crate::testing::said(&snapshot, "fs."), ["critical fs.symlink_target", "warn fs.config.symlink"]);
    }

    #[test]
    fn second_names_and_pipes() {
        let twice = Entry { links: 2, ..entry("credentials/x.json", Role::Credential, 0o600) };
        assert_eq!(said(vec![twice]), ["warn fs.hard_link"]);
        let pipe = |path: &str, role| Entry { kind: Kind::Special, ..entry(path, role, 0o600) };
        assert_eq!(said(vec![pipe("secrets.json", Role::SecretFile)]), ["warn fs.special_file"]);
        assert_eq!(said(vec![pipe("media/x", Role::Other)]), ["info fs.special_file"]);
        assert!(said(vec![pipe("exec-approvals.sock", Role::ExecApprovals), pipe("ipc.sock", Role::Other)]).is_empty());
    }
}
