//! The way of a message. Each stage takes what the stage before it returns, and the types in between
//! have no other constructor, so that a stage that is left out does not compile.
//!
//! ```text
//! receive → Inbound → identify → Identified → admit → Admitted → propose → Proposed
//!   → gate (judge, approval) → Permit → perform → Labeled<ToolResult> → … → Reply
//! ```
//!
//! Every arrow is one journal record. What cannot be journaled does not happen.

pub mod conversation;
mod gate;
mod perform;
mod record;
pub mod stream;

use std::sync::Arc;

use serde_json::json;
use stockade_agent::{Model, ModelError, ModelEvent, ModelRequest, StopReason, ToolDefinition, Usage, tools};
use stockade_core::{
    AgentId, Decision, Denial, InvalidId, Label, Labeled, Principal, Rule, ScopeSet, SessionKey, Stage, ToolCall,
    TurnId,
};
use stockade_policy::admission;
use stockade_policy::context::Speaker;
use stockade_policy::{AgentPolicy, ContextEntry, Judge, Sender, Tool};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::gateway::Gateway;
use crate::running::Running;
use conversation::Conversation;
use record::Recorder;
use stream::Stream;

/// The longest message, in bytes.
pub const MAX_MESSAGE: usize = 256 * 1024;
/// The longest text of one answer of the model, in bytes.
pub const MAX_REPLY: usize = 1024 * 1024;

/// A message whose form was checked.
#[derive(Debug)]
pub struct Inbound {
    session: SessionKey,
    turn: TurnId,
    text: String,
}

/// A message whose sender is known.
#[derive(Debug)]
pub struct Identified {
    inbound: Inbound,
    principal: Principal,
    scopes: ScopeSet,
}

/// A message that may start a turn.
pub struct Admitted {
    inbound: Inbound,
    principal: Principal,
    agent: AgentId,
}

/// A call that the model wants. It holds no authority.
#[derive(Debug)]
pub struct Proposed {
    call: ToolCall,
    label: Label,
}

/// What the model said in one answer.
#[derive(Debug, Default)]
pub(crate) struct Said {
    text: String,
    calls: Vec<ToolCall>,
    stop: Option<StopReason>,
    usage: Option<Usage>,
}

/// What a tool gave back, or why it did not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolResult {
    /// What the model is shown.
    pub text: String,
    /// Whether the call failed or was refused.
    pub is_error: bool,
}

/// The end of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// What the person is told, secrets masked.
    pub text: String,
    /// Why the model stopped.
    pub stop: StopReason,
    /// What it cost.
    pub usage: Usage,
    /// Through which provider and model.
    pub model: String,
}

/// A message that has not the form of one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Malformed {
    /// A session key or turn id.
    #[error(transparent)]
    Id(#[from] InvalidId),
    /// No text, or too much.
    #[error("the message must have 1 to {MAX_MESSAGE} bytes, but has {0}")]
    Length(usize),
}

/// Why a turn ended without a reply.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum TurnError {
    /// The judge refused the turn itself.
    #[error("{0}")]
    Denied(Denial),
    /// The agent's model cannot be used.
    #[error("{0}")]
    Model(String),
    /// The journal or the transcript could not be written; nothing runs without them.
    #[error("{0}")]
    Store(String),
    /// It was cancelled.
    #[error("the turn was cancelled")]
    Cancelled,
    /// It took longer than `turn.timeoutSeconds`.
    #[error("the turn took longer than turn.timeoutSeconds ({0} s)")]
    Timeout(u64),
}

/// Stage 1: bytes become a message.
///
/// # Errors
/// [`Malformed`].
pub fn receive(gateway: &Gateway, session: &str, turn: &str, text: &str) -> Result<Inbound, Malformed> {
    if text.trim().is_empty() || text.len() > MAX_MESSAGE {
        return Err(Malformed::Length(text.len()));
    }
    let running = gateway.running();
    let session = SessionKey::resolve(session, &running.default_agent().id)?;
    Ok(Inbound { session, turn: TurnId::parse(turn)?, text: text.to_owned() })
}

/// Stage 2: who sent it. The connection established that at its handshake.
pub async fn identify(
    gateway: &Gateway,
    inbound: Inbound,
    principal: &Principal,
    scopes: &ScopeSet,
) -> Result<Identified, TurnError> {
    let recorder = Recorder::new(gateway, &inbound.session, &inbound.turn, principal);
    recorder.write(Stage::Inbound, None, None, json!({ "bytes": inbound.text.len() })).await?;
    recorder.write(Stage::Identified, None, None, json!({ "scopes": scopes.ids() })).await?;
    Ok(Identified { inbound, principal: principal.clone(), scopes: scopes.clone() })
}

