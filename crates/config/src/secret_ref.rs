//! References to secrets: `{source, provider, id}` and the short form `$NAME`, as OpenClaw resolves
//! them. Environment and private files are read; `exec` and `store` are refused with the reason:
//! starting a helper program is not something that reading a config may do.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::environment::Env;
use crate::error::ConfigError;
use crate::files::read_private;
use crate::include::{Tree, dotted, shown};
use crate::paths::Paths;

/// The references in a tree as it was written. Found before variables are replaced: what a variable
/// holds is a value, even when it begins with `$`.
pub(crate) fn find(tree: &Value) -> Vec<Vec<String>> {
    let is_reference = |key: &Vec<String>| match key.iter().try_fold(tree, |value, part| value.get(part)) {
        Some(Value::String(text)) => text.strip_prefix('$').is_some_and(is_env_name),
        found => found.is_some_and(Value::is_object),
    };
    USED.iter().flat_map(|pattern| matching(tree, pattern)).filter(is_reference).collect()
}

/// Replaces references by what they stand for; gives the files that were read.
pub(crate) fn resolve(
    tree: &mut Tree,
    references: &[Vec<String>],
    env: &Env,
    paths: &Paths,
) -> Result<Vec<PathBuf>, ConfigError> {
    let mut files = Vec::new();
    for key in references {
        let Some(value) = at(&mut tree.value, key) else { continue };
        let reference = match &*value {
            Value::Object(fields) => Reference::parse(fields),
            Value::String(text) => Ok(Reference::env(text.trim_start_matches('$'))),
            _ => continue,
        };
        let resolved = reference.and_then(|reference| reference.resolve(&tree.value, env, paths, &mut files));
        let text = resolved.map_err(|why| match why {
            Failure::File(error) => error,
            Failure::Why(why) => ConfigError::Reference { place: tree.place(key), key: dotted(key), why },
        })?;
        if let Some(slot) = at(&mut tree.value, key) {
            *slot = Value::String(text);
        }
    }
    Ok(files)
}

enum Failure {
    File(ConfigError),
    Why(String),
}

