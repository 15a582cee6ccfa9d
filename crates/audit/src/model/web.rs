//! Which ways out to the web are switched on, for whoever has the tool.

use serde_json::Value;

use crate::snapshot::{ConfigFacts, EnvFacts, Snapshot};

/// Which tools of the web are switched on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Web {
    /// `web_search`: switched on, or not switched off and some credential for it is there.
    pub search: bool,
    /// `web_fetch`: not switched off.
    pub fetch: bool,
    /// `browser`: neither it nor its plugin is switched off.
    pub browser: bool,
}

impl Web {
    /// Derives it.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let config = &snapshot.config;
        let search = match config.get("tools.web.search.enabled").and_then(Value::as_bool) {
            Some(enabled) => enabled,
            None => has_search_credential(config, &snapshot.env),
        };
        Self { search, fetch: !config.is_false("tools.web.fetch.enabled"), browser: has_browser(config) }
    }

    /// The tools that are switched on.
    pub fn tools(self) -> impl Iterator<Item = &'static str> {
        let tools = [("web_search", self.search), ("web_fetch", self.fetch), ("browser", self.browser)];
        tools.into_iter().filter(|(_, on)| *on).map(|(tool, _)| tool)
    }
}

fn has_search_credential(config: &ConfigFacts, env: &EnvFacts) -> bool {
    let has_one = |search: Option<&Value>| {
        let fields = search.and_then(Value::as_object).into_iter().flatten();
        fields.into_iter().any(|(name, value)| name != "enabled" && is_there(config, value))
    };
    has_one(config.get("tools.web.search"))
        || config
            .fields("plugins.entries")
            .any(|(_, entry)| has_one(entry.get("config").and_then(|config| config.get("webSearch"))))
        || SEARCH_KEYS.iter().any(|name| env.secrets.get(*name).is_some_and(crate::snapshot::SecretFact::has_value))
}

fn is_there(config: &ConfigFacts, value: &Value) -> bool {
    match (config.secret_of(value), value) {
        (Some(secret), _) => secret.has_value() || !secret.in_file(),
        (None, Value::String(text)) => !text.trim().is_empty(),
        (None, value) => !value.is_null(),
    }
}

fn has_browser(config: &ConfigFacts) -> bool {
    let listed = |key: &str| config.list(key).iter().any(|id| id.trim().eq_ignore_ascii_case("browser"));
    let allowed = config.list("plugins.allow").is_empty() || listed("plugins.allow");
    !config.is_false("browser.enabled")
        && !config.is_false("plugins.enabled")
        && !config.is_false("plugins.entries.browser.enabled")
        && !listed("plugins.deny")
        && allowed
}

/// The variables by which the bundled providers of searches are paid.
const SEARCH_KEYS: &[&str] = &[
    "GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_CLOUD_API_KEY", "MINIMAX_API_KEY", "MINIMAX_CODING_API_KEY",
    "MINIMAX_OAUTH_TOKEN", "OLLAMA_API_KEY", "XAI_API_KEY",
];