/// Stage 3: may they.
///
/// # Errors
/// [`TurnError::Denied`] when the judge refuses.
pub async fn admit(gateway: &Gateway, message: Identified) -> Result<Admitted, TurnError> {
    let Identified { inbound, principal, scopes } = message;
    let running = gateway.running();
    let decision = admission::admit(&running.policy, &gateway.lock(), &scopes, &inbound.session);
    let recorder = Recorder::new(gateway, &inbound.session, &inbound.turn, &principal);
    recorder.write(Stage::Admitted, Some(decision.clone()), None, json!({})).await?;
    match decision {
        Decision::Allow { .. } => Ok(Admitted { agent: inbound.session.agent(), inbound, principal }),
        Decision::Ask(question) => Err(TurnError::Denied(Denial::policy(question.rule, question.because))),
        Decision::Deny(denial) => Err(TurnError::Denied(denial)),
    }
}

/// The remaining stages: the model proposes, the gate answers, executors run, until the model has
/// nothing left to propose.
///
/// # Errors
/// [`TurnError`]. A refused tool call is no error: the model is told and may go on.
pub async fn run(
    gateway: &Arc<Gateway>,
    admitted: Admitted,
    stream: &mut Stream,
    cancel: &CancellationToken,
) -> Result<Reply, TurnError> {
    let limit = gateway.running().policy.turn_timeout;
    // Whatever stops the turn stops it through this token, so that what runs is killed and its end is
    // recorded before the turn ends.
    let stop = cancel.child_token();
    let turn = Turn::begin(gateway, admitted, stop.clone())?;
    let driven = turn.drive(stream);
    tokio::pin!(driven);
    tokio::select! {
        ended = &mut driven => ended,
        () = tokio::time::sleep(limit) => {
            stop.cancel();
            driven.await.map_err(|_| TurnError::Timeout(limit.as_secs()))
        }
    }
}

/// The record of a turn that ended without a reply.
pub async fn failed(gateway: &Gateway, principal: &Principal, session: &SessionKey, turn: &TurnId, error: &TurnError) {
    let recorder = Recorder::new(gateway, session, turn, principal);
    let written = recorder.write(Stage::Reply, None, None, json!({ "error": error.to_string() })).await;
    if let Err(error) = written {
        tracing::error!(%error, %turn, "the end of a turn could not be journaled");
    }
}

/// One turn under way.
struct Turn<'a> {
    gateway: &'a Arc<Gateway>,
    recorder: Recorder<'a>,
    admitted: Admitted,
    conversation: Conversation,
    model: Arc<Model>,
    model_name: String,
    stop: CancellationToken,
    calls_left: u32,
    exhausted: bool,
}

impl<'a> Turn<'a> {
    fn begin(gateway: &'a Arc<Gateway>, admitted: Admitted, stop: CancellationToken) -> Result<Self, TurnError> {
        let running = gateway.running();
        let agent = agent_of(&running, &admitted.agent)?;
        let (model, model_name) = running.model(agent).map_err(TurnError::Model)?;
        let recorder = Recorder::new(gateway, &admitted.inbound.session, &admitted.inbound.turn, &admitted.principal);
        let conversation = Conversation::open(gateway, agent, &admitted.inbound.session, &admitted.inbound.turn)?;
        conversation.say_user(&admitted.inbound.text, &admitted.principal)?;
        let calls_left = running.policy.max_tool_calls;
        Ok(Self { gateway, recorder, admitted, conversation, model, model_name, stop, calls_left, exhausted: false })
    }

    async fn drive(mut self, stream: &mut Stream) -> Result<Reply, TurnError> {
        loop {
            let stop = self.stop.clone();
            let answer = tokio::select! {
                biased;
                () = stop.cancelled() => return Err(TurnError::Cancelled),
                answer = self.ask_model(stream) => answer?,
            };
            let label = self.conversation.label();
            self.conversation.say_model(&answer, &self.model_name)?;
            if answer.calls.is_empty() {
                return self.reply(answer, stream).await;
            }
            for call in answer.calls {
                let proposed = self.propose(call, &label).await?;
                stream.tool_started(&proposed.call);
                let (call, result) = self.answer_call(proposed).await?;
                stream.tool_ended(&call, result.content());
                self.conversation.say_tool(&call, result)?;
            }
            // The model heard that its last call was refused; one that goes on all the same is not asked again.
            if std::mem::replace(&mut self.exhausted, self.calls_left == 0) {
                return Err(TurnError::Denied(limit()));
            }
        }
    }

