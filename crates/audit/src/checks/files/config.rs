//! The config and what it includes: who may change what the gateway enforces, or read the secrets in it.

use super::{about, closed};
use crate::checks::Check;
use crate::finding::{Finding, Place, Severity};
use crate::model::Model;
use crate::snapshot::tree::{Entry, Kind, Role};

pub(super) const CHECK: Check = Check {
    ids: &[
        "fs.config.symlink",
        "fs.config.perms_writable",
        "fs.config.perms_world_readable",
        "fs.config.perms_group_readable",
        "fs.config_include.perms_writable",
        "fs.config_include.perms_world_readable",
        "fs.config_include.perms_group_readable",
    ],
    run,
};

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for entry in &model.snapshot.tree.entries {
        match entry.role {
            Role::Config => {
                if entry.kind == Kind::Link {
                    findings.push(link(entry));
                }
                modes(model, entry, "fs.config", "the config", findings);
            }
            Role::Include => modes(model, entry, "fs.config_include", "a file of the config", findings),
            _ => {}
        }
    }
}

fn link(entry: &Entry) -> Finding {
    let leads = entry.target.as_deref().unwrap_or("nowhere");
    Finding::new("fs.config.symlink", Severity::Warn, "The config is a link")
        .detail(format!("{} leads to {leads}. Whoever may write there decides what the gateway allows.", entry.path))
        .remedy("Put the file itself in its place, or set OPENCLAW_CONFIG_PATH to where it is.")
        .at(Place::File(entry.path.clone()))
}

fn modes(model: &Model<'_>, entry: &Entry, family: &str, what: &str, findings: &mut Vec<Finding>) {
    let (id, severity, title, gets) = match entry.open() {
        mode if mode & 0o022 != 0 => (
            "perms_writable",
            Severity::Critical,
            format!("Others may write {what}"),
            "They can turn authentication off, open the channels and give every tool to everybody.",
        ),
        // OpenClaw leaves the reading of a linked config alone; where the target is open, `fs.symlink_target` says so.
        _ if entry.kind == Kind::Link => return,
        mode if mode & 0o004 != 0 => (
            "perms_world_readable",
            Severity::Critical,
            format!("Everybody may read {what}"),
            "Tokens and keys in it are theirs, and who may speak to the agents.",
        ),
        mode if mode & 0o040 != 0 => (
            "perms_group_readable",
            Severity::Warn,
            format!("A group may read {what}"),
            "Its members get the tokens and keys in it, and learn who may speak to the agents.",
        ),
        _ => return,
    };
    let finding = Finding::new(format!("{family}.{id}"), severity, title)
        .detail(format!("{} has mode {:o}. {gets}", entry.path, entry.mode));
    findings.push(about(model, finding, &[entry], closed));
}

#[cfg(test)]
mod tests {
    use super::super::tests::{entry, said};
    use super::*;

    #[test]
    fn each_mode_has_its_one_finding() {
        for (role, family) in [(Role::Config, "fs.config"), (Role::Include, "fs.config_include")] {
            for (mode, expected) in [
                (0o600, None),
                (0o400, None),
                (0o640, Some("warn {}.perms_group_readable")),
                (0o644, Some("critical {}.perms_world_readable")),
                (0o620, Some("critical {}.perms_writable")),
                (0o666, Some("critical {}.perms_writable")),
            ] {
                let expected: Vec<String> = expected.iter().map(|line| line.replace("{}", family)).collect();
                assert_eq!(said(vec![entry("x.json", role.clone(), mode)]), expected, "{mode:o}");
            }
        }
    }

    #[test]
    fn of_a_linked_config_only_writing_is_openclaws() {
        let link = |mode| Entry {
            kind: Kind::Link,
            target: Some("/home/op/.openclaw/real.json".into()),
            target_kind: Some(Kind::File),
            ..entry("openclaw.json", Role::Config, mode)
        };
        assert_eq!(said(vec![link(0o644)]), ["warn fs.config.symlink"]);
        assert_eq!(said(vec![link(0o666)]), ["critical fs.config.perms_writable", "warn fs.config.symlink"]);
    }
}
