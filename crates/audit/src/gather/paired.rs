//! Who was paired: senders that were admitted by a code, from the files of February and from the state database.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::database::Reader;
use super::regular::{json, trouble};
use crate::snapshot::config::texts;
use crate::snapshot::{Paired, Trouble};

/// Everybody who was paired, by channel and account. `credentials` is the folder of that name, or the one that
/// `OPENCLAW_OAUTH_DIR` names.
#[must_use]
pub fn paired(credentials: &Path, database: Option<&Reader>) -> (Vec<Paired>, Vec<Trouble>) {
    let (mut paired, mut troubles) = in_files(credentials);
    match database.map_or_else(|| Ok(Vec::new()), in_database) {
        Ok(kept) => paired.extend(kept),
        Err(trouble) => troubles.push(trouble),
    }
    (paired, troubles)
}

fn in_files(folder: &Path) -> (Vec<Paired>, Vec<Trouble>) {
    let (mut paired, mut troubles) = (Vec::new(), Vec::new());
    let Ok(entries) = std::fs::read_dir(folder) else { return (paired, troubles) };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(SUFFIX)).take(MAX_FILES + 1).collect();
    names.sort_unstable();
    if names.len() > MAX_FILES {
        troubles
            .push(trouble(folder, format!("it has more than {MAX_FILES} lists of paired senders; not all were read")));
    }
    for name in names.iter().take(MAX_FILES) {
        let Some(stem) = name.strip_suffix(SUFFIX).filter(|stem| !stem.is_empty()) else { continue };
        let path = folder.join(name);
        match json(&path, MAX_FILE) {
            Ok(Some(value)) if value.get("allowFrom").is_some_and(Value::is_array) => {
                let (channel, account) = split(stem);
                let entries = texts(value.get("allowFrom"));
                paired.push(Paired { channel, account, entries, path: path.display().to_string() });
            }
            Ok(None) => {}
            Ok(Some(_)) => troubles.push(trouble(&path, "it is no list of paired senders: allowFrom is missing")),
            Err(trouble) => troubles.push(trouble),
        }
    }
    (paired, troubles)
}

fn in_database(database: &Reader) -> Result<Vec<Paired>, Trouble> {
    let mut accounts: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for row in database.rows("channel_pairing_allow_entries", &["channel_key", "account_id", "entry"])? {
        if let [Some(channel), Some(account), Some(entry)] = row.as_slice() {
            accounts.entry((channel.clone(), account.clone())).or_default().push(entry.clone());
        }
    }
    let path = database.path().display().to_string();
    let paired = accounts.into_iter().map(|((channel, account), entries)| Paired {
        channel,
        account: (!account.is_empty()).then_some(account),
        entries,
        path: path.clone(),
    });
    Ok(paired.collect())
}

/// `nextcloud-talk-work`: a channel, and perhaps an account. Some channels have a dash of their own.
fn split(stem: &str) -> (String, Option<String>) {
    let known = DASHED.iter().copied().find_map(|channel| Some((channel, stem.strip_prefix(channel)?)));
    let (channel, rest) = known
        .filter(|(_, rest)| rest.is_empty() || rest.starts_with('-'))
        .unwrap_or_else(|| stem.split_at(stem.find('-').unwrap_or(stem.len())));
    let account = rest.strip_prefix('-').filter(|account| !account.is_empty());
    (channel.to_owned(), account.map(str::to_owned))
}

const SUFFIX: &str = "-allowFrom.json";
const DASHED: &[&str] = &["nextcloud-talk", "synology-chat", "qa-channel"];
const MAX_FILES: usize = 1000;
const MAX_FILE: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::testing::write;

    #[test]
    fn files_and_rows_are_read_by_channel_and_account() {
        let state = tempfile::tempdir().expect("temp dir");
        let credentials = state.path().join("credentials");
        std::fs::create_dir(&credentials).expect("made");
        write(&credentials.join("telegram-allowFrom.json"), r#"{"version":1,"allowFrom":["1",22]}"#);
        write(&credentials.join("nextcloud-talk-work-allowFrom.json"), r#"{"allowFrom":["*"]}"#);
        write(&credentials.join("whatsapp-a-b-allowFrom.json"), r#"{"allowFrom":[]}"#);
        write(&credentials.join("signal-allowFrom.json"), r#"{"allowFrom":"x"}"#);
        write(&credentials.join("irc-allowFrom.json"), &"[".repeat(100_000));
        write(&credentials.join("oauth.json"), "{");
        write(&credentials.join("-allowFrom.json"), "{");
        let database = state.path().join("d");
        let connection = Connection::open(&database).expect("opened");
        let rows = "CREATE TABLE channel_pairing_allow_entries(channel_key TEXT, account_id TEXT, entry TEXT);
            INSERT INTO channel_pairing_allow_entries VALUES('slack','default','U1'),('slack','default','U2'),('slack','b','U3');";
        connection.execute_batch(rows).expect("filled");
        drop(connection);
        let (reader, _) = Reader::open(&database);
        let (paired, troubles) = paired(&credentials, reader.as_ref());
        let shown: Vec<_> = paired
            .iter()
            .map(|paired| format!("{} {:?} {}", paired.channel, paired.account, paired.entries.join(",")))
            .collect();
        let expected = [
            r#"nextcloud-talk Some("work") *"#,
            "telegram None 1,22",
            r#"whatsapp Some("a-b") "#,
            r#"slack Some("b") U3"#,
            r#"slack Some("default") U1,U2"#,
        ];
        assert_eq!(shown, expected);
        let broken: Vec<_> = troubles.iter().map(|trouble| trouble.path.rsplit('/').next().expect("a name")).collect();
        assert_eq!(broken, ["irc-allowFrom.json", "signal-allowFrom.json"]);
    }
}
