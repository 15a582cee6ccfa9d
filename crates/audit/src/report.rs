//! Shows what was found: what is suppressed and what was known before is set apart, never dropped.

pub mod baseline;
mod html;
mod json;
mod sarif;
pub mod source;
mod suppressions;
mod terminal;

use serde::{Deserialize, Serialize};
use stockade_core::DigestBuilder;

use crate::finding::{Finding, Place, Severity};
use crate::model::Model;
use crate::snapshot::{Install, Snapshot};
pub use baseline::Baseline;
pub use html::html;
pub use json::json;
pub use sarif::sarif;
pub use source::Sources;
pub use terminal::{Paint, terminal};

/// What an audit found.
#[derive(Debug, Clone)]
pub struct Report {
    /// When the host was looked at, in milliseconds since 1970.
    pub taken: u64,
    /// Whose install it is.
    pub install: Install,
    /// What counts, in the order of the checks.
    pub findings: Vec<Located>,
    /// What an operator accepted.
    pub suppressed: Vec<Suppressed>,
    /// What was in the baseline.
    pub known: Vec<Located>,
    /// Worth a word, about the report itself: a suppression that expired, one that fits nothing.
    pub remarks: Vec<String>,
    /// What the look at the running gateway says, in OpenClaw's shape; with `--deep` only.
    pub probe: Option<Probe>,
}

/// A finding, and where its places are.
#[derive(Debug, Clone)]
pub struct Located {
    /// The finding.
    pub finding: Finding,
    /// Its places, resolved.
    pub spots: Vec<Spotted>,
    /// The same for the same weakness in the same place, whatever else changes: 16 hexadecimal characters.
    pub fingerprint: String,
}

/// A place, resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spotted {
    /// The key, when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The file that holds it, or would hold it.
    pub file: String,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// How many characters on that line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u32>,
}

/// A finding that an operator accepted.
#[derive(Debug, Clone)]
pub struct Suppressed {
    /// The finding.
    pub located: Located,
    /// Why.
    pub reason: Option<String>,
    /// The last day on which that holds, when it ends: `2026-12-31`.
    pub expires: Option<String>,
}

/// What the look at a running gateway says, in OpenClaw's shape.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Whether it was tried.
    pub attempted: bool,
    /// The address.
    pub url: String,
    /// Whether the gateway answered as it should.
    pub ok: bool,
    /// What went wrong.
    pub error: Option<String>,
    /// How the gateway closed the connection.
    pub close: Option<ProbeClose>,
}

/// How a gateway closed a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeClose {
    /// The WebSocket close code.
    pub code: u16,
    /// Its words.
    pub reason: String,
}

impl Report {
    /// The report of an install: every check is run, places are resolved, suppressions and the baseline applied.
    #[must_use]
    pub fn of(snapshot: &Snapshot, baseline: Option<&Baseline>) -> Self {
        let model = Model::of(snapshot);
        let located = crate::checks::run(&model).into_iter().map(|finding| Located::of(finding, snapshot)).collect();
        let (findings, suppressed, remarks) = suppressions::apply(located, snapshot);
        let (known, findings) = findings.into_iter().partition(|found| baseline.is_some_and(|all| all.covers(found)));
        Self {
            taken: snapshot.taken,
            install: snapshot.install.clone(),
            findings,
            suppressed,
            known,
            remarks,
            probe: None,
        }
    }

    /// Every finding. What was accepted has lost its fix: nobody asked for it.
    #[must_use]
    pub fn all(&self) -> Vec<Finding> {
        let counted = self.findings.iter().chain(&self.known).map(|located| located.finding.clone());
        let accepted = self.suppressed.iter().map(|found| Finding { fix: None, ..found.located.finding.clone() });
        counted.chain(accepted).collect()
    }

    /// How many findings of one severity count.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|located| located.finding.severity == severity).count()
    }

    /// The worst that counts.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|located| located.finding.severity).max()
    }
}

impl Located {
    fn of(finding: Finding, snapshot: &Snapshot) -> Self {
        let spots: Vec<Spotted> = finding.places.iter().map(|place| resolve(place, snapshot)).collect();
        let state = format!("{}/", snapshot.install.state);
        let names = finding.places.iter().map(|place| match place {
            Place::Key(key) => key.to_string(),
            Place::File(path) | Place::Line(path, _) => path.strip_prefix(&state).unwrap_or(path).to_owned(),
        });
        let names: Vec<String> = names.collect();
        // Without a place the words are all that tells two findings of one check apart.
        let words = if names.is_empty() { finding.detail.as_str() } else { "" };
        let digest = DigestBuilder::new("stockade finding")
            .field("check", &finding.check_id)
            .list("places", names.iter())
            .field("words", words)
            .finish();
        let fingerprint = digest.hex().chars().take(16).collect();
        Self { finding, spots, fingerprint }
    }
}

fn resolve(place: &Place, snapshot: &Snapshot) -> Spotted {
    let file = |path: &str, line| Spotted { key: None, file: path.to_owned(), line, column: None, length: None };
    match place {
        Place::File(path) => file(path, None),
        Place::Line(path, line) => file(path, Some(*line)),
        Place::Key(key) => {
            let config = &snapshot.config;
            let spot = config.spot(key);
            let path = spot.and_then(|spot| config.files.get(spot.file)).map(|file| file.path.clone());
            Spotted {
                key: Some(key.to_string()),
                file: path.unwrap_or_else(|| snapshot.install.config.clone()),
                line: spot.map(|spot| spot.line),
                column: spot.map(|spot| spot.column),
                length: spot.map(|spot| spot.length),
            }
        }
    }
}

#[cfg(test)]
mod tests;
