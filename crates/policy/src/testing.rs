//! Permits for the tests of executors. Behind the feature `testing`, which only `dev-dependencies`
//! turn on: no release build has this door.

use stockade_core::{Decision, Rule, Timestamp};

use crate::permit::{Bound, Judged, Permit, Settled};

/// A permit for any call.
///
/// # Panics
/// Never: an allowed call settles into a permit.
#[expect(clippy::panic, reason = "test support; the branch cannot be reached")]
pub fn permit<T: Bound>(call: T, now: Timestamp) -> Permit<T> {
    match Judged::new(call, Decision::Allow { rule: Rule::ToolShape }).settle(now) {
        Settled::Permit(permit) => permit,
        Settled::Ask(_) | Settled::Deny(_) => panic!("an allowed call settles into a permit"),
    }
}
