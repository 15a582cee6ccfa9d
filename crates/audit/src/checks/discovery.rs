//! What the gateway tells the local network.

use super::Check;

pub(super) const CHECKS: &[Check] = &[];
