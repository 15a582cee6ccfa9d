//! The config that an operator put in force, as it is remembered across restarts: the documents as they were
//! written, so that `${NAME}` and references to secrets stay what they are. Answers the edit that waits for the
//! next start of the gateway.
//!
//! What comes out of the environment or a secret file is not kept; a salted digest of it is, so that another
//! value is known to be another one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stockade_core::secret::NoRandomness;
use stockade_core::{Digest, DigestBuilder, Secret};

use crate::bounds::{MAX_DEPTH, Outline};
use crate::documents::{Documents, canonical};
use crate::environment::Env;
use crate::error::ConfigError;
use crate::include::shown;
use crate::load::{Loaded, load_from};
use crate::paths::Paths;

/// A remembered config.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmed {
    version: u32,
    documents: Documents,
    /// The files it came from, which no agent reaches; those in the state directory by their path in it.
    files: Vec<PathBuf>,
    /// Where the agents' folders really were, by key, in the same way. Older records have none.
    #[serde(default)]
    folders: BTreeMap<String, PathBuf>,
    salt: String,
    /// What came from elsewhere than the documents, by key.
    resolved: BTreeMap<String, Digest>,
}

impl Confirmed {
    /// Remembers a loaded config. `folders` are the agents', by key, with the links in their paths followed: a
    /// folder that a link replaces later is another one, though no document says so.
    ///
    /// # Errors
    /// When the system gives no randomness for the salt.
    pub fn of(loaded: &Loaded, folders: BTreeMap<String, PathBuf>) -> Result<Self, NoRandomness> {
        let salt = Secret::random()?.expose().to_owned();
        let resolved = resolved(loaded, &salt);
        // A state directory that is moved is the same one.
        let inside = |file: &PathBuf| file.strip_prefix(&loaded.paths.state).unwrap_or(file).to_owned();
        let files = loaded.files.iter().map(inside).collect();
        let state = real(&loaded.paths.state);
        let inside = |folder: PathBuf| folder.strip_prefix(&state).map(Path::to_owned).unwrap_or(folder);
        let folders = folders.into_iter().map(|(key, folder)| (key, inside(folder))).collect();
        Ok(Self { version: VERSION, documents: loaded.written.clone(), files, folders, salt, resolved })
    }

    /// Where the agents' folders really were, by key.
    #[must_use]
    pub fn folders(&self, paths: &Paths) -> BTreeMap<String, PathBuf> {
        let state = real(&paths.state);
        self.folders.iter().map(|(key, folder)| (key.clone(), state.join(folder))).collect()
    }

    /// Reads a record; `path` is for the message.
    ///
    /// # Errors
    /// [`ConfigError::File`] when it is not one.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, ConfigError> {
        let refuse = |why: &str| ConfigError::File { path: path.to_owned(), why: why.to_owned() };
        let text = std::str::from_utf8(bytes).map_err(|_| refuse("is not UTF-8"))?;
        Outline::scan(text, MAX_DEPTH + FRAME).map_err(|_| refuse("is nested too deeply"))?;
        // Not serde_json's own parser: its bound is less than that of a config in this frame.
        let record: Self = json5::from_str(text).map_err(|_| refuse("is not a record of a confirmed config"))?;
        if record.version != VERSION { Err(refuse("has another version")) } else { Ok(record) }
    }

    /// The text of the record; holds what the operator's files hold, plain secrets too.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Loads the remembered config, in this environment.
    ///
    /// # Errors
    /// [`ConfigError`] as [`crate::load()`]; [`ConfigError::Resolved`] when a value that stands elsewhere is not
    /// the one that was confirmed.
    pub fn load(&self, paths: &Paths, env: &Env) -> Result<Loaded, ConfigError> {
        let files = self.files.iter().map(|file| paths.state.join(file)).collect();
        let loaded = load_from(&self.documents, files, paths, env)?;
        let now = resolved(&loaded, &self.salt);
        let all: BTreeSet<&String> = now.keys().chain(self.resolved.keys()).collect();
        let changed = all.into_iter().filter(|key| now.get(*key) != self.resolved.get(*key));
        let changed: Vec<String> = changed.map(|key| shown(&key.trim_start_matches('/').replace('/', "."))).collect();
        if changed.is_empty() { Ok(loaded) } else { Err(ConfigError::Resolved { keys: changed.join(", ") }) }
    }
}

