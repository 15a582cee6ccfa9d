//! Which models run, and what they may do.

use super::Check;

mod authority;
mod hygiene;
mod small;
mod strength;

pub(super) const CHECKS: &[Check] = &[hygiene::CHECK, small::CHECK, authority::CHECK];
