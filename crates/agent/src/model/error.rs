//! What can go wrong with a provider, in words that name the config key and repeat no secret.

use stockade_core::{Denial, Redactor, text};
use thiserror::Error;

use crate::client::ClientError;
use crate::providers::WireError;

/// A provider that cannot be used as configured.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndpointError {
    /// The base URL is not one origin over http or https.
    #[error("models.providers.{provider}.baseUrl: {why}; use http(s)://host[:port]/path")]
    BaseUrl {
        /// The provider.
        provider: String,
        /// What is wrong with it.
        why: String,
    },
    /// The API key has characters that no header can carry.
    #[error(
        "models.providers.{provider}.apiKey has characters that no HTTP header can carry; look for a line end in it"
    )]
    ApiKey {
        /// The provider.
        provider: String,
    },
    /// A header that cannot be sent, or that would change how the request is framed or routed.
    #[error("models.providers.{provider}.headers: {name:?} cannot be set; remove it")]
    Header {
        /// The provider.
        provider: String,
        /// The header.
        name: String,
    },
}

/// Why an answer did not come, or not to its end. Provider text is clipped, masked, and has its
/// control characters escaped.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ModelError {
    /// The egress policy refused the provider's address.
    #[error("provider {provider:?}: {denial}")]
    Refused {
        /// The provider.
        provider: String,
        /// Why.
        denial: Denial,
    },
    /// No connection, a timeout, or a connection that broke.
    #[error("provider {provider:?}: {error}; check models.providers.{provider}.baseUrl and that the server runs")]
    Connection {
        /// The provider.
        provider: String,
        /// What happened.
        error: ClientError,
    },
    /// The provider answered with an error status.
    #[error("provider {provider:?} answered {status}: {message}")]
    Status {
        /// The provider.
        provider: String,
        /// The HTTP status.
        status: u16,
        /// Its words.
        message: String,
    },
    /// The provider reported an error inside the stream.
    #[error("provider {provider:?} failed: {message}")]
    Failed {
        /// The provider.
        provider: String,
        /// Its words.
        message: String,
    },
    /// The stream is not what the format says, or beyond a bound.
    #[error("provider {provider:?} sent {what}; check models.providers.{provider}.api")]
    Malformed {
        /// The provider.
        provider: String,
        /// What it sent.
        what: String,
    },
    /// The stream ended before the answer did.
    #[error("provider {provider:?} ended the stream before the answer")]
    Cut {
        /// The provider.
        provider: String,
    },
}

/// Turns what went wrong into an error that repeats no secret.
pub(super) struct Words {
    pub(super) provider: String,
    pub(super) redactor: Redactor,
}

impl Words {
    /// No answer came, or it broke off.
    pub(super) fn connection(&self, error: ClientError) -> ModelError {
        let provider = self.provider.clone();
        match error {
            ClientError::Refused(denial) => ModelError::Refused { provider, denial },
            error => ModelError::Connection { provider, error },
        }
    }

    /// The stream is not what it should be, or says that the provider failed.
    pub(super) fn wire(&self, error: WireError) -> ModelError {
        match error {
            WireError::Failed(message) => {
                ModelError::Failed { provider: self.provider.clone(), message: self.foreign(&message) }
            }
            WireError::Malformed(_) | WireError::TooLarge(_) | WireError::TooManyCalls => {
                self.malformed(error.to_string())
            }
        }
    }

    /// What came is not what the format says.
    pub(super) fn malformed(&self, what: String) -> ModelError {
        ModelError::Malformed { provider: self.provider.clone(), what }
    }

    /// The provider answered with an error status and this body.
    pub(super) fn status(&self, status: u16, body: &[u8]) -> ModelError {
        let body = text::lossy(body);
        let json = crate::json::bounded(&body, MAX_ERROR_BODY, 16);
        let message = json.as_ref().and_then(|json| json.pointer("/error/message")?.as_str());
        ModelError::Status { provider: self.provider.clone(), status, message: self.foreign(message.unwrap_or(&body)) }
    }

    /// Masked before it is clipped: a clipped secret would no longer be recognised.
    fn foreign(&self, message: &str) -> String {
        text::clip(&text::visible(self.redactor.mask(message).trim()), 300)
    }
}

/// Bytes of an error answer that are read.
pub(super) const MAX_ERROR_BODY: usize = 16 << 10;
