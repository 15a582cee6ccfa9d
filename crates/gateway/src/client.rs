//! The operator's own client of the gateway's WebSocket: for the command line, the drill and the tests.
//! Speaks the protocol as OpenClaw's one-shot client does.

use std::collections::VecDeque;
use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use stockade_core::Secret;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::ws;

/// A connected client.
pub struct Client {
    socket: WebSocketStream<TcpStream>,
    next: u64,
    events: VecDeque<Event>,
    /// The payload of `hello-ok`.
    pub hello: Value,
}

/// An event from the gateway.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// Its payload.
    pub payload: Value,
}

/// Why a call did not succeed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nothing listens there.
    #[error("no gateway answers at {address} ({error}); start one with `stockade up`")]
    Unreachable {
        /// Where.
        address: SocketAddr,
        /// What happened.
        error: std::io::Error,
    },
    /// The connection broke or closed.
    #[error("the gateway closed the connection: {0}")]
    Closed(String),
    /// The gateway refused.
    #[error("{message} ({code})")]
    Refused {
        /// The protocol's code.
        code: String,
        /// For people.
        message: String,
        /// For programs.
        details: Value,
    },
}

impl Client {
    /// Connects with the shared secret and the scopes named.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn connect(address: SocketAddr, secret: Option<&Secret>, scopes: &[&str]) -> Result<Self, ClientError> {
        let auth = secret.map_or_else(|| json!({}), |secret| json!({ "token": secret.expose() }));
        let params = json!({
            "minProtocol": ws::handshake::PROTOCOL, "maxProtocol": ws::handshake::PROTOCOL,
            "client": { "id": "cli", "mode": "cli", "version": env!("CARGO_PKG_VERSION"), "platform": "linux" },
            "caps": ["exec-approvals", "tool-events"], "role": "operator", "scopes": scopes, "auth": auth,
        });
        Self::connect_as(address, params).await
    }

    /// Connects with any `connect` parameters.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn connect_as(address: SocketAddr, params: Value) -> Result<Self, ClientError> {
        #[expect(clippy::disallowed_methods, reason = "the operator's own connection to the operator's own gateway")]
        let stream = TcpStream::connect(address).await.map_err(|error| ClientError::Unreachable { address, error })?;
        let config = WebSocketConfig::default().max_message_size(Some(ws::MAX_PAYLOAD));
        let url = format!("ws://{address}/");
        let (socket, _) =
            tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await.map_err(closed)?;
        let mut client = Self { socket, next: 0, events: VecDeque::new(), hello: Value::Null };
        while client.frame().await?["event"] != "connect.challenge" {}
        client.hello = client.call("connect", params).await?;
        Ok(client)
    }

    /// Calls a method and returns its first answer; events that come in between are kept.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn call(&mut self, method: &str, params: Value) -> Result<Value, ClientError> {
        let id = self.send(method, params).await?;
        self.answer(&id).await
    }

    /// Sends a request and returns its id.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn send(&mut self, method: &str, params: Value) -> Result<String, ClientError> {
        self.next += 1;
        let id = self.next.to_string();
        let frame = json!({ "type": "req", "id": id, "method": method, "params": params });
        self.socket.send(Message::Text(frame.to_string().into())).await.map_err(closed)?;
        Ok(id)
    }

    /// The next answer to a request.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn answer(&mut self, id: &str) -> Result<Value, ClientError> {
        loop {
            let mut frame = self.frame().await?;
            if frame["type"] == "res" && frame["id"] == id {
                if frame["ok"] == true {
                    return Ok(frame["payload"].take());
                }
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let error = &mut frame["error"];
                let (code, message) = (text(&error["code"]), text(&error["message"]));
                return Err(ClientError::Refused { code, message, details: error["details"].take() });
            }
            self.keep(frame);
        }
    }

    /// The next event.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn event(&mut self) -> Result<Event, ClientError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            let frame = self.frame().await?;
            self.keep(frame);
        }
    }

    fn keep(&mut self, mut frame: Value) {
        if frame["type"] == "event" {
            let name = frame["event"].as_str().unwrap_or_default().to_owned();
            self.events.push_back(Event { name, payload: frame["payload"].take() });
        }
    }

    async fn frame(&mut self) -> Result<Value, ClientError> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text).map_err(|error| ClientError::Closed(error.to_string()));
                }
                Some(Ok(Message::Close(frame))) => {
                    let reason = frame.map(|frame| format!("{} {}", frame.code, frame.reason)).unwrap_or_default();
                    return Err(ClientError::Closed(reason));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(closed(error)),
                None => return Err(ClientError::Closed("end of stream".to_owned())),
            }
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn closed(error: tokio_tungstenite::tungstenite::Error) -> ClientError {
    ClientError::Closed(error.to_string())
}
