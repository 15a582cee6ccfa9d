//! Code of plugins and skills; only with `--deep`.

use super::Check;

pub(super) const CHECKS: &[Check] = &[];
