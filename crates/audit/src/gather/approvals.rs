//! The host's exec approvals, from the file of February or from the state database.
//!
//! What it must never do: let the token of the approvals socket out, by which commands are approved, or the commands
//! that were run last, which hold whatever was typed.

use std::path::Path;

use serde_json::Value;

use super::database::Reader;
use super::regular::{json, trouble};
use crate::snapshot::{Approvals, Trouble};

/// The approvals document; `None` when there is none. A file is named first: OpenClaw of today does not start beside
/// it, and that of February knows nothing else.
#[must_use]
pub fn approvals(state: &Path, database: Option<&Reader>) -> (Option<Approvals>, Vec<Trouble>) {
    let mut troubles = Vec::new();
    let mut found = |document: Result<Option<Approvals>, Trouble>| match document {
        Ok(document) => document,
        Err(trouble) => {
            troubles.push(trouble);
            None
        }
    };
    let file = found(in_file(&state.join("exec-approvals.json")));
    let kept = found(database.map_or(Ok(None), in_database));
    if let (Some(file), Some(kept)) = (&file, &kept) {
        let what = format!("approvals stand here and in {}; only those here were audited", kept.path);
        troubles.push(Trouble { path: file.path.clone(), what });
    }
    (file.or(kept), troubles)
}

fn in_file(path: &Path) -> Result<Option<Approvals>, Trouble> {
    json(path, MAX_FILE)?.map(|document| of(path, document, true)).transpose()
}

fn in_database(database: &Reader) -> Result<Option<Approvals>, Trouble> {
    let Some(text) = database.value("exec_approvals_config", "config_key", "current", "raw_json")? else {
        return Ok(None);
    };
    let refuse = |_| trouble(database.path(), "its exec approvals are not JSON");
    of(database.path(), serde_json::from_str(&text).map_err(refuse)?, false).map(Some)
}

fn of(path: &Path, mut document: Value, is_file: bool) -> Result<Approvals, Trouble> {
    if !document.is_object() {
        return Err(trouble(path, "its exec approvals are not an object"));
    }
    take_out(&mut document);
    Ok(Approvals { path: path.display().to_string(), document, is_file })
}

/// Takes out what may be secret, wherever it stands. The depth is the parser's, at most 128.
fn take_out(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for key in SECRET {
                fields.remove(*key);
            }
            fields.values_mut().for_each(take_out);
        }
        Value::Array(items) => items.iter_mut().for_each(take_out),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

const SECRET: &[&str] = &["token", "lastUsedCommand"];
const MAX_FILE: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use serde_json::json;

    use super::*;
    use crate::testing::write;

    const DOCUMENT: &str = r#"{"version":1,"socket":{"path":"/s","token":"t0ps3cret"},
        "agents":{"main":{"allowlist":[{"pattern":"/usr/bin/rg","lastUsedCommand":"rg t0ps3cret"}]}}}"#;

    fn with_database(state: &Path, raw: &str) -> Reader {
        let path = state.join("openclaw.sqlite");
        let connection = Connection::open(&path).expect("opened");
        let table = "CREATE TABLE exec_approvals_config(config_key TEXT PRIMARY KEY, raw_json TEXT NOT NULL) STRICT";
        connection.execute_batch(table).expect("made");
        connection.execute("INSERT INTO exec_approvals_config VALUES('current', ?1)", [raw]).expect("filled");
        drop(connection);
        Reader::open(&path).0.expect("read")
    }

    #[test]
    fn the_document_comes_from_the_file_or_the_database_without_secrets() {
        let state = tempfile::tempdir().expect("temp dir");
        assert_eq!(approvals(state.path(), None), (None, Vec::new()));
        let reader = with_database(state.path(), DOCUMENT);
        let (kept, troubles) = approvals(state.path(), Some(&reader));
        let kept = kept.expect("there");
        assert_eq!((kept.is_file, troubles), (false, Vec::new()));
        write(&state.path().join("exec-approvals.json"), DOCUMENT);
        let (file, troubles) = approvals(state.path(), Some(&reader));
        let file = file.expect("there");
        assert!(file.is_file && troubles.len() == 1, "{troubles:?}");
        assert_eq!(file.document, kept.document);
        assert!(!file.document.to_string().contains("t0ps3cret"), "{}", file.document);
        assert_eq!(file.document["agents"]["main"]["allowlist"], json!([{"pattern": "/usr/bin/rg"}]));
    }

    #[test]
    fn bombs_and_other_values_are_troubles() {
        let state = tempfile::tempdir().expect("temp dir");
        for raw in
            ["[".repeat(1_000_000), format!("{{\"a\":{}", "[".repeat(500)), "7".into(), String::new(), "{".into()]
        {
            let folder = tempfile::tempdir().expect("temp dir");
            let reader = with_database(folder.path(), &raw);
            let (none, troubles) = approvals(folder.path(), Some(&reader));
            assert!(none.is_none() && troubles.len() == 1, "{troubles:?}");
            write(&state.path().join("exec-approvals.json"), &raw);
            assert!(matches!(approvals(state.path(), None), (None, troubles) if troubles.len() == 1));
        }
        let reader = with_database(state.path(), &format!("\"{}\"", "x".repeat(5_000_000)));
        assert!(
            approvals(Path::new("/nowhere"), Some(&reader)).1.iter().any(|trouble| trouble.what.contains("too long"))
        );
    }
}
