//! The way from files to a [`Loaded`]: bounds, syntax, includes, known keys, environment,
//! references, types. Each step refuses what the next must not see.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;
use stockade_core::{Digest, DigestBuilder, Secret};

use crate::dotenv;
use crate::environment::Env;
use crate::error::ConfigError;
use crate::files::folder_mode;
use crate::include::{Tree, dotted};
use crate::interpolate::interpolate;
use crate::known_keys::{self, OPENCLAW, OWN, Rules};
use crate::model::Config;
use crate::note::{Note, NoteKind};
use crate::own::OwnConfig;
use crate::paths::Paths;
use crate::secret_ref;

/// A config that was accepted, with everything that belongs to it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// `openclaw.json`.
    pub config: Config,
    /// `stockade.json`; all defaults when the file is absent.
    pub own: OwnConfig,
    /// Every file that was read, for the watcher: the configs, what they include, `.env`, secrets.
    pub files: Vec<PathBuf>,
    /// What is worth saying to the operator.
    pub notes: Vec<Note>,
    /// Every secret in the config, for the redactor.
    pub secrets: Vec<Secret>,
    /// The resolved config as one value, secrets included: the policy generation.
    pub fingerprint: Digest,
    /// Where it came from.
    pub paths: Paths,
}

/// Reads the config that `paths` names. The process environment wins over `<state>/.env`, and that
/// over the config's own `env.vars`, as in OpenClaw.
///
/// # Errors
/// A [`ConfigError`] that names the file, the key and the way out; [`ConfigError::Missing`] when there
/// is no config.
pub fn load(paths: &Paths, env: &Env) -> Result<Loaded, ConfigError> {
    let roots = include_roots(env);
    let mut tree = read(&paths.config, &roots)?.ok_or_else(|| ConfigError::Missing { path: paths.config.clone() })?;
    let mut own_tree = read(&paths.own_config, &roots)?;
    let dotenv = dotenv::read(&paths.state.join(".env"))?;

    let mut files = tree.files();
    let mut notes = std::mem::take(&mut tree.notes);
    files.extend(dotenv.path);
    notes.extend(dotenv.notes);
    notes.extend(open_folder(&paths.state));
    let env = env.clone().with_fallback(dotenv.vars).with_fallback(inline_vars(&tree.value));

    let references = secret_ref::find(&tree.value);
    notes.extend(finish(&mut tree, &OPENCLAW, &env)?);
    files.extend(secret_ref::resolve(&mut tree, &references, &env, paths)?);
    let mut config: Config = typed(&tree)?;
    refuse_contradictions(&config, &tree)?;
    from_environment(&mut config, &env)?;

    let mut own = OwnConfig::default();
    if let Some(tree) = &mut own_tree {
        files.extend(tree.files());
        notes.append(&mut tree.notes);
        notes.extend(finish(tree, &OWN, &env)?);
        own = typed(tree)?;
    }

    let mut secrets = known_keys::secrets(&tree.value);
    secrets.extend([&config.gateway.auth.token, &config.gateway.auth.password].into_iter().flatten().cloned());
    let own_value = own_tree.as_ref().map_or(&Value::Null, |tree| &tree.value);
    let fingerprint = fingerprint(&config, &tree.value, own_value);
    Ok(Loaded { config, own, files, notes, secrets, fingerprint, paths: paths.clone() })
}

/// Who can write in the state directory can replace every file in it, whatever their modes.
fn open_folder(state: &Path) -> Option<Note> {
    let mode = folder_mode(state).filter(|mode| mode & 0o022 != 0)?;
    let place = state.display().to_string();
    let what = format!("others may write in it (mode {mode:04o}); run `chmod 700 {place}`");
    Some(Note { kind: NoteKind::FileMode, place, what })
}

/// `None` when the file is not there.
fn read(path: &Path, roots: &[PathBuf]) -> Result<Option<Tree>, ConfigError> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        _ => Tree::read(path, roots).map(Some),
    }
}

fn finish(tree: &mut Tree, rules: &Rules, env: &Env) -> Result<Vec<Note>, ConfigError> {
    let notes = known_keys::check(tree, rules)?;
    let mut value = std::mem::take(&mut tree.value);
    interpolate(&mut value, env, &mut Vec::new(), &|key| tree.place(key))?;
    tree.value = value;
    Ok(notes)
}

/// The typed model of a tree. Serde's message repeats the value it met, which may be a secret in the
/// wrong place or one that came out of a variable, so that only what was expected is kept of it.
fn typed<T: DeserializeOwned>(tree: &Tree) -> Result<T, ConfigError> {
    serde_path_to_error::deserialize(&tree.value).map_err(|error| {
        let (key, expected) = key_and_expectation(&error);
        ConfigError::Value { place: tree.place(&key), key: dotted(&key), expected }
    })
}

