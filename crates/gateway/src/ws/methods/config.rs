//! `stockade.config.*`: a changed config that would allow more waits here for the operator. No agent has
//! a way to this connection.

use std::sync::Arc;

use serde_json::json;
use stockade_core::Digest;
use stockade_policy::ratchet;

use super::{Caller, Job, Outcome, Params};
use crate::reload;
use crate::ws::frame::WireError;

/// `stockade.config.held`: what waits, if anything does.
pub fn held(caller: &Caller, _: &Params) -> Outcome {
    let held = caller.gateway().held().map(|(generation, changes)| {
        let widens: Vec<&str> = ratchet::widenings(&changes).collect();
        json!({ "generation": generation, "widens": widens, "changes": changes })
    });
    Ok(json!({ "held": held }))
}

/// `stockade.config.confirm`: puts exactly the config in force that was shown.
pub fn confirm(caller: &Caller, params: &Params) -> Result<Job, WireError> {
    let generation = Digest::from_hex(params.text("generation")?)
        .ok_or_else(|| params.bad("generation", "must be 64 hexadecimal characters"))?;
    let held = caller.gateway().take_held(generation);
    let held = held.ok_or_else(|| WireError::invalid("no such config waits; look again at what is held"))?;
    let (gateway, by) = (Arc::clone(caller.gateway()), caller.session().principal().clone());
    Ok(Box::new(move |later| {
        Box::pin(async move {
            reload::confirm(&gateway, held, &by).await;
            let in_force = gateway.running().policy.generation == generation;
            later.answer(Ok(json!({ "ok": in_force, "generation": generation }))).await;
        })
    }))
}
