//! Programs that the operator starts by typing a command, such as fetching and serving a local model.
//! They run as the operator, outside the sandbox. Nothing that an agent or a client says gets here:
//! the program's name is fixed at compile time, and the only caller is the command line.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::process::{ExitStatus, Stdio};

use tokio::process::Command;

/// A program of the operator's.
#[derive(Debug)]
pub struct Program {
    /// Its name, found on `PATH`.
    pub name: &'static str,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its whole environment.
    pub env: BTreeMap<String, OsString>,
}

/// Runs a program to its end or until `stop` completes, then kills it. It writes to this terminal; its
/// standard input is a pipe that closes when it is to end.
///
/// # Errors
/// When it cannot be started.
pub async fn run(program: Program, stop: impl Future<Output = ()>) -> io::Result<ExitStatus> {
    #[expect(clippy::disallowed_methods, reason = "this crate is where processes start")]
    let mut child = Command::new(program.name)
        .args(program.arguments)
        .env_clear()
        .envs(program.env)
        .stdin(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    // Held here: waiting would close it at once.
    let input = child.stdin.take();
    tokio::select! {
        status = child.wait() => return status,
        () = stop => {}
    }
    drop(input);
    child.start_kill()?;
    child.wait().await
}
