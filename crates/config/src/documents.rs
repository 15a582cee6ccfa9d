//! The documents that a config is made of, as values. What they hold may be secret: it is compared and kept,
//! and never shown.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `openclaw.json` with its includes, `stockade.json` and `exec-approvals.json`. One that is absent is null.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Documents {
    /// `openclaw.json`, includes merged in.
    pub openclaw: Value,
    /// `stockade.json`.
    pub own: Value,
    /// `exec-approvals.json`.
    pub approvals: Value,
}

impl std::fmt::Debug for Documents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Documents(..)")
    }
}

/// The same value with its keys sorted: the order in the file changes nothing.
pub(crate) fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| *key);
            Value::Object(sorted.into_iter().map(|(key, value)| (key.clone(), canonical(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        scalar => scalar.clone(),
    }
}
