//! Whether the secrets that guard the gateway are secrets, and what a config is refused for before
//! anything listens. Answers: the token copied from a tutorial, the variable that a script filled
//! with `undefined`, and a port that is open to the network without a lock.

use std::fmt;

use stockade_core::Secret;

use crate::load::Loaded;
use crate::model::{Auth, AuthMode, Exposure, GatewayMode};

/// Why a secret is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// Nothing but spaces.
    Empty,
    /// A word from a manual, or what a script writes when it has no value.
    Placeholder,
    /// One character, one run or one short piece over and over.
    Repetitive,
    /// Fewer than [`MIN_LENGTH`] characters.
    Short {
        /// How many.
        characters: usize,
    },
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::Placeholder => f.write_str("is a placeholder"),
            Self::Repetitive => f.write_str("repeats itself"),
            Self::Short { characters } => write!(f, "has {characters} characters, fewer than {MIN_LENGTH}"),
        }
    }
}

/// What is weak about a secret, if anything. Entropy itself cannot be measured; this finds what
/// attackers try first.
#[must_use]
pub fn weakness(secret: &Secret) -> Option<Weakness> {
    let text = secret.expose().trim();
    let folded = text.to_lowercase();
    let characters = text.chars().count();
    if characters == 0 {
        Some(Weakness::Empty)
    } else if PLACEHOLDERS.contains(&folded.as_str()) || PLACEHOLDER_PARTS.iter().any(|part| folded.contains(part)) {
        Some(Weakness::Placeholder)
    } else if is_repetitive(&folded) {
        Some(Weakness::Repetitive)
    } else if characters < MIN_LENGTH {
        Some(Weakness::Short { characters })
    } else {
        None
    }
}

/// One reason not to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The key that must change.
    pub key: &'static str,
    /// The fact.
    pub what: String,
    /// The way out.
    pub remedy: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}; {}", self.key, self.what, self.remedy)
    }
}

/// Everything for which this config is refused; empty when the gateway may start.
#[must_use]
pub fn startup_refusals(loaded: &Loaded) -> Vec<Refusal> {
    let gateway = &loaded.config.gateway;
    let auth = &gateway.auth;
    let mut refusals = Vec::new();
    let mut refuse = |key, what: String, remedy: &str| refusals.push(Refusal { key, what, remedy: remedy.to_owned() });

    if gateway.mode == Some(GatewayMode::Remote) {
        refuse(
            "gateway.mode",
            "is `remote`: this machine is a client".into(),
            "set it to `local` to run a gateway here",
        );
    }
    if auth.mode.is_none() && auth.token.is_some() && auth.password.is_some() {
        refuse(
            "gateway.auth.mode",
            "is not set, but a token and a password are".into(),
            "set it to `token` or `password`",
        );
    }
    if gateway.bind == crate::model::Bind::Custom && gateway.custom_bind_host.is_none() {
        refuse(
            "gateway.customBindHost",
            "is not set, but gateway.bind is `custom`".into(),
            "name the address, or bind `loopback`",
        );
    }
    match auth.effective_mode() {
        AuthMode::None if gateway.exposure() == Exposure::Network => refuse(
            "gateway.auth.mode",
            format!("is `none`, but gateway.bind `{}` may be reached from the network", gateway.bind),
            "set it to `token`, or bind `loopback` without a proxy",
        ),
        AuthMode::None => {}
        AuthMode::Token => refusals.extend(secret_refusal("gateway.auth.token", auth, MIN_LENGTH)),
        AuthMode::Password => refusals.extend(secret_refusal("gateway.auth.password", auth, MIN_PASSWORD)),
        AuthMode::TrustedProxy if gateway.trusted_proxies.is_empty() => refuse(
            "gateway.trustedProxies",
            "is empty, but gateway.auth.mode is `trusted-proxy`".into(),
            "name the proxy's address",
        ),
        AuthMode::TrustedProxy => {
            if gateway.trusted_proxies.iter().any(|proxy| proxy.trim().ends_with("/0")) {
                refuse("gateway.trustedProxies", "trusts every address".into(), "name the proxy's own address");
            }
        }
    }
    refusals
}

