//! table: the wire formats that models speak. One file each; a new one is a file and a row.
//!
//! A format turns a request into JSON and a stream of events into a draft. It never opens a
//! connection and never decides what a proposed call may do.

mod anthropic;
mod draft;
mod openai;
#[cfg(test)]
mod replay;
pub(crate) mod sse;

use reqwest::header::HeaderName;
use serde_json::Value;
use thiserror::Error;
use url::Url;

pub(crate) use draft::Draft;

use crate::json;
use crate::model::ModelRequest;
use sse::Event;

/// How a provider is spoken to (OpenClaw's `models.providers.<id>.api`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// OpenAI chat completions: OpenAI, llama.cpp, vLLM, Ollama and most others.
    OpenAiCompletions,
    /// Anthropic Messages.
    AnthropicMessages,
}

impl Api {
    /// Every format.
    pub const ALL: &'static [Self] = &[Self::OpenAiCompletions, Self::AnthropicMessages];

    /// The name in the config.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::OpenAiCompletions => "openai-completions",
            Self::AnthropicMessages => "anthropic-messages",
        }
    }

    /// The format with this name.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|api| api.id() == id)
    }

    /// The address that requests go to.
    pub(crate) fn url(self, base: &Url) -> Url {
        match self {
            Self::OpenAiCompletions => below(base, "chat/completions"),
            // Both spellings of the base are in use, with and without the version.
            Self::AnthropicMessages if base.path().trim_end_matches('/').ends_with("/v1") => below(base, "messages"),
            Self::AnthropicMessages => below(base, "v1/messages"),
        }
    }

    /// The header that holds the API key, and what stands before the key in it.
    pub(crate) const fn key_header(self) -> (HeaderName, &'static str) {
        match self {
            Self::OpenAiCompletions => (reqwest::header::AUTHORIZATION, "Bearer "),
            Self::AnthropicMessages => (HeaderName::from_static("x-api-key"), ""),
        }
    }

    /// Headers that the format itself needs.
    pub(crate) const fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::OpenAiCompletions => &[("accept", "text/event-stream")],
            Self::AnthropicMessages => &[("accept", "text/event-stream"), ("anthropic-version", "2023-06-01")],
        }
    }

    /// The body of a request.
    pub(crate) fn body(self, request: &ModelRequest<'_>, base: &Url) -> Value {
        match self {
            Self::OpenAiCompletions => openai::body(request, base),
            Self::AnthropicMessages => anthropic::body(request),
        }
    }

    /// Takes one event of the answer into the draft.
    pub(crate) fn read(self, draft: &mut Draft, event: &Event) -> Result<(), WireError> {
        match self {
            Self::OpenAiCompletions => openai::read(draft, event),
            Self::AnthropicMessages => anthropic::read(draft, event),
        }
    }
}

/// What is wrong with a stream.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum WireError {
    /// It is not what the format says.
    #[error("{0}")]
    Malformed(&'static str),
    /// Something is beyond its bound.
    #[error("{0} is larger than 1 MiB")]
    TooLarge(&'static str),
    /// More than [`draft::MAX_CALLS`] calls.
    #[error("more than {} tool calls in one answer", draft::MAX_CALLS)]
    TooManyCalls,
    /// The provider says that it failed; its own words.
    #[error("{0}")]
    Failed(String),
}

/// The event's data as JSON.
fn parsed(event: &Event) -> Result<Value, WireError> {
    json::bounded(&event.data, sse::MAX_EVENT, MAX_DEPTH).ok_or(WireError::Malformed("an event that is not JSON"))
}

/// A provider's error object, in words.
fn failed(error: &Value) -> WireError {
    let message = error.get("message").and_then(Value::as_str).map_or_else(|| error.to_string(), str::to_owned);
    WireError::Failed(message)
}

fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

/// A tool name or call id as every provider accepts it. A model may have invented the name, and
/// another provider the id; a conversation that holds one must still be sendable.
fn plain(text: &str) -> String {
    let plain = text.chars().take(64).map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' });
    let plain: String = plain.collect();
    if plain.is_empty() { "_".to_owned() } else { plain }
}

/// Nesting of any JSON that a provider sends, arguments included.
const MAX_DEPTH: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_follow_the_base() {
        let url = |api: Api, base: &str| api.url(&Url::parse(base).expect("a URL")).to_string();
        assert_eq!(
            url(Api::OpenAiCompletions, "http://127.0.0.1:8080/v1"),
            "http://127.0.0.1:8080/v1/chat/completions"
        );
        assert_eq!(url(Api::OpenAiCompletions, "http://h/v1/"), "http://h/v1/chat/completions");
        assert_eq!(url(Api::AnthropicMessages, "https://api.anthropic.com"), "https://api.anthropic.com/v1/messages");
        assert_eq!(url(Api::AnthropicMessages, "https://h/p/v1"), "https://h/p/v1/messages");
    }

    #[test]
    fn names_round_trip() {
        assert!(Api::ALL.iter().all(|api| Api::from_id(api.id()) == Some(*api)));
        assert_eq!(Api::from_id("openai-responses"), None);
        assert_eq!(plain("../é x-1"), "_____x-1");
        assert_eq!(plain(""), "_");
    }
}
