//! OpenClaw's JSON, with what a script may want beside it: places, fingerprints, fixes.

use serde_json::{Map, Value, json};

use super::{Located, Report};
use crate::finding::Severity;

/// The report as OpenClaw's `security audit --json` prints it.
#[must_use]
pub fn json(report: &Report) -> Value {
    let mut out = Map::new();
    out.insert("ts".into(), json!(report.taken));
    out.insert(
        "summary".into(),
        json!({
            "critical": report.count(Severity::Critical),
            "warn": report.count(Severity::Warn),
            "info": report.count(Severity::Info),
        }),
    );
    out.insert("findings".into(), report.findings.iter().map(finding).collect());
    if !report.suppressed.is_empty() {
        let suppressed = report.suppressed.iter().map(|suppressed| {
            let mut found = finding(&suppressed.located);
            let mut why = Map::new();
            why.extend(suppressed.reason.as_ref().map(|reason| ("reason".to_owned(), json!(reason))));
            why.extend(suppressed.expires.as_ref().map(|day| ("expires".to_owned(), json!(day))));
            found["suppression"] = Value::Object(why);
            found
        });
        out.insert("suppressedFindings".into(), suppressed.collect());
    }
    if !report.known.is_empty() {
        out.insert("knownFindings".into(), report.known.iter().map(finding).collect());
    }
    if let Some(probe) = &report.probe {
        out.insert("deep".into(), json!({ "gateway": probe }));
    }
    if !report.remarks.is_empty() {
        out.insert("remarks".into(), json!(report.remarks));
    }
    out.insert("secretDiagnostics".into(), json!([]));
    Value::Object(out)
}

fn finding(located: &Located) -> Value {
    let found = &located.finding;
    let mut out = Map::new();
    out.insert("checkId".into(), json!(found.check_id));
    out.insert("severity".into(), json!(found.severity));
    out.insert("title".into(), json!(found.title));
    out.insert("detail".into(), json!(found.detail));
    out.extend(found.remediation.as_ref().map(|text| ("remediation".to_owned(), json!(text))));
    if !located.spots.is_empty() {
        out.insert("places".into(), json!(located.spots));
    }
    if let Some(fix) = &found.fix {
        out.insert("fix".into(), json!({ "what": fix.what, "safety": fix.safety }));
    }
    out.insert("fingerprint".into(), json!(located.fingerprint));
    Value::Object(out)
}
