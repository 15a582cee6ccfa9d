//! A scripted HTTP server on the loopback address, and the values that tests need. Each connection
//! is one request; what it answers is bytes that the test wrote.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stockade_agent::model::{Answer, Endpoint, Model, ModelError, ModelEvent, ModelRequest, Patience};
use stockade_agent::{Api, Timeouts};
use stockade_core::text::lossy;
use stockade_core::{Integrity, Label, Labeled, Readers, Secret};
use stockade_policy::ContextEntry;
use stockade_policy::context::Speaker;
use url::Url;

/// A part of a scripted answer.
#[derive(Clone)]
pub(crate) enum Step {
    /// These bytes.
    Send(Vec<u8>),
    /// Nothing for a while.
    Wait(Duration),
    /// Nothing until the client goes away; then the server notes it.
    Hang,
    /// These bytes again and again, until the client goes away.
    Forever(Vec<u8>),
}

/// A server that answers its nth request with the nth script, the last one again and again.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
    pub(crate) departures: Arc<Mutex<usize>>,
}

impl Server {
    pub(crate) fn start(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (requests, departures) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
        let server = Self { port, requests: Arc::clone(&requests), departures: Arc::clone(&departures) };
        std::thread::spawn(move || {
            for (count, stream) in listener.incoming().flatten().enumerate() {
                let script = scripts[count.min(scripts.len() - 1)].clone();
                let (requests, departures) = (Arc::clone(&requests), Arc::clone(&departures));
                std::thread::spawn(move || answer(stream, &script, &requests, &departures));
            }
        });
        server
    }

    /// Whole requests that arrived, head and body. An empty one is a connection without a request.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("requests").clone()
    }

    /// Waits until a client has left a hanging or endless answer.
    pub(crate) fn wait_for_departure(&self) {
        for _ in 0..200 {
            if *self.departures.lock().expect("departures") > 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the client did not leave");
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        Url::parse(&format!("{}{path}", self.origin())).expect("a URL")
    }
}

fn answer(mut stream: TcpStream, script: &[Step], requests: &Mutex<Vec<String>>, departures: &Mutex<usize>) {
    let request = read_request(&mut stream);
    requests.lock().expect("requests").push(request);
    for step in script {
        let sent = match step {
            Step::Send(bytes) => stream.write_all(bytes).and_then(|()| stream.flush()),
            Step::Wait(time) => {
                std::thread::sleep(*time);
                Ok(())
            }
            Step::Hang => {
                let _ = stream.read(&mut [0; 64]);
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            Step::Forever(bytes) => loop {
                if let Err(error) = stream.write_all(bytes) {
                    break Err(error);
                }
            },
        };
        if sent.is_err() {
            *departures.lock().expect("departures") += 1;
            return;
        }
    }
}

fn read_request(stream: &mut TcpStream) -> String {
    let (mut request, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = lossy(&request);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return text,
            Ok(read) => request.extend_from_slice(&piece[..read]),
        }
    }
}

/// An answer with a body whose length is told.
pub(crate) fn response(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<Step> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n", body.len());
    vec![Step::Send([head.as_bytes(), body].concat())]
}

/// The head of a stream; its body ends when the connection does.
pub(crate) fn stream_head() -> Step {
    Step::Send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n".to_vec())
}

/// A whole stream.
pub(crate) fn stream(body: &str) -> Vec<Step> {
    vec![stream_head(), Step::Send(body.as_bytes().to_vec())]
}

/// Timeouts that a test can wait for.
pub(crate) fn short() -> Timeouts {
    let time = Duration::from_millis(400);
    Timeouts { connect: Duration::from_secs(5), first_byte: time, idle: time }
}

pub(crate) const KEY: &str = "local-test-key-0123456789";

/// A model at this server, with short timeouts and fast retries.
pub(crate) fn model(server: &Server, api: Api) -> Model {
    let endpoint = Endpoint {
        id: "test".to_owned(),
        base_url: server.url("/v1"),
        api_key: Some(Secret::new(KEY)),
        api,
        headers: std::collections::BTreeMap::from([("x-extra".to_owned(), Secret::new("extra-value"))]),
    };
    let patience = Patience { timeouts: short(), retries: 3, backoff: Duration::from_millis(5) };
    Model::new(endpoint, patience).expect("a valid endpoint")
}

/// A context entry of a trusted source.
pub(crate) fn entry(speaker: Speaker, text: &str) -> ContextEntry {
    let label = Label::new(Integrity::Owner, Readers::Owner, "message", "test");
    ContextEntry::new(speaker, Labeled::new(text.to_owned(), label))
}

/// Asks `Hello` and returns the answer as it begins.
pub(crate) async fn ask(model: &Model) -> Result<Answer, ModelError> {
    let context = [entry(Speaker::User, "Hello")];
    let request = ModelRequest { model: "m", context: &context, tools: &[], max_tokens: None, temperature: None };
    model.stream(&request).await
}

/// Everything that comes, until the end or an error.
pub(crate) async fn all(model: &Model) -> (Vec<ModelEvent>, Option<ModelError>) {
    let mut answer = match ask(model).await {
        Ok(answer) => answer,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut events = Vec::new();
    loop {
        match answer.next().await {
            Ok(Some(event)) => events.push(event),
            Ok(None) => return (events, None),
            Err(error) => return (events, Some(error)),
        }
    }
}
