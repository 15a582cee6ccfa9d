//! Promise: nobody gets further than they have proved, guessing gets slower, and a connection does what its
//! scopes say and nothing else.
#![allow(clippy::disallowed_methods, reason = "the tests start processes and speak to the port themselves")]

mod support;

use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use support::raw::{Heard, Raw, params};
use support::{Home, TOKEN, Up};

fn gateway() -> (Home, Up) {
    let home = Home::baseline("http://127.0.0.1:1");
    let up = home.up();
    (home, up)
}

fn with(mut params: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
    params.pointer_mut(parent).expect("a parent")[field] = value;
    params
}

/// `connect` on a fresh connection: the answer, and the close that follows a refusal.
async fn attempt(up: &Up, params: &Value) -> (Value, Option<u16>) {
    let mut raw = Raw::open(up.address).await;
    refused(&mut raw, params).await
}

async fn refused(raw: &mut Raw, params: &Value) -> (Value, Option<u16>) {
    let answer = raw.connect(params).await;
    if answer["ok"] == true {
        return (answer, None);
    }
    match raw.hear().await {
        Heard::Closed(code, _) => (answer, Some(code)),
        other => panic!("a refusal closes: {other:?}"),
    }
}

#[tokio::test]
async fn wrong_secrets_are_refused_and_guessing_gets_slower() {
    let (_home, up) = gateway();
    let wrong = with(params(&[]), "/auth", json!({ "token": TOKEN.replace('9', "8") }));
    let (missing, close) = attempt(&up, &with(params(&[]), "/auth", json!({}))).await;
    assert_eq!((&missing["error"]["details"]["code"], close), (&json!("AUTH_TOKEN_MISSING"), Some(1008)));

    // The waits after one, two and three failures are 250, 500 and 1000 ms.
    for least in [0, 250, 500, 1000] {
        let begun = Instant::now();
        let (answer, close) = attempt(&up, &wrong).await;
        assert_eq!(answer["error"]["code"], "INVALID_REQUEST", "{answer}");
        assert_eq!(answer["error"]["details"]["code"], "AUTH_TOKEN_MISMATCH", "{answer}");
        assert_eq!(close, Some(1008));
        assert!(!answer.to_string().contains(&TOKEN[..8]), "{answer}");
        assert!(begun.elapsed() >= Duration::from_millis(least), "after {:?}, not {least} ms", begun.elapsed());
    }
    // The operator is not locked out of the own machine, only slowed; and either field may carry the secret.
    let password = with(params(&[]), "/auth", json!({ "password": TOKEN }));
    assert_eq!(attempt(&up, &password).await.0["ok"], true);
    assert!(!up.said().contains(TOKEN), "{}", up.said());
}

#[tokio::test]
async fn parallel_guesses_are_no_faster() {
    let (_home, up) = gateway();
    let wrong = with(params(&[]), "/auth", json!({ "token": "a-wrong-guess-of-the-token" }));
    attempt(&up, &wrong).await;
    let begun = Instant::now();
    let (one, two, three) = tokio::join!(attempt(&up, &wrong), attempt(&up, &wrong), attempt(&up, &wrong));
    for (answer, _) in [one, two, three] {
        assert_eq!(answer["error"]["details"]["code"], "AUTH_TOKEN_MISMATCH");
    }
    // 250 + 500 + 1000 ms, one after the other.
    assert!(begun.elapsed() >= Duration::from_millis(1750), "after {:?}", begun.elapsed());
}

