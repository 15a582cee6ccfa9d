//! What the code of plugins and the texts of skills do, from their bytes alone. It reads nothing, runs nothing, and
//! keeps no text that could be a secret: rules, lines and names.
//!
//! The attack: a plugin or a skill that sends credentials away, runs what it downloads, or talks the agent out of its
//! guards (CLAWHAVOC), written so that a search for words does not see it. JavaScript is followed value by value; what
//! cannot be followed is said to be so. Its answer is evidence, not proof: a program can hide what no reader finds.

mod calls;
mod flow;
pub mod package;
mod platform;
mod prose;
mod script;
mod shell;
mod signs;
#[cfg(test)]
mod tests;
mod texts;
mod tokens;
mod value;

use std::ops::ControlFlow;
use std::sync::LazyLock;

use crate::finding::Severity;
use crate::secrets::Scanner;
use crate::snapshot::code::Evidence;

/// Whether and how a file is read, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// JavaScript or TypeScript.
    JavaScript,
    /// A shell script.
    Shell,
    /// Python.
    Python,
    /// Text that an agent reads.
    Prose,
    /// A compiled program that Node loads.
    Native,
}

impl Language {
    /// By the end of its name; nothing for what is not code.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        let end = lower.rsplit_once('.').map_or("", |(_, end)| end);
        match end {
            "js" | "ts" | "mjs" | "cjs" | "mts" | "cts" | "jsx" | "tsx" => Some(Self::JavaScript),
            "sh" | "bash" | "zsh" | "ps1" => Some(Self::Shell),
            "py" => Some(Self::Python),
            "md" => Some(Self::Prose),
            "node" => Some(Self::Native),
            _ => None,
        }
    }
}

/// What a file does, the worst first. Time and memory grow with its size and no faster.
#[must_use]
pub fn scan(file: &str, bytes: &[u8], language: Language) -> Vec<Evidence> {
    let text = || stockade_core::text::lossy(bytes);
    let mut evidence = match language {
        Language::JavaScript => javascript(file, &text()),
        Language::Shell => script::evidence(file, &text(), script::Script::Shell),
        Language::Python => script::evidence(file, &text(), script::Script::Python),
        Language::Prose => prose::evidence(file, &text()),
        Language::Native => vec![signs::native(file)],
    };
    if matches!(language, Language::Shell | Language::Python | Language::Prose) {
        evidence.extend(secrets(file, &text()));
    }
    evidence.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.line.cmp(&b.line)).then(a.rule.cmp(&b.rule)));
    evidence
}

/// Secrets that stand in a skill: whoever reads the skill has them, the model and its provider among them.
fn secrets(file: &str, text: &str) -> Vec<Evidence> {
    let mut found: Vec<Evidence> = Vec::new();
    SECRETS.scan_text(text, |hit| {
        found.push(Evidence {
            rule: "literal-secret".to_owned(),
            severity: Severity::Critical,
            file: file.to_owned(),
            line: hit.line,
            what: format!("holds a secret: {}", hit.what),
            flow: Vec::new(),
        });
        if found.len() < MAX_SECRETS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    found
}

static SECRETS: LazyLock<Scanner> = LazyLock::new(|| Scanner::new(&[]));
const MAX_SECRETS: usize = 20;

/// On a stack of its own, so that brackets inside each other never reach the end of the caller's.
fn javascript(file: &str, text: &str) -> Vec<Evidence> {
    std::thread::scope(|scope| {
        let stack = std::thread::Builder::new().stack_size(STACK);
        let followed = stack.spawn_scoped(scope, || {
            let tokens = tokens::Tokens::of(text);
            let mut evidence = signs::evidence(file, &tokens);
            evidence.extend(flow::Flow::evidence(file, &tokens));
            evidence
        });
        followed.ok().and_then(|thread| thread.join().ok()).unwrap_or_else(|| vec![signs::unfollowed(file)])
    })
}

/// Many times what the deepest nesting that is followed takes.
const STACK: usize = 64 * 1024 * 1024;
