//! Secrets that stand in plain text somewhere.

use serde::{Deserialize, Serialize};

/// A secret in plain text, masked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Leak {
    /// The file.
    pub path: String,
    /// The first line it was seen on, from 1; `None` in a database.
    pub line: Option<u32>,
    /// The rule that found it.
    pub rule: String,
    /// What it is, in words.
    pub what: String,
    /// Its first characters and its length: `sk-ant-…(108)`.
    pub masked: String,
    /// Keyed digest, as [`crate::snapshot::SecretFact::digest`].
    pub digest: String,
    /// How often it, or another of its rule, was seen in this file.
    pub count: u32,
}
