//! What was found on the host: plain data, gathered once, that can be saved and audited elsewhere. It holds no secret:
//! where one stood, there is a [`SecretFact`].

pub mod approvals;
pub mod code;
pub mod config;
pub mod databases;
pub mod environment;
pub mod leaks;
pub mod links;
pub mod live;
pub mod plugins;
pub mod tree;

use serde::{Deserialize, Serialize};

pub use approvals::{Approvals, Paired};
pub use code::CodeFacts;
pub use config::{ConfigFacts, ConfigFile, Problem, ProblemKind, SecretFact, SecretSource, Spot};
pub use databases::Database;
pub use environment::EnvFacts;
pub use leaks::Leak;
pub use links::Links;
pub use live::Live;
pub use plugins::{InstallRecord, Plugin, Skills};
pub use tree::{Entry, Kind, Role, Tree};

/// An install as it was found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The version of this format: [`VERSION`].
    pub version: u32,
    /// When it was taken, in milliseconds since 1970.
    pub taken: u64,
    /// Where the install is.
    pub install: Install,
    /// What the environment says that matters.
    pub env: EnvFacts,
    /// `openclaw.json` and what it includes.
    pub config: ConfigFacts,
    /// `stockade.json`; `None` when there is none.
    pub own: Option<ConfigFacts>,
    /// The host's exec approvals, from the file or the database.
    pub approvals: Option<Approvals>,
    /// Who was paired, from the files or the database.
    pub paired: Vec<Paired>,
    /// Files and folders of the install that matter, by their modes and kinds.
    pub tree: Tree,
    /// OpenClaw's databases.
    pub databases: Vec<Database>,
    /// Plugins that are installed.
    pub plugins: Vec<Plugin>,
    /// Records of what was installed from a registry: plugins and hooks.
    pub installs: Vec<InstallRecord>,
    /// Skills in the workspaces.
    pub skills: Skills,
    /// What the code of plugins and skills does; `None` without `--deep`.
    #[serde(default)]
    pub code: Option<CodeFacts>,
    /// Secrets in plain text, masked.
    pub leaks: Vec<Leak>,
    /// What was seen of the running install; `None` without `--deep`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
    /// Symbolic links on the way to what sandboxes are given, and to what they must not be given.
    #[serde(default)]
    pub links: Links,
    /// What could not be looked at, and why.
    pub troubles: Vec<Trouble>,
}

/// The version of the saved form.
pub const VERSION: u32 = 1;

/// Where an install is, and whose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Install {
    /// The home directory of the operator.
    pub home: Option<String>,
    /// The state directory, as it was named.
    pub state: String,
    /// `openclaw.json`, as it was named.
    pub config: String,
    /// The user who ran the audit.
    pub uid: u32,
    /// Which generation the install was made by.
    pub generation: Generation,
}

/// Which OpenClaw an install was made by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Generation {
    /// 2026.9.6 and its neighbours: state in databases.
    #[default]
    Current,
    /// February 2026: state in JSON files, keys that have since been retired.
    February,
}

/// Something that could not be looked at. Each becomes a finding: what was not seen was not found clean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// The file or folder.
    pub path: String,
    /// What is wrong with it, without quoting it.
    pub what: String,
}
