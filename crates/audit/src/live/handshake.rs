//! One WebSocket to a gateway, as far as its first answer: let in, or turned away with which words. Sends `connect`
//! and nothing else.

use std::io::{Error, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stockade_core::{Secret, text};
use tungstenite::client::{IntoClientRequest as _, client_with_config};
use tungstenite::handshake::HandshakeError;
use tungstenite::http::{HeaderName, HeaderValue};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Message, WebSocket};

use super::line::Line;

/// What somebody shows at the door.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown<'s> {
    /// `auth.token`.
    pub token: Option<&'s Secret>,
    /// `auth.password`.
    pub password: Option<&'s Secret>,
    /// What must not come back into the report, though the far side may know it from before.
    pub hidden: [Option<&'s Secret>; 2],
    /// Headers of the upgrade beside those that every client sends, or instead of them.
    pub headers: Vec<(&'s str, String)>,
}

impl Shown<'_> {
    /// What the far side said, for a report: without the secret, on one line, and without what a
    /// terminal obeys.
    fn without(&self, said: &str) -> String {
        let mut said = said.to_owned();
        for secret in self.hidden.into_iter().flatten().filter(|secret| !secret.expose().is_empty()) {
            said = said.replace(secret.expose(), "…");
        }
        text::clip(&text::single_line(&said), 200)
    }
}

/// How the gateway answered.
#[derive(Debug)]
pub(super) enum Heard {
    /// Let in, with these scopes.
    Hello(Vec<String>),
    /// Turned away by the protocol.
    Refused {
        /// `details.code`, else `code`.
        code: String,
        /// Its words.
        message: String,
        /// How the connection was closed.
        close: Option<(u16, String)>,
    },
    /// The upgrade was answered with a plain HTTP status.
    Status(u16),
    /// Something that is no gateway.
    Stranger(String),
    /// Nothing, or a broken connection.
    Failed(Error),
}

/// Knocks once.
pub(super) fn knock(address: SocketAddr, authority: &str, shown: &Shown<'_>, until: Instant) -> Heard {
    let mut socket = match open(address, authority, shown, until) {
        Ok(socket) => socket,
        Err(heard) => return heard,
    };
    match converse(&mut socket, shown) {
        Ok(heard) | Err(heard) => heard,
    }
}

type Socket = WebSocket<Line<TcpStream>>;

fn open(address: SocketAddr, authority: &str, shown: &Shown<'_>, until: Instant) -> Result<Socket, Heard> {
    let line = Line::tcp(address, until).map_err(Heard::Failed)?;
    let invalid = || Heard::Failed(Error::new(ErrorKind::InvalidInput, "the address cannot be put in a request"));
    let mut request = format!("ws://{authority}/").into_client_request().map_err(|_| invalid())?;
    for (name, value) in &shown.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
        request.headers_mut().insert(name, HeaderValue::from_str(value).map_err(|_| invalid())?);
    }
    let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
    match client_with_config(request, line, Some(config)) {
        Ok((socket, _)) => Ok(socket),
        Err(HandshakeError::Failure(tungstenite::Error::Http(answer))) => Err(Heard::Status(answer.status().as_u16())),
        Err(HandshakeError::Failure(error)) => Err(failed(error)),
        Err(HandshakeError::Interrupted(_)) => Err(Heard::Failed(ErrorKind::TimedOut.into())),
    }
}

fn converse(socket: &mut Socket, shown: &Shown<'_>) -> Result<Heard, Heard> {
    let mut frames = 0;
    let mut next = |socket: &mut Socket| -> Result<Value, Heard> {
        loop {
            frames += 1;
            if frames > MAX_FRAMES {
                return Err(Heard::Stranger("it talks without end".to_owned()));
            }
            match socket.read().map_err(failed)? {
                Message::Text(said) => {
                    return serde_json::from_str(&said)
                        .map_err(|_| Heard::Stranger("its frames are not JSON".to_owned()));
                }
                Message::Close(frame) => {
                    let close = frame.map(|frame| (frame.code.into(), shown.without(&frame.reason)));
                    let message = close.as_ref().map(|(_, reason)| reason.clone()).unwrap_or_default();
                    return Err(Heard::Refused { code: "closed".to_owned(), message, close });
                }
                Message::Binary(_) => return Err(Heard::Stranger("it sends binary frames".to_owned())),
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    };
    if next(socket)?.get("event").and_then(Value::as_str) != Some("connect.challenge") {
        return Err(Heard::Stranger("its first frame is no challenge".to_owned()));
    }
    socket.send(Message::Text(connect(shown).to_string().into())).map_err(failed)?;
    let answer = loop {
        let frame = next(socket)?;
        if frame.get("id").and_then(Value::as_str) == Some(ID) {
            break frame;
        }
    };
    if answer.get("ok") == Some(&Value::Bool(true)) {
        let scopes = answer.pointer("/payload/auth/scopes").and_then(Value::as_array);
        let scopes =
            scopes.into_iter().flatten().filter_map(Value::as_str).take(MAX_SCOPES).map(|scope| shown.without(scope));
        let heard = Heard::Hello(scopes.collect());
        // Polite only: what was to be learned is learned.
        let _ = socket.close(None).and_then(|()| socket.flush());
        return Ok(heard);
    }
    let word = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).map(|said| shown.without(said));
    let code = word("/error/details/code").or_else(|| word("/error/code")).unwrap_or_else(|| "refused".to_owned());
    let message = word("/error/message").unwrap_or_default();
    // It says why once more when it closes; one that leaves the connection open is not waited for.
    socket.get_mut().hasten(CLOSING);
    let close = match next(socket) {
        Err(Heard::Refused { close, .. }) => close,
        _ => None,
    };
    Ok(Heard::Refused { code, message, close })
}

/// As OpenClaw's command line connects, for no more than reading.
fn connect(shown: &Shown<'_>) -> Value {
    let mut auth = json!({});
    for (name, secret) in [("token", shown.token), ("password", shown.password)] {
        if let (Some(secret), Some(auth)) = (secret, auth.as_object_mut()) {
            auth.insert(name.to_owned(), Value::from(secret.expose()));
        }
    }
    json!({ "type": "req", "id": ID, "method": "connect", "params": {
        "minProtocol": PROTOCOL, "maxProtocol": PROTOCOL, "caps": [], "role": "operator",
        "scopes": ["operator.read"], "auth": auth,
        "client": { "id": "gateway-client", "mode": "backend", "version": env!("CARGO_PKG_VERSION"), "platform": "linux" },
    }})
}

fn failed(error: tungstenite::Error) -> Heard {
    match error {
        tungstenite::Error::Io(error) => Heard::Failed(error),
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => {
            Heard::Failed(ErrorKind::ConnectionReset.into())
        }
        error => Heard::Stranger(text::clip(&error.to_string(), 200)),
    }
}

const PROTOCOL: u32 = 4;
const ID: &str = "1";
const CLOSING: Duration = Duration::from_millis(200);
const MAX_FRAMES: u32 = 64;
const MAX_SCOPES: usize = 64;
const MAX_MESSAGE: usize = 4 << 20;
