//! What is wrong with the config files as files: both `openclaw.json` with what it includes, and `stockade.json`. Answers
//! the key that was believed to be in force, and the file that two readers read differently.

use std::collections::BTreeMap;

use crate::checks::Check;
use crate::finding::{Finding, Place, Severity};
use crate::model::Model;
use crate::snapshot::{Generation, Problem, ProblemKind};

pub(super) const CHECK: Check = Check {
    ids: &[
        "config.unreadable",
        "config.syntax",
        "config.too_large",
        "config.not_text",
        "config.include",
        "config.duplicate_key",
        "config.shadowed_key",
        "config.unknown_key",
        "config.retired_key",
        "config.invalid_value",
        "config.parser_disagreement",
        "config.missing_variable",
    ],
    run,
};

/// One finding a kind: a config that was written for something else has many of the same.
fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let own = model.snapshot.own.iter().flat_map(|own| &own.problems);
    let mut by_kind: BTreeMap<ProblemKind, Vec<&Problem>> = BTreeMap::new();
    for problem in model.config().problems.iter().chain(own) {
        by_kind.entry(problem.kind).or_default().push(problem);
    }
    let february = model.snapshot.install.generation == Generation::February;
    for (kind, problems) in by_kind {
        let said = words(kind, february);
        let lines: Vec<String> = problems.iter().map(|problem| line(problem)).collect();
        let finding = Finding::new(said.id, said.severity, said.title)
            .detail(format!("{}\n{}", said.means, lines.join("\n")))
            .remedy(said.remedy);
        let mut finding = problems.iter().fold(finding, |finding, problem| finding.at(place(problem)));
        if kind == ProblemKind::RetiredKey && !february {
            finding.fix = super::retired::fix(&problems);
        }
        out.push(finding);
    }
}

fn line(problem: &Problem) -> String {
    let at = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
    let key = problem.key.as_ref().map(|key| format!(" {key}")).unwrap_or_default();
    format!("- {}{at}{key}: {}", problem.file, problem.what)
}

fn place(problem: &Problem) -> Place {
    match (problem.line, &problem.key) {
        (Some(line), _) => Place::Line(problem.file.clone(), line),
        (None, Some(key)) => Place::Key(key.clone()),
        (None, None) => Place::File(problem.file.clone()),
    }
}

struct Words {
    id: &'static str,
    severity: Severity,
    title: &'static str,
    means: &'static str,
    remedy: &'static str,
}

