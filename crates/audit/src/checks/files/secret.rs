//! Every other file of secrets, and their folders: what OpenClaw's audit never looks at.

use std::collections::BTreeMap;

use super::keys::is_openclaws;
use super::{about, agents, closed, listed, reached, readable, writable};
use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::Model;
use crate::snapshot::tree::{Entry, Kind, Role};

pub(super) const CHECK: Check = Check {
    ids: &[
        "fs.secret_file.perms_writable",
        "fs.secret_file.perms_readable",
        "fs.secret_dir.perms_writable",
        "fs.secret_dir.perms_readable",
        "fs.approvals_writable",
    ],
    run,
};

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let agents = agents(model);
    let state = &model.snapshot.install.state;
    let mut groups: BTreeMap<(Danger, Subject), Vec<&Entry>> = BTreeMap::new();
    for entry in &model.snapshot.tree.entries {
        let Some(subject) = subject(entry) else { continue };
        let covered = is_openclaws(state, &agents, entry);
        let Some(danger) = danger(entry, covered) else { continue };
        groups.entry((danger, subject)).or_default().push(entry);
    }
    for ((danger, subject), files) in groups {
        findings.push(about(model, finding(danger, subject, &files), &files, closed));
    }
}

/// What others can do to a file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Danger {
    Write,
    Read,
}

/// A kind of file, by what stands in it.
type Subject = &'static Kept;

/// What is known of a kind of file.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kept {
    /// In a title.
    name: &'static str,
    /// What who reads it gets.
    read: &'static str,
    /// What who writes it gets.
    write: &'static str,
    /// Whether it is about folders.
    folder: bool,
}

fn subject(entry: &Entry) -> Option<Subject> {
    let folder = match entry.kind {
        Kind::Folder => true,
        Kind::File => false,
        // The socket of the approvals is answered by whoever may write to it; other pipes are no file of secrets.
        Kind::Special if entry.role == Role::ExecApprovals => return Some(&APPROVALS),
        // What a link leads to is judged by `fs.symlink_target`.
        Kind::Special | Kind::Link => return None,
    };
    Some(match (&entry.role, folder) {
        (Role::ConfigBackup, false) => &BACKUPS,
        (Role::SecretFile, false) => &SECRETS,
        (Role::Credential, false) => &CREDENTIALS,
        (Role::AuthProfiles(_) | Role::AgentDatabase(_), false) => &KEYS,
        (Role::SessionsStore(_) | Role::Transcript(_), false) => &TRANSCRIPTS,
        (Role::StateDatabase, false) => &DATABASE,
        (Role::Identity, false) => &IDENTITY,
        (Role::ExecApprovals, false) => &APPROVALS,
        (Role::Other, false) => &STATE,
        (Role::AgentDir(_), true) => &AGENT_DIRS,
        (Role::Credential, true) => &CREDENTIAL_DIRS,
        (Role::Identity | Role::StateDatabase | Role::SecretFile, true) => &SECRET_DIRS,
        (Role::Other, true) => &STATE_DIRS,
        _ => return None,
    })
}

/// What OpenClaw's ids say already is left out; but they never say that a list of sessions can be written.
fn danger(entry: &Entry, covered: bool) -> Option<Danger> {
    let sessions = matches!(entry.role, Role::SessionsStore(_));
    let through = if entry.kind == Kind::Folder { 0o011 } else { 0 };
    if writable(entry.unwanted()) {
        (!covered || sessions).then_some(Danger::Write)
    } else if entry.role.is_secret() && (readable(entry.open()) || entry.open() & through != 0) {
        // Who may only connect to a socket, or pass it by, reads nothing.
        (!covered && entry.kind != Kind::Special).then_some(Danger::Read)
    } else {
        None
    }
}

