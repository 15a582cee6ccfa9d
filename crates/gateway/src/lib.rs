//! The server: the way of a message from bytes to reply ([`turn`]), the OpenClaw WebSocket protocol
//! ([`ws`]), approvals, reload. `agent` and `sandbox` meet only here.

pub mod approvals;
pub mod auth;
pub mod client;
pub mod confirmed;
pub mod controls;
pub mod decide;
mod decisions;
pub mod events;
pub mod gateway;
pub mod http;
mod limiter;
pub mod local_key;
mod origin;
pub mod places;
pub mod prepare;
pub mod reload;
pub mod running;
mod runs;
pub mod serve;
pub mod tasks;
pub mod turn;
pub mod ws;

pub use gateway::{Gateway, GatewayError, containment};
pub use running::{Running, RunningError};
