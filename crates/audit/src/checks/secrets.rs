//! Secrets: where they stand and how good they are.

use super::Check;

pub(super) const CHECKS: &[Check] = &[];
