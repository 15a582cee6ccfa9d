//! `stockade trace`: the way of one turn.

use std::process::ExitCode;

use anyhow::bail;
use stockade_core::TurnId;
use stockade_store::journal;

use super::journal::line;
use crate::output;
use crate::wiring::Place;

/// Prints the records of a turn.
pub fn run(place: &Place, turn: &str, json: bool) -> anyhow::Result<ExitCode> {
    let records = journal::trace(&place.paths.data, &TurnId::parse(turn)?)?;
    if records.is_empty() {
        bail!("the journal has no turn {turn}; `stockade journal tail` shows the latest");
    }
    if json {
        output::json(&records)?;
        return Ok(ExitCode::SUCCESS);
    }
    let first = &records[0];
    let session = first.session.as_deref().unwrap_or("-");
    output::line(output::heading(&format!("turn {turn} of {session} for {}", first.principal)));
    for record in &records {
        output::line(line(record));
    }
    Ok(ExitCode::SUCCESS)
}
