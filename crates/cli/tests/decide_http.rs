//! Promise: another program that asks hears what the gateway's own agents would hear, nobody without the secret hears
//! anything, and every answer is in the journal.
#![allow(clippy::disallowed_methods, reason = "the tests speak raw HTTP and start processes")]

mod support;

use serde_json::{Value, json};
use support::{Home, TOKEN, Up};

const NO_MODEL: &str = "http://127.0.0.1:1";

fn post(up: &Up, headers: &[&str], body: &str) -> (u16, Value) {
    let mut request = format!("POST /v1/decide HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", up.address);
    for header in headers {
        request.push_str(&format!("{header}\r\n"));
    }
    let (status, answer) = up.http(&format!("{request}content-length: {}\r\n\r\n{body}", body.len()));
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, serde_json::from_str(body).unwrap_or_else(|_| json!({ "text": body })))
}

fn asked(up: &Up, question: &Value) -> Value {
    let secret = format!("authorization: Bearer {TOKEN}");
    let (status, answer) = post(up, &["content-type: application/json", &secret], &question.to_string());
    assert_eq!(status, 200, "{question}: {answer}");
    answer
}

/// A config with an allowlist, so that each verdict can be had.
fn home() -> Home {
    let home = Home::baseline(NO_MODEL);
    home.edit("openclaw.json", "\"always\"", "\"on-miss\"");
    home.edit("openclaw.json", "elevated: { enabled: false },", "elevated: { enabled: false }, deny: [\"browser\"],");
    home.write("exec-approvals.json", r#"{"version":1,"agents":{"main":{"allowlist":[{"pattern":"/usr/bin/*"}]}}}"#);
    home
}

#[test]
fn the_judge_answers_other_programs_as_its_own() {
    let home = home();
    let up = home.up();
    let exec = |command: &str| json!({ "tool": "exec", "arguments": { "command": command } });
    let fetch =
        |url: &str, labels: Value| json!({ "tool": "web_fetch", "arguments": { "url": url }, "labels": labels });
    for (question, decision, rule) in [
        (exec("ls -la | wc -l"), "allow", "exec.allowlist"),
        (exec("ls $(id)"), "ask", "exec.opaque"),
        (exec("find . -delete"), "ask", "exec.allowlist"),
        (json!({ "tool": "Bash", "arguments": { "command": "ls $(id)" } }), "ask", "exec.opaque"),
        (
            json!({ "tool": "exec", "arguments": { "command": "ls", "env": { "LD_PRELOAD": "/x" } } }),
            "deny",
            "exec.env",
        ),
        (json!({ "tool": "exec", "arguments": { "command": "ls", "host": "gateway" } }), "deny", "tool.shape"),
        (json!({ "tool": "read", "arguments": { "path": "notes.md" } }), "allow", "workspace"),
        (json!({ "tool": "read", "arguments": { "path": "/etc/passwd" } }), "deny", "workspace"),
        (json!({ "tool": "read", "arguments": { "path": "../../../../etc/passwd" } }), "deny", "workspace"),
        (fetch("https://example.org/", json!([])), "allow", "egress"),
        (fetch("https://example.org/", json!(["owner", "untrusted"])), "deny", "egress.composed"),
        (fetch("http://0x7f.1/", json!([])), "deny", "egress"),
        (json!({ "tool": "apply_patch", "arguments": { "input": "*** Begin Patch" } }), "ask", "tool.shape"),
        (json!({ "tool": "browser" }), "deny", "tool.layers"),
        (json!({ "tool": "gateway" }), "deny", "tool.layers"),
        (json!({ "tool": "cron", "sender": { "channel": "telegram", "id": "7" } }), "deny", "tool.owner"),
        (json!({ "tool": "message", "sender": { "channel": "telegram", "id": "7" } }), "allow", "tool.layers"),
        (json!({ "tool": "read", "origin": { "plugin": "evil" }, "arguments": { "path": "x" } }), "deny", "tool.shape"),
        (json!({ "tool": "exec", "agent": "ghost", "arguments": { "command": "ls" } }), "deny", "admission"),
        (json!({ "tool": "read", "agent": "main", "session": "agent:ghost:main" }), "deny", "admission"),
    ] {
        let answer = asked(&up, &question);
        assert_eq!((&answer["decision"], &answer["rule"]), (&json!(decision), &json!(rule)), "{question}: {answer}");
    }
    let answer = asked(&up, &exec("curl -s https://example.org/x"));
    assert_eq!(answer["facts"]["hosts"], json!(["example.org"]));
    assert_eq!(answer["facts"]["runsIn"], "sandbox");
}

#[test]
fn a_list_is_answered_in_order_and_every_answer_is_journaled() {
    let home = home();
    let up = home.up();
    let many: Vec<Value> = (0..200)
        .map(|n| json!({ "id": n, "turn": "their-turn", "tool": "exec", "arguments": { "command": format!("echo {n}") } }))
        .collect();
    let answers = asked(&up, &json!(many));
    let ids: Vec<u64> = answers.as_array().into_iter().flatten().filter_map(|answer| answer["id"].as_u64()).collect();
    assert_eq!(ids, (0..200).collect::<Vec<_>>());
    assert_eq!(
        asked(&up, &json!([{ "tool": "read", "arguments": { "path": "x" } }])).as_array().map(Vec::len),
        Some(1)
    );
    let trace = home.run(&["trace", "their-turn", "--json"]);
    let records = trace.stdout.matches("\"via\"").count();
    assert_eq!(records, 200, "{}", trace.stderr);
    assert!(home.run(&["journal", "verify"]).status.success());
}

#[test]
fn a_contained_gateway_denies_and_a_changed_policy_shows() {
    let home = home();
    let up = home.up();
    let question = json!({ "tool": "read", "arguments": { "path": "x" } });
    let before = asked(&up, &question);
    assert_eq!(before["decision"], "allow");
    assert!(home.run(&["incident", "contain"]).status.success());
    let answer = asked(&up, &question);
    assert_eq!((&answer["decision"], &answer["rule"]), (&json!("deny"), &json!("containment")));
    assert!(home.run(&["incident", "release"]).status.success());
    assert_eq!(asked(&up, &question)["decision"], "allow");
}

#[test]
fn nobody_without_the_secret_is_answered() {
    let home = home();
    let up = home.up();
    let json = "content-type: application/json";
    let secret = format!("authorization: Bearer {TOKEN}");
    let question = r#"{"tool":"read","arguments":{"path":"x"}}"#;
    for (headers, status) in [
        (vec![json], 401),
        (vec![json, "authorization: Basic b3A6eA=="], 401),
        (vec![json, secret.as_str(), "origin: https://evil.example"], 403),
        (vec!["content-type: text/plain", secret.as_str()], 415),
        (vec![secret.as_str()], 415),
        (vec![json, secret.as_str(), "x-forwarded-for: 127.0.0.1"], 403),
        (vec![json, secret.as_str()], 200),
    ] {
        let (answered, body) = post(&up, &headers, question);
        assert_eq!(answered, status, "{headers:?}: {body}");
        assert!(status == 200 || body["decision"].is_null(), "{body}");
    }
    let before = home.run(&["journal", "tail", "-n", "1000", "--json"]).stdout.matches("/v1/decide").count();
    assert_eq!(post(&up, &[json, "authorization: Bearer 0000"], question).0, 401);
    // A wrong attempt makes the next one wait, here as at the WebSocket.
    let started = std::time::Instant::now();
    assert_eq!(post(&up, &[json, "authorization: Bearer 0001"], question).0, 401);
    assert!(started.elapsed().as_millis() >= 200, "{:?}", started.elapsed());
    let after = home.run(&["journal", "tail", "-n", "1000", "--json"]).stdout.matches("/v1/decide").count();
    assert_eq!(before, after);
    assert!(!up.said().contains(TOKEN));
}

#[test]
fn what_is_no_question_is_refused_and_never_an_answer() {
    let home = home();
    let up = home.up();
    let secret = format!("authorization: Bearer {TOKEN}");
    let headers = ["content-type: application/json", secret.as_str()];
    let deep = format!("{{\"tool\":\"x\",\"arguments\":{{\"a\":{}1{}}}}}", "[".repeat(5_000), "]".repeat(5_000));
    let many = format!("[{}]", vec![r#"{"tool":"read"}"#; 257].join(","));
    let large = format!("{{\"tool\":\"{}\"}}", "x".repeat(1 << 20));
    for (body, status) in [
        ("", 400),
        ("[]", 400),
        ("{}", 400),
        ("null", 400),
        ("{\"tool\":1}", 400),
        ("{\"tool\":\"read\",\"approved\":true}", 400),
        ("{\"tool\":\"read\",\"labels\":[\"trusted\"]}", 400),
        ("{\"tool\":\"read\",\"turn\":\"a b\"}", 400),
        ("[{\"tool\":\"read\"},1]", 400),
        (deep.as_str(), 400),
        (many.as_str(), 400),
        (large.as_str(), 413),
    ] {
        let (answered, answer) = post(&up, &headers, body);
        assert_eq!(answered, status, "{}: {answer}", &body[..body.len().min(80)]);
        assert!(answer["error"]["type"].is_string() && answer["decision"].is_null(), "{answer}");
    }
    assert_eq!(up.get("/v1/decide").0, 405);
}

#[test]
fn the_openapi_document_describes_what_is_sent() {
    let home = home();
    let up = home.up();
    let (status, served) = up.get("/v1/openapi.json");
    let served: Value = serde_json::from_str(served.split_once("\r\n\r\n").expect("a body").1).expect("JSON");
    let printed = home.run(&["decide", "--openapi"]);
    assert_eq!((status, &served), (200, &serde_json::from_str::<Value>(&printed.stdout).expect("JSON")));
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("http://stockade/openapi.json", served).expect("a resource");
    let mut schema = |name: &str| {
        let at = format!("http://stockade/openapi.json#/components/schemas/{name}");
        compiler.compile(&at, &mut schemas).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let [question, answer, refusal] = ["Question", "Answer", "Refusal"].map(&mut schema);
    for asks in [
        json!({ "id": [1], "tool": "exec", "arguments": { "command": "ls | wc" }, "labels": ["owner"] }),
        json!({ "tool": "exec", "arguments": { "command": "ls $(id)" }, "turn": "t", "session": "main" }),
        json!({ "tool": "read", "arguments": { "path": "x" }, "labels": [{ "integrity": "untrusted", "source": "web" }] }),
        json!({ "tool": "web_fetch", "arguments": { "url": "https://example.org" }, "words": "owner" }),
        json!({ "tool": "process", "arguments": { "action": "list" } }),
        json!({ "tool": "nothing", "agent": "ghost" }),
        json!({ "tool": "apply_patch" }),
    ] {
        schemas.validate(&asks, question).unwrap_or_else(|error| panic!("{asks}: {error}"));
        let told = asked(&up, &asks);
        schemas.validate(&told, answer).unwrap_or_else(|error| panic!("{told}: {error}"));
    }
    assert!(schemas.validate(&json!({ "tool": "read", "approved": true }), question).is_err(), "it is closed");
    let (_, refused) = post(&up, &["content-type: application/json"], "{}");
    schemas.validate(&refused, refusal).unwrap_or_else(|error| panic!("{refused}: {error}"));
}
