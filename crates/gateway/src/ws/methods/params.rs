//! Parameters: closed objects. A field that this gateway does not act on is accepted only when
//! ignoring it cannot widen or misplace anything; every other unknown field is refused by name.

use serde_json::{Map, Value};
use stockade_core::{SessionKey, TurnId, text};

use crate::Gateway;
use crate::ws::frame::WireError;

/// The parameters of one request.
pub struct Params {
    method: &'static str,
    fields: Map<String, Value>,
}

impl Params {
    /// Checks the object against the method's fields.
    ///
    /// # Errors
    /// When it is no object or has a field that the method does not take.
    pub fn new(method: &'static str, params: Value) -> Result<Self, WireError> {
        let fields = match params {
            Value::Null => Map::new(),
            Value::Object(fields) => fields,
            _ => return Err(WireError::invalid(format!("invalid {method} params: at root: must be object"))),
        };
        let taken = FIELDS.iter().find(|(name, _)| *name == method).map_or(&[][..], |(_, fields)| fields);
        if let Some(unknown) = fields.keys().find(|key| !taken.contains(&key.as_str())) {
            let shown = text::clip(&text::visible(unknown), 64);
            return Err(WireError::invalid(format!("invalid {method} params: at root: unexpected property '{shown}'")));
        }
        Ok(Self { method, fields })
    }

    /// A text field that must be there and not be empty.
    ///
    /// # Errors
    /// When it is not.
    pub fn text(&self, field: &str) -> Result<&str, WireError> {
        self.optional_text(field)?.filter(|text| !text.is_empty()).ok_or_else(|| self.bad(field, "is required"))
    }

    /// A text field.
    ///
    /// # Errors
    /// When it is no text.
    pub fn optional_text(&self, field: &str) -> Result<Option<&str>, WireError> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.bad(field, "must be string")),
        }
    }

    /// A whole number, at least 0.
    ///
    /// # Errors
    /// When it is none.
    pub fn optional_number(&self, field: &str) -> Result<Option<u64>, WireError> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or_else(|| self.bad(field, "must be a non-negative integer")),
        }
    }

    /// A truth value; absent is false.
    ///
    /// # Errors
    /// When it is none.
    pub fn flag(&self, field: &str) -> Result<bool, WireError> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(false),
            Some(value) => value.as_bool().ok_or_else(|| self.bad(field, "must be boolean")),
        }
    }

    /// The session that `field` names.
    ///
    /// # Errors
    /// When it is absent or no session key.
    pub fn session(&self, gateway: &Gateway, field: &str) -> Result<SessionKey, WireError> {
        let key = self.text(field)?;
        SessionKey::resolve(key, &gateway.running().default_agent().id)
            .map_err(|error| self.bad(field, &error.to_string()))
    }

    /// The turn that `field` names.
    ///
    /// # Errors
    /// When it is absent or no turn id.
    pub fn turn(&self, field: &str) -> Result<TurnId, WireError> {
        TurnId::parse(self.text(field)?).map_err(|error| self.bad(field, &error.to_string()))
    }

    /// Every field as canonical text, for the idempotency check.
    #[must_use]
    pub fn canonical(&self) -> String {
        Value::Object(self.fields.clone()).to_string()
    }

    /// An error about a field.
    #[must_use]
    pub fn bad(&self, field: &str, why: &str) -> WireError {
        WireError::invalid(format!("invalid {} params: at /{field}: {why}", self.method))
    }
}

/// The fields of each method. Those that choose a delivery, a transport or a display are taken and not
/// acted on: this gateway delivers to the connection that asked.
const FIELDS: &[(&str, &[&str])] = &[
    ("health", &["probe"]),
    ("status", &["includeChannelSummary"]),
    ("models.list", &["view", "sessionKey", "agentId"]),
    ("agent.identity.get", &["agentId", "sessionKey"]),
    ("tools.effective", &["agentId", "sessionKey"]),
    ("agent", &["message", "agentId", "sessionKey", "idempotencyKey", "deliver", "timeout", "label", "lane"]),
    ("agent.wait", &["runId", "timeoutMs"]),
    ("stockade.config.confirm", &["generation"]),
    (
        "chat.send",
        &[
            "sessionKey", "sessionId", "message", "idempotencyKey", "deliver", "timeoutMs", "expectedLeafEntryId",
            "agentId",
        ],
    ),
    ("chat.abort", &["sessionKey", "runId", "agentId"]),
    ("chat.history", &["sessionKey", "limit", "maxBytes", "maxChars", "agentId"]),
    (
        "sessions.list",
        &[
            "agentId", "limit", "includeGlobal", "includeUnknown", "configuredAgentsOnly", "includeDerivedTitles",
            "includeLastMessage", "ownerFirst", "activeMinutes",
        ],
    ),
    ("sessions.describe", &["key", "agentId", "includeDerivedTitles", "includeLastMessage"]),
    ("sessions.resolve", &["key", "agentId"]),
    ("sessions.messages.subscribe", &["key", "includeApprovals", "agentId"]),
    (
        "exec.approval.request",
        &[
            "id", "command", "cwd", "host", "security", "ask", "agentId", "sessionKey", "timeoutMs", "twoPhase",
            "resolvedPath",
        ],
    ),
    ("exec.approval.waitDecision", &["id"]),
    ("exec.approval.get", &["id"]),
    ("exec.approval.resolve", &["id", "decision", "digest"]),
    ("approval.get", &["id"]),
    ("approval.resolve", &["id", "kind", "decision", "digest"]),
    ("approval.history", &["limit", "cursor"]),
];
