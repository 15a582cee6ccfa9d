//! Who and what was approved before: exec approvals and paired senders.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The host's exec approvals document, by the file's or the database's form, which are one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approvals {
    /// The file or database it stands in.
    pub path: String,
    /// The document; its socket's token is taken out.
    pub document: Value,
    /// Whether it is the file of the February generation, which the current one refuses to start beside.
    pub is_file: bool,
}

/// Senders that were paired on one account of a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Paired {
    /// The channel: `telegram`.
    pub channel: String,
    /// The account; `None` is every account.
    pub account: Option<String>,
    /// The ids that were admitted.
    pub entries: Vec<String>,
    /// The file or database it stands in.
    pub path: String,
}
