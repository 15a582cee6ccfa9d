//! Edits that close a way.

use serde::Serialize;
use serde_json::{Map, Value, json};
use stockade_config::KeyPath;

/// An edit of a key.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyEdit {
    /// The key.
    pub key: KeyPath,
    /// What becomes of it.
    pub act: Act,
    /// How much somebody may miss: 0 nothing, 3 a whole tool.
    #[serde(skip)]
    pub cost: u32,
}

/// What becomes of a key.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Act {
    /// It gets this value.
    Set(Value),
    /// This is added to its list.
    Add(Value),
    /// This is taken out of its list.
    Drop(Value),
    /// It needs a secret, which only the operator has.
    SetSecret,
}

impl std::fmt::Display for KeyEdit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.act {
            Act::Set(value) => write!(f, "set {} to {value}", self.key),
            Act::Add(value) => write!(f, "add {value} to {}", self.key),
            Act::Drop(value) => write!(f, "take {value} out of {}", self.key),
            Act::SetSecret => write!(f, "set {} to a long random text", self.key),
        }
    }
}

impl KeyEdit {
    /// What a config is after the edit; `secret` stands for the text that only the operator knows.
    pub fn apply(&self, config: &mut Value, secret: &Value) {
        let Some((last, above)) = self.key.parts().split_last() else { return };
        let mut node = config;
        for part in above {
            let Some(next) = below(node, part) else { return };
            node = next;
        }
        let Some(slot) = below(node, last) else { return };
        match &self.act {
            Act::Set(value) => *slot = value.clone(),
            Act::SetSecret => *slot = secret.clone(),
            Act::Add(value) => match slot {
                Value::Array(items) => items.push(value.clone()),
                other => *other = json!([value]),
            },
            Act::Drop(value) => {
                if let Value::Array(items) = slot {
                    items.retain(|item| item != value);
                }
            }
        }
    }
}

/// The value at a key, made if it is not there.
fn below<'v>(node: &'v mut Value, part: &str) -> Option<&'v mut Value> {
    match node {
        Value::Array(items) => items.get_mut(part.parse::<usize>().ok()?),
        Value::Object(fields) => Some(fields.entry(part).or_insert(Value::Null)),
        other => {
            *other = Value::Object(Map::new());
            other.as_object_mut().map(|fields| fields.entry(part).or_insert(Value::Null))
        }
    }
}
