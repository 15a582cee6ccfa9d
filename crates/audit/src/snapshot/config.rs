//! A config as far as it could be read, with its secrets taken out.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use stockade_config::KeyPath;
pub use stockade_config::survey::FaultKind as ProblemKind;

/// A config as far as it could be read: includes merged, `${NAME}` replaced in what is not secret, and each secret
/// replaced by `{"$secret": n}`, where `n` is its place in [`ConfigFacts::secrets`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigFacts {
    /// Whether the file is there, readable or not.
    pub present: bool,
    /// The values; an empty object when nothing could be read.
    pub value: Value,
    /// What is known of each secret.
    pub secrets: Vec<SecretFact>,
    /// The files that were read, the config first.
    pub files: Vec<ConfigFile>,
    /// Where each key stands, sorted by key.
    pub spots: Vec<(KeyPath, Spot)>,
    /// What is wrong with the files.
    pub problems: Vec<Problem>,
}

/// One file of a config.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigFile {
    /// Its path: the config as it was named, an include with its links followed.
    pub path: String,
    /// Where its keys stand in the whole config.
    pub prefix: KeyPath,
    /// Permission bits of the file that was read.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Whether the name is a symbolic link.
    pub symlink: bool,
}

/// Where a key stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// Which of [`ConfigFacts::files`].
    pub file: usize,
    /// The line of the key, from 1.
    pub line: u32,
    /// Its column in characters, from 1.
    pub column: u32,
    /// How many characters the key and its value take on that line.
    pub length: u32,
}

/// Something wrong with a config file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// What kind.
    pub kind: ProblemKind,
    /// The file, as shown.
    pub file: String,
    /// The line, from 1, when it is known.
    pub line: Option<u32>,
    /// The key, when it is about one.
    pub key: Option<KeyPath>,
    /// What is wrong, without quoting a value.
    pub what: String,
}

/// What is known of a secret without the secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretFact {
    /// Where it came from.
    pub source: SecretSource,
    /// Its length in characters without surrounding space; 0 when it is not known.
    pub characters: u32,
    /// A keyed digest: equal secrets of one snapshot have equal digests; the key is forgotten. Empty when the value is
    /// not known.
    pub digest: String,
    /// What is weak about it, if anything: `stockade_config::strength` in words.
    pub weakness: Option<Weak>,
    /// The exact text, when it is `undefined` or `null` or nothing but space: what a script wrote that had no value.
    pub placeholder: bool,
    /// The provider whose key it looks like, by the rules of [`crate::snapshot::leaks`].
    pub looks_like: Option<String>,
}

/// What is weak about a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weak {
    /// Nothing but spaces.
    Empty,
    /// A word from a manual, or what a script writes when it has no value.
    Placeholder,
    /// One piece over and over.
    Repetitive,
    /// Fewer than 24 characters.
    Short,
}

/// Where a secret came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretSource {
    /// It stands in the file.
    #[default]
    Literal,
    /// The whole value is `${NAME}` (or `$NAME` where a reference may stand), and the variable is set.
    Variable(String),
    /// The whole value is `${NAME}`, and the variable is not set.
    MissingVariable(String),
    /// Part of the value is literal and part came from a variable.
    Mixed,
    /// A `{source, provider, id}` reference, by its source and id; only one to a variable that is set has a value.
    Reference(String, String),
}

impl SecretFact {
    /// Whether a value is known to be there and is not empty.
    #[must_use]
    pub const fn has_value(&self) -> bool {
        self.characters > 0
    }

    /// Whether it stands in the file itself, wholly or partly.
    #[must_use]
    pub const fn in_file(&self) -> bool {
        matches!(self.source, SecretSource::Literal | SecretSource::Mixed)
    }
}

impl ConfigFacts {
    /// The value of a dotted key.
    #[must_use]
    pub fn get(&self, dotted: &str) -> Option<&Value> {
        dotted.split('.').try_fold(&self.value, |value, part| step(value, part))
    }

    /// The value of a key.
    #[must_use]
    pub fn at(&self, key: &KeyPath) -> Option<&Value> {
        key.parts().iter().try_fold(&self.value, |value, part| step(value, part))
    }

    /// A text that is not a secret.
    #[must_use]
    pub fn text(&self, dotted: &str) -> Option<&str> {
        self.get(dotted)?.as_str()
    }

    /// Whether the key is exactly `true`.
    #[must_use]
    pub fn is_true(&self, dotted: &str) -> bool {
        self.get(dotted) == Some(&Value::Bool(true))
    }

    /// Whether the key is exactly `false`.
    #[must_use]
    pub fn is_false(&self, dotted: &str) -> bool {
        self.get(dotted) == Some(&Value::Bool(false))
    }

    /// The texts of a list; numbers as they are written; nothing when it is no list.
    #[must_use]
    pub fn list(&self, dotted: &str) -> Vec<String> {
        texts(self.get(dotted))
    }

    /// The fields of an object; nothing when it is none.
    pub fn fields(&self, dotted: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.get(dotted).and_then(Value::as_object).into_iter().flat_map(Map::iter).filter(|(key, _)| *key != SECRET)
    }

    /// What is known of the secret at a dotted key, wherever its value comes from.
    #[must_use]
    pub fn secret(&self, dotted: &str) -> Option<&SecretFact> {
        self.secret_of(self.get(dotted)?)
    }

    /// What is known of the secret that a value stands for.
    #[must_use]
    pub fn secret_of(&self, value: &Value) -> Option<&SecretFact> {
        let index = value.as_object().filter(|fields| fields.len() == 1)?.get(SECRET)?.as_u64()?;
        self.secrets.get(usize::try_from(index).ok()?)
    }

    /// Where a key stands, or the nearest key above it that is written.
    #[must_use]
    pub fn spot(&self, key: &KeyPath) -> Option<&Spot> {
        let mut key = Some(key.clone());
        while let Some(path) = key {
            if let Ok(found) = self.spots.binary_search_by(|(known, _)| known.cmp(&path)) {
                return self.spots.get(found).map(|(_, spot)| spot);
            }
            key = path.parent();
        }
        None
    }
}

/// The texts of a list; numbers as they are written; nothing when it is no list.
#[must_use]
pub fn texts(value: Option<&Value>) -> Vec<String> {
    let text = |item: &Value| match item {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    value.and_then(Value::as_array).into_iter().flatten().filter_map(text).collect()
}

fn step<'v>(value: &'v Value, part: &str) -> Option<&'v Value> {
    match value {
        Value::Object(fields) => fields.get(part),
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => None,
    }
}

/// The key that stands for a secret in [`ConfigFacts::value`].
pub const SECRET: &str = "$secret";
