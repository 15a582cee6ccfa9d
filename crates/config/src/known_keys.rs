//! Which keys OpenClaw knows. A key that nobody knows is refused in the sections where a typo would
//! turn a control off (`tools.denny`, `gateway.auth.tokens`), with the key that was probably meant.

use std::sync::LazyLock;

use serde_json::Value;
use stockade_core::Secret;

use crate::error::ConfigError;
use crate::include::{Tree, dotted};
use crate::key_path::KeyPath;
use crate::note::{Note, NoteKind};

/// A table of key paths: its lines in order, each with the line after the last one below it. One flat list, because
/// most commands look at a few of its thousands of keys.
pub(crate) struct Table(Vec<Line>);

struct Line {
    key: &'static str,
    open: bool,
    secret: bool,
    retired: bool,
    /// The next line that is not below this one.
    end: usize,
}

/// One key of a table.
#[derive(Clone, Copy)]
pub(crate) struct KnownKey {
    table: &'static Table,
    at: usize,
}

/// How one table is applied.
pub(crate) struct Rules {
    table: &'static LazyLock<Table>,
    /// Top-level sections in which an unknown key is an error; `None` is every section.
    strict: Option<&'static [&'static str]>,
}

/// The keys of `openclaw.json`.
pub(crate) const OPENCLAW: Rules = Rules { table: &OPENCLAW_TABLE, strict: Some(SECURITY_SECTIONS) };
/// The keys of `stockade.json`.
pub(crate) const OWN: Rules = Rules { table: &OWN_TABLE, strict: None };

static OPENCLAW_TABLE: LazyLock<Table> = LazyLock::new(|| Table::outline(include_str!("../known_keys.txt")));
static OWN_TABLE: LazyLock<Table> = LazyLock::new(|| Table::outline(crate::own::KEYS));

impl Table {
    /// Reads a table: one key per line, indented by its depth, followed by its marks.
    fn outline(text: &'static str) -> Self {
        let mut lines = vec![Line { key: "", open: false, secret: false, retired: false, end: 0 }];
        // The lines above the present one, the root first.
        let mut above = vec![0];
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let key = line.trim_start_matches(' ');
            let depth = line.len().saturating_sub(key.len()).saturating_add(1);
            let mut words = key.split(' ');
            let Some(key) = words.next() else { continue };
            let at = lines.len();
            for ended in above.drain(depth.min(above.len())..) {
                if let Some(ended) = lines.get_mut(ended) {
                    ended.end = at;
                }
            }
            let (mut open, mut secret, mut retired) = (false, false, false);
            for mark in words {
                match mark {
                    "open" => open = true,
                    "secret" => secret = true,
                    _ => retired = true,
                }
            }
            above.push(at);
            lines.push(Line { key, open, secret, retired, end: at });
        }
        let end = lines.len();
        for ended in above {
            if let Some(ended) = lines.get_mut(ended) {
                ended.end = end;
            }
        }
        Self(lines)
    }

    fn root(&'static self) -> KnownKey {
        KnownKey { table: self, at: 0 }
    }
}

impl KnownKey {
    fn line(self) -> Option<&'static Line> {
        self.table.0.get(self.at)
    }

    fn is_open(self) -> bool {
        self.line().is_some_and(|line| line.open)
    }

    fn is_secret(self) -> bool {
        self.line().is_some_and(|line| line.secret)
    }

    fn is_retired(self) -> bool {
        self.line().is_some_and(|line| line.retired)
    }

    /// The keys below it, by their names.
    fn children(self) -> impl Iterator<Item = (&'static str, Self)> {
        let end = self.line().map_or(0, |line| line.end);
        let mut at = self.at.saturating_add(1);
        std::iter::from_fn(move || {
            let line = self.table.0.get(at).filter(|_| at < end)?;
            let child = Self { table: self.table, at };
            at = line.end;
            Some((line.key, child))
        })
    }

    fn named(self, name: &str) -> Option<Self> {
        self.children().find(|(key, _)| *key == name).map(|(_, child)| child)
    }

    fn child(self, key: &str) -> Option<Self> {
        self.named(key).filter(|_| key != "[]").or_else(|| self.named("*"))
    }

    /// The key that was probably meant: a neighbour with a similar name, or the same name elsewhere
    /// in the section.
    fn nearest(self, parents: &[String], key: &str, section: Option<Self>) -> Option<String> {
        let named = |name: &str| parents.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join(".");
        let similar = self.children().map(|(name, _)| name).filter(|name| !matches!(*name, "*" | "[]"));
        let similar = similar.map(|name| (distance(&key.to_lowercase(), &name.to_lowercase()), name));
        let close = similar.filter(|(far, name)| *far <= (name.len() / 3).clamp(1, 3)).min();
        if let Some((_, name)) = close {
            return Some(named(name));
        }
        let elsewhere = section?.find(key, &mut Vec::new())?;
        Some(parents.iter().take(1).map(String::as_str).chain(elsewhere).collect::<Vec<_>>().join("."))
    }

    /// The shallowest path to a key of this name, not through maps.
    fn find(self, key: &str, path: &mut Vec<&'static str>) -> Option<Vec<&'static str>> {
        let mut found: Option<Vec<&'static str>> = None;
        for (name, child) in self.children().filter(|(name, _)| !matches!(*name, "*" | "[]")) {
            path.push(name);
            let deeper = if name == key { Some(path.clone()) } else { child.find(key, path) };
            path.pop();
            let better = |new: &Vec<_>| found.as_ref().is_none_or(|old| (new.len(), new) < (old.len(), old));
            if let Some(new) = deeper.filter(better) {
                found = Some(new);
            }
        }
        found
    }
}

