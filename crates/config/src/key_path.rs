//! The path of a key through a config.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::include::dotted;

/// The path of a key through a config, from its root; list items by their index.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyPath(Vec<String>);

impl KeyPath {
    /// The path that a dotted text means. A key with a dot in it needs [`KeyPath::child`].
    #[must_use]
    pub fn dotted(text: &str) -> Self {
        text.split('.').filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// The key below this one.
    #[must_use]
    pub fn child(&self, key: impl Into<String>) -> Self {
        let mut path = self.clone();
        path.0.push(key.into());
        path
    }

    /// The key above this one; `None` at the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_, above) = self.0.split_last()?;
        Some(Self(above.to_vec()))
    }

    /// The parts.
    #[must_use]
    pub fn parts(&self) -> &[String] {
        &self.0
    }
}

impl<S: Into<String>> FromIterator<S> for KeyPath {
    fn from_iter<I: IntoIterator<Item = S>>(parts: I) -> Self {
        Self(parts.into_iter().map(Into::into).collect())
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&dotted(&self.0))
    }
}
