//! From a config as it stands in its files to what is kept of it.

use std::ops::Range;

use serde_json::Value;
use stockade_config::survey::Survey;
use stockade_config::{Env, KeyPath};

use super::config::Redaction;
use super::shown;
use crate::report::Sources;
use crate::snapshot::config::SECRET;
use crate::snapshot::{ConfigFacts, ConfigFile, Problem, ProblemKind, Spot};

/// What is kept of a config. Its lines go to `sources`, without its secrets.
pub(super) fn facts(survey: &Survey, redaction: &Redaction, env: &Env, sources: &mut Sources) -> ConfigFacts {
    let redacted = redaction.redact(survey.value.clone(), env);
    let mut secret_keys = Vec::new();
    find_secrets(&redacted.value, &KeyPath::default(), &mut secret_keys);
    let mut masked: Vec<Vec<Range<usize>>> = vec![Vec::new(); survey.sources.len()];
    for place in secret_keys.iter().filter_map(|key| survey.place(key)) {
        if let Some(ranges) = masked.get_mut(place.source) {
            ranges.push(place.value);
        }
    }
    for (source, ranges) in survey.sources.iter().zip(&masked) {
        sources.add(&shown(&source.path), &source.text, ranges);
    }
    let files = survey.sources.iter().map(|source| ConfigFile {
        path: shown(&source.path),
        prefix: source.prefix.clone(),
        mode: source.mode,
        uid: source.uid,
        symlink: source.symlink,
    });
    let spots = survey.places().into_iter().map(|(key, place)| {
        (key, Spot { file: place.source, line: place.line, column: place.column, length: place.length })
    });
    let faults = survey.faults.iter().map(|fault| Problem {
        kind: fault.kind,
        file: shown(&fault.file),
        line: fault.line,
        key: fault.key.clone(),
        what: fault.what.clone(),
    });
    let missing = redacted.missing.iter().map(|(key, name)| {
        let place = survey.place(key);
        let source = place.as_ref().and_then(|place| survey.sources.get(place.source));
        Problem {
            kind: ProblemKind::MissingVariable,
            file: source.map(|source| shown(&source.path)).unwrap_or_default(),
            line: place.map(|place| place.line),
            key: Some(key.clone()),
            what: format!("the environment variable {name} is not set"),
        }
    });
    ConfigFacts {
        present: survey.present,
        files: files.collect(),
        spots: spots.collect(),
        problems: faults.chain(missing).collect(),
        value: redacted.value,
        secrets: redacted.secrets,
    }
}

fn find_secrets(value: &Value, at: &KeyPath, found: &mut Vec<KeyPath>) {
    match value {
        Value::Object(fields) if fields.contains_key(SECRET) => found.push(at.clone()),
        Value::Object(fields) => fields.iter().for_each(|(key, field)| find_secrets(field, &at.child(key), found)),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                find_secrets(item, &at.child(index.to_string()), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
