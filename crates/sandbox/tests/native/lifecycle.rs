//! Nothing outlives its right to run: not the command's end, its time, the caller, the session or the
//! gateway. Each process is marked by an argument and looked for on the host.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use stockade_core::{Clock as _, SessionKey, SystemClock, Timestamp};
use stockade_policy::ProcessAction;
use stockade_policy::testing::permit;
use stockade_sandbox::{ExecStatus, MAX_BACKGROUND, ProcessOutput, Refusal};

use crate::support::{Bench, alive, dies, lives, mark, trials};

trials! {
    a_daemon_dies_with_its_command
    time_runs_out_for_the_whole_tree
    cancelling_kills_the_whole_tree
    dropping_the_call_kills_the_whole_tree
    the_sandbox_dies_with_the_gateway
    the_command_cannot_keep_its_gateway_alive
    time_runs_out_without_the_gateway
    a_session_is_killed_as_a_whole
    another_sessions_processes_do_not_exist
    background_processes_are_few
    dropping_the_executor_kills_everything
    an_old_permit_runs_nothing
}

fn daemon(mark: &str) -> String {
    format!("setsid sh -c 'sleep {mark} & exec setsid sleep {mark}' > /dev/null 2>&1 &")
}

fn a_daemon_dies_with_its_command() {
    let mark = &mark(5510);
    let bench = Bench::new();
    let output = bench.run(&format!("{} sleep 0.2; ls /proc | grep -c '^[0-9]'", daemon(mark)));
    assert!(
        output.output.trim().parse::<u32>().is_ok_and(|count| count > 4),
        "the daemon was there: {}",
        output.output
    );
    assert!(output.duration < Duration::from_secs(5));
    assert_eq!(alive(mark), 0);
}

fn time_runs_out_for_the_whole_tree() {
    let mark = &mark(5520);
    let mut bench = Bench::new();
    bench.call.timeout = Duration::from_millis(400);
    let started = Instant::now();
    let output = bench.run(&format!("{} trap '' TERM INT HUP; echo started; sleep {mark}", daemon(mark)));
    assert_eq!((output.status, output.output.as_str()), (ExecStatus::TimedOut, "started\n"));
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(alive(mark), 0);
    // The view's limit holds when the call asks for more.
    bench.call.timeout = Duration::from_secs(3600);
    bench.call.view.limits.wall = Duration::from_millis(300);
    assert_eq!(bench.run("sleep 5").status, ExecStatus::TimedOut);
}

fn cancelling_kills_the_whole_tree() {
    let mark = &mark(5530);
    let bench = Bench::new();
    let mut call = bench.call.clone();
    call.command = format!("{} sleep {mark}", daemon(mark));
    let output = bench.block_on(async {
        fn can_move_between_threads<F: Future + Send>(future: F) -> F {
            future
        }
        let cancel = tokio::time::sleep(Duration::from_millis(400));
        can_move_between_threads(bench.executor.run(permit(call, SystemClock.now()), cancel)).await
    });
    assert_eq!(output.map(|output| output.status), Ok(ExecStatus::Cancelled));
    assert_eq!(alive(mark), 0);
}

fn dropping_the_call_kills_the_whole_tree() {
    let mark = &mark(5540);
    for bench in [Bench::new(), Bench::new().on_host()] {
        let mut call = bench.call.clone();
        call.command = format!("{} sleep {mark}", daemon(mark));
        bench.block_on(async {
            let run = bench.executor.run(permit(call, SystemClock.now()), std::future::pending());
            assert!(tokio::time::timeout(Duration::from_millis(400), run).await.is_err());
        });
        assert!(dies(mark), "{:?}", bench.call.view.backend);
    }
}

fn the_sandbox_dies_with_the_gateway() {
    for (number, backend) in [(5550, "native"), (5551, "host")] {
        let mark = &mark(number);
        let mut gateway = gateway(backend, &daemon_and(&format!("sleep {mark}"), mark), 120, None);
        assert!(lives(mark), "{backend}");
        gateway.kill().expect("SIGKILL");
        gateway.wait().expect("dead");
        assert!(dies(mark), "{backend}");
    }
}

/// The gateway may run as root, or as a user who can reopen every pipe of the launcher that he gets to
/// see: the command then holds both ends of its own output.
fn the_command_cannot_keep_its_gateway_alive() {
    let nobody = rustix::process::geteuid().is_root().then_some(65534);
    for (number, user) in [(5552, None), (5554, nobody)] {
        for (number, backend) in [(number, "native"), (number + 1, "host")] {
            let mark = &mark(number);
            let grip = "for fd in 0 1 2; do \
                          (: < /proc/self/fd/$fd) 2> /dev/null && eval \"exec 1$fd< /proc/self/fd/$fd\"; \
                          (: > /proc/self/fd/$fd) 2> /dev/null && eval \"exec 2$fd> /proc/self/fd/$fd\"; \
                        done";
            let inner = format!("/bin/bash -c '{grip}; sleep {mark} & sleep {mark}'");
            let mut gateway = gateway(backend, &inner, 120, user);
            assert!(lives(mark), "{backend} {user:?}");
            std::thread::sleep(Duration::from_millis(300));
            gateway.kill().expect("SIGKILL");
            gateway.wait().expect("dead");
            assert!(dies(mark), "{backend} {user:?}");
        }
    }
}

