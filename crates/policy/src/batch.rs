//! The judge for pipelines: one question a line, one answer a line. Every fact that a question needs
//! stands in it (links, DNS answers, redirects, where programs are found), so nothing outside is
//! looked at. Never decides by itself: each question goes to the judge that the gateway asks.

mod host;
mod network;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use stockade_core::{Decision, Rule};
use thiserror::Error;

/// The longest question, in bytes.
pub const MAX_LINE: usize = 1024 * 1024;

/// An answer; serialised it is one line of JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// The question's own `id`, as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Value>,
    /// What was answered.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Verdict {
    /// To a question of authority.
    Decision {
        /// `allow`, `ask` or `deny`.
        decision: &'static str,
        /// The rule that decided.
        rule: Rule,
        /// Why.
        because: String,
    },
    /// To the question who is at the other end.
    Client {
        /// The client's address; null when it is unknown.
        client_ip: Option<std::net::IpAddr>,
        /// Whether it is this machine, for certain.
        is_local: bool,
        /// Why a gateway with these proxies would not start; the answer is then what its valid entries
        /// come to.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// To what is no question.
    NoQuestion {
        /// Why.
        error: String,
    },
}

/// Why a line is no question.
#[derive(Debug, Error)]
enum BadQuestion {
    #[error("the line is longer than 1 MiB")]
    TooLong,
    #[error("the line is not a JSON object: {0}")]
    NotJson(serde_json::Error),
    #[error("a question has exactly one of cmd, bind, url, peer and key; this one has {0}")]
    Kind(usize),
    #[error("{kind} question: {error}")]
    Shape { kind: &'static str, error: serde_json::Error },
    #[error("{0}")]
    Unusable(String),
}

impl Answer {
    /// Whether the line was a question that could be answered.
    #[must_use]
    pub const fn is_answered(&self) -> bool {
        !matches!(self.verdict, Verdict::NoQuestion { .. })
    }
}

/// Answers one line. Total: what is no question is answered with an error.
#[must_use]
pub fn answer(line: &[u8]) -> Answer {
    let question = if line.len() > MAX_LINE {
        Err(BadQuestion::TooLong)
    } else {
        // The parser bounds nesting by itself, at 128 levels.
        serde_json::from_slice::<Map<String, Value>>(line).map_err(BadQuestion::NotJson)
    };
    let (id, verdict) = match question {
        Ok(mut question) => (question.remove("id"), judge(question)),
        Err(error) => (None, Err(error)),
    };
    Answer { id, verdict: verdict.unwrap_or_else(|error| Verdict::NoQuestion { error: error.to_string() }) }
}

fn judge(question: Map<String, Value>) -> Result<Verdict, BadQuestion> {
    let mut kinds = KINDS.iter().filter(|(kind, _)| question.contains_key(*kind));
    match (kinds.next(), kinds.count()) {
        (Some((kind, judge)), 0) => judge(kind, Value::Object(question)),
        (first, more) => Err(BadQuestion::Kind(usize::from(first.is_some()) + more)),
    }
}

fn read<T: DeserializeOwned>(kind: &'static str, question: Value) -> Result<T, BadQuestion> {
    serde_json::from_value(question).map_err(|error| BadQuestion::Shape { kind, error })
}

fn verdict(decision: &Decision) -> Verdict {
    Verdict::Decision { decision: decision.verdict(), rule: decision.rule(), because: decision.reason() }
}

type Judge = fn(&'static str, Value) -> Result<Verdict, BadQuestion>;

/// The key by which a question is known, and who answers it.
const KINDS: &[(&str, Judge)] = &[
    ("cmd", host::command),
    ("bind", host::bind),
    ("key", host::variable),
    ("url", network::url),
    ("peer", network::client),
];

#[cfg(test)]
#[path = "batch/tests.rs"]
mod tests;
