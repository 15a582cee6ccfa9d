//! Gateways and engines that mean harm: none may hold up the audit, get the secret, or be taken for sound.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::json;

use super::*;
use crate::snapshot::live::{Outcome, Way};
use crate::testing::snapshot;

const TOKEN: &str = "9c1f0b7a5e38d24611fa0c93b7e2d85f40a6c97be1138d52f6077ae4c9b1d305";
type Server = fn(TcpStream);

const WAIT: Duration = Duration::from_millis(1500);

fn target(timeout: Duration) -> Target {
    Target { token: Some(Secret::new(TOKEN)), password: None, port: None, docker_host: None, timeout }
}

/// A server of one thread for each connection; what it hears is kept.
fn serve(answer: impl Fn(TcpStream, &Mutex<Vec<u8>>) + Send + Sync + 'static) -> (u16, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let port = listener.local_addr().expect("an address").port();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (answer, kept) = (Arc::new(answer), Arc::clone(&heard));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (answer, kept) = (Arc::clone(&answer), Arc::clone(&kept));
            std::thread::spawn(move || answer(stream, &kept));
        }
    });
    (port, heard)
}

/// A look at a server that answers: what it says counts, and not how soon on a busy machine.
fn probed(port: u16, uid: u32) -> GatewayFacts {
    probed_within(port, uid, WAIT * 20).0
}

fn probed_within(port: u16, uid: u32, timeout: Duration) -> (GatewayFacts, Duration) {
    let begin = Instant::now();
    let mut install = snapshot(json!({"gateway": {"auth": {"mode": "token", "token": TOKEN}}}));
    install.install.uid = 1000;
    let listener = Listener { address: IpAddr::from([127, 0, 0, 1]), port, uid, pid: None, program: None };
    let facts = probe(&install, &target(timeout), port, &[listener], &mut Vec::new());
    (facts, begin.elapsed())
}

/// Ends a connection once the other side has: what is closed with something unread in it is reset, and what was sent
/// with it lost.
fn finish(mut stream: &TcpStream) {
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut rest = [0; 1024];
    while stream.read(&mut rest).is_ok_and(|read| read > 0) {}
}

/// Reads the head of a request.
fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap_or_default()
}

#[test]
fn nothing_there_is_said_as_openclaw_says_it() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("an address").port();
    let facts = probed(port, 1000);
    assert_eq!(facts.url, format!("ws://127.0.0.1:{port}"));
    assert_eq!(facts.error, Some(format!("connect ECONNREFUSED 127.0.0.1:{port}")));
    assert_eq!((facts.ok, facts.close, facts.attempts.len()), (false, Some((1006, String::new())), 0));
}

