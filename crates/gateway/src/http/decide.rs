//! `POST /v1/decide`: the judge for other programs. Authenticated, bounded, and journaled before it is
//! answered. A JSON object is one question; a list of them is answered in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use stockade_core::{Digest, Principal, Stage};
use stockade_policy::clients::Client;
use stockade_store::journal::Entry;
use tokio::time::timeout;

use crate::auth::{Proof, Stranger, Unproved, authenticate};
use crate::decide::{Answer, Question};
use crate::decisions::Decisions;
use crate::limiter::Place;
use crate::{Gateway, origin};

/// The largest body, in bytes.
pub(super) const MAX_BODY: usize = 1024 * 1024;
/// Questions in one list.
pub(super) const MAX_QUESTIONS: usize = 256;

/// How long a body may take, so that nobody holds a place, or an old policy, with a slow one.
const BODY_TIME: Duration = Duration::from_secs(10);

pub(super) async fn decide(
    State(gateway): State<Arc<Gateway>>,
    Extension(address): Extension<SocketAddr>,
    Extension(client): Extension<Client>,
    Extension(decisions): Extension<Decisions>,
    Extension(proof): Extension<Arc<Proof>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let asker = Asker { stranger: Stranger::new(address, client, &headers), proof, headers };
    match answered(&gateway, &decisions, &asker, body).await {
        Ok(answers) => {
            ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], answers).into_response()
        }
        Err(refusal) => refusal,
    }
}

/// Who asks, before anything is known of the question.
struct Asker {
    stranger: Stranger,
    proof: Arc<Proof>,
    headers: HeaderMap,
}

impl Asker {
    /// Under which config the secret was found right.
    async fn authenticate(&self, gateway: &Gateway) -> Result<Digest, Response> {
        let running = gateway.running();
        let offered: Vec<&str> = bearer(&self.headers).into_iter().collect();
        authenticate(gateway, &running, &self.stranger, &self.proof, &offered).await.map_err(unauthorized)?;
        Ok(running.policy.generation)
    }
}

async fn answered(
    gateway: &Arc<Gateway>,
    decisions: &Decisions,
    asker: &Asker,
    body: Body,
) -> Result<String, Response> {
    let headers = &asker.headers;
    let listed = gateway.running().loaded.config.gateway.control_ui.allowed_origins.clone();
    // Before a secret is looked at: a web page must not be able to guess, nor to make wrong attempts wait.
    if !origin::allowed(headers, &listed) {
        return Err(refusal(StatusCode::FORBIDDEN, "origin_not_allowed", "this Origin may not ask"));
    }
    let crowd = || refusal(StatusCode::TOO_MANY_REQUESTS, "busy", "too many requests that have proved nothing");
    let place = Place::take(gateway, asker.stranger.counted()).ok_or_else(crowd)?;
    let proved = asker.authenticate(gateway).await?;
    drop(place);
    // A form of a web page can send no JSON.
    if !is_json(headers) {
        let what = "send JSON, with the header Content-Type: application/json";
        return Err(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "json_only", what));
    }
    let too_large = |_| refusal(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "a body has at most 1 MiB");
    let late = |_| refusal(StatusCode::REQUEST_TIMEOUT, "too_slow", "the body did not come in time");
    let body = timeout(BODY_TIME, to_bytes(body, MAX_BODY)).await.map_err(late)?.map_err(too_large)?;
    // While it came, the config may have changed, and with it the secret.
    if gateway.running().policy.generation != proved {
        asker.authenticate(gateway).await?;
    }
    let (questions, is_list) = questions(&body)?;
    let answers = decisions.ask(questions).await.map_err(|why| unavailable(&why))?;
    let told: Vec<Value> = answers.iter().map(|(question, answer)| tell(question, answer)).collect();
    let text = match (is_list, told.as_slice()) {
        (false, [one]) => serde_json::to_string(one),
        _ => serde_json::to_string(&told),
    };
    text.map_err(|error| unavailable(&error.to_string()))
}

fn questions(body: &[u8]) -> Result<(Vec<Question>, bool), Response> {
    let bad = |error: &dyn std::fmt::Display| refusal(StatusCode::BAD_REQUEST, "no_question", &error.to_string());
    let is_list = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    // The parser bounds nesting by itself, at 128 levels.
    let questions: Vec<Question> = if is_list {
        serde_json::from_slice(body).map_err(|error| bad(&error))?
    } else {
        vec![serde_json::from_slice(body).map_err(|error| bad(&error))?]
    };
    if questions.is_empty() || questions.len() > MAX_QUESTIONS {
        return Err(bad(&format!("a list has 1 to {MAX_QUESTIONS} questions, this one has {}", questions.len())));
    }
    Ok((questions, is_list))
}

pub(super) fn entry(question: &Question, answer: &Answer) -> Entry {
    let labels: Vec<Value> =
        question.labels.iter().map(|label| json!({ "integrity": label.integrity, "source": label.source })).collect();
    Entry {
        turn: question.turn.clone(),
        agent: answer.session.as_ref().map(stockade_core::SessionKey::agent),
        session: answer.session.clone(),
        decision: Some(answer.decision.clone()),
        digest: answer.digest(),
        detail: json!({
            "via": "/v1/decide", "tool": answer.tool, "sender": question.sender, "arguments": question.arguments, "labels": labels,
            "words": question.words,
        }),
        ..Entry::new(Stage::Decision, Principal::SharedSecret { client: "/v1/decide".to_owned() })
    }
}

fn tell(question: &Question, answer: &Answer) -> Value {
    let mut told = json!({
        "decision": answer.decision.verdict(),
        "rule": answer.decision.rule(),
        "reason": answer.decision.reason(),
        "agent": answer.session.as_ref().map(stockade_core::SessionKey::agent),
        "session": answer.session,
        "tool": answer.tool.name,
        "facts": answer.facts(),
        "digest": answer.digest(),
        "policy": answer.generation,
    });
    if let (Some(id), Some(told)) = (&question.id, told.as_object_mut()) {
        told.insert("id".to_owned(), id.clone());
    }
    told
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, secret) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn unauthorized(unproved: Unproved) -> Response {
    let (status, kind, message) = match unproved {
        Unproved::Locked(_) => (StatusCode::TOO_MANY_REQUESTS, "locked", "too many wrong secrets; try again later"),
        Unproved::NotConfigured => (StatusCode::UNAUTHORIZED, "unauthorized", "no gateway secret is configured"),
        Unproved::Missing => {
            (StatusCode::UNAUTHORIZED, "unauthorized", "send the gateway's secret as Authorization: Bearer <secret>")
        }
        Unproved::Mismatch => (StatusCode::UNAUTHORIZED, "unauthorized", "this is not the gateway's secret"),
    };
    let mut response = refusal(status, kind, message);
    let headers = response.headers_mut();
    if let Unproved::Locked(left) = unproved {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(left.as_secs().max(1)));
    } else {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn unavailable(why: &str) -> Response {
    refusal(StatusCode::SERVICE_UNAVAILABLE, "unavailable", why)
}

fn refusal(status: StatusCode, kind: &str, message: &str) -> Response {
    let message = stockade_core::text::clip(&stockade_core::text::visible(message), 300);
    (status, axum::Json(json!({ "error": { "type": kind, "message": message } }))).into_response()
}
