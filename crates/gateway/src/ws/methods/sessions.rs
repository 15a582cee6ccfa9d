//! `sessions.*`.

use serde_json::{Value, json};
use stockade_core::{AgentId, SessionKey};
use stockade_store::transcript::SessionMeta;

use super::{Caller, Outcome, Params};

/// `sessions.list`.
pub fn list(caller: &Caller, params: &Params) -> Outcome {
    let gateway = caller.gateway();
    let running = gateway.running();
    let agent = params
        .optional_text("agentId")?
        .map(|id| AgentId::parse(id).map_err(|error| params.bad("agentId", &error.to_string())))
        .transpose()?;
    let limit = usize::try_from(params.optional_number("limit")?.unwrap_or(200).min(1000)).unwrap_or(200);
    let all: Vec<SessionMeta> = gateway
        .sessions
        .list()
        .into_iter()
        .filter(|meta| agent.as_ref().is_none_or(|agent| meta.agent == *agent))
        .collect();
    let rows: Vec<Value> = all.iter().take(limit).map(row).collect();
    Ok(json!({
        "ts": gateway.clock.now(), "path": running.loaded.paths.data.join("agents"), "count": rows.len(),
        "totalCount": all.len(), "limitApplied": limit, "nextOffset": null, "hasMore": all.len() > rows.len(),
        "owners": [], "defaults": { "model": running.default_agent().model }, "sessions": rows,
    }))
}

/// `sessions.describe`.
pub fn describe(caller: &Caller, params: &Params) -> Outcome {
    let session = params.session(caller.gateway(), "key")?;
    Ok(json!({ "session": caller.gateway().sessions.find(&session).as_ref().map(row) }))
}

/// `sessions.resolve`.
pub fn resolve(caller: &Caller, params: &Params) -> Outcome {
    let session = params.session(caller.gateway(), "key")?;
    Ok(json!({ "ok": true, "key": session, "agentId": session.agent() }))
}

/// `sessions.subscribe`: every connection with the scope gets the events already.
pub fn subscribe(_: &Caller, _: &Params) -> Outcome {
    Ok(json!({ "subscribed": true }))
}

/// `sessions.messages.subscribe`.
pub fn messages_subscribe(caller: &Caller, params: &Params) -> Outcome {
    let session = params.session(caller.gateway(), "key")?;
    let replay = json!({
        "sessionKey": session, "updatedAtMs": caller.gateway().clock.now(), "approvals": [], "truncated": false,
    });
    Ok(json!({ "subscribed": true, "key": session, "approvalReplay": replay }))
}

/// A session as clients list it, with its label.
pub fn row(meta: &SessionMeta) -> Value {
    let main = meta.key == SessionKey::main(&meta.agent);
    json!({
        "key": meta.key, "sessionId": meta.session_id, "agentId": meta.agent, "kind": "direct", "chatType": "direct",
        "isMain": main, "updatedAt": meta.updated_at, "archived": false, "pinned": false, "unread": false,
        "status": "done", "visibility": "shared", "stockade:label": meta.label,
    })
}
