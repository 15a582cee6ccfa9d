//! Rows in the shapes of the corpora, and what is no row.

use serde_json::{Value, json};

use super::*;

fn asked(row: &Value) -> Value {
    serde_json::to_value(answer(row.to_string().as_bytes())).expect("an answer")
}

#[test]
fn every_kind_is_known_by_its_key() {
    for (row, wanted) in [
        (json!({"id": "a", "url": "http://0.0.0.0:8080/", "expect": "block", "why": "x"}), "deny"),
        (json!({"id": "b", "url": "https://example.com/", "dns": {"example.com": ["93.184.216.34"]}}), "allow"),
        (json!({"cmd": "git status", "allowlist": ["git"]}), "allow"),
        (json!({"cmd": "git status; id", "allowlist": ["git"]}), "ask"),
        (json!({"cmd": "git status", "allowlist": ["git"], "resolver": {"git": "/tmp/evil/git"}}), "ask"),
        (json!({"cmd": "git status", "allowlist": ["git"], "env": {"LD_PRELOAD": "/tmp/x"}}), "deny"),
        (json!({"cmd": "ls -l", "allowlist": [{"pattern": "ls", "argPattern": "^-l$"}]}), "allow"),
        (json!({"cmd": "ls -l /etc", "allowlist": [{"pattern": "ls", "argPattern": "^-l$"}]}), "ask"),
        (json!({"bind": "/run:/hostrun"}), "deny"),
        (json!({"bind": "{WS}/a:/src", "allowed_roots": ["/home/u/ws"]}), "allow"),
        (json!({"key": "LD_PRELOAD", "value": "/tmp/x", "source": "request-env"}), "deny"),
        (json!({"key": "LANG", "value": "C.UTF-8", "source": "request-env"}), "allow"),
    ] {
        let answer = asked(&row);
        assert_eq!(answer["decision"], wanted, "{row}: {answer}");
        assert_eq!(answer["id"], row["id"]);
        assert!(answer["rule"].is_string() && answer["because"].is_string(), "{answer}");
    }
    let row = json!({"id": 7, "peer": "127.0.0.1", "headers": [["Host", "localhost"]]});
    assert_eq!(asked(&row), json!({"id": 7, "client_ip": "127.0.0.1", "is_local": true}));
    let row = json!({"peer": "10.0.0.1", "trustedProxies": ["10.0.0.1"], "headers": []});
    assert_eq!(asked(&row), json!({"client_ip": null, "is_local": false}));
}

#[test]
fn what_is_no_question_is_an_error_and_never_an_answer() {
    let deep = format!("{{\"url\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let long = format!("{{\"url\":\"{}\"}}", "a".repeat(MAX_LINE));
    for line in [
        "",
        "null",
        "[]",
        "{",
        "{}",
        "\"x\"",
        r#"{"id":"a"}"#,
        r#"{"url":1}"#,
        r#"{"url":"x","peer":"::1"}"#,
        r#"{"peer":"nobody"}"#,
        r#"{"peer":"::1","headers":{"a":1}}"#,
        r#"{"url":"https://example.com/","allow":["*"]}"#,
        &deep,
        &long,
    ] {
        let answer = answer(line.as_bytes());
        let value = serde_json::to_value(&answer).expect("an answer");
        assert!(!answer.is_answered() && value["error"].is_string() && value["decision"].is_null(), "{value}");
        assert!(value.to_string().len() < 2_000);
    }
    assert!(!answer(b"\xff\xfe").is_answered());
}

#[test]
fn a_config_that_would_not_start_says_so_and_lends_no_locality() {
    let answer = asked(&json!({"peer": "127.0.0.1", "trustedProxies": ["nonsense"], "headers": []}));
    assert_eq!((&answer["client_ip"], &answer["is_local"]), (&json!("127.0.0.1"), &json!(false)));
    assert!(answer["error"].as_str().is_some_and(|error| error.contains("gateway.trustedProxies[0]")));
}

mod properties {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_have_one_answer(bytes in prop::collection::vec(any::<u8>(), 0..300), text in ".{0,100}", key in "cmd|bind|url|peer|key") {
            let row = serde_json::json!({ key: text }).to_string();
            for line in [bytes.as_slice(), row.as_bytes()] {
                let first = super::answer(line);
                prop_assert_eq!(&first, &super::answer(line));
                prop_assert!(serde_json::to_string(&first).is_ok());
            }
        }
    }
}
