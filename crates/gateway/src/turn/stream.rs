//! What clients see while a turn runs: `agent` and `chat` events. Text is held back up to the last
//! white space, so that a secret is whole when it is masked and never leaves in two halves.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stockade_core::{Scope, SessionKey, ToolCall, TurnId};

use super::{Reply, ToolResult, TurnError};
use crate::gateway::Gateway;

/// The events of one turn.
pub struct Stream {
    gateway: Arc<Gateway>,
    session: SessionKey,
    turn: TurnId,
    seq: u64,
    held: String,
    shown: String,
    shown_at: Option<Instant>,
}

impl Stream {
    /// The events of a turn, beginning with its start.
    #[must_use]
    pub fn begin(gateway: &Arc<Gateway>, session: &SessionKey, turn: &TurnId) -> Self {
        let mut stream = Self {
            gateway: Arc::clone(gateway),
            session: session.clone(),
            turn: turn.clone(),
            seq: 0,
            held: String::new(),
            shown: String::new(),
            shown_at: None,
        };
        let started = stream.gateway.clock.now();
        stream.agent("lifecycle", json!({ "phase": "start", "startedAt": started }));
        stream
    }

    /// More text from the model.
    pub fn text(&mut self, text: &str) {
        self.held.push_str(text);
        // Each event repeats the whole text, as the protocol wants: a fast model must not make one per word.
        if self.shown_at.is_some_and(|at| at.elapsed() < PACE) {
            return;
        }
        if let Some(end) = self.held.rfind(char::is_whitespace) {
            let whole = self.held.ceil_char_boundary(end + 1);
            let rest = self.held.split_off(whole);
            let ready = std::mem::replace(&mut self.held, rest);
            self.show(&ready);
        }
    }

    /// A call is about to be judged.
    pub fn tool_started(&mut self, call: &ToolCall) {
        self.flush();
        let arguments = self.gateway.redactor.mask_json(&call.arguments);
        let data = json!({ "phase": "start", "name": call.tool, "toolCallId": call.id, "args": arguments });
        let payload = self.agent_payload("tool", data);
        self.gateway.events.send_tool(payload);
    }

    /// A call came back.
    pub fn tool_ended(&mut self, call: &ToolCall, result: &ToolResult) {
        let text = self.gateway.redactor.mask(&result.text);
        let result = json!({ "content": [{ "type": "text", "text": text }] , "isError": result.is_error });
        let data = json!({ "phase": "result", "name": call.tool, "toolCallId": call.id, "result": result });
        let payload = self.agent_payload("tool", data);
        self.gateway.events.send_tool(payload);
    }

    /// The turn ended with an answer.
    pub fn ended(&mut self, reply: &Reply) {
        self.flush();
        self.agent("lifecycle", json!({ "phase": "end", "endedAt": self.gateway.clock.now(), "stopReason": "stop" }));
        let message = self.message(&reply.text);
        self.chat(json!({ "state": "final", "stopReason": "stop", "message": message }));
    }

    /// The turn ended without one.
    pub fn failed(&mut self, error: &TurnError) {
        let text = self.gateway.redactor.mask(&error.to_string());
        self.agent("lifecycle", json!({ "phase": "error", "error": text }));
        match error {
            TurnError::Cancelled => self.chat(json!({ "state": "aborted" })),
            _ => self.chat(json!({ "state": "error", "errorMessage": text })),
        }
    }

    fn flush(&mut self) {
        let rest = std::mem::take(&mut self.held);
        if !rest.is_empty() {
            self.show(&rest);
        }
    }

    fn show(&mut self, text: &str) {
        let delta = self.gateway.redactor.mask(text);
        self.shown.push_str(&delta);
        self.shown_at = Some(Instant::now());
        self.agent("assistant", json!({ "text": self.shown, "delta": delta }));
        let message = self.message(&self.shown);
        self.chat(json!({ "state": "delta", "deltaText": delta, "message": message }));
    }

    fn message(&self, text: &str) -> Value {
        let now = self.gateway.clock.now();
        json!({ "role": "assistant", "content": [{ "type": "text", "text": text }], "timestamp": now })
    }

    fn agent(&mut self, stream: &str, data: Value) {
        let payload = self.agent_payload(stream, data);
        self.gateway.events.send("agent", Some(Scope::Read), payload);
    }

    fn agent_payload(&mut self, stream: &str, data: Value) -> Value {
        self.seq += 1;
        json!({
            "runId": self.turn, "sessionKey": self.session, "agentId": self.session.agent(), "stream": stream,
            "data": data, "seq": self.seq, "ts": self.gateway.clock.now(),
        })
    }

    fn chat(&mut self, mut fields: Value) {
        self.seq += 1;
        if let Some(fields) = fields.as_object_mut() {
            fields.insert("runId".into(), json!(self.turn));
            fields.insert("sessionKey".into(), json!(self.session));
            fields.insert("agentId".into(), json!(self.session.agent()));
            fields.insert("seq".into(), json!(self.seq));
        }
        self.gateway.events.send("chat", Some(Scope::Read), fields);
    }
}

/// Between two events of one text.
const PACE: Duration = Duration::from_millis(50);
