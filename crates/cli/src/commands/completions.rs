//! `stockade completions`.

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::args::Args;
use crate::output;

/// Prints the completions of a shell.
pub fn run(shell: clap_complete::Shell) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "stockade", &mut script);
    output::piece(std::str::from_utf8(&script)?);
    Ok(ExitCode::SUCCESS)
}