fn real(state: &Path) -> PathBuf {
    state.canonicalize().unwrap_or_else(|_| state.to_owned())
}

fn resolved(loaded: &Loaded, salt: &str) -> BTreeMap<String, Digest> {
    let mut found = BTreeMap::new();
    let (written, resolved) = (&loaded.written, &loaded.resolved);
    differing("", &written.openclaw, &resolved.openclaw, salt, &mut found);
    differing("/stockade.json", &written.own, &resolved.own, salt, &mut found);
    found
}

/// `key` is a JSON pointer: no two keys have the same.
fn differing(key: &str, written: &Value, resolved: &Value, salt: &str, found: &mut BTreeMap<String, Digest>) {
    let below = |name: &str| format!("{key}/{}", name.replace('~', "~0").replace('/', "~1"));
    match (written, resolved) {
        (written, resolved) if written == resolved => {}
        (Value::Object(_) | Value::Null, Value::Object(fields)) => {
            for (name, field) in fields {
                let before = written.get(name).unwrap_or(&Value::Null);
                differing(&below(name), before, field, salt, found);
            }
        }
        (Value::Array(before), Value::Array(items)) => {
            for (at, item) in items.iter().enumerate() {
                let before = before.get(at).unwrap_or(&Value::Null);
                differing(&below(&at.to_string()), before, item, salt, found);
            }
        }
        (_, resolved) => {
            let value = DigestBuilder::new("stockade.confirmed.value.v1").field("salt", salt);
            found.insert(key.to_owned(), value.field("value", canonical(resolved).to_string()).finish());
        }
    }
}

