//! Development tasks: `cargo xtask test` sets the machine up and runs everything, `cargo xtask lint` holds what reviewers
//! should not have to watch. No part of the product; it is the one place outside the sandbox that starts processes.
#![allow(clippy::disallowed_methods, reason = "a task runner runs tasks, and sets files up for them")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a task runner talks to a person")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod generate;
mod interop;
mod lint;
mod process;
mod steps;
mod tally;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["test"] => steps::run(&root(), false),
        ["test", "--fast"] => steps::run(&root(), true),
        ["lint"] => lint::run(&root()),
        ["generate"] => generate::run(&root(), false),
        ["generate", "--check"] => generate::run(&root(), true),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace.
fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

const USAGE: &str = "\
usage: cargo xtask test [--fast]   set the machine up and run everything (--fast: no interop installs, no release build)
       cargo xtask lint            layers, file sizes, the release graph, unsafe code, words
       cargo xtask generate [--check]   make docs/reference and docs/drill.svg from the program (--check: compare)";
