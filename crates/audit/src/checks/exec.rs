//! Where and when commands run.

use super::Check;

mod approvals;
mod configured;
mod default;
mod elevated;
mod files;
mod host;
mod safe_bins;
mod skills;

pub(super) const CHECKS: &[Check] = &[
    elevated::CHECK,
    host::CHECK,
    configured::CHECK,
    default::CHECK,
    files::CHECK,
    approvals::CHECK,
    safe_bins::CHECK,
    skills::CHECK,
];
