//! Promise: one message is one turn; it streams, it is remembered, it can be stopped, and only those who may
//! see it do.
#![allow(clippy::disallowed_methods, reason = "the tests start processes as an operator would")]

mod support;

use serde_json::json;
use stockade_core::TurnId;
use stockade_gateway::client::ClientError;
use support::model::Model;
use support::raw::{Heard, Raw, params};
use support::{Home, TOKEN, answer, chat, event, send};

#[tokio::test]
async fn a_turn_streams_and_is_remembered() {
    let model = Model::start();
    let home = Home::baseline(&model.url);
    let up = home.up();
    let mut operator = up.operator().await;
    model.says("One two three four.");
    let turn = send(&mut operator, "recite the numerals").await;
    let (mut streamed, mut seen) = (String::new(), Vec::new());
    let last = event(&mut operator, "the end", |_| true);
    let mut next = last.await;
    loop {
        if next.payload["runId"] == turn.as_str() {
            assert_eq!(next.payload["sessionKey"], "agent:main:main");
            match (next.name.as_str(), next.payload["state"].as_str()) {
                ("chat", Some("delta")) => streamed.push_str(next.payload["deltaText"].as_str().expect("text")),
                ("agent", _) => seen.push(next.payload["data"]["phase"].as_str().unwrap_or("text").to_owned()),
                ("chat", Some("final")) => break,
                other => panic!("{other:?}"),
            }
        }
        next = event(&mut operator, "the end", |_| true).await;
    }
    let whole = next.payload["message"]["content"][0]["text"].as_str().expect("text");
    assert_eq!((streamed.trim(), whole.trim()), ("One two three four.", "One two three four."));
    assert_eq!((seen.first().map(String::as_str), seen.last().map(String::as_str)), (Some("start"), Some("end")));
    assert!(seen.len() > 3, "it came in pieces: {seen:?}");

    // The next turn of the session knows the first; another session knows nothing of it.
    model.says("Five.");
    chat(&mut operator, "go on").await.expect("an answer");
    let given = model.requests().last().expect("a request").to_string();
    assert!(given.contains("One two three four.") && given.contains("numerals"), "{given}");
    let other = TurnId::fresh();
    let params = json!({ "sessionKey": "agent:main:other", "message": "who?", "idempotencyKey": other });
    operator.call("chat.send", params).await.expect("a turn");
    answer(&mut operator, &other).await.expect("an answer");
    assert!(!model.requests().last().expect("a request").to_string().contains("numerals"));

    let listed = operator.call("sessions.list", json!({})).await.expect("a list");
    let keys: Vec<&str> =
        listed["sessions"].as_array().expect("rows").iter().filter_map(|r| r["key"].as_str()).collect();
    assert!(keys.contains(&"agent:main:main") && keys.contains(&"agent:main:other"), "{keys:?}");

    // It survives a restart.
    drop(operator);
    assert!(up.terminate().0.success());
    let up = home.up();
    let history = up.operator().await.call("chat.history", json!({ "sessionKey": "main" })).await.expect("a history");
    let roles: Vec<&str> =
        history["messages"].as_array().expect("rows").iter().filter_map(|row| row["role"].as_str()).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant"]);
}

#[test]
fn the_command_line_chats() {
    let model = Model::start();
    let home = Home::baseline(&model.url);
    let up = home.up();
    model.says("One two three.").says("Four.");
    let said = home.run(&["chat", "count"]);
    assert!(said.status.success() && said.stdout.contains("One two three."), "{said:?}");
    let said = home.run(&["chat", "go on", "--json"]);
    let last: serde_json::Value =
        serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"));
    assert_eq!(last["message"]["content"][0]["text"].as_str().map(str::trim), Some("Four."), "{last}");
    assert!(model.requests()[1].to_string().contains("One two three."), "the same session");
    // No secret is needed on the command line, and without a gateway the way out is named.
    drop(up);
    let alone = home.run(&["chat", "hello"]);
    assert_eq!(alone.status.code(), Some(2));
    assert!(alone.stderr.contains("stockade up"), "{alone:?}");
}

#[tokio::test]
async fn a_repeated_request_is_not_a_second_turn() {
    let model = Model::start();
    let home = Home::baseline(&model.url);
    let up = home.up();
    let mut operator = up.operator().await;
    model.says("Once.");
    let turn = send(&mut operator, "do it").await;
    answer(&mut operator, &turn).await.expect("an answer");
    let again = json!({ "sessionKey": "main", "message": "do it", "idempotencyKey": turn });
    let repeated = operator.call("chat.send", again).await.expect("taken");
    assert_eq!((&repeated["runId"], &repeated["status"]), (&json!(turn), &json!("ok")));
    let other = json!({ "sessionKey": "main", "message": "do something else", "idempotencyKey": turn });
    match operator.call("chat.send", other).await {
        Err(ClientError::Refused { details, .. }) => assert_eq!(details["reason"], "chat-request-conflict"),
        other => panic!("{other:?}"),
    }
    assert_eq!(model.requests().len(), 1);

    // `agent` answers twice under one id: accepted, then the end.
    model.says("Twice.");
    let asked = json!({ "message": "again", "idempotencyKey": TurnId::fresh() });
    let id = operator.send("agent", asked).await.expect("sent");
    assert_eq!(operator.answer(&id).await.expect("accepted")["status"], "accepted");
    let ended = operator.answer(&id).await.expect("ended");
    assert_eq!(ended["status"], "ok");
    assert_eq!(ended["result"]["payloads"][0]["text"].as_str().map(str::trim), Some("Twice."));
}

