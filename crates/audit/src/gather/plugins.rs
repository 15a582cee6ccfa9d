//! Plugins and hooks that are installed: their folders, manifests and records. Read, never run.

use std::path::{Path, PathBuf};

use serde_json::Value;
use stockade_core::text::{clip, single_line};

use super::database::Reader;
use super::regular::{json, trouble};
use crate::snapshot::{InstallRecord, Plugin, Trouble};

/// The folders below `<state>/extensions` that OpenClaw takes for plugins.
#[must_use]
pub fn plugins(state: &Path) -> (Vec<Plugin>, Vec<Trouble>) {
    let (folders, troubles) = folders(&state.join("extensions"));
    let plugin = |folder: PathBuf| {
        let name = name(&folder);
        let (id, trouble) = manifest_id(&folder);
        Plugin { path: folder.display().to_string(), id: id.unwrap_or_else(|| name.clone()), folder: name, trouble }
    };
    (folders.into_iter().filter(|folder| !is_set_aside(&name(folder))).map(plugin).collect(), troubles)
}

/// What was installed: by the records of the state database and, of February, of the config; and the plugins that
/// `plugins.load.paths` names.
#[must_use]
pub fn installs(
    state: &Path,
    home: Option<&Path>,
    config: &Value,
    database: Option<&Reader>,
) -> (Vec<InstallRecord>, Vec<Trouble>) {
    let (mut installs, mut troubles) = (Vec::new(), Vec::new());
    for (hook, key, inside) in RECORDS {
        match database.map_or(Ok(None), |database| machine_state(database, key)) {
            Ok(Some(value)) => {
                installs.extend(records(state, *hook, value.pointer(inside).unwrap_or(&Value::Null)));
                installs.extend(indexed(&value));
            }
            Ok(None) => {}
            Err(trouble) => troubles.push(trouble),
        }
    }
    for (hook, pointer) in FEBRUARY {
        installs.extend(records(state, *hook, config.pointer(pointer).unwrap_or(&Value::Null)));
    }
    let paths = config.pointer("/plugins/load/paths").and_then(Value::as_array).into_iter().flatten();
    for path in paths.filter_map(|path| in_full(path.as_str()?, home)) {
        installs.extend(loaded(&path));
    }
    (installs, troubles)
}

fn machine_state(database: &Reader, key: &str) -> Result<Option<Value>, Trouble> {
    let Some(text) = database.value("config_machine_state", "state_key", key, "value_json")? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|_| trouble(database.path(), format!("its {key} is not JSON")))
}

fn records(state: &Path, hook: bool, records: &Value) -> Vec<InstallRecord> {
    let below = state.join(if hook { "hooks" } else { "extensions" });
    let record = |(id, record): (&String, &Value)| {
        let text = |key: &str| record.get(key).and_then(Value::as_str).map(short);
        let place = record.get("installPath").and_then(Value::as_str).map_or_else(|| below.join(id), PathBuf::from);
        record.is_object().then(|| InstallRecord {
            hook,
            id: short(id),
            source: text("source").unwrap_or_default(),
            spec: text("spec"),
            integrity: text("integrity"),
            recorded_version: text("resolvedVersion").or_else(|| text("version")),
            installed_version: installed_version(&place),
        })
    };
    records.as_object().into_iter().flatten().take(MAX_FOLDERS).filter_map(record).collect()
}

/// Plugins that OpenClaw found elsewhere and that are still there, by its index.
fn indexed(state: &Value) -> Vec<InstallRecord> {
    let plugins = state.pointer("/index/plugins").and_then(Value::as_array).into_iter().flatten().take(MAX_FOLDERS);
    let elsewhere = plugins.filter(|plugin| plugin.get("origin").and_then(Value::as_str) != Some("bundled"));
    let record = |plugin: &Value| {
        let text = |key: &str| plugin.get(key).and_then(Value::as_str);
        let (id, manifest) = (text("pluginId")?, Path::new(text("manifestPath")?));
        manifest.is_file().then(|| InstallRecord { id: short(id), source: "index".into(), ..InstallRecord::default() })
    };
    elsewhere.filter_map(record).collect()
}

