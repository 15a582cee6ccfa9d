//! Running a program and keeping what it said.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// What a program left behind.
pub(crate) struct Ran {
    /// Whether it ended well.
    pub(crate) ok: bool,
    /// Both of its streams.
    pub(crate) output: String,
}

/// Runs a program in a folder.
pub(crate) fn run(folder: &Path, program: &str, arguments: &[&str], environment: &[(&str, PathBuf)]) -> Result<Ran> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .envs(environment.iter().map(|(name, value)| (*name, value)))
        .output()
        .with_context(|| format!("cannot start `{program}`"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Ran { ok: output.status.success(), output: text(&output.stdout) + &text(&output.stderr) })
}

/// Runs a program that must end well.
pub(crate) fn must(folder: &Path, program: &str, arguments: &[&str]) -> Result<String> {
    let ran = run(folder, program, arguments, &[])?;
    if !ran.ok {
        bail!("`{program} {}` failed\n{}", arguments.join(" "), ran.output);
    }
    Ok(ran.output)
}

/// Whether a program is there and answers.
pub(crate) fn answers(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}
