//! A WebSocket without manners: sends what the test says, and shows what comes back.

use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::{PATIENCE, TOKEN};

/// A connection.
pub struct Raw {
    pub socket: WebSocketStream<TcpStream>,
    pub nonce: String,
    pub ts: u64,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    Frame(Value),
    Closed(u16, String),
    /// The end of the stream without a close frame.
    Gone,
}

impl Raw {
    /// Connects and takes the challenge.
    pub async fn open(address: SocketAddr) -> Self {
        Self::open_with(address, &[]).await.expect("an upgrade")
    }

    /// Connects with more headers; the HTTP status when there is no upgrade.
    pub async fn open_with(address: SocketAddr, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let mut request = format!("ws://{address}/").into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        let stream = TcpStream::connect(address).await.expect("a connection");
        let (socket, _) = match tokio_tungstenite::client_async(request, stream).await {
            Ok(upgraded) => upgraded,
            Err(Error::Http(answer)) => return Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        };
        let mut raw = Self { socket, nonce: String::new(), ts: 0 };
        let Heard::Frame(challenge) = raw.hear().await else { panic!("no challenge") };
        assert_eq!(challenge["event"], "connect.challenge");
        raw.nonce = challenge["payload"]["nonce"].as_str().expect("a nonce").to_owned();
        raw.ts = challenge["payload"]["ts"].as_u64().expect("a time");
        Ok(raw)
    }

    pub async fn say(&mut self, text: impl Into<String>) {
        // The other side may close before all is sent; what it then says is what the test looks at.
        let _ = self.socket.send(Message::Text(text.into().into())).await;
    }

    /// The next frame, close or end; pings are answered on the way.
    pub async fn hear(&mut self) -> Heard {
        let next = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => {
                        return Heard::Frame(serde_json::from_str(&text).expect("JSON"));
                    }
                    Some(Ok(Message::Close(Some(frame)))) => {
                        return Heard::Closed(frame.code.into(), frame.reason.to_string());
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(_) | Err(_)) | None => return Heard::Gone,
                }
            }
        };
        tokio::time::timeout(PATIENCE, next).await.expect("something is heard in time")
    }

    /// Sends `connect` and returns the answer.
    pub async fn connect(&mut self, params: &Value) -> Value {
        self.say(json!({ "type": "req", "id": "c", "method": "connect", "params": params }).to_string()).await;
        match self.hear().await {
            Heard::Frame(frame) => frame,
            other => panic!("no answer: {other:?}"),
        }
    }

    /// Calls a method; events on the way are dropped.
    pub async fn call(&mut self, method: &str, params: Value) -> Heard {
        self.say(json!({ "type": "req", "id": "m", "method": method, "params": params }).to_string()).await;
        loop {
            match self.hear().await {
                Heard::Frame(frame) if frame["type"] != "res" => {}
                other => return other,
            }
        }
    }
}

/// The `connect` parameters of OpenClaw's one-shot client, with these scopes.
pub fn params(scopes: &[&str]) -> Value {
    json!({
        "minProtocol": 4, "maxProtocol": 4, "caps": [], "role": "operator", "scopes": scopes,
        "client": { "id": "cli", "mode": "cli", "version": "2026.9.6", "platform": "linux", "deviceFamily": "Linux" },
        "auth": { "token": TOKEN },
    })
}
