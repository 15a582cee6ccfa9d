//! What strangers reach, and who shares an agent with whom.

use super::Check;

mod open;
mod reach;
mod sharing;
mod trust;

pub(super) const CHECKS: &[Check] = &[open::CHECK, reach::CHECK, trust::CHECK, sharing::CHECK];
