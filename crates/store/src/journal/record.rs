//! What a record says, and how an entry becomes one: masked, bounded, then sealed.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use stockade_core::{
    AgentId, Because, Decision, Denial, Digest, Question, Redactor, SessionKey, Stage, Timestamp, TurnId,
};

use super::JournalError;
use super::seal::Seal;

/// What a caller has to say about one stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Which stage.
    pub stage: Stage,
    /// Of which turn.
    pub turn: Option<TurnId>,
    /// In which session.
    pub session: Option<SessionKey>,
    /// For which agent.
    pub agent: Option<AgentId>,
    /// Who stands behind it.
    pub principal: String,
    /// What was decided.
    pub decision: Option<Decision>,
    /// The digest that binds what was decided about.
    pub digest: Option<Digest>,
    /// Facts of the stage. Strings are cut at 4 KiB, nesting at 16; more than 40 KiB is replaced by its digest.
    pub detail: Value,
}

impl Entry {
    /// An entry that only names its stage and principal; the rest by struct update.
    #[must_use]
    pub fn new(stage: Stage, principal: impl ToString) -> Self {
        Self {
            stage,
            turn: None,
            session: None,
            agent: None,
            principal: principal.to_string(),
            decision: None,
            digest: None,
            detail: Value::Null,
        }
    }

    /// Masks and bounds the entry. Runs on the caller's thread, so that the writer only chains.
    pub(super) fn draft(self, redactor: &Redactor) -> Result<Draft, JournalError> {
        let mask = |text: &str| bounded_text(redactor, text, MAX_NAME);
        Ok(Draft {
            stage: self.stage,
            // A client chooses its turn's id and may have put a secret there. Masking keeps it well-formed.
            turn: match self.turn {
                Some(turn) => Some(TurnId::parse(&redactor.mask(turn.as_str())).map_err(|_| JournalError::Encoding)?),
                None => None,
            },
            session: self.session.map(|session| mask(session.as_str())),
            agent: self.agent.map(|agent| mask(agent.as_str())),
            principal: mask(&self.principal),
            decision: self.decision.map(|decision| masked_decision(decision, &mask)),
            digest: self.digest,
            detail: bounded_detail(redactor, &self.detail),
        })
    }
}

/// An entry that is fit to be written.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    stage: Stage,
    turn: Option<TurnId>,
    session: Option<String>,
    agent: Option<String>,
    principal: String,
    decision: Option<Decision>,
    digest: Option<Digest>,
    detail: Value,
}

/// One record, as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Its number, from 1 without gaps; also its line.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// The hash of the record before it.
    pub prev: Digest,
    /// Which stage.
    pub stage: Stage,
    /// Of which turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnId>,
    /// In which session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// For which agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Who stands behind it.
    pub principal: String,
    /// What was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// The digest that binds what was decided about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Facts of the stage.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
    /// SHA-256 of the HMAC-SHA256, under the journal's key, of the line up to this field.
    #[serde(skip_serializing)]
    pub hash: Digest,
}

impl Record {
    /// Chains a draft to the record before it. Answers the line, newline included, and its hash.
    pub(super) fn write(
        draft: Draft,
        seq: u64,
        at: Timestamp,
        prev: Digest,
        seal: &Seal,
    ) -> Result<(String, Digest), JournalError> {
        let Draft { stage, turn, session, agent, principal, decision, digest, detail } = draft;
        let hash = unsealed();
        let record = Self { seq, at, prev, stage, turn, session, agent, principal, decision, digest, detail, hash };
        let mut line = serde_json::to_string(&record).map_err(|_| JournalError::Encoding)?;
        // The seal covers the bytes of the line, so that two spellings of one value are two records.
        line.pop();
        let hash = seal.record(line.as_bytes());
        line.push_str(HASH_FIELD);
        line.push_str(&hash.hex());
        line.push_str("\"}\n");
        if line.len() > MAX_LINE { Err(JournalError::Encoding) } else { Ok((line, hash)) }
    }

