//! What one exec decision costs, beside parsing the JSON of the same call in the same run: an ordinary pipeline,
//! and what a hostile model would send to make the judge slow. `decided` is the judge alone; `settled` adds the
//! digest that binds the permit. Prints; judges nothing.
#![allow(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use stockade_config::{Env, Paths, approvals_file, load, write_new};
use stockade_core::{SessionKey, Timestamp, TurnId};
use stockade_policy::call::{CallContext, ExecCall, Executable};
use stockade_policy::command::{MAX_COMMAND, analyze};
use stockade_policy::{Judge, Lock, Policy, Sender, environment};

fn main() {
    let policy = policy();
    println!(
        "{:<34} {:>7} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "µs", "verdict", "decided50", "decided99", "settled50", "settled99", "parse99", "ratio99"
    );
    for (name, command, wanted) in cases() {
        compare(&policy, name, &command, wanted);
    }
}

/// The commands, each with the verdict that it must get: a number for the wrong answer is worth nothing.
fn cases() -> [(&'static str, String, &'static str); 8] {
    let pipeline = "ls -la src | grep -n \"fn main\" | wc -l".to_owned();
    let full = |head: &str, piece: &str| {
        let times = (MAX_COMMAND - head.len()) / piece.len();
        format!("{head}{}", piece.repeat(times))
    };
    [
        ("3 programs, allowlisted", pipeline, "allow"),
        ("3 programs, one not listed", "ls | sort -u | frobnicate --all".to_owned(), "ask"),
        ("200 bytes: 15 turns of loops", turns(), "allow"),
        ("32 KiB: one program, 16 Ki words", full("ls", " a"), "ask"),
        ("32 KiB: one word", full("ls ", "a"), "allow"),
        ("32 KiB: 10 Ki programs", full("ls", ";ls"), "ask"),
        ("32 KiB: 1 Ki spellings of one", spellings(), "ask"),
        ("over 32 KiB", "a".repeat(MAX_COMMAND + 1), "ask"),
    ]
}

/// As many turns as a loop may have.
fn turns() -> String {
    let pad = "y".repeat(110);
    format!("for a in 1 2 3; do for b in 1 2 3 4; do ls \"$a$b\" {pad}; done; done")
}

/// `/usr/bin/ls` in as many ways as fit: `//` and `/./` mean the same as `/`, so each is another word for one program.
fn spellings() -> String {
    let mut command = String::new();
    for number in 0_u32.. {
        let slashes = (0..11).map(|bit| if number >> bit & 1 == 0 { "//" } else { "/." });
        let word = format!("/usr{}/bin/ls", slashes.collect::<String>());
        if command.len() + word.len() + 1 > MAX_COMMAND {
            break;
        }
        if !command.is_empty() {
            command.push(';');
        }
        command.push_str(&word);
    }
    command
}

fn compare(policy: &Policy, name: &str, command: &str, wanted: &str) {
    let call = call(policy, command);
    let judge = Judge::new(policy, &Lock::Released);
    let verdict = judge.exec(call.clone()).decision().verdict();
    assert_eq!(verdict, wanted, "{name}");
    let json = serde_json::json!({ "name": "exec", "arguments": { "command": command } }).to_string();
    let rounds = if command.len() < 1024 { 50_000 } else { 500 };
    let decided = sample(rounds, || call.clone(), |call| judge.exec(call));
    let settled = sample(rounds, || call.clone(), |call| judge.exec(call).settle(Timestamp(1)));
    let parse = sample(rounds, || (), |()| serde_json::from_str::<serde_json::Value>(&json).expect("JSON"));
    println!(
        "{name:<34} {verdict:>7} {:>9.1} {:>9.1} {:>9.1} {:>9.1} {:>9.1} {:>9.1}",
        percentile(&decided, 50),
        percentile(&decided, 99),
        percentile(&settled, 50),
        percentile(&settled, 99),
        percentile(&parse, 99),
        percentile(&decided, 99) / percentile(&parse, 99),
    );
}

/// The time of `act` alone, sorted: its input is made, and its result dropped, outside of it.
fn sample<I, O>(rounds: usize, make: impl Fn() -> I, act: impl Fn(I) -> O) -> Vec<Duration> {
    let mut times: Vec<Duration> = (0..rounds + rounds / 10)
        .map(|_| {
            let input = black_box(make());
            let start = Instant::now();
            let output = act(input);
            let took = start.elapsed();
            drop(black_box(output));
            took
        })
        .skip(rounds / 10)
        .collect();
    times.sort_unstable();
    times
}

/// In microseconds.
fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    sorted[(sorted.len() - 1) * percent / 100].as_secs_f64() * 1e6
}

/// The embedded default, with `ask` at `on-miss`, and an allowlist of a usual size.
fn policy() -> Policy {
    let folder = tempfile::tempdir().expect("a folder");
    let paths = Paths { home: Some("/home/op".into()), ..Paths::in_state_dir(folder.path()) };
    let config = "{tools:{exec:{security:'allowlist',ask:'on-miss'},deny:['browser','canvas']},\
        agents:{defaults:{workspace:'/ws',sandbox:{mode:'all',scope:'session',workspaceAccess:'ro'}}}}";
    write_new(&paths.config, config).expect("written");
    let programs = "cat cut date df diff du echo file grep head id ls nl od pwd sort stat tail tr uniq wc";
    let patterns = programs.split(' ').map(|name| serde_json::json!({ "pattern": format!("/usr/bin/{name}") }));
    let list = serde_json::json!({ "version": 1, "agents": { "main": { "allowlist": patterns.collect::<Vec<_>>() } } });
    write_new(&paths.state.join("exec-approvals.json"), &list.to_string()).expect("written");
    let approvals = approvals_file(&paths).expect("readable approvals");
    let loaded = load(&paths, &Env::default()).expect("a valid config");
    Policy::compile(&loaded, approvals.as_ref()).expect("compiles")
}

/// The call as the gateway prepares it, with every program found in `/usr/bin`.
fn call(policy: &Policy, command: &str) -> ExecCall {
    let agent = policy.default_agent().expect("an agent");
    let session = SessionKey::main(&agent.id);
    let file = |word: &str| Path::new("/usr/bin").join(PathBuf::from(word).file_name().expect("a name"));
    let found = |word: &str| Executable { word: word.to_owned(), path: Some(file(word)), identity: Some([1, 2, 3, 4]) };
    let view = agent.view(&session);
    ExecCall {
        context: CallContext {
            agent: agent.id.clone(),
            session,
            sender: Sender::owner(),
            turn: TurnId::fresh(),
            call_id: "call_1".to_owned(),
            generation: policy.generation,
        },
        command: command.to_owned(),
        cwd: view.workdir.clone(),
        env: environment::build_env(&BTreeMap::new(), "/home/sandbox").expect("the base is allowed"),
        programs: analyze(command).programs().map(found).collect(),
        operands: Vec::new(),
        unbound: None,
        view,
        background: false,
        timeout: Duration::from_secs(120),
    }
}
