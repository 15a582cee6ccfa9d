//! The running install, as `--deep` saw it: what its gateway lets in, who listens, what is announced, what its
//! containers hold. Silent without `--deep`.

use super::Check;

mod browsers;
mod containers;
mod listeners;
mod mdns;
mod probe;
mod ways;

pub(super) const CHECKS: &[Check] =
    &[probe::CHECK, ways::CHECK, listeners::CHECK, mdns::CHECK, browsers::CHECK, containers::CHECK];
