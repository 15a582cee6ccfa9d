//! Homes with what OpenClaw's own audit said of them: ours says the same, but for the differences that each case lists
//! with its reason, in `differences.txt` (`differences.deep.txt`: what a look at the code adds).
//! `docs/reference/openclaw-differences.md` is made of those.

#![allow(clippy::disallowed_methods, reason = "files of tests are their own")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use stockade_audit::fix::Choice;
use stockade_audit::gather::Depth;
use support::Home;

#[test]
fn openclaws_own_findings_are_found() {
    let mut wrong = Vec::new();
    for case in cases() {
        let expected =
            ["expected.ids.txt", "expected.feb.ids.txt"].map(|file| fs::read_to_string(case.join(file)).ok());
        let expected = expected.into_iter().flatten().rfind(|text| !text.contains("REFUSED")).unwrap_or_default();
        wrong.extend(unlisted(&case, Depth::Install, expected.lines(), &["differences.txt"]));
        if let Ok(expected) = fs::read_to_string(case.join("expected.deep.ids.txt")) {
            // The gateway was down when OpenClaw looked, and here nobody looks at what runs.
            let of_files = expected.lines().filter(|line| !line.ends_with(" gateway.probe_failed"));
            wrong.extend(unlisted(&case, Depth::Code, of_files, &["differences.txt", "differences.deep.txt"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where ours and OpenClaw's differ and the case does not list it, and where it lists what is not so.
fn unlisted<'l>(case: &Path, depth: Depth, expected: impl Iterator<Item = &'l str>, lists: &[&str]) -> Vec<String> {
    let name = case.file_name().expect("named").to_string_lossy();
    let mut home = Home::case(case);
    home.depth = depth;
    let said = home.said();
    let mut differences = count(said.iter().map(String::as_str).filter(|line| is_openclaws(line)));
    for (line, by) in count(expected) {
        *differences.entry(line).or_default() -= by;
    }
    differences.retain(|_, by| *by != 0);
    let listed: BTreeMap<String, i64> = lists.iter().flat_map(|list| listed(&case.join(list))).collect();
    let missing = differences.iter().filter(|(line, by)| listed.get(*line) != Some(by));
    let stray = listed.iter().filter(|(line, by)| differences.get(*line) != Some(by));
    let missing = missing.map(|(line, by)| format!("{name}: {by:+} {line} ({depth:?})"));
    missing.chain(stray.map(|(line, by)| format!("{name}: listed and not so: {by:+} {line} ({depth:?})"))).collect()
}

/// Lines such as `+1 warn channels.telegram.groups.open | the reason`.
fn listed(file: &Path) -> BTreeMap<String, i64> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let mut listed = BTreeMap::new();
    for line in text.lines() {
        let (difference, reason) = line.split_once(" | ").expect("a difference and its reason");
        assert!(!reason.trim().is_empty(), "{line}");
        let (by, line) = difference.split_once(' ').expect("a number and a finding");
        listed.insert(line.to_owned(), by.parse().expect("a number"));
    }
    listed
}

/// Ours are beside OpenClaw's and not compared. An entry that ends with a dot stands for what begins with it.
fn is_openclaws(line: &str) -> bool {
    let id = line.split(' ').nth(1).unwrap_or_default();
    include_str!("support/openclaw_ids.txt").lines().any(|known| match known.strip_suffix('.') {
        Some(_) => id.starts_with(known),
        None => id == known || id.strip_prefix(known).is_some_and(|rest| rest.starts_with('.')),
    })
}

fn count<'l>(lines: impl Iterator<Item = &'l str>) -> BTreeMap<String, i64> {
    let mut counted = BTreeMap::new();
    for line in lines.filter(|line| !line.is_empty()) {
        *counted.entry(line.to_owned()).or_default() += 1;
    }
    counted
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases: Vec<PathBuf> =
        fs::read_dir(folder).expect("the cases").map(|entry| entry.expect("readable").path()).collect();
    cases.sort();
    cases
}

#[test]
fn fix_and_undo_leave_every_byte_and_mode_as_it_was_and_the_fix_keeps_every_comment() {
    let mut wrong = Vec::new();
    for case in cases() {
        let name = case.file_name().expect("named").to_string_lossy().into_owned();
        for choice in [Choice::SafeOnly, Choice::All] {
            let home = Home::case(&case);
            let before = home.tree();
            let comments = comments(&home);
            let outcome = match home.fix(&choice) {
                Ok(outcome) => outcome,
                Err(error) => {
                    wrong.push(format!("{name} {choice:?}: {error}"));
                    continue;
                }
            };
            let after = comments_of(&home, &comments);
            if after != comments {
                wrong.push(format!("{name} {choice:?}: comments were lost: {comments:?} {after:?}"));
            }
            if outcome.id.is_some() {
                let again = home.fix(&choice).map(|again| (again.id, again.changes));
                if !matches!(&again, Ok((None, _))) {
                    wrong.push(format!("{name} {choice:?}: a second fix changes more: {again:?}"));
                }
                home.undo();
            }
            if home.tree() != before {
                wrong.push(format!("{name} {choice:?}: undo left a difference"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The lines of config files with a comment, as they stand after the `//`.
fn comments(home: &Home) -> BTreeMap<PathBuf, Vec<String>> {
    let configs = home.tree().into_keys().filter(|path| {
        let name = path.file_name().expect("named").to_string_lossy();
        name == "openclaw.json" || name.ends_with(".json5")
    });
    configs.map(|path| (path.clone(), lines_with_comments(&path))).collect()
}

fn comments_of(_home: &Home, before: &BTreeMap<PathBuf, Vec<String>>) -> BTreeMap<PathBuf, Vec<String>> {
    before.keys().map(|path| (path.clone(), lines_with_comments(path))).collect()
}

fn lines_with_comments(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| line.split_once("// ").map(|(_, comment)| comment.to_owned())).collect()
}
