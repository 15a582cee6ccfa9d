//! What was approved before, by what lets more through than it seems to.

use serde_json::Value;
use stockade_config::KeyPath;

use crate::checks::Check;
use crate::finding::{Finding, Fix, Place, Severity};
use crate::model::Model;
use crate::snapshot::Approvals;

pub(super) const CHECK: Check = Check { ids: &[SKILLS, INTERPRETERS], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let Some(approvals) = &model.snapshot.approvals else { return };
    findings.extend(skills(approvals));
    findings.extend(interpreters(model, approvals));
}

fn skills(approvals: &Approvals) -> Option<Finding> {
    let is_on = |layer: &Value| layer.get("autoAllowSkills") == Some(&Value::Bool(true));
    let defaults = approvals.document.get("defaults").filter(|layer| is_on(layer)).map(|_| "defaults".to_owned());
    let agents = agents(approvals).filter(|(_, layer)| is_on(layer)).map(|(id, _)| format!("agents.{id}"));
    let places: Vec<String> = defaults.into_iter().chain(agents).collect();
    if places.is_empty() {
        return None;
    }
    let finding = Finding::new(SKILLS, Severity::Warn, "Programs of skills run without approval")
        .detail(format!(
            "autoAllowSkills is on in {} of the exec approvals: whoever gets a skill installed gets its \
            programs run.",
            places.join(", ")
        ))
        .remedy(
            "Set autoAllowSkills to false in the exec approvals (`openclaw approvals get`, edit, `openclaw \
            approvals set`).",
        )
        .at(Place::File(approvals.path.clone()));
    Some(finding)
}

fn interpreters(model: &Model<'_>, approvals: &Approvals) -> Option<Finding> {
    let mut lines = Vec::new();
    let mut keys: Vec<KeyPath> = Vec::new();
    for (id, layer) in agents(approvals) {
        let Some(key) = lax(model, id) else { continue };
        let entries = layer.get("allowlist").and_then(Value::as_array).into_iter().flatten();
        // February also wrote a pattern by itself.
        let patterns = entries.filter_map(|entry| entry.get("pattern").unwrap_or(entry).as_str());
        let found: Vec<String> =
            patterns.filter(|pattern| is_interpreter(pattern)).map(|pattern| format!("- {id}: {pattern}")).collect();
        if !found.is_empty() && !keys.contains(&key) {
            keys.push(key);
        }
        lines.extend(found);
    }
    if lines.is_empty() {
        return None;
    }
    let fix = Fix::safe("Ask before an interpreter runs a program from its command line");
    let fix = keys.iter().fold(fix, |fix, key| fix.set_at(key.clone(), true));
    let title = "An interpreter is on the allowlist, and takes its program from the command line";
    let finding = Finding::new(INTERPRETERS, Severity::Warn, title)
        .detail(format!(
            "{}\n`-c`, `-e` and the like make such an entry an entry for any program at all.",
            lines.join("\n")
        ))
        .remedy(
            "Set tools.exec.strictInlineEval to true, so that inline programs are asked; better, list scripts \
            instead of interpreters.",
        )
        .fix(fix)
        .keys(keys)
        .at(Place::File(approvals.path.clone()));
    Some(finding)
}

/// The key that leaves inline programs unasked for an agent; `None` when they are asked.
fn lax(model: &Model<'_>, id: &str) -> Option<KeyPath> {
    let agent = if id == "*" { None } else { model.agents.find(id) };
    let setting = agent.unwrap_or(&model.agents.defaults).tool_setting("exec.strictInlineEval");
    match setting {
        Some(setting) => (*setting.value != Value::Bool(true)).then_some(setting.key),
        None => Some(KeyPath::dotted(STRICT)),
    }
}

fn agents(approvals: &Approvals) -> impl Iterator<Item = (&String, &Value)> {
    approvals.document.get("agents").and_then(Value::as_object).into_iter().flatten()
}

fn is_interpreter(pattern: &str) -> bool {
    let pattern = pattern.trim().to_lowercase().replace('\\', "/");
    let name = pattern.rsplit('/').next().unwrap_or_default();
    let name = name.strip_suffix(".exe").unwrap_or(name);
    let name = name.replace(['*', '?', '[', ']', '{', '}', '(', ')'], "");
    let name = name.trim_end_matches(['.', '-']);
    let versionless = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').trim_end_matches('-');
    INLINE.contains(&name) || INLINE.contains(&versionless)
}

const SKILLS: &str = "tools.exec.auto_allow_skills_enabled";
const INTERPRETERS: &str = "tools.exec.allowlist_interpreter_without_strict_inline_eval";
const STRICT: &str = "tools.exec.strictInlineEval";

/// Programs that take a program from their command line.
const INLINE: &[&str] = &[
    "python", "python2", "python3", "pypy", "pypy3", "node", "nodejs", "bun", "deno", "awk", "gawk", "mawk", "nawk",
    "ruby", "perl", "php", "r", "rscript", "julia", "elixir", "iex", "guile", "groovy", "scala", "scala-cli",
    "clojure", "clj", "raku", "perl6", "ghc", "ghci", "erl", "werl", "gdb", "expect", "lua", "osascript", "find",
    "make", "gmake", "sed", "gsed", "xargs",
];

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{said, snapshot};

    fn of(document: Value, config: Value) -> Vec<String> {
        let mut snapshot = snapshot(config);
        snapshot.approvals = Some(Approvals { document, ..Approvals::default() });
        let mut said = said(&snapshot, "tools.exec.");
        said.retain(|line| line.ends_with(SKILLS) || line.ends_with(INTERPRETERS));
        said
    }

    #[test]
    fn skills_that_approve_themselves_are_one_finding() {
        let document = json!({"defaults": {"autoAllowSkills": true}, "agents": {"a": {"autoAllowSkills": true}}});
        assert_eq!(of(document, json!({})), ["warn tools.exec.auto_allow_skills_enabled"]);
        assert!(of(json!({"defaults": {"autoAllowSkills": "true"}, "agents": []}), json!({})).is_empty());
    }

    #[test]
    fn interpreters_are_known_by_any_spelling() {
        for pattern in [
            "/usr/bin/python3", "**/node", "find", "/usr/bin/make", "C:\\x\\Python3.11.exe", "/usr/bin/python*",
            " PERL ", "lua5.4",
        ] {
            assert!(is_interpreter(pattern), "{pattern}");
        }
        for pattern in ["/usr/bin/rg", "/usr/bin/git", "bash", "pythonic", "", "3.11"] {
            assert!(!is_interpreter(pattern), "{pattern}");
        }
    }

    #[test]
    fn strictness_is_the_agents_own_or_everybodys() {
        let document = |id: &str| json!({"agents": {id: {"allowlist": [{"pattern": "/usr/bin/perl"}]}}});
        let own = json!({"agents": {"entries": {"a": {"tools": {"exec": {"strictInlineEval": true}}}}}});
        assert!(of(document("a"), own.clone()).is_empty());
        assert_eq!(of(document("*"), own), ["warn tools.exec.allowlist_interpreter_without_strict_inline_eval"]);
        assert!(of(document("*"), json!({"tools": {"exec": {"strictInlineEval": true}}})).is_empty());
    }
}
