//! Secrets that stand in plain text somewhere.

use serde::{Deserialize, Serialize};

/// A secret in plain text, masked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Leak {
    /// The file.
    pub path: String,
    /// What the file is.
    #[serde(rename = "in")]
    pub within: Where,
    /// Whether anybody but its owner may read it, by its mode.
    pub open: bool,
    /// The first line it was seen on, from 1; `None` in a database.
    pub line: Option<u32>,
    /// The rule that found it; [`KNOWN`] for a secret of this config.
    pub rule: String,
    /// What it is, in words.
    pub what: String,
    /// Its first characters and its length: `sk-ant-…(108)`.
    pub masked: String,
    /// Keyed digest, as [`crate::snapshot::SecretFact::digest`].
    pub digest: String,
    /// How often it was seen in this file.
    pub count: u32,
}

/// What a file is in which a secret stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Where {
    /// What was said: `*.jsonl` and session stores.
    Transcript,
    /// A log.
    Log,
    /// A `.env` file of the state directory, which is its place.
    EnvFile,
    /// A `.env` file in a workspace, which an agent can read.
    WorkspaceEnvFile,
    /// Memory, notes and instructions in a workspace.
    Workspace,
    /// An earlier config.
    Backup,
    /// A database.
    Database,
    /// What the operator typed.
    History,
    /// What starts the gateway.
    Unit,
    /// Any other file of the install.
    #[default]
    Other,
}

/// The rule of a secret that this config holds, found byte for byte.
pub const KNOWN: &str = "known";
