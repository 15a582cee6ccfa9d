//! A conversation with one provider: request, retries, the answer as a stream of events. Owns the
//! API key's way into the header, and nothing else may hold it; it never runs what a model proposes.

mod error;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use stockade_core::{Redactor, Secret, ToolCall, text};
use stockade_policy::ContextEntry;
use stockade_policy::egress::EgressPolicy;
use url::Url;

use crate::client::{ClientError, GuardedClient, Reply, Timeouts};
use crate::providers::sse::EventReader;
use crate::providers::{Api, Draft};
use crate::tools::ToolDefinition;
pub use error::{EndpointError, ModelError};
use error::{MAX_ERROR_BODY, Words};

/// A provider as the operator configured it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its name in the config (`models.providers.<id>`).
    pub id: String,
    /// Where it answers; the one origin that requests may go to, private addresses included.
    pub base_url: Url,
    /// Its API key.
    pub api_key: Option<Secret>,
    /// How it is spoken to.
    pub api: Api,
    /// Further request headers; their values may be credentials.
    pub headers: BTreeMap<String, Secret>,
}

/// How long to wait for a provider, and how often to ask again.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// The parts of one request.
    pub timeouts: Timeouts,
    /// Further attempts after the first, before the answer has begun.
    pub retries: u32,
    /// Wait before the first retry; doubles each time, plus up to half of it at random.
    pub backoff: Duration,
}

/// What is asked of a model.
#[derive(Debug, Clone, Copy)]
pub struct ModelRequest<'a> {
    /// The model, as the provider names it.
    pub model: &'a str,
    /// The conversation.
    pub context: &'a [ContextEntry],
    /// The tools that are offered.
    pub tools: &'a [ToolDefinition],
    /// Upper bound of the answer, in tokens.
    pub max_tokens: Option<u32>,
    /// Sampling temperature.
    pub temperature: Option<f32>,
}

/// A piece of an answer. Calls come only when the answer has ended.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelEvent {
    /// More text; never empty.
    Text(String),
    /// The model wants this. Arguments that were not a JSON object are `null`.
    Call(ToolCall),
    /// The end; nothing follows.
    Finished {
        /// Why the model stopped.
        stop: StopReason,
        /// What it cost, when the provider says so.
        usage: Option<Usage>,
    },
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// It had said what it wanted to.
    End,
    /// It waits for the results of its calls.
    Calls,
    /// It reached the bound on tokens.
    Length,
    /// The provider withheld the rest.
    Filtered,
    /// A reason that this version does not know.
    Other,
}

/// Tokens of one answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Read.
    pub input: u64,
    /// Written.
    pub output: u64,
}

/// A provider, ready to be asked.
pub struct Model {
    id: String,
    api: Api,
    base_url: Url,
    headers: HeaderMap,
    policy: EgressPolicy,
    client: GuardedClient,
    patience: Patience,
    redactor: Redactor,
}

/// An answer in progress. Dropping it closes the connection, which tells the provider to stop.
pub struct Answer {
    reply: Reply,
    events: EventReader,
    draft: Draft,
    api: Api,
    words: Words,
    read: u64,
    over: bool,
}

/// Bytes of one streamed answer.
pub const MAX_ANSWER: u64 = 64 << 20;

/// Longest wait that a provider may ask for with `Retry-After`; a longer one is an error at once.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            timeouts: Timeouts { connect: seconds(10), first_byte: seconds(120), idle: seconds(60) },
            retries: 3,
            backoff: Duration::from_millis(500),
        }
    }
}

impl Model {
    /// Checks the configuration. Nothing is contacted.
    ///
    /// # Errors
    /// An [`EndpointError`] that names the key.
    pub fn new(endpoint: Endpoint, patience: Patience) -> Result<Self, EndpointError> {
        let Endpoint { id, base_url, api_key, api, headers } = endpoint;
        let bad_url = |why: String| EndpointError::BaseUrl { provider: id.clone(), why };
        if !base_url.username().is_empty() || base_url.password().is_some() || base_url.query().is_some() {
            return Err(bad_url("it holds a user name, a password or a query".to_owned()));
        }
        let policy =
            EgressPolicy::new(&[base_url.origin().ascii_serialization()]).map_err(|rule| bad_url(rule.to_string()))?;
        let fields = header_fields(&id, api, api_key.as_ref(), &headers)?;
        let redactor = Redactor::new(api_key.into_iter().chain(headers.into_values()));
        let client = GuardedClient::new(patience.timeouts);
        Ok(Self { id, api, base_url, headers: fields, policy, client, patience, redactor })
    }

    /// Sends the request and returns once the answer begins. Connection failures and the statuses
    /// 408, 409, 429 and 5xx are retried; an answer that has begun never is.
    ///
    /// # Errors
    /// A [`ModelError`].
    pub async fn stream(&self, request: &ModelRequest<'_>) -> Result<Answer, ModelError> {
        let body = Bytes::from(self.api.body(request, &self.base_url).to_string());
        let mut attempt = 0;
        loop {
            let (error, wait) = match self.ask(body.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(Failure { error, retry: Retry::Never }) => return Err(error),
                Err(Failure { error, retry: Retry::After(wait) }) => (error, wait),
            };
            if attempt >= self.patience.retries || wait.is_some_and(|wait| wait > MAX_RETRY_AFTER) {
                return Err(error);
            }
            tokio::time::sleep(wait.unwrap_or_else(|| backoff(self.patience.backoff, attempt))).await;
            attempt += 1;
        }
    }

