//! Code that was installed: plugins, hooks, skills. Read, never run.

use serde::{Deserialize, Serialize};

/// One folder below `<state>/extensions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plugin {
    /// The folder's name.
    pub folder: String,
    /// Its path.
    pub path: String,
    /// The id of its manifest, else the folder's name.
    pub id: String,
    /// What is wrong with its manifest, if anything.
    pub trouble: Option<String>,
}

/// One record of what was installed from a registry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstallRecord {
    /// Whether it is a hook; else it is a plugin.
    pub hook: bool,
    /// Its id.
    pub id: String,
    /// `npm`, `path`, `archive` and the like; `index` when OpenClaw only found it.
    pub source: String,
    /// What was asked for: `@acme/x@1.2.3`.
    pub spec: Option<String>,
    /// Its integrity digest.
    pub integrity: Option<String>,
    /// The version that was recorded.
    pub recorded_version: Option<String>,
    /// The version that its `package.json` says now.
    pub installed_version: Option<String>,
}

/// The skills of the workspaces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Skills {
    /// `SKILL.md` files whose real path leaves their workspace: the workspace, the file, where it really is.
    pub escapes: Vec<(String, String, String)>,
    /// Workspaces of which not everything was looked at.
    pub truncated: Vec<String>,
    /// Whether `<state>/skills/config/mcporter.json` names servers; `Err` says why it could not be read.
    pub mcporter: Option<Result<Vec<String>, String>>,
}