    /// Lets the model speak. It is offered only the tools that the judge would not refuse outright.
    async fn ask_model(&self, stream: &mut Stream) -> Result<Said, TurnError> {
        let (context, definitions) = self.offer()?;
        let request = ModelRequest {
            model: &self.model_name,
            context: &context,
            tools: &definitions,
            max_tokens: None,
            temperature: None,
        };
        let failed = |error: ModelError| TurnError::Model(error.to_string());
        let mut answer = self.model.stream(&request).await.map_err(failed)?;
        let mut said = Said::default();
        while let Some(event) = answer.next().await.map_err(failed)? {
            match event {
                ModelEvent::Text(text) => {
                    stream.text(&text);
                    said.text.push_str(&text);
                    if said.text.len() > MAX_REPLY {
                        return Err(TurnError::Model(format!("the model's answer is longer than {MAX_REPLY} bytes")));
                    }
                }
                ModelEvent::Call(call) => said.calls.push(call),
                ModelEvent::Finished { stop, usage } => (said.stop, said.usage) = (Some(stop), usage),
            }
        }
        Ok(said)
    }

    fn offer(&self) -> Result<(Vec<ContextEntry>, Vec<ToolDefinition>), TurnError> {
        let running = self.gateway.running();
        let agent = agent_of(&running, &self.admitted.agent)?;
        let lock = self.gateway.lock();
        let judge = Judge::new(&running.policy, &lock);
        let (session, sender) = (&self.admitted.inbound.session, self.admitted.sender());
        let allowed = |tool: &&tools::Tool| judge.tool(agent, session, &sender, &Tool::core(tool.name)).is_ok();
        let definitions = tools::ALL.iter().filter(allowed).map(tools::Tool::definition).collect();
        Ok((self.conversation.context(agent)?, definitions))
    }

    /// Stage 4: what the model wants, on record before anyone decides.
    async fn propose(&self, call: ToolCall, label: &Label) -> Result<Proposed, TurnError> {
        let detail =
            json!({ "tool": call.tool.to_string(), "call": call.id, "arguments": call.arguments, "label": label });
        self.recorder.write(Stage::Proposed, None, None, detail).await?;
        Ok(Proposed { call, label: label.clone() })
    }

    /// Stages 5 to 8: the gate, the executor, the label.
    async fn answer_call(&mut self, proposed: Proposed) -> Result<(ToolCall, Labeled<ToolResult>), TurnError> {
        let outcome = if self.stop.is_cancelled() {
            Err(Denial::policy(Rule::Permit, "the turn was stopped"))
        } else if self.calls_left == 0 {
            Err(limit())
        } else {
            self.calls_left -= 1;
            self.perform(&proposed).await?
        };
        let result = match outcome {
            Ok(result) => result,
            Err(denial) => {
                let decision = Some(Decision::Deny(denial.clone()));
                self.recorder.write(Stage::Output, decision, None, json!({ "ran": false })).await?;
                perform::refused(&denial)
            }
        };
        // A result is never more trusted than the words that asked for it.
        let (content, label) = result.into_parts();
        let result = Labeled::new(content, label.join(&proposed.label));
        self.recorder.write(Stage::Labeled, None, None, json!({ "label": result.label() })).await?;
        Ok((proposed.call, result))
    }

    /// Stage 9: the answer leaves, masked.
    async fn reply(&self, answer: Said, stream: &mut Stream) -> Result<Reply, TurnError> {
        let text = self.gateway.redactor.mask(&answer.text);
        let usage = answer.usage.unwrap_or_default();
        let detail = json!({ "bytes": text.len(), "model": self.model_name, "label": self.conversation.label() });
        self.recorder.write(Stage::Reply, None, None, detail).await?;
        let reply =
            Reply { text, stop: answer.stop.unwrap_or(StopReason::Other), usage, model: self.model_name.clone() };
        stream.ended(&reply);
        Ok(reply)
    }
}

impl Admitted {
    /// Who asks, as the tool layers know them.
    fn sender(&self) -> Sender {
        Sender::of(&self.principal)
    }
}

impl Said {
    /// The word of OpenClaw's transcripts.
    const fn stop_reason(&self) -> &'static str {
        match self.stop {
            Some(StopReason::End) => "stop",
            Some(StopReason::Calls) => "toolUse",
            Some(StopReason::Length) => "length",
            Some(StopReason::Filtered | StopReason::Other) | None => "error",
        }
    }
}

fn limit() -> Denial {
    Denial::policy(Rule::TurnLimit, "the turn used up turn.maxToolCalls")
}

fn agent_of<'r>(running: &'r Running, id: &AgentId) -> Result<&'r AgentPolicy, TurnError> {
    let gone = || TurnError::Denied(Denial::policy(Rule::Admission, "there is no such agent in agents.entries"));
    running.policy.agent(id).ok_or_else(gone)
}

/// An entry of the gateway's own words.
pub(crate) fn instruction(text: String) -> ContextEntry {
    use stockade_core::{Integrity, Readers};
    let label = Label::new(Integrity::Owner, Readers::Public, "gateway", "instructions");
    ContextEntry::new(Speaker::System, Labeled::new(text, label))
}
