//! Execution: what a [`stockade_policy::Permit`] is spent on.
//!
//! This is the only crate that starts processes and the only one with `unsafe` code. An executor
//! takes its permit by value, redeems it first, and runs exactly the call that comes out. It decides
//! nothing: what a call may see and use was fixed in its [`stockade_policy::View`] by the judge.
//!
//! [`enter_if_launcher`] must be the first thing in `main`: the embedded sandbox is built by our own
//! binary, started a second time.

mod background;
mod beneath;
mod capture;
mod child;
mod claims;
mod control;
mod executor;
pub mod facts;
pub mod files;
mod floor;
pub mod folders;
mod native;
pub mod operator;
mod outcome;
mod runs;

pub use background::{MAX_BACKGROUND, ProcessInfo, ProcessOutput};
pub use control::{Control, State, probe};
pub use executor::Executor;
pub use facts::PATH;
pub use native::enter_if_launcher;
pub use outcome::{ExecOutput, ExecStatus, FileOutput, Refusal};