/// What a package says its version is. The record that names the place may be forged, so that nothing but a version
/// comes from there.
fn installed_version(place: &Path) -> Option<String> {
    let package = json(&place.join("package.json"), MAX_MANIFEST).ok()??;
    let version = package.get("version")?.as_str()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
    (place.is_absolute() && version.len() <= 64 && version.chars().all(plain)).then(|| version.to_owned())
}

/// The plugins at a path that the config names: the one there, or those in its folders.
fn loaded(path: &Path) -> Vec<InstallRecord> {
    let record = |id: String| InstallRecord { id, source: "path".into(), ..InstallRecord::default() };
    if let (Some(id), _) = manifest_id(path) {
        return vec![record(id)];
    }
    let below = folders(path).0;
    below.iter().filter_map(|folder| manifest_id(folder).0).map(record).collect()
}

/// The id that a plugin's manifest gives, and what is wrong with its manifest or package.
fn manifest_id(folder: &Path) -> (Option<String>, Option<String>) {
    let read =
        |name: &str| json(&folder.join(name), MAX_MANIFEST).map_err(|trouble| format!("{name}: {}", trouble.what));
    let (manifest, package) = (read("openclaw.plugin.json"), read("package.json"));
    let id = manifest.as_ref().ok().and_then(Option::as_ref).and_then(|manifest| manifest.get("id")?.as_str());
    let id = id.map(str::trim).filter(|id| !id.is_empty()).map(short);
    (id, manifest.as_ref().err().or(package.as_ref().err()).cloned())
}

/// The folders in a folder, sorted; links are none.
fn folders(path: &Path) -> (Vec<PathBuf>, Vec<Trouble>) {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return (Vec::new(), Vec::new());
        }
        Err(error) => return (Vec::new(), vec![trouble(path, format!("it cannot be listed: {error}"))]),
    };
    let is_folder = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let mut folders: Vec<PathBuf> =
        entries.flatten().filter(is_folder).take(MAX_FOLDERS + 1).map(|entry| entry.path()).collect();
    folders.sort_unstable();
    let many = folders.len() > MAX_FOLDERS;
    folders.truncate(MAX_FOLDERS);
    let said = many.then(|| trouble(path, format!("it has more than {MAX_FOLDERS} folders; not all were looked at")));
    (folders, said.into_iter().collect())
}

/// Folders that OpenClaw passes over: its own, and what somebody has set aside.
fn is_set_aside(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    name.is_empty()
        || matches!(name.as_str(), "node_modules" | ".openclaw-install-backups")
        || name.starts_with('.')
        || name.ends_with(".bak")
        || name.contains(".backup-")
        || name.contains(".disabled")
}

fn in_full(written: &str, home: Option<&Path>) -> Option<PathBuf> {
    match written.trim().strip_prefix("~/") {
        Some(rest) => Some(home?.join(rest)),
        None => Some(PathBuf::from(written.trim())).filter(|path| path.is_absolute()),
    }
}

fn name(folder: &Path) -> String {
    folder.file_name().map(|name| name.display().to_string()).unwrap_or_default()
}

/// A text of somebody else's, as it may be shown.
fn short(text: &str) -> String {
    clip(&single_line(text), 256)
}

/// Where records stand: whether of hooks, under which key of `config_machine_state`, and where in its value.
const RECORDS: &[(bool, &str, &str)] =
    &[(false, "plugins.installedIndex", "/index/installRecords"), (true, "hooks.internal.installs", "")];
