//! `stockade`, the command. Parses, wires, prints; decides nothing.

mod args;
mod commands;
mod log;
mod output;
mod wiring;

use std::process::ExitCode;

use clap::Parser as _;
use stockade_core::Redactor;

fn main() -> ExitCode {
    // Must come first: the embedded sandbox is built by this binary, started a second time.
    stockade_sandbox::enter_if_launcher();
    let args = args::Args::parse();
    let redactor = Redactor::default();
    log::start(args.verbose, redactor.clone());
    match wiring::run(args, redactor) {
        Ok(code) => code,
        Err(error) => {
            output::error(&error);
            ExitCode::from(2)
        }
    }
}
