//! What the gate pays for one exec decision with its record on the disk: the lock read, the call judged, the record
//! appended. Beside a raw write and `fdatasync` of the same bytes by as many threads in the same run. Prints;
//! judges nothing.
#![allow(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stockade_config::{Env, Paths, load, write_new};
use stockade_core::{Redactor, SessionKey, Stage, SystemClock, TurnId};
use stockade_policy::call::{CallContext, ExecCall, Executable};
use stockade_policy::{Bound as _, Judge, Lock, Policy, Sender, environment};
use stockade_store::containment;
use stockade_store::journal::{self, Entry, Journal};

fn main() {
    let folder = folder();
    let policy = policy(folder.path());
    println!("{:<44} {:>9} {:>9} {:>9} {:>9}", "µs", "p50", "p99", "max", "per s");
    for threads in [1, 16] {
        compare(&policy, threads);
    }
}

/// As many threads decide and record as write and sync a file.
fn compare(policy: &Policy, threads: usize) {
    let folder = folder();
    let journal = Journal::open(folder.path(), Redactor::new([]), Arc::new(SystemClock)).expect("opens");
    let call = call(policy);
    let (decisions, took) = together(threads, || decide(policy, folder.path(), &journal, call.clone()));
    drop(journal);
    let records = journal::verify(folder.path()).expect("verifies").records;
    assert_eq!(records, (ROUNDS / threads * threads) as u64 + (WARM_UP * threads) as u64, "every decision is recorded");
    let written = std::fs::metadata(folder.path().join(journal::FILE)).expect("there").len();
    let line = vec![b'x'; usize::try_from(written / records).expect("short")];
    let file = raw(&folder.path().join("raw"));
    let (writes, raw_took) = together(threads, || {
        (&file).write_all(&line).expect("writes");
        file.sync_data().expect("syncs");
    });
    row(&format!("decision and record, {threads} at a time"), &decisions, took);
    row(&format!("{} bytes and fdatasync, {threads} at a time", line.len()), &writes, raw_took);
    let ratio = |percent| percentile(&decisions, percent) / percentile(&writes, percent);
    println!("{:<44} {:>9.2} {:>9.2}", "  ratio", ratio(50), ratio(99));
}

/// What `turn/gate.rs` does up to the point where a permit could be minted.
fn decide(policy: &Policy, data: &Path, journal: &Journal, call: ExecCall) {
    let lock = match containment::read(data) {
        containment::Lock::Released => Lock::Released,
        odd => panic!("{odd:?}"),
    };
    let judged = Judge::new(policy, &lock).exec(call);
    let context = &judged.call().context;
    let entry = Entry {
        turn: Some(context.turn.clone()),
        session: Some(context.session.clone()),
        agent: Some(context.agent.clone()),
        decision: Some(judged.decision().clone()),
        digest: Some(judged.call().digest()),
        detail: serde_json::json!({}),
        ..Entry::new(Stage::Decision, "device 0123456789ab (cli)")
    };
    journal.append(entry).expect("recorded");
}

/// Runs `act` [`ROUNDS`] times from several threads after a warm-up; the time of each, sorted, and of all.
fn together(threads: usize, act: impl Fn() + Sync) -> (Vec<Duration>, Duration) {
    let timed = || {
        let start = Instant::now();
        act();
        start.elapsed()
    };
    let rounds = |count: usize| -> Vec<Duration> {
        std::thread::scope(|scope| {
            let one = || (0..count).map(|_| timed()).collect::<Vec<_>>();
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
            running.into_iter().flat_map(|thread| thread.join().expect("ran")).collect()
        })
    };
    rounds(WARM_UP);
    let start = Instant::now();
    let mut times = rounds(ROUNDS / threads);
    let took = start.elapsed();
    times.sort_unstable();
    (times, took)
}

fn row(name: &str, times: &[Duration], took: Duration) {
    let per_second = times.len() as f64 / took.as_secs_f64();
    let [p50, p99, max] = [50, 99, 100].map(|percent| percentile(times, percent));
    println!("{name:<44} {p50:>9.1} {p99:>9.1} {max:>9.1} {per_second:>9.0}");
}

/// In microseconds.
fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    sorted[(sorted.len() - 1) * percent / 100].as_secs_f64() * 1e6
}

fn policy(state: &Path) -> Policy {
    let paths = Paths { home: Some("/home/op".into()), ..Paths::in_state_dir(state) };
    let config = "{tools:{exec:{security:'allowlist',ask:'on-miss'}},\
        agents:{defaults:{workspace:'/ws',sandbox:{mode:'all',scope:'session',workspaceAccess:'none'}}}}";
    write_new(&paths.config, config).expect("written");
    let loaded = load(&paths, &Env::default()).expect("a valid config");
    Policy::compile(&loaded, None).expect("compiles")
}

fn call(policy: &Policy) -> ExecCall {
    let agent = policy.default_agent().expect("an agent");
    let session = SessionKey::main(&agent.id);
    let view = agent.view(&session);
    let found = |word: &str| Executable {
        word: word.to_owned(),
        path: Some(Path::new("/usr/bin").join(word)),
        identity: Some([1, 2, 3, 4]),
    };
    ExecCall {
        context: CallContext {
            agent: agent.id.clone(),
            session,
            sender: Sender::owner(),
            turn: TurnId::fresh(),
            call_id: "call_1".to_owned(),
            generation: policy.generation,
        },
        command: "ls -la src | grep -n \"fn main\" | wc -l".to_owned(),
        cwd: view.workdir.clone(),
        env: environment::build_env(&BTreeMap::new(), "/home/sandbox").expect("the base is allowed"),
        programs: ["ls", "grep", "wc"].map(found).to_vec(),
        operands: Vec::new(),
        unbound: None,
        view,
        background: false,
        timeout: Duration::from_secs(120),
    }
}

fn raw(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).expect("opens")
}

/// On the disk that the build is on: `/tmp` may be memory, where a sync costs nothing.
fn folder() -> tempfile::TempDir {
    let private = std::fs::Permissions::from_mode(0o700);
    tempfile::Builder::new().permissions(private).tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}

const ROUNDS: usize = 3200;
const WARM_UP: usize = 20;
