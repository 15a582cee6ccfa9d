//! Symbolic links that decide what a path means.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What symbolic links hold, by their absolute paths. A path that is not in it is no link, or is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Links(pub BTreeMap<String, String>);

impl Links {
    /// What a link holds, as `readlink` says it.
    #[must_use]
    pub fn of(&self, path: &Path) -> Option<PathBuf> {
        self.0.get(path.to_str()?).map(PathBuf::from)
    }
}
