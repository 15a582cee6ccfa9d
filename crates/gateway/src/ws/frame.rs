//! The frames of OpenClaw's protocol version 4. Closed objects: an unknown property is an error.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A request. `params` may be absent; fields with a leading underscore are named because the frame is
/// closed, and are not acted on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[serde(rename = "type")]
    _kind: RequestKind,
    /// Echoed in the answer.
    pub id: String,
    /// What is asked.
    pub method: String,
    /// With what.
    #[serde(default)]
    pub params: Value,
    #[serde(default, rename = "traceparent")]
    _traceparent: Option<String>,
    #[serde(default, rename = "expectedProfileId")]
    _expected_profile: Option<String>,
}

#[derive(Debug, Deserialize)]
enum RequestKind {
    #[serde(rename = "req")]
    Req,
}

/// An error answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WireError {
    /// One of the protocol's codes.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// For programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
    /// Whether the same request may succeed later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
    /// How much later, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl Request {
    /// Parses a frame; the error says what is wrong with it, and which id it had, when it had one.
    ///
    /// # Errors
    /// `None` for text that is no JSON object; else the id and the reason.
    pub fn parse(text: &str) -> Result<Self, Option<(String, String)>> {
        match serde_json::from_str::<Self>(text) {
            Ok(request) if request.id.is_empty() || request.method.is_empty() => {
                Err(Some(("invalid".to_owned(), "invalid request frame: id and method must not be empty".to_owned())))
            }
            Ok(request) => Ok(request),
            Err(error) => {
                let value: Value = serde_json::from_str(text).map_err(|_| None)?;
                let object = value.as_object().ok_or(None)?;
                let id = object.get("id").and_then(Value::as_str).unwrap_or("invalid").to_owned();
                Err(Some((id, format!("invalid request frame: {error}"))))
            }
        }
    }
}

impl WireError {
    /// `INVALID_REQUEST` with a message.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new("INVALID_REQUEST", message)
    }

    /// `UNAVAILABLE` with a message.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new("UNAVAILABLE", message)
    }

    /// Any code with a message.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: None, retryable: None, retry_after_ms: None }
    }

    /// With details.
    #[must_use]
    pub fn details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    /// May be repeated after this many milliseconds.
    #[must_use]
    pub fn retry_after(mut self, ms: u64) -> Self {
        (self.retryable, self.retry_after_ms) = (Some(true), Some(ms));
        self
    }
}

/// The text of an answer.
#[must_use]
pub fn answer(id: &str, outcome: Result<&Value, &WireError>) -> String {
    #[derive(Serialize)]
    struct Ok<'a> {
        r#type: &'static str,
        id: &'a str,
        ok: bool,
        payload: &'a Value,
    }
    #[derive(Serialize)]
    struct Failed<'a> {
        r#type: &'static str,
        id: &'a str,
        ok: bool,
        error: &'a WireError,
    }
    let text = match outcome {
        Result::Ok(payload) => serde_json::to_string(&Ok { r#type: "res", id, ok: true, payload }),
        Err(error) => serde_json::to_string(&Failed { r#type: "res", id, ok: false, error }),
    };
    // Values and strings always serialise.
    text.unwrap_or_default()
}

/// The text of an event.
#[must_use]
pub fn event(name: &str, payload: &Value, seq: Option<u64>) -> String {
    let mut frame = json!({ "type": "event", "event": name, "payload": payload });
    if let (Some(seq), Some(fields)) = (seq, frame.as_object_mut()) {
        fields.insert("seq".into(), json!(seq));
    }
    frame.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_closed() {
        assert!(Request::parse(r#"{"type":"req","id":"1","method":"health"}"#).is_ok());
        assert!(Request::parse(r#"{"type":"req","id":"1","method":"health","params":{},"traceparent":"x"}"#).is_ok());
        let extra = Request::parse(r#"{"type":"req","id":"7","method":"health","extra":1}"#);
        assert_eq!(extra.err().flatten().map(|(id, _)| id).as_deref(), Some("7"));
        let no_id = Request::parse(r#"{"type":"req","method":"health"}"#);
        assert_eq!(no_id.err().flatten().map(|(id, _)| id).as_deref(), Some("invalid"));
        assert_eq!(Request::parse("nonsense").err(), Some(None));
        assert_eq!(Request::parse(&"[".repeat(100_000)).err(), Some(None));
    }
}
