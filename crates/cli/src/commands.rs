//! The verbs, one file each.

pub mod approvals;
pub mod chat;
pub mod completions;
pub mod config;
pub mod decide;
pub mod drill;
pub mod explain;
pub mod incident;
pub mod journal;
pub mod models;
pub mod security;
pub mod trace;
pub mod up;
