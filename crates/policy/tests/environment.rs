//! Variables against the judge: the corpus with its confusion matrix, and what must hold for every text.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use stockade_policy::environment::{Source, build_env, judge_variable};

#[derive(serde::Deserialize)]
struct Row {
    id: String,
    key: String,
    value: String,
    source: String,
    expect: String,
    group: String,
    why: String,
}

fn rows() -> Vec<Row> {
    let text = include_str!("corpus/env.jsonl");
    text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
}

#[test]
#[expect(clippy::print_stdout, reason = "the matrix is the result of this test")]
fn no_attack_passes_and_honest_variables_do() {
    let rows = rows();
    let mut matrix: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for row in &rows {
        let decided = judge_variable(Source::of(&row.source), &row.key, &row.value).verdict();
        *matrix.entry((&row.group, &row.expect, decided)).or_default() += 1;
        if decided != row.expect {
            wrong.push(format!(
                "{} {:?}={:?} by {}: {decided}, though {}",
                row.id, row.key, row.value, row.source, row.why
            ));
        }
    }
    for ((group, expect, decided), count) in &matrix {
        println!("{group:12} expected {expect:5} decided {decided:5} {count:4}");
    }
    let ids: BTreeSet<_> = rows.iter().map(|row| &row.id).collect();
    assert_eq!(ids.len(), rows.len(), "ids are unique");
    assert!(rows.len() >= 200 && rows.iter().all(|row| !row.why.is_empty()));
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn an_environment_is_built_and_not_taken_over() {
    let home = "/home/sandbox";
    let build = |name: &str, value: &str| build_env(&BTreeMap::from([(name.to_owned(), value.to_owned())]), home);
    let env = build("TZ", "UTC").expect("harmless");
    let names: Vec<_> = env.keys().map(String::as_str).collect();
    assert_eq!(names, ["HOME", "LANG", "OPENCLAW_SHELL", "PATH", "TERM", "TZ"]);
    for row in rows().iter().filter(|row| row.expect == "deny" && row.source == "request-env") {
        assert!(build(&row.key, &row.value).is_err(), "{} {:?}", row.id, row.key);
    }
    assert!(build_env(&BTreeMap::new(), "relative").is_err(), "a home is absolute");
    assert!(build_env(&BTreeMap::new(), "/h\nX=1").is_err());
    let many: BTreeMap<_, _> = (0..80).map(|n| (format!("MY_{n}_MODE"), "x".to_owned())).collect();
    assert!(build_env(&many, home).is_err(), "bounded");
}

#[test]
fn a_refusal_says_which_family() {
    let because = |name: &str| match judge_variable(Source::Request, name, "x") {
        stockade_core::Decision::Deny(denial) => denial.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(because("LD_PRELOAD").contains("how programs are loaded"));
    assert!(because("HTTPS_PROXY").contains("only the operator"));
    assert!(because("BASH_FUNC_ls%%").contains("not a plain variable name"));
    assert!(because(&"A".repeat(100_000)).len() < 512, "a refusal is short, whatever was asked");
}

proptest! {
    #[test]
    fn any_text_is_answered_and_trust_only_adds(name in any::<String>(), value in any::<String>()) {
        check_sources(&name, &value)?;
    }

    #[test]
    fn trust_only_adds_for_names_of_tools(
        row in 0usize..500, value in "[ -~]{0,12}", name in "[A-Z]{1,6}(_[A-Z]{1,8}){0,3}",
    ) {
        check_sources(&name, &value)?;
        if let Some(row) = rows().get(row) {
            check_sources(&row.key, &value)?;
        }
    }

    #[test]
    fn what_a_request_may_set_holds_no_path_and_no_code(name in "[A-Z_]{1,20}", value in "[ -~]{0,24}") {
        let allowed = judge_variable(Source::Request, &name, &value).verdict() == "allow";
        if allowed && name != "TZ" {
            prop_assert!(!value.contains(['/', '$', '`', '\\', '|', '&', '"']), "{name}={value}");
        }
    }

    #[test]
    fn no_loader_variable_in_any_case(
        prefix in "(LD|ld|Ld|DYLD|GLIBC|GIT_CONFIG|BASH|PYTHON|NODE|OPENCLAW)", rest in "[A-Za-z_]{1,12}",
    ) {
        let name = format!("{prefix}_{rest}");
        prop_assume!(!["NODE_ENV"].contains(&name.as_str()));
        prop_assert_eq!(judge_variable(Source::Operator, &name, "x").verdict(), "deny");
    }
}

fn check_sources(name: &str, value: &str) -> Result<(), TestCaseError> {
    let mut before = false;
    for source in Source::ALL {
        let allowed = judge_variable(source, name, value).verdict() == "allow";
        prop_assert!(allowed || !before, "{name}={value} is refused to {source:?} only");
        before = allowed;
    }
    Ok(())
}
