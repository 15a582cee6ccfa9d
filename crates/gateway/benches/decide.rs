//! `POST /v1/decide` over keep-alive connections, every answer journaled, beside a bare axum that parses the same body
//! and sends an answer of the same size, in one process, with the same client, in turns. Prints; judges nothing.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, and stands outside of the gateway"
)]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use stockade_config::{Env, Paths, baseline, own_baseline, write_new};
use stockade_core::{Redactor, Secret, SystemClock};
use stockade_gateway::{Gateway, Running, serve};
use tokio::net::TcpListener;

fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let private = std::fs::Permissions::from_mode(0o700);
    // On the disk that the build is on: `/tmp` may be memory, where a sync costs nothing.
    let state =
        tempfile::Builder::new().permissions(private).tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let token = Secret::random().expect("random bytes");
    let gateway = runtime.block_on(gateway(&Paths::in_state_dir(state.path()), &token));
    println!("{:<46} {:>12} {:>9} {:>9}", "", "decisions/s", "p50 ms", "p99 ms");
    let mut asked = 0;
    for (name, question, decision) in cases() {
        for many in [1, 16] {
            let body = if many == 1 { question.to_string() } else { json!(vec![&question; many]).to_string() };
            let answer = Request::new(gateway, &token, &body).once();
            assert_eq!(answer.matches(&format!("\"decision\":\"{decision}\"")).count(), many, "{answer}");
            let bare = runtime.block_on(bare(answer.clone()));
            let ours = measure(&Request::new(gateway, &token, &body), many);
            let other = measure(&Request::new(bare, &token, &body), many);
            let form = if many == 1 { "one a request".to_owned() } else { format!("{many} a request") };
            println!("{name}, {form}");
            row("  the judge, with journal", &ours);
            row("  bare axum, same sizes", &other);
            println!(
                "{:<46} {:>12.2} {:>9.2} {:>9.2}",
                "  ratio",
                ours.0 / other.0,
                ours.1 / other.1,
                ours.2 / other.2
            );
            asked += many * (1 + CONNECTIONS * (ROUNDS + WARM_UP));
        }
    }
    let records = std::fs::read_to_string(journal(state.path())).expect("a journal").matches("\"/v1/decide\"").count();
    println!("{asked} decisions, {records} records");
    assert!(records >= asked, "every answer is in the journal");
}

fn cases() -> [(&'static str, Value, &'static str); 4] {
    let tool = |name: &str, arguments: Value| json!({ "session": "main", "tool": name, "arguments": arguments });
    [
        ("tool by its name", tool("session_status", json!({})), "allow"),
        ("read a file", tool("read", json!({ "path": "src/main.rs" })), "allow"),
        ("fetch an address", tool("web_fetch", json!({ "url": "https://example.org/a?b=c" })), "allow"),
        ("a command of two programs", tool("exec", json!({ "command": "ls -la | wc -l" })), "ask"),
    ]
}

/// Answers a second, and how long one took at the median and at the 99th percentile, in milliseconds.
fn measure(request: &Request, many: usize) -> (f64, f64, f64) {
    let run = |rounds: usize| -> Vec<Duration> {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(|| request.repeat(rounds))).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("ran")).collect()
        })
    };
    run(WARM_UP);
    let start = Instant::now();
    let mut times = run(ROUNDS);
    let took = start.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    ((times.len() * many) as f64 / took, at(50), at(99))
}

fn row(name: &str, (per_second, p50, p99): &(f64, f64, f64)) {
    println!("{name:<46} {per_second:>12.0} {p50:>9.2} {p99:>9.2}");
}

struct Request {
    address: SocketAddr,
    bytes: String,
}

impl Request {
    fn new(address: SocketAddr, token: &Secret, body: &str) -> Self {
        let bytes = format!(
            "POST /v1/decide HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            token.expose(),
            body.len()
        );
        Self { address, bytes }
    }

    fn once(&self) -> String {
        let mut stream = self.connect();
        self.ask(&mut stream)
    }

    fn repeat(&self, rounds: usize) -> Vec<Duration> {
        let mut stream = self.connect();
        let timed = |_| {
            let start = Instant::now();
            let _ = self.ask(&mut stream);
            start.elapsed()
        };
        (0..rounds).map(timed).collect()
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("connects");
        stream.set_nodelay(true).expect("a socket");
        stream
    }

    fn ask(&self, stream: &mut TcpStream) -> String {
        stream.write_all(self.bytes.as_bytes()).expect("sent");
        let mut answer = Vec::with_capacity(4096);
        let mut chunk = [0; 16 << 10];
        loop {
            let read = stream.read(&mut chunk).expect("an answer");
            assert!(read > 0, "the connection stays: {}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&chunk[..read]);
            let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let text = std::str::from_utf8(&answer[..head]).expect("text");
            assert!(text.starts_with("HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
            let length: usize = length.parse().expect("a number");
            if answer.len() >= head + 4 + length {
                return String::from_utf8(answer.split_off(head + 4)).expect("text");
            }
        }
    }
}

async fn gateway(paths: &Paths, token: &Secret) -> SocketAddr {
    // The port in the file is not used: the kernel chooses a free one below.
    write_new(&paths.config, &baseline(18_789, token).replace("\"always\"", "\"on-miss\"")).expect("written");
    write_new(&paths.own_config, own_baseline()).expect("written");
    let running = Running::load(paths, &Env::default()).expect("the baseline loads");
    let gateway = Gateway::open(running, Redactor::new([token.clone()]), Arc::new(SystemClock)).expect("opens");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("binds");
    let address = listener.local_addr().expect("an address");
    serve::start(&gateway, listener);
    address
}

async fn bare(answer: String) -> SocketAddr {
    use axum::serve::ListenerExt as _;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("binds");
    let address = listener.local_addr().expect("an address");
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("a socket"));
    let echo = move |Json(_): Json<Value>| std::future::ready(answer.clone());
    let router = Router::new().route("/v1/decide", post(echo));
    tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
    address
}

fn journal(state: &Path) -> std::path::PathBuf {
    Paths::in_state_dir(state).data.join(stockade_store::journal::FILE)
}

const CONNECTIONS: usize = 128;
const ROUNDS: usize = 80;
const WARM_UP: usize = 10;