fn secret_refusal(key: &'static str, auth: &Auth, least: usize) -> Option<Refusal> {
    let remedy =
        "set it to the output of `openssl rand -hex 32`, or to ${NAME} with that in the environment".to_owned();
    let Some(secret) = auth.shared_secret() else {
        return Some(Refusal { key, what: "is not set, so that nobody could connect".into(), remedy });
    };
    let weak = weakness(secret).filter(|weak| !matches!(weak, Weakness::Short { characters } if *characters >= least));
    weak.map(|weak| Refusal { key, what: weak.to_string(), remedy })
}

/// Few different characters, a short piece over and over, or a run up or down the alphabet.
fn is_repetitive(text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    let mut distinct = characters.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let few = characters.len() >= 8 && distinct.len() < 5;
    let periodic = (1..=characters.len() / 2)
        .any(|period| characters.iter().zip(characters.iter().skip(period)).all(|(left, right)| left == right));
    let steps = characters.iter().zip(characters.iter().skip(1));
    let runs = steps.filter(|(left, right)| u32::from(**left).abs_diff(u32::from(**right)) <= 1).count();
    few || periodic || (characters.len() >= 8 && runs * 4 >= characters.len() * 3)
}

/// The least length of a token, in characters: 24 hexadecimal digits are 96 bits.
pub const MIN_LENGTH: usize = 24;
/// The least length of a password, which a human has to remember.
const MIN_PASSWORD: usize = 12;

/// Whole secrets that are none.
const PLACEHOLDERS: &[&str] = &[
    "undefined",
    "null",
    "none",
    "nil",
    "nan",
    "true",
    "false",
    "token",
    "password",
    "secret",
    "admin",
    "letmein",
    "hunter2",
    "openclaw",
    "clawdbot",
    "moltbot",
    "stockade",
    "test",
    "***",
    "...",
    "[redacted]",
    "[object object]",
    "__openclaw_redacted__",
    "correct horse battery staple",
    "correcthorsebatterystaple",
];

/// Pieces that occur in the examples of manuals and in no random token.
const PLACEHOLDER_PARTS: &[&str] = &[
    "changeme", "change-me", "change_me", "your-", "your_", "yourtoken", "yourpassword", "my-token", "my-secret",
    "my-password", "replace-", "replace_", "replaceme", "placeholder", "example", "insert-", "secret-token",
    "gateway-token", "gateway_token", "test-token", "shared-secret", "long-random", "random-token", "${", "<token",
    "<your",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Option<Weakness> {
        weakness(&Secret::new(text))
    }

    #[test]
    fn what_attackers_try_first_is_weak() {
        for text in ["", "   "] {
            assert_eq!(of(text), Some(Weakness::Empty));
        }
        for text in [
            "undefined",
            "NULL",
            "changeme",
            "please-CHANGEME-before-production-use",
            "your-token",
            "replace-with-your-long-random-token",
            "${OPENCLAW_GATEWAY_TOKEN}",
            "example-gateway-shared-secret",
        ] {
            assert_eq!(of(text), Some(Weakness::Placeholder), "{text}");
        }
        for text in [
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "abababababababababababababab",
            "password1password1password1",
            "abcdefghijklmnopqrstuvwxyz",
            "01234567890123456789012345",
            "000000000000000000000000000000001",
        ] {
            assert_eq!(of(text), Some(Weakness::Repetitive), "{text}");
        }
        assert_eq!(of("k3jd92lsm0qpz7xv1ba"), Some(Weakness::Short { characters: 19 }));
        assert_eq!(of("  k3jd92lsm0qpz7xv1ba      "), Some(Weakness::Short { characters: 19 }), "spaces add nothing");
    }

    proptest! {
        #[test]
        fn random_tokens_pass(hex in "[0-9a-f]{64}", base64 in "[A-Za-z0-9_-]{43}") {
            prop_assert_eq!(of(&hex), None);
            prop_assert_eq!(of(&base64), None);
        }
    }
}
