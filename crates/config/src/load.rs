//! The way from files to a [`Loaded`]: bounds, syntax, includes, known keys, environment,
//! references, types. Each step refuses what the next must not see.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use stockade_core::{Digest, DigestBuilder, Secret};

use crate::documents::{Documents, canonical};
use crate::dotenv;
use crate::environment::Env;
use crate::error::ConfigError;
use crate::exec_approvals::{self, ExecApprovals};
use crate::files::folder_mode;
use crate::include::{Reading, Tree, dotted};
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
    /// The host's own exec policy; `None` when there is no such file.
    pub approvals: Option<ExecApprovals>,
    /// The documents as they were written, includes merged in.
    pub written: Documents,
    /// The documents with every variable and reference replaced; the gateway's secrets stand in them too when
    /// they came from the environment.
    pub resolved: Documents,
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
    let openclaw = read(&paths.config, &roots)?.ok_or_else(|| ConfigError::Missing { path: paths.config.clone() })?;
    let own = read(&paths.own_config, &roots)?;
    let approvals = exec_approvals::document(paths)?;
    let mut files = openclaw.files();
    files.extend(own.iter().flat_map(Tree::files));
    Trees { openclaw, own, approvals, files }.load(paths, env)
}

/// The environment that a config is read with: the process's over `<state>/.env` over the config's own `env.vars`.
/// `openclaw` is the config as it is written.
///
/// # Errors
/// The environment without `<state>/.env`, and what is wrong with that file.
pub fn environment(paths: &Paths, env: &Env, openclaw: &Value) -> Result<Env, (Env, ConfigError)> {
    let vars = inline_vars(openclaw);
    match dotenv::read(&paths.state.join(".env")) {
        Ok(dotenv) => Ok(env.clone().with_fallback(dotenv.vars).with_fallback(vars)),
        Err(error) => Err((env.clone().with_fallback(vars), error)),
    }
}

/// Loads documents that were read before, by the same steps. `files` is where they came from.
///
/// # Errors
/// As [`load()`].
pub(crate) fn load_from(
    documents: &Documents,
    files: Vec<PathBuf>,
    paths: &Paths,
    env: &Env,
) -> Result<Loaded, ConfigError> {
    let present = |value: &Value| Some(value.clone()).filter(|value| !value.is_null());
    let trees = Trees {
        openclaw: Tree::of(documents.openclaw.clone(), &paths.config),
        own: present(&documents.own).map(|value| Tree::of(value, &paths.own_config)),
        approvals: present(&documents.approvals),
        files,
    };
    trees.load(paths, env)
}

/// The documents before anything in them was replaced.
struct Trees {
    openclaw: Tree,
    own: Option<Tree>,
    approvals: Option<Value>,
    files: Vec<PathBuf>,
}

impl Trees {
    fn load(self, paths: &Paths, env: &Env) -> Result<Loaded, ConfigError> {
        let Self { openclaw: mut tree, own: mut own_tree, approvals, mut files } = self;
        let written = documents(&tree, own_tree.as_ref(), approvals.as_ref());
        let dotenv = dotenv::read(&paths.state.join(".env"))?;
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
            notes.append(&mut tree.notes);
            notes.extend(finish(tree, &OWN, &env)?);
            own = typed(tree)?;
        }

        let mut secrets = known_keys::secrets(&tree.value);
        secrets.extend([&config.gateway.auth.token, &config.gateway.auth.password].into_iter().flatten().cloned());
        let mut resolved = documents(&tree, own_tree.as_ref(), approvals.as_ref());
        let fingerprint = fingerprint(&config, &resolved);
        put_secrets(&config, &mut resolved.openclaw);
        let approvals = approvals.map(|value| exec_approvals::of(&value, paths)).transpose()?;
        let mut seen = BTreeSet::new();
        files.retain(|file| seen.insert(file.clone()));
        let paths = paths.clone();
        Ok(Loaded { config, own, approvals, written, resolved, files, notes, secrets, fingerprint, paths })
    }
}

fn documents(openclaw: &Tree, own: Option<&Tree>, approvals: Option<&Value>) -> Documents {
    Documents {
        openclaw: openclaw.value.clone(),
        own: own.map(|tree| tree.value.clone()).unwrap_or_default(),
        approvals: approvals.cloned().unwrap_or_default(),
    }
}

/// Puts the gateway's secrets where they would stand if the config had them.
fn put_secrets(config: &Config, tree: &mut Value) {
    let auth = &config.gateway.auth;
    let secrets = [("token", &auth.token), ("password", &auth.password)];
    let found = secrets.into_iter().filter_map(|(name, secret)| Some((name, secret.as_ref()?)));
    for (name, secret) in found {
        let mut node = &mut *tree;
        for key in ["gateway", "auth"] {
            let Some(fields) = node.as_object_mut() else { return };
            node = fields.entry(key).or_insert_with(|| Value::Object(Map::new()));
        }
        if let Some(fields) = node.as_object_mut() {
            fields.insert(name.to_owned(), Value::String(secret.expose().to_owned()));
        }
    }
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
        _ => Tree::read(path, roots, Reading::Strict).map(Some),
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

pub(crate) fn key_and_expectation(error: &serde_path_to_error::Error<serde_json::Error>) -> (Vec<String>, String) {
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
pub(crate) fn include_roots(env: &Env) -> Vec<PathBuf> {
    let roots = env.get("OPENCLAW_INCLUDE_ROOTS").unwrap_or_default();
    roots.split(':').map(PathBuf::from).filter(|root| root.is_absolute()).collect()
}

fn fingerprint(config: &Config, documents: &Documents) -> Digest {
    let auth = &config.gateway.auth;
    let text = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().to_owned()).unwrap_or_default();
    DigestBuilder::new("stockade config")
        .field("openclaw", canonical(&documents.openclaw).to_string())
        .field("stockade", canonical(&documents.own).to_string())
        .field("port", config.gateway.port().to_be_bytes())
        .field("token", text(&auth.token))
        .field("password", text(&auth.password))
        .finish()
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
