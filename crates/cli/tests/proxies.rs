//! Promise: a proxy in front of the gateway lends nobody its nearness, and everyone behind it is counted
//! for himself.
#![allow(clippy::disallowed_methods, reason = "the tests speak to the port as a proxy would")]

mod support;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use support::{Home, TOKEN, Up};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

const NO_MODEL: &str = "http://127.0.0.1:1";

/// A home whose gateway believes these proxies.
fn behind(proxies: &str) -> Home {
    let home = Home::baseline(NO_MODEL);
    let port = format!("port: {},", home.port);
    home.edit("openclaw.json", &port, &format!("{port} trustedProxies: {proxies},"));
    home
}

/// The answer to a one-shot client's `connect` through a proxy that adds these headers.
async fn connect(up: &Up, headers: &[(&'static str, &str)], token: &str) -> Value {
    let mut request = format!("ws://{}/", up.address).into_client_request().expect("a request");
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().expect("a value"));
    }
    let stream = tokio::net::TcpStream::connect(up.address).await.expect("a connection");
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.expect("an upgrade");
    let frame = json!({ "type": "req", "id": "1", "method": "connect", "params": {
        "minProtocol": 4, "maxProtocol": 4, "role": "operator", "scopes": ["operator.admin"], "auth": { "token": token },
        "client": { "id": "cli", "mode": "cli", "version": "1", "platform": "linux" },
    }});
    socket.send(Message::Text(frame.to_string().into())).await.expect("sent");
    loop {
        let message = socket.next().await.expect("an answer").expect("a frame");
        let Message::Text(text) = message else { panic!("no answer: {message:?}") };
        let frame: Value = serde_json::from_str(&text).expect("JSON");
        if frame["type"] == "res" {
            return frame;
        }
    }
}

fn scopes(answer: &Value) -> &Value {
    &answer["payload"]["auth"]["scopes"]
}

#[tokio::test]
async fn nobody_is_local_through_a_proxy_on_this_machine() {
    let home = behind("['127.0.0.1']");
    let up = home.up();
    for headers in [
        &[("x-forwarded-for", "203.0.113.9")][..],
        &[("x-forwarded-for", "127.0.0.1")],
        &[("x-forwarded-for", "::1, 127.0.0.1")],
        &[("x-forwarded-for", "127.0.0.1"), ("x-forwarded-for", "203.0.113.9")],
        &[("forwarded", "for=127.0.0.1")],
        &[("x-real-ip", "127.0.0.1")],
        &[],
    ] {
        let answer = connect(&up, headers, TOKEN).await;
        assert_eq!(scopes(&answer), &json!([]), "{headers:?}: {answer}");
    }
    drop(up);
    // The same request without a proxy is the operator's own.
    let home = Home::baseline(NO_MODEL);
    let up = home.up();
    assert_eq!(scopes(&connect(&up, &[], TOKEN).await), &json!(["operator.admin"]));
}

#[tokio::test]
async fn guesses_are_counted_for_the_client_behind_the_proxy() {
    let home = behind("['127.0.0.0/8']");
    let up = home.up();
    let code = |answer: &Value| answer["error"]["details"]["code"].as_str().unwrap_or_default().to_owned();
    // The left-most address is what the guesser says of itself: changing it buys no new attempts.
    for n in 0..10 {
        let claim = format!("127.0.0.{n}, 203.0.113.9");
        let answer = connect(&up, &[("x-forwarded-for", &claim)], "wrong").await;
        assert_eq!(code(&answer), "AUTH_TOKEN_MISMATCH", "{answer}");
    }
    let answer = connect(&up, &[("x-forwarded-for", "198.51.100.1, 203.0.113.9")], TOKEN).await;
    assert_eq!(code(&answer), "AUTH_RATE_LIMITED", "{answer}");
    let answer = connect(&up, &[("x-forwarded-for", "203.0.113.9, 198.51.100.1")], TOKEN).await;
    assert_eq!(answer["ok"], true, "another client is not locked out: {answer}");
}

#[test]
fn a_proxy_that_was_not_declared_is_refused() {
    let home = behind("['10.0.0.1']");
    let up = home.up();
    for header in ["x-forwarded-for: 10.0.0.1", "forwarded: for=127.0.0.1", "x-real-ip: 127.0.0.1", "via: 1.1 x"] {
        let request = format!("GET /healthz HTTP/1.1\r\nhost: {}\r\n{header}\r\nconnection: close\r\n\r\n", up.address);
        let (status, answer) = up.http(&request);
        assert_eq!(status, 403, "{header}");
        assert!(answer.contains("proxy_attribution_required"), "{answer}");
    }
    assert_eq!(up.get("/healthz").0, 200);
}

#[test]
fn a_proxy_that_is_no_address_keeps_the_gateway_from_starting() {
    for entry in ["proxy.lan", "10.0.0.0/33", "", "*"] {
        let home = behind(&format!("['127.0.0.1', '{entry}']"));
        let ran = home.run(&["up"]);
        assert!(!ran.status.success(), "{entry:?}");
        assert!(ran.stderr.contains("gateway.trustedProxies[1]"), "{entry:?}: {}", ran.stderr);
    }
}
