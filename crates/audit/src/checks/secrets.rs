//! Secrets: where they stand and how good they are.

use serde_json::Value;
use stockade_config::KeyPath;

use super::Check;
use crate::snapshot::{ConfigFacts, SecretFact};

mod config;
mod leaks;
mod reused;
mod weak;

pub(super) const CHECKS: &[Check] = &[config::CHECK, reused::CHECK, weak::CHECK, leaks::CHECK];

/// Every secret of a config, with its key, in the order of the keys.
fn all(config: &ConfigFacts) -> Vec<(KeyPath, &SecretFact)> {
    let mut found = Vec::new();
    collect(config, &config.value, &KeyPath::default(), &mut found);
    found
}

fn collect<'c>(config: &'c ConfigFacts, value: &Value, at: &KeyPath, found: &mut Vec<(KeyPath, &'c SecretFact)>) {
    if let Some(fact) = config.secret_of(value) {
        found.push((at.clone(), fact));
        return;
    }
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| collect(config, field, &at.child(name), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| {
                collect(config, item, &at.child(index.to_string()), found);
            });
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