fn time_runs_out_without_the_gateway() {
    for (number, backend) in [(5556, "native"), (5557, "host")] {
        let mark = &mark(number);
        let mut gateway = gateway(backend, &daemon_and(&format!("sleep {mark}"), mark), 1, None);
        let pid = rustix::process::Pid::from_child(&gateway);
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).expect("stopped");
        assert!(lives(mark), "{backend}");
        assert!(dies(mark), "{backend}");
        gateway.kill().expect("SIGKILL");
        gateway.wait().expect("dead");
    }
}

fn daemon_and(command: &str, mark: &str) -> String {
    format!("{} {command}", daemon(mark))
}

/// A gateway of its own that has started `command` in the background.
fn gateway(backend: &str, command: &str, seconds: u64, user: Option<u32>) -> std::process::Child {
    let program = std::env::current_exe().expect("a program");
    let mut gateway = Command::new(program);
    // Not by an argument: the mark in it would be found on the gateway itself.
    gateway.args([ROLE, backend, &seconds.to_string()]).env(ROLE, command).stdout(Stdio::piped());
    if let Some(user) = user {
        gateway.uid(user).gid(user);
    }
    let mut gateway = gateway.spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(gateway.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    assert_eq!(line, "started\n");
    gateway
}

/// Plays the gateway that is killed.
pub(crate) fn play_role() -> bool {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).map(String::as_str) != Some(ROLE) {
        return false;
    }
    let mut bench = Bench::new();
    bench.call.timeout = Duration::from_secs(arguments[3].parse().expect("seconds"));
    let bench = if arguments[2] == "host" { bench.on_host() } else { bench };
    bench.start(&std::env::var(ROLE).expect("a command"));
    // The test reads one line; the harness prints nothing in this role.
    rustix::io::write(rustix::stdio::stdout(), b"started\n").expect("told");
    loop {
        std::thread::sleep(Duration::from_secs(60));
    }
}

fn a_session_is_killed_as_a_whole() {
    let mark = &mark(5560);
    let bench = Bench::new();
    bench.start(&format!("{} sleep {mark}", daemon(mark)));
    let executor = bench.executor.clone();
    let mut call = bench.call.clone();
    call.command = format!("sleep {mark}");
    let killed = bench.block_on(async {
        let run = executor.run(permit(call, SystemClock.now()), std::future::pending());
        let kill = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert!(alive(mark) >= 3);
            let other = SessionKey::parse("agent:main:other").expect("a key");
            assert_eq!(executor.kill_session(&other).await, 0);
            assert!(alive(mark) >= 3, "another session's kill touches nothing");
            executor.kill_session(&SessionKey::parse("agent:main:main").expect("a key")).await
        };
        let (output, killed) = tokio::join!(run, kill);
        assert_eq!(output.map(|output| output.status), Ok(ExecStatus::Cancelled));
        killed
    });
    assert_eq!(killed, 2);
    assert_eq!(alive(mark), 0);
}

fn another_sessions_processes_do_not_exist() {
    let mark = &mark(5570);
    let bench = Bench::new();
    let id = bench.start(&format!("sleep {mark}"));
    assert!(lives(mark));
    let stranger = "agent:main:other";
    for action in [
        ProcessAction::Poll { id: id.clone() },
        ProcessAction::Write { id: id.clone(), data: "x".into() },
        ProcessAction::Kill { id },
    ] {
        assert!(matches!(bench.process(stranger, action), Err(Refusal::Process { .. })));
    }
    assert_eq!(bench.process(stranger, ProcessAction::List), Ok(ProcessOutput::List { processes: Vec::new() }));
    assert!(alive(mark) >= 1, "it still runs");
}

fn background_processes_are_few() {
    let mark = &mark(5580);
    let bench = Bench::new();
    let ids: Vec<String> = (0..MAX_BACKGROUND).map(|_| bench.start(&format!("sleep {mark}"))).collect();
    let mut call = bench.call.clone();
    (call.command, call.background) = (format!("sleep {mark}"), true);
    let refused = bench.block_on(bench.executor.run(permit(call, SystemClock.now()), std::future::pending()));
    assert!(matches!(refused, Err(Refusal::Process { .. })), "{refused:?}");
    bench.process("agent:main:main", ProcessAction::Kill { id: ids[3].clone() }).expect("killed");
    bench.start(&format!("sleep {mark}"));
    assert_eq!(bench.block_on(bench.executor.kill_all()), MAX_BACKGROUND);
    assert_eq!(alive(mark), 0);
}

fn dropping_the_executor_kills_everything() {
    let mark = &mark(5590);
    let bench = Bench::new();
    bench.start(&format!("{} sleep {mark}", daemon(mark)));
    assert!(lives(mark));
    drop(bench);
    assert!(dies(mark));
}

fn an_old_permit_runs_nothing() {
    let bench = Bench::new();
    let mut call = bench.call.clone();
    call.command = "touch ran".into();
    let old = permit(call, Timestamp(0));
    let refused = bench.block_on(bench.executor.run(old, std::future::pending()));
    assert!(matches!(refused, Err(Refusal::Permit { .. })));
    assert!(!bench.path("ws/ran").exists());
}

const ROLE: &str = "--play-gateway";
