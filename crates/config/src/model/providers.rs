//! `models.providers.*`: where models are reached, and with which key.

use std::collections::BTreeMap;

use serde::Deserialize;
use stockade_core::Secret;

use super::{secret, secrets, words};

/// `models`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Models {
    /// The providers by name; a model is chosen as `provider/model`.
    pub providers: BTreeMap<String, Provider>,
}

/// `models.providers.<id>`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Provider {
    /// The base of the API, version path included (`http://127.0.0.1:8080/v1`).
    pub base_url: Option<String>,
    /// The API key. Absent: no key is sent.
    #[serde(deserialize_with = "secret")]
    pub api_key: Option<Secret>,
    /// The wire protocol. Absent: the provider's own default.
    pub api: Option<Api>,
    /// The models that the provider offers.
    pub models: Vec<Model>,
    /// Further headers; secret, because they often carry a key.
    #[serde(deserialize_with = "secrets")]
    pub headers: BTreeMap<String, Secret>,
    /// Seconds for one request. Absent: the gateway's own limit.
    pub timeout_seconds: Option<u64>,
}

/// `models.providers.<id>.models[]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Model {
    /// The name on the wire.
    pub id: String,
    /// The name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// The wire protocol, when it differs from the provider's.
    #[serde(default)]
    pub api: Option<Api>,
    /// How many tokens the model can attend to.
    #[serde(default)]
    pub context_window: Option<u64>,
    /// How many tokens it may answer with.
    #[serde(default)]
    pub max_tokens: Option<u64>,
}

words! {
    /// `models.providers.*.api`: the protocols that OpenClaw names. This gateway speaks the first
    /// three; the others are read, and refused when a turn needs them.
    Api {
        /// OpenAI chat completions.
        OpenaiCompletions = "openai-completions",
        /// OpenAI responses.
        OpenaiResponses = "openai-responses",
        /// Anthropic messages.
        AnthropicMessages = "anthropic-messages",
        /// ChatGPT's variant of responses.
        OpenaiChatgptResponses = "openai-chatgpt-responses",
        /// Gemini.
        GoogleGenerativeAi = "google-generative-ai",
        /// Vertex.
        GoogleVertex = "google-vertex",
        /// Copilot.
        GithubCopilot = "github-copilot",
        /// Bedrock.
        BedrockConverseStream = "bedrock-converse-stream",
        /// Ollama's own.
        Ollama = "ollama",
        /// OpenClaw's own.
        PiMessages = "pi-messages",
        /// Azure's variant of responses.
        AzureOpenaiResponses = "azure-openai-responses",
    }
}

impl Models {
    /// The provider and the model name of `provider/model`.
    #[must_use]
    pub fn resolve<'a>(&'a self, choice: &'a str) -> Option<(&'a str, &'a Provider, &'a str)> {
        let (provider, model) = choice.split_once('/')?;
        Some((provider, self.providers.get(provider)?, model))
    }
}
