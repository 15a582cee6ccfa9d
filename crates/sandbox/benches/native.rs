//! A `true` in the embedded sandbox beside a `true` in bubblewrap, interleaved in one run, so that the
//! machine's mood falls on both. Prints the medians and their ratio; wanted: at most 3.
#![allow(clippy::disallowed_methods, reason = "a benchmark stands outside of the sandbox")]

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use stockade_core::{AgentId, Clock as _, Digest, SessionKey, SystemClock, TurnId};
use stockade_policy::testing::permit;
use stockade_policy::{Access, Backend, CallContext, ExecCall, Limits, Mount, Sender, View};
use stockade_sandbox::{ExecStatus, Executor, PATH};

fn main() {
    stockade_sandbox::enter_if_launcher();
    let folder = tempfile::tempdir().expect("a folder");
    let call = call(folder.path());
    let executor = Executor::new(Arc::new(SystemClock));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let started = Instant::now();
    let controls = stockade_sandbox::probe();
    say(&format!("probe of {} controls: {:?}", controls.len(), started.elapsed()));
    let sandbox = || {
        let output = runtime.block_on(executor.run(permit(call.clone(), SystemClock.now()), std::future::pending()));
        assert_eq!(output.map(|output| output.status), Ok(ExecStatus::Exited { code: 0 }));
    };
    let arguments = ["--unshare-all", "--ro-bind", "/", "/", "true"];
    let bubblewrap =
        || Command::new("bwrap").args(arguments).stdin(Stdio::null()).status().is_ok_and(|status| status.success());
    if !bubblewrap() {
        say("bwrap is not usable here: nothing to compare with");
        return;
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (one, other) = (timed(sandbox), timed(|| assert!(bubblewrap())));
        if round >= WARM_UP {
            ours.push(one);
            theirs.push(other);
        }
    }
    let (ours, theirs) = (median(ours), median(theirs));
    say(&format!("stockade {ours:?}, bwrap {theirs:?}, ratio {:.2}", ours.as_secs_f64() / theirs.as_secs_f64()));
}

fn timed(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn say(line: &str) {
    rustix::io::write(rustix::stdio::stdout(), format!("{line}\n").as_bytes()).expect("printed");
}

fn call(folder: &std::path::Path) -> ExecCall {
    ExecCall {
        context: CallContext {
            agent: AgentId::parse("main").expect("an id"),
            session: SessionKey::parse("agent:main:main").expect("a key"),
            sender: Sender::owner(),
            turn: TurnId::fresh(),
            call_id: "call-1".into(),
            generation: Digest::of(b"policy"),
        },
        command: "true".into(),
        cwd: "/workspace".into(),
        env: BTreeMap::from([("PATH".into(), PATH.into())]),
        programs: Vec::new(),
        operands: Vec::new(),
        unbound: None,
        view: View {
            backend: Backend::Native,
            mounts: vec![Mount { host: folder.to_owned(), target: "/workspace".into(), access: Access::Rw }],
            workdir: "/workspace".into(),
            network: false,
            hidden: Vec::new(),
            accept_degraded: Vec::new(),
            limits: Limits::default(),
        },
        background: false,
        timeout: Duration::from_secs(10),
    }
}

const ROUNDS: usize = 220;
const WARM_UP: usize = 20;
