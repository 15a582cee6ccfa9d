//! `web_fetch` against real sockets: what must not be reached is a listener that notes every
//! connection, so that the evidence is the listener's and not the client's word.
#![allow(clippy::disallowed_methods, reason = "the scripted server runs outside the crate's rules")]

mod support;

use std::time::{Duration, Instant};

use stockade_agent::{FetchOutput, FetchRefusal, GuardedClient, Timeouts, fetch};
use stockade_core::{AgentId, Because, Digest, ManualClock, Rule, SessionKey, Timestamp, TurnId};
use stockade_policy::egress::EgressPolicy;
use stockade_policy::{CallContext, FetchCall, testing};
use support::{Server, Step, response, short};
use url::Url;

const NOW: Timestamp = Timestamp(1_795_374_704_000);

async fn try_fetch(policy: &EgressPolicy, url: &str, max_chars: usize) -> Result<FetchOutput, FetchRefusal> {
    fetch_at(policy, url, max_chars, NOW).await
}

async fn fetch_at(
    policy: &EgressPolicy,
    url: &str,
    max_chars: usize,
    now: Timestamp,
) -> Result<FetchOutput, FetchRefusal> {
    let agent = AgentId::parse("main").expect("an id");
    let context = CallContext {
        session: SessionKey::main(&agent),
        agent,
        sender: stockade_policy::Sender::owner(),
        turn: TurnId::parse("turn-1").expect("an id"),
        call_id: "call_1".to_owned(),
        generation: Digest::of(b"policy"),
    };
    let url = Url::parse(url).expect("a URL");
    let call = FetchCall { context, url, words: stockade_policy::Words::Owner, untrusted: false, max_chars };
    let client = GuardedClient::new(Timeouts { connect: Duration::from_secs(5), ..short() });
    fetch(&client, testing::permit(call, NOW), policy, &ManualClock::new(now)).await
}

fn allow(origins: &[String]) -> EgressPolicy {
    EgressPolicy::new(origins).expect("origins")
}

fn denied(result: &Result<FetchOutput, FetchRefusal>) -> bool {
    matches!(result, Err(FetchRefusal::Denied(denial)) if denial.rule == Rule::Egress)
}

#[tokio::test]
async fn an_allowed_origin_is_fetched() {
    let page = "<title>T</title><p>Hello <a href=/x>there</a>";
    let server = Server::start(vec![response("200 OK", "content-type: Text/HTML; charset=utf-8\r\n", page)]);
    let output = try_fetch(&allow(&[server.origin()]), server.url("/p?q#f").as_str(), 1000).await.expect("fetches");
    assert_eq!((output.status, output.content_type.as_str(), output.truncated), (200, "text/html", false));
    assert_eq!(output.text, format!("T\nHello there ({}/x)", server.origin()));
    let request = &server.requests()[0];
    assert!(request.starts_with("GET /p?q HTTP/1.1\r\n"), "{request}");
    assert!(
        !request.contains("cookie") && !request.contains("authorization") && !request.contains("referer"),
        "{request}"
    );
}

#[tokio::test]
async fn nothing_inside_is_reached_in_any_spelling() {
    let canary = Server::start(vec![response("200 OK", "content-type: text/plain\r\n", "canary")]);
    let port = canary.port;
    let spellings = [
        "127.0.0.1", "localhost", "LOCALHOST.", "127.1", "0x7f.1", "0x7f000001", "2130706433", "0177.0.0.1",
        "127.0.0.1.", "0.0.0.0", "0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
        "127.0.0.2", "a.localhost", "１２７.０.０.１", "%31%32%37.0.0.1",
    ];
    for host in spellings {
        let result = try_fetch(&EgressPolicy::default(), &format!("http://{host}:{port}/"), 100).await;
        assert!(denied(&result), "{host}: {result:?}");
    }
    for url in [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://10.0.0.1/",
        "http://[64:ff9b::7f00:1]/",
    ] {
        let result = try_fetch(&EgressPolicy::default(), url, 100).await;
        assert!(denied(&result), "{url}: {result:?}");
    }
    assert_eq!(canary.requests(), Vec::<String>::new(), "the canary saw a connection");
}