    async fn ask(&self, body: Bytes) -> Result<Answer, Failure> {
        let url = self.api.url(&self.base_url);
        let sent = self.client.post(&self.policy, url, self.headers.clone(), body).await;
        let words = Words { provider: self.id.clone(), redactor: self.redactor.clone() };
        let reply = sent.map_err(|error| {
            let retry = match error {
                ClientError::Unresolved { .. } | ClientError::Unreachable { .. } | ClientError::Broken { .. } => {
                    Retry::After(None)
                }
                // A wait of the whole timeout is not repeated: the caller has waited long enough.
                ClientError::Timeout { .. } | ClientError::Refused(_) | ClientError::TooManyRedirects { .. } => {
                    Retry::Never
                }
            };
            Failure { error: words.connection(error), retry }
        })?;
        let status = reply.status();
        if status != 200 {
            let retry = match status {
                408 | 409 | 429 | 500..=599 => Retry::After(retry_after(&reply)),
                _ => Retry::Never,
            };
            let (body, _) = reply.beginning(MAX_ERROR_BODY).await.unwrap_or_default();
            return Err(Failure { error: words.status(status, &body), retry });
        }
        let kind = reply.header("content-type").unwrap_or_default();
        if !kind.to_ascii_lowercase().starts_with("text/event-stream") {
            let what = format!("an answer of type {:?} instead of a stream", text::clip(kind, 60));
            return Err(Failure { error: words.malformed(what), retry: Retry::Never });
        }
        Ok(Answer {
            reply,
            events: EventReader::default(),
            draft: Draft::default(),
            api: self.api,
            words,
            read: 0,
            over: false,
        })
    }
}

impl Answer {
    /// The next event, or `None` after [`ModelEvent::Finished`] or an error. Dropping the future loses
    /// nothing, so it can stand in a `select!`.
    ///
    /// # Errors
    /// A [`ModelError`]. The text before it was said; no call of a broken answer ever comes out.
    pub async fn next(&mut self) -> Result<Option<ModelEvent>, ModelError> {
        let next = if self.over { Ok(None) } else { self.read_on().await };
        self.over |= next.is_err();
        next
    }

    async fn read_on(&mut self) -> Result<Option<ModelEvent>, ModelError> {
        loop {
            if let Some(event) = self.draft.ready.pop_front() {
                return Ok(Some(event));
            }
            if self.draft.finished() {
                return Ok(None);
            }
            if let Some(event) = self.events.next() {
                self.api.read(&mut self.draft, &event).map_err(|error| self.words.wire(error))?;
            } else if let Some(bytes) = self.reply.chunk().await.map_err(|error| self.words.connection(error))? {
                self.read += bytes.len() as u64;
                if self.read > MAX_ANSWER {
                    return Err(self.words.malformed(format!("more than {MAX_ANSWER} bytes")));
                }
                self.events.push(&bytes).map_err(|error| self.words.wire(error))?;
            } else if !self.draft.finish() {
                return Err(ModelError::Cut { provider: self.words.provider.clone() });
            }
        }
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("id", &self.id).field("api", &self.api).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("provider", &self.words.provider).finish_non_exhaustive()
    }
}

struct Failure {
    error: ModelError,
    retry: Retry,
}

enum Retry {
    Never,
    /// After this long, or after the usual backoff.
    After(Option<Duration>),
}

fn header_fields(
    provider: &str,
    api: Api,
    api_key: Option<&Secret>,
    extra: &BTreeMap<String, Secret>,
) -> Result<HeaderMap, EndpointError> {
    let mut fields = HeaderMap::new();
    for (name, value) in api.headers() {
        fields.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Some(key) = api_key {
        let (name, before) = api.key_header();
        let value = sensitive(&Secret::new(format!("{before}{}", key.expose())));
        fields.insert(name, value.ok_or_else(|| EndpointError::ApiKey { provider: provider.to_owned() })?);
    }
    for (name, value) in extra {
        let refuse = || EndpointError::Header { provider: provider.to_owned(), name: text::clip(name, 60) };
        let field = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refuse())?;
        if FRAMING.contains(&field.as_str()) {
            return Err(refuse());
        }
        fields.insert(field, sensitive(value).ok_or_else(refuse)?);
    }
    Ok(fields)
}

fn sensitive(value: &Secret) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value.expose()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// `Retry-After` in seconds; the other form, a date, is left to the usual backoff.
fn retry_after(reply: &Reply) -> Option<Duration> {
    reply.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}

fn backoff(first: Duration, attempt: u32) -> Duration {
    let wait = first.saturating_mul(1 << attempt.min(10));
    let mut random = [0_u8];
    // The jitter spreads clients apart; it is no secret, and none is fine too.
    let _ = aws_lc_rs::rand::fill(&mut random);
    let [random] = random;
    wait + (wait / 2) * u32::from(random) / 255
}

/// Headers that frame or route the request, or that would ask for a form that is not understood.
const FRAMING: &[&str] = &[
    "host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade", "content-type",
    "accept-encoding",
];
