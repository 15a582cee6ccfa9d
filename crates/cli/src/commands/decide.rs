//! `stockade decide`: the judge for pipelines.

use std::io::{BufRead, Read as _};
use std::process::ExitCode;

use anyhow::Context as _;
use stockade_policy::batch::{self, MAX_LINE};

use crate::output;

/// Answers every line of `input` in order, each before the next is read.
pub fn run(mut input: impl BufRead) -> anyhow::Result<ExitCode> {
    let mut all_answered = true;
    let mut line = Vec::new();
    while next(&mut input, &mut line).context("standard input could not be read")? {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let answer = batch::answer(&line);
        all_answered &= answer.is_answered();
        output::line(serde_json::to_string(&answer)?);
    }
    Ok(if all_answered { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Prints what `POST /v1/decide` takes and answers.
pub fn openapi() -> anyhow::Result<ExitCode> {
    output::json(&stockade_gateway::http::openapi::document())?;
    Ok(ExitCode::SUCCESS)
}

/// Reads a line without its end; of one that is too long, enough to be known as such. False at the end.
fn next(input: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    let limit = MAX_LINE as u64 + 2;
    if input.by_ref().take(limit).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.pop_if(|last| *last == b'\n').is_none() && line.len() > MAX_LINE {
        input.skip_until(b'\n')?;
    }
    Ok(true)
}
