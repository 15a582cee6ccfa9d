//! `agent`: a turn with two answers, accepted and final; `agent.wait`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use stockade_core::{AgentId, Digest, SessionKey, TurnId};

use super::{Caller, Job, Outcome, Params};
use crate::Gateway;
use crate::runs::{Entered, Run};
use crate::turn::stream::Stream;
use crate::turn::{self, Reply, TurnError};
use crate::ws::frame::WireError;

/// `agent`.
pub fn agent(caller: &Caller, params: &Params) -> Result<Job, WireError> {
    let (run, session, turn) = begin(caller, params)?;
    Ok(Box::new(move |later| {
        Box::pin(async move {
            let accepted = json!({
                "runId": turn, "sessionKey": session, "agentId": session.agent(), "status": "accepted",
                "acceptedAt": run.started,
            });
            later.answer(Ok(accepted)).await;
            later.answer(run.ended().await.map_err(WireError::unavailable)).await;
        })
    }))
}

/// `agent.wait`.
pub fn wait(caller: &Caller, params: &Params) -> Result<Job, WireError> {
    let turn = params.turn("runId")?;
    let limit = Duration::from_millis(params.optional_number("timeoutMs")?.unwrap_or(30_000));
    let run = caller.gateway().runs.find(&turn);
    let stopping = caller.gateway().tasks.stopping();
    Ok(Box::new(move |later| {
        Box::pin(async move {
            let Some(run) = run else {
                return later.answer(Ok(json!({ "runId": turn, "status": "timeout" }))).await;
            };
            let ended = tokio::select! {
                ended = tokio::time::timeout(limit, run.ended()) => ended.ok(),
                () = stopping.cancelled() => None,
            };
            let status = match ended {
                Some(Ok(_)) => "ok",
                Some(Err(_)) => "error",
                None => "timeout",
            };
            later.answer(Ok(json!({ "runId": turn, "status": status, "startedAt": run.started }))).await;
        })
    }))
}

fn begin(caller: &Caller, params: &Params) -> Result<(Run, SessionKey, TurnId), WireError> {
    let gateway = caller.gateway();
    let running = gateway.running();
    let agent = match params.optional_text("agentId")? {
        Some(id) => AgentId::parse(id).map_err(|error| params.bad("agentId", &error.to_string()))?,
        None => running.default_agent().id.clone(),
    };
    if running.policy.agent(&agent).is_none() {
        return Err(WireError::invalid(format!("invalid agent params: unknown agent id \"{agent}\"")));
    }
    let session = match params.optional_text("sessionKey")? {
        Some(_) => params.session(gateway, "sessionKey")?,
        None => SessionKey::main(&agent),
    };
    if session.agent() != agent && params.optional_text("agentId")?.is_some() {
        return Err(params.bad("sessionKey", "belongs to another agent"));
    }
    let turn = params.turn("idempotencyKey")?;
    let run = start(caller, params, &session, &turn)?.0;
    Ok((run, session, turn))
}

/// Starts a turn, or meets the one that the same request started before (then the flag is false).
///
/// # Errors
/// When the key was used for other words, the message has no form, or too many turns are under way.
pub fn start(caller: &Caller, params: &Params, session: &SessionKey, turn: &TurnId) -> Result<(Run, bool), WireError> {
    let gateway = caller.gateway();
    let message = params.text("message")?;
    let inbound = turn::receive(gateway, session.as_str(), turn.as_str(), message)
        .map_err(|error| params.bad("message", &error.to_string()))?;
    let input = Digest::of(params.canonical().as_bytes());
    let run = match gateway.runs.enter(turn, session, input, gateway.clock.now()) {
        Entered::New(run) => run,
        Entered::Again(run) => return Ok((run, false)),
        Entered::Full => return Err(WireError::unavailable("too many turns under way").retry_after(5_000)),
        Entered::Conflict => {
            let details = json!({ "reason": "chat-request-conflict" });
            let text = "this idempotency key was used for another request; use a fresh one";
            return Err(WireError::invalid(text).details(details));
        }
    };
    let work = Work {
        gateway: Arc::clone(gateway),
        caller: caller.clone(),
        session: session.clone(),
        turn: turn.clone(),
        run: run.clone(),
    };
    gateway.tasks.start("turn", work.carry(inbound));
    Ok((run, true))
}

/// One turn's task.
struct Work {
    gateway: Arc<Gateway>,
    caller: Caller,
    session: SessionKey,
    turn: TurnId,
    run: Run,
}

impl Work {
    async fn carry(self, inbound: turn::Inbound) {
        let _ending = self.run.ending();
        let turnstile = self.gateway.runs.turnstile(&self.session);
        let _alone = turnstile.lock().await;
        let mut stream = Stream::begin(&self.gateway, &self.session, &self.turn);
        let outcome = Box::pin(self.take(inbound, &mut stream)).await;
        let ended = match outcome {
            Ok(reply) => Ok(self.payload(&reply)),
            Err(error) => {
                stream.failed(&error);
                turn::failed(&self.gateway, self.caller.session().principal(), &self.session, &self.turn, &error).await;
                tracing::info!(turn = %self.turn, %error, "a turn ended without an answer");
                Err(self.gateway.redactor.mask(&error.to_string()))
            }
        };
        self.run.end(ended);
    }

    async fn take(&self, inbound: turn::Inbound, stream: &mut Stream) -> Result<Reply, TurnError> {
        let session = self.caller.session();
        let identified = turn::identify(&self.gateway, inbound, session.principal(), session.scopes()).await?;
        let admitted = turn::admit(&self.gateway, identified).await?;
        turn::run(&self.gateway, admitted, stream, &self.run.cancel).await
    }

    fn payload(&self, reply: &Reply) -> Value {
        let meta = self.gateway.sessions.find(&self.session);
        json!({
            "runId": self.turn, "status": "ok", "summary": "completed",
            "result": {
                "payloads": [{ "text": reply.text, "mediaUrl": null }],
                "meta": {
                    "durationMs": self.gateway.clock.now().since(self.run.started).as_millis() as u64,
                    "agentMeta": {
                        "sessionId": meta.map(|meta| meta.session_id), "model": reply.model,
                        "usage": {
                            "input": reply.usage.input, "output": reply.usage.output,
                            "total": reply.usage.input.saturating_add(reply.usage.output),
                        },
                    },
                },
            },
        })
    }
}

/// The outcome of `chat.send`.
pub fn sent(run: &Run, turn: &TurnId, new: bool) -> Outcome {
    let status = match (new, run.state()) {
        (true, _) => "started",
        (false, crate::runs::State::Running) => "in_flight",
        (false, crate::runs::State::Ended(_)) => "ok",
    };
    Ok(json!({ "runId": turn, "status": status }))
}
