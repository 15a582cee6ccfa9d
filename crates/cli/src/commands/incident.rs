//! `stockade incident`: the lock that every decision reads. Needs no gateway.

use std::process::ExitCode;

use serde_json::json;
use stockade_core::{Clock as _, SystemClock};
use stockade_store::containment::{self, Containment, Lock};

use crate::args::Incident;
use crate::output;
use crate::wiring::Place;

/// Runs the command.
pub fn run(place: &Place, command: Incident) -> anyhow::Result<ExitCode> {
    let folder = &place.paths.data;
    match command {
        Incident::Contain { reason } => {
            let by = place.env.get("USER").unwrap_or("operator").to_owned();
            let lock = containment::contain(folder, &Containment { since: SystemClock.now(), by, reason })?;
            output::say(format!("{} {}", output::bad("contained:"), shown(&lock)));
            output::say("No call is allowed until `stockade incident release`.");
        }
        Incident::Release => {
            let text = if containment::release(folder)? { "released" } else { "was not contained" };
            output::say(text);
        }
        Incident::Status { json } => {
            let lock = containment::read(folder);
            if json {
                output::json(&json!({ "contained": !lock.is_open(), "lock": shown(&lock) }))?;
            } else {
                output::line(shown(&lock));
            }
            return Ok(ExitCode::from(u8::from(!lock.is_open())));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn shown(lock: &Lock) -> String {
    match lock {
        Lock::Released => "not contained".to_owned(),
        Lock::Contained(Containment { since, by, reason }) => format!("contained since {since} by {by}: {reason}"),
        Lock::Unreadable { why } => format!("contained, because the lock cannot be read: {why}"),
    }
}