fn finding(danger: Danger, subject: Subject, files: &[&Entry]) -> Finding {
    let (full, verb, gets) = match danger {
        Danger::Write => (Severity::Critical, "write", subject.write),
        Danger::Read => (Severity::Warn, "read", subject.read),
    };
    let id = match (danger, subject.folder) {
        (Danger::Write, false) if *subject == APPROVALS => "fs.approvals_writable",
        (Danger::Write, false) => "fs.secret_file.perms_writable",
        (Danger::Read, false) => "fs.secret_file.perms_readable",
        (Danger::Write, true) => "fs.secret_dir.perms_writable",
        (Danger::Read, true) => "fs.secret_dir.perms_readable",
    };
    let (severity, why) = reached(full, files);
    let place = if subject.folder { format!("{verb} in") } else { verb.to_owned() };
    Finding::new(id, severity, format!("Others may {place} {}", subject.name))
        .detail(format!("{gets}\n{}{why}", listed(files)))
}

const BACKUPS: Kept = Kept {
    name: "earlier versions of the config",
    read: "They hold the tokens and keys of the time, many of which are still good.",
    write: "A restored backup puts into force whatever was written there.",
    folder: false,
};
const SECRETS: Kept = Kept {
    name: "files of secrets",
    read: "Whoever reads them has the keys and tokens in them.",
    write: "Whoever writes them decides with which accounts and settings the gateway starts.",
    folder: false,
};
const CREDENTIALS: Kept = Kept {
    name: "credentials of channels",
    read: "Whoever reads them can act as the linked account, and sees who is paired.",
    write: "Whoever writes them can link an account of his own, or let himself into an allowlist.",
    folder: false,
};
const KEYS: Kept = Kept {
    name: "keys and databases of agents",
    read: "Whoever reads them has the keys of the model providers, and what was said.",
    write: "Whoever writes them can send all that the agent says through an account or a server of his own.",
    folder: false,
};
const TRANSCRIPTS: Kept = Kept {
    name: "transcripts of sessions",
    read: "All that was said and shown stands in them: messages, files, output of tools, pasted passwords.",
    write: "Whoever writes them decides what the agent believes was said, its owner's orders included.",
    folder: false,
};
const DATABASE: Kept = Kept {
    name: "the state database",
    read: "Device keys, pairing tokens, OAuth tokens and approvals stand in it and in the files beside it.",
    write: "Whoever writes it can pair a device of his own and approve commands.",
    folder: false,
};
const IDENTITY: Kept = Kept {
    name: "device identities and pairings",
    read: "Whoever reads them can be the gateway, or a paired device.",
    write: "Whoever writes them can pair a device of his own, with every right.",
    folder: false,
};
const APPROVALS: Kept = Kept {
    name: "the exec approvals",
    read: "The token of the approval socket stands in them, and which commands run unasked.",
    write: "Whoever writes them, or answers on their socket, decides which commands run unasked.",
    folder: false,
};
const STATE: Kept = Kept {
    name: "other state of the gateway",
    read: "",
    write: "The gateway believes what stands in its state: jobs that it runs, settings, caches.",
    folder: false,
};
const AGENT_DIRS: Kept = Kept {
    name: "folders of agents",
    read: "They see which agents and sessions there are, and reach each file in them that is open itself.",
    write: "They can put other keys, sessions and databases in place, however closed the files are.",
    folder: true,
};
const CREDENTIAL_DIRS: Kept = Kept {
    name: "folders of channel credentials",
    read: "They see which accounts are linked, and reach each file in them that is open itself.",
    write: "They can put another account's files in place, however closed the files are.",
    folder: true,
};
const SECRET_DIRS: Kept = Kept {
    name: "folders of identities and databases",
    read: "They reach each file in them that is open itself, also one that is made for a moment.",
    write: "They can put other identities, pairings and databases in place, however closed the files are.",
    folder: true,
};
const STATE_DIRS: Kept = Kept {
    name: "other folders of the state directory",
    read: "",
    write: "They can put other files in place: jobs, settings, caches, files that the config includes.",
    folder: true,
};