/// A key that is not as the table has it.
pub(crate) struct Irregular {
    pub(crate) kind: NoteKind,
    pub(crate) key: Vec<String>,
    /// The known key that it resembles most.
    pub(crate) nearest: Option<String>,
    /// Whether the config is refused for it.
    pub(crate) refused: bool,
}

impl Irregular {
    /// The fact and the way out.
    pub(crate) fn what(&self) -> String {
        let key = dotted(&self.key);
        match (self.kind, &self.nearest) {
            (NoteKind::RetiredKey, _) => format!("`{key}` is retired by OpenClaw"),
            (_, Some(near)) => format!("unknown key `{key}`; did you mean `{near}`?"),
            (_, None) => format!("unknown key `{key}`"),
        }
    }
}

/// Checks every key of a tree.
///
/// # Errors
/// [`ConfigError::UnknownKey`] for the first unknown key where that is not harmless.
pub(crate) fn check(tree: &Tree, rules: &Rules) -> Result<Vec<Note>, ConfigError> {
    let note = |found: Irregular| {
        let place = tree.place(&found.key);
        if found.refused {
            return Err(ConfigError::UnknownKey { place, key: dotted(&found.key), nearest: found.nearest });
        }
        Ok(Note { kind: found.kind, place, what: found.what() })
    };
    irregular(&tree.value, rules, |found| found.last().is_some_and(|last| last.refused)).into_iter().map(note).collect()
}

/// The keys of a config that are not as the table has it, in the order of the text, until `enough`
/// have been found.
pub(crate) fn irregular(value: &Value, rules: &Rules, enough: fn(&[Irregular]) -> bool) -> Vec<Irregular> {
    let mut check = Check { rules, enough, path: Vec::new(), found: Vec::new() };
    check.value(value, rules.table.root());
    check.found
}

struct Check<'t> {
    rules: &'t Rules,
    enough: fn(&[Irregular]) -> bool,
    path: Vec<String>,
    found: Vec<Irregular>,
}

