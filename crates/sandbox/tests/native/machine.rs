//! A machine that lacks something: it is named, and nothing runs unless the operator accepted it.
//! The lack is real: a user namespace in which the kernel gives out no network namespaces.

use std::process::Command;

use stockade_sandbox::{Refusal, State, probe};

use crate::support::{Bench, trials};

trials! {
    a_missing_control_is_named_and_refused
    a_missing_view_cannot_be_accepted
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
    let program = std::env::current_exe().expect("a program");
    let script = format!("echo 0 > /proc/sys/user/{limit} && exec \"$0\" {ROLE} {control}");
    let output =
        Command::new("unshare").args(["-U", "-r", "sh", "-c", &script]).arg(program).output().expect("it runs");
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
        told.push_str(&match bench.try_run("echo ran") {
            Ok(output) if output.degraded.iter().any(|line| line.starts_with(control)) => {
                format!("{} and said {control}\n", output.output.trim())
            }
            Ok(output) => format!("ran silently: {output:?}\n"),
            Err(Refusal::Control { id, .. }) => format!("refused {id}\n"),
            Err(other) => format!("{other}\n"),
        });
    }
    rustix::io::write(rustix::stdio::stdout(), told.as_bytes()).expect("told");
    true
}

const ROLE: &str = "--play-limited-machine";
