//! Who owns what, who may rename a folder above, and whom an access control list lets in: none of it shows in a mode.

use super::{about, can_mend, closed, is_ours, listed, quoted};
use crate::checks::Check;
use crate::finding::{Finding, Fix, Place, Severity};
use crate::model::Model;
use crate::snapshot::tree::{Entry, Kind, Role};

pub(super) const CHECK: Check = Check { ids: &["fs.owner_mismatch", "fs.parent_writable", "fs.acl_grants"], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let entries = &model.snapshot.tree.entries;
    foreign(model, entries, findings);
    findings.extend(entries.iter().filter(|entry| entry.role == Role::Parent).filter_map(|entry| parent(model, entry)));
    acls(model, entries, findings);
}

fn foreign(model: &Model<'_>, entries: &[Entry], findings: &mut Vec<Finding>) {
    let strange = |entry: &&Entry| entry.role != Role::Parent && entry.kind != Kind::Link && !is_ours(model, entry.uid);
    let (grave, lesser): (Vec<&Entry>, Vec<&Entry>) = entries
        .iter()
        .filter(strange)
        .partition(|entry| matches!(entry.role, Role::StateDir | Role::Config | Role::Include | Role::Code));
    for (severity, files) in [(Severity::Critical, grave), (Severity::Warn, lesser)] {
        let Some(first) = files.first() else { continue };
        let mut finding = Finding::new("fs.owner_mismatch", severity, "Files of the install belong to another user")
            .detail(format!(
                "An owner may always change his file, whatever its mode. User {} owns:\n{}",
                first.uid,
                listed(&files)
            ))
            .remedy(format!(
                "Find out who made them. Then give them to the operator: chown {} {}",
                model.snapshot.tree.owner,
                quoted(&first.path)
            ));
        finding.places.extend(files.iter().take(super::PLACES).map(|entry| Place::File(entry.path.clone())));
        findings.push(finding);
    }
}

/// A folder above with the sticky bit lets nobody rename what is another's, and is not in the snapshot unless it
/// belongs to a stranger.
fn parent(model: &Model<'_>, entry: &Entry) -> Option<Finding> {
    let strange = !is_ours(model, entry.uid);
    let bits = if entry.mode & 0o1000 == 0 { entry.unwanted() } else { 0 };
    let (severity, who) = match bits {
        _ if strange => (Severity::Critical, format!("User {} owns it", entry.uid)),
        0 => return None,
        bits if bits & 0o002 != 0 => (Severity::Critical, "Everybody may write in it".to_owned()),
        _ => (Severity::Warn, format!("Group {} may write in it", entry.gid)),
    };
    let finding = Finding::new("fs.parent_writable", severity, "Others may replace the state directory or the config")
        .detail(format!(
            "{} (mode {:o}) stands above them. {who}, and whoever may write in a folder can rename what is in it and put \
             his own in its place, however closed that is.",
            entry.path, entry.mode
        ))
        .at(Place::File(entry.path.clone()));
    if strange {
        return Some(
            finding.remedy("Move the state directory and the config below a folder that only you and root own."),
        );
    }
    let mode = entry.mode & 0o7755;
    let finding = finding.remedy(format!("chmod {mode:o} {}", quoted(&entry.path)));
    let mended = can_mend(model, entry) && entry.uid != 0;
    let fix = || Fix::ask(format!("let only the owner write in {}", entry.path)).mode(entry.path.clone(), mode);
    Some(if mended { finding.fix(fix()) } else { finding })
}

fn acls(model: &Model<'_>, entries: &[Entry], findings: &mut Vec<Finding>) {
    let grants = |entry: &Entry, letters: &[char]| {
        entry.acl.iter().any(|line| line.rsplit(' ').next().is_some_and(|bits| bits.contains(letters)))
    };
    let (writing, rest): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(|entry| grants(entry, &['w']));
    let reading: Vec<&Entry> =
        rest.into_iter().filter(|entry| entry.role.is_secret() && grants(entry, &['r', 'x'])).collect();
    for (severity, verb, files) in [(Severity::Critical, "write", writing), (Severity::Warn, "read", reading)] {
        if files.is_empty() {
            continue;
        }
        let lines: Vec<String> =
            files.iter().take(super::LINES).map(|entry| format!("{}: {}", entry.path, entry.acl.join(", "))).collect();
        let more = files.len().saturating_sub(lines.len());
        let more = if more > 0 { format!("\nand {more} more") } else { String::new() };
        let title = format!("An access control list lets others {verb} files of the install");
        let finding = Finding::new("fs.acl_grants", severity, title)
            .detail(format!("Beside the mode, a list names users or groups:\n{}{more}", lines.join("\n")));
        let bits = |entry: &Entry| if entry.role.is_secret() { closed(entry) } else { entry.mode & 0o7755 };
        let mut finding = about(model, finding, &files, bits);
        let first = files.first().map_or_else(String::new, |entry| quoted(&entry.path));
        finding.remediation = Some(format!("Remove the list: setfacl -b {first}"));
        findings.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{entry, install, said};
    use super::*;

    fn above(mode: u32, uid: u32, gid: u32) -> Entry {
        Entry { path: "/home/op".into(), kind: Kind::Folder, uid, gid, ..entry("x", Role::Parent, mode) }
    }

    #[test]
    fn owners_count_whatever_the_mode() {
        let config = Entry { uid: 1001, ..entry("openclaw.json", Role::Config, 0o600) };
        let key = Entry { uid: 1001, ..entry("credentials/x.json", Role::Credential, 0o600) };
        let roots = Entry { uid: 0, ..entry("credentials/y.json", Role::Credential, 0o600) };
        assert_eq!(said(vec![config]), ["critical fs.owner_mismatch"]);
        assert_eq!(said(vec![key, roots]), ["warn fs.owner_mismatch"]);
    }

    #[test]
    fn root_may_audit_the_install_of_another() {
        let mut snapshot = install(vec![entry("openclaw.json", Role::Config, 0o600)]);
        snapshot.install.uid = 0;
        assert!(crate::testing::said(&snapshot, "fs.").is_empty(), "the owner of the install is known");
        snapshot.tree.owner = 0;
        assert_eq!(crate::testing::said(&snapshot, "fs."), ["critical fs.owner_mismatch"]);
    }

    #[test]
    fn folders_above() {
        assert_eq!(said(vec![above(0o777, 1000, 1000)]), ["critical fs.parent_writable"]);
        assert_eq!(said(vec![above(0o755, 1001, 1001)]), ["critical fs.parent_writable"]);
        assert_eq!(said(vec![above(0o775, 1000, 50)]), ["warn fs.parent_writable"]);
        assert!(said(vec![above(0o775, 1000, 1000)]).is_empty(), "a private group");
        let findings = crate::testing::findings(&install(vec![above(0o777, 0, 0)]), "fs.");
        assert!(findings.iter().all(|finding| finding.fix.is_none()), "root's own");
    }

    #[test]
    fn lists_let_others_in() {
        let with = |acl: &str, role| Entry { acl: vec![acl.into()], ..entry("x", role, 0o600) };
        assert_eq!(said(vec![with("user 1001 rw", Role::Credential)]), ["critical fs.acl_grants"]);
        assert_eq!(said(vec![with("default group 50 r", Role::Credential)]), ["warn fs.acl_grants"]);
        assert!(said(vec![with("user 1001 rx", Role::Code)]).is_empty());
    }
}
