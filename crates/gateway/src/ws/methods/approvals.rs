//! `exec.approval.*` and the unified `approval.*`: where an operator sees and answers a question.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use stockade_core::{Digest, text};
use stockade_policy::Verdict;

use super::{Caller, Job, Outcome, Params};
use crate::approvals::{Card, Outcome as Answer, Request, ResolveError};
use crate::ws::frame::WireError;

/// `exec.approval.list`: the pending requests, a bare array.
pub fn list(caller: &Caller, _: &Params) -> Outcome {
    Ok(caller.gateway().approvals.pending().iter().map(Request::wire).collect())
}

/// `plugin.approval.list`, `openclaw.approval.list`: nothing asks in these kinds here. OpenClaw's command
/// line asks for all three lists and shows none when one of them is refused.
pub fn none(_: &Caller, _: &Params) -> Outcome {
    Ok(json!([]))
}

/// `exec.approval.get`.
pub fn get(caller: &Caller, params: &Params) -> Outcome {
    let request = find(caller, params)?;
    Ok(json!({
        "id": request.id, "commandText": request.card.command, "commandPreview": null,
        "allowedDecisions": DECISIONS, "host": request.card.request["host"], "nodeId": null,
        "agentId": request.card.request["agentId"], "expiresAtMs": request.expires, "digest": request.card.digest,
    }))
}

/// `exec.approval.resolve`.
pub fn resolve(caller: &Caller, params: &Params) -> Outcome {
    answer(caller, params).map(|_| json!({ "ok": true }))
}

/// `exec.approval.request`: a client asks on its own behalf and waits for the answer. The answer gives
/// no permit here; it is the client's to act on.
pub fn request(caller: &Caller, params: &Params) -> Result<Job, WireError> {
    let (card, life, two_phase) = asked(params)?;
    let gateway = Arc::clone(caller.gateway());
    Ok(Box::new(move |later| {
        Box::pin(async move {
            let Some(request) = gateway.approvals.open(card, life) else {
                return later.answer(Err(WireError::unavailable("too many approvals wait").retry_after(5_000))).await;
            };
            let payload = |key: &str, value: Value| {
                let mut payload = times(&request);
                payload[key] = value;
                payload
            };
            if two_phase {
                later.answer(Ok(payload("status", json!("accepted")))).await;
            }
            let outcome = tokio::select! {
                outcome = gateway.approvals.wait(&request) => outcome,
                // A question ends with the client that asked it.
                () = later.gone() => Answer::Cancelled,
                () = gateway.tasks.stopping().cancelled_owned() => Answer::Cancelled,
            };
            later.answer(Ok(payload("decision", json!(outcome.decision())))).await;
        })
    }))
}

/// `exec.approval.waitDecision`.
pub fn wait(caller: &Caller, params: &Params) -> Result<Job, WireError> {
    let unknown = |_| WireError::invalid("approval expired or not found");
    let request = caller.gateway().approvals.find(params.text("id")?).map_err(unknown)?;
    let gateway = Arc::clone(caller.gateway());
    Ok(Box::new(move |later| {
        Box::pin(async move {
            let outcome = tokio::select! {
                outcome = gateway.approvals.watch(&request) => outcome,
                () = later.gone() => Answer::Cancelled,
                () = gateway.tasks.stopping().cancelled_owned() => Answer::Cancelled,
            };
            let reason = match outcome {
                Answer::Answered(_) => "user",
                Answer::Expired => "timeout",
                Answer::Pending | Answer::Cancelled => "cancelled",
            };
            let mut payload = times(&request);
            payload["decision"] = json!(outcome.decision());
            payload["terminalReason"] = json!(reason);
            later.answer(Ok(payload)).await;
        })
    }))
}

fn times(request: &Request) -> Value {
    json!({ "id": request.id, "createdAtMs": request.created, "expiresAtMs": request.expires })
}

/// `approval.get`.
pub fn unified_get(caller: &Caller, params: &Params) -> Outcome {
    find(caller, params).map(|request| json!({ "approval": unified(&request) }))
}

