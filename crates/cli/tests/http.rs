//! Promise: to strangers the port says that it lives and nothing else, and none of them can hold it.
#![allow(clippy::disallowed_methods, reason = "the tests speak raw HTTP and start processes")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use support::{Home, PATIENCE};

const NO_MODEL: &str = "http://127.0.0.1:1";

#[test]
fn the_port_answers_probes_and_says_no_more() {
    let home = Home::baseline(NO_MODEL);
    let up = home.up();
    for (path, body) in [
        ("/healthz", r#"{"ok":true,"status":"live"}"#),
        ("/health", r#"{"ok":true,"status":"live"}"#),
        ("/readyz", r#"{"ready":true}"#),
        ("/startupz", r#"{"ok":true,"status":"started","version":"2026.9.6"}"#),
    ] {
        let (status, answer) = up.get(path);
        assert_eq!((status, answer.split("\r\n\r\n").nth(1)), (200, Some(body)), "{path}");
    }
    for path in ["/nope", "/.openclaw/openclaw.json", "/../openclaw.json", "/%2e%2e/openclaw.json", "/api/config"] {
        assert_eq!(up.get(path).0, 404, "{path}");
    }
    assert_eq!(up.get("/").0, 426, "the root is for WebSockets");
    for path in ["/healthz", "/nope", "/"] {
        let answer = up.get(path).1.to_lowercase();
        for header in [
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
            "content-security-policy: default-src 'none'",
        ] {
            assert!(answer.contains(header), "{path} lacks {header}: {answer}");
        }
        assert!(!answer.contains("access-control-allow"), "no other origin may read it: {answer}");
        assert!(!answer.contains("\r\nserver:"), "{answer}");
        for detail in [home.state().to_str().expect("text"), support::TOKEN, "smollm2", env!("CARGO_PKG_VERSION")] {
            assert!(!answer.contains(detail), "{path} tells {detail}");
        }
    }
}

#[test]
fn what_is_contained_is_alive_but_not_ready() {
    let home = Home::baseline(NO_MODEL);
    let up = home.up();
    assert!(home.run(&["incident", "contain", "--reason", "a private reason"]).status.success());
    let (status, answer) = up.get("/readyz");
    assert_eq!(status, 503);
    assert!(answer.ends_with(r#"{"ready":false}"#), "no reason for strangers: {answer}");
    assert_eq!(up.get("/healthz").0, 200);
    assert!(home.run(&["incident", "release"]).status.success());
    assert_eq!(up.get("/readyz").0, 200);
}

/// Two connections that would hold a place for ever: one sends a header byte by byte, one sends nothing.
#[test]
fn slow_clients_are_dropped() {
    let home = Home::baseline(NO_MODEL);
    let up = home.up();
    let silent = TcpStream::connect(up.address).expect("a connection");
    let mut slow = TcpStream::connect(up.address).expect("a connection");
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n").expect("sent");
    let mut dripping = slow.try_clone().expect("a second handle");
    let started = Instant::now();
    std::thread::spawn(move || {
        while dripping.write_all(b"x").is_ok() && started.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(200));
        }
    });
    for (what, mut stream) in [("slow", slow), ("silent", silent)] {
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
        let mut answer = [0; 4096];
        // The end of the stream, a reset, or a 408 and then the end: never an answer to the request.
        loop {
            match stream.read(&mut answer) {
                Ok(0) => break,
                Ok(_) => assert!(!answer.starts_with(b"HTTP/1.1 200"), "{what}"),
                Err(error) => {
                    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{what} still holds its place");
                    break;
                }
            }
        }
    }
    assert_eq!(up.get("/healthz").0, 200, "others are served all the while");
}

#[test]
fn oversized_headers_are_refused() {
    let home = Home::baseline(NO_MODEL);
    let up = home.up();
    let mut stream = TcpStream::connect(up.address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    let head = format!("GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nx: {}\r\n\r\n", "a".repeat(256 * 1024));
    // The other side may close while this is still being sent.
    let _ = stream.write_all(head.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    assert_eq!(up.get("/healthz").0, 200);
}