/// A value as a type, for files that are not configs; the error is the key and what it takes.
pub(crate) fn typed_value<T: DeserializeOwned>(value: &Value) -> Result<T, (String, String)> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let (key, expected) = key_and_expectation(&error);
        (dotted(&key), expected)
    })
}

fn key_and_expectation(error: &serde_path_to_error::Error<serde_json::Error>) -> (Vec<String>, String) {
    (error.path().iter().filter_map(segment).collect(), expectation(&error.inner().to_string()))
}

fn refuse_contradictions(config: &Config, tree: &Tree) -> Result<(), ConfigError> {
    let mut scopes = vec![(Vec::new(), &config.tools)];
    let agents = config.agents.entries.iter();
    scopes.extend(agents.map(|agent| (vec!["agents", "entries", agent.id.as_str()], &agent.keys.tools)));
    for (scope, tools) in scopes {
        if let Some((within, expected)) = tools.contradiction() {
            let scope = scope.into_iter().chain(["tools"]).map(str::to_owned);
            let key: Vec<String> = scope.chain(within).collect();
            return Err(ConfigError::Value {
                place: tree.place(&key),
                key: dotted(&key),
                expected: expected.to_owned(),
            });
        }
    }
    Ok(())
}

fn segment(segment: &serde_path_to_error::Segment) -> Option<String> {
    use serde_path_to_error::Segment;
    match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

fn expectation(message: &str) -> String {
    if message.starts_with("expected ") {
        return message.to_owned();
    }
    if let Some((_, how)) = message.rsplit_once(" is not valid: ") {
        return format!("expected a valid name: {how}");
    }
    // The last one: what comes before it may quote the value.
    let expected = message.rsplit_once(", expected ").map_or("another kind of value", |(_, expected)| expected);
    let plain = PLAIN_WORDS.iter().find(|(rust, _)| expected.starts_with(rust)).map_or(expected, |(_, plain)| plain);
    format!("expected {plain}")
}

/// What OpenClaw takes from the environment when the config does not say it.
fn from_environment(config: &mut Config, env: &Env) -> Result<(), ConfigError> {
    let auth = &mut config.gateway.auth;
    for (slot, name) in [(&mut auth.token, "OPENCLAW_GATEWAY_TOKEN"), (&mut auth.password, "OPENCLAW_GATEWAY_PASSWORD")]
    {
        if slot.is_none() {
            *slot = env.get(name).map(Secret::new);
        }
    }
    if let Some(port) = env.get(PORT) {
        let port = port.trim().parse().map_err(|_| ConfigError::Value {
            place: "environment".to_owned(),
            key: PORT.to_owned(),
            expected: "expected a port from 1 to 65535".to_owned(),
        })?;
        config.gateway.set_port(port);
    }
    Ok(())
}

fn inline_vars(tree: &Value) -> Vec<(String, String)> {
    let vars = tree.pointer("/env/vars").and_then(Value::as_object);
    let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    vars.into_iter().flatten().filter_map(text).collect()
}

/// `OPENCLAW_INCLUDE_ROOTS`: absolute directories, separated by colons.
fn include_roots(env: &Env) -> Vec<PathBuf> {
    let roots = env.get("OPENCLAW_INCLUDE_ROOTS").unwrap_or_default();
    roots.split(':').map(PathBuf::from).filter(|root| root.is_absolute()).collect()
}

fn fingerprint(config: &Config, tree: &Value, own: &Value) -> Digest {
    let auth = &config.gateway.auth;
    let text = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().to_owned()).unwrap_or_default();
    DigestBuilder::new("stockade config")
        .field("openclaw", canonical(tree).to_string())
        .field("stockade", canonical(own).to_string())
        .field("port", config.gateway.port().to_be_bytes())
        .field("token", text(&auth.token))
        .field("password", text(&auth.password))
        .finish()
}

/// The same value with its keys sorted: the order in the file changes nothing.
fn canonical(value: &Value) -> Value {
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

/// Serde's words for what it expects, and an operator's.
const PLAIN_WORDS: &[(&str, &str)] = &[
    ("a nonzero u16", "a port from 1 to 65535"),
    ("u32", "a whole number"),
    ("u64", "a whole number"),
    ("a sequence", "a list"),
    ("a map", "an object"),
    ("struct ", "an object"),
];

const PORT: &str = "OPENCLAW_GATEWAY_PORT";
