//! What there is to attack, in a few lines.

use super::Check;

pub(super) const CHECKS: &[Check] = &[];
