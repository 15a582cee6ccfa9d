//! Plugins, hooks and skills that are installed.

use super::Check;

pub(super) const CHECKS: &[Check] = &[];