/// `approval.resolve`.
pub fn unified_resolve(caller: &Caller, params: &Params) -> Outcome {
    let request = answer(caller, params)?;
    Ok(json!({ "applied": true, "approval": unified(&request) }))
}

/// `approval.history`.
pub fn history(caller: &Caller, params: &Params) -> Outcome {
    let limit = usize::try_from(params.optional_number("limit")?.unwrap_or(50).min(256)).unwrap_or(50);
    let items: Vec<Value> = caller.gateway().approvals.history().iter().take(limit).map(unified).collect();
    Ok(json!({ "items": items, "nextCursor": null }))
}

fn find(caller: &Caller, params: &Params) -> Result<Request, WireError> {
    caller.gateway().approvals.find(params.text("id")?).map_err(wire)
}

fn answer(caller: &Caller, params: &Params) -> Result<Request, WireError> {
    let verdict = match params.text("decision")? {
        "allow-once" => Verdict::AllowOnce,
        "deny" => Verdict::Deny,
        _ => return Err(WireError::invalid("invalid decision")),
    };
    let shown = params
        .optional_text("digest")?
        .map(|digest| Digest::from_hex(digest).ok_or_else(|| params.bad("digest", "must be 64 hexadecimal characters")))
        .transpose()?;
    let principal = caller.session().principal();
    caller.gateway().approvals.resolve(params.text("id")?, verdict, shown, principal).map_err(wire)
}

fn asked(params: &Params) -> Result<(Card, Duration, bool), WireError> {
    let command = params.text("command").map_err(|_| WireError::invalid("command is required"))?;
    if params.optional_text("host")? == Some("node") {
        return Err(WireError::invalid("systemRunPlan is required for host=node"));
    }
    let shown = text::visible(&text::clip(command, 16 * 1024));
    let field =
        |name: &str| params.optional_text(name).map(|value| value.map(|value| text::visible(&text::clip(value, 1024))));
    let request = json!({
        "command": shown, "cwd": field("cwd")?, "host": field("host")?, "security": field("security")?,
        "ask": field("ask")?, "agentId": field("agentId")?, "sessionKey": field("sessionKey")?,
        "resolvedPath": field("resolvedPath")?, "allowedDecisions": DECISIONS, "unavailableDecisions": ["allow-always"],
        "warningText": "asked by a client; this gateway runs nothing for it",
    });
    let life = Duration::from_millis(params.optional_number("timeoutMs")?.unwrap_or(1_800_000)).min(MAX_LIFE);
    let card = Card { command: shown, request, digest: Digest::of(params.canonical().as_bytes()) };
    Ok((card, life, params.flag("twoPhase")?))
}

fn unified(request: &Request) -> Value {
    let mut approval = json!({
        "id": request.id,
        "status": request.outcome.status(),
        "presentation": {
            "kind": "exec", "commandText": request.card.command, "commandPreview": null,
            "warningText": request.card.request["warningText"], "host": request.card.request["host"], "nodeId": null,
            "agentId": request.card.request["agentId"], "allowedDecisions": DECISIONS,
        },
        "urlPath": format!("/approve/{}", request.id),
        "createdAtMs": request.created,
        "expiresAtMs": request.expires,
    });
    if let Answer::Answered(answer) = &request.outcome {
        approval["resolvedAtMs"] = json!(answer.at);
        approval["reason"] = json!("user");
        approval["decision"] = json!(request.outcome.decision());
        approval["resolver"] = json!({ "kind": "operator", "id": answer.by.to_string() });
    }
    approval
}

fn wire(error: ResolveError) -> WireError {
    let details = match error {
        ResolveError::NotFound => json!({
            "reason": "APPROVAL_NOT_FOUND",
            "remediation": "Re-request the action; pending approvals are cleared after expiry or restart.",
        }),
        ResolveError::AlreadyResolved => json!({ "reason": "APPROVAL_ALREADY_RESOLVED" }),
        ResolveError::DigestMismatch => json!({ "reason": "APPROVAL_DIGEST_MISMATCH" }),
    };
    WireError::invalid(error.to_string()).details(details)
}

const DECISIONS: [&str; 2] = ["allow-once", "deny"];
const MAX_LIFE: Duration = Duration::from_secs(86_400);
