//! A model's answer over a real socket: what comes through, and what a hostile or broken provider
//! can do. The wire formats themselves are tested beside the code.
#![allow(clippy::disallowed_methods, reason = "the scripted server runs outside the crate's rules")]

mod support;

use std::time::{Duration, Instant};

use stockade_agent::model::{Endpoint, Model, ModelError, ModelEvent, Patience, StopReason};
use stockade_agent::{Api, ClientError, Phase};
use stockade_core::Secret;
use support::{KEY, Server, Step, all, ask, model, response, stream, stream_head};
use url::Url;

const HELLO: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\n";
const CALL: &str = "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\
    \"function\":{\"name\":\"exec\",\"arguments\":\"{\\\"command\\\":\\\"ls\\\"}\"}}]}}]}\n\n";
const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const DONE: &str = "data: [DONE]\n\n";

fn hello() -> Vec<ModelEvent> {
    vec![ModelEvent::Text("Hello".to_owned()), ModelEvent::Finished { stop: StopReason::End, usage: None }]
}

#[tokio::test]
async fn text_arrives_while_the_answer_is_still_being_written() {
    let server = Server::start(vec![vec![stream_head(), Step::Send(HELLO.into()), Step::Hang]]);
    let model = model(&server, Api::OpenAiCompletions);
    let mut answer = ask(&model).await.expect("begins");
    assert_eq!(answer.next().await, Ok(Some(ModelEvent::Text("Hello".to_owned()))));
    let error = answer.next().await.expect_err("nothing more comes");
    assert!(
        matches!(error, ModelError::Connection { error: ClientError::Timeout { phase: Phase::Idle, .. }, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn the_request_carries_the_key_in_its_header_and_nowhere_else() {
    let server = Server::start(vec![stream(&[HELLO, STOP, DONE].concat())]);
    assert_eq!(all(&model(&server, Api::OpenAiCompletions)).await, (hello(), None));
    let request = &server.requests()[0];
    assert!(request.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{request}");
    assert_eq!(request.matches(KEY).count(), 1);
    assert!(
        request.contains(&format!("authorization: Bearer {KEY}\r\n")) && request.contains("x-extra: extra-value\r\n")
    );

    let server = Server::start(vec![stream("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")]);
    let (events, error) = all(&model(&server, Api::AnthropicMessages)).await;
    assert_eq!((events, error), (vec![ModelEvent::Finished { stop: StopReason::Other, usage: None }], None));
    let request = &server.requests()[0];
    assert!(
        request.starts_with("POST /v1/messages HTTP/1.1\r\n") && request.contains("anthropic-version: 2023-06-01\r\n")
    );
    assert!(request.contains(&format!("x-api-key: {KEY}\r\n")) && !request.contains("authorization"));
}

#[tokio::test]
async fn dropping_the_answer_closes_the_connection() {
    let server = Server::start(vec![vec![stream_head(), Step::Send(HELLO.into()), Step::Hang]]);
    let model = model(&server, Api::OpenAiCompletions);
    let mut answer = ask(&model).await.expect("begins");
    answer.next().await.expect("a first event");
    drop(answer);
    tokio::task::spawn_blocking(move || server.wait_for_departure()).await.expect("the client left");
}

#[tokio::test]
async fn a_stream_that_breaks_off_proposes_no_call() {
    let server = Server::start(vec![stream(&[HELLO, CALL].concat())]);
    let (events, error) = all(&model(&server, Api::OpenAiCompletions)).await;
    assert_eq!(events, [ModelEvent::Text("Hello".to_owned())]);
    assert_eq!(error, Some(ModelError::Cut { provider: "test".to_owned() }));
    assert_eq!(server.requests().len(), 1, "an answer that has begun is not asked for again");

    let short = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9999\r\n\r\n";
    let server = Server::start(vec![vec![Step::Send([short, HELLO, CALL].concat().into())]]);
    let (events, error) = all(&model(&server, Api::OpenAiCompletions)).await;
    assert_eq!(events, [ModelEvent::Text("Hello".to_owned())]);
    assert!(matches!(error, Some(ModelError::Connection { error: ClientError::Broken { .. }, .. })), "{error:?}");
}

#[tokio::test]
async fn a_stream_without_the_end_marker_ends_with_its_reason() {
    let server = Server::start(vec![stream(&[HELLO, STOP].concat())]);
    assert_eq!(all(&model(&server, Api::OpenAiCompletions)).await, (hello(), None));
}

#[tokio::test]
async fn endless_lines_bombs_and_garbage_are_refused() {
    let endless = vec![stream_head(), Step::Send(b"data: ".to_vec()), Step::Forever(vec![b'x'; 65536])];
    let server = Server::start(vec![endless]);
    let (_, error) = all(&model(&server, Api::OpenAiCompletions)).await;
    assert!(matches!(&error, Some(ModelError::Malformed { what, .. }) if what.contains("1 MiB")), "{error:?}");
    tokio::task::spawn_blocking(move || server.wait_for_departure()).await.expect("the client left");

    let bomb = format!("data: {}\n\n", "[".repeat(500_000));
    for garbage in [b"data: \xff\xfe\n\n".to_vec(), bomb.into_bytes(), b"data: {\"choices\": \n\n".to_vec()] {
        let server = Server::start(vec![vec![stream_head(), Step::Send(garbage)]]);
        let (events, error) = all(&model(&server, Api::OpenAiCompletions)).await;
        assert!(events.is_empty() && matches!(error, Some(ModelError::Malformed { .. })), "{error:?}");
    }
    let server = Server::start(vec![response("200 OK", "content-type: text/html\r\n", "<html>")]);
    let (_, error) = all(&model(&server, Api::OpenAiCompletions)).await;
    assert!(matches!(error, Some(ModelError::Malformed { .. })), "{error:?}");
}

#[tokio::test]
async fn failures_before_the_answer_are_retried() {
    let good = stream(&[HELLO, STOP, DONE].concat());
    let server = Server::start(vec![response("500 Oops", "", "x"), response("503 Busy", "", "x"), good.clone()]);
    assert_eq!(all(&model(&server, Api::OpenAiCompletions)).await, (hello(), None));
    assert_eq!(server.requests().len(), 3);

    let server = Server::start(vec![response("429 Slow", "retry-after: 1\r\n", "x"), good.clone()]);
    let started = Instant::now();
    assert_eq!(all(&model(&server, Api::OpenAiCompletions)).await, (hello(), None));
    assert!(started.elapsed() >= Duration::from_secs(1), "the provider's wait is honoured");

    // A connection that closes without an answer.
    let server = Server::start(vec![vec![], good]);
    assert_eq!(all(&model(&server, Api::OpenAiCompletions)).await, (hello(), None));
}

#[tokio::test]
async fn retries_end() {
    let server = Server::start(vec![response("500 Oops", "", "x")]);
    let (_, error) = all(&model(&server, Api::OpenAiCompletions)).await;
    assert!(matches!(error, Some(ModelError::Status { status: 500, .. })), "{error:?}");
    assert_eq!(server.requests().len(), 4);

    // Too long a wait, and a refusal, are final at once.
    for (status, headers) in
        [("429 Slow", "retry-after: 31\r\n"), ("401 No", ""), ("400 Bad", ""), ("302 Found", "location: /x\r\n")]
    {
        let server = Server::start(vec![response(status, headers, "x")]);
        let (_, error) = all(&model(&server, Api::OpenAiCompletions)).await;
        assert!(matches!(error, Some(ModelError::Status { .. })), "{error:?}");
        assert_eq!(server.requests().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_provider_that_never_answers_is_left() {
    let server = Server::start(vec![vec![Step::Hang]]);
    let started = Instant::now();
    let mut model = model(&server, Api::OpenAiCompletions);
    let (_, error) = all(&model).await;
    let timed_out = |error: &Option<ModelError>| {
        matches!(
            error,
            Some(ModelError::Connection { error: ClientError::Timeout { phase: Phase::FirstByte, .. }, .. })
        )
    };
    assert!(timed_out(&error), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(8));

    let server = Server::start(vec![vec![stream_head(), Step::Hang]]);
    model = support::model(&server, Api::OpenAiCompletions);
    let (_, error) = all(&model).await;
    assert!(timed_out(&error), "{error:?}");
}

#[tokio::test]
async fn errors_repeat_no_secret_and_no_endless_text() {
    let body = format!("{{\"error\":{{\"message\":\"bad key {KEY}\\u001b[2K {}\"}}}}", "y".repeat(5000));
    let server = Server::start(vec![response("401 No", "", body)]);
    let model = model(&server, Api::OpenAiCompletions);
    let (_, error) = all(&model).await;
    let error = error.expect("an error");
    let shown = format!("{error} {error:?} {model:?}");
    assert!(!shown.contains(KEY) && !shown.contains("extra-value") && !shown.contains('\u{1b}'), "{shown}");
    assert!(error.to_string().starts_with("provider \"test\" answered 401: bad key [secret]"), "{error}");
    assert!(error.to_string().len() < 500);
}

#[tokio::test]
async fn nobody_listens() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let server = Server::start(vec![vec![]]);
    let gone = Server { port, ..server };
    let (_, error) = all(&model(&gone, Api::OpenAiCompletions)).await;
    let Some(ModelError::Connection { error: ClientError::Unreachable { why, .. }, .. }) = error else {
        panic!("unreachable, not {error:?}");
    };
    assert!(why.to_lowercase().contains("refused"), "{why}");
}

#[test]
fn an_unusable_endpoint_is_named_by_its_key() {
    let endpoint = |base_url: &str, key: &str, header: &str| Endpoint {
        id: "p".to_owned(),
        base_url: Url::parse(base_url).expect("a URL"),
        api_key: Some(Secret::new(key)),
        api: Api::AnthropicMessages,
        headers: std::collections::BTreeMap::from([(header.to_owned(), Secret::new("header-secret"))]),
    };
    let good = endpoint("https://h/v1", KEY, "x-a");
    let shown = format!("{good:?} {:?}", Model::new(good.clone(), Patience::default()));
    assert!(shown.contains("Ok(") && !shown.contains(KEY) && !shown.contains("header-secret"), "{shown}");
    for (endpoint, key) in [
        (endpoint("https://user:hunter2@h/v1", KEY, "x-a"), "baseUrl"),
        (endpoint("https://h/v1?key=1", KEY, "x-a"), "baseUrl"),
        (endpoint("file:///v1", KEY, "x-a"), "baseUrl"),
        (endpoint("https://h/v1", "two\nlines-of-a-key", "x-a"), "apiKey"),
        (endpoint("https://h/v1", KEY, "Host"), "headers"),
        (endpoint("https://h/v1", KEY, "a b"), "headers"),
    ] {
        let error = Model::new(endpoint, Patience::default()).expect_err("refused").to_string();
        assert!(error.starts_with(&format!("models.providers.p.{key}")), "{error}");
        assert!(!error.contains("hunter2") && !error.contains("lines-of"), "{error}");
    }
}

#[test]
fn what_a_turn_holds_can_move_between_threads() {
    fn movable<T: Send>(_: &T) {}
    let server = Server::start(vec![vec![]]);
    let model = model(&server, Api::OpenAiCompletions);
    movable(&model);
    movable(&all(&model));
}
