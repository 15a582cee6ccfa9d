//! Which tools agents have, and what comes of them together.

use super::Check;

mod own_config;
mod profile;
mod reader;
mod workspace;

pub(super) const CHECKS: &[Check] = &[profile::CHECK, workspace::CHECK, reader::CHECK, own_config::CHECK];
