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
    let redactor = Redactor::default();
    let result = if is_called_openclaw() {
        let args = args::OpenClaw::parse();
        log::start(0, redactor.clone());
        wiring::run_as_openclaw(args, redactor)
    } else {
        let args = args::Args::parse();
        log::start(args.verbose, redactor.clone());
        wiring::run(args, redactor)
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            output::error(&error);
            ExitCode::from(2)
        }
    }
}

/// Whether it was started by a link of that name.
fn is_called_openclaw() -> bool {
    let name = std::env::args_os().next();
    name.is_some_and(|name| std::path::Path::new(&name).file_name() == Some(std::ffi::OsStr::new("openclaw")))
}
