//! The judge: facts in, [`stockade_core::Decision`] out. Pure, total, explained; no I/O, no async.
//!
//! A question of authority is asked in one place, [`judge`], and what comes out is a
//! [`judge::Judged`] call that can be turned into a [`Permit`] only when it was allowed, or when an
//! operator approved exactly what was shown. Executors take a [`Permit`] by value; there is no other
//! way to make a process, a file or a request.

pub mod admission;
pub mod batch;
pub mod call;
pub mod clients;
pub mod command;
pub mod context;
pub mod egress;
pub mod environment;
pub mod exec;
pub mod explain;
pub mod facts;
pub mod identity;
pub mod judge;
pub mod mounts;
pub mod paths;
pub mod permit;
pub mod policy;
pub mod ratchet;
pub mod sender;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tools;
pub mod view;

pub use call::{CallContext, ExecCall, FetchCall, FileCall, FileOp, ProcessAction, ProcessCall, Words};
pub use context::ContextEntry;
pub use judge::{Judge, Lock};
pub use permit::{Approval, Bound, Judged, Pending, Permit, Settled, Verdict};
pub use policy::{AgentPolicy, Policy};
pub use sender::Sender;
pub use tools::{Origin, Tool};
pub use view::{Access, Backend, Limits, Mount, View};
