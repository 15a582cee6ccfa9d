//! From values as they were written to [`ConfigFacts`]: variables replaced, secrets taken out.

use aws_lc_rs::hmac;
use serde_json::{Value, json};
use stockade_config::strength::{Weakness, weakness};
use stockade_config::{Env, KeyPath, interpolated, secret_keys};
use stockade_core::Secret;

use crate::secrets::looks_like;
use crate::snapshot::config::{SECRET, Weak};
use crate::snapshot::{EnvFacts, SecretFact, SecretSource};

/// Takes secrets out of what is kept. Equal secrets get equal digests, under a key that is forgotten with this value:
/// a saved snapshot is no help to whoever guesses.
#[derive(Debug)]
pub struct Redaction {
    key: hmac::Key,
}

/// Values without their secrets.
#[derive(Debug, Default)]
pub struct Redacted {
    /// The values; a secret is `{"$secret": n}`.
    pub value: Value,
    /// What is known of each secret.
    pub secrets: Vec<SecretFact>,
    /// Keys with a `${NAME}` of which nothing is known.
    pub missing: Vec<(KeyPath, String)>,
}

impl Redaction {
    /// With a key that nobody else has.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn new() -> Result<Self, stockade_core::secret::NoRandomness> {
        let mut key = [0_u8; 32];
        getrandom::fill(&mut key).map_err(|_| stockade_core::secret::NoRandomness)?;
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &key) })
    }

    /// The digest of a secret: 32 hexadecimal characters.
    #[must_use]
    pub fn digest(&self, text: &str) -> String {
        let tag = hmac::sign(&self.key, text.trim().as_bytes());
        tag.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// What is known of a secret whose value is known.
    #[must_use]
    pub fn fact(&self, text: &str, source: SecretSource) -> SecretFact {
        let trimmed = text.trim();
        SecretFact {
            source,
            characters: u32::try_from(trimmed.chars().count()).unwrap_or(u32::MAX),
            digest: self.digest(text),
            weakness: weakness(&Secret::new(text)).map(|weakness| match weakness {
                Weakness::Empty => Weak::Empty,
                Weakness::Placeholder => Weak::Placeholder,
                Weakness::Repetitive => Weak::Repetitive,
                Weakness::Short { .. } => Weak::Short,
            }),
            placeholder: matches!(trimmed, "" | "undefined" | "null"),
            looks_like: looks_like(trimmed).map(str::to_owned),
        }
    }

    /// Replaces variables and takes the secrets out: what stands where OpenClaw takes a secret, what stands under a
    /// key that sounds like one, and what looks like a known provider's key wherever it stands.
    #[must_use]
    pub fn redact(&self, mut value: Value, env: &Env) -> Redacted {
        unmark(&mut value);
        let keys = secret_keys(&value);
        let mut out = Redacted::default();
        let mut path = Vec::new();
        self.walk(&mut value, env, &keys, &mut path, &mut out);
        out.value = value;
        out
    }

    /// What the environment says that matters.
    #[must_use]
    pub fn environment(&self, env: &Env) -> EnvFacts {
        let mut facts = EnvFacts::default();
        for (name, value) in env.iter().filter(|(_, value)| !value.is_empty()) {
            if TEXTS.contains(&name) {
                facts.texts.insert(name.to_owned(), value.to_owned());
            } else if SECRETS.contains(&name) || looks_like(value).is_some() {
                facts.secrets.insert(name.to_owned(), self.fact(value, SecretSource::Variable(name.to_owned())));
            }
        }
        facts
    }

    fn walk(&self, value: &mut Value, env: &Env, keys: &[KeyPath], path: &mut Vec<String>, out: &mut Redacted) {
        let key: KeyPath = path.iter().map(String::as_str).collect();
        if keys.contains(&key) {
            let fact = self.known_secret(value, env, &key, out);
            *value = out.keep(fact);
            return;
        }
        match value {
            Value::String(text) => {
                match interpolated(text, env) {
                    Ok(known) => *text = known,
                    Err(name) => out.missing.push((key, name)),
                }
                if looks_like(text).is_some() {
                    let fact = self.fact(text, SecretSource::Literal);
                    *value = out.keep(fact);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    path.push(index.to_string());
                    self.walk(item, env, keys, path, out);
                    path.pop();
                }
            }
            Value::Object(fields) => {
                for (name, field) in fields {
                    path.push(name.clone());
                    self.walk(field, env, keys, path, out);
                    path.pop();
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn known_secret(&self, value: &Value, env: &Env, key: &KeyPath, out: &mut Redacted) -> SecretFact {
        let Value::String(text) = value else { return self.reference(value, env) };
        let (source, known) = match whole_variable(text) {
            Some(name) => match env.get(name) {
                Some(known) => (SecretSource::Variable(name.to_owned()), Some(known.to_owned())),
                None => (SecretSource::MissingVariable(name.to_owned()), None),
            },
            None => match interpolated(text, env) {
                Ok(known) if known == *text => (SecretSource::Literal, Some(known)),
                Ok(known) => (SecretSource::Mixed, Some(known)),
                Err(name) => (SecretSource::MissingVariable(name), None),
            },
        };
        if let SecretSource::MissingVariable(name) = &source {
            out.missing.push((key.clone(), name.clone()));
        }
        match known {
            Some(known) => self.fact(&known, source),
            None => SecretFact { source, ..SecretFact::default() },
        }
    }

    /// A `{source, provider, id}` object in the place of a secret. A variable is looked at, as for `${NAME}`; no file
    /// is opened and no program started for the others.
    fn reference(&self, value: &Value, env: &Env) -> SecretFact {
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (from, id) = (text("source"), text("id"));
        let known = env.get(&id).filter(|known| from == "env" && !known.is_empty());
        let source = SecretSource::Reference(from, id.clone());
        match known {
            Some(known) => self.fact(known, source),
            None => SecretFact { source, ..SecretFact::default() },
        }
    }
}

impl Redacted {
    fn keep(&mut self, fact: SecretFact) -> Value {
        let index = self.secrets.len();
        self.secrets.push(fact);
        json!({ SECRET: index })
    }
}

/// A config that writes the mark itself would point at a secret of its choice.
fn unmark(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(field) = fields.shift_remove(SECRET) {
                fields.insert(format!("{SECRET} "), field);
            }
            fields.values_mut().for_each(unmark);
        }
        Value::Array(items) => items.iter_mut().for_each(unmark),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The variable that a text is, whole: `${NAME}` or, where a reference may stand, `$NAME`.
fn whole_variable(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('$')?;
    let name = rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(rest);
    let valid = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    (name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_') && name.bytes().all(valid)).then_some(name)
}

/// The variables that checks read and that are no secrets.
const TEXTS: &[&str] = &[
    "OPENCLAW_SERVICE_KIND",
    "OPENCLAW_STATE_DIR",
    "OPENCLAW_CONFIG_PATH",
    "OPENCLAW_HOME",
    "OPENCLAW_OAUTH_DIR",
    "OPENCLAW_PROFILE",
    "OPENCLAW_DISABLE_BONJOUR",
    "HOME",
    "USERPROFILE",
    "HISTFILE",
];
/// The variables that checks ask for and that are secrets, whatever they look like.
const SECRETS: &[&str] = &[
    "OPENCLAW_GATEWAY_TOKEN",
    "OPENCLAW_GATEWAY_PASSWORD",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "GOOGLE_CLOUD_API_KEY",
    "MINIMAX_API_KEY",
    "MINIMAX_CODING_API_KEY",
    "MINIMAX_OAUTH_TOKEN",
    "OLLAMA_API_KEY",
    "XAI_API_KEY",
    "BRAVE_API_KEY",
    "PERPLEXITY_API_KEY",
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_cannot_write_the_mark_of_a_secret() {
        let value =
            json!({"gateway": {"auth": {"token": "hunter2"}}, "a": {"b": {"$secret": 0}}, "l": [{"$secret": 0}]});
        let facts = Redaction::new().expect("randomness").redact(value, &Env::default());
        assert_eq!(facts.value["a"]["b"], json!({"$secret ": 0}));
        assert_eq!(facts.value["l"][0], json!({"$secret ": 0}));
        assert_eq!(facts.value["gateway"]["auth"]["token"], json!({"$secret": 0}));
    }

    #[test]
    fn secrets_leave_the_values_and_equal_ones_can_be_told() {
        let value = json!({
            "gateway": {"auth": {"token": "${T}", "password": "hunter2"}, "bind": "${BIND}"},
            "hooks": {"token": "hunter2"},
            "models": {"providers": {"x": {"apiKey": {"source": "env", "provider": "default", "id": "K"}}}},
            "tools": {"deny": ["${NONE}"]},
        });
        let env = Env::from_iter([("T", "k3jd92lsm0qpz7xv1bak3jd92lsm0"), ("BIND", "lan")]);
        let redacted = Redaction::new().expect("randomness").redact(value, &env);
        let text = redacted.value.to_string();
        assert!(!text.contains("hunter2") && !text.contains("k3jd92"), "{text}");
        assert_eq!(redacted.value["gateway"]["bind"], "lan");
        let [token, password, hook, key] = redacted.secrets.as_slice() else { panic!("{:?}", redacted.secrets) };
        assert_eq!((token.source.clone(), token.characters), (SecretSource::Variable("T".into()), 29));
        assert_eq!(password.digest, hook.digest);
        assert_ne!(password.digest, token.digest);
        assert_eq!(key.source, SecretSource::Reference("env".into(), "K".into()));
        assert_eq!(redacted.missing, [(KeyPath::dotted("tools.deny.0"), "NONE".to_owned())]);
    }
}
