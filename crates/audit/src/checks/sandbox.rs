//! Whether sessions run in a sandbox, and what the sandbox is given of the host.

use super::Check;

mod binds;
mod container;
mod coverage;
mod remote;
mod unused;

pub(super) const CHECKS: &[Check] = &[unused::CHECK, binds::CHECK, container::CHECK, coverage::CHECK, remote::CHECK];
