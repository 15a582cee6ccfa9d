//! Events to connected clients. Each says which scope a receiver needs; a connection drops what it may
//! not see.

use std::sync::Arc;

use serde_json::Value;
use stockade_core::{Redactor, Scope};
use tokio::sync::broadcast;

/// One event of the protocol.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its name on the wire.
    pub name: &'static str,
    /// What it says, secrets masked.
    pub payload: Value,
    /// The scope that a receiver needs; none for `tick`, `health` and `shutdown`.
    pub scope: Option<Scope>,
    /// Only for connections with the capability `tool-events`.
    pub tool: bool,
}

/// The hub. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Events {
    sender: broadcast::Sender<Arc<Event>>,
    redactor: Redactor,
}

impl Default for Events {
    fn default() -> Self {
        Self::new(Redactor::default())
    }
}

impl Events {
    /// A hub that masks what it sends.
    #[must_use]
    pub fn new(redactor: Redactor) -> Self {
        Self { sender: broadcast::channel(BACKLOG).0, redactor }
    }

    /// Sends an event to every connection, secrets masked in all of it; nobody listening is no error.
    pub fn send(&self, name: &'static str, scope: Option<Scope>, payload: Value) {
        self.put(name, scope, &payload, false);
    }

    /// Sends an `agent` event of `stream: "tool"`.
    pub fn send_tool(&self, payload: Value) {
        self.put("agent", Some(Scope::Read), &payload, true);
    }

    fn put(&self, name: &'static str, scope: Option<Scope>, payload: &Value, tool: bool) {
        if self.sender.receiver_count() == 0 {
            return;
        }
        let payload = self.redactor.mask_json(payload);
        // A send fails only when there is no receiver.
        let _ = self.sender.send(Arc::new(Event { name, payload, scope, tool }));
    }

    /// A receiver of everything from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.sender.subscribe()
    }
}

/// Events that a slow connection may be behind before it is closed.
const BACKLOG: usize = 1024;
