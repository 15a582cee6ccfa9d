//! What a check says: a finding, where it stands, and what would mend it. Rendered elsewhere.

use serde::{Deserialize, Serialize};
use serde_json::Value;
pub use stockade_config::KeyPath;

/// How bad it is, in OpenClaw's three words. Ordered from the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Weak.
    Warn,
    /// Open.
    Critical,
}

impl Severity {
    /// The word on the wire and on the command line.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Critical => "critical",
        }
    }
}

/// One thing that is weak.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Which check, by OpenClaw's name where it has one.
    pub check_id: String,
    /// How bad it is here.
    pub severity: Severity,
    /// The weakness in a few words, the same for every place.
    pub title: String,
    /// What was found here. May have several lines. Never holds a secret.
    pub detail: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
    /// Where it stands, the decisive place first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    /// What `--fix` would do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
}

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Place {
    /// A key of the config, written in whichever file owns it.
    Key(KeyPath),
    /// A file or folder, by its absolute path.
    File(String),
    /// A line of a file, from 1.
    Line(String, u32),
}

/// What mends a finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fix {
    /// What it does, as an imperative sentence without a full stop.
    pub what: String,
    /// Whether it may be made without asking.
    pub safety: Safety,
    /// The changes; all or none.
    pub changes: Vec<Change>,
}

/// Whether a fix can take something away that somebody uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Safety {
    /// Nothing that works for the owner stops working: made by `--fix` alone.
    Safe,
    /// Somebody may lose something that they use: made only when a person at a terminal says so.
    Ask,
}

/// One change of a fix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// Gives a key a value, in the file that owns it.
    Set {
        /// The key; what is missing above it is made.
        key: KeyPath,
        /// Its value; never a secret.
        to: Value,
    },
    /// Takes a key away.
    Remove {
        /// The key.
        key: KeyPath,
    },
    /// Takes one item out of a list: every item that equals it.
    Drop {
        /// The list.
        key: KeyPath,
        /// The item.
        item: Value,
    },
    /// Sets the permission bits of a file or folder; never through a link.
    Mode {
        /// Its absolute path.
        path: String,
        /// The bits, such as `0o600`.
        mode: u32,
    },
}

impl Finding {
    /// A finding without place or fix.
    #[must_use]
    pub fn new(check_id: impl Into<String>, severity: Severity, title: impl Into<String>) -> Self {
        Self {
            check_id: check_id.into(),
            severity,
            title: title.into(),
            detail: String::new(),
            remediation: None,
            places: Vec::new(),
            fix: None,
        }
    }

    /// With what was found.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// With what to do.
    #[must_use]
    pub fn remedy(mut self, remediation: impl Into<String>) -> Self {
        self.remediation = Some(remediation.into());
        self
    }

    /// With one more place: a key, dotted.
    #[must_use]
    pub fn key(self, dotted: &str) -> Self {
        self.at(Place::Key(KeyPath::dotted(dotted)))
    }

    /// With more places, each once.
    #[must_use]
    pub fn keys(mut self, keys: impl IntoIterator<Item = KeyPath>) -> Self {
        for place in keys.into_iter().map(Place::Key) {
            if !self.places.contains(&place) {
                self.places.push(place);
            }
        }
        self
    }

    /// With one more place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.places.push(place);
        self
    }

    /// With what mends it.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }
}

impl Fix {
    /// A fix that may be made without asking.
    #[must_use]
    pub fn safe(what: impl Into<String>) -> Self {
        Self { what: what.into(), safety: Safety::Safe, changes: Vec::new() }
    }

    /// A fix that a person must agree to.
    #[must_use]
    pub fn ask(what: impl Into<String>) -> Self {
        Self { what: what.into(), safety: Safety::Ask, changes: Vec::new() }
    }

    /// And gives a key, dotted, a value.
    #[must_use]
    pub fn set(self, dotted: &str, to: impl Into<Value>) -> Self {
        self.change(Change::Set { key: KeyPath::dotted(dotted), to: to.into() })
    }

    /// And gives a key a value.
    #[must_use]
    pub fn set_at(self, key: KeyPath, to: impl Into<Value>) -> Self {
        self.change(Change::Set { key, to: to.into() })
    }

    /// And takes a key, dotted, away.
    #[must_use]
    pub fn remove(self, dotted: &str) -> Self {
        self.change(Change::Remove { key: KeyPath::dotted(dotted) })
    }

    /// And sets the bits of a path.
    #[must_use]
    pub fn mode(self, path: impl Into<String>, mode: u32) -> Self {
        self.change(Change::Mode { path: path.into(), mode })
    }

    /// And one change more.
    #[must_use]
    pub fn change(mut self, change: Change) -> Self {
        self.changes.push(change);
        self
    }
}