#[tokio::test]
async fn a_turn_can_be_aborted_while_it_waits() {
    let model = Model::start();
    let home = Home::baseline(&model.url);
    let up = home.up();
    let mut operator = up.operator().await;
    model.calls("exec", json!({ "command": "echo never" })).says("Next.");
    let turn = send(&mut operator, "do it").await;
    let asked = event(&mut operator, "a question", |event| event.name == "exec.approval.requested").await;
    let aborted = operator.call("chat.abort", json!({ "sessionKey": "main", "runId": turn })).await.expect("taken");
    assert_eq!((&aborted["aborted"], &aborted["runIds"]), (&json!(true), &json!([turn])));
    event(&mut operator, "the abort", |event| event.name == "chat" && event.payload["state"] == "aborted").await;
    // The question went with its turn; a yes comes too late.
    assert_eq!(operator.call("exec.approval.list", json!({})).await.expect("a list"), json!([]));
    let yes = json!({ "id": asked.payload["id"], "decision": "allow-once" });
    operator.call("exec.approval.resolve", yes).await.expect_err("there is nothing to answer");
    assert_eq!(model.requests().len(), 1, "the model is not asked again");
    // The session goes on, and the cut-off call is no stumbling block.
    assert_eq!(chat(&mut operator, "and now?").await.expect("an answer").trim(), "Next.");
    assert!(home.run(&["journal", "verify"]).status.success());
}

#[tokio::test]
async fn a_model_that_is_not_there_is_an_error_in_words() {
    let home = Home::baseline("http://127.0.0.1:1");
    let up = home.up();
    let mut operator = up.operator().await;
    let error = chat(&mut operator, "hello").await.expect_err("no model");
    assert!(error.contains("local") || error.contains("127.0.0.1:1"), "{error}");
    assert!(!error.contains(TOKEN));
    let said = home.run(&["chat", "hello"]);
    assert_eq!(said.status.code(), Some(2), "{said:?}");
    assert!(said.stderr.contains(&error), "{said:?}");
}

/// Events go to those who may see them: nobody learns from the stream what no method would tell.
#[tokio::test]
async fn events_go_only_to_those_with_the_scope() {
    let model = Model::start();
    let home = Home::baseline(&model.url);
    let up = home.up();
    let mut operator = up.operator().await;
    let mut listeners = Vec::new();
    for (scopes, hears) in [
        (&[][..], &[][..]),
        (&["operator.pairing"], &[]),
        (&["operator.approvals"], &["exec.approval.requested", "exec.approval.resolved"]),
        (&["operator.read"], &["agent", "chat", "session.message"]),
    ] {
        let mut raw = Raw::open(up.address).await;
        assert_eq!(raw.connect(&params(scopes)).await["ok"], true);
        listeners.push((raw, scopes, hears));
    }
    model.calls("exec", json!({ "command": "echo secret-of-the-turn" })).says("Done.");
    let turn = send(&mut operator, "do it").await;
    let asked = event(&mut operator, "a question", |event| event.name == "exec.approval.requested").await;
    let no = json!({ "id": asked.payload["id"], "decision": "deny" });
    operator.call("exec.approval.resolve", no).await.expect("denied");
    answer(&mut operator, &turn).await.expect("an answer");
    for (mut raw, scopes, hears) in listeners {
        // The turn ended before this: a connection that has answered this often since has also passed on
        // what it was to pass on.
        let mut heard: Vec<String> = Vec::new();
        for _ in 0..32 {
            raw.say(r#"{"type":"req","id":"again","method":"health"}"#).await;
            loop {
                let Heard::Frame(frame) = raw.hear().await else { panic!("the connection stays") };
                if frame["id"] == "again" {
                    break;
                }
                let name = frame["event"].as_str().expect("an event").to_owned();
                if !matches!(name.as_str(), "health" | "tick") && !heard.contains(&name) {
                    assert!(hears.contains(&name.as_str()), "{name} went to {scopes:?}: {frame}");
                    heard.push(name);
                }
            }
        }
        heard.sort_unstable();
        assert_eq!(heard, hears, "{scopes:?}");
    }
}
