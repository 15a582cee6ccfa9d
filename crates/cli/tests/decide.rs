//! Promise: the judge answers pipelines, line by line, without a config and without looking at anything.
#![allow(clippy::disallowed_methods, reason = "the tests start processes")]

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use serde_json::{Value, json};
use support::Home;

/// The answers to some lines, and the exit status.
fn decide(input: Vec<u8>) -> (Vec<Value>, Option<i32>) {
    let home = Home::empty();
    let mut command = home.command(&["decide", "--jsonl"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || stdin.write_all(&input).expect("sent"));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("written");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(!home.state().exists(), "it made a state directory");
    (text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect(), output.status.code())
}

fn lines(rows: &[Value]) -> Vec<u8> {
    rows.iter().map(|row| format!("{row}\n")).collect::<String>().into_bytes()
}

#[test]
fn rows_of_every_kind_are_answered_in_order() {
    let (answers, status) = decide(lines(&[
        json!({"id": "SS1", "url": "http://169.254.169.254/latest/meta-data/", "expect": "block", "class": "metadata", "tier": "core", "why": "x"}),
        json!({"id": "SS2", "url": "http://example.com/r", "dns": {"example.com": ["93.184.216.34"]}, "redirects": ["http://127.0.0.1/"]}),
        json!({"id": "SS3", "url": "http://example.com/r", "dns": {"example.com": ["93.184.216.34"]}, "redirects": ["/next"]}),
        json!({"id": "XF1", "peer": "10.0.0.1", "trustedProxies": ["10.0.0.1"], "headers": [["X-Forwarded-For", "5.5.5.5"], ["X-Forwarded-For", "10.0.0.1"]], "expected_client_ip": "5.5.5.5", "expected_is_local": false}),
        json!({"id": "XF2", "peer": "203.0.113.9", "trustedProxies": ["10.0.0.1"], "headers": [["X-Real-IP", "1.2.3.4"]], "options": {"allowRealIpFallback": true}}),
        json!({"id": "EX1", "cmd": "git log `id`", "allowlist": ["git"], "must": "ask", "why": "x", "class": "substitution", "tier": "core"}),
        json!({"id": "EX2", "cmd": "git status", "allowlist": ["git"], "must": "allow"}),
        json!({"id": "EX3", "cmd": "uniq in.txt out.txt", "allowlist": [], "must": "ask", "safe_bins": ["cut", "uniq"]}),
        json!({"id": "MT1", "bind": "/var:/hostvar", "expect": "block"}),
        json!({"id": "MT2", "bind": "{WS}:/data", "expect": "block", "extra": {"network": "container:abc"}}),
        json!({"id": "MT3", "bind": "{WS}/link:/data", "expect": "block", "links": {"{WS}/link": "/etc"}}),
        json!({"id": "MT4", "bind": "{WS}/src:/src", "expect": "allow", "allowed_roots": ["/home/u/ws"]}),
        json!({"id": "EV1", "key": "BASH_FUNC_git()", "value": "/tmp/x", "source": "request-env", "expect": "deny", "group": "shell"}),
        json!({"id": "EV2", "key": "MY_APP_MODE", "value": "C.UTF-8", "source": "request-env", "expect": "allow", "group": "benign"}),
    ]));
    assert_eq!(status, Some(0));
    let decided: Vec<(&str, &str)> = answers
        .iter()
        .map(|answer| (answer["id"].as_str().expect("an id"), answer["decision"].as_str().unwrap_or("client")))
        .collect();
    assert_eq!(
        decided,
        [
            ("SS1", "deny"),
            ("SS2", "deny"),
            ("SS3", "allow"),
            ("XF1", "client"),
            ("XF2", "client"),
            ("EX1", "ask"),
            ("EX2", "allow"),
            ("EX3", "ask"),
            ("MT1", "deny"),
            ("MT2", "deny"),
            ("MT3", "deny"),
            ("MT4", "allow"),
            ("EV1", "deny"),
            ("EV2", "allow"),
        ]
    );
    assert_eq!((&answers[3]["client_ip"], &answers[3]["is_local"]), (&json!("5.5.5.5"), &json!(false)));
    assert_eq!(answers[4]["client_ip"], "203.0.113.9");
    assert!(answers[0]["rule"] == "egress" && answers[0]["because"].is_string(), "{}", answers[0]);
}

#[test]
fn a_bad_line_is_an_error_on_its_line_and_the_rest_is_answered() {
    let good = r#"{"url":"https://example.com/"}"#;
    let long = format!(r#"{{"url":"https://example.com/{}"}}"#, "a".repeat(3 << 20));
    let mut input = format!("{good}\n{{\n\n{long}\n{good}\r\n").into_bytes();
    input.extend_from_slice(b"\xff\xfe\n");
    input.extend_from_slice(good.as_bytes());
    let (answers, status) = decide(input);
    let kinds: Vec<bool> = answers.iter().map(|answer| answer["decision"] == "allow").collect();
    assert_eq!(kinds, [true, false, false, true, false, true], "{answers:?}");
    assert!(answers[1]["error"].is_string() && answers[2]["error"] == "the line is longer than 1 MiB");
    assert_eq!(status, Some(1));
    assert_eq!(decide(Vec::new()), (Vec::new(), Some(0)));
}

#[test]
fn each_answer_comes_before_the_next_question() {
    let home = Home::empty();
    let mut command = home.command(&["decide", "--jsonl"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut answers = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    for n in 0..20 {
        writeln!(stdin, "{}", json!({"id": n, "key": "LD_PRELOAD", "value": "x"})).expect("sent");
        let answer: Value = serde_json::from_str(&answers.next().expect("an answer").expect("a line")).expect("JSON");
        assert_eq!((&answer["id"], &answer["decision"]), (&json!(n), &json!("deny")));
    }
    drop(stdin);
    assert!(child.wait().expect("it ends").success());
}
