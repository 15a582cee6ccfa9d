//! Plans, writes and undoes edits. One way through: [`plan()`] takes the fixes of findings and drafts the result in
//! memory; [`Plan::diff`] shows it; [`apply()`] writes it with its inverse kept; [`undo()`] takes it back.
//!
//! What it must never do: write what it has not planned, write over what somebody else wrote since, follow a link to
//! a file that was not audited, give anybody a right that they did not have, leave half of a fix, or trust its own
//! record further than the files on disk bear it out.
//!
//! Kept: every byte outside the edited keys, the permission bits, owner and group. Not kept for a file whose text is
//! edited, because it is a new file under the old name: its inode number and times, extended attributes and access
//! control lists.

mod apply;
mod diff;
mod fault;
mod ground;
mod handle;
mod journal;
mod mask;
mod plan;
mod region;
#[cfg(test)]
mod tests;
mod undo;

pub use apply::{Action, Auditor, Outcome, apply};
pub use fault::FixError;
pub use ground::Grounds;
pub use journal::{Run, runs};
pub use mask::Mask;
pub use plan::{Choice, Conflict, Plan, Refused, plan};
pub use undo::{Undone, undo};
