//! Secrets in files that are not their place. A database and a closed `.env` file of the state directory are: there a
//! secret is said only when others can read the file.

use stockade_core::text::single_line;

use crate::checks::Check;
use crate::finding::{Finding, Place, Severity};
use crate::model::Model;
use crate::snapshot::Leak;
use crate::snapshot::leaks::Where;

pub(super) const CHECK: Check = Check {
    ids: &[
        "secrets.in_transcripts",
        "secrets.in_logs",
        "secrets.in_env_file",
        "secrets.in_workspace",
        "secrets.in_backup",
        "secrets.in_database",
        "secrets.in_shell_history",
        "secrets.in_service_unit",
    ],
    run,
};

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for place in PLACES {
        let counts = |leak: &&Leak| place.within.contains(&leak.within) && (!place.own || leak.open || is_read(leak));
        let leaks: Vec<&Leak> = model.snapshot.leaks.iter().filter(counts).collect();
        if !leaks.is_empty() {
            findings.push(finding(place, &leaks));
        }
    }
}

/// A kind of file that should hold no secret.
struct Misplaced {
    id: &'static str,
    within: &'static [Where],
    /// Whether it is a place for secrets as long as it is closed.
    own: bool,
    title: &'static str,
    why: &'static str,
    remedy: &'static str,
}

const PLACES: &[Misplaced] = &[
    Misplaced {
        id: "secrets.in_transcripts",
        within: &[Where::Transcript],
        own: false,
        title: "Secrets in transcripts",
        why: "Whatever reads a session, the agent itself among them, is given these again, and can be talked into \
              sending them.",
        remedy: "Replace these secrets at their issuers, then delete the lines or the sessions.",
    },
    Misplaced {
        id: "secrets.in_logs",
        within: &[Where::Log],
        own: false,
        title: "Secrets in logs",
        why: "Logs are kept, copied and shown to whoever helps.",
        remedy: "Replace these secrets at their issuers, delete the logs, and add what leaked to logging.redactPatterns.",
    },
    Misplaced {
        id: "secrets.in_env_file",
        within: &[Where::EnvFile, Where::WorkspaceEnvFile],
        own: true,
        title: "Secrets in an environment file that others can read",
        why: "Another account on this machine, or an agent at work in the folder, can read them.",
        remedy: "Give the file mode 600 and keep it in the state directory, out of every workspace; replace the secrets.",
    },
    Misplaced {
        id: "secrets.in_workspace",
        within: &[Where::Workspace],
        own: false,
        title: "Secrets in workspace files",
        why: "Every session of the agent reads these files, so that anybody who gets it to answer can ask for them.",
        remedy: "Replace these secrets at their issuers and write the name of a variable into the file instead.",
    },
    Misplaced {
        id: "secrets.in_backup",
        within: &[Where::Backup],
        own: true,
        title: "Secrets in an earlier config that others can read",
        why: "An earlier config holds the secrets of its day, and often still those of today.",
        remedy: "Give the backups mode 600 or delete them; replace the secrets that they hold.",
    },
    Misplaced {
        id: "secrets.in_database",
        within: &[Where::Database],
        own: true,
        title: "Secrets in a database that others can read",
        why: "Keys and tokens stand in it as they are.",
        remedy: "Give the database, its -wal and its -shm mode 600 and their folder 700; replace the secrets.",
    },
    Misplaced {
        id: "secrets.in_shell_history",
        within: &[Where::History],
        own: false,
        title: "Secrets in the shell history",
        why: "What was typed is kept for years, and is the first that is read on a machine that was broken into.",
        remedy: "Replace these secrets, delete the lines, and give secrets by variable or file, never as an argument.",
    },
    Misplaced {
        id: "secrets.in_service_unit",
        within: &[Where::Unit],
        own: true,
        title: "Secrets in a service that others can read",
        why: "Every account on this machine can read them.",
        remedy: "Move them to a file with mode 600 that the service names in EnvironmentFile=; replace the secrets.",
    },
];

