//! The executor of `web_fetch`: spends a permit on one GET and returns readable text. It never
//! returns an address's answer without the policy having allowed that address, redirects included.

use std::time::Duration;

use stockade_core::{Clock, Denial, text};
use stockade_policy::egress::EgressPolicy;
use stockade_policy::{FetchCall, Permit};
use thiserror::Error;
use url::Url;

use crate::client::{ClientError, GuardedClient, Phase, Reply};
use crate::html;

/// What a fetch brought back. All of it is untrusted content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchOutput {
    /// The address that answered, after redirects.
    pub url: Url,
    /// The HTTP status, of any class: an error page is an answer.
    pub status: u16,
    /// The media type without parameters, lower case, at most 100 characters; empty when not given.
    pub content_type: String,
    /// The text; for a type that is not text, a note that says so.
    pub text: String,
    /// Something was left out, by the call's `max_chars` or by [`MAX_BODY`].
    pub truncated: bool,
}

/// Why nothing came back.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FetchRefusal {
    /// The permit, or the egress policy, refused.
    #[error("{0}")]
    Denied(Denial),
    /// The other side did not answer usably.
    #[error("{0}")]
    Failed(ClientError),
}

/// Bytes of a body that are read; the rest is left on the wire.
pub const MAX_BODY: usize = 2 << 20;

/// Wall-clock bound of one fetch, redirects included.
pub const TOTAL: Duration = Duration::from_secs(30);

/// Fetches what the permit is for.
///
/// # Errors
/// [`FetchRefusal::Denied`] when the permit has expired or the policy refuses the address, an address
/// it resolves to, or a redirect; [`FetchRefusal::Failed`] when no answer came.
pub async fn fetch(
    client: &GuardedClient,
    permit: Permit<FetchCall>,
    policy: &EgressPolicy,
    clock: &dyn Clock,
) -> Result<FetchOutput, FetchRefusal> {
    let call = permit.redeem(clock.now()).map_err(FetchRefusal::Denied)?;
    let host = call.url.host_str().unwrap_or_default().to_owned();
    match tokio::time::timeout(TOTAL, get(client, call, policy)).await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(ClientError::Refused(denial))) => Err(FetchRefusal::Denied(denial)),
        Ok(Err(error)) => Err(FetchRefusal::Failed(error)),
        Err(_) => Err(FetchRefusal::Failed(ClientError::Timeout { host, phase: Phase::Total })),
    }
}

async fn get(client: &GuardedClient, call: FetchCall, policy: &EgressPolicy) -> Result<FetchOutput, ClientError> {
    let reply = client.get(policy, call.url, ACCEPT).await?;
    let (url, status) = (reply.url().clone(), reply.status());
    let content_type = media_type(&reply);
    let encoded = reply.header("content-encoding").is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity"));
    let form = if encoded { Form::Other } else { Form::of(&content_type) };
    if form == Form::Other {
        let size = reply.header("content-length").and_then(|size| size.parse::<u64>().ok());
        let size = size.map_or_else(|| "unknown size".to_owned(), |bytes| format!("{bytes} bytes"));
        let what = if encoded { "compressed content" } else { "content" };
        let text = format!("[{what} of type {content_type:?}, {size}: not text, so it was not read]");
        return Ok(FetchOutput { url, status, content_type, text, truncated: false });
    }
    let (body, cut) = reply.beginning(MAX_BODY).await?;
    let body = text::lossy(&body);
    let (text, clipped) = match form {
        Form::Html => page(body, url.clone(), call.max_chars).await,
        Form::Plain | Form::Other => clip(body, call.max_chars),
    };
    Ok(FetchOutput { url, status, content_type, text, truncated: cut || clipped })
}

/// How a body is made into text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Html,
    Plain,
    Other,
}

impl Form {
    fn of(media_type: &str) -> Self {
        match media_type {
            "text/html" | "application/xhtml+xml" => Self::Html,
            "application/json" | "application/xml" | "application/javascript" | "application/yaml" => Self::Plain,
            other if other.starts_with("text/") || other.ends_with("+json") || other.ends_with("+xml") => Self::Plain,
            _ => Self::Other,
        }
    }
}

fn media_type(reply: &Reply) -> String {
    let full = reply.header("content-type").unwrap_or_default();
    let essence = full.split(';').next().unwrap_or_default().trim();
    text::clip(&essence.to_ascii_lowercase(), 100)
}

/// Reads a page off the runtime's threads: it may take [`html`]'s whole patience.
async fn page(body: String, base: Url, max_chars: usize) -> (String, bool) {
    let read = tokio::task::spawn_blocking(move || html::text(&body, &base, max_chars)).await;
    read.unwrap_or_else(|_| ("[the page could not be read as HTML]".to_owned(), true))
}

fn clip(mut body: String, max_chars: usize) -> (String, bool) {
    let Some((end, _)) = body.char_indices().nth(max_chars) else {
        return (body, false);
    };
    body.truncate(end);
    (body, true)
}

const ACCEPT: &str = "text/html,application/xhtml+xml,text/*;q=0.9,application/json;q=0.9,*/*;q=0.1";