#[tokio::test]
async fn only_a_well_formed_connect_comes_first() {
    let (_home, up) = gateway();
    let mut raw = Raw::open(up.address).await;
    let Heard::Frame(answer) = raw.call("health", json!({})).await else { panic!("no answer") };
    assert_eq!(answer["error"]["message"], "invalid handshake: first request must be connect");
    assert!(matches!(raw.hear().await, Heard::Closed(1008, _)));

    let mut raw = Raw::open(up.address).await;
    raw.say("garbage").await;
    assert_eq!(raw.hear().await, Heard::Closed(1000, String::new()));

    let mut raw = Raw::open(up.address).await;
    raw.say(r#"{"type":"event","event":"connect.challenge","payload":{}}"#).await;
    assert!(matches!(raw.hear().await, Heard::Closed(1008, _)));

    let (answer, close) = attempt(&up, &with(params(&[]), "/admin", json!(true))).await;
    assert!(answer["error"]["message"].as_str().is_some_and(|text| text.contains("admin")), "{answer}");
    assert_eq!(close, Some(1008));
    for (range, close) in [((3, 3), Some(1002)), ((5, 9), Some(1002)), ((3, 5), None), ((4, 900), None)] {
        let asked = with(with(params(&[]), "/minProtocol", json!(range.0)), "/maxProtocol", json!(range.1));
        let (answer, closed) = attempt(&up, &asked).await;
        assert_eq!(closed, close, "{range:?}: {answer}");
        if close.is_some() {
            assert_eq!(answer["error"]["details"]["code"], "PROTOCOL_MISMATCH");
            assert_eq!(answer["error"]["details"]["expectedProtocol"], 4);
        }
    }

    // After the handshake frames are closed objects too.
    let mut raw = Raw::open(up.address).await;
    let hello = raw.connect(&params(&["operator.read"])).await;
    assert_eq!((&hello["payload"]["type"], &hello["payload"]["protocol"]), (&json!("hello-ok"), &json!(4)));
    raw.say(r#"{"type":"req","id":"x","method":"health","extra":1}"#).await;
    let Heard::Frame(mut answer) = raw.hear().await else { panic!("no answer") };
    while answer["type"] != "res" {
        answer = match raw.hear().await {
            Heard::Frame(frame) => frame,
            other => panic!("{other:?}"),
        };
    }
    assert_eq!((&answer["id"], &answer["ok"]), (&json!("x"), &json!(false)), "{answer}");
    assert!(matches!(raw.call("health", json!({})).await, Heard::Frame(frame) if frame["ok"] == true));
}

#[tokio::test]
async fn strangers_cannot_fill_the_memory() {
    let (_home, up) = gateway();
    let frame = |size: usize| {
        let pad = |pad: &str| {
            let params = with(params(&[]), "/userAgent", json!(pad));
            json!({ "type": "req", "id": "c", "method": "connect", "params": params }).to_string()
        };
        let bare = pad("").len();
        pad(&"a".repeat(size - bare))
    };
    let mut raw = Raw::open(up.address).await;
    raw.say(frame(65_536)).await;
    assert!(matches!(raw.hear().await, Heard::Frame(frame) if frame["ok"] == true), "64 KiB are taken");
    let mut raw = Raw::open(up.address).await;
    raw.say(frame(65_537)).await;
    assert!(matches!(raw.hear().await, Heard::Closed(1009, _)), "one more is not");

    let before = resident(&up);
    let mut open = Vec::new();
    for _ in 0..30 {
        let mut raw = Raw::open(up.address).await;
        // A frame that claims 25 MiB, of which some comes. Its end may be met by a reset.
        let head = [&[0x81, 0xff][..], &25_000_000_u64.to_be_bytes(), &[0; 4]].concat();
        let stream = raw.socket.get_mut();
        let _ = tokio::io::AsyncWriteExt::write_all(stream, &head).await;
        let _ = tokio::io::AsyncWriteExt::write_all(stream, &vec![b' '; 1 << 20]).await;
        open.push(raw);
    }
    for raw in &mut open {
        assert!(matches!(raw.hear().await, Heard::Closed(1009, _) | Heard::Gone));
    }
    let grown = resident(&up).saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB were taken by people who proved nothing");
    assert_eq!(up.get("/healthz").0, 200);
}

/// The most memory that the gateway ever had, in KiB.
fn resident(up: &Up) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", up.pid())).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test]
async fn the_thirty_third_stranger_waits_outside() {
    let (_home, up) = gateway();
    let mut inside = Vec::new();
    for _ in 0..32 {
        inside.push(Raw::open(up.address).await);
    }
    assert_eq!(Raw::open_with(up.address, &[]).await.err(), Some(503));
    // One who proves who they are leaves the place to the next.
    let known = inside[0].connect(&params(&[])).await;
    assert_eq!(known["ok"], true);
    let next = admitted(&up).await;
    assert_eq!(Raw::open_with(up.address, &[]).await.err(), Some(503), "and to no other");
    drop((inside, next));
    assert_eq!(admitted(&up).await.connect(&params(&[])).await["ok"], true);
}

/// Tries until there is a place: one is given back a moment after its holder is known or gone.
async fn admitted(up: &Up) -> Raw {
    let end = Instant::now() + support::PATIENCE;
    loop {
        match Raw::open_with(up.address, &[]).await {
            Ok(raw) => return raw,
            Err(status) => assert!(status == 503 && Instant::now() < end, "{status}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A device: a key pair, and the `connect` parameters that it signs.
struct Device(Ed25519KeyPair);

impl Device {
    fn new() -> Self {
        Self(Ed25519KeyPair::generate().expect("a key"))
    }

    fn id(&self) -> String {
        digest(&SHA256, self.0.public_key().as_ref()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Signs as version 2 or 3 of the payload.
    fn sign(&self, version: u8, scopes: &[&str], nonce: &str, at: u64) -> Value {
        let asked = with(params(scopes), "/client/id", json!("openclaw-tui"));
        let mut payload =
            format!("v{version}|{}|openclaw-tui|cli|operator|{}|{at}|{TOKEN}|{nonce}", self.id(), scopes.join(","));
        if version == 3 {
            payload.push_str("|linux|linux");
        }
        let device = json!({
            "id": self.id(), "publicKey": URL_SAFE_NO_PAD.encode(self.0.public_key()),
            "signature": URL_SAFE_NO_PAD.encode(self.0.sign(payload.as_bytes())), "signedAt": at, "nonce": nonce,
        });
        with(asked, "/device", device)
    }
}

#[tokio::test]
async fn a_device_proves_itself_anew_on_each_connection() {
    let (_home, up) = gateway();
    let (device, scopes) = (Device::new(), ["operator.read", "operator.write"]);
    for version in [2, 3] {
        let mut raw = Raw::open(up.address).await;
        let answer = raw.connect(&device.sign(version, &scopes, &raw.nonce.clone(), raw.ts)).await;
        assert_eq!(answer["payload"]["auth"]["scopes"], json!(scopes), "v{version}: {answer}");
    }

    let replayed = {
        let raw = Raw::open(up.address).await;
        device.sign(3, &scopes, &raw.nonce, raw.ts)
    };
    type Tamper = fn(&Device, &Raw) -> Value;
    let tampers: [(&str, &str, Tamper); 8] = [
        ("more scopes than were signed", "DEVICE_AUTH_SIGNATURE_INVALID", |device, raw| {
            with(device.sign(3, &["operator.read"], &raw.nonce, raw.ts), "/scopes", json!(["operator.admin"]))
        }),
        ("another role", "DEVICE_AUTH_SIGNATURE_INVALID", |device, raw| {
            with(device.sign(3, &[], &raw.nonce, raw.ts), "/role", json!("node"))
        }),
        ("version 1, which names no nonce", "DEVICE_AUTH_SIGNATURE_INVALID", |device, raw| {
            device.sign(1, &[], &raw.nonce, raw.ts)
        }),
        ("a signature of long ago", "DEVICE_AUTH_SIGNATURE_EXPIRED", |device, raw| {
            device.sign(3, &[], &raw.nonce, raw.ts - 121_000)
        }),
        ("a signature of the future", "DEVICE_AUTH_SIGNATURE_EXPIRED", |device, raw| {
            device.sign(3, &[], &raw.nonce, raw.ts + 150_000)
        }),
        ("an invented nonce", "DEVICE_AUTH_NONCE_MISMATCH", |device, raw| device.sign(3, &[], "invented", raw.ts)),
        ("no nonce", "DEVICE_AUTH_NONCE_REQUIRED", |device, raw| {
            let mut params = device.sign(3, &[], &raw.nonce, raw.ts);
            params["device"].as_object_mut().expect("a device").remove("nonce");
            params
        }),
        ("the id of another key", "DEVICE_AUTH_DEVICE_ID_MISMATCH", |device, raw| {
            with(device.sign(3, &[], &raw.nonce, raw.ts), "/device/id", json!(Device::new().id()))
        }),
    ];
    for (what, code, tamper) in tampers {
        let mut raw = Raw::open(up.address).await;
        let params = tamper(&device, &raw);
        let (answer, close) = refused(&mut raw, &params).await;
        assert_eq!((&answer["error"]["details"]["code"], close), (&json!(code), Some(1008)), "{what}: {answer}");
    }
    let (answer, close) = attempt(&up, &replayed).await;
    let code = &answer["error"]["details"]["code"];
    assert_eq!((code, close), (&json!("DEVICE_AUTH_NONCE_MISMATCH"), Some(1008)), "a replay: {answer}");

    // A key is no substitute for the secret, and an interactive client without a key gets nowhere.
    let mut raw = Raw::open(up.address).await;
    let keyed = device.sign(3, &[], &raw.nonce.clone(), raw.ts);
    let (answer, _) = refused(&mut raw, &with(keyed, "/auth", json!({}))).await;
    assert_eq!(answer["error"]["details"]["code"], "AUTH_TOKEN_MISSING", "{answer}");
    let (answer, close) = attempt(&up, &with(params(&[]), "/client/id", json!("openclaw-tui"))).await;
    let code = &answer["error"]["details"]["code"];
    assert_eq!((code, close), (&json!("CONTROL_UI_DEVICE_IDENTITY_REQUIRED"), Some(1008)));
}

#[tokio::test]
async fn other_origins_hosts_and_proxies_are_refused() {
    let (_home, up) = gateway();
    for origin in ["https://evil.example", "http://localhost:3000", "null"] {
        assert_eq!(Raw::open_with(up.address, &[("origin", origin)]).await.err(), Some(403), "{origin}");
    }
    // A page of the gateway's own origin may connect, but nobody has approved it: without a device key it may
    // do nothing, and with one that it made itself it gets nowhere.
    let own = format!("http://{}", up.address);
    let mut raw = Raw::open_with(up.address, &[("origin", &own)]).await.expect("an upgrade");
    let answer = raw.connect(&params(&["operator.admin"])).await;
    assert_eq!(answer["payload"]["auth"]["scopes"], json!([]), "{answer}");
    let mut raw = Raw::open_with(up.address, &[("origin", &own)]).await.expect("an upgrade");
    let keyed = Device::new().sign(3, &["operator.admin"], &raw.nonce.clone(), raw.ts);
    let (answer, close) = refused(&mut raw, &keyed).await;
    assert_eq!((&answer["error"]["details"]["code"], close), (&json!("PAIRING_REQUIRED"), Some(1008)), "{answer}");

    // Whatever pages do, they neither fill the operator's places nor slow the operator down.
    let mut pages = Vec::new();
    while let Ok(page) = Raw::open_with(up.address, &[("origin", &own)]).await {
        pages.push(page);
        assert!(pages.len() <= 32, "pages have a limit, too");
    }
    for page in pages.iter_mut().take(8) {
        let (answer, _) = refused(page, &with(params(&[]), "/auth", json!({ "token": "a-guess-of-a-page" }))).await;
        assert_eq!(answer["error"]["details"]["code"], "AUTH_TOKEN_MISMATCH", "{answer}");
    }
    let begun = Instant::now();
    assert_eq!(attempt(&up, &params(&["operator.admin"])).await.0["ok"], true);
    assert!(begun.elapsed() < Duration::from_secs(5), "the operator waited {:?} for pages", begun.elapsed());

    for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80"] {
        assert_eq!(Raw::open_with(up.address, &[("host", host)]).await.err(), Some(421), "{host}");
        assert_eq!(up.http(&format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")).0, 421);
    }
    for header in ["x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded-host"] {
        assert_eq!(Raw::open_with(up.address, &[(header, "127.0.0.1")]).await.err(), Some(403), "{header}");
    }
}

/// Every method and the scope that it needs, written down a second time: the protocol's word, not ours.
const NEEDS: &[(&str, &str)] = &[
    ("health", ""),
    ("status", "operator.read"),
    ("system-presence", "operator.read"),
    ("agents.list", "operator.read"),
    ("models.list", "operator.read"),
    ("agent.identity.get", "operator.read"),
    ("tools.effective", "operator.read"),
    ("agent", "operator.write"),
    ("agent.wait", "operator.write"),
    ("chat.send", "operator.write"),
    ("chat.abort", "operator.write"),
    ("chat.history", "operator.read"),
    ("sessions.list", "operator.read"),
    ("sessions.describe", "operator.read"),
    ("sessions.resolve", "operator.read"),
    ("sessions.subscribe", "operator.read"),
    ("sessions.messages.subscribe", "operator.read"),
    ("exec.approval.request", "operator.approvals"),
    ("exec.approval.waitDecision", "operator.approvals"),
    ("exec.approval.list", "operator.approvals"),
    ("exec.approval.get", "operator.approvals"),
    ("exec.approval.resolve", "operator.approvals"),
    ("plugin.approval.list", "operator.approvals"),
    ("openclaw.approval.list", "operator.approvals"),
    ("approval.get", "operator.approvals"),
    ("approval.resolve", "operator.approvals"),
    ("approval.history", "operator.approvals"),
    ("stockade.config.held", "operator.admin"),
    ("stockade.config.confirm", "operator.admin"),
];

#[tokio::test]
async fn each_method_answers_only_those_with_its_scope() {
    let (_home, up) = gateway();
    let mut listed: Vec<&str> = NEEDS.iter().map(|(name, _)| *name).collect();
    let mut known = stockade_gateway::ws::methods::names();
    listed.sort_unstable();
    known.sort_unstable();
    assert_eq!(listed, known, "every method stands in the matrix");

    let held: [&[&str]; 7] = [
        &[],
        &["operator.read"],
        &["operator.write"],
        &["operator.approvals"],
        &["operator.pairing", "operator.questions", "operator.talk"],
        &["operator.nonsense", "admin", "*"],
        &["operator.admin"],
    ];
    for scopes in held {
        let mut raw = Raw::open(up.address).await;
        raw.connect(&params(scopes)).await;
        let mut strikes = 0;
        for (method, needs) in NEEDS {
            let may = needs.is_empty()
                || scopes.contains(needs)
                || scopes.contains(&"operator.admin")
                || (*needs == "operator.read" && scopes.contains(&"operator.write"));
            let Heard::Frame(answer) = raw.call(method, json!({})).await else { panic!("{method}: no answer") };
            let code = answer["error"]["code"].as_str().unwrap_or("none");
            assert_eq!(code != "FORBIDDEN", may, "{method} with {scopes:?}: {answer}");
            if !may {
                assert_eq!(answer["error"]["details"]["missingScope"], *needs, "{method}");
                strikes += 1;
            }
            if strikes == 9 {
                // The tenth would close the connection.
                raw = Raw::open(up.address).await;
                raw.connect(&params(scopes)).await;
                strikes = 0;
            }
        }
    }

    // Who keeps trying is shown the door, and unknown methods tell nothing to those without the scope.
    let mut raw = Raw::open(up.address).await;
    raw.connect(&params(&["operator.read"])).await;
    for _ in 0..9 {
        let Heard::Frame(answer) = raw.call("config.patch", json!({})).await else { panic!("no answer") };
        assert_eq!(answer["error"]["code"], "FORBIDDEN", "{answer}");
    }
    assert!(matches!(raw.call("config.patch", json!({})).await, Heard::Closed(1008, _)));
    let mut raw = Raw::open(up.address).await;
    raw.connect(&params(&["operator.admin"])).await;
    let Heard::Frame(answer) = raw.call("config.patch", json!({})).await else { panic!("no answer") };
    assert_eq!(answer["error"]["message"], "unknown method: config.patch");
}
