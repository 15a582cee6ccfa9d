//! Promise: `stockade explain` says what the gateway would answer, names keys that are there, and touches nothing.
#![allow(clippy::disallowed_methods, reason = "the tests speak raw HTTP and start processes")]

mod support;

use serde_json::{Value, json};
use support::{Home, TOKEN, Up};

const NO_MODEL: &str = "http://127.0.0.1:1";

fn home() -> Home {
    let home = Home::baseline(NO_MODEL);
    home.edit("openclaw.json", "\"always\"", "\"on-miss\"");
    home.edit("openclaw.json", "elevated: { enabled: false },", "elevated: { enabled: false }, deny: [\"browser\"],");
    home.write("exec-approvals.json", r#"{"version":1,"agents":{"main":{"allowlist":[{"pattern":"/usr/bin/ls"}]}}}"#);
    home
}

/// The exit status and what was printed as JSON.
fn explained(home: &Home, arguments: &[&str]) -> (Option<i32>, Value) {
    let ran = home.run(&[&["explain"], arguments, &["--json"]].concat());
    let told =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {} {}", ran.stdout, ran.stderr));
    (ran.status.code(), told)
}

fn decided(up: &Up, question: &Value) -> Value {
    let body = question.to_string();
    let (status, answer) = up.http(&format!(
        "POST /v1/decide HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        up.address,
        body.len()
    ));
    assert_eq!(status, 200, "{answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").expect("a body").1).expect("JSON")
}

