//! A machine that lacks something: it is named, and nothing runs unless the operator accepted it.
//! The lack is real: a user namespace in which the kernel gives out no network namespaces.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use stockade_sandbox::{Refusal, State, probe};

use crate::support::{Bench, trials};

trials! {
    a_missing_control_is_named_and_refused
    a_missing_view_cannot_be_accepted
    uncounted_processes_are_refused
    devices_of_the_host_keep_their_mode
}

fn a_missing_control_is_named_and_refused() {
    assert_eq!(
        limited("max_net_namespaces", "net-namespace"),
        "degraded net-namespace\nrefused net-namespace\nran and said net-namespace\n"
    );
}

fn a_missing_view_cannot_be_accepted() {
    let told = limited("max_mnt_namespaces", "mount-namespace");
    assert!(told.ends_with("refused mount-namespace\nrefused mount-namespace\n"), "{told}");
}

/// What this program finds where `limit` is zero.
fn limited(limit: &str, control: &str) -> String {
    let script = format!("echo 0 > /proc/sys/user/{limit} && exec \"$0\" {ROLE} {control} 'echo ran'");
    // The machine's root would lack more than that: his processes are not counted.
    within(rustix::process::geteuid().is_root().then_some(65534), &script)
}

/// Where the gateway is root without power over the machine. When it is the machine's own root, the
/// kernel does not count what it starts, and it owns the devices.
fn uncounted_processes_are_refused() {
    let told = within(None, &format!("exec \"$0\" {ROLE} rlimits 'echo ran'"));
    if rustix::process::geteuid().is_root() {
        assert_eq!(told, "degraded rlimits\nrefused rlimits\nran and said rlimits\n");
    } else {
        assert_eq!(told, "ran silently\nran silently\n", "root of a namespace is counted as the user that it is");
    }
}

fn devices_of_the_host_keep_their_mode() {
    let mode = || rustix::fs::stat("/dev/full").expect("it is there").st_mode;
    let before = mode();
    let attack = "chmod 600 /dev/full 2> /dev/null && echo GOT; touch /dev/full 2> /dev/null && echo GOT; \
                  echo x > /dev/null; head -c 3 /dev/zero | wc -c; (echo x > /dev/full) 2> /dev/null || echo ran";
    let told = within(None, &format!("exec \"$0\" {ROLE} rlimits '{attack}'"));
    let after = mode();
    if after != before {
        rustix::fs::chmod("/dev/full", rustix::fs::Mode::from_raw_mode(before)).expect("put back");
    }
    assert_eq!(after, before);
    assert!(told.contains("3\nran") && !told.contains("GOT"), "{told}");
}

/// What `script` says as root of a user namespace that `user` made; `$0` is this program.
fn within(user: Option<u32>, script: &str) -> String {
    let program = std::env::current_exe().expect("a program");
    let mut command = Command::new("unshare");
    command.args(["-U", "-r", "sh", "-c", script]).arg(program);
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8(output.stderr).expect("text"));
    String::from_utf8(output.stdout).expect("text")
}

/// Plays the gateway on the limited machine.
pub(crate) fn play_role() -> bool {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).map(String::as_str) != Some(ROLE) {
        return false;
    }
    let control = &arguments[2];
    let mut told = String::new();
    for found in probe() {
        if found.id == control && found.state != State::Active {
            told.push_str(&format!("degraded {control}\n"));
        }
    }
    let mut bench = Bench::new();
    for accepted in [false, true] {
        if accepted {
            bench.call.view.accept_degraded = vec![control.clone()];
        }
        told.push_str(&match bench.try_run(&arguments[3]) {
            Ok(output) if output.degraded.iter().any(|line| line.starts_with(control)) => {
                format!("{} and said {control}\n", output.output.trim())
            }
            Ok(output) if output.degraded.is_empty() => format!("{} silently\n", output.output.trim()),
            Ok(output) => format!("{output:?}\n"),
            Err(Refusal::Control { id, .. }) => format!("refused {id}\n"),
            Err(other) => format!("{other}\n"),
        });
    }
    rustix::io::write(rustix::stdio::stdout(), told.as_bytes()).expect("told");
    true
}

const ROLE: &str = "--play-limited-machine";
