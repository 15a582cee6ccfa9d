//! What the environment says that matters.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::SecretFact;

/// What the environment of the audit, and `<state>/.env` behind it, say that matters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvFacts {
    /// Variables that are no secrets and that a check reads, such as `OPENCLAW_SERVICE_KIND`.
    pub texts: BTreeMap<String, String>,
    /// Variables that hold a secret: the gateway's and those of providers.
    pub secrets: BTreeMap<String, SecretFact>,
}

impl EnvFacts {
    /// A variable that is no secret.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }
}
