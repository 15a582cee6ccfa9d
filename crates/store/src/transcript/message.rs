//! A message as OpenClaw's transcripts and its `chat.history` spell it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stockade_core::{Labeled, Redactor, Timestamp, TurnId};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// A person.
    User,
    /// The model.
    Assistant,
    /// A tool that the model called.
    ToolResult,
}

/// A part of what is said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Part {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// A call that the model proposed.
    ToolCall {
        /// The provider's id of the call.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments.
        arguments: Value,
    },
}

/// Tokens used, as the provider counted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Tokens read.
    pub input: u64,
    /// Tokens written.
    pub output: u64,
    /// Both.
    pub total_tokens: u64,
}

/// One message. Its label goes beside it, in [`Labeled`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: Vec<Part>,
    /// For a tool result: which call it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// For a tool result: which tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_name: Option<String>,
    /// For a tool result: whether the call failed or was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_error: Option<bool>,
    /// For the model's: through which provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// For the model's: which model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// For the model's: what it cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// For the model's: why it ended (`stop`, `toolUse`, `length`, `error`, `aborted`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<String>,
    /// The turn that it belongs to.
    #[serde(rename = "stockade:turn", default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnId>,
}

/// A message as kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its id, 16 hexadecimal characters, unique in the session.
    pub id: String,
    /// Its number in the session, from 1.
    pub seq: u64,
    /// When it was appended.
    pub at: Timestamp,
    /// The message, secrets masked.
    pub message: Labeled<Message>,
}

impl Message {
    /// A message that only says something; the rest by struct update.
    #[must_use]
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            content: vec![Part::Text { text: text.into() }],
            tool_call_id: None,
            tool_name: None,
            is_error: None,
            provider: None,
            model: None,
            usage: None,
            stop_reason: None,
            turn: None,
        }
    }

    /// The message without secrets.
    pub(super) fn masked(self, redactor: &Redactor) -> Self {
        let mask = |text: Option<String>| text.map(|text| redactor.mask(&text));
        Self {
            role: self.role,
            content: self.content.into_iter().map(|part| part.masked(redactor)).collect(),
            tool_call_id: mask(self.tool_call_id),
            tool_name: mask(self.tool_name),
            is_error: self.is_error,
            provider: mask(self.provider),
            model: mask(self.model),
            usage: self.usage,
            stop_reason: mask(self.stop_reason),
            turn: self.turn.and_then(|turn| TurnId::parse(&redactor.mask(turn.as_str())).ok()),
        }
    }
}

impl Part {
    fn masked(self, redactor: &Redactor) -> Self {
        match self {
            Self::Text { text } => Self::Text { text: redactor.mask(&text) },
            Self::ToolCall { id, name, arguments } => Self::ToolCall {
                id: redactor.mask(&id),
                name: redactor.mask(&name),
                arguments: if is_shallow(&arguments, MAX_DEPTH) {
                    redactor.mask_json(&arguments)
                } else {
                    Value::String(format!("[left out: nested deeper than {MAX_DEPTH}]"))
                },
            },
        }
    }
}

/// Whether a value nests at most `levels` deep. A call that nests as deep as the parser allows would fit on its own and
/// no longer inside its line: a hostile model could make its session unreadable.
fn is_shallow(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels > 0 && items.iter().all(|item| is_shallow(item, levels - 1)),
        Value::Object(fields) => levels > 0 && fields.values().all(|value| is_shallow(value, levels - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

const MAX_DEPTH: usize = 64;
