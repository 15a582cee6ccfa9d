//! One WebSocket connection: challenge, `connect`, then requests and events until it closes.

pub mod frame;
pub mod handshake;
pub mod methods;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use serde_json::{Value, json};
use stockade_core::text;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior};

use crate::Gateway;
use crate::auth::Way;
use crate::events::Event;
use crate::limiter::Place;
use frame::{Request, WireError};
use handshake::{Peer, Session};
use methods::Caller;

/// The OpenClaw version whose protocol this is; clients print it.
pub const COMPATIBLE_VERSION: &str = "2026.9.6";
/// Bytes of a frame before authentication.
pub const MAX_PREAUTH: usize = 65_536;
/// Bytes of a frame after it.
pub const MAX_PAYLOAD: usize = 26_214_400;
/// Between two `tick` events.
pub const TICK: Duration = Duration::from_secs(30);
/// Between two pings; a connection that answered none in between is dropped.
pub const PING: Duration = Duration::from_secs(25);
const HANDSHAKE: Duration = Duration::from_secs(15);
const IN_FLIGHT: usize = 256;

/// The events that this gateway sends.
pub const EVENTS: &[&str] = &[
    "connect.challenge",
    "agent",
    "chat",
    "session.message",
    "health",
    "tick",
    "shutdown",
    "exec.approval.requested",
    "exec.approval.resolved",
    "config.changed",
];

/// Serves one upgraded connection to its end.
pub async fn serve(
    gateway: Arc<Gateway>,
    mut socket: WebSocket,
    peer: Peer,
    place: Place,
    budget: Arc<crate::serve::Budget>,
) {
    // From before the secret is compared: a rotation in between closes this connection too.
    let epoch = gateway.epoch.subscribe();
    let entered = tokio::time::timeout(HANDSHAKE, enter(&gateway, &mut socket, &peer)).await;
    drop(place);
    match entered {
        Ok(Some(session)) => {
            budget.lift();
            let connection = Connection::new(gateway, session, peer.stranger.address);
            connection.run(socket, epoch).await;
        }
        Ok(None) => {}
        Err(_) => close(&mut socket, 1000, "").await,
    }
}

/// Challenge and `connect`. `None` when the connection was closed.
async fn enter(gateway: &Arc<Gateway>, socket: &mut WebSocket, peer: &Peer) -> Option<Session> {
    let challenge = json!({ "nonce": peer.nonce, "ts": gateway.clock.now() });
    socket.send(Message::Text(frame::event("connect.challenge", &challenge, None).into())).await.ok()?;
    let text = loop {
        match socket.recv().await {
            Some(Ok(Message::Text(text))) if text.len() > MAX_PREAUTH => {
                close(socket, 1009, "preauth payload too large").await;
                return None;
            }
            Some(Ok(Message::Text(text))) => break text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Binary(_) | Message::Close(_))) | None => return None,
            // The byte budget of an unauthenticated connection is spent, or the frame is broken.
            Some(Err(_)) => {
                close(socket, 1009, "preauth payload too large").await;
                return None;
            }
        }
    };
    let request = match Request::parse(&text) {
        Ok(request) => request,
        Err(None) => {
            close(socket, 1000, "").await;
            return None;
        }
        Err(Some((_, message))) => {
            close(socket, 1008, &message).await;
            return None;
        }
    };
    let id = request.id.clone();
    match handshake::connect(gateway, peer, request).await {
        Ok(session) => {
            let connection = uuid::Uuid::new_v4().to_string();
            let hello = handshake::hello(gateway, &session, &connection);
            socket.send(Message::Text(frame::answer(&id, Ok(&hello)).into())).await.ok()?;
            Some(session)
        }
        Err(rejected) => {
            let answer = frame::answer(&id, Err(&rejected.error));
            // A client that is already gone is closed all the same.
            let _ = socket.send(Message::Text(answer.into())).await;
            close(socket, rejected.close, &rejected.error.message).await;
            None
        }
    }
}

/// An authenticated connection.
struct Connection {
    gateway: Arc<Gateway>,
    caller: Caller,
    in_flight: Arc<Semaphore>,
    outbox: mpsc::Receiver<String>,
    seq: u64,
    strikes: u32,
}

/// What the loop does next.
enum Step {
    Send(String),
    Close(u16, &'static str),
    Nothing,
}

impl Connection {
    fn new(gateway: Arc<Gateway>, session: Session, address: SocketAddr) -> Self {
        let (answers, outbox) = mpsc::channel(IN_FLIGHT * 2);
        let caller = Caller::new(Arc::clone(&gateway), session, answers);
        tracing::debug!(peer = %address, who = %caller.session().principal(), "connected");
        Self { gateway, caller, in_flight: Arc::new(Semaphore::new(IN_FLIGHT)), outbox, seq: 0, strikes: 0 }
    }