/// Where they stood in February.
const FEBRUARY: &[(bool, &str)] = &[(false, "/plugins/installs"), (true, "/hooks/internal/installs")];
const MAX_MANIFEST: u64 = 1024 * 1024;
const MAX_FOLDERS: usize = 1000;

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use serde_json::json;

    use super::*;
    use crate::testing::write;

    #[test]
    fn folders_are_plugins_unless_they_are_set_aside_or_links() {
        let state = tempfile::tempdir().expect("temp dir");
        let at = |name: &str| state.path().join("extensions").join(name);
        assert_eq!(plugins(state.path()), (Vec::new(), Vec::new()));
        for name in
            ["a", "b", "bomb", "node_modules", ".openclaw-install-backups", "x.bak", "x.backup-1", "x.Disabled.2"]
        {
            std::fs::create_dir_all(at(name)).expect("made");
        }
        write(&at("a/openclaw.plugin.json"), r#"{"id":"real-id"}"#);
        write(&at("b/package.json"), "{ not json");
        write(&at("bomb/openclaw.plugin.json"), &"[".repeat(1_000_000));
        write(&at("file"), "");
        std::os::unix::fs::symlink("/etc", at("link")).expect("linked");
        let (plugins, troubles) = plugins(state.path());
        let shown: Vec<_> = plugins.iter().map(|p| (p.folder.as_str(), p.id.as_str(), p.trouble.is_some())).collect();
        assert_eq!(shown, [("a", "real-id", false), ("b", "b", true), ("bomb", "bomb", true)]);
        assert_eq!(troubles, []);
    }

    #[test]
    fn records_come_from_the_database_the_config_and_the_paths_it_names() {
        let state = tempfile::tempdir().expect("temp dir");
        let place = state.path().join("elsewhere");
        for folder in [place.as_path(), &state.path().join("hooks/h"), &state.path().join("many/one")] {
            std::fs::create_dir_all(folder).expect("made");
        }
        write(&place.join("package.json"), r#"{"version":"1.2.4"}"#);
        write(&place.join("openclaw.plugin.json"), r#"{"id":"named"}"#);
        write(&state.path().join("many/one/openclaw.plugin.json"), r#"{"id":"one"}"#);
        write(&state.path().join("hooks/h/package.json"), r#"{"version":"a\nsecret of another file"}"#);
        let index = json!({"index": {"installRecords": {
            "p": {"source": "npm", "spec": "@a/p", "version": "1", "resolvedVersion": "1.2.3", "installPath": place},
            "odd": 7,
        }, "plugins": [
            {"pluginId": "seen", "origin": "config", "manifestPath": place.join("openclaw.plugin.json")},
            {"pluginId": "gone", "origin": "config", "manifestPath": place.join("gone.json")},
            {"pluginId": "browser", "origin": "bundled", "manifestPath": place.join("openclaw.plugin.json")},
        ]}});
        let hooks = json!({"h": {"source": "npm", "spec": "h@1.0.0", "integrity": "sha512-x", "version": "1.0.0"}});
        let database = state.path().join("d");
        let connection = Connection::open(&database).expect("opened");
        connection.execute_batch("CREATE TABLE config_machine_state(state_key TEXT, value_json TEXT)").expect("made");
        for (key, value) in [("plugins.installedIndex", &index), ("hooks.internal.installs", &hooks)] {
            connection
                .execute("INSERT INTO config_machine_state VALUES(?1, ?2)", [key, &value.to_string()])
                .expect("in");
        }
        drop(connection);
        let config = json!({
            "plugins": {"installs": {"old": {"source": "npm", "spec": "old@latest"}},
                "load": {"paths": ["~/elsewhere", state.path().join("many"), "relative", 7, "/nowhere"]}},
        });
        let (reader, _) = Reader::open(&database);
        let (installs, troubles) = installs(state.path(), Some(state.path()), &config, reader.as_ref());
        assert_eq!(troubles, []);
        let shown: Vec<_> =
            installs.iter().map(|record| (record.id.as_str(), record.source.as_str(), record.hook)).collect();
        let expected = [
            ("p", "npm", false),
            ("seen", "index", false),
            ("h", "npm", true),
            ("old", "npm", false),
            ("named", "path", false),
            ("one", "path", false),
        ];
        assert_eq!(shown, expected);
        assert_eq!(installs[0].recorded_version.as_deref(), Some("1.2.3"));
        assert_eq!(installs[0].installed_version.as_deref(), Some("1.2.4"));
        assert_eq!(installs[2].installed_version, None, "that is no version");
    }
}
