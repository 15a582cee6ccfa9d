//! What the gateway tells the local network.

use super::Check;

mod mdns;
mod wide_area;

pub(super) const CHECKS: &[Check] = &[mdns::CHECK, wide_area::CHECK];
