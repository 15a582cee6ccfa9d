//! A plugin's `package.json`: where its code begins, and what it has run when it is installed.

use std::path::{Component, Path};

use serde_json::Value;

use super::shell;
use crate::finding::Severity;
use crate::snapshot::code::Evidence;

/// What a package says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Package {
    /// Entries of `openclaw.extensions` that stay in the folder.
    pub entries: Vec<String>,
    /// Those that leave it.
    pub escapes: Vec<String>,
    /// Those in a hidden folder or in `node_modules`.
    pub hidden: Vec<String>,
    /// Programs that run when it is installed.
    pub scripts: Vec<Evidence>,
}

/// Reads a package.
///
/// # Errors
/// When it is not JSON, in words that quote nothing.
pub fn read(text: &str) -> Result<Package, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("it is not JSON (line {})", error.line()))?;
    let mut package = Package::default();
    let entries = value.pointer("/openclaw/extensions").and_then(Value::as_array).into_iter().flatten();
    for entry in entries.filter_map(Value::as_str).take(MAX_ENTRIES) {
        let shown = stockade_core::text::clip(&stockade_core::text::single_line(entry), 200);
        if leaves(entry) {
            package.escapes.push(shown);
            continue;
        }
        let parts = Path::new(entry).components();
        let hidden = |part: Component<'_>| matches!(part, Component::Normal(name) if name == "node_modules" || name.as_encoded_bytes().starts_with(b"."));
        if parts.into_iter().any(hidden) {
            package.hidden.push(shown);
        }
        package.entries.push(entry.to_owned());
    }
    for name in ["preinstall", "install", "postinstall", "prepare"] {
        let Some(script) = value.pointer(&format!("/scripts/{name}")).and_then(Value::as_str) else { continue };
        if name == "prepare" && shell::judge(script).is_empty() {
            continue;
        }
        package.scripts.push(script_evidence(text, name, script));
    }
    Ok(package)
}

fn script_evidence(text: &str, name: &str, script: &str) -> Evidence {
    let quoted = format!("\"{name}\"");
    let line = (1_u32..).zip(text.lines()).find(|(_, line)| line.contains(&quoted)).map_or(1, |(number, _)| number);
    let worst = shell::judge(script).into_iter().max_by_key(|hit| hit.severity);
    let (severity, rule) = worst.map_or((Severity::Warn, "install-script"), |hit| (hit.severity, hit.rule));
    let why = worst.map(|hit| format!(": {}", hit.what)).unwrap_or_default();
    let what = format!("{name} runs a program when the package is installed{why}");
    Evidence { rule: rule.to_owned(), severity, file: "package.json".to_owned(), line, what, flow: Vec::new() }
}

/// Whether a path leads out of the folder that it is relative to.
fn leaves(path: &str) -> bool {
    let mut depth = 0_i32;
    for part in Path::new(&path.replace('\\', "/")).components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::ParentDir => depth -= 1,
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return true,
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

const MAX_ENTRIES: usize = 64;
