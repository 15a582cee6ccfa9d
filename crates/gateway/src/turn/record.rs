//! One journal record per arrow, with the identity of the turn on each.

use serde_json::Value;
use stockade_core::{Decision, Digest, Principal, SessionKey, Stage, TurnId};
use stockade_store::journal::Entry;

use super::TurnError;
use crate::gateway::Gateway;

/// Writes the records of one turn.
pub(super) struct Recorder<'a> {
    gateway: &'a Gateway,
    session: SessionKey,
    turn: TurnId,
    principal: String,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(gateway: &'a Gateway, session: &SessionKey, turn: &TurnId, principal: &Principal) -> Self {
        Self { gateway, session: session.clone(), turn: turn.clone(), principal: principal.to_string() }
    }

    /// Writes one record and returns when it is on the disk.
    pub(super) async fn write(
        &self,
        stage: Stage,
        decision: Option<Decision>,
        digest: Option<Digest>,
        detail: Value,
    ) -> Result<(), TurnError> {
        let entry = Entry {
            turn: Some(self.turn.clone()),
            session: Some(self.session.clone()),
            agent: Some(self.session.agent()),
            decision,
            digest,
            detail,
            ..Entry::new(stage, &self.principal)
        };
        self.gateway.record(entry).await.map_err(|error| TurnError::Store(error.to_string()))
    }
}
