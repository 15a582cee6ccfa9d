//! SARIF 2.1.0 (OASIS), for code scanning: the subset that says what, where, how bad and whether it is accepted.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stockade_core::text::visible;

use super::{Located, Report, Spotted, Suppressed};
use crate::finding::Severity;

/// The report as a SARIF log with one run.
#[must_use]
pub fn sarif(report: &Report) -> Value {
    let all = report.findings.iter().chain(&report.known).chain(report.suppressed.iter().map(|found| &found.located));
    let mut titles: BTreeMap<&str, &Located> = BTreeMap::new();
    for located in all {
        titles.entry(&located.finding.check_id).or_insert(located);
    }
    let index = |id: &str| titles.keys().position(|known| *known == id);
    let rules: Vec<Value> = titles.values().map(|located| rule(located)).collect();
    let state = &report.install.state;
    let mut results: Vec<Value> =
        report.findings.iter().map(|located| result(located, "new", index(&located.finding.check_id), state)).collect();
    results.extend(
        report.known.iter().map(|located| result(located, "unchanged", index(&located.finding.check_id), state)),
    );
    results.extend(report.suppressed.iter().map(|suppressed| {
        let located = &suppressed.located;
        let mut out = result(located, "unchanged", index(&located.finding.check_id), state);
        out["suppressions"] = json!([suppression(suppressed)]);
        out
    }));
    if report.known.is_empty() {
        // Without a baseline nothing is known to be new.
        for result in &mut results {
            if let Some(fields) = result.as_object_mut() {
                fields.shift_remove("baselineState");
            }
        }
    }
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "stockade",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "originalUriBaseIds": {BASE: {"uri": format!("{}/", uri("file://", state))}},
            "columnKind": "unicodeCodePoints",
            "invocations": [{"executionSuccessful": true}],
            "results": results,
        }],
    })
}

fn rule(located: &Located) -> Value {
    let found = &located.finding;
    let mut rule = json!({
        "id": found.check_id,
        "shortDescription": {"text": visible(&found.title)},
        "defaultConfiguration": {"level": level(found.severity)},
    });
    if let Some(remediation) = &found.remediation {
        rule["help"] = json!({ "text": visible(remediation) });
    }
    rule
}

fn result(located: &Located, state_of: &str, index: Option<usize>, state: &str) -> Value {
    let found = &located.finding;
    let text = if found.detail.is_empty() { &found.title } else { &found.detail };
    let mut out = json!({
        "ruleId": found.check_id,
        "level": level(found.severity),
        "message": {"text": visible(text)},
        "baselineState": state_of,
        "partialFingerprints": {"stockade/v1": located.fingerprint},
        "properties": {"severity": found.severity.id()},
    });
    if let Some(index) = index {
        out["ruleIndex"] = json!(index);
    }
    if !located.spots.is_empty() {
        out["locations"] = located.spots.iter().map(|spot| location(spot, state)).collect();
    }
    out
}

fn location(spot: &Spotted, state: &str) -> Value {
    let inside = spot.file.strip_prefix(state).and_then(|rest| rest.strip_prefix('/'));
    let artifact = match inside {
        Some(relative) => json!({"uri": uri("", relative), "uriBaseId": BASE}),
        None => json!({"uri": uri("file://", &spot.file)}),
    };
    let mut physical = json!({ "artifactLocation": artifact });
    if let Some(line) = spot.line {
        let mut region = json!({ "startLine": line });
        if let Some(column) = spot.column {
            region["startColumn"] = json!(column);
            region["endColumn"] = json!(column.saturating_add(spot.length.unwrap_or(1).max(1)));
        }
        physical["region"] = region;
    }
    let mut location = json!({ "physicalLocation": physical });
    if let Some(key) = &spot.key {
        location["logicalLocations"] = json!([{ "fullyQualifiedName": visible(key), "kind": "member" }]);
    }
    location
}

fn suppression(suppressed: &Suppressed) -> Value {
    let until = suppressed.expires.as_ref().map(|day| format!(" (until {day})")).unwrap_or_default();
    let reason = suppressed.reason.as_deref().unwrap_or("no reason given");
    json!({ "kind": "external", "status": "accepted", "justification": visible(&format!("{reason}{until}")) })
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "error",
        Severity::Warn => "warning",
        Severity::Info => "note",
    }
}

/// A path as a URI: what RFC 3986 does not take in a path is percent-encoded.
fn uri(scheme: &str, path: &str) -> String {
    let mut out = scheme.to_owned();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

const BASE: &str = "STATE";