/// A `.env` file in a workspace is read by its agent, whatever its mode.
fn is_read(leak: &Leak) -> bool {
    leak.within == Where::WorkspaceEnvFile
}

fn finding(place: &Misplaced, leaks: &[&Leak]) -> Finding {
    let marked = leaks.iter().any(|leak| !GUESSED.contains(&leak.rule.as_str()));
    let severity = if marked { Severity::Warn } else { Severity::Info };
    let mut lines: Vec<String> = leaks.iter().take(LISTED).map(|leak| line(leak)).collect();
    if leaks.len() > LISTED {
        lines.push(format!("and {} more", leaks.len() - LISTED));
    }
    let mut finding = Finding::new(place.id, severity, place.title)
        .detail(format!("{}\n{}", place.why, lines.join("\n")))
        .remedy(place.remedy);
    for leak in leaks.iter().take(LISTED) {
        finding = finding.at(match leak.line {
            Some(line) => Place::Line(leak.path.clone(), line),
            None => Place::File(leak.path.clone()),
        });
    }
    finding
}

fn line(leak: &Leak) -> String {
    let at = leak.line.map_or(String::new(), |line| format!(":{line}"));
    let times = if leak.count > 1 { format!(", {} times", leak.count) } else { String::new() };
    format!("{}{at}: {} {}{times}", single_line(&leak.path), leak.what, leak.masked)
}

/// How many are named; the rest is counted.
const LISTED: usize = 20;
/// Rules that go by the name of what a value is given to, or by a form that test data has too: a note, by themselves.
const GUESSED: &[&str] = &["assigned", "jwt", "url-password"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{findings, said, snapshot};

    fn leak(within: Where, open: bool, rule: &str) -> Leak {
        let path = "/home/op/.openclaw/x".to_owned();
        Leak {
            path,
            within,
            open,
            line: Some(3),
            rule: rule.into(),
            masked: "ghp_…(40)".into(),
            count: 2,
            ..Leak::default()
        }
    }

    fn ids(within: Where, open: bool, rule: &str) -> Vec<String> {
        let mut snapshot = snapshot(json!({}));
        snapshot.leaks = vec![leak(within, open, rule)];
        said(&snapshot, "secrets.in_")
    }

    #[test]
    fn a_secret_is_said_where_it_has_no_place() {
        assert_eq!(ids(Where::Transcript, false, "github"), ["warn secrets.in_transcripts"]);
        assert_eq!(ids(Where::Transcript, false, "assigned"), ["info secrets.in_transcripts"]);
        assert_eq!(ids(Where::Log, false, "github"), ["warn secrets.in_logs"]);
        assert_eq!(ids(Where::WorkspaceEnvFile, false, "github"), ["warn secrets.in_env_file"]);
        assert_eq!(ids(Where::Workspace, false, "github"), ["warn secrets.in_workspace"]);
        assert_eq!(ids(Where::History, false, "known"), ["warn secrets.in_shell_history"]);
        for (within, id) in [
            (Where::EnvFile, "secrets.in_env_file"),
            (Where::Backup, "secrets.in_backup"),
            (Where::Database, "secrets.in_database"),
            (Where::Unit, "secrets.in_service_unit"),
        ] {
            assert_eq!(ids(within, true, "github"), [format!("warn {id}")]);
            assert!(ids(within, false, "github").is_empty(), "{id}: closed, it is in its place");
        }
        assert!(ids(Where::Other, true, "github").is_empty(), "said by its mode");
    }

    #[test]
    fn many_leaks_are_one_finding_of_bounded_length() {
        let mut snapshot = snapshot(json!({}));
        snapshot.leaks = vec![leak(Where::Log, true, "github"); 1000];
        let [finding] = findings(&snapshot, "secrets.in_").try_into().expect("one");
        assert_eq!(finding.places.len(), LISTED);
        assert!(finding.detail.ends_with("and 980 more"), "{}", finding.detail);
        assert!(finding.detail.contains("/home/op/.openclaw/x:3:"), "{}", finding.detail);
    }
}
