//! `chat.send`, `chat.abort`, `chat.history`, and the transcript rows that clients follow.

use serde_json::{Value, json};
use stockade_core::{Scope, SessionKey, TurnId};
use stockade_store::transcript::{Role, Stored};

use super::{Caller, Outcome, Params, agent, sessions};
use crate::Gateway;
use crate::ws::frame::WireError;

/// `chat.send`.
pub fn send(caller: &Caller, params: &Params) -> Outcome {
    if params.optional_text("sessionKey")?.is_none() {
        let details = json!({ "code": "SESSION_MUTATION_TARGET_REQUIRED", "method": "chat.send" });
        return Err(WireError::invalid("session mutation target is unavailable").details(details));
    }
    let session = params.session(caller.gateway(), "sessionKey")?;
    let turn = params.turn("idempotencyKey")?;
    let (run, new) = agent::start(caller, params, &session, &turn)?;
    agent::sent(&run, &turn, new)
}

/// `chat.abort`.
pub fn abort(caller: &Caller, params: &Params) -> Outcome {
    let session = params.session(caller.gateway(), "sessionKey")?;
    let turn = params.optional_text("runId")?.map(|_| params.turn("runId")).transpose()?;
    let cancelled = caller.gateway().runs.cancel(&session, turn.as_ref());
    Ok(json!({ "ok": true, "aborted": !cancelled.is_empty(), "runIds": cancelled }))
}

/// `chat.history`.
pub fn history(caller: &Caller, params: &Params) -> Outcome {
    let gateway = caller.gateway();
    let session = params.session(gateway, "sessionKey")?;
    let limit = params.optional_number("limit")?.unwrap_or(200).min(1000);
    let Some(meta) = gateway.sessions.find(&session) else {
        return Ok(json!({ "sessionKey": session, "sessionId": null, "messages": [], "hasMore": false }));
    };
    let limit = usize::try_from(limit).unwrap_or(1000);
    let history = gateway
        .sessions
        .history(&session, limit)
        .map_err(|error| WireError::unavailable(format!("the transcript cannot be read: {error}")))?;
    let first = history.first().map_or(1, |stored| stored.seq);
    let messages: Vec<Value> = history.iter().map(message).collect();
    Ok(json!({
        "sessionKey": session, "sessionId": meta.session_id, "messages": messages, "hasMore": first > 1,
        "sessionInfo": sessions::row(&meta), "inFlightRun": gateway.runs.busy(&session).map(|turn| json!({ "runId": turn })),
    }))
}

/// Announces a new row of a transcript.
pub fn transcript_event(gateway: &Gateway, session: &SessionKey, turn: &TurnId, stored: &Stored) {
    let mut message = message(stored);
    let key = format!("{turn}:user");
    if let (Role::User, Some(fields)) = (stored.message.content().role, message.as_object_mut()) {
        fields.insert("idempotencyKey".into(), json!(key));
        if let Some(row) = fields.get_mut("__openclaw").and_then(Value::as_object_mut) {
            row.insert("idempotencyKey".into(), json!(key));
        }
    }
    let payload = json!({
        "sessionKey": session, "agentId": session.agent(), "messageId": stored.id, "messageSeq": stored.seq,
        "message": message,
    });
    gateway.events.send("session.message", Some(Scope::Read), payload);
}

/// A row as clients read it: OpenClaw's message, with its label beside it.
fn message(stored: &Stored) -> Value {
    let mut message = serde_json::to_value(stored.message.content()).unwrap_or_default();
    if let Some(fields) = message.as_object_mut() {
        fields.insert("timestamp".into(), json!(stored.at));
        let row = json!({ "id": stored.id, "seq": stored.seq, "recordTimestampMs": stored.at });
        fields.insert("__openclaw".into(), row);
        fields.insert("stockade:label".into(), json!(stored.message.label()));
    }
    message
}
