//! The words that every room of Stockade shares. No I/O beyond reading the clock, no async.
//!
//! A concept that two crates need lives here, and only here: who asks ([`Principal`]), for which
//! agent and session ([`AgentId`], [`SessionKey`]), what the model proposes ([`ToolCall`]), what the
//! judge answers ([`Decision`]), where content came from ([`Label`]), and what must never be printed
//! ([`Secret`]).

pub mod clock;
pub mod decision;
pub mod digest;
pub mod ids;
pub mod label;
pub mod principal;
pub mod redact;
pub mod secret;
pub mod stage;
pub mod text;
pub mod tool;

pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use decision::{Because, Decision, Denial, Question, Rule};
pub use digest::{Digest, DigestBuilder};
pub use ids::{AgentId, ApprovalId, InvalidId, SessionKey, TurnId};
pub use label::{Integrity, Label, Labeled, Readers, Source};
pub use principal::{Principal, Scope, ScopeSet};
pub use redact::Redactor;
pub use secret::Secret;
pub use stage::Stage;
pub use tool::{ToolCall, ToolName};
