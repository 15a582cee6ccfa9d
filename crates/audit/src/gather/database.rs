//! Reads OpenClaw's databases beside a gateway that may be writing them.
//!
//! What it must never do: change, lock or create anything, wait for a writer, let what a database holds decide what
//! runs, or take more time or memory than is set here. SQLite itself would take locks and make a `-shm` for a database
//! with a write-ahead log, so the committed part of the log is put over the file here, in memory ([`image`]).
//!
//! Answers "the audit blocks the gateway", "a view or trigger planted under a table's name", "a crafted page makes the
//! reader loop" and "what stands only in the log is not audited".

mod image;
#[cfg(test)]
mod tests;
mod wal;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use self::image::Contents;
use super::regular::trouble;
use crate::snapshot::{Database, Trouble};

/// The newest form of `state/openclaw.sqlite` that is known, as `PRAGMA user_version`.
const STATE_VERSION: i64 = 18;
/// The newest form of an agent's `openclaw-agent.sqlite` that is known.
const AGENT_VERSION: i64 = 23;
/// Agents whose databases are read.
const MAX_AGENTS: usize = 500;
/// Tables that hold keys, tokens or passwords.
const SECRET: &[&str] = &[
    "auth_profile_store",
    "device_auth_tokens",
    "device_bootstrap_tokens",
    "device_identities",
    "device_pairing_paired",
    "gateway_origin_device_tokens",
    "mcp_oauth_stores",
    "secret_store_entries",
    "worker_environment_credentials",
];

/// Opens the database of the gateway's state.
#[must_use]
pub fn state(state: &Path) -> (Option<Reader>, Vec<Trouble>) {
    known(&state.join("state/openclaw.sqlite"), STATE_VERSION)
}

/// The databases of the agents that have a folder, configured or not.
#[must_use]
pub fn agents(state: &Path) -> (Vec<Database>, Vec<Trouble>) {
    let (mut databases, mut troubles) = (Vec::new(), Vec::new());
    let folder = state.join("agents");
    let mut found: Vec<PathBuf> = std::fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .take(MAX_AGENTS + 1)
        .map(|entry| entry.path())
        .collect();
    found.sort_unstable();
    if found.len() > MAX_AGENTS {
        troubles.push(trouble(&folder, format!("it has more than {MAX_AGENTS} entries; not all databases were read")));
    }
    for agent in found.iter().take(MAX_AGENTS) {
        let (reader, said) = known(&agent.join("agent/openclaw-agent.sqlite"), AGENT_VERSION);
        databases.extend(reader.map(|reader| reader.facts()));
        troubles.extend(said);
    }
    (databases, troubles)
}

fn known(path: &Path, version: i64) -> (Option<Reader>, Vec<Trouble>) {
    let (reader, mut troubles) = Reader::open(path);
    troubles.extend(reader.as_ref().and_then(|reader| reader.newer_than(version)));
    (reader, troubles)
}

/// A database that was opened to be read.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    connection: Connection,
    /// Kept as long as SQLite reads it: it knows the file by the number under which it is open here.
    _file: Option<File>,
    tables: BTreeSet<String>,
    user_version: i64,
}

impl Reader {
    /// Opens a database: with nothing when there is none, and with what is wrong with it. There can be something
    /// wrong with a database that can be read: what was read may then not be all.
    #[must_use]
    pub fn open(path: &Path) -> (Option<Self>, Vec<Trouble>) {
        let mut troubles = Vec::new();
        let opened = image::contents(path, &mut troubles)
            .and_then(|contents| contents.map(|contents| Self::over(path, contents)).transpose());
        let reader = opened.unwrap_or_else(|trouble| {
            troubles.push(trouble);
            None
        });
        (reader, troubles)
    }

    /// What is known of the database itself.
    #[must_use]
    pub fn facts(&self) -> Database {
        Database {
            path: self.path.display().to_string(),
            user_version: Some(self.user_version),
            tables: self.tables.iter().cloned().collect(),
            secrets: self.secrets(),
        }
    }

    /// Says so when the database is of a later form than is known.
    #[must_use]
    pub fn newer_than(&self, known: i64) -> Option<Trouble> {
        let version = self.user_version;
        (version > known).then(|| {
            let what = format!("its form is {version}, and the newest that is known is {known}: some may be missed");
            trouble(&self.path, what)
        })
    }

    /// The rows of a table, these columns of each; numbers as they are written; nothing when there is no such table.
    /// The names are of this crate, never of what is audited.
    ///
    /// # Errors
    /// A [`Trouble`] when the table cannot be read, or has more than [`MAX_ROWS`] rows or very long values.
    pub fn rows(&self, table: &str, columns: &[&str]) -> Result<Vec<Vec<Option<String>>>, Trouble> {
        if !self.tables.contains(table) {
            return Ok(Vec::new());
        }
        let query = format!("SELECT \"{}\" FROM main.\"{table}\" LIMIT {}", columns.join("\",\""), MAX_ROWS + 1);
        let rows = self.select(&query, &[], columns.len()).map_err(|error| self.broken(table, &error))?;
        if rows.len() > MAX_ROWS {
            return Err(trouble(&self.path, format!("its table {table} has more than {MAX_ROWS} rows")));
        }
        Ok(rows)
    }

