//! What strangers reach, and who shares an agent with whom.

use super::Check;

pub(super) const CHECKS: &[Check] = &[];
