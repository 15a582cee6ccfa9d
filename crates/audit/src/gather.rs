//! Looks at the host, once, and makes a [`Snapshot`]. The only part that reads files. It opens nothing for writing,
//! follows no link out of what it was pointed at, starts no program, and goes on when one thing is broken.

pub mod code;
pub mod config;

use std::sync::atomic::AtomicU64;

/// How far the look has come, for whoever waits.
#[derive(Debug, Default)]
pub struct Progress {
    /// Files that were looked at.
    pub files: AtomicU64,
    /// Bytes that were read in search of secrets.
    pub bytes: AtomicU64,
}
