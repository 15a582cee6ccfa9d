//! What the end-to-end tests share: homes that are thrown away, the real binary in them, and a model
//! server that plays a script. Everything is a process of its own; nothing of this process is in the
//! way of a message.
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod model;
pub mod raw;

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stockade_core::{Secret, TurnId};
use stockade_gateway::client::{Client, Event};

/// How long a condition may take to come true on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The token of every prepared home: random once, so that a leak of it can be searched for.
pub const TOKEN: &str = "9c1f0b7a5e38d24611fa0c93b7e2d85f40a6c97be1138d52f6077ae4c9b1d305";

/// A home directory and a state directory in it, both thrown away at the end.
pub struct Home {
    root: tempfile::TempDir,
    pub port: u16,
}

/// A finished command.
#[derive(Debug)]
pub struct Ran {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// A running gateway; killed when dropped.
pub struct Up {
    child: Child,
    pub address: SocketAddr,
    said: Arc<Mutex<String>>,
}

impl Home {
    /// A home in which nothing was ever started.
    pub fn empty() -> Self {
        let root = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(root.path().join("home")).expect("a home");
        Self { root, port: free_port() }
    }

    /// A home on the hardened baseline, with the model of the default agent at `model`.
    pub fn baseline(model: &str) -> Self {
        let home = Self::empty();
        stockade_config::create_state_dir(&home.state()).expect("a state directory");
        let config = stockade_config::baseline(home.port, &Secret::new(TOKEN));
        home.write("openclaw.json", &config);
        home.write("stockade.json", stockade_config::own_baseline());
        home.edit("openclaw.json", "http://127.0.0.1:8080/v1", &format!("{model}/v1"));
        home
    }

    /// A home with this `openclaw.json` and nothing else.
    pub fn with_config(config: &str) -> Self {
        let home = Self::empty();
        stockade_config::create_state_dir(&home.state()).expect("a state directory");
        home.write("openclaw.json", &config.replace("PORT", &home.port.to_string()));
        home
    }

    pub fn path(&self) -> PathBuf {
        self.root.path().join("home")
    }

    pub fn state(&self) -> PathBuf {
        self.path().join(".openclaw")
    }

    /// The folder of the journal, the transcripts and the lock.
    pub fn data(&self) -> PathBuf {
        self.state().join("stockade")
    }

    pub fn workspace(&self) -> PathBuf {
        self.state().join("workspace")
    }

    /// A file of the state directory, made or replaced, private.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.state().join(name);
        let next = self.state().join(format!(".{name}.next"));
        fs::write(&next, text).expect("written");
        fs::set_permissions(&next, fs::Permissions::from_mode(0o600)).expect("private");
        fs::rename(&next, path).expect("in place");
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.state().join(name)).expect("a readable file")
    }

    /// Replaces a piece of a config, which must be there.
    pub fn edit(&self, name: &str, old: &str, new: &str) {
        let text = self.read(name);
        assert!(text.contains(old), "{name} has no {old:?}");
        self.write(name, &text.replace(old, new));
    }

    /// The binary in this home, with nothing of this process's environment but the search path.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.program(Path::new(env!("CARGO_BIN_EXE_stockade")), arguments)
    }

    /// Any program in this home, in the same scrubbed environment.
    pub fn program(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.path()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("TMPDIR", self.root.path()).current_dir(self.path()).args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs the binary to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        finish(self.command(arguments), PATIENCE)
    }

    /// The operator, whose gateway is down, accepts the config that stands there.
    pub fn accept(&self) {
        let review = self.run(&["config", "accept", "--json"]);
        let review: Value = serde_json::from_str(&review.stdout).expect("JSON");
        let accepted = self.run(&["config", "accept", review["generation"].as_str().expect("a name")]);
        assert!(accepted.status.success(), "{accepted:?}");
    }

    /// Starts the gateway and waits until it listens.
    pub fn up(&self) -> Up {
        Up::start(self.command(&["up"]))
    }

    /// Everything that stands below the state directory, except the config that holds the token, and its record.
    pub fn written(&self) -> String {
        let mut text = String::new();
        collect(&self.state(), &mut text);
        text
    }
}

