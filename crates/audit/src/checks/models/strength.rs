//! How well a model holds out against text that gives it orders, as far as its name says.

use regex::Regex;
use std::sync::LazyLock;
use stockade_config::KeyPath;

use crate::model::Model;
use crate::model::models::{ModelRef, written_at};

/// Every model that the config writes, for the defaults and for each agent, images apart.
pub(super) fn written(model: &Model<'_>) -> Vec<ModelRef> {
    let mut found = written_at(model.config(), &KeyPath::dotted("agents.defaults.model"));
    for agent in model.agents.written() {
        found.extend(agent.own_key("model").map(|key| written_at(model.config(), &key)).unwrap_or_default());
    }
    found
}

/// Whether it is one of the first models, which were trained to obey whatever they read.
pub(super) fn legacy(id: &str) -> Option<&'static str> {
    LEGACY.iter().find(|(pattern, _)| pattern.is_match(id)).map(|(_, label)| *label)
}

/// Why it counts as below the recommended tiers: by OpenClaw's names, except that what came after them is not weak.
pub(super) fn weak(id: &str) -> Vec<&'static str> {
    let mut reasons = Vec::new();
    if HAIKU.is_match(id) {
        reasons.push(SMALL_OF_FAMILY);
    }
    if GPT.is_match(id) && !GPT_5_OR_LATER.is_match(id) {
        reasons.push("not of the GPT-5 family");
    }
    if CLAUDE.is_match(id) && (CLAUDE_3.is_match(id) || !CLAUDE_4_5.is_match(id)) {
        reasons.push("older than Claude 4.5");
    }
    reasons
}

/// Billions of parameters, as the name says: the largest of `70b` and `e4b`, or all experts of `8x22b`.
pub(super) fn parameters(id: &str) -> Option<f64> {
    let id = id.to_lowercase();
    let each = |pattern: &Regex| {
        let mut best: Option<f64> = None;
        let mut from = 0;
        // Two names may share the character between them, so that matches overlap.
        while let Some(found) = id.get(from..).and_then(|rest| pattern.captures(rest)) {
            let numbers = found.iter().skip(1).flatten().map(|number| number.as_str().parse::<f64>().unwrap_or(0.0));
            let value: f64 = numbers.product();
            if value > 0.0 && value.is_finite() && best.is_none_or(|best| value > best) {
                best = Some(value);
            }
            // The `b` behind the number is one byte.
            let Some(last) = found.iter().flatten().last() else { break };
            from = from.saturating_add(last.end()).saturating_add(1);
        }
        best
    };
    each(&MIXTURE).or_else(|| each(&PARAMETERS))
}

/// What is weak about a model that is current and small.
pub(super) const SMALL_OF_FAMILY: &str = "the small model of its family";

/// What OpenClaw counts as small.
pub(super) const SMALL: f64 = 300.0;

/// A constant that every test of this file compiles. Nothing in it may need a table of Unicode's: without another crate
/// that turns those on, a pattern that does would not compile, and the audit would end.
macro_rules! pattern {
    ($name:ident, $text:literal) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new($text).expect("a pattern"));
    };
}

pattern!(HAIKU, r"(?i-u)\bhaiku\b");
pattern!(GPT, r"(?i-u)\bgpt-");
pattern!(GPT_5_OR_LATER, r"(?i-u)\bgpt-(?:[5-9]|1[0-9])(?:\b|[.-])");
pattern!(CLAUDE, r"(?i-u)\bclaude-");
// Whose `3-5` reads like a five.
pattern!(CLAUDE_3, r"(?i-u)\bclaude-3\b");
pattern!(
    CLAUDE_4_5,
    r"(?i-u)\bclaude-(?u-i:[^\t\n\r /])*?(?:-4-?(?:[5-9]|[1-9][0-9])\b|4\.(?:[5-9]|[1-9][0-9])\b|-[5-9](?:\b|[.-]))"
);
pattern!(PARAMETERS, r"(?:^|[^a-z0-9])[a-z]?([0-9]+(?:\.[0-9]+)?)b(?:[^a-z0-9]|$)");
pattern!(MIXTURE, r"(?:^|[^a-z0-9])([0-9]+)x([0-9]+(?:\.[0-9]+)?)b(?:[^a-z0-9]|$)");
pattern!(GPT_3_5, r"(?i-u)\bgpt-3\.5\b");
pattern!(CLAUDE_2, r"(?i-u)\bclaude-(instant|2)\b");
pattern!(GPT_4_OLD, r"(?i-u)\bgpt-4-(0314|0613)\b");

static LEGACY: &[(&LazyLock<Regex>, &str)] = &[
    (&GPT_3_5, "of the GPT-3.5 family"),
    (&CLAUDE_2, "of the Claude 2 and Instant family"),
    (&GPT_4_OLD, "an early snapshot of GPT-4"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_openclaw_reads_them() {
        for (id, size) in [
            ("ollama/llama3.1:8b", Some(8.0)),
            ("qwen3-30b-a3b", Some(30.0)),
            ("gemma-3n-e4b", Some(4.0)),
            ("x/1.5b", Some(1.5)),
            ("7b 70b", Some(70.0)),
            ("7b-70b", Some(70.0)),
            ("mixtral-8x22b", Some(176.0)),
            ("gpt-5", None),
            ("0b", None),
            ("b", None),
            ("é70b", Some(70.0)),
        ] {
            assert_eq!(parameters(id), size, "{id}");
        }
        for id in [
            "openai/gpt-4o",
            "ollama/gpt-oss:120b",
            "anthropic/claude-3-5-haiku-latest",
            "claude-3-5-sonnet",
            "claude-opus-4-1",
            "CLAUDE-haiku-4-5",
        ] {
            assert!(!weak(id).is_empty(), "{id}");
        }
        for id in [
            "gpt-5", "gpt-5.3-codex", "openai/gpt-6-astra", "claude-opus-4-6", "claude-sonnet-4.5", "claude-opus-5",
            "google/gemini-3",
        ] {
            assert!(weak(id).is_empty(), "{id}");
        }
        assert!(
            legacy("openai/gpt-3.5-turbo").is_some()
                && legacy("GPT-4-0613").is_some()
                && legacy("claude-2.1").is_some()
        );
        assert!(legacy("gpt-4o").is_none() && legacy("claude-20").is_none());
    }
}
