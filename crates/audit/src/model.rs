//! What is in force: derived from a [`Snapshot`], once, for every check. Nothing here looks at the host, and every
//! question of authority is put to `stockade_policy`.

pub mod channels;
pub mod gateway;

use crate::snapshot::Snapshot;
pub use channels::Channels;
pub use gateway::Gateway;

/// A snapshot and what follows from it.
#[derive(Debug)]
pub struct Model<'s> {
    /// What was found.
    pub snapshot: &'s Snapshot,
    /// How the gateway can be reached and what guards it.
    pub gateway: Gateway,
    /// Who may write to an agent.
    pub channels: Channels<'s>,
}

impl<'s> Model<'s> {
    /// What follows from a snapshot.
    #[must_use]
    pub fn of(snapshot: &'s Snapshot) -> Self {
        Self { snapshot, gateway: Gateway::of(snapshot), channels: Channels::of(snapshot) }
    }

    /// The config.
    #[must_use]
    pub const fn config(&self) -> &'s crate::snapshot::ConfigFacts {
        &self.snapshot.config
    }
}
