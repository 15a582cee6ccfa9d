//! The config as a document: what cannot be read, what nobody knows, what stands twice, what is dangerous by name.

use super::Check;

pub(super) const CHECKS: &[Check] = &[];
