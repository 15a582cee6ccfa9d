//! Looks at the host, once, and makes a [`Snapshot`](crate::Snapshot). The only part that reads files. It opens nothing
//! for writing, follows no link out of what it was pointed at, starts no program, and goes on when one thing is broken.

pub mod binds;
pub mod config;
