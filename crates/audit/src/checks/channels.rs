//! Who may write to an agent, channel by channel.

use super::Check;

pub(super) const CHECKS: &[Check] = &[];
