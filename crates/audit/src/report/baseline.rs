//! What was known at some point, so that a later audit can say what is new.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Located, Report};
use crate::finding::Severity;

/// The findings of an earlier audit, by fingerprint, each with its severity then. What has become worse is new.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    version: u32,
    findings: BTreeMap<String, Known>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Known {
    check_id: String,
    severity: Severity,
    count: u32,
}

impl Baseline {
    /// Everything that a report has, counted or known.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let mut findings: BTreeMap<String, Known> = BTreeMap::new();
        for located in report.findings.iter().chain(&report.known) {
            let (check_id, severity) = (located.finding.check_id.clone(), located.finding.severity);
            let known = findings.entry(located.fingerprint.clone()).or_insert(Known { check_id, severity, count: 0 });
            known.count += 1;
            known.severity = known.severity.max(severity);
        }
        Self { version: VERSION, findings }
    }

    /// Reads one that was saved.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let read: Self = serde_json::from_str(text).map_err(|error| format!("is no baseline: {error}"))?;
        if read.version != VERSION {
            return Err(format!("has version {}, and this program reads version {VERSION}", read.version));
        }
        Ok(read)
    }

    /// Whether a finding was there, no less severe.
    #[must_use]
    pub fn covers(&self, located: &Located) -> bool {
        self.findings.get(&located.fingerprint).is_some_and(|known| located.finding.severity <= known.severity)
    }
}

const VERSION: u32 = 1;
