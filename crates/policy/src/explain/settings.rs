//! Which keys stand in the documents, with their values. Only keys whose values are no secrets are looked up.

use serde_json::Value;
use stockade_config::Documents;
use stockade_core::text;

use super::{File, Setting};
use crate::tools::Layer;

/// The documents, for one agent.
pub(super) struct Lookup<'a> {
    pub(super) documents: &'a Documents,
    pub(super) agent: &'a str,
}

impl Lookup<'_> {
    /// Where this agent's own keys stand, in either form of the list of agents.
    fn own(&self) -> String {
        let list = self.get(File::OpenClaw, &["agents", "list"]).and_then(Value::as_array);
        let is_own = |agent: &Value| agent["id"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(self.agent));
        match list.and_then(|list| list.iter().position(is_own)) {
            Some(index) => format!("agents.list.{index}"),
            None => format!("agents.entries.{}", self.agent),
        }
    }

    /// A layer's origin as it stands in the file.
    pub(super) fn own_origin(&self, origin: &str) -> String {
        let entry = format!("agents.entries.{}", self.agent);
        origin.strip_prefix(&entry).map_or_else(|| origin.to_owned(), |rest| format!("{}{rest}", self.own()))
    }

    /// The agents that there are, by name.
    pub(super) fn agents(&self) -> Setting {
        let entries = self.find(File::OpenClaw, "agents.entries").and_then(Value::as_object);
        let names: Vec<&str> = entries.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        Setting {
            file: File::OpenClaw,
            key: "agents.entries".into(),
            value: entries.map(|_| shown(&Value::from(names))),
            default: Some("the agent \"main\""),
        }
    }

    /// `security`, `ask` and `mode` of every layer, those that are there; the defaults when none is.
    pub(super) fn exec(&self) -> Vec<Setting> {
        let mut found: Vec<Setting> = ["mode", "security", "ask", "strictInlineEval"]
            .into_iter()
            .flat_map(|field| self.all(field))
            .flat_map(|(file, key)| self.one(file, &key, None))
            .collect();
        for (field, default) in [("security", "full"), ("ask", "off")] {
            let is_set = |set: &Setting| set.key.ends_with(&format!(".{field}")) || set.key.ends_with(".mode");
            if !found.iter().any(is_set) {
                let key = format!("tools.exec.{field}");
                found.push(Setting { file: File::OpenClaw, key, value: None, default: Some(default) });
            }
        }
        found
    }

    /// The lists of programs.
    pub(super) fn allowlists(&self) -> Vec<Setting> {
        let mut found: Vec<Setting> = ["*", self.agent]
            .into_iter()
            .filter_map(|agent| {
                let key = format!("agents.{agent}.allowlist");
                let entries = self.get(File::Approvals, &["agents", agent, "allowlist"])?.as_array()?;
                let patterns: Vec<&Value> = entries.iter().filter_map(|entry| entry.get("pattern")).collect();
                let value = Some(shown(&Value::from_iter(patterns.into_iter().cloned())));
                Some(Setting { file: File::Approvals, key, value, default: None })
            })
            .collect();
        if found.is_empty() {
            let key = format!("agents.{}.allowlist", self.agent);
            found.push(Setting { file: File::Approvals, key, value: None, default: Some("no program") });
        }
        found.extend(self.tools("exec.safeBins", None));
        found
    }

    /// Keys of the sandbox, where they stand for this agent.
    pub(super) fn sandbox(&self, fields: &[&str]) -> Vec<Setting> {
        let default = |field: &str| if field == "mode" { "off" } else { "none" };
        fields
            .iter()
            .map(|field| {
                let key = self.sandbox_key(field);
                let value = self.find(File::OpenClaw, &key).map(shown);
                Setting { file: File::OpenClaw, key, value, default: Some(default(field)) }
            })
            .collect()
    }

    /// The key of the sandbox that holds for this agent.
    pub(super) fn sandbox_key(&self, field: &str) -> String {
        let own = format!("{}.sandbox.{field}", self.own());
        if self.find(File::OpenClaw, &own).is_some() { own } else { format!("agents.defaults.sandbox.{field}") }
    }

    /// A key of `tools`, global and the agent's; with a default it is said when neither is there.
    pub(super) fn tools(&self, field: &str, default: Option<&'static str>) -> Vec<Setting> {
        let keys = [format!("tools.{field}"), format!("{}.tools.{field}", self.own())];
        let mut found: Vec<Setting> = keys.iter().flat_map(|key| self.one(File::OpenClaw, key, None)).collect();
        if let (true, Some(default), [global, _]) = (found.is_empty(), default, keys) {
            found.push(Setting { file: File::OpenClaw, key: global, value: None, default: Some(default) });
        }
        found
    }

    /// `egress.allow` and `egress.deny`.
    pub(super) fn egress(&self) -> Vec<Setting> {
        let nothing = Some("nothing beyond the public internet");
        let allow = self.one(File::Own, "egress.allow", nothing);
        allow.into_iter().chain(self.one(File::Own, "egress.deny", None)).collect()
    }

    /// The lists of a tool layer.
    pub(super) fn layer(&self, layer: &Layer) -> Vec<Setting> {
        let fields = ["profile", "allow", "alsoAllow", "deny"];
        let origin = self.own_origin(&layer.origin);
        fields.iter().flat_map(|field| self.one(File::OpenClaw, &format!("{origin}.{field}"), None)).collect()
    }

    /// One key, if it is there or has a default.
    pub(super) fn one(&self, file: File, key: &str, default: Option<&'static str>) -> Option<Setting> {
        let value = self.find(file, key).map(shown);
        (value.is_some() || default.is_some()).then(|| Setting { file, key: key.to_owned(), value, default })
    }

    /// Where a field of the exec policy may stand, in every layer; those that are there.
    pub(super) fn all(&self, field: &str) -> impl Iterator<Item = (File, String)> {
        let places = [
            (File::OpenClaw, format!("tools.exec.{field}")),
            (File::OpenClaw, format!("{}.tools.exec.{field}", self.own())),
            (File::Approvals, format!("defaults.{field}")),
            (File::Approvals, format!("agents.*.{field}")),
            (File::Approvals, format!("agents.{}.{field}", self.agent)),
        ];
        places.into_iter().filter(|(file, key)| self.find(*file, key).is_some())
    }

    /// The keys that hold a value of `security` or `ask`, themselves or as `mode`.
    pub(super) fn holding(&self, field: &str, word: &str) -> Vec<(File, String, bool)> {
        let modes: &[&str] = match (field, word) {
            ("security", "deny") => &["deny"],
            ("ask", "off") => &["allowlist"],
            _ => &[],
        };
        let is = |(file, key): &(File, String), words: &[&str]| {
            self.find(*file, key).and_then(Value::as_str).is_some_and(|value| words.contains(&value))
        };
        let own = self.all(field).filter(|place| is(place, &[word])).map(|(file, key)| (file, key, false));
        own.chain(self.all("mode").filter(|place| is(place, modes)).map(|(file, key)| (file, key, true))).collect()
    }

    /// An entry of a list as the operator spelled it.
    pub(super) fn spelled(&self, key: &str, entry: &str) -> String {
        let list = self.find(File::OpenClaw, key).and_then(Value::as_array).into_iter().flatten();
        let mut spelled = list.filter_map(Value::as_str).filter(|own| own.trim().eq_ignore_ascii_case(entry));
        spelled.next().unwrap_or(entry).to_owned()
    }

    /// A dotted key. Names with dots in them are tried whole, longest first.
    fn find(&self, file: File, key: &str) -> Option<&Value> {
        let parts: Vec<&str> = key.split('.').collect();
        walk(self.document(file), &parts)
    }

    fn get(&self, file: File, parts: &[&str]) -> Option<&Value> {
        parts.iter().try_fold(self.document(file), |value, part| value.get(*part))
    }

    const fn document(&self, file: File) -> &Value {
        match file {
            File::OpenClaw => &self.documents.openclaw,
            File::Own => &self.documents.own,
            File::Approvals => &self.documents.approvals,
        }
    }
}

fn walk<'a>(value: &'a Value, parts: &[&str]) -> Option<&'a Value> {
    if parts.is_empty() {
        return Some(value);
    }
    (1..=parts.len()).find_map(|count| {
        let (name, rest) = parts.split_at_checked(count)?;
        let name = name.join(".");
        let value = match value {
            Value::Array(items) => items.get(name.parse::<usize>().ok()?)?,
            value => value.get(name)?,
        };
        walk(value, rest)
    })
}

fn shown(value: &Value) -> String {
    text::clip(&text::visible(&value.to_string()), MAX_SHOWN)
}

const MAX_SHOWN: usize = 200;
