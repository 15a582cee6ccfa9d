//! What the code of plugins and skills was seen to do. Lines and names, never the text of a secret.

use serde::{Deserialize, Serialize};

use crate::finding::Severity;

/// What a look at the code gave; only with `--deep`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CodeFacts {
    /// The plugins below `<state>/extensions`.
    pub plugins: Vec<Scanned>,
    /// The skills of the workspaces and of the state directory.
    pub skills: Vec<Scanned>,
}

/// One plugin or skill.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scanned {
    /// Its folder's name.
    pub name: String,
    /// Its folder.
    pub path: String,
    /// How many files were read.
    pub files: u32,
    /// What was seen, the worst first.
    pub evidence: Vec<Evidence>,
    /// What was not kept, because there is a bound.
    pub more: u32,
    /// Entries of `openclaw.extensions` that leave the folder.
    pub escapes: Vec<String>,
    /// Entries of `openclaw.extensions` in a hidden folder or in `node_modules`.
    pub hidden_entries: Vec<String>,
    /// What is wrong with its `package.json`.
    pub manifest: Option<String>,
    /// What was not looked at, and why.
    pub unread: Vec<String>,
}

/// One thing that code does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The rule, in OpenClaw's words where it has one: `env-harvesting`.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// The file, below the folder.
    pub file: String,
    /// The line of the decisive step, from 1.
    pub line: u32,
    /// What is done there, in words.
    pub what: String,
    /// The way of the data, from its source to here, when there is one.
    pub flow: Vec<Step>,
}

/// One step on the way of data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The line, from 1.
    pub line: u32,
    /// The source, the name that took the value, or the sink.
    pub what: String,
}
