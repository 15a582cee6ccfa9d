//! Hooks: what wakes an agent from outside.

use super::Check;

pub(super) const CHECKS: &[Check] = &[];
