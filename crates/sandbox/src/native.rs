//! The launcher: our own binary, started a second time, that builds the sandbox around itself.
//!
//! It runs single-threaded from the first line of `main`, inherits no environment and no secret, and
//! never returns. Outside is a monitor that holds the tree together; inside is process 1 of the
//! sandbox, which builds the view, puts up the walls, starts the command and reaps what it leaves.

mod filter;
mod idmap;
mod monitor;
pub(crate) mod plan;
mod root;
mod seal;
mod space;
mod sys;
mod walls;

use rustix::stdio::{stdin, stdout};

use crate::control::Ledger;
use crate::outcome::Refusal;
use plan::{Mode, Plan, Report};

pub(crate) use root::SYSTEM;

/// What marks a process as a launcher. Anyone may start one: it can only take rights away from itself.
pub(crate) const MARKER: &str = "stockade-sandbox-init";

/// Becomes the sandbox launcher when this process was started as one, and never returns then. Call
/// it first in `main`, before any thread, runtime or argument parser.
pub fn enter_if_launcher() {
    let mut arguments = std::env::args_os();
    if arguments.next().is_some_and(|name| name == MARKER) && arguments.next().is_some_and(|mark| mark == MARKER) {
        sys::exit(launch());
    }
}

fn launch() -> i32 {
    // Whatever the gateway forgot to mark close-on-exec is closed before anything else happens.
    if let Err(error) = sys::close_inherited() {
        return refuse(Refusal::launcher(format!("inherited descriptors stay open: {error}")));
    }
    let plan = match plan::read::<Plan>(sys::Raw(stdin())) {
        Ok(plan) => plan,
        Err(error) => return refuse(Refusal::launcher(format!("the plan could not be read: {error}"))),
    };
    match run(&plan) {
        Ok(code) => code,
        Err(refusal) => refuse(refusal),
    }
}

fn run(plan: &Plan) -> Result<i32, Refusal> {
    if plan.mode == Mode::Host {
        return on_host(plan);
    }
    let ledger = Ledger::new(plan.view.accept_degraded.clone(), plan.mode == Mode::Probe);
    let (space, ledger) = space::enter(ledger)?;
    monitor::hold(plan.limit, |link| inside(plan, &space, ledger, link))
}

/// Process 1 of the sandbox, from its first instruction to its last.
fn inside(plan: &Plan, space: &space::Space, ledger: Ledger, link: &monitor::Link) -> i32 {
    match enclose(plan, space, ledger) {
        Ok(ledger) => {
            // Becoming another user undid the tie to the monitor.
            if !monitor::bind_to_monitor(link) {
                return EXIT_REFUSED;
            }
            if let Err(error) = plan::write(sys::Raw(stdout()), &Report::Ok(ledger.into_degraded())) {
                return refuse(Refusal::launcher(error));
            }
            if plan.mode == Mode::Probe {
                return 0;
            }
            monitor::run_command(plan, link)
        }
        Err(refusal) => refuse(refusal),
    }
}

fn enclose(plan: &Plan, space: &space::Space, mut ledger: Ledger) -> Result<Ledger, Refusal> {
    if ledger.holds(&["user-namespace", "mount-namespace", "pid-namespace"]) {
        let built = root::build(plan, space);
        match built {
            Err(refusal @ Refusal::Control { .. }) if plan.mode == Mode::Probe => {
                ledger.enter("mount-namespace", Err(refusal))?;
            }
            other => other?,
        }
        space.settle().or_else(|error| ledger.enter("user-namespace", Err(error)))?;
    }
    walls::raise(plan, ledger)
}

/// The host backend: the same launcher, limits and tree kill, and none of the walls. Operands are
/// checked, not sealed: what can write to the file can still change it after the check.
fn on_host(plan: &Plan) -> Result<i32, Refusal> {
    seal::check_on_host(plan)?;
    let entered = rustix::process::chdir(&plan.cwd);
    entered.map_err(|error| Refusal::path(&plan.cwd, format!("the working directory cannot be entered: {error}")))?;
    monitor::adopt_orphans().map_err(Refusal::launcher)?;
    plan::write(sys::Raw(stdout()), &Report::Ok(Vec::new())).map_err(Refusal::launcher)?;
    monitor::run_on_host(plan)
}

fn refuse(refusal: Refusal) -> i32 {
    // When nobody reads the report any more there is nobody to tell.
    _ = plan::write(sys::Raw(stdout()), &Report::Err(refusal));
    EXIT_REFUSED
}

/// The launcher's own exit code when it ran nothing; the report says why.
const EXIT_REFUSED: i32 = 125;
