//! Hooks: what wakes an agent from outside.

use super::Check;

mod gmail;
mod routing;
mod token;

pub(super) const CHECKS: &[Check] = &[token::CHECK, routing::CHECK, gmail::CHECK];
