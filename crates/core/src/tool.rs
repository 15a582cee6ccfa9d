//! What a model may propose: a tool by name, with arguments. It is a wish, not a right.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::InvalidId;

/// A tool's name, folded to lower case: 1 to 128 of `a-z 0-9 _ - . :`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ToolName(String);

impl ToolName {
    /// Folds a name to its canonical form; the model's spelling decides nothing.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_ascii_lowercase())
    }

    /// Whether it is made of `a-z 0-9 _ - . :` alone, 1 to 128 of them: what looks like another name is none.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.' | b':');
        (1..=128).contains(&self.0.len()) && self.0.bytes().all(plain)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ToolName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crate::text::clip(&crate::text::visible(&self.0), 128))
    }
}

impl std::str::FromStr for ToolName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Ok(Self::new(text))
    }
}

/// A call that a model proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The provider's id of the call; echoed with the result.
    pub id: String,
    /// Which tool.
    pub tool: ToolName,
    /// Its arguments, as JSON.
    pub arguments: Value,
}