    async fn run(mut self, mut socket: WebSocket, mut epoch: watch::Receiver<u64>) {
        let mut events = self.gateway.events.subscribe();
        let health = methods::system::health_payload(&self.gateway);
        let first = self.event("health", &health);
        if socket.send(Message::Text(first.into())).await.is_err() {
            return;
        }
        let stopping = self.gateway.tasks.stopping();
        let mut tick = tokio::time::interval_at(Instant::now() + TICK, TICK);
        let mut ping = tokio::time::interval_at(Instant::now() + PING, PING);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut alive = true;
        loop {
            let step = tokio::select! {
                frame = socket.recv() => match frame {
                    Some(Ok(Message::Text(text))) => self.request(&text),
                    Some(Ok(Message::Pong(_))) => { alive = true; Step::Nothing }
                    Some(Ok(Message::Ping(_))) => Step::Nothing,
                    Some(Ok(Message::Binary(_))) => Step::Close(1008, "binary frames are not spoken here"),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                },
                Some(answer) = self.outbox.recv() => Step::Send(answer),
                event = events.recv() => match event {
                    Ok(event) => self.forward(&event),
                    Err(RecvError::Lagged(_)) => Step::Close(1008, "slow consumer"),
                    Err(RecvError::Closed) => return,
                },
                _ = tick.tick() => {
                    let payload = json!({ "ts": self.gateway.clock.now() });
                    Step::Send(self.event("tick", &payload))
                }
                _ = ping.tick() => {
                    if !std::mem::take(&mut alive) || socket.send(Message::Ping(Vec::new().into())).await.is_err() {
                        return;
                    }
                    Step::Nothing
                }
                _ = epoch.changed(), if self.caller.session().way() == Way::Config => {
                    Step::Close(4001, "gateway auth changed")
                }
                () = stopping.cancelled() => Step::Close(1012, "service restart"),
            };
            match step {
                Step::Send(text) => {
                    let sent = tokio::time::timeout(PING, socket.send(Message::Text(text.into())));
                    if !matches!(sent.await, Ok(Ok(()))) {
                        return;
                    }
                }
                Step::Close(code, reason) => return close(&mut socket, code, reason).await,
                Step::Nothing => {}
            }
        }
    }

    /// One request: answered at once, or handed to a task that answers through the outbox.
    fn request(&mut self, text: &str) -> Step {
        let request = match Request::parse(text) {
            Ok(request) => request,
            Err(None) => return Step::Nothing,
            Err(Some((id, message))) => return Step::Send(frame::answer(&id, Err(&WireError::invalid(message)))),
        };
        let Ok(permit) = Arc::clone(&self.in_flight).try_acquire_owned() else {
            let error = WireError::unavailable("too many requests in flight").retry_after(500);
            return Step::Send(frame::answer(&request.id, Err(&error)));
        };
        match methods::dispatch(&self.caller, request, permit) {
            Some((id, Err(error))) if error.code == "FORBIDDEN" => {
                self.strikes += 1;
                if self.strikes >= MAX_STRIKES {
                    return Step::Close(1008, "repeated unauthorized calls");
                }
                Step::Send(frame::answer(&id, Err(&error)))
            }
            Some((id, outcome)) => Step::Send(frame::answer(&id, outcome.as_ref())),
            None => Step::Nothing,
        }
    }

    fn forward(&mut self, event: &Event) -> Step {
        let session = self.caller.session();
        let may = event.scope.is_none_or(|scope| session.scopes().covers(scope));
        if !may || event.tool && !session.has_cap("tool-events") {
            return Step::Nothing;
        }
        Step::Send(self.event(event.name, &event.payload))
    }

    fn event(&mut self, name: &str, payload: &Value) -> String {
        self.seq += 1;
        frame::event(name, payload, Some(self.seq))
    }
}

/// Closes with a reason of at most 123 bytes, as RFC 6455 §5.5 demands.
async fn close(socket: &mut WebSocket, code: u16, reason: &str) {
    let mut reason = text::visible(reason);
    while reason.len() > 123 {
        reason.pop();
    }
    // The peer may be gone already.
    let _ = socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await;
    // Reading on lets the peer's close frame in, so that the reason is not lost to a reset.
    let drain = async { while let Some(Ok(_)) = socket.recv().await {} };
    let _ = tokio::time::timeout(Duration::from_millis(250), drain).await;
}

/// Calls without the scope for them before the connection is closed.
const MAX_STRIKES: u32 = 10;
