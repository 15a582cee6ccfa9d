//! Names of agents, sessions, turns and approvals. Parsed once, so that no later stage meets a name
//! that could be a path, a header or a control sequence.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A name that does not have the form of its kind.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{kind} {shown:?} is not valid: {why}")]
pub struct InvalidId {
    kind: &'static str,
    shown: String,
    why: &'static str,
}

impl InvalidId {
    fn new(kind: &'static str, text: &str, why: &'static str) -> Self {
        Self { kind, shown: text.chars().take(40).collect(), why }
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(&text)
            }
        }
    };
}

id! {
    /// An agent's id: 1 to 64 of `a-z 0-9 - _`, starting with a letter or a digit.
    AgentId
}
id! {
    /// A session's key, `agent:<agentId>:<rest>` (OpenClaw's grammar), at most 256 characters.
    SessionKey
}
id! {
    /// One turn: the client's idempotency key, or a fresh UUIDv7. At most 128 printable ASCII characters.
    TurnId
}
id! {
    /// One approval: a UUIDv4.
    ApprovalId
}

impl AgentId {
    /// Parses an id; upper case is folded as OpenClaw does.
    ///
    /// # Errors
    /// When the text is empty, too long, or has another character.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let folded = text.to_ascii_lowercase();
        let valid = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        if folded.is_empty() || folded.len() > 64 || !folded.bytes().all(valid) || folded.starts_with(['-', '_']) {
            return Err(InvalidId::new("agent id", text, "use 1 to 64 of a-z, 0-9, - and _"));
        }
        Ok(Self(folded))
    }
}

impl SessionKey {
    /// Parses a key; `main` stands for the main session of `default_agent`.
    ///
    /// # Errors
    /// When the key is not `agent:<agentId>:<rest>` with printable ASCII in `rest`.
    pub fn resolve(text: &str, default_agent: &AgentId) -> Result<Self, InvalidId> {
        if text == "main" {
            return Ok(Self::main(default_agent));
        }
        Self::parse(text)
    }

    /// Parses a full key.
    ///
    /// # Errors
    /// When the key is not `agent:<agentId>:<rest>` with printable ASCII in `rest`.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let bad = |why| InvalidId::new("session key", text, why);
        if text.len() > 256 {
            return Err(bad("it is longer than 256 characters"));
        }
        let rest = text.strip_prefix("agent:").ok_or_else(|| bad("it does not start with agent:"))?;
        let (agent, rest) = rest.split_once(':').ok_or_else(|| bad("it has no part after the agent"))?;
        let agent = AgentId::parse(agent)?;
        if rest.is_empty() || !rest.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(bad("the part after the agent must be printable ASCII without spaces"));
        }
        Ok(Self(format!("agent:{agent}:{rest}")))
    }

    /// The main session of an agent.
    #[must_use]
    pub fn main(agent: &AgentId) -> Self {
        Self(format!("agent:{agent}:main"))
    }

    /// The agent that the session belongs to.
    #[must_use]
    pub fn agent(&self) -> AgentId {
        // INVARIANT: both constructors put a parsed agent id between the first two colons.
        AgentId(self.0.split(':').nth(1).unwrap_or_default().to_owned())
    }
}

impl TurnId {
    /// A fresh id, ordered by time.
    #[must_use]
    pub fn fresh() -> Self {
        Self(uuid::Uuid::now_v7().to_string())
    }

    /// Parses a client's idempotency key.
    ///
    /// # Errors
    /// When it is empty, longer than 128 characters, or not printable ASCII.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        if text.is_empty() || text.len() > 128 || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(InvalidId::new("turn id", text, "use 1 to 128 printable ASCII characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl ApprovalId {
    /// A fresh, unguessable id.
    #[must_use]
    pub fn fresh() -> Self {
        Self(uuid::Uuid::new_v4().to_string())
    }

    /// Parses an id or a prefix of one.
    ///
    /// # Errors
    /// When the text could not be part of a UUID.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        if text.is_empty() || text.len() > 36 || !text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') {
            return Err(InvalidId::new("approval id", text, "it is not a UUID or the start of one"));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agent_ids_cannot_be_paths() {
        for bad in ["", "..", "a/b", "-x", "a b", "é", &"a".repeat(65)] {
            assert!(AgentId::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(AgentId::parse("Main").map(String::from), Ok("main".to_owned()));
    }

    #[test]
    fn session_keys_name_their_agent() {
        let main = AgentId::parse("main").expect("valid");
        let key = SessionKey::resolve("main", &main).expect("valid");
        assert_eq!(key.as_str(), "agent:main:main");
        assert_eq!(key.agent(), main);
        assert_eq!(SessionKey::parse("agent:Ops:openai:1").expect("valid").agent().as_str(), "ops");
        for bad in ["agent:main", "agent:main:", "agent::x", "main:x", "agent:main:a b", "agent:main:a\nb"] {
            assert!(SessionKey::parse(bad).is_err(), "{bad:?}");
        }
    }
}
