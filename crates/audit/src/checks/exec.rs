//! Where and when commands run.

use super::Check;

pub(super) const CHECKS: &[Check] = &[];
