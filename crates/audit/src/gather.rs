//! Looks at the host, once, and makes a [`Snapshot`]. The only part that reads files. It opens nothing for writing,
//! follows no link out of what it was pointed at, starts no program, and goes on when one thing is broken.

pub mod approvals;
pub mod config;
pub mod database;
pub mod paired;
pub mod plugins;
pub mod regular;
pub mod skills;
pub mod tree;
