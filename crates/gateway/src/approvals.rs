//! The queue of questions to the operator. A question shows what will run and carries its digest; the
//! answer is for that digest and for nothing else. What is not answered in time is denied.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use stockade_core::{ApprovalId, Clock, Digest, Principal, Redactor, Scope, Timestamp, text};
use stockade_policy::{Approval, Verdict};
use thiserror::Error;
use tokio::sync::watch;

use crate::events::Events;

/// What the operator is shown. Built by the gateway from typed fields; the model's explanations are
/// never on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// The command, control characters and invisible characters shown as escapes.
    pub command: String,
    /// The fields of the protocol's `request` object.
    pub request: Value,
    /// The digest of what will run.
    pub digest: Digest,
}

/// A request and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Its id.
    pub id: ApprovalId,
    /// What is asked.
    pub card: Card,
    /// When it was asked.
    pub created: Timestamp,
    /// When it becomes a denial.
    pub expires: Timestamp,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nobody has answered.
    Pending,
    /// An operator answered.
    Answered(Approval),
    /// Nobody answered in time.
    Expired,
    /// The turn that asked is gone.
    Cancelled,
}

/// Why an answer was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// No pending request has this id, or several start with it.
    #[error("unknown or expired approval id")]
    NotFound,
    /// Another answer was given before.
    #[error("approval already resolved")]
    AlreadyResolved,
    /// The answer names another digest than the request has.
    #[error("the digest is not that of the request: what was shown is not what would run")]
    DigestMismatch,
}

/// The queue.
pub struct Approvals {
    requests: Mutex<BTreeMap<ApprovalId, Entry>>,
    events: Events,
    redactor: Redactor,
    clock: Arc<dyn Clock>,
}

struct Entry {
    request: Request,
    changed: watch::Sender<Outcome>,
}

impl Approvals {
    /// An empty queue.
    #[must_use]
    pub fn new(events: Events, redactor: Redactor, clock: Arc<dyn Clock>) -> Self {
        Self { requests: Mutex::default(), events, redactor, clock }
    }

    /// Puts a question to the operators and announces it. `None` when too many wait already: a flood of
    /// questions must not bury the one that matters.
    pub fn open(&self, card: Card, life: Duration) -> Option<Request> {
        let card = self.shown(card);
        let created = self.clock.now();
        let request =
            Request { id: ApprovalId::fresh(), card, created, expires: created.after(life), outcome: Outcome::Pending };
        let mut requests = self.lock();
        forget_old(&mut requests);
        let waiting = requests.values().filter(|entry| entry.request.outcome == Outcome::Pending).count();
        if waiting >= MAX_PENDING {
            return None;
        }
        let entry = Entry { request: request.clone(), changed: watch::Sender::new(Outcome::Pending) };
        requests.insert(request.id.clone(), entry);
        drop(requests);
        self.events.send("exec.approval.requested", Some(Scope::Approvals), request.wire());
        Some(request)
    }

    /// The card as it may be shown: secrets masked, and nothing in it that could repaint a terminal or
    /// pass for another field. Only the command keeps its line ends.
    fn shown(&self, card: Card) -> Card {
        let command = text::visible(&self.redactor.mask(&card.command));
        let mut request = plain(&self.redactor.mask_json(&card.request));
        if let Some(fields) = request.as_object_mut() {
            fields.insert("command".to_owned(), json!(command));
            let own = fields.entry("stockade").or_insert_with(|| json!({}));
            if let Some(own) = own.as_object_mut() {
                own.insert("digest".to_owned(), json!(card.digest));
            }
        }
        Card { command, request, digest: card.digest }
    }

    /// Waits for the answer to one's own request. A dropped wait cancels it, so that no question
    /// outlives its turn.
    pub async fn wait(&self, request: &Request) -> Outcome {
        let mut abandoned = Abandon { approvals: self, id: Some(&request.id) };
        let outcome = self.watch(request).await;
        abandoned.id = None;
        outcome
    }

    /// Waits for the answer to any request; when its time is over it is expired.
    pub async fn watch(&self, request: &Request) -> Outcome {
        let Some(mut changed) = self.lock().get(&request.id).map(|entry| entry.changed.subscribe()) else {
            return Outcome::Cancelled;
        };
        let left = request.expires.since(self.clock.now());
        let answered = tokio::time::timeout(left, changed.wait_for(|outcome| *outcome != Outcome::Pending));
        match answered.await {
            Ok(Ok(outcome)) => outcome.clone(),
            Ok(Err(_)) => Outcome::Cancelled,
            Err(_) => self.close(&request.id, Outcome::Expired),
        }
    }

