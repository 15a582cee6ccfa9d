//! One change to a config of which the audit has nothing to say gives exactly the findings that its row names: none
//! missing, and none that merely comes along. Every key of that config is also taken away alone, so that it is known
//! what each of them holds back.

#![allow(clippy::disallowed_methods, reason = "files of tests are their own")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use stockade_config::edit::{Edit, agreed, apply};
use stockade_config::{Format, KeyPath};
use support::Home;
use support::page::{CLEAN, Scene};

/// Rows such as `gateway.tailscale.mode = "funnel" | critical gateway.tailscale_funnel`.
#[test]
fn one_key_set_gives_exactly_its_findings() {
    let home = home();
    assert_eq!(said(&home), Vec::<String>::new(), "the clean config is not clean");
    let mut wrong = Vec::new();
    for file in tables() {
        let name = file.file_name().expect("named").to_string_lossy().into_owned();
        let mut seen = BTreeSet::new();
        for line in rows(&file) {
            let (change, expected) = line.rsplit_once(" |").expect("`key = value | findings`");
            let (key, to) = change.split_once(" = ").expect("`key = value`");
            let to: Value = serde_json::from_str(to).unwrap_or_else(|error| panic!("{name}: {change}: {error}"));
            assert!(seen.insert(change.to_owned()), "{name}: twice: {change}");
            let found = after(&home, &Edit::Set { key: path(key), to });
            if found != findings(expected) {
                wrong.push(format!("{name}: {change} | {}", found.join("; ")));
            }
        }
        assert!(!seen.is_empty(), "{name} has no row");
    }
    assert!(wrong.is_empty(), "{} rows are not so; found was:\n{}", wrong.len(), wrong.join("\n"));
}

/// `removals.txt` has a row for every key and list item of the clean config, `gateway.bind | ` and what is then found.
#[test]
fn one_key_removed_gives_exactly_its_findings() {
    let home = home();
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/removals.txt");
    let split = |line: String| {
        let (key, expected) = line.split_once(" |").expect("`key | findings`");
        (key.to_owned(), findings(expected))
    };
    let expected: BTreeMap<_, _> = rows(&table).into_iter().map(split).collect();
    let mut keys = Vec::new();
    list(&clean(), &mut Vec::new(), &mut keys);
    let found: BTreeMap<_, _> = keys
        .into_iter()
        .map(|key| (key.join("."), after(&home, &Edit::Remove { key: path(&key.join(".")) })))
        .collect();
    let shown: Vec<String> = found.iter().map(|(key, said)| format!("{key} | {}", said.join("; "))).collect();
    assert_eq!(found, expected, "the table should be:\n{}", shown.join("\n"));
}

/// The clean install, with secrets in its environment that rows may name.
fn home() -> Home {
    let variables = "OPENCLAW_HOOKS_TOKEN=9b1f7c3e5d2a48609f7e1c4b6a3d8e2f0c5b7a94\n\
                     GMAIL_PUSH_TOKEN=e4a1d7703bc95f28a6d0913f7be2c84d5f60a9b1\n";
    Scene { env: variables.to_owned(), ..Scene::default() }.home()
}

/// What is said of the clean config with one edit made.
fn after(home: &Home, edit: &Edit) -> Vec<String> {
    let mut config = clean();
    let before = config.clone();
    apply(&mut config, edit).expect("the edit has a place");
    assert_ne!(config, before, "{edit:?} changes nothing");
    home.write(".openclaw/openclaw.json", &config.to_string());
    said(home)
}

fn said(home: &Home) -> Vec<String> {
    home.said().into_iter().filter(|line| line != "info summary.attack_surface").collect()
}

fn clean() -> Value {
    agreed(Format::Json5, CLEAN).expect("JSON5")
}

fn path(key: &str) -> KeyPath {
    KeyPath::dotted(key)
}

/// The keys of objects and the indexes of list items, at every depth.
fn list(value: &Value, above: &mut Vec<String>, keys: &mut Vec<Vec<String>>) {
    let below: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => return,
    };
    for (key, value) in below {
        above.push(key);
        keys.push(above.clone());
        list(value, above, keys);
        above.pop();
    }
}

/// Findings as `severity id; severity id`, sorted.
fn findings(text: &str) -> Vec<String> {
    let mut all: Vec<String> = text.split(';').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect();
    all.sort();
    all
}

/// The lines of a table without remarks (`#`) and blank lines.
fn rows(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).expect("a table");
    let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

fn tables() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mutations");
    let files = fs::read_dir(folder).expect("tests/mutations").map(|entry| entry.expect("readable").path());
    let mut tables: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "txt")).collect();
    tables.sort();
    tables
}
