//! The gateway's door: binding, authentication, proxies, HTTP interfaces, nodes.

use super::Check;

pub(super) const CHECKS: &[Check] = &[];