const fn words(kind: ProblemKind, february: bool) -> Words {
    use Severity::{Critical, Info, Warn};
    let (id, severity, title, means, remedy) = match kind {
        ProblemKind::Unreadable => (
            "config.unreadable",
            Critical,
            "A config file cannot be read",
            "What it sets is not known here, and the rest of this report is about defaults:",
            "Run the audit as its owner, or mend the file.",
        ),
        ProblemKind::TooLarge => (
            "config.too_large",
            Critical,
            "A config file is larger or deeper than a config is",
            "It was not read further; what it sets beyond that is not known:",
            "Take out what is no configuration.",
        ),
        ProblemKind::NotText => (
            "config.not_text",
            Critical,
            "A config file is no text",
            "Bytes that are no UTF-8, or NUL, can hide a key from one reader and not from another:",
            "Write the file anew from a copy that is known to be good.",
        ),
        ProblemKind::Syntax => (
            "config.syntax",
            Critical,
            "A config file cannot be parsed",
            "The gateway does not start with it, or goes on with an earlier one; the rest of this report is about defaults:",
            "Mend the file at the place that is named.",
        ),
        ProblemKind::Include => (
            "config.include",
            Warn,
            "An include is not followed",
            "What it was to set is not in force here:",
            "Keep included files below the folder of the config, without links out of it and without circles.",
        ),
        ProblemKind::DuplicateKey => (
            "config.duplicate_key",
            Warn,
            "A key stands twice",
            "Only the last one counts, and whoever reads the first believes something else:",
            "Keep one.",
        ),
        ProblemKind::Shadowed => (
            "config.shadowed_key",
            Info,
            "A key is overridden elsewhere",
            "What is written here is not what is in force:",
            "Remove the one that is not meant.",
        ),
        ProblemKind::UnknownKey => (
            "config.unknown_key",
            Warn,
            "A key that nobody knows",
            "It sets nothing. OpenClaw refuses the whole config for it, and its own audit then finds nothing:",
            "Correct its name or remove it.",
        ),
        ProblemKind::RetiredKey if february => (
            "config.retired_key",
            Info,
            "Keys that later versions refuse",
            "They count in this version. A current OpenClaw refuses a config that has them, and does not start:",
            "Move them when you update; `openclaw doctor` of the new version helps.",
        ),
        ProblemKind::RetiredKey => (
            "config.retired_key",
            Warn,
            "Keys of an earlier version",
            "They set nothing any more. OpenClaw refuses the whole config for them, and its own audit then finds nothing:",
            "Move what is still meant to the new key and remove the old one.",
        ),
        ProblemKind::InvalidValue => (
            "config.invalid_value",
            Warn,
            "A value of a kind that the key does not take",
            "OpenClaw refuses the whole config for it; what was meant is not in force:",
            "Correct the value.",
        ),
        ProblemKind::ParserDisagreement => (
            "config.parser_disagreement",
            Critical,
            "Two readers read the config differently",
            "What one reader checks is not what another obeys, which is how a setting is smuggled past a review:",
            "Write the place plainly, without the form that is read in two ways.",
        ),
        ProblemKind::MissingVariable => (
            "config.missing_variable",
            Warn,
            "A variable that the config needs is not known",
            "The key has no value here; a credential or a rule that is missing is not in force:",
            "Set it in the environment of the gateway or in the .env file of the state directory, and run the audit with it.",
        ),
    };
    Words { id, severity, title, means, remedy }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::KeyPath;
    use crate::snapshot::ConfigFacts;
    use crate::testing::{findings, said, snapshot};

    const ALL: &[ProblemKind] = &[
        ProblemKind::Unreadable,
        ProblemKind::TooLarge,
        ProblemKind::NotText,
        ProblemKind::Syntax,
        ProblemKind::Include,
        ProblemKind::DuplicateKey,
        ProblemKind::Shadowed,
        ProblemKind::UnknownKey,
        ProblemKind::RetiredKey,
        ProblemKind::InvalidValue,
        ProblemKind::ParserDisagreement,
        ProblemKind::MissingVariable,
    ];

    fn problem(kind: ProblemKind, key: &str, line: Option<u32>) -> Problem {
        let what = "it is not right".to_owned();
        Problem { kind, file: "/home/op/.openclaw/openclaw.json".into(), line, key: Some(KeyPath::dotted(key)), what }
    }

    #[test]
    fn every_kind_has_its_own_id() {
        let mut install = snapshot(json!({}));
        install.config.problems = ALL.iter().map(|kind| problem(*kind, "a.b", None)).collect();
        let mut ids: Vec<String> = findings(&install, "config.").into_iter().map(|finding| finding.check_id).collect();
        ids.sort();
        let mut known: Vec<&str> = CHECK.ids.to_vec();
        known.sort_unstable();
        assert_eq!(ids, known);
    }

    #[test]
    fn many_of_a_kind_are_one_finding_with_their_places() {
        let mut install = snapshot(json!({}));
        install.config.problems = vec![
            problem(ProblemKind::UnknownKey, "tools.denny", Some(7)),
            problem(ProblemKind::UnknownKey, "gateway.x", None),
        ];
        let own = ConfigFacts {
            problems: vec![problem(ProblemKind::UnknownKey, "exec.y", Some(2))],
            ..ConfigFacts::default()
        };
        install.own = Some(own);
        let found = findings(&install, "config.unknown_key");
        assert_eq!((found.len(), found[0].places.len()), (1, 3));
        assert!(found[0].detail.contains("openclaw.json:7 tools.denny: it is not right"), "{}", found[0].detail);
    }

    #[test]
    fn retired_keys_count_in_february() {
        let mut install = snapshot(json!({}));
        install.config.problems = vec![problem(ProblemKind::RetiredKey, "agents.list", None)];
        assert_eq!(said(&install, "config."), ["warn config.retired_key"]);
        install.install.generation = Generation::February;
        assert_eq!(said(&install, "config."), ["info config.retired_key"]);
    }
}
