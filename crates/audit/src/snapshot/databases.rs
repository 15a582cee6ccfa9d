//! OpenClaw's databases, as files.

use serde::{Deserialize, Serialize};

/// One database that was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Database {
    /// Its path.
    pub path: String,
    /// `PRAGMA user_version`.
    pub user_version: Option<i64>,
    /// The names of its tables.
    pub tables: Vec<String>,
    /// How many rows there are in the tables that hold secrets, those that hold any.
    #[serde(default)]
    pub secrets: Vec<(String, u64)>,
}
