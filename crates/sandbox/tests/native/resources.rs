//! What a command takes from the machine: memory before the gateway's, and not the last of the disk.

use std::process::Command;
use std::time::Duration;

use stockade_policy::ProcessAction;
use stockade_sandbox::{ExecStatus, ProcessOutput, Refusal};

use crate::support::{Bench, dies, mark, trials};

trials! {
    the_kernel_takes_memory_from_the_sandbox_first
    a_full_disk_stops_what_fills_it
}

fn the_kernel_takes_memory_from_the_sandbox_first() {
    let own = std::fs::read_to_string("/proc/self/oom_score_adj").expect("read");
    assert_ne!(own, "1000\n", "the bait: the gateway is not the first choice itself");
    for bench in [Bench::new(), Bench::new().on_host()] {
        let output = bench.run("cat /proc/self/oom_score_adj; cat /proc/1/oom_score_adj 2> /dev/null");
        assert_eq!(output.output.lines().next(), Some("1000"), "{:?}", bench.call.view.backend);
    }
    let bench = Bench::new();
    let output = bench.run("cat /proc/1/oom_score_adj; for adj in 0 -1000; do (echo $adj > /proc/self/oom_score_adj) && echo GOT; done; true");
    assert!(output.output.starts_with("1000\n") && !output.output.contains("GOT"), "{}", output.output);
}

fn a_full_disk_stops_what_fills_it() {
    // On a file system of the test's own, with 400 MiB; nothing else writes there.
    let program = std::env::current_exe().expect("a program");
    let folder = tempfile::tempdir().expect("a folder");
    let script = format!("mount -t tmpfs -o size=400m none \"$1\" && TMPDIR=\"$1\" exec \"$0\" {ROLE} ");
    let output = Command::new("unshare")
        .args(["-U", "-r", "-m", "sh", "-c", &script])
        .args([&program, folder.path()])
        .output()
        .expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    assert!(output.status.success(), "{}{}", text(output.stdout), text(output.stderr));
    assert_eq!(text(output.stdout), "held\n");
}

/// Plays the gateway on the small disk.
pub(crate) fn play_role() -> bool {
    if std::env::args().nth(1).as_deref() != Some(ROLE) {
        return false;
    }
    let mut bench = Bench::new();
    bench.call.view.accept_degraded = vec!["rlimits".into()];
    assert_eq!(bench.run("echo fine").status, ExecStatus::Exited { code: 0 });
    let is_full = |refused: &Result<_, Refusal>| match refused {
        Err(refusal @ Refusal::Full { folder, .. }) => {
            assert_eq!(folder.to_str(), Some("/workspace"));
            assert!(refusal.to_string().contains("/workspace"), "{refusal}");
            true
        }
        _ => false,
    };
    let mark = &mark(5710);
    let filling = format!("(setsid sleep {mark} &) ; head -c 200M /dev/zero > big; sleep {mark}");
    let stopped = bench.try_run(&filling);
    assert!(is_full(&stopped), "{stopped:?}");
    assert!(dies(mark), "the whole tree is gone");
    let refused = bench.try_run("touch ran");
    assert!(is_full(&refused) && !bench.path("ws/ran").exists(), "{refused:?}");
    std::fs::remove_file(bench.path("ws/big")).expect("removed");
    let id = bench.start(&filling);
    let mut heard = String::new();
    let ended = loop {
        match bench.process("agent:main:main", ProcessAction::Poll { id: id.clone() }) {
            Ok(ProcessOutput::Poll { info, output, .. }) => {
                heard.push_str(&output);
                if let Some(ended) = info.ended {
                    break ended;
                }
            }
            other => panic!("{other:?}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(ended, ExecStatus::Cancelled);
    assert!(heard.contains("/workspace") && heard.contains("must stay free"), "{heard}");
    rustix::io::write(rustix::stdio::stdout(), b"held\n").expect("told");
    true
}

const ROLE: &str = "--play-small-disk";
