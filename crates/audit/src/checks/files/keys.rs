//! The credentials folder, the keys of the agents and the list of their sessions.

use super::{about, agents, closed, readable, writable};
use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::Model;
use crate::snapshot::tree::{Entry, Kind, Role};

pub(super) const CHECK: Check = Check {
    ids: &[
        "fs.credentials_dir.perms_writable",
        "fs.credentials_dir.perms_readable",
        "fs.auth_profiles.perms_writable",
        "fs.auth_profiles.perms_readable",
        "fs.sessions_store.perms_readable",
    ],
    run,
};

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let agents = agents(model);
    for entry in &model.snapshot.tree.entries {
        let finding = match &entry.role {
            Role::CredentialsDir => credentials(entry),
            _ if !is_openclaws(&model.snapshot.install.state, &agents, entry) => None,
            Role::SessionsStore(_) => sessions(entry),
            _ => keys(entry),
        };
        if let Some(finding) = finding {
            findings.push(about(model, finding, &[entry], closed));
        }
    }
}

/// Whether OpenClaw has an id for the file: of the agents that it knows, their keys and their list of sessions.
pub(super) fn is_openclaws(state: &str, agents: &[String], entry: &Entry) -> bool {
    let (id, below) = match (&entry.role, entry.name()) {
        (Role::AuthProfiles(id), "auth-profiles.json") => (id, "agent"),
        (Role::AgentDatabase(id), name) if DATABASE.contains(&name) => (id, "agent"),
        (Role::SessionsStore(id), _) => (id, "sessions"),
        _ => return false,
    };
    agents.contains(id) && entry.path == format!("{state}/agents/{id}/{below}/{}", entry.name())
}

fn credentials(entry: &Entry) -> Option<Finding> {
    if entry.kind != Kind::Folder && entry.target_kind != Some(Kind::Folder) {
        return None;
    }
    let (id, severity, title, gets) = if writable(entry.open()) {
        (
            "fs.credentials_dir.perms_writable",
            Severity::Critical,
            "Others may write in the credentials folder",
            "They can put accounts of their own in place, or let themselves into an allowlist.",
        )
    } else if readable(entry.open()) {
        (
            "fs.credentials_dir.perms_readable",
            Severity::Warn,
            "Others may look into the credentials folder",
            "They see which accounts there are, and get each file that is open itself.",
        )
    } else {
        return None;
    };
    Some(Finding::new(id, severity, title).detail(format!("{} has mode {:o}. {gets}", entry.path, entry.mode)))
}

fn keys(entry: &Entry) -> Option<Finding> {
    let (id, severity, title, gets) = if writable(entry.open()) {
        (
            "fs.auth_profiles.perms_writable",
            Severity::Critical,
            "Others may write the keys of an agent",
            "They can have the agent work through an account of theirs and read all that it sends.",
        )
    } else if readable(entry.open()) {
        (
            "fs.auth_profiles.perms_readable",
            Severity::Warn,
            "Others may read the keys of an agent",
            "They get the keys of its model providers and its login tokens.",
        )
    } else {
        return None;
    };
    Some(Finding::new(id, severity, title).detail(format!("{} has mode {:o}. {gets}", entry.path, entry.mode)))
}

fn sessions(entry: &Entry) -> Option<Finding> {
    let title = "Others may read an agent's list of sessions";
    readable(entry.open()).then(|| {
        Finding::new("fs.sessions_store.perms_readable", Severity::Warn, title).detail(format!(
            "{} has mode {:o}. It says who speaks with the agent, where and when, and where the transcripts are.",
            entry.path, entry.mode
        ))
    })
}

const DATABASE: &[&str] = &[
    "openclaw-agent.sqlite",
    "openclaw-agent.sqlite-wal",
    "openclaw-agent.sqlite-shm",
    "openclaw-agent.sqlite-journal",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{entry, install, said};
    use super::*;

    fn auth(id: &str, mode: u32) -> Entry {
        entry(&format!("agents/{id}/agent/auth-profiles.json"), Role::AuthProfiles(id.into()), mode)
    }

    #[test]
    fn each_mode_has_its_one_finding() {
        let dir = |mode| said(vec![entry("credentials/", Role::CredentialsDir, mode)]);
        assert_eq!(dir(0o755), ["warn fs.credentials_dir.perms_readable"]);
        assert_eq!(dir(0o720), ["critical fs.credentials_dir.perms_writable"]);
        assert_eq!(said(vec![auth("main", 0o640)]), ["warn fs.auth_profiles.perms_readable"]);
        assert_eq!(said(vec![auth("main", 0o602)]), ["critical fs.auth_profiles.perms_writable"]);
        let sidecar = "agents/main/agent/openclaw-agent.sqlite-wal";
        let sidecar = entry(sidecar, Role::AgentDatabase("main".into()), 0o644);
        assert_eq!(said(vec![sidecar]), ["warn fs.auth_profiles.perms_readable"]);
        let sessions = entry("agents/main/sessions/sessions.json", Role::SessionsStore("main".into()), 0o644);
        assert_eq!(said(vec![sessions]), ["warn fs.sessions_store.perms_readable"]);
    }

    #[test]
    fn agents_count_that_are_configured_and_the_others_are_not_forgotten() {
        let mut snapshot = install(vec![auth("ghost", 0o666), auth("public", 0o640), auth("feb", 0o640)]);
        snapshot.config.value = json!({"agents": {"entries": {"Public": {}}, "list": [{"id": "feb"}]}});
        assert_eq!(
            crate::testing::said(&snapshot, "fs."),
            [
                "critical fs.secret_file.perms_writable",
                "warn fs.auth_profiles.perms_readable",
                "warn fs.auth_profiles.perms_readable",
            ]
        );
    }
}