impl Check<'_> {
    fn value(&mut self, value: &Value, node: KnownKey) {
        match value {
            Value::Object(_) if node.is_secret() => {}
            Value::Object(fields) => {
                for (key, field) in fields {
                    self.path.push(key.clone());
                    match node.child(key) {
                        Some(known) => {
                            if known.is_retired() {
                                self.add(NoteKind::RetiredKey, None, false);
                            }
                            self.value(field, known);
                        }
                        None => self.unknown(key, node),
                    }
                    self.path.pop();
                }
            }
            Value::Array(items) => {
                let Some(known) = node.named("[]") else { return };
                for (at, item) in items.iter().enumerate() {
                    self.path.push(at.to_string());
                    self.value(item, known);
                    self.path.pop();
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn unknown(&mut self, key: &str, node: KnownKey) {
        if (self.enough)(&self.found) {
            return;
        }
        let parents = self.path.split_last().map_or(&[][..], |(_, parents)| parents);
        let section = self.path.first().and_then(|section| self.rules.table.root().named(section));
        // In an open map any name may be right; only a near miss of a neighbour is worth a word.
        let nearest = node.nearest(parents, key, section.filter(|_| !node.is_open()));
        if node.is_open() && nearest.is_none() {
            return;
        }
        let refused = !node.is_open() && self.is_strict(nearest.as_deref());
        self.add(NoteKind::UnknownKey, nearest, refused);
    }

    /// A misspelt section (`gatway`) is as bad as a misspelt key in it.
    fn is_strict(&self, nearest: Option<&str>) -> bool {
        let Some(strict) = self.rules.strict else { return true };
        let section = if self.path.len() == 1 { nearest } else { self.path.first().map(String::as_str) };
        section.is_some_and(|section| strict.contains(&section))
    }

    fn add(&mut self, kind: NoteKind, nearest: Option<String>, refused: bool) {
        if (self.enough)(&self.found) {
            return;
        }
        self.found.push(Irregular { kind, key: self.path.clone(), nearest, refused });
    }
}

/// Every text in a tree that stands where OpenClaw's schema takes a secret, or under a key that
/// sounds like one (plugin configs have no schema here, and `env.vars` holds keys).
pub(crate) fn secrets(value: &Value) -> Vec<Secret> {
    let texts = secret_keys(value).into_iter().filter_map(|key| {
        let found = key.parts().iter().try_fold(value, |value, part| match value {
            Value::Array(items) => items.get(part.parse::<usize>().ok()?),
            value => value.get(part),
        });
        found?.as_str().map(Secret::new)
    });
    texts.collect()
}

/// The keys of such texts, and of the references that stand in their place.
#[must_use]
pub fn secret_keys(value: &Value) -> Vec<KeyPath> {
    let mut found = Vec::new();
    collect(value, &KeyPath::default(), Some(OPENCLAW_TABLE.root()), false, &mut found);
    found
}

fn collect(value: &Value, at: &KeyPath, node: Option<KnownKey>, named: bool, found: &mut Vec<KeyPath>) {
    let takes_secret = node.is_some_and(KnownKey::is_secret);
    match value {
        Value::String(_) if named || takes_secret => found.push(at.clone()),
        Value::Object(fields) if (takes_secret || named) && fields.contains_key("source") => found.push(at.clone()),
        Value::Object(fields) => {
            for (key, field) in fields {
                collect(field, &at.child(key), node.and_then(|node| node.child(key)), sounds_secret(key), found);
            }
        }
        Value::Array(items) => {
            let node = node.and_then(|node| node.named("[]"));
            for (index, item) in items.iter().enumerate() {
                collect(item, &at.child(index.to_string()), node, named, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn sounds_secret(key: &str) -> bool {
    let folded: String = key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    ["token", "password", "passphrase", "secret", "apikey", "privatekey", "authorization"]
        .iter()
        .any(|word| folded.ends_with(word))
}

/// Levenshtein distance in characters; keys are short, and longer ones are cut.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().take(MAX_COMPARED).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, from) in left.chars().take(MAX_COMPARED).enumerate() {
        let mut before = at;
        let mut last = at + 1;
        let mut next = vec![last];
        for (to, above) in right.iter().zip(row.iter().skip(1)) {
            last = (before + usize::from(from != *to)).min(last + 1).min(above + 1);
            before = *above;
            next.push(last);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

const MAX_COMPARED: usize = 64;

/// The sections in which a key decides who may do what.
const SECURITY_SECTIONS: &[&str] = &[
    "accessGroups", "acp", "agents", "approvals", "auth", "bindings", "browser", "channels", "cloudWorkers",
    "commands", "cron", "discovery", "env", "gateway", "hooks", "mcp", "models", "nodeHost", "plugins", "proxy",
    "secrets", "security", "session", "skills", "tools",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("openclaw.json");
        crate::files::write_new(&path, text).expect("written");
        let tree = Tree::read(&path, &[], crate::include::Reading::Strict).expect("parses");
        let name = |text: String| text.replace(&format!("{}/", folder.path().display()), "");
        let notes = check(&tree, &OPENCLAW).map_err(|error| name(error.to_string()))?;
        Ok(notes.into_iter().map(|note| name(note.to_string())).collect())
    }

    #[test]
    fn the_whole_table_is_read() {
        fn count(node: KnownKey) -> usize {
            node.children().map(|(_, child)| 1 + count(child)).sum()
        }
        let lines = include_str!("../known_keys.txt").lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(count(OPENCLAW_TABLE.root()), lines);
        assert!(lines > 5000);
    }

    #[test]
    fn a_typo_in_a_security_section_is_an_error_with_a_hint() {
        for (text, expected) in [
            ("{tools: {\n denny: ['exec']}}", "openclaw.json:2: unknown key `tools.denny`; did you mean `tools.deny`?"),
            (
                "{gateway: {token: 'x'}}",
                "openclaw.json:1: unknown key `gateway.token`; did you mean `gateway.auth.token`?",
            ),
            (
                "{gateway: {password: 'x'}}",
                "openclaw.json:1: unknown key `gateway.password`; did you mean `gateway.auth.password`?",
            ),
            ("{gatway: {bind: 'lan'}}", "openclaw.json:1: unknown key `gatway`; did you mean `gateway`?"),
            ("{'tools ': {}}", "openclaw.json:1: unknown key `tools `; did you mean `tools`?"),
            ("{Tools: {}}", "openclaw.json:1: unknown key `Tools`; did you mean `tools`?"),
            (
                "{agents: {entries: {a: {sandbox: {Mode: 'all'}}}}}",
                "openclaw.json:1: unknown key `agents.entries.a.sandbox.Mode`; did you mean `agents.entries.a.sandbox.mode`?",
            ),
            (
                "{agents: {list: [{id: 'a', sandbox: {mod: 'all'}}]}}",
                "openclaw.json:1: unknown key `agents.list.0.sandbox.mod`; did you mean `agents.list.0.sandbox.mode`?",
            ),
            (
                "{models: {providers: {x: {apikey: 'k'}}}}",
                "openclaw.json:1: unknown key `models.providers.x.apikey`; did you mean `models.providers.x.apiKey`?",
            ),
            ("{tools: {exec: {'[]': 1}}}", "openclaw.json:1: unknown key `tools.exec.[]`"),
        ] {
            let found = match run(text) {
                Err(error) => error,
                Ok(notes) => notes.join("; "),
            };
            assert!(found.starts_with(expected), "{text}: {found}");
        }
    }

    #[test]
    fn harmless_sections_and_retired_keys_are_noted() {
        let notes = run(
            "{$schema: 'x', ui: {seamColour: '#f00'}, logging: {redactSensitive: 'off'}, zzzzzzzz: 1,\n agents: {list: []}}",
        );
        let notes = notes.expect("is accepted");
        assert_eq!(notes.len(), 4, "{notes:?}");
        assert!(notes[0].contains("did you mean `ui.seamColor`"), "{notes:?}");
        assert!(notes[1].contains("`logging.redactSensitive` is retired"), "{notes:?}");
        assert!(notes[3].starts_with("openclaw.json:2: `agents.list` is retired"), "{notes:?}");
    }

    #[test]
    fn free_form_subtrees_are_left_alone() {
        let text = "{plugins: {entries: {mine: {config: {any: {thing: 1}}}}}, channels: {myplugin: {botToken: 'x'}},
            models: {providers: {x: {params: {temperature: 0}, headers: {'X-Any': 'v'}}}}, env: {vars: {ANY: 'x'}}}";
        assert_eq!(run(text), Ok(Vec::new()));
    }

    #[test]
    fn secrets_are_found_by_schema_and_by_name() {
        let value = serde_json::json!({
            "gateway": {"auth": {"token": "t1"}, "bind": "lan"},
            "models": {"providers": {"p": {"apiKey": "k1", "baseUrl": "http://h", "headers": {"X-A": "h1"}}}},
            "plugins": {"entries": {"x": {"config": {"client_secret": "p1", "name": "n"}}}},
            "env": {"vars": {"FOO_API_KEY": "e1", "LANG": "C"}},
        });
        let found = secrets(&value);
        let mut found: Vec<_> = found.iter().map(Secret::expose).collect();
        found.sort_unstable();
        assert_eq!(found, ["e1", "h1", "k1", "p1", "t1"]);
    }

    #[test]
    fn distance_is_levenshtein() {
        assert_eq!((distance("kitten", "sitting"), distance("", "abc"), distance("deny", "deny")), (3, 3, 0));
    }

    #[test]
    fn every_key_of_the_own_table_is_read() {
        let mut path: Vec<&str> = Vec::new();
        let lines: Vec<&str> = crate::own::KEYS.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let depth = line.len() - line.trim_start().len();
            path.truncate(depth);
            path.push(line.trim());
            let is_parent = lines.get(at + 1).is_some_and(|next| next.len() - next.trim_start().len() > depth);
            if is_parent {
                continue;
            }
            // No key takes an object with this field; what else an item needs is there.
            let wrong = path.iter().rev().fold(serde_json::json!({ "": 1 }), |value, key| match *key {
                "[]" => {
                    let mut item = serde_json::json!({ "checkId": "x", "reason": "y" });
                    item.as_object_mut().expect("one").extend(value.as_object().expect("one").clone());
                    serde_json::json!([item])
                }
                key => serde_json::json!({ key: value }),
            });
            let read: Result<crate::own::OwnConfig, _> = serde_json::from_value(wrong);
            assert!(read.is_err(), "{path:?} is in the table, and nothing reads it");
        }
    }
}
