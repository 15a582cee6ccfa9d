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
        (json!({ "tool": "session_status", "sender": { "channel": "telegram", "id": "7" } }), "allow", "tool.layers"),
        (json!({ "tool": "message", "arguments": { "to": "x" } }), "ask", "tool.shape"),
        (json!({ "tool": "pdf", "arguments": { "url": "http://169.254.169.254/" } }), "ask", "tool.shape"),
        (json!({ "tool": "shell", "arguments": { "command": "rm -rf /" } }), "deny", "tool.shape"),
        (json!({ "tool": "gateway\u{200b}", "sender": {} }), "deny", "tool.shape"),
        (json!({ "tool": "x__y", "origin": { "mcp": "x" } }), "ask", "tool.shape"),
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

/// The head of a request without its body.
fn head(up: &Up, secret: &str, length: usize) -> String {
    format!(
        "POST /v1/decide HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {secret}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n",
        up.address
    )
}

/// Sends what is left of a request and reads one answer.
fn exchange(stream: &mut std::net::TcpStream, rest: &str) -> String {
    use std::io::{Read as _, Write as _};
    stream.set_read_timeout(Some(support::PATIENCE)).expect("set");
    stream.write_all(rest.as_bytes()).expect("sent");
    let mut answer = vec![0; 64 << 10];
    let count = stream.read(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer[..count]).into_owned()
}

#[test]
fn wrong_secrets_of_others_hold_up_neither_the_operator_nor_who_has_proved_himself() {
    let home = home();
    let up = home.up();
    let question = r#"{"tool":"session_status"}"#;
    let mut proved = std::net::TcpStream::connect(up.address).expect("a connection");
    let right = format!("{}{question}", head(&up, TOKEN, question.len()));
    assert!(exchange(&mut proved, &right).starts_with("HTTP/1.1 200"));
    let wrong = format!("{}{question}", head(&up, "0000", question.len()));
    let crowd: Vec<std::thread::JoinHandle<String>> = (0..24)
        .map(|_| {
            let (address, wrong) = (up.address, wrong.clone());
            std::thread::spawn(move || {
                let mut stream = std::net::TcpStream::connect(address).expect("a connection");
                exchange(&mut stream, &wrong).chars().take(12).collect()
            })
        })
        .collect();
    std::thread::sleep(std::time::Duration::from_millis(500));
    let started = std::time::Instant::now();
    assert!(exchange(&mut proved, &right).starts_with("HTTP/1.1 200"));
    assert!(home.run(&["approvals", "list"]).status.success());
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    let answers: Vec<String> = crowd.into_iter().map(|one| one.join().expect("ended")).collect();
    assert!(answers.iter().all(|answer| answer.ends_with("401") || answer.ends_with("429")), "{answers:?}");
    assert!(answers.iter().any(|answer| answer.ends_with("429")), "a crowd does not wait: {answers:?}");
}

#[test]
fn a_slow_body_is_judged_by_the_policy_of_its_end_or_not_at_all() {
    let home = home();
    let up = home.up();
    let question = r#"{"tool":"read","arguments":{"path":"x"}}"#;
    let mut slow = std::net::TcpStream::connect(up.address).expect("a connection");
    {
        use std::io::Write as _;
        slow.write_all(format!("{}{}", head(&up, TOKEN, question.len()), &question[..9]).as_bytes()).expect("sent");
    }
    home.edit("openclaw.json", "[\"browser\"]", "[\"browser\", \"read\"]");
    support::wait_until("the new policy holds", || {
        asked(&up, &json!({ "tool": "read", "arguments": { "path": "x" } }))["decision"] == "deny"
    });
    let answer = exchange(&mut slow, &question[9..]);
    assert!(answer.contains("\"decision\":\"deny\""), "{answer}");
    let mut never = std::net::TcpStream::connect(up.address).expect("a connection");
    let answer = exchange(&mut never, &head(&up, TOKEN, 100));
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[test]
fn a_slow_body_does_not_outlive_its_secret() {
    let home = home();
    let up = home.up();
    let question = r#"{"tool":"read","arguments":{"path":"x"}}"#;
    let mut slow = std::net::TcpStream::connect(up.address).expect("a connection");
    {
        use std::io::Write as _;
        slow.write_all(format!("{}{}", head(&up, TOKEN, question.len()), &question[..9]).as_bytes()).expect("sent");
    }
    // Answered: the head of the one before it was read, too.
    assert_eq!(asked(&up, &json!({ "tool": "session_status" }))["decision"], "allow");
    home.edit("openclaw.json", TOKEN, &TOKEN.replace('9', "8"));
    let mut held = Value::Null;
    support::wait_until("the new secret waits", || {
        let ran = home.run(&["config", "held", "--json"]);
        held = serde_json::from_str(&ran.stdout).unwrap_or_default();
        held["held"]["generation"].is_string()
    });
    let generation = held["held"]["generation"].as_str().expect("a name");
    assert!(home.run(&["config", "confirm", generation]).status.success());
    let answer = exchange(&mut slow, &question[9..]);
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}

#[test]
fn a_question_is_not_worth_reading_everything_and_containment_ends_it() {
    let home = home();
    let folder = home.data().join("sandboxes");
    let up = home.up();
    // A session's own folder, with more in it than can be read in a moment.
    assert_eq!(asked(&up, &json!({ "tool": "exec", "arguments": { "command": "ls" } }))["decision"], "allow");
    assert!(!folder.exists(), "a question makes no folder");
    let agent =
        stockade_config::load(&stockade_config::Paths::in_state_dir(&home.state()), &stockade_config::Env::default());
    let agent = agent.expect("a config");
    let policy = stockade_policy::Policy::compile(&agent, None).expect("compiles");
    let main = policy.default_agent().expect("an agent");
    let scratch = main.scratch(&stockade_core::SessionKey::main(&main.id)).join("big");
    std::fs::create_dir_all(&scratch).expect("made");
    for number in 0..100 {
        std::fs::write(scratch.join(format!("f{number}")), vec![0_u8; 8 << 20]).expect("written");
    }
    let many: Vec<Value> =
        (0..100).map(|_| json!({ "tool": "exec", "arguments": { "command": "bash big/*" } })).collect();
    let started = std::time::Instant::now();
    let told = asked(&up, &json!(many));
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    assert!(told.as_array().is_some_and(|all| all.iter().all(|one| one["decision"] != "allow")));
    assert!(up.terminate().0.success());
}
