//! Holding the tree together: the monitor outside, process 1 inside, and the command.
//!
//! The monitor ends the tree when the command ends, when its time is up, when the gateway says so
//! (SIGTERM), and when the gateway is gone (nobody holds the other end of standard error any more; it is
//! the monitor's alone, so nothing that runs can keep it open). Killing process 1 makes the kernel kill
//! everything in its namespace, however often it forked; process 1 dies with the monitor.

use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, WaitOptions, WaitStatus, getpid, kill_process, pidfd_open,
    set_child_subreaper, set_parent_process_death_signal, setrlimit, setsid, umask, wait, waitpid,
};
use rustix::stdio::{stderr, stdout};

use super::plan::Plan;
use super::sys::{self, Fork};
use super::{idmap, walls};
use crate::outcome::Refusal;

/// Process 1's side of the pipe to the monitor: carries the command's [`outcome`].
pub(super) struct Link(OwnedFd);

/// Forks process 1, which runs `inside`, and holds the tree until it is gone. Returns the exit code
/// for the launcher; a command that was killed by a signal kills the launcher with the same.
pub(super) fn hold(limit: Duration, inside: impl FnOnce(&Link) -> i32) -> Result<i32, Refusal> {
    let stop = sys::termination().map_err(Refusal::launcher)?;
    let (status, link) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(Refusal::launcher)?;
    match sys::fork().map_err(Refusal::launcher)? {
        Fork::Child => {
            drop((stop, status));
            let link = Link(link);
            let ready = let_go_of_the_gateway().is_ok() && bind_to_monitor(&link);
            let code = if ready { inside(&link) } else { EXIT_ORPHAN };
            sys::exit(code);
        }
        Fork::Parent(init) => {
            drop(link);
            watch(init, &stop, limit).map_err(Refusal::launcher)?;
            let ended = waitpid(Some(init), WaitOptions::empty()).map_err(Refusal::launcher)?;
            let mut raw = [0; 4];
            match rustix::io::read(&status, &mut raw) {
                Ok(4) => Ok(end_like(i32::from_ne_bytes(raw))),
                _ => Ok(ended.map_or(EXIT_ORPHAN, |(_, status)| end_like(outcome(status)))),
            }
        }
    }
}

/// Process 1: starts the command, reaps every orphan, and ends with the command.
pub(super) fn run_command(plan: &Plan, link: &Link) -> i32 {
    let command = match sys::fork() {
        Ok(Fork::Child) => start(plan),
        Ok(Fork::Parent(pid)) => pid,
        Err(_) => return EXIT_ORPHAN,
    };
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == command => {
                _ = rustix::io::write(&link.0, &outcome(status).to_ne_bytes());
                return 0;
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return EXIT_ORPHAN,
        }
    }
}

/// Makes orphans below this process its children, so that a daemon that detached is still found.
pub(super) fn adopt_orphans() -> io::Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// The host backend's monitor: no namespace, so the tree is found by its parents and killed until
/// nothing is left.
pub(super) fn run_on_host(plan: &Plan) -> Result<i32, Refusal> {
    let stop = sys::termination().map_err(Refusal::launcher)?;
    let monitor = getpid();
    let command = match sys::fork().map_err(Refusal::launcher)? {
        Fork::Child => {
            umask(rustix::fs::Mode::from_raw_mode(0o077));
            _ = setsid();
            if let Err(error) = let_go_of_the_gateway() {
                complain(&error.to_string());
            }
            if let Err(error) = walls::limit_on_host(&plan.view.limits) {
                complain(&format!("limits: {error}"));
            }
            start(plan)
        }
        Fork::Parent(pid) => pid,
    };
    let killed = watch_without_killing(command, &stop, plan.limit).map_err(Refusal::launcher)?;
    if killed {
        _ = kill_process(command, Signal::KILL);
    }
    let status = waitpid(Some(command), WaitOptions::empty()).map_err(Refusal::launcher)?;
    kill_descendants(monitor);
    Ok(status.map_or(EXIT_ORPHAN, |(_, status)| end_like(outcome(status))))
}

/// The command itself; never returns.
fn start(plan: &Plan) -> ! {
    sys::reset_signals();
    let text = |bytes: &[u8]| CString::new(bytes).ok();
    let environment: Option<Vec<CString>> =
        plan.env.iter().map(|(name, value)| text(format!("{name}={value}").as_bytes())).collect();
    let command = text(plan.command.as_bytes());
    let (Some(environment), Some(command)) = (environment, command) else {
        complain("a NUL character in the command or its environment");
    };
    if let Err(error) = sys::close_inherited() {
        complain(&error.to_string());
    }
    let error = sys::exec(c"/bin/sh", &[c"sh".into(), c"-c".into(), command], &environment);
    complain(&error.to_string())
}

