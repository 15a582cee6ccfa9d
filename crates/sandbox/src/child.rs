//! Starting the launcher and carrying its output. The one place in the workspace that starts a
//! process: always our own binary, always with an empty environment, always as a launcher.
//!
//! The plan goes in through standard input and the report comes out of standard output; both pipes
//! then belong to the command. Standard error is the launcher's own line to the gateway, never the
//! command's: when the gateway closes it, by will or by dying, the launcher kills everything below it.
//! The command could reopen any pipe that it gets to see and so keep it open.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};

use crate::control::Degraded;
use crate::floor::Floor;
use crate::native::MARKER;
use crate::native::plan::{self, Mode, Plan, Report};
use crate::outcome::{ExecStatus, Refusal};

/// A launcher that has reported success; its pipes are the command's now.
pub(crate) struct Launched {
    pub(crate) degraded: Vec<Degraded>,
    pub(crate) stdin: Option<ChildStdin>,
    /// Standard output and error in one pipe, so that they come in the order in which they were written.
    output: ChildStdout,
    /// Nothing is read from it; that it is open says that the gateway lives and wants the command.
    _line: ChildStderr,
    child: Child,
}

impl Launched {
    /// Carries output to `sink` until everything below the launcher is gone; kills it all when
    /// `limit` has passed, `stop` completes, or a disk that it writes to falls below `floor`.
    pub(crate) async fn carry(
        mut self,
        limit: Duration,
        floor: &Floor,
        stop: impl Future<Output = ()>,
        mut sink: impl FnMut(&[u8]),
    ) -> Result<ExecStatus, Refusal> {
        let mut chunk = vec![0; CHUNK];
        let mut ended = None;
        let timer = tokio::time::sleep(limit);
        let full = floor.breached();
        tokio::pin!(timer, full, stop);
        loop {
            tokio::select! {
                read = self.output.read(&mut chunk) => match read {
                    Ok(0) | Err(_) => break,
                    Ok(length) => sink(&chunk[..length]),
                },
                () = &mut stop, if ended.is_none() => {
                    ended = Some(Ok(ExecStatus::Cancelled));
                    self.terminate();
                    timer.as_mut().reset(tokio::time::Instant::now() + GRACE);
                }
                refusal = &mut full, if ended.is_none() => {
                    ended = Some(Err(refusal));
                    self.terminate();
                    timer.as_mut().reset(tokio::time::Instant::now() + GRACE);
                }
                () = &mut timer => {
                    if ended.is_some() {
                        // The launcher did not obey; its death is the death of what is below it.
                        _ = self.child.start_kill();
                        break;
                    }
                    ended = Some(Ok(ExecStatus::TimedOut));
                    self.terminate();
                    timer.as_mut().reset(tokio::time::Instant::now() + GRACE);
                }
            }
        }
        let status = self.child.wait().await;
        ended.unwrap_or_else(|| Ok(status.map_or(ExecStatus::Signaled { signal: libc::SIGKILL }, ended_by)))
    }

    fn terminate(&self) {
        if let Some(pid) = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
            // The child is not reaped yet, so the id is still its own. It may be gone: then all is well.
            _ = kill_process(pid, Signal::TERM);
        }
    }
}

/// Starts a launcher with `plan` and waits for its report.
pub(crate) async fn launch(plan: &Plan) -> Result<Launched, Refusal> {
    let message = plan::encode(plan).map_err(Refusal::launcher)?;
    // On the host the launcher must outlive its orders: it alone finds the tree that it has to kill.
    let spawned = tokio::process::Command::from(command()?).kill_on_drop(plan.mode != Mode::Host).spawn();
    let mut child = spawned.map_err(Refusal::launcher)?;
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut stdin), Some(mut output), Some(line)) = pipes else {
        return Err(Refusal::launcher("it has no pipes"));
    };
    let talk = async {
        // A launcher that died says why in its report, or not at all; a broken pipe adds nothing.
        _ = stdin.write_all(&message).await;
        let mut header = [0; plan::HEADER];
        output.read_exact(&mut header).await?;
        let mut body = vec![0; plan::length(header)?];
        output.read_exact(&mut body).await?;
        Ok::<Report, std::io::Error>(serde_json::from_slice(&body)?)
    };
    let degraded = match tokio::time::timeout(SETUP, talk).await {
        Ok(Ok(report)) => report?,
        Ok(Err(error)) => return Err(no_report(&error)),
        Err(_) => return Err(Refusal::launcher("it took longer than ten seconds to set up")),
    };
    Ok(Launched { degraded, stdin: Some(stdin), output, _line: line, child })
}

/// Starts a launcher with `plan` and waits for its report and its end. Blocks.
pub(crate) fn ask(plan: &Plan) -> Result<Vec<Degraded>, Refusal> {
    let mut child = command()?.spawn().map_err(Refusal::launcher)?;
    let written = child.stdin.take().map(|stdin| plan::write(stdin, plan));
    let report = child.stdout.take().map(plan::read::<Report>);
    _ = child.wait();
    match (written, report) {
        (_, Some(Ok(report))) => report,
        (Some(Err(error)), _) | (_, Some(Err(error))) => Err(no_report(&error)),
        _ => Err(Refusal::launcher("it has no pipes")),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that starts processes; both callers hold a redeemed call or a probe"
)]
fn command() -> Result<std::process::Command, Refusal> {
    use std::os::unix::process::CommandExt as _;
    if std::env::args_os().nth(1).is_some_and(|mark| mark == MARKER) {
        // A launcher that did not become one would start the next, and that one the next.
        return Err(Refusal::launcher("this process is a launcher that `main` did not enter"));
    }
    // `/proc/self/exe` and not a path: the running image, even when the file was replaced on disk.
    let mut command = std::process::Command::new("/proc/self/exe");
    command
        .arg0(MARKER)
        .arg(MARKER)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Ok(command)
}

fn no_report(error: &std::io::Error) -> Refusal {
    Refusal::launcher(format!("{error}; does the program call `enter_if_launcher` first in `main`?"))
}

fn ended_by(status: std::process::ExitStatus) -> ExecStatus {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => ExecStatus::Exited { code },
        (None, signal) => ExecStatus::Signaled { signal: signal.unwrap_or(libc::SIGKILL) },
    }
}

const CHUNK: usize = 16 << 10;
/// From the order to die until the launcher itself is killed.
const GRACE: Duration = Duration::from_secs(3);
const SETUP: Duration = Duration::from_secs(10);
