//! Promise: every arrow of a turn is on record, no change to the record goes unnoticed, and no secret is
//! ever in it.
#![allow(clippy::disallowed_methods, reason = "the tests start processes and tamper with files")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};
use stockade_core::TurnId;
use support::model::Model;
use support::{Home, TOKEN, answer, chat, event, send};

/// A stopped gateway that took one turn, in which a command was approved and ran.
async fn after_a_turn() -> (Home, TurnId) {
    let model = Model::start();
    model.calls("exec", json!({ "command": "echo hello" })).says("It says hello.");
    let home = Home::baseline(&model.url);
    let up = home.up();
    let mut operator = up.operator().await;
    let turn = send(&mut operator, "say hello").await;
    let asked = event(&mut operator, "a question", |event| event.name == "exec.approval.requested").await;
    let params = json!({ "id": asked.payload["id"], "decision": "allow-once" });
    operator.call("exec.approval.resolve", params).await.expect("allowed");
    assert_eq!(answer(&mut operator, &turn).await.expect("an answer").trim(), "It says hello.");
    assert!(up.terminate().0.success());
    (home, turn)
}

#[tokio::test]
async fn a_trace_shows_every_stage_in_order() {
    let (home, turn) = after_a_turn().await;
    let verified = home.run(&["journal", "verify"]);
    assert!(verified.status.success(), "{verified:?}");

    let traced = home.run(&["trace", turn.as_str(), "--json"]);
    assert!(traced.status.success(), "{traced:?}");
    let records: Vec<Value> = serde_json::from_str(&traced.stdout).expect("JSON");
    let stages: Vec<&str> = records.iter().filter_map(|record| record["stage"].as_str()).collect();
    assert_eq!(
        stages,
        [
            "inbound", "identified", "admitted", "proposed", "decision", "approval", "permit", "output", "labeled",
            "reply"
        ]
    );
    let of = |stage: &str| records.iter().find(|record| record["stage"] == stage).expect("a record");
    // What was shown, what was approved and what ran are one digest.
    let digest = &of("decision")["digest"];
    assert!(digest.is_string());
    for stage in ["approval", "permit", "output"] {
        assert_eq!(&of(stage)["digest"], digest, "{stage}");
    }
    let text = home.run(&["trace", turn.as_str()]).stdout;
    assert!(stages.iter().all(|stage| text.contains(stage)), "{text}");
    let unknown = home.run(&["trace", TurnId::fresh().as_str()]);
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");

    let tail = home.run(&["journal", "tail", "-n", "1", "--json"]).stdout;
    assert_eq!(serde_json::from_str::<Value>(&tail).expect("JSON")["detail"]["act"], "stop");
}

#[tokio::test]
async fn any_change_to_the_journal_is_found_and_named() {
    let (home, _) = after_a_turn().await;
    let path = home.data().join("journal.jsonl");
    let whole = fs::read_to_string(&path).expect("a journal");
    let lines: Vec<&str> = whole.lines().collect();
    assert!(lines.len() > 8, "{whole}");
    let without = |number: usize| {
        let kept = lines.iter().enumerate().filter(|(index, _)| index + 1 != number).map(|(_, line)| *line);
        kept.map(|line| format!("{line}\n")).collect::<String>()
    };
    let swapped = |one: usize, other: usize| {
        let mut lines = lines.clone();
        lines.swap(one - 1, other - 1);
        lines.iter().map(|line| format!("{line}\n")).collect::<String>()
    };
    let flipped = |number: usize| {
        let mut bytes = whole.clone().into_bytes();
        let start: usize = lines[..number - 1].iter().map(|line| line.len() + 1).sum();
        let at = start + lines[number - 1].find("\"at\":").expect("a time") + 8;
        bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
        String::from_utf8(bytes).expect("text")
    };
    let last = lines.len();
    for (what, bad, text) in [
        ("a flipped digit in the first record", 1, flipped(1)),
        ("a flipped digit in the middle", 5, flipped(5)),
        ("a flipped digit in the last record", last, flipped(last)),
        ("a removed record", 4, without(4)),
        ("the first record removed", 1, without(1)),
        ("the last record removed", last, without(last)),
        ("swapped records", 3, swapped(3, 4)),
        ("a cut-off tail", last, whole[..whole.len() - 20].to_owned()),
        ("everything removed", 1, String::new()),
        ("a repeated record", 3, format!("{}\n{}\n{}\n", lines[0], lines[1], lines[1])),
    ] {
        put(&path, &text);
        let verified = home.run(&["journal", "verify", "--json"]);
        assert_eq!(verified.status.code(), Some(1), "{what}: {verified:?}");
        let report: Value = serde_json::from_str(&verified.stdout).expect("JSON");
        assert_eq!((&report["ok"], &report["at"]), (&json!(false), &json!(bad)), "{what}: {report}");
        let text = home.run(&["journal", "verify"]);
        assert_eq!(text.status.code(), Some(1), "{what}");
        assert!(text.stdout.contains(&format!("record {bad}")), "{what}: {}", text.stdout);
    }
    // A gateway does not go on from a journal that was tampered with.
    put(&path, &without(4));
    let refused = home.run(&["up"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");

    put(&path, &whole);
    assert!(home.run(&["journal", "verify"]).status.success(), "the whole one still verifies");
}

fn put(path: &Path, text: &str) {
    fs::write(path, text).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("private");
}

#[tokio::test]
async fn no_secret_is_written_whoever_says_it() {
    let model = Model::start();
    model
        .calls("exec", json!({ "command": format!("echo {TOKEN}") }))
        .calls("write", json!({ "path": "note.txt", "content": "nothing" }))
        .says(&format!("Your token is {TOKEN} , I believe."));
    let home = Home::baseline(&model.url);
    home.edit("stockade.json", "timeoutSeconds: 120", "timeoutSeconds: 1");
    let up = home.up();
    let mut operator = up.operator().await;
    let reply = chat(&mut operator, &format!("my token is {TOKEN}, keep it")).await.expect("an answer");
    assert!(!reply.contains(TOKEN), "{reply}");
    assert!(reply.contains("I believe"), "{reply}");
    let history = operator.call("chat.history", json!({ "sessionKey": "main" })).await.expect("a history");
    assert!(history["messages"].as_array().is_some_and(|messages| messages.len() >= 4), "{history}");
    assert!(!history.to_string().contains(TOKEN), "{history}");
    let (status, _, said) = up.terminate();
    assert!(status.success());
    assert!(!said.contains(TOKEN), "{said}");
    assert!(!home.written().contains(TOKEN), "the token stands in the state directory");
    assert!(home.written().contains("keep it"), "the message itself is kept");
}
