//! Where plugins and hooks came from: a spec without an exact version, a record without a digest, a package that is not
//! the one that was recorded. Answers "the next update brings other code" and "what runs is not what was installed".

use super::super::Check;
use super::lines;
use crate::finding::{Finding, Place, Severity};
use crate::model::Model;
use crate::snapshot::InstallRecord;

pub(super) const CHECK: Check = Check {
    ids: &[
        "plugins.installs_unpinned_npm_specs",
        "plugins.installs_missing_integrity",
        "plugins.installs_version_drift",
        "hooks.installs_unpinned_npm_specs",
        "hooks.installs_missing_integrity",
        "hooks.installs_version_drift",
    ],
    run,
};

/// One thing that a record can say.
struct Question {
    name: &'static str,
    title: &'static str,
    what: &'static str,
    remedy: &'static str,
    /// What is weak about a record, in words.
    weak: fn(&InstallRecord) -> Option<String>,
}

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for (hook, family) in [(false, "plugins"), (true, "hooks")] {
        let records: Vec<&InstallRecord> =
            model.snapshot.installs.iter().filter(|record| record.hook == hook && record.source == "npm").collect();
        for question in QUESTIONS {
            let weak: Vec<String> = records.iter().filter_map(|record| (question.weak)(record)).collect();
            if weak.is_empty() {
                continue;
            }
            let database = format!("{}/state/openclaw.sqlite", model.snapshot.install.state);
            let finding = Finding::new(format!("{family}.{}", question.name), Severity::Warn, question.title)
                .detail(format!("{} It is so with these {family}:{}", question.what, lines(&weak)))
                .remedy(question.remedy.replace("{things}", family))
                .at(Place::File(database));
            findings.push(finding);
        }
    }
}

const QUESTIONS: &[Question] = &[
    Question {
        name: "installs_unpinned_npm_specs",
        title: "Installed code is not held to a version",
        what: "The next update takes whatever the package's owner, or who has taken the package over, has published.",
        remedy: "Install again with an exact version: openclaw {things} install name@1.2.3.",
        weak: unpinned,
    },
    Question {
        name: "installs_missing_integrity",
        title: "Installed code has no recorded digest",
        what: "Without a digest nobody notices when a package of the same version holds other code.",
        remedy: "Install or update again, so that the digest is recorded: openclaw {things} update --all.",
        weak: |record| {
            let digest = record.integrity.as_deref().unwrap_or_default().trim();
            digest.is_empty().then(|| record.id.clone())
        },
    },
    Question {
        name: "installs_version_drift",
        title: "Installed code is not of the recorded version",
        what: "Somebody or something changed the package after it was installed.",
        remedy: "Look at what changed; then install again, so that record and package agree: openclaw {things} update --all.",
        weak: |record| {
            let (recorded, installed) = (record.recorded_version.as_deref()?, record.installed_version.as_deref()?);
            let drifted = !recorded.is_empty() && !installed.is_empty() && recorded != installed;
            drifted.then(|| format!("{} (recorded {recorded}, installed {installed})", record.id))
        },
    },
];

fn unpinned(record: &InstallRecord) -> Option<String> {
    let spec = record.spec.as_deref()?;
    (!is_pinned(spec)).then(|| format!("{} ({spec})", record.id))
}

/// Whether a spec ends in an exact version: `@scope/name@1.2.3-rc.1+build`.
fn is_pinned(spec: &str) -> bool {
    let Some((name, version)) = spec.trim().rsplit_once('@') else { return false };
    let version = version.trim();
    let version = version.strip_prefix('v').unwrap_or(version);
    let (version, build) = version.split_once('+').map_or((version, None), |(version, build)| (version, Some(build)));
    let (numbers, pre) = version.split_once('-').map_or((version, None), |(numbers, pre)| (numbers, Some(pre)));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_tag =
        |tag: &str| !tag.is_empty() && tag.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    !name.is_empty()
        && numbers.split('.').count() == 3
        && numbers.split('.').all(is_number)
        && pre.is_none_or(is_tag)
        && build.is_none_or(is_tag)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::snapshot::Snapshot;
    use crate::testing::{findings, said, snapshot};

    fn record(hook: bool, id: &str, spec: &str) -> InstallRecord {
        InstallRecord { hook, id: id.into(), source: "npm".into(), spec: Some(spec.into()), ..InstallRecord::default() }
    }

    fn with(installs: Vec<InstallRecord>) -> Snapshot {
        Snapshot { installs, ..snapshot(json!({})) }
    }

    #[test]
    fn exact_versions_are_pinned_and_all_else_is_not() {
        for spec in ["x@1.2.3", "@a/x@1.2.3", "@a/x@v0.0.1-rc.1+b.7", " x@1.2.3 ", "x@1.2.3+b-1"] {
            assert!(is_pinned(spec), "{spec}");
        }
        for spec in [
            "x", "@a/x", "x@latest", "x@^1.2.3", "x@1.2", "x@1.2.3.4", "x@1.2.x", "@1.2.3", "x@", "x@1.2.3-",
            "x@1.2.3+",
        ] {
            assert!(!is_pinned(spec), "{spec}");
        }
    }

    #[test]
    fn plugins_and_hooks_are_told_apart_and_each_weakness_is_said_once() {
        let sound = InstallRecord { integrity: Some("sha512-x".into()), ..record(false, "a", "a@1.0.0") };
        assert!(said(&with(vec![sound.clone()]), "").iter().all(|said| !said.contains("installs_")));
        let drifted = InstallRecord {
            recorded_version: Some("1.0.0".into()),
            installed_version: Some("1.0.1".into()),
            ..sound.clone()
        };
        let local = InstallRecord { source: "path".into(), ..record(false, "p", "p") };
        let all = with(vec![
            sound,
            drifted,
            local,
            record(false, "b", "b@latest"),
            record(false, "c", "c"),
            record(true, "h", "h"),
        ]);
        let mut seen = said(&all, "plugins.installs_");
        seen.extend(said(&all, "hooks.installs_"));
        let expected = [
            "warn plugins.installs_missing_integrity",
            "warn plugins.installs_unpinned_npm_specs",
            "warn plugins.installs_version_drift",
            "warn hooks.installs_missing_integrity",
            "warn hooks.installs_unpinned_npm_specs",
        ];
        assert_eq!(seen, expected);
        let drift = findings(&all, "plugins.installs_version_drift");
        assert!(drift[0].detail.contains("a (recorded 1.0.0, installed 1.0.1)"), "{}", drift[0].detail);
    }
}
