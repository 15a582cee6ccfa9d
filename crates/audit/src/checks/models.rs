//! Models that are talked into things easily.

use super::Check;

pub(super) const CHECKS: &[Check] = &[];
