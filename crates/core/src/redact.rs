//! Masking of secrets in text that leaves: replies, logs, the journal. Two nets: the secrets that
//! this gateway holds (by value) and well-known credential shapes (by prefix).

use std::sync::{Arc, PoisonError, RwLock};

use crate::secret::Secret;

/// Masks secrets in text. Clones share what they know, so that a secret learnt at a reload is masked
/// by the journal, the transcripts and the log from then on. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    known: Arc<RwLock<Vec<Secret>>>,
}

/// What stands in for a secret.
pub const MASK: &str = "[secret]";

/// Secrets shorter than this are not searched for: they would mask ordinary words.
const MIN_KNOWN: usize = 8;

/// Prefixes of issued credentials, each with the least length of what must follow.
const PREFIXES: &[(&str, usize)] = &[
    ("sk-ant-", 20),
    ("sk-", 20),
    ("ghp_", 30),
    ("gho_", 30),
    ("ghs_", 30),
    ("github_pat_", 30),
    ("glpat-", 20),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("xapp-", 20),
    ("AKIA", 16),
    ("AIza", 30),
    ("hf_", 30),
    ("npm_", 30),
];

impl Redactor {
    /// A redactor that knows these values.
    #[must_use]
    pub fn new(known: impl IntoIterator<Item = Secret>) -> Self {
        let redactor = Self::default();
        redactor.learn(known);
        redactor
    }

    /// Masks these values too, from now on. Nothing is forgotten: a rotated secret stays masked.
    pub fn learn(&self, secrets: impl IntoIterator<Item = Secret>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for secret in secrets.into_iter().filter(|secret| secret.expose().len() >= MIN_KNOWN) {
            if !known.iter().any(|own| own.matches(secret.expose())) {
                known.push(secret);
            }
        }
        // Longest first: a secret that contains another must not leave its tail behind.
        known.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
    }

    /// The text with every secret masked.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for secret in self.known.read().unwrap_or_else(PoisonError::into_inner).iter() {
            if masked.contains(secret.expose()) {
                masked = masked.replace(secret.expose(), MASK);
            }
        }
        mask_shapes(&masked)
    }

    /// Masks every string inside a JSON value, keys included.
    #[must_use]
    pub fn mask_json(&self, value: &serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Value::String(text) => Value::String(self.mask(text)),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.mask_json(item)).collect()),
            Value::Object(fields) => {
                Value::Object(fields.iter().map(|(key, value)| (self.mask(key), self.mask_json(value))).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }
}

/// One pass from left to right: credential shapes are runs of word characters, so each run is looked at
/// once, where it starts and after each character that cannot be part of a prefix's word.
fn mask_shapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_run) {
        let (before, run) = rest.split_at(start);
        let (run, after) = run.split_at(run.find(|c| !is_run(c)).unwrap_or(run.len()));
        out.push_str(before);
        match shape_in(run) {
            Some(at) => {
                out.push_str(run.get(..at).unwrap_or_default());
                out.push_str(MASK);
            }
            None => out.push_str(run),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

const fn is_run(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// Where a credential starts in a run; it goes on to the run's end. A prefix counts at the start of a
/// word, and where it stands after `_` or `-`.
fn shape_in(run: &str) -> Option<usize> {
    // A run of many prefixes is masked from the first that fits, so each prefix is searched once.
    PREFIXES
        .iter()
        .filter_map(|(prefix, least)| {
            let longest = run.len().checked_sub(prefix.len() + least)?;
            let head = run.get(..longest + prefix.len())?;
            head.match_indices(prefix).map(|(at, _)| at).find(|at| {
                !run.get(..*at).and_then(|before| before.chars().next_back()).is_some_and(|c| c.is_ascii_alphanumeric())
            })
        })
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_and_known_shapes_are_masked() {
        let redactor = Redactor::new([Secret::new("my-own-gateway-token"), Secret::new("short")]);
        let key = format!("sk-ant-{}", "a1".repeat(20));
        let text = format!("token=my-own-gateway-token key={key}; a short risk-free task");
        assert_eq!(redactor.mask(&text), "token=[secret] key=[secret]; a short risk-free task");
    }

    #[test]
    fn what_one_clone_learns_all_mask() {
        let one = Redactor::default();
        let two = one.clone();
        one.learn([Secret::new("rotated-in-token")]);
        assert_eq!(two.mask("x rotated-in-token"), "x [secret]");
    }

    #[test]
    fn masking_takes_linear_time() {
        // A second pass per credential made 1 MiB take half a minute: a hostile page could stall the gateway.
        let text = format!("sk-{} ghp_{} ", "a".repeat(30), "b".repeat(40)).repeat(30_000);
        let masked = Redactor::new([]).mask(&text);
        assert_eq!(masked.matches(MASK).count(), 60_000);
        assert!(!masked.contains("sk-") && !masked.contains("ghp_"));
        assert_eq!(Redactor::new([]).mask(&"sk-".repeat(300_000)), MASK);
    }

    #[test]
    fn json_is_masked_to_the_leaves() {
        let redactor = Redactor::new([Secret::new("abcdefgh-1234")]);
        let masked = redactor.mask_json(&serde_json::json!({"a": ["x abcdefgh-1234"], "abcdefgh-1234": 1}));
        assert_eq!(masked.to_string(), r#"{"a":["x [secret]"],"[secret]":1}"#);
    }
}
