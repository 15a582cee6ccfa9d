//! Modes, owners and kinds of the files of an install.

use super::Check;

pub(super) const CHECKS: &[Check] = &[];