const VERSION: u32 = 1;
/// Levels of the record around a document.
const FRAME: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::write_new;
    use crate::load;

    fn state(config: &str) -> (tempfile::TempDir, Paths) {
        let folder = tempfile::tempdir().expect("temp dir");
        write_new(&folder.path().join("openclaw.json"), config).expect("written");
        let paths = Paths::in_state_dir(folder.path());
        (folder, paths)
    }

    fn env(pairs: &[(&str, &str)]) -> Env {
        pairs.iter().copied().collect()
    }

    #[test]
    fn what_is_remembered_loads_as_the_same_config_without_its_files() {
        let (folder, paths) = state(
            "{gateway:{auth:{token:'${CLAW}'}},tools:{deny:['exec']},models:{providers:{p:{apiKey:'plain-key-1234567'}}}, n: 1e3}",
        );
        write_new(&folder.path().join("stockade.json"), "{turn:{maxToolCalls:7}}").expect("written");
        write_new(&folder.path().join("exec-approvals.json"), r#"{"version":1,"defaults":{"security":"deny"}}"#)
            .expect("written");
        let vars = env(&[("CLAW", "process-secret-0123456789")]);
        let loaded = load(&paths, &vars).expect("loads");
        let record = Confirmed::of(&loaded, BTreeMap::new()).expect("random");
        let text = record.text();
        assert!(text.contains("${CLAW}") && !text.contains("process-secret"), "{text}");
        for name in ["openclaw.json", "stockade.json", "exec-approvals.json"] {
            std::fs::remove_file(folder.path().join(name)).expect("removed");
        }
        let again = Confirmed::parse(text.as_bytes(), Path::new("confirmed.json")).expect("reads back");
        let again = again.load(&paths, &vars).expect("loads");
        assert_eq!(again.fingerprint, loaded.fingerprint);
        assert_eq!((again.own.turn.max_tool_calls, again.files), (7, loaded.files));
        assert_eq!((again.written, again.resolved), (loaded.written, loaded.resolved));
        let security = again.approvals.and_then(|file| file.defaults.security);
        assert_eq!(security, Some(crate::model::ExecSecurity::Deny));
        assert_eq!(loaded.secrets.len(), again.secrets.len());
    }

    #[test]
    fn another_value_of_a_variable_is_another_config() {
        let (_folder, paths) = state("{gateway:{auth:{token:'${CLAW}'}},tools:{exec:{security:'${MODE}'}}}");
        let before = env(&[("CLAW", "one-secret-0123456789"), ("MODE", "deny")]);
        let record = Confirmed::of(&load(&paths, &before).expect("loads"), BTreeMap::new()).expect("random");
        assert!(record.load(&paths, &before).is_ok());
        let error = |vars: &[(&str, &str)]| record.load(&paths, &env(vars)).expect_err("differs").to_string();
        let wider = error(&[("CLAW", "one-secret-0123456789"), ("MODE", "full")]);
        assert!(wider.contains("tools.exec.security") && !wider.contains("gateway.auth"), "{wider}");
        let rotated = error(&[("CLAW", "other-secret-0123456789"), ("MODE", "deny")]);
        assert!(rotated.contains("gateway.auth.token") && !rotated.contains("other-secret"), "{rotated}");
        assert!(error(&[("MODE", "deny")]).contains("CLAW"));
    }

    #[test]
    fn a_token_of_the_environment_is_part_of_it() {
        let (_folder, paths) = state("{}");
        let with = |token: &str| env(&[("OPENCLAW_GATEWAY_TOKEN", token)]);
        let record = Confirmed::of(&load(&paths, &with("a-token-of-some-length")).expect("loads"), BTreeMap::new())
            .expect("random");
        assert!(record.load(&paths, &with("a-token-of-some-length")).is_ok());
        let error = record.load(&paths, &with("b-token-of-some-length")).expect_err("differs").to_string();
        assert!(error.contains("gateway.auth.token"), "{error}");
        assert!(record.load(&paths, &env(&[])).is_err(), "gone");
    }

    #[test]
    fn a_folder_is_known_again_where_the_state_directory_is_moved_to() {
        let (folder, paths) = state("{}");
        let root = folder.path().canonicalize().expect("real");
        let folders = [("inside", root.join("workspace")), ("outside", PathBuf::from("/srv/work"))];
        let folders: BTreeMap<String, PathBuf> = folders.map(|(key, folder)| (key.to_owned(), folder)).into();
        let loaded = load(&paths, &Env::default()).expect("loads");
        let text = Confirmed::of(&loaded, folders.clone()).expect("random").text();
        let again = |text: &str| Confirmed::parse(text.as_bytes(), Path::new("x")).expect("reads back");
        assert_eq!(again(&text).folders(&paths), folders);
        let other = tempfile::tempdir().expect("temp dir");
        let moved = again(&text).folders(&Paths::in_state_dir(other.path()));
        let expected = other.path().canonicalize().expect("real").join("workspace");
        assert_eq!(moved.values().collect::<Vec<_>>(), [&expected, Path::new("/srv/work")]);
        // A record from before folders were remembered knows none.
        let mut older: Value = serde_json::from_str(&text).expect("JSON");
        older.as_object_mut().expect("an object").shift_remove("folders").expect("folders");
        assert_eq!(again(&older.to_string()).folders(&paths), BTreeMap::new());
    }

    #[test]
    fn whatever_else_stands_there_is_refused() {
        let (_folder, paths) = state("{}");
        let good =
            Confirmed::of(&load(&paths, &Env::default()).expect("loads"), BTreeMap::new()).expect("random").text();
        let deep = format!("{{\"documents\":{}", "[".repeat(100_000));
        let newer = good.replace("\"version\": 1", "\"version\": 2");
        let more = good.replacen('{', "{\"more\":1,", 1);
        for text in ["", "{}", "[]", "null", "{\"version\":1}", deep.as_str(), newer.as_str(), more.as_str()] {
            let error = Confirmed::parse(text.as_bytes(), Path::new("/s/confirmed.json")).err().map(|e| e.to_string());
            assert!(error.is_some_and(|error| error.starts_with("/s/confirmed.json: ")), "{text:.60}");
        }
        assert!(Confirmed::parse(&[0xff], Path::new("x")).is_err());
    }

    #[test]
    fn the_deepest_config_is_remembered_too() {
        let levels = MAX_DEPTH - 4;
        let config =
            format!("{{plugins:{{entries:{{mine:{{config:{}1{}}}}}}}}}", "{a:".repeat(levels), "}".repeat(levels));
        let (_folder, paths) = state(&config);
        let loaded = load(&paths, &Env::default()).expect("loads");
        let text = Confirmed::of(&loaded, BTreeMap::new()).expect("random").text();
        let again = Confirmed::parse(text.as_bytes(), Path::new("x")).expect("reads back");
        assert_eq!(again.load(&paths, &Env::default()).expect("loads").fingerprint, loaded.fingerprint);
    }
}
