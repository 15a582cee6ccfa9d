//! Nothing outlives its right to run: not the command's end, its time, the caller, the session or the
//! gateway. Each process is marked by an argument and looked for on the host.

use std::io::{BufRead as _, BufReader};
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
        let program = std::env::current_exe().expect("a program");
        let mut gateway =
            Command::new(program).args([ROLE, backend, mark]).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(gateway.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        assert_eq!(line, "started\n");
        assert!(lives(mark), "{backend}");
        gateway.kill().expect("SIGKILL");
        gateway.wait().expect("dead");
        assert!(dies(mark), "{backend}");
    }
}

/// Plays the gateway that is killed.
pub(crate) fn play_role() -> bool {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).map(String::as_str) != Some(ROLE) {
        return false;
    }
    let bench = Bench::new();
    let bench = if arguments[2] == "host" { bench.on_host() } else { bench };
    let mark = &arguments[3];
    bench.start(&format!("{} sleep {mark}", daemon(mark)));
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