    /// One value of a table: that in `column` of the row whose `key` is `name`; `None` when there is no such row.
    ///
    /// # Errors
    /// A [`Trouble`] when the table cannot be read, or the value is very long.
    pub fn value(&self, table: &str, key: &str, name: &str, column: &str) -> Result<Option<String>, Trouble> {
        if !self.tables.contains(table) {
            return Ok(None);
        }
        let query = format!("SELECT \"{column}\" FROM main.\"{table}\" WHERE \"{key}\" = ?1 LIMIT 1");
        let rows = self.select(&query, &[name], 1).map_err(|error| self.broken(table, &error))?;
        Ok(rows.into_iter().flatten().flatten().next())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many rows a table has; 0 when there is no such table.
    ///
    /// # Errors
    /// A [`Trouble`] when they cannot be counted.
    pub fn count(&self, table: &str) -> Result<u64, Trouble> {
        if !self.tables.contains(table) {
            return Ok(0);
        }
        let query = format!("SELECT count(*) FROM main.\"{table}\"");
        let rows = self.select(&query, &[], 1).map_err(|error| self.broken(table, &error))?;
        let count = rows.into_iter().flatten().flatten().next();
        Ok(count.and_then(|count| count.parse().ok()).unwrap_or(0))
    }

    fn secrets(&self) -> Vec<(String, u64)> {
        let rows =
            |table: &&str| self.count(table).ok().filter(|rows| *rows > 0).map(|rows| ((*table).to_owned(), rows));
        SECRET.iter().filter_map(rows).collect()
    }

    fn over(path: &Path, contents: Contents) -> Result<Self, Trouble> {
        let say = |error: rusqlite::Error| trouble(path, format!("it cannot be read as a database ({})", code(&error)));
        let (connection, file) = connect(contents).map_err(say)?;
        let mut reader =
            Self { path: path.to_owned(), connection, _file: file, tables: BTreeSet::new(), user_version: 0 };
        reader.harden().map_err(say)?;
        reader.user_version =
            reader.connection.query_row("PRAGMA main.user_version", [], |row| row.get(0)).map_err(say)?;
        reader.tables = reader.tables().map_err(say)?;
        Ok(reader)
    }

    fn harden(&self) -> rusqlite::Result<()> {
        let connection = &self.connection;
        for (setting, on) in SETTINGS {
            connection.set_db_config(*setting, *on)?;
        }
        for (limit, value) in LIMITS {
            connection.set_limit(*limit, *value)?;
        }
        connection.execute_batch(
            "PRAGMA cell_size_check=ON; PRAGMA query_only=ON; PRAGMA mmap_size=0; PRAGMA cache_size=-2048; \
             PRAGMA temp_store=MEMORY;",
        )?;
        let end = Instant::now() + PATIENCE;
        connection.progress_handler(1000, Some(move || Instant::now() > end))
    }

    /// The tables that hold rows of their own. A view, a virtual table, and a name that stands twice are none. What an
    /// entry is, its text says: SQLite reads that, and not the type beside it.
    fn tables(&self) -> rusqlite::Result<BTreeSet<String>> {
        let query = format!(
            "SELECT min(name) FROM main.sqlite_schema WHERE type IN ('table','view') GROUP BY lower(name) \
             HAVING count(*) = 1 AND min(sql) LIKE 'CREATE TABLE %' AND min(rootpage) > 0 LIMIT {MAX_ROWS}"
        );
        Ok(self.select(&query, &[], 1)?.into_iter().flatten().flatten().collect())
    }

    fn select(&self, query: &str, values: &[&str], columns: usize) -> rusqlite::Result<Vec<Vec<Option<String>>>> {
        let mut statement = self.connection.prepare(query)?;
        let rows = statement.query_map(rusqlite::params_from_iter(values), |row| {
            (0..columns).map(|column| Ok(text(row.get_ref(column)?))).collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let mut bytes = 0_usize;
        let mut found = Vec::new();
        for row in rows {
            let row = row?;
            bytes += row.iter().flatten().map(String::len).sum::<usize>();
            if bytes > MAX_BYTES {
                return Err(rusqlite::Error::InvalidQuery);
            }
            found.push(row);
        }
        Ok(found)
    }

    fn broken(&self, table: &str, error: &rusqlite::Error) -> Trouble {
        trouble(&self.path, format!("its table {table} cannot be read ({})", code(error)))
    }
}

fn connect(contents: Contents) -> rusqlite::Result<(Connection, Option<File>)> {
    match contents {
        Contents::Image(image) => {
            let mut connection = Connection::open_in_memory()?;
            connection.deserialize_read_exact("main", image.as_slice(), image.len(), true)?;
            Ok((connection, None))
        }
        Contents::File(file) => {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            Ok((Connection::open_with_flags(image::uri(&file), flags)?, Some(file)))
        }
    }
}

fn text(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null | ValueRef::Blob(_) => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(text) => std::str::from_utf8(text).ok().map(str::to_owned),
    }
}

/// What kind of failure it was. SQLite's own words can quote what a database holds.
fn code(error: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => "it is damaged".into(),
        Some(ErrorCode::NotADatabase) => "it is no database, or an encrypted one".into(),
        Some(ErrorCode::OperationInterrupted) => format!("it took longer than {} s", PATIENCE.as_secs()),
        Some(ErrorCode::TooBig) => "a value is too long".into(),
        Some(other) => format!("{other:?}"),
        None => "it is not of the form that is expected, or too large".into(),
    }
}

/// What one reader may take in all.
const PATIENCE: Duration = Duration::from_secs(5);
/// Rows that are read of one table at most.
pub const MAX_ROWS: usize = 20_000;
/// Bytes that are read of one table at most.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// What a database may not make happen.
const SETTINGS: &[(DbConfig, bool)] = &[
    (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
    (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
    (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
    (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
];
/// What one value and one statement may take.
const LIMITS: &[(Limit, i32)] = &[
    (Limit::SQLITE_LIMIT_LENGTH, 4 * 1024 * 1024),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 256 * 1024),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
];
