//! Which tools which agent has.

use super::Check;

pub(super) const CHECKS: &[Check] = &[];
