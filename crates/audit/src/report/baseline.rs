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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::snapshot;

    #[test]
    fn what_has_become_worse_is_new() {
        let report = Report::of(&snapshot(json!({"discovery": {"mdns": {"mode": "full"}}})), None);
        let known = Baseline::of(&report);
        let find = |report: &Report| {
            let all = report.findings.iter();
            all.clone().find(|found| found.finding.check_id == "discovery.mdns_full_mode").cloned().expect("found")
        };
        let same = find(&report);
        assert_eq!(same.finding.severity, Severity::Warn);
        assert!(known.covers(&same));
        let worse = json!({"discovery": {"mdns": {"mode": "full"}}, "gateway": {"bind": "lan"}});
        let worse = find(&Report::of(&snapshot(worse), None));
        assert_eq!((worse.finding.severity, &worse.fingerprint), (Severity::Critical, &same.fingerprint));
        assert!(!known.covers(&worse));
        let text = serde_json::to_string(&known).expect("JSON");
        assert_eq!(Baseline::parse(&text), Ok(known));
        assert!(Baseline::parse(&text.replace("\"version\":1", "\"version\":2")).is_err());
    }
}