fn why(text: impl Into<String>) -> Failure {
    Failure::Why(text.into())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reference {
    source: Source,
    provider: String,
    id: String,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Source {
    Env,
    File,
    Exec,
    Store,
}

impl Source {
    const fn id(self) -> &'static str {
        match self {
            Self::Env => "env",
            Self::File => "file",
            Self::Exec => "exec",
            Self::Store => "store",
        }
    }
}

/// One entry of `secrets.providers`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Provider {
    source: Source,
    allowlist: Option<Vec<String>>,
    path: Option<String>,
    #[serde(default)]
    mode: FileMode,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum FileMode {
    #[default]
    Json,
    SingleValue,
}

impl Reference {
    fn env(name: &str) -> Self {
        Self { source: Source::Env, provider: String::new(), id: name.to_owned() }
    }

    fn parse(fields: &Map<String, Value>) -> Result<Self, Failure> {
        let reference: Self = serde_json::from_value(Value::Object(fields.clone()))
            .map_err(|_| why("expected a string or {source: \"env\" | \"file\", provider, id}"))?;
        if !is_provider_name(&reference.provider) {
            return Err(why("expected a provider name of 1 to 64 of a-z, 0-9, _ and -, starting with a letter"));
        }
        Ok(reference)
    }

    fn resolve(&self, tree: &Value, env: &Env, paths: &Paths, files: &mut Vec<PathBuf>) -> Result<String, Failure> {
        match self.source {
            Source::Env => self.variable(tree, env),
            Source::File => self.file(tree, paths, files),
            Source::Exec => {
                Err(why("not run: this gateway starts no helper to read its config; use source \"env\" or \"file\""))
            }
            Source::Store => {
                Err(why("not read: OpenClaw's secret store belongs to OpenClaw; use source \"env\" or \"file\""))
            }
        }
    }

    fn variable(&self, tree: &Value, env: &Env) -> Result<String, Failure> {
        let name = &self.id;
        if !is_env_name(name) {
            return Err(why("expected an id of 1 to 128 of A-Z, 0-9 and _, starting with a letter"));
        }
        let default = tree.pointer("/secrets/defaults/env").and_then(Value::as_str).unwrap_or("default");
        let provider = self.provider(tree, if self.provider.is_empty() { default } else { &self.provider })?;
        if provider.is_none() && !self.provider.is_empty() && self.provider != default {
            return Err(self.no_provider());
        }
        if provider.and_then(|found| found.allowlist).is_some_and(|allowed| !allowed.contains(name)) {
            return Err(why(format!("{name} is not in the provider's allowlist")));
        }
        env.get(name)
            .map(str::to_owned)
            .ok_or_else(|| why(format!("the environment variable {name} is not set or empty")))
    }

    fn file(&self, tree: &Value, paths: &Paths, files: &mut Vec<PathBuf>) -> Result<String, Failure> {
        let provider = self.provider(tree, &self.provider)?.ok_or_else(|| self.no_provider())?;
        let path = provider.path.ok_or_else(|| why("the provider has no path"))?;
        let path = paths.expand(&path);
        let text = read_private(&path).map_err(Failure::File)?;
        files.push(path.clone());
        let (id, shown_path) = (shown(&self.id), path.display());
        let found = match provider.mode {
            FileMode::SingleValue if self.id == "value" => text.trim_end_matches(['\r', '\n']).to_owned(),
            FileMode::SingleValue => return Err(why("expected the id \"value\": the provider's mode is singleValue")),
            FileMode::Json if !self.id.starts_with('/') => {
                return Err(why("expected a JSON pointer as id, such as /providers/openai/apiKey"));
            }
            FileMode::Json => {
                let values: Value = serde_json::from_str(&text)
                    .map_err(|error| why(format!("{shown_path}:{}:{}: expected JSON", error.line(), error.column())))?;
                let found = values.pointer(&self.id).and_then(Value::as_str);
                found.ok_or_else(|| why(format!("{shown_path} has no text at {id}")))?.to_owned()
            }
        };
        if found.is_empty() { Err(why(format!("{shown_path} has an empty value at {id}"))) } else { Ok(found) }
    }

    /// The configured provider of this name and source.
    fn provider(&self, tree: &Value, name: &str) -> Result<Option<Provider>, Failure> {
        let Some(entry) = tree.get("secrets").and_then(|it| it.get("providers")).and_then(|it| it.get(name)) else {
            return Ok(None);
        };
        let malformed = |_| why(format!("secrets.providers.{name} is not a provider that this gateway knows"));
        let provider: Provider = serde_json::from_value(entry.clone()).map_err(malformed)?;
        Ok(Some(provider).filter(|provider| provider.source == self.source))
    }

    fn no_provider(&self) -> Failure {
        let (name, source) = (&self.provider, self.source.id());
        why(format!("secrets.providers.{name} with source \"{source}\" is not configured"))
    }
}

fn is_env_name(name: &str) -> bool {
    let valid = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    name.starts_with(|c: char| c.is_ascii_uppercase()) && name.len() <= 128 && name.bytes().all(valid)
}

fn is_provider_name(name: &str) -> bool {
    let valid = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.len() <= 64 && name.bytes().all(valid)
}

/// The paths in a tree that match a pattern in which `*` is any key.
fn matching(value: &Value, pattern: &[&str]) -> Vec<Vec<String>> {
    let Some((first, rest)) = pattern.split_first() else { return vec![Vec::new()] };
    let Some(fields) = value.as_object() else { return Vec::new() };
    let chosen = fields.iter().filter(|(key, _)| *first == "*" || key == first);
    chosen
        .flat_map(|(key, below)| {
            matching(below, rest).into_iter().map(|mut path| {
                path.insert(0, key.clone());
                path
            })
        })
        .collect()
}

fn at<'v>(value: &'v mut Value, key: &[String]) -> Option<&'v mut Value> {
    key.iter().try_fold(value, |value, part| value.get_mut(part))
}

/// The secret-bearing keys of the typed model.
const USED: &[&[&str]] = &[
    &["gateway", "auth", "token"],
    &["gateway", "auth", "password"],
    &["models", "providers", "*", "apiKey"],
    &["models", "providers", "*", "headers", "*"],
];
