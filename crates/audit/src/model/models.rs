//! Which models run: every reference with its place, aliases followed and providers filled in.

use std::collections::BTreeMap;

use serde_json::Value;
use stockade_config::KeyPath;

use super::agents::{Scope, Setting};
use crate::snapshot::ConfigFacts;

/// A model that something runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelRef {
    /// `provider/model`, aliases followed.
    pub id: String,
    /// Where it stands.
    pub key: KeyPath,
}

impl ModelRef {
    /// The part before the first slash.
    #[must_use]
    pub fn provider(&self) -> &str {
        self.id.split_once('/').map_or(DEFAULT_PROVIDER, |(provider, _)| provider)
    }

    /// The part after it.
    #[must_use]
    pub fn model(&self) -> &str {
        self.id.split_once('/').map_or(self.id.as_str(), |(_, model)| model)
    }
}

/// The models of an agent: its own, else the common ones. Fallbacks that it does not write are the common ones.
pub(super) fn of_agent(scope: Scope<'_, '_>) -> Vec<ModelRef> {
    let aliases = aliases(scope.config);
    let common = scope.common("model");
    let Some(own) = scope.own("model") else {
        return common.map(|setting| read(&setting, &aliases)).unwrap_or_default();
    };
    let mut models = read(&own, &aliases);
    if own.value.get("fallbacks").is_none() {
        models.extend(common.iter().flat_map(|setting| fallbacks(setting, &aliases)));
    }
    models
}

/// The models that stand at one key, whether it is a text or an object with `primary` and `fallbacks`.
#[must_use]
pub fn written_at(config: &ConfigFacts, key: &KeyPath) -> Vec<ModelRef> {
    let aliases = aliases(config);
    config.at(key).map(|value| read(&Setting { value, key: key.clone() }, &aliases)).unwrap_or_default()
}

fn read(setting: &Setting<'_>, aliases: &BTreeMap<String, String>) -> Vec<ModelRef> {
    let primary = match setting.value {
        Value::String(text) => refer(text, &setting.key, aliases),
        value => value
            .get("primary")
            .and_then(Value::as_str)
            .and_then(|text| refer(text, &setting.key.child("primary"), aliases)),
    };
    primary.into_iter().chain(fallbacks(setting, aliases)).collect()
}

fn fallbacks(setting: &Setting<'_>, aliases: &BTreeMap<String, String>) -> Vec<ModelRef> {
    let key = setting.key.child("fallbacks");
    let items = setting.value.get("fallbacks").and_then(Value::as_array).into_iter().flatten().enumerate();
    items.filter_map(|(index, item)| refer(item.as_str()?, &key.child(index.to_string()), aliases)).collect()
}

fn refer(text: &str, key: &KeyPath, aliases: &BTreeMap<String, String>) -> Option<ModelRef> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let text = aliases.get(&text.to_lowercase()).map_or(text, String::as_str);
    let id = if text.contains('/') { text.to_owned() } else { format!("{DEFAULT_PROVIDER}/{text}") };
    Some(ModelRef { id, key: key.clone() })
}

/// `agents.defaults.models.<id>.alias`, folded, to the id.
fn aliases(config: &ConfigFacts) -> BTreeMap<String, String> {
    let named = config.fields("agents.defaults.models").filter_map(|(id, value)| {
        let alias = value.get("alias")?.as_str()?.trim().to_lowercase();
        (!alias.is_empty()).then(|| (alias, id.trim().to_owned()))
    });
    named.collect()
}

/// The provider of a model without one.
const DEFAULT_PROVIDER: &str = "openai";
