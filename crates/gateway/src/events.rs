//! Events to connected clients. Each says which scope a receiver needs; a connection drops what it may
//! not see.

use std::sync::Arc;

use serde_json::Value;
use stockade_core::Scope;
use tokio::sync::broadcast;

/// One event of the protocol.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its name on the wire.
    pub name: &'static str,
    /// What it says; secrets are masked before it gets here.
    pub payload: Value,
    /// The scope that a receiver needs; none for `tick`, `health` and `shutdown`.
    pub scope: Option<Scope>,
    /// Only for connections with the capability `tool-events`.
    pub tool: bool,
}

/// The hub. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Events(broadcast::Sender<Arc<Event>>);

impl Default for Events {
    fn default() -> Self {
        Self(broadcast::channel(BACKLOG).0)
    }
}

impl Events {
    /// Sends an event to every connection; nobody listening is no error.
    pub fn send(&self, name: &'static str, scope: Option<Scope>, payload: Value) {
        // A send fails only when there is no receiver.
        let _ = self.0.send(Arc::new(Event { name, payload, scope, tool: false }));
    }

    /// Sends an `agent` event of `stream: "tool"`.
    pub fn send_tool(&self, payload: Value) {
        let _ = self.0.send(Arc::new(Event { name: "agent", payload, scope: Some(Scope::Read), tool: true }));
    }

    /// A receiver of everything from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.0.subscribe()
    }
}

/// Events that a slow connection may be behind before it is closed.
const BACKLOG: usize = 1024;
