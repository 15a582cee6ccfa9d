//! What the gateway remembers: the [`journal`] of every stage, the session [`transcript`]s, the
//! [`containment`] lock, and the config that was [`confirmed`]. Plain files under `<state>/stockade`, owned by the gateway's user, opened
//! without following links. No policy lives here, and no async: the journal has one writer thread.

#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

pub mod confirmed;
pub mod containment;
pub mod journal;
pub mod transcript;

mod folder;

pub use containment::Lock;
pub use folder::FileError;
pub use journal::{Appended, Broken, Entry, Journal, JournalError, Record, Verified};
pub use transcript::{Message, Part, Role, SessionMeta, Sessions, Stored, TranscriptError, Usage};
