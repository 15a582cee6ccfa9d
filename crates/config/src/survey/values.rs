//! Which values the typed model refuses, all of them and not only the first.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::environment::Env;
use crate::interpolate::interpolated;
use crate::load::key_and_expectation;
use crate::secret_ref;

/// A key whose value is refused.
pub(super) struct Refused {
    pub(super) key: Vec<String>,
    /// What it takes.
    pub(super) expected: String,
}

/// The values that a type refuses. Each is taken away before the next one is looked for, so that one
/// wrong value does not hide another.
pub(super) fn refused<T: DeserializeOwned>(value: &Value, env: &Env) -> Vec<Refused> {
    let mut rest = value.clone();
    stand_in(&mut rest, env);
    for key in secret_ref::find(value) {
        if let Some(slot) = slot(&mut rest, &key) {
            *slot = Value::String("reference".to_owned());
        }
    }
    let mut found: Vec<Refused> = Vec::new();
    for _ in 0..MAX_REFUSED {
        let Err(error) = serde_path_to_error::deserialize::<_, T>(&rest) else { break };
        let (key, expected) = key_and_expectation(&error);
        // What lacks the value that was taken away is not wrong in itself.
        let caused = found.iter().any(|earlier| earlier.key.starts_with(&key));
        if !take(&mut rest, &key) {
            break;
        }
        // What a missing variable would have been, nobody knows.
        let unknown = at(value, &key).and_then(Value::as_str).is_some_and(|text| interpolated(text, env).is_err());
        if !caused && !unknown {
            found.push(Refused { key, expected });
        }
    }
    found
}

/// Replaces the variables that are set.
fn stand_in(value: &mut Value, env: &Env) {
    match value {
        Value::String(text) if text.contains("${") => {
            if let Ok(known) = interpolated(text, env) {
                *text = known;
            }
        }
        Value::Object(fields) => fields.values_mut().for_each(|field| stand_in(field, env)),
        Value::Array(items) => items.iter_mut().for_each(|item| stand_in(item, env)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn at<'v>(value: &'v Value, key: &[String]) -> Option<&'v Value> {
    key.iter().try_fold(value, |value, part| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        value => value.get(part),
    })
}

fn slot<'v>(value: &'v mut Value, key: &[String]) -> Option<&'v mut Value> {
    key.iter().try_fold(value, |value, part| match value {
        Value::Array(items) => items.get_mut(part.parse::<usize>().ok()?),
        value => value.get_mut(part),
    })
}

/// Takes a value away; of a list item the whole list, so that no other item takes its place.
fn take(value: &mut Value, key: &[String]) -> bool {
    let Some((last, above)) = key.split_last() else { return false };
    match slot(value, above) {
        Some(Value::Object(fields)) => fields.shift_remove(last).is_some(),
        Some(Value::Array(_)) => above.split_last().is_some() && take(value, above),
        _ => false,
    }
}

/// Each costs one pass over the config.
const MAX_REFUSED: usize = 32;