#[tokio::test]
async fn an_allowed_origin_allows_nothing_beside_it() {
    let canary = Server::start(vec![response("200 OK", "content-type: text/plain\r\n", "canary")]);
    let policy = allow(&["http://127.0.0.1:1".to_owned()]);
    let port = canary.port;
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://127.0.0.1:1@127.0.0.1:{port}/"),
        format!("http://user:pass@127.0.0.1:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        "file:///etc/passwd".to_owned(),
        "ftp://127.0.0.1/".to_owned(),
        "data:text/plain,x".to_owned(),
    ] {
        let result = try_fetch(&policy, &url, 100).await;
        assert!(denied(&result), "{url}: {result:?}");
    }
    assert_eq!(canary.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a_redirect_is_judged_like_any_address() {
    let canary = Server::start(vec![response("200 OK", "content-type: text/plain\r\n", "canary")]);
    let canary_at = |host: &str| format!("http://{host}:{}/secret", canary.port);
    for target in [
        canary_at("127.0.0.1"),
        canary_at("localhost"),
        canary_at("[::ffff:127.0.0.1]"),
        canary_at("u:p@127.0.0.1"),
        format!("//127.0.0.1:{}/", canary.port),
        "file:///etc/passwd".to_owned(),
        "http://169.254.169.254/".to_owned(),
        "http://".to_owned(),
    ] {
        for status in ["301 M", "302 F", "303 S", "307 T", "308 P"] {
            let server = Server::start(vec![response(status, &format!("location: {target}\r\n"), "")]);
            let result = try_fetch(&allow(&[server.origin()]), server.url("/").as_str(), 100).await;
            assert!(denied(&result), "{status} {target}: {result:?}");
        }
    }
    assert_eq!(canary.requests(), Vec::<String>::new(), "the canary saw a connection");
}

#[tokio::test]
async fn allowed_redirects_are_followed_and_end() {
    let plain = response("200 OK", "content-type: text/plain\r\n", "arrived");
    let server = Server::start(vec![response("302 F", "location: /next\r\n", ""), plain.clone()]);
    let output = try_fetch(&allow(&[server.origin()]), server.url("/").as_str(), 100).await.expect("fetches");
    assert_eq!((output.text.as_str(), output.url.path()), ("arrived", "/next"));

    let other = Server::start(vec![plain]);
    let server = Server::start(vec![response("302 F", &format!("location: {}\r\n", other.url("/there")), "")]);
    let both = allow(&[server.origin(), other.origin()]);
    let output = try_fetch(&both, server.url("/").as_str(), 100).await.expect("fetches");
    assert_eq!(output.url, other.url("/there"));

    let circle = Server::start(vec![response("302 F", "location: /again\r\n", "")]);
    let result = try_fetch(&allow(&[circle.origin()]), circle.url("/").as_str(), 100).await;
    assert!(matches!(result, Err(FetchRefusal::Failed(_))), "{result:?}");
    assert_eq!(circle.requests().len(), 6);
}

#[tokio::test]
async fn what_comes_back_is_bounded() {
    let endless = vec![
        Step::Send(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n".to_vec()),
        Step::Forever(vec!["é".as_bytes(); 4096].concat()),
    ];
    let server = Server::start(vec![endless]);
    let output = try_fetch(&allow(&[server.origin()]), server.url("/").as_str(), 50).await.expect("fetches");
    assert_eq!((output.text, output.truncated), ("é".repeat(50), true));
    tokio::task::spawn_blocking(move || server.wait_for_departure()).await.expect("the client left");

    let headers = vec![Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()), Step::Forever(b"x-more: yes\r\n".to_vec())];
    let server = Server::start(vec![headers]);
    let result = try_fetch(&allow(&[server.origin()]), server.url("/").as_str(), 50).await;
    assert!(matches!(result, Err(FetchRefusal::Failed(_))), "{result:?}");

    let started = Instant::now();
    let server = Server::start(vec![vec![Step::Hang]]);
    let result = try_fetch(&allow(&[server.origin()]), server.url("/").as_str(), 50).await;
    assert!(matches!(result, Err(FetchRefusal::Failed(_))), "{result:?}");
    assert!(started.elapsed() < Duration::from_secs(8));
}

#[tokio::test]
async fn what_is_not_text_is_described() {
    let gzip = "content-type: text/html\r\ncontent-encoding: gzip\r\n";
    for (headers, note) in [
        ("content-type: image/png\r\n", "[content of type \"image/png\", 3 bytes: not text, so it was not read]"),
        (gzip, "[compressed content of type \"text/html\", 3 bytes: not text, so it was not read]"),
    ] {
        let server = Server::start(vec![response("200 OK", headers, "abc")]);
        let output = try_fetch(&allow(&[server.origin()]), server.url("/").as_str(), 100).await.expect("fetches");
        assert_eq!(output.text, note);
    }
    let server = Server::start(vec![response("404 No", "content-type: application/json\r\n", "{\"a\":1}")]);
    let output = try_fetch(&allow(&[server.origin()]), server.url("/").as_str(), 100).await.expect("fetches");
    assert_eq!((output.status, output.text.as_str()), (404, "{\"a\":1}"));
}

#[tokio::test]
async fn an_expired_permit_reaches_nothing() {
    let server = Server::start(vec![response("200 OK", "content-type: text/plain\r\n", "x")]);
    let late = NOW.after(Duration::from_secs(31));
    let result = fetch_at(&allow(&[server.origin()]), server.url("/").as_str(), 100, late).await;
    let Err(FetchRefusal::Denied(denial)) = result else { panic!("denied, not {result:?}") };
    assert_eq!((denial.rule, denial.because), (Rule::Permit, Because::Expired));
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn tls_does_not_fall_back_to_clear_text() {
    let server = Server::start(vec![response("200 OK", "content-type: text/plain\r\n", "not TLS")]);
    let https = format!("https://127.0.0.1:{}", server.port);
    let result = try_fetch(&allow(std::slice::from_ref(&https)), &https, 100).await;
    assert!(matches!(result, Err(FetchRefusal::Failed(_))), "{result:?}");
}

#[tokio::test]
async fn a_proxy_from_the_environment_is_not_used() {
    let canary = Server::start(vec![response("200 OK", "content-type: text/html\r\n", "from the proxy")]);
    let mut child = std::process::Command::new(std::env::current_exe().expect("this test"));
    child.args(["--exact", "an_allowed_origin_is_fetched"]);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
        child.env(name, canary.origin());
    }
    let output = child.env_remove("NO_PROXY").env_remove("no_proxy").output().expect("the test runs");
    let printed = stockade_core::text::lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
    assert_eq!(canary.requests(), Vec::<String>::new(), "the proxy saw a request");
}
