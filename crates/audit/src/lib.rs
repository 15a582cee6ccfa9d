//! The audit: what is weak in an install, the way an attacker would go, and how to mend it.
//!
//! One way through: [`gather`] looks at the host once and makes a [`Snapshot`], which holds no secret; [`Model`]
//! derives from it what is in force (who may speak, which tools an agent has, where its commands run); each of
//! [`checks`] is a pure function over both; [`report`] shows what was found; [`fix`] plans, writes and undoes edits.
//!
//! What it must never do: run what it audits, touch a file unless `fix` was asked for, open a connection unless
//! `deep` was, follow a link to somewhere else, refuse to go on because one thing is broken, or print a secret.

pub mod authority;
pub mod checks;
pub mod code;
pub mod finding;
pub mod fix;
pub mod gather;
pub mod live;
pub mod model;
pub mod report;
pub mod secrets;
pub mod snapshot;
#[cfg(test)]
mod testing;

pub use finding::{Change, Finding, Fix, KeyPath, Place, Safety, Severity};
pub use model::Model;
pub use snapshot::Snapshot;
