//! The executor: permits in, outcomes out. It owns every process that it starts; what it cannot
//! account for does not run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stockade_core::{Clock, SessionKey};
use stockade_policy::{Access, Backend, ExecCall, Permit, ProcessCall, View};

use crate::background::{Background, ProcessOutput, Registry};
use crate::capture::Capture;
use crate::child::{self, Launched};
use crate::claims::Claim;
use crate::floor::Floor;
use crate::native::plan::{Mode, Plan};
use crate::outcome::{ExecOutput, ExecStatus, Refusal};
use crate::runs::{Run, Runs};

/// Runs commands for permits. One per gateway; share it in an [`Arc`]. Dropping it kills everything
/// that it started.
pub struct Executor {
    clock: Arc<dyn Clock>,
    runs: Arc<Runs>,
    background: Registry,
}

impl Executor {
    /// An executor that judges the age of permits by `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, runs: Arc::default(), background: Registry::default() }
    }

    /// Runs one command to its end, or to its start when it is a background call. The whole process
    /// tree is dead when this returns anything but `Background`; completing `cancel`, or dropping
    /// the future, kills it.
    ///
    /// # Errors
    /// A [`Refusal`] when the permit has expired, a control is missing and not accepted, or what
    /// would run is not what was approved: nothing has run then. [`Refusal::Full`] also when it was
    /// killed on the way because a disk became full.
    pub async fn run(
        &self,
        permit: Permit<ExecCall>,
        cancel: impl Future<Output = ()> + Send,
    ) -> Result<ExecOutput, Refusal> {
        let call = permit.redeem(self.clock.now())?;
        let claim = Claim::new(writable(&call.view), approved_files(&call))?;
        let pinned = claim.pinned().to_vec();
        let run = self.runs.enter(&call.context.session, claim);
        let limit = call.timeout.min(call.view.limits.wall);
        let started = Instant::now();
        if call.background {
            return self.start(call, pinned, run, limit).await;
        }
        let plan = plan(call, pinned, limit)?;
        let floor = Floor::of(&plan);
        let stopped = async {
            tokio::select! { () = cancel => {}, () = run.stopped() => {} }
        };
        tokio::pin!(stopped);
        let mut launched = tokio::select! {
            launched = launch(&plan, &floor) => launched?,
            () = &mut stopped => return Ok(cancelled(started)),
        };
        _ = launched.stdin.take();
        let degraded = said(&launched);
        let mut capture = Capture::new(plan.view.limits.output);
        let status = launched.carry(limit, &floor, stopped, |bytes| capture.push(bytes)).await?;
        let (output, truncated) = capture.take();
        Ok(ExecOutput { status, output, truncated, duration: started.elapsed(), degraded })
    }

    /// Lists, polls, writes to or kills the background processes of the calling session; those of
    /// other sessions do not exist for it.
    ///
    /// # Errors
    /// A [`Refusal`] when the permit has expired or the session has no such process.
    pub async fn process(&self, permit: Permit<ProcessCall>) -> Result<ProcessOutput, Refusal> {
        let call = permit.redeem(self.clock.now())?;
        self.background.act(&call.context.session, call.action).await
    }

    /// Kills everything that runs for `session` and waits until it is dead. Returns how many runs
    /// there were.
    pub async fn kill_session(&self, session: &SessionKey) -> usize {
        let killed = self.runs.stop(Some(session)).await;
        self.background.forget(Some(session));
        killed
    }

    /// Kills everything that runs, for containment and shutdown, and waits until it is dead. Returns
    /// how many runs there were.
    pub async fn kill_all(&self) -> usize {
        let killed = self.runs.stop(None).await;
        self.background.forget(None);
        killed
    }

    async fn start(
        &self,
        call: ExecCall,
        pinned: Vec<PathBuf>,
        run: Run,
        limit: Duration,
    ) -> Result<ExecOutput, Refusal> {
        let started = Instant::now();
        let session = call.context.session.clone();
        let slot = self.background.reserve(&session)?;
        let plan = plan(call, pinned, limit)?;
        let floor = Floor::of(&plan);
        let launched = launch(&plan, &floor).await?;
        let degraded = said(&launched);
        let process = Background::start(slot.id().to_owned(), &plan, launched, run, floor);
        let status = ExecStatus::Background { id: slot.fill(process) };
        Ok(ExecOutput { status, output: String::new(), truncated: false, duration: started.elapsed(), degraded })
    }
}

async fn launch(plan: &Plan, floor: &Floor) -> Result<Launched, Refusal> {
    floor.check().await?;
    child::launch(plan).await
}

fn plan(call: ExecCall, pinned: Vec<PathBuf>, limit: Duration) -> Result<Plan, Refusal> {
    let mode = match call.view.backend {
        Backend::Native if call.view.network => {
            return Err(Refusal::view("the embedded sandbox has no network; turn `network` off in the sandbox config"));
        }
        Backend::Native => Mode::Native,
        Backend::Host => Mode::Host,
    };
    let ExecCall { command, cwd, env, programs, operands, view, .. } = call;
    Ok(Plan { mode, command, cwd, env, programs, operands, pinned, limit, view })
}

fn writable(view: &View) -> Vec<PathBuf> {
    view.mounts.iter().filter(|mount| mount.access == Access::Rw).map(|mount| mount.host.clone()).collect()
}

/// The files on the host whose content or identity was approved.
fn approved_files(call: &ExecCall) -> Vec<PathBuf> {
    let operands = call.operands.iter().map(|operand| &operand.path);
    let programs = call.programs.iter().filter_map(|program| program.path.as_ref());
    operands
        .chain(programs)
        .filter_map(|path| call.view.locate(path).map(|(mount, rest)| mount.host.join(rest)))
        .collect()
}

fn said(launched: &Launched) -> Vec<String> {
    launched.degraded.iter().map(ToString::to_string).collect()
}

fn cancelled(started: Instant) -> ExecOutput {
    ExecOutput {
        status: ExecStatus::Cancelled,
        output: String::new(),
        truncated: false,
        duration: started.elapsed(),
        degraded: Vec::new(),
    }
}