    /// Parses a line (without its newline) and checks its own seal.
    pub(super) fn read(line: &[u8], seal: &Seal) -> Result<Self, &'static str> {
        let record: Self = serde_json::from_slice(line).map_err(|_| "it is not a record")?;
        let sealed = line.len().checked_sub(HASH_FIELD.len() + 64 + 2).and_then(|end| line.split_at_checked(end));
        let Some((body, tail)) = sealed else { return Err("it has no hash") };
        if tail.strip_prefix(HASH_FIELD.as_bytes()).is_none_or(|tail| !tail.ends_with(b"\"}")) {
            return Err("it has no hash");
        }
        if seal.record(body) == record.hash { Ok(record) } else { Err("its hash does not match its content") }
    }
}

/// The place of a hash that is yet to be computed; no record carries it.
fn unsealed() -> Digest {
    Digest::of(b"")
}

fn masked_decision(decision: Decision, mask: &impl Fn(&str) -> String) -> Decision {
    match decision {
        Decision::Allow { rule } => Decision::Allow { rule },
        Decision::Ask(Question { rule, because }) => Decision::Ask(Question { rule, because: mask(&because) }),
        Decision::Deny(Denial { rule, because }) => Decision::Deny(Denial {
            rule,
            because: match because {
                Because::Policy(text) => Because::Policy(mask(&text)),
                Because::Unreadable(what) => Because::Unreadable(mask(&what)),
                Because::Changed(what) => Because::Changed(mask(&what)),
                because @ (Because::Operator | Because::Expired) => because,
            },
        }),
    }
}

fn bounded_detail(redactor: &Redactor, detail: &Value) -> Value {
    let mut budget = MAX_NODES;
    let value = bounded_value(redactor, detail, 0, &mut budget);
    let text = value.to_string();
    if text.len() <= MAX_DETAIL {
        return value;
    }
    json!({ "left out": { "bytes": text.len(), "sha256": Digest::of(text.as_bytes()) } })
}

fn bounded_value(redactor: &Redactor, value: &Value, depth: usize, budget: &mut usize) -> Value {
    *budget = budget.saturating_sub(1);
    if depth > MAX_DEPTH || *budget == 0 {
        return Value::String("…".to_owned());
    }
    match value {
        Value::String(text) => Value::String(bounded_text(redactor, text, MAX_TEXT)),
        Value::Array(items) => {
            items.iter().take(*budget).map(|item| bounded_value(redactor, item, depth + 1, budget)).collect()
        }
        Value::Object(fields) => {
            let mut bounded = Map::new();
            for (key, value) in fields.iter().take(*budget) {
                bounded
                    .insert(bounded_text(redactor, key, MAX_NAME), bounded_value(redactor, value, depth + 1, budget));
            }
            Value::Object(bounded)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Masks first and cuts then: a cut through a secret would leave a part that no longer looks like one.
fn bounded_text(redactor: &Redactor, text: &str, max: usize) -> String {
    if text.len() > MAX_MASKED {
        return format!("[{} bytes, sha256 {}]", text.len(), Digest::of(text.as_bytes()));
    }
    let mut masked = redactor.mask(text);
    if masked.len() > max {
        masked.truncate(masked.floor_char_boundary(max));
        masked.push('…');
    }
    masked
}

/// A record's line, in bytes, newline included.
pub(super) const MAX_LINE: usize = 64 * 1024;
const HASH_FIELD: &str = ",\"hash\":\"";
/// Names and reasons, in bytes.
const MAX_NAME: usize = 512;
/// One string of the detail, in bytes.
const MAX_TEXT: usize = 4 * 1024;
/// A string above this is not searched for secrets but replaced by its digest, so that a hostile one cannot make
/// the gate slow.
const MAX_MASKED: usize = 64 * 1024;
/// The detail, in bytes as JSON.
const MAX_DETAIL: usize = 40 * 1024;
const MAX_DEPTH: usize = 16;
const MAX_NODES: usize = 2048;
