//! Sandboxes: what they are shown and what holds them.

use super::Check;

pub(super) const CHECKS: &[Check] = &[];
