//! What is in force: derived from a [`Snapshot`], once, for every check. Nothing here looks at the host, and every
//! question of authority is put to `stockade_policy`.

pub mod gateway;
pub mod generation;
pub mod reach;

use crate::snapshot::Snapshot;
pub use gateway::Gateway;

/// A snapshot and what follows from it.
#[derive(Debug)]
pub struct Model<'s> {
    /// What was found.
    pub snapshot: &'s Snapshot,
    /// How the gateway can be reached and what guards it.
    pub gateway: Gateway,
}

impl<'s> Model<'s> {
    /// What follows from a snapshot.
    #[must_use]
    pub fn of(snapshot: &'s Snapshot) -> Self {
        Self { snapshot, gateway: Gateway::of(snapshot) }
    }

    /// The config.
    #[must_use]
    pub const fn config(&self) -> &'s crate::snapshot::ConfigFacts {
        &self.snapshot.config
    }
}