fn complain(why: &str) -> ! {
    let line = format!("sandbox: /bin/sh did not start: {why}\n");
    _ = rustix::io::write(stdout(), line.as_bytes());
    sys::exit(127)
}

/// In the child, before anything else: standard error is now the command's output and no longer the
/// line that tells whether the gateway lives. And when memory runs out, the kernel is to take this process
/// and those below it before the gateway and the monitor.
fn let_go_of_the_gateway() -> io::Result<()> {
    // A machine that does not let a process volunteer chooses by size; no wall rests on this.
    _ = idmap::write("/proc/self/oom_score_adj", "1000");
    Ok(rustix::stdio::dup2_stderr(stdout())?)
}

/// Ties process 1 to the monitor; false when the monitor is gone already.
pub(super) fn bind_to_monitor(link: &Link) -> bool {
    if set_parent_process_death_signal(Some(Signal::KILL)).is_err() {
        return false;
    }
    // The monitor may have died before the line above took effect: then nobody reads the link.
    let mut fds = [PollFd::new(&link.0, PollFlags::empty())];
    matches!(poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(0))
}

/// Waits for the end of `child`; kills it when its time is up, the gateway says so or is gone.
fn watch(child: Pid, stop: &OwnedFd, limit: Duration) -> io::Result<()> {
    if watch_without_killing(child, stop, limit)? {
        // It may have ended in this moment; it is not reaped, so the id is still its own.
        _ = kill_process(child, Signal::KILL);
    }
    Ok(())
}

/// Waits for the end of `child`; true when it is to be killed.
fn watch_without_killing(child: Pid, stop: &OwnedFd, limit: Duration) -> io::Result<bool> {
    let child = pidfd_open(child, PidfdFlags::empty())?;
    let gateway = stderr();
    let started = Instant::now();
    loop {
        let Some(left) = limit.saturating_add(MARGIN).checked_sub(started.elapsed()) else { return Ok(true) };
        // More seconds than the kernel can count are as good as no end.
        let left = Timespec::try_from(left).ok();
        // An error on the write end of a pipe means that its last reader is gone.
        let mut fds = [
            PollFd::new(&child, PollFlags::IN),
            PollFd::new(stop, PollFlags::IN),
            PollFd::new(&gateway, PollFlags::empty()),
        ];
        match poll(&mut fds, left.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let [child, stop, gateway] = fds.map(|fd| !fd.revents().is_empty());
        if child {
            return Ok(false);
        }
        if stop || gateway {
            return Ok(true);
        }
    }
}

/// Kills what is below `monitor` until nothing is left. Every process that loses its parent becomes
/// the monitor's child, so each round reaches those that fled in the one before.
fn kill_descendants(monitor: Pid) {
    for _ in 0..ROUNDS {
        let children = children_of(monitor);
        if children.is_empty() && wait(WaitOptions::NOHANG).is_err() {
            return;
        }
        for child in descendants(children) {
            _ = kill_process(child, Signal::KILL);
        }
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn descendants(mut found: Vec<Pid>) -> Vec<Pid> {
    let mut next = 0;
    while let Some(pid) = found.get(next).copied() {
        found.extend(children_of(pid));
        next += 1;
    }
    found
}

fn children_of(pid: Pid) -> Vec<Pid> {
    let pid = pid.as_raw_nonzero();
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|line| line.split_ascii_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<i32>>())
        .filter_map(Pid::from_raw)
        .collect()
}

/// How a process ended, in one number: its exit code, or 256 and the signal.
fn outcome(status: WaitStatus) -> i32 {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => code,
        (None, Some(signal)) => KILLED + signal,
        (None, None) => EXIT_ORPHAN,
    }
}

/// The launcher's exit code for a command that ended with `outcome`; does not return when a signal
/// ended it.
fn end_like(outcome: i32) -> i32 {
    if outcome < KILLED {
        return outcome;
    }
    // No core file of the launcher for a crash of the command.
    _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    sys::reset_signals();
    sys::raise(outcome - KILLED);
    EXIT_ORPHAN
}

/// What the gateway has for saying so itself when time is up; then it also tells the truth about why.
const MARGIN: Duration = Duration::from_secs(1);
const KILLED: i32 = 256;
/// Exit code when the tree fell apart without a status.
const EXIT_ORPHAN: i32 = 126;
/// Rounds of killing on the host, one millisecond apart at least.
const ROUNDS: usize = 2000;
