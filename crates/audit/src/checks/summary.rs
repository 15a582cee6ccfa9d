//! What there is to attack, in a few lines.

use super::Check;

mod attack_surface;

pub(super) const CHECKS: &[Check] = &[attack_surface::CHECK];
