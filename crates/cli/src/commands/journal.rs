//! `stockade journal`.

use std::process::ExitCode;

use serde_json::json;
use stockade_core::text::{clip, single_line};
use stockade_store::journal::{self, Record};

use crate::args::Journal;
use crate::output;
use crate::wiring::Place;

/// Runs the command.
pub fn run(place: &Place, command: Journal) -> anyhow::Result<ExitCode> {
    let folder = &place.paths.data;
    match command {
        Journal::Verify { json } => match journal::verify(folder) {
            Ok(verified) if json => output::json(&json!({ "ok": true, "records": verified.records }))?,
            Ok(verified) => output::line(format!("{} {} records, chain whole", output::good("ok:"), verified.records)),
            Err(broken) if json => {
                output::json(&json!({ "ok": false, "at": broken.at, "why": broken.to_string() }))?;
                return Ok(ExitCode::from(1));
            }
            Err(broken) => {
                output::line(format!("{} {broken}", output::bad("broken:")));
                return Ok(ExitCode::from(1));
            }
        },
        Journal::Tail { count, json } => {
            for record in journal::tail(folder, count)? {
                if json {
                    output::line(serde_json::to_string(&record)?);
                } else {
                    output::line(line(&record));
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A record on one line.
pub fn line(record: &Record) -> String {
    let decision = record.decision.as_ref().map(|decision| match decision {
        stockade_core::Decision::Deny(denial) => output::bad(&single_line(&denial.to_string())),
        stockade_core::Decision::Ask(question) => {
            output::doubt(&format!("asks by {}: {}", question.rule, question.because))
        }
        stockade_core::Decision::Allow { rule } => output::good(&format!("allowed by {rule}")),
    });
    let digest = record.digest.map(|digest| digest.hex().chars().take(12).collect::<String>());
    let mut parts = vec![format!("{:>5}  {}  {:<10}", record.seq, record.at, record.stage.id())];
    parts.extend(decision);
    parts.extend(digest.map(|digest| format!("digest {digest}")));
    if !record.detail.is_null() {
        parts.push(clip(&single_line(&record.detail.to_string()), 160));
    }
    parts.join("  ")
}