#[test]
fn a_hostile_server_holds_up_nobody() {
    let servers: [(&str, Server); 7] = [
        ("says nothing", |stream| {
            std::thread::sleep(Duration::from_secs(20));
            drop(stream);
        }),
        ("closes", drop),
        ("speaks SSH", |mut stream| drop(stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n"))),
        ("sends headers without end", |mut stream| {
            let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n");
            while stream.write_all(b"X-More: and more\r\n").is_ok() {}
        }),
        ("sends a byte now and then", |mut stream| {
            while stream.write_all(b"H").is_ok() {
                std::thread::sleep(Duration::from_millis(50));
            }
        }),
        ("sends zeros without end", |mut stream| while stream.write_all(&[0; 4096]).is_ok() {}),
        ("accepts no key", |mut stream| {
            head(&mut stream);
            let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: x\r\n\r\n");
        }),
    ];
    for (name, server) in servers {
        let (port, _) = serve(move |stream, _| server(stream));
        let (facts, took) = probed_within(port, 1000, WAIT);
        assert!(!facts.ok && facts.attempts.is_empty() && facts.error.is_some(), "{name}: {facts:?}");
        assert!(took < WAIT * 2, "{name} took {took:?}");
    }
}

#[test]
fn frames_that_no_gateway_sends_end_too() {
    for frames in [
        vec![vec![0x81, 0x7f, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
        vec![vec![0x82, 2, 1, 2]],
        vec![b"\x81\x02{}".to_vec()],
        vec![b"\x81\x04nope".to_vec()],
        vec![b"\x81\x02\xff\xff".to_vec()],
        vec![b"\x89\x00".to_vec(); 5000],
        vec![[&[0x81, 0x7e, 0x40, 0][..], "[".repeat(0x4000).as_bytes()].concat()],
    ] {
        let (facts, took) = probed_within(socket(frames), 1000, WAIT);
        assert!(!facts.ok && facts.stranger, "{facts:?}");
        assert!(took < WAIT * 2, "{took:?}");
    }
}

/// A server that upgrades by the rules and sends these frames.
fn socket(frames: Vec<Vec<u8>>) -> u16 {
    serve(move |stream, _| {
        let Ok(mut socket) = tungstenite::accept(stream).map(|socket| socket.get_ref().try_clone().expect("a stream"))
        else {
            return;
        };
        for frame in &frames {
            if socket.write_all(frame).is_err() {
                return;
            }
        }
        std::thread::sleep(WAIT * 2);
    })
    .0
}

/// A gateway that lets in by these rules: which `connect` frames, which HTTP requests.
fn gateway(admits: fn(&str, &Value) -> bool, http: fn(&str) -> u16) -> (u16, Arc<Mutex<Vec<u8>>>) {
    serve(move |mut stream, kept| {
        let mut peek = [0; 4];
        let _ = stream.peek(&mut peek);
        if &peek == b"POST" {
            let asked = head(&mut stream).to_ascii_lowercase();
            let _ = write!(stream, "HTTP/1.1 {} X\r\ncontent-length: 0\r\n\r\n", http(&asked));
            finish(&stream);
            return;
        }
        let mut headers = String::new();
        let Ok(mut socket) =
            tungstenite::accept_hdr(stream, |request: &tungstenite::handshake::server::Request, response| {
                headers = format!("{:?}", request.headers()).to_ascii_lowercase();
                Ok(response)
            })
        else {
            return;
        };
        let challenge = json!({"type": "event", "event": "connect.challenge", "payload": {"nonce": "n", "ts": 1}});
        let _ = socket.send(tungstenite::Message::Text(challenge.to_string().into()));
        let Ok(tungstenite::Message::Text(said)) = socket.read() else { return };
        kept.lock().expect("not poisoned").extend(said.as_bytes());
        let said: Value = serde_json::from_str(&said).expect("JSON");
        let answer = if admits(&headers, &said["params"]["auth"]) {
            json!({"type": "res", "id": said["id"], "ok": true, "payload": {"auth": {"scopes": ["operator.read"]}}})
        } else {
            json!({"type": "res", "id": said["id"], "ok": false, "error": {"code": "INVALID_REQUEST", "message": "no",
                "details": {"code": "AUTH_TOKEN_MISMATCH"}}})
        };
        let _ = socket.send(tungstenite::Message::Text(answer.to_string().into()));
        let _ = socket.read();
    })
}

fn said(facts: GatewayFacts) -> Vec<String> {
    let mut install = snapshot(json!({"gateway": {"auth": {"mode": "token", "token": TOKEN}}}));
    install.live = Some(Live { gateway: facts, ..Live::default() });
    crate::testing::said(&install, "probe.")
}

#[test]
fn a_sound_gateway_is_silent_and_is_guessed_at_once() {
    let (port, heard) = gateway(
        |headers, auth| auth["token"] == TOKEN && !headers.contains("origin") && !headers.contains("forwarded"),
        |_| 401,
    );
    let facts = probed(port, 1000);
    assert!(facts.ok, "{facts:?}");
    assert_eq!(facts.outcome(&Way::WrongSecret), Some(&Outcome::Refused("AUTH_TOKEN_MISMATCH".into())));
    assert_eq!(said(facts), Vec::<String>::new());
    let heard = String::from_utf8(heard.lock().expect("not poisoned").clone()).expect("text");
    assert_eq!(heard.matches("\"token\"").count() - heard.matches(TOKEN).count(), 1, "one guess: {heard}");
    assert!(!heard.contains("operator.admin") && !heard.contains("operator.write"));
}

#[test]
fn a_gateway_with_a_hole_is_found_out() {
    let anything = gateway(|_, _| true, |_| 401).0;
    assert_eq!(
        said(probed(anything, 1000)),
        [
            "critical probe.foreign_host_accepted",
            "critical probe.foreign_origin_accepted",
            "critical probe.no_auth_needed"
        ]
    );
    let any_token = gateway(|headers, auth| auth["token"].is_string() && !headers.contains("origin"), |_| 401).0;
    assert_eq!(said(probed(any_token, 1000)), ["critical probe.wrong_token_accepted"]);
    let believes = gateway(
        |headers, auth| auth["token"] == TOKEN && !headers.contains("origin") || headers.contains("\"127.0.0.1\""),
        |_| 401,
    )
    .0;
    assert_eq!(said(probed(believes, 1000)), ["critical probe.forged_forwarding_accepted"]);
    let pages = gateway(|headers, auth| auth["token"] == TOKEN && !headers.contains("forwarded"), |_| 401).0;
    assert_eq!(said(probed(pages, 1000)), ["warn probe.foreign_host_accepted", "warn probe.foreign_origin_accepted"]);
    let sound: fn(&str, &Value) -> bool = |headers, auth| auth["token"] == TOKEN && !headers.contains("origin");
    let http = gateway(sound, |asked| if asked.starts_with("post /tools/invoke") { 400 } else { 401 }).0;
    assert_eq!(
        said(probed(http, 1000)),
        [
            "critical probe.foreign_host_accepted",
            "critical probe.foreign_origin_accepted",
            "critical probe.http_without_auth"
        ]
    );
    let forged = gateway(sound, |asked| if asked.contains("x-real-ip: 127.0.0.1") { 400 } else { 401 }).0;
    assert_eq!(said(probed(forged, 1000)), ["critical probe.forged_forwarding_accepted"]);
}

#[test]
fn the_secret_is_not_shown_to_another_users_process() {
    let (port, heard) = gateway(|_, _| false, |_| 401);
    let facts = probed(port, 1001);
    assert!(!facts.ok && !facts.attempts.is_empty());
    let text = |heard: &Mutex<Vec<u8>>| String::from_utf8(heard.lock().expect("not poisoned").clone()).expect("text");
    assert!(!text(&heard).contains(TOKEN));
    let (port, heard) = gateway(|_, _| false, |_| 401);
    probed(port, 1000);
    assert!(text(&heard).contains(TOKEN), "the operator's own is shown it");
}

#[test]
fn a_gateway_that_repeats_the_secret_does_not_put_it_into_the_report() {
    let (port, _) = serve(|stream, _| {
        let Ok(mut socket) = tungstenite::accept(stream) else { return };
        let _ = socket.send(tungstenite::Message::Text(json!({"event": "connect.challenge"}).to_string().into()));
        let long = format!("{}{TOKEN}", "x".repeat(170));
        let error = json!({"message": long, "code": TOKEN, "details": {"code": TOKEN}});
        let answer = json!({"type": "res", "id": "1", "ok": false, "error": error});
        let _ = socket.send(tungstenite::Message::Text(answer.to_string().into()));
        let code = tungstenite::protocol::frame::coding::CloseCode::Policy;
        let _ = socket.close(Some(tungstenite::protocol::CloseFrame { code, reason: TOKEN.into() }));
        let _ = socket.flush();
        finish(socket.get_ref());
    });
    let facts = probed(port, 1000);
    assert_eq!(facts.close, Some((1008, "…".to_owned())), "{facts:?}");
    assert!(!format!("{facts:?}").contains(&TOKEN[..8]), "{facts:?}");
}

#[test]
fn the_secret_does_not_go_over_the_public_internet_in_plain() {
    for (url, works) in [
        ("ws://127.0.0.1:18789", true),
        ("ws://192.168.1.7:18789/", true),
        ("ws://100.64.0.1", true),
        ("ws://[::1]:1", true),
        ("ws://203.0.113.7:18789", false),
        ("ws://[2001:db8::1]:18789", false),
        ("wss://192.168.1.7", false),
        ("http://127.0.0.1", false),
        ("", false),
    ] {
        assert_eq!(resolved(url, WAIT).is_ok(), works, "{url}");
    }
    assert_eq!(plain("wss://op:secret@gw.example:9/x?token=secret"), "wss://gw.example:9/x");
    assert_eq!(plain("secret"), "gateway.remote.url");
}

#[test]
fn a_socket_beyond_loopback_is_spoken_to_where_it_listens() {
    let at = |addresses: &[&str]| {
        let listener = |address: &&str| Listener {
            address: address.parse().expect("an address"),
            port: 9,
            uid: 0,
            pid: None,
            program: None,
        };
        local(9, &addresses.iter().map(listener).collect::<Vec<_>>()).to_string()
    };
    assert_eq!(at(&[]), "127.0.0.1:9");
    assert_eq!(at(&["0.0.0.0"]), "127.0.0.1:9");
    assert_eq!(at(&["::"]), "127.0.0.1:9");
    assert_eq!(at(&["::1"]), "[::1]:9");
    assert_eq!(at(&["100.64.0.9", "127.0.0.1"]), "127.0.0.1:9");
    assert_eq!(at(&["100.64.0.9"]), "100.64.0.9:9");
}

#[test]
fn hostile_engines_end() {
    let answers: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("garbage", vec![0xff; 1000]),
        ("not JSON", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno".to_vec()),
        ("deep", [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), "[".repeat(100_000).as_bytes()].concat()),
        ("an error", b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n".to_vec()),
        ("a huge length", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n".to_vec()),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    for (name, answer) in answers {
        let path = folder.path().join(name.replace(' ', "-"));
        let listener = UnixListener::bind(&path).expect("bound");
        let silent = answer.is_empty();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer);
                let _ = stream.write_all(&answer);
                if silent {
                    std::thread::sleep(WAIT * 3);
                }
            }
        });
        let begin = Instant::now();
        let found = engine::containers(Some(&format!("unix://{}", path.display())), 4_000_000, WAIT);
        assert!(found.containers.is_empty() && begin.elapsed() < WAIT * 2, "{name}");
        let own = path.display().to_string();
        if silent {
            assert_eq!(found.silent, Some(own));
        } else {
            assert!(found.troubles.iter().any(|trouble| trouble.path == own), "{name}: {:?}", found.troubles);
        }
    }
    let nowhere = engine::containers(Some("unix:///nowhere/at/all.sock"), 4_000_000, WAIT);
    assert!(nowhere.containers.is_empty() && nowhere.silent.is_none());
}

#[test]
fn an_engine_whose_queue_is_full_is_no_wait() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("full.sock");
    let _listener = UnixListener::bind(&path).expect("bound");
    let begin = Instant::now();
    let mut held = Vec::new();
    loop {
        match line::Line::unix(&path, Instant::now() + WAIT) {
            Ok(line) => held.push(line),
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
                break;
            }
        }
        assert!(held.len() < 100_000);
    }
    assert!(begin.elapsed() < Duration::from_secs(10));
}