#[test]
fn an_explanation_agrees_with_the_gateway() {
    let home = home();
    let before = home.written();
    let questions = [
        (vec!["exec", "ls -la"], json!({ "tool": "exec", "arguments": { "command": "ls -la" } })),
        (vec!["exec", "ls | wc -l"], json!({ "tool": "exec", "arguments": { "command": "ls | wc -l" } })),
        (vec!["exec", "ls $(id)"], json!({ "tool": "exec", "arguments": { "command": "ls $(id)" } })),
        (
            vec!["exec", "ls", "--env", "LD_PRELOAD=/x", "--workdir", "src"],
            json!({ "tool": "exec", "arguments": { "command": "ls", "workdir": "src", "env": { "LD_PRELOAD": "/x" } } }),
        ),
        (
            vec!["exec", "ls", "--sender", "channel:telegram:42"],
            json!({ "tool": "exec", "arguments": { "command": "ls" }, "sender": { "channel": "telegram", "id": "42" } }),
        ),
        (vec!["tool", "read", r#"{"path":"../x"}"#], json!({ "tool": "read", "arguments": { "path": "../x" } })),
        (vec!["tool", "read", r#"{"path":"x"}"#], json!({ "tool": "read", "arguments": { "path": "x" } })),
        (vec!["tool", "Bash", r#"{"command":"ls"}"#], json!({ "tool": "Bash", "arguments": { "command": "ls" } })),
        (vec!["tool", "cron", "{}", "--sender", "anyone"], json!({ "tool": "cron", "sender": { "owner": false } })),
        (vec!["tool", "browser", "{}"], json!({ "tool": "browser" })),
        (vec!["tool", "x__y", "{}", "--mcp", "x"], json!({ "tool": "x__y", "origin": { "mcp": "x" } })),
        (vec!["url", "http://0x7f.1/"], json!({ "tool": "web_fetch", "arguments": { "url": "http://0x7f.1/" } })),
        (
            vec!["url", "https://example.org/", "--untrusted"],
            json!({ "tool": "web_fetch", "arguments": { "url": "https://example.org/" }, "labels": ["untrusted"] }),
        ),
        (
            vec!["exec", "ls", "--session", "agent:ghost:main"],
            json!({ "tool": "exec", "session": "agent:ghost:main", "arguments": { "command": "ls" } }),
        ),
    ];
    let explanations: Vec<(Option<i32>, Value)> = questions.iter().map(|(asked, _)| explained(&home, asked)).collect();
    assert_eq!(home.written(), before, "asking leaves nothing behind");
    let up = home.up();
    for ((asked, question), (code, told)) in questions.iter().zip(&explanations) {
        let answer = decided(&up, question);
        let keys = ["decision", "rule"];
        assert_eq!(keys.map(|key| &told[key]), keys.map(|key| &answer[key]), "{asked:?}: {told} {answer}");
        assert_eq!(told["because"], answer["reason"]);
        assert_eq!(*code, Some(i32::from(told["decision"] != "allow")), "{told}");
        assert!(told["change"].as_array().is_some_and(|changes| !changes.is_empty()), "{told}");
    }
    assert!(home.run(&["incident", "contain"]).status.success());
    assert_eq!(explained(&home, &["exec", "ls"]).1["rule"], "containment");
}

#[test]
fn the_other_questions_are_answered_too() {
    let home = home();
    for (asked, decision, code) in [
        (vec!["mount", "/var/run/docker.sock:/s"], "deny", 1),
        (vec!["mount", "/srv/data:/data:ro"], "allow", 0),
        (vec!["mount", "~/.ssh:/x"], "deny", 1),
        (vec!["url", "https://intranet.example/", "--dns", "intranet.example=10.0.0.7"], "deny", 1),
        (vec!["url", "https://example.org/", "--redirect", "http://169.254.169.254/"], "deny", 1),
        (vec!["url", "https://example.org/"], "allow", 0),
        (vec!["env", "LD_PRELOAD=/x"], "deny", 1),
        (vec!["env", "LOG_LEVEL=debug"], "allow", 0),
        (vec!["tool", "exec"], "allow", 0),
        (vec!["tool", "browser"], "deny", 1),
    ] {
        let (status, told) = explained(&home, &asked);
        assert_eq!((told["decision"].as_str(), status), (Some(decision), Some(code)), "{asked:?}: {told}");
    }
    // A link on this machine is followed.
    std::os::unix::fs::symlink(home.state(), home.path().join("innocent")).expect("linked");
    let linked = format!("{}:/x", home.path().join("innocent").display());
    assert_eq!(explained(&home, &["mount", &linked]).1["decision"], "deny");
    let (_, person) = explained(&home, &["sender", "channel:telegram:42"]);
    let of = |name: &str| {
        let tools = person["tools"].as_array().into_iter().flatten();
        tools.clone().find(|row| row["tool"] == name).map(|row| row["rule"].clone())
    };
    assert_eq!((of("gateway"), of("browser")), (Some(json!("tool.owner")), Some(json!("tool.layers"))));
    let (code, client) = explained(&home, &["client", "127.0.0.1", "--header", "X-Forwarded-For: 203.0.113.9"]);
    assert_eq!((code, &client["is_local"]), (Some(1), &json!(false)));
    assert_eq!(
        explained(&home, &["client", "127.0.0.1"]),
        (Some(0), json!({ "client_ip": "127.0.0.1", "is_local": true, "peer_is_trusted": false }))
    );
}

#[test]
fn a_change_of_the_config_is_told_key_by_key_and_without_values() {
    let home = home();
    let config = home.read("openclaw.json");
    let other = config.replace("\"all\"", "\"off\"").replace(TOKEN, &TOKEN.replace('9', "8"));
    home.write("new.json", &other);
    let [old, new] = ["openclaw.json", "new.json"].map(|name| home.state().join(name).display().to_string());
    let (code, told) = explained(&home, &["config", &old, &new]);
    assert_eq!((code, &told["widens"]), (Some(1), &json!(true)));
    let keys: Vec<&str> =
        told["changes"].as_array().into_iter().flatten().filter_map(|one| one["key"].as_str()).collect();
    assert_eq!(keys, ["agents.defaults.sandbox.mode", "gateway.auth.token", "tools (agent main)"]);
    assert!(!told.to_string().contains(&TOKEN[..16]));
    assert_eq!(explained(&home, &["config", &old, &old]), (Some(0), json!({ "widens": false, "changes": [] })));
}

#[test]
fn what_cannot_be_asked_says_how() {
    let home = home();
    for (asked, hint) in [
        (vec!["tool", "read", "{"], "JSON object"),
        (vec!["sender", "channel:telegram"], "channel:telegram:42"),
        (vec!["exec", "ls", "--env", "NAME"], "between a name and a value"),
        (vec!["client", "nobody"], "no IP address"),
        (vec!["env", "A=1", "--source", "nobody"], "--help"),
        (vec!["config", "/nowhere.json", "/nowhere.json"], "/nowhere.json"),
    ] {
        let ran = home.run(&[&["explain"], asked.as_slice()].concat());
        assert_eq!(ran.status.code(), Some(2), "{asked:?}");
        assert!(ran.stderr.contains(hint) && ran.stdout.is_empty(), "{asked:?}: {}", ran.stderr);
    }
}

/// The guide shows what the program says: its examples are run with the config that it shows.
#[test]
fn the_guide_shows_what_is_answered() {
    const GUIDE: &str = include_str!("../../../docs/guides/asking-the-judge.md");
    let block = |kind: &str| {
        GUIDE.split(&format!("```{kind}\n")).nth(1).and_then(|rest| rest.split("```").next()).expect("a block")
    };
    let home = Home::empty();
    stockade_config::create_state_dir(&home.state()).expect("a state directory");
    let config = block("json5");
    home.write("openclaw.json", config);
    home.write("exec-approvals.json", block("json"));
    let changed = config.replace("ask: \"on-miss\"", "ask: \"off\"").replace("[\"browser\"]", "[\"browser\", \"pdf\"]");
    home.write("new.json", &changed);
    let mut examples = 0;
    for example in GUIDE.split("```console\n$ ").skip(1) {
        let (command, rest) = example.split_once('\n').expect("a line");
        let shown = rest.split("```").next().expect("an end");
        let command = command.replace("stockade ", concat!(env!("CARGO_BIN_EXE_stockade"), " "));
        let mut shell = home.program(std::path::Path::new("/bin/sh"), &["-c", &command]);
        shell.current_dir(home.state()).env("GATEWAY_TOKEN", TOKEN);
        let ran = support::finish(shell, support::PATIENCE);
        assert_eq!(ran.stdout, shown, "{command}: {}", ran.stderr);
        examples += 1;
    }
    assert!(examples >= 10, "{examples} examples");
}
