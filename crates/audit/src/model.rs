//! What is in force: derived from a [`Snapshot`], once, for every check. Nothing here looks at the host, and every
//! question of authority is put to `stockade_policy`.

pub mod agents;
pub mod binds;
pub mod channels;
pub mod exec;
pub mod flow;
pub mod gateway;
pub mod generation;
pub mod models;
pub mod reach;
pub mod routing;
pub mod sandbox;
pub mod tools;
pub mod visitors;
pub mod web;

use crate::snapshot::Snapshot;
pub use agents::{Agent, Agents};
pub use channels::Channels;
pub use exec::Exec;
pub use gateway::Gateway;
pub use sandbox::Sandbox;
pub use tools::ToolAccess;
pub use visitors::Visitors;
pub use web::Web;

/// A snapshot and what follows from it.
#[derive(Debug)]
pub struct Model<'s> {
    /// What was found.
    pub snapshot: &'s Snapshot,
    /// How the gateway can be reached and what guards it.
    pub gateway: Gateway,
    /// Who acts: every agent, its tools, its sandbox and its commands.
    pub agents: Agents<'s>,
    /// Who may write to an agent.
    pub channels: Channels<'s>,
    /// Who else can write to an agent.
    pub visitors: Visitors,
    /// Which tools of the web are switched on.
    pub web: Web,
}

impl<'s> Model<'s> {
    /// What follows from a snapshot.
    #[must_use]
    pub fn of(snapshot: &'s Snapshot) -> Self {
        Self {
            snapshot,
            gateway: Gateway::of(snapshot),
            agents: Agents::of(snapshot),
            channels: Channels::of(snapshot),
            visitors: Visitors::of(snapshot),
            web: Web::of(snapshot),
        }
    }

    /// The config.
    #[must_use]
    pub const fn config(&self) -> &'s crate::snapshot::ConfigFacts {
        &self.snapshot.config
    }
}

#[cfg(test)]
#[path = "model/tests.rs"]
mod tests;