#[cfg(test)]
mod tests {
    use super::super::tests::{entry, install, said};
    use super::*;
    use crate::finding::{Change, Safety};

    #[test]
    fn one_finding_a_kind_with_every_file_mended() {
        let files =
            (0..40).map(|n| entry(&format!("agents/main/sessions/{n}.jsonl"), Role::Transcript("main".into()), 0o644));
        let findings = crate::testing::findings(&install(files.collect()), "fs.");
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!((finding.check_id.as_str(), finding.severity), ("fs.secret_file.perms_readable", Severity::Warn));
        assert!(finding.detail.ends_with("and 28 more"), "{}", finding.detail);
        let fix = finding.fix.as_ref().expect("a fix");
        assert_eq!((fix.safety, fix.changes.len()), (Safety::Safe, 40));
        assert!(fix.changes.iter().all(|change| matches!(change, Change::Mode { mode: 0o600, .. })));
    }

    #[test]
    fn every_kind_is_found_when_it_is_open() {
        let roles = [
            Role::ConfigBackup,
            Role::SecretFile,
            Role::Credential,
            Role::AuthProfiles("ghost".into()),
            Role::AgentDatabase("ghost".into()),
            Role::SessionsStore("ghost".into()),
            Role::Transcript("main".into()),
            Role::StateDatabase,
            Role::Identity,
            Role::ExecApprovals,
        ];
        for role in roles {
            assert_eq!(said(vec![entry("x", role.clone(), 0o640)]), ["warn fs.secret_file.perms_readable"], "{role:?}");
            let written = said(vec![entry("x", role.clone(), 0o602)]);
            assert!(matches!(written.as_slice(), [only] if only.starts_with("critical fs.")), "{role:?}: {written:?}");
            assert!(said(vec![entry("x", role, 0o600)]).is_empty());
        }
    }

    #[test]
    fn a_closed_folder_takes_one_step_off_and_is_named() {
        let file = Entry {
            closed: 0o077,
            closed_by: Some("/home/op/.openclaw".into()),
            ..entry("credentials/x.json", Role::Credential, 0o666)
        };
        let findings = crate::testing::findings(&install(vec![file.clone()]), "fs.");
        assert!(matches!(findings.as_slice(), [only] if only.severity == Severity::Warn));
        assert!(findings[0].detail.contains("now: /home/op/.openclaw is closed"), "{}", findings[0].detail);
        let other = entry("credentials/y.json", Role::Credential, 0o666);
        let findings = crate::testing::findings(&install(vec![file, other]), "fs.");
        assert!(matches!(findings.as_slice(), [only] if only.severity == Severity::Critical), "one is in reach");
    }

    #[test]
    fn folders_and_the_approval_socket() {
        assert_eq!(said(vec![entry("devices/", Role::Identity, 0o755)]), ["warn fs.secret_dir.perms_readable"]);
        let wide = entry("agents/main/agent/", Role::AgentDir("main".into()), 0o777);
        assert_eq!(said(vec![wide]), ["critical fs.secret_dir.perms_writable"]);
        let socket = Entry { kind: Kind::Special, ..entry("exec-approvals.sock", Role::ExecApprovals, 0o666) };
        assert_eq!(said(vec![socket]), ["critical fs.approvals_writable"]);
        assert_eq!(said(vec![entry("cron/jobs.json", Role::Other, 0o666)]), ["critical fs.secret_file.perms_writable"]);
        assert!(said(vec![entry("media/", Role::Other, 0o755), entry("cron/", Role::Other, 0o775)]).is_empty());
    }

    #[test]
    fn an_owner_who_may_run_or_only_read_keeps_that() {
        let findings = crate::testing::findings(&install(vec![entry("x.key", Role::SecretFile, 0o555)]), "fs.");
        let changes = findings[0].fix.as_ref().map(|fix| fix.changes.as_slice());
        assert!(matches!(changes, Some([Change::Mode { mode: 0o500, .. }])), "{changes:?}");
    }
}