    /// Takes an operator's answer. `shown`, when given, must be the digest of the request. The same
    /// answer given twice is accepted; another one is not.
    ///
    /// # Errors
    /// [`ResolveError`].
    pub fn resolve(
        &self,
        id: &str,
        verdict: Verdict,
        shown: Option<Digest>,
        by: &Principal,
    ) -> Result<Request, ResolveError> {
        let now = self.clock.now();
        let mut requests = self.lock();
        let entry = find(&mut requests, id)?;
        if shown.is_some_and(|shown| shown != entry.request.card.digest) {
            return Err(ResolveError::DigestMismatch);
        }
        match &entry.request.outcome {
            Outcome::Answered(earlier) if earlier.verdict == verdict => return Ok(entry.request.clone()),
            Outcome::Pending if now <= entry.request.expires => {}
            Outcome::Answered(_) => return Err(ResolveError::AlreadyResolved),
            Outcome::Pending | Outcome::Expired | Outcome::Cancelled => return Err(ResolveError::NotFound),
        }
        let approval = Approval {
            id: entry.request.id.clone(),
            shown: entry.request.card.digest,
            verdict,
            by: by.clone(),
            at: now,
            expires: entry.request.expires,
        };
        entry.request.outcome = Outcome::Answered(approval);
        let request = entry.request.clone();
        entry.changed.send_replace(request.outcome.clone());
        drop(requests);
        self.announce(&request);
        Ok(request)
    }

    /// A request by id or unique prefix.
    ///
    /// # Errors
    /// [`ResolveError::NotFound`].
    pub fn find(&self, id: &str) -> Result<Request, ResolveError> {
        find(&mut self.lock(), id).map(|entry| entry.request.clone())
    }

    /// Every pending request, oldest first.
    #[must_use]
    pub fn pending(&self) -> Vec<Request> {
        let now = self.clock.now();
        let mut pending: Vec<Request> = self
            .lock()
            .values()
            .map(|entry| entry.request.clone())
            .filter(|request| request.outcome == Outcome::Pending && now <= request.expires)
            .collect();
        pending.sort_by_key(|request| request.created);
        pending
    }

    /// Every request that is still remembered, newest first.
    #[must_use]
    pub fn history(&self) -> Vec<Request> {
        let mut all: Vec<Request> = self.lock().values().map(|entry| entry.request.clone()).collect();
        all.sort_by_key(|request| std::cmp::Reverse(request.created));
        all
    }

    fn close(&self, id: &ApprovalId, outcome: Outcome) -> Outcome {
        let mut requests = self.lock();
        let Some(entry) = requests.get_mut(id) else { return outcome };
        if entry.request.outcome != Outcome::Pending {
            return entry.request.outcome.clone();
        }
        entry.request.outcome = outcome.clone();
        entry.changed.send_replace(outcome.clone());
        let request = entry.request.clone();
        drop(requests);
        self.announce(&request);
        outcome
    }

    fn announce(&self, request: &Request) {
        let (by, at) = match &request.outcome {
            Outcome::Answered(approval) => (Some(approval.by.to_string()), approval.at),
            Outcome::Pending | Outcome::Expired | Outcome::Cancelled => (None, self.clock.now()),
        };
        let payload = json!({
            "id": request.id,
            "decision": request.outcome.decision().unwrap_or("deny"),
            "resolvedBy": by,
            "ts": at,
            "request": request.card.request,
        });
        self.events.send("exec.approval.resolved", Some(Scope::Approvals), payload);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ApprovalId, Entry>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Request {
    /// The row of `exec.approval.list` and of the event.
    #[must_use]
    pub fn wire(&self) -> Value {
        json!({
            "approvalKind": "exec",
            "id": self.id,
            "request": self.card.request,
            "createdAtMs": self.created,
            "expiresAtMs": self.expires,
        })
    }
}

impl Outcome {
    /// The decision on the wire: `allow-once`, `deny`, or none.
    #[must_use]
    pub const fn decision(&self) -> Option<&'static str> {
        match self {
            Self::Answered(approval) => Some(match approval.verdict {
                Verdict::AllowOnce => "allow-once",
                Verdict::Deny => "deny",
            }),
            Self::Pending | Self::Expired | Self::Cancelled => None,
        }
    }

    /// The status on the wire.
    #[must_use]
    pub const fn status(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Answered(approval) => match approval.verdict {
                Verdict::AllowOnce => "allowed",
                Verdict::Deny => "denied",
            },
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Cancels the request when the waiting turn is dropped.
struct Abandon<'a> {
    approvals: &'a Approvals,
    id: Option<&'a ApprovalId>,
}

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.approvals.close(id, Outcome::Cancelled);
        }
    }
}

fn plain(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(text::single_line(text)),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (text::single_line(name), plain(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn find<'a>(requests: &'a mut BTreeMap<ApprovalId, Entry>, id: &str) -> Result<&'a mut Entry, ResolveError> {
    let prefix = ApprovalId::parse(id).map_err(|_| ResolveError::NotFound)?;
    let mut matching = requests.iter_mut().filter(|(id, _)| id.as_str().starts_with(prefix.as_str()));
    match (matching.next(), matching.next()) {
        (Some((_, entry)), None) => Ok(entry),
        _ => Err(ResolveError::NotFound),
    }
}

fn forget_old(requests: &mut BTreeMap<ApprovalId, Entry>) {
    if requests.len() < REMEMBERED {
        return;
    }
    let oldest = requests
        .values()
        .filter(|entry| entry.request.outcome != Outcome::Pending)
        .min_by_key(|entry| entry.request.created)
        .map(|entry| entry.request.id.clone());
    if let Some(id) = oldest {
        requests.remove(&id);
    }
}

/// Questions that wait at a time.
const MAX_PENDING: usize = 64;
/// Requests that are remembered; the oldest answered ones go first.
const REMEMBERED: usize = 256;

#[cfg(test)]
#[path = "approvals/tests.rs"]
mod tests;
