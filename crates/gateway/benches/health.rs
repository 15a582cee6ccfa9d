//! `health` over one open WebSocket of a gateway on the hardened baseline, beside a bare axum WebSocket that echoes the
//! same request, in one process, with the same client, in turns. Prints; judges nothing.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, and stands outside of the gateway"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::ws::{Message as Frame, WebSocketUpgrade};
use axum::routing::get;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use stockade_config::{Env, Paths, baseline, own_baseline, write_new};
use stockade_core::{Redactor, Secret, SystemClock};
use stockade_gateway::{Gateway, Running, serve};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

fn main() {
    println!("{:<44} {:>9} {:>9} {:>9}", "µs, one request at a time", "p50", "p99", "max");
    let mut builder = Builder::new_multi_thread();
    compare("two workers, as `stockade up` runs", builder.worker_threads(2));
    // Nobody is woken up on another thread: what is left is the work.
    compare("one thread", &mut Builder::new_current_thread());
}

fn compare(name: &str, runtime: &mut Builder) {
    let state = tempfile::Builder::new().permissions(PermissionsExt::from_mode(0o700)).tempdir().expect("a folder");
    runtime.enable_all().build().expect("a runtime").block_on(async {
        let token = Secret::random().expect("random bytes");
        let mut ours = connect(gateway(&Paths::in_state_dir(state.path()), &token).await).await;
        enter(&mut ours, &token).await;
        let mut bare = connect(echo().await).await;
        let (mut health, mut echoes) = (Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS));
        for round in 0..WARM_UP + ROUNDS {
            let (one, answer) = ask(&mut ours, round).await;
            let (other, echoed) = ask(&mut bare, round).await;
            assert!(answer.contains("\"ok\":true,\"payload\":{\"ok\":true,"), "health, and not: {answer}");
            assert!(echoed.contains("\"method\":\"health\""), "an echo, and not: {echoed}");
            if round >= WARM_UP {
                health.push(one);
                echoes.push(other);
            }
        }
        report(name, health, echoes);
    });
}

fn report(name: &str, mut health: Vec<Duration>, mut echoes: Vec<Duration>) {
    health.sort_unstable();
    echoes.sort_unstable();
    println!("{name}");
    for (side, times) in [("  health of the gateway", &health), ("  echo of a bare axum WebSocket", &echoes)] {
        let [p50, p99, max] = [50, 99, 100].map(|percent| percentile(times, percent));
        println!("{side:<44} {p50:>9.1} {p99:>9.1} {max:>9.1}");
    }
    let ratio = |percent| percentile(&health, percent) / percentile(&echoes, percent);
    println!("{:<44} {:>9.2} {:>9.2}", "  ratio", ratio(50), ratio(99));
}

/// One request and its answer; events that come in between are passed over.
async fn ask(socket: &mut WebSocketStream<TcpStream>, round: usize) -> (Duration, String) {
    let request = format!(r#"{{"type":"req","id":"{round}","method":"health","params":{{}}}}"#);
    let id = format!(r#""id":"{round}""#);
    let start = Instant::now();
    socket.send(Message::Text(request.into())).await.expect("sent");
    loop {
        let text = text(socket).await;
        if text.contains(&id) {
            return (start.elapsed(), text);
        }
    }
}

async fn text(socket: &mut WebSocketStream<TcpStream>) -> String {
    loop {
        match socket.next().await.expect("open").expect("a frame") {
            Message::Text(text) => return text.to_string(),
            Message::Close(frame) => panic!("closed: {frame:?}"),
            _ => {}
        }
    }
}

async fn connect(address: SocketAddr) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(address).await.expect("connects");
    stream.set_nodelay(true).expect("a socket");
    tokio_tungstenite::client_async(format!("ws://{address}/"), stream).await.expect("upgrades").0
}

/// Answers the challenge with the token, as an OpenClaw command line does.
async fn enter(socket: &mut WebSocketStream<TcpStream>, token: &Secret) {
    assert!(text(socket).await.contains("connect.challenge"), "the gateway speaks first");
    let connect = json!({ "type": "req", "id": "connect", "method": "connect", "params": {
        "minProtocol": 4, "maxProtocol": 4, "role": "operator", "scopes": ["operator.read"],
        "client": { "id": "cli", "mode": "cli", "version": "0", "platform": "linux" },
        "auth": { "token": token.expose() },
    } });
    socket.send(Message::Text(connect.to_string().into())).await.expect("sent");
    let hello: Value = serde_json::from_str(&text(socket).await).expect("JSON");
    assert_eq!(hello["ok"], true, "{hello}");
}

async fn gateway(paths: &Paths, token: &Secret) -> SocketAddr {
    // The port in the file is not used: the kernel chooses a free one below.
    write_new(&paths.config, &baseline(18_789, token)).expect("written");
    write_new(&paths.own_config, own_baseline()).expect("written");
    let running = Running::load(paths, &Env::default()).expect("the baseline loads");
    let gateway = Gateway::open(running, Redactor::new([token.clone()]), Arc::new(SystemClock)).expect("opens");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("binds");
    let address = listener.local_addr().expect("an address");
    serve::start(&gateway, listener);
    address
}

async fn echo() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("binds");
    let address = listener.local_addr().expect("an address");
    let upgrade = async |upgrade: WebSocketUpgrade| {
        upgrade.on_upgrade(async |mut socket| {
            while let Some(Ok(Frame::Text(text))) = socket.recv().await {
                if socket.send(Frame::Text(text)).await.is_err() {
                    return;
                }
            }
        })
    };
    tokio::spawn(async move { serve_bare(listener, Router::new().route("/", get(upgrade))).await });
    address
}

async fn serve_bare(listener: TcpListener, router: Router) {
    use axum::serve::ListenerExt as _;
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("a socket"));
    axum::serve(listener, router).await.expect("serves");
}

/// In microseconds.
fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    sorted[(sorted.len() - 1) * percent / 100].as_secs_f64() * 1e6
}

const ROUNDS: usize = 20_000;
const WARM_UP: usize = 1000;