impl Up {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let said = Arc::new(Mutex::new(String::new()));
        let follow = |stream: Box<dyn Read + Send>| {
            let said = Arc::clone(&said);
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let mut said = said.lock().expect("not poisoned");
                    said.push_str(&line);
                    said.push('\n');
                }
            })
        };
        follow(Box::new(child.stderr.take().expect("a pipe")));
        follow(Box::new(child.stdout.take().expect("a pipe")));
        let mut up = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), said };
        wait_until("the gateway listens", || {
            if let Some(status) = up.child.try_wait().expect("a child") {
                // The last lines may still be on their way through the pipe.
                std::thread::sleep(Duration::from_millis(100));
                panic!("the gateway ended with {status}:\n{}", up.said());
            }
            up.said().contains("clients: openclaw")
        });
        let said = up.said();
        let address = said.split("listening on ws://").nth(1).and_then(|rest| rest.split_whitespace().next());
        up.address = address.expect("an address").parse().expect("an address");
        up
    }

    /// What it printed so far, both streams.
    pub fn said(&self) -> String {
        self.said.lock().expect("not poisoned").clone()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM and waits for the end.
    pub fn terminate(mut self) -> (ExitStatus, Duration, String) {
        let started = Instant::now();
        let killed = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill");
        assert!(killed.success());
        let mut status = None;
        wait_until("the gateway stops", || {
            status = self.child.try_wait().expect("a child");
            status.is_some()
        });
        (status.expect("ended"), started.elapsed(), self.said())
    }

    /// A connection as the operator, with these scopes.
    pub async fn client(&self, scopes: &[&str]) -> Client {
        Client::connect(self.address, Some(&Secret::new(TOKEN)), scopes).await.expect("a connection")
    }

    pub async fn operator(&self) -> Client {
        self.client(&["operator.admin"]).await
    }

    /// One HTTP request over a fresh connection: the status and the whole answer.
    pub fn http(&self, request: &str) -> (u16, String) {
        use std::io::Write as _;
        let mut stream = std::net::TcpStream::connect(self.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let answer = String::from_utf8(answer).expect("text");
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("no status in {answer:?}")), answer)
    }

    pub fn get(&self, path: &str) -> (u16, String) {
        self.http(&format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address))
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a message to the main session and returns the turn; the answer comes as events.
pub async fn send(client: &mut Client, message: &str) -> TurnId {
    let turn = TurnId::fresh();
    let params = json!({ "sessionKey": "main", "message": message, "idempotencyKey": turn });
    client.call("chat.send", params).await.expect("a turn begins");
    turn
}

/// Waits for the end of a turn: the text of its answer, or the error.
pub async fn answer(client: &mut Client, turn: &TurnId) -> Result<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let event = event(client, "the turn ends", |event| {
        event.name == "chat" && event.payload["runId"] == turn.as_str() && event.payload["state"] != "delta"
    });
    let payload = event.await.payload;
    match payload["state"].as_str() {
        Some("final") => Ok(text(&payload["message"]["content"][0]["text"])),
        _ => Err(text(&payload["errorMessage"])),
    }
}

/// A whole turn.
pub async fn chat(client: &mut Client, message: &str) -> Result<String, String> {
    let turn = send(client, message).await;
    answer(client, &turn).await
}

/// The next event that fits.
pub async fn event(client: &mut Client, what: &str, fits: impl Fn(&Event) -> bool) -> Event {
    let wait = async {
        loop {
            let event = client.event().await.expect("the connection stays");
            if fits(&event) {
                return event;
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("not in time: {what}"))
}

/// Waits for a condition; fails when it does not come true.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Runs a command to its end, within a limit.
pub fn finish(mut command: Command, limit: Duration) -> Ran {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let drain = |mut stream: Box<dyn Read + Send>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stream.read_to_end(&mut bytes);
            String::from_utf8(bytes).expect("text")
        })
    };
    let stdout = drain(Box::new(child.stdout.take().expect("a pipe")));
    let stderr = drain(Box::new(child.stderr.take().expect("a pipe")));
    let end = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if Instant::now() > end {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{command:?} did not end in {limit:?}: {:?}", stderr.join());
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    Ran { status, stdout: stdout.join().expect("read"), stderr: stderr.join().expect("read") }
}

/// A port that nothing listens on. Below the range from which outgoing connections take theirs, so that
/// none of them sits on it when the gateway comes.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let base = 20_000 + u16::try_from(std::process::id() % 100).expect("small") * 120;
    loop {
        let port = base + NEXT.fetch_add(1, Ordering::SeqCst) % 120;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn collect(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, into);
        } else if !path.ends_with("openclaw.json") && !path.ends_with("confirmed.json") {
            let bytes = fs::read(&path).expect("a file");
            into.push_str(&stockade_core::text::lossy(&bytes));
        }
    }
}
