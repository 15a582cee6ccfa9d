#![allow(clippy::disallowed_methods, reason = "files of tests are their own")]

use super::*;

mod attacks;
mod bounds;
mod honest;

fn worst(text: &str, language: Language) -> Option<Severity> {
    scan("file", text.as_bytes(), language).first().map(|evidence| evidence.severity)
}

/// Snippets of a corpus file, between lines of `=== name`.
fn snippets(corpus: &str) -> Vec<(&str, &str)> {
    let parts = corpus.strip_prefix("=== ").expect("a name").split("\n=== ");
    parts.map(|part| part.split_once('\n').expect("a name and a text")).collect()
}

fn language(name: &str) -> Language {
    let end = name.split(' ').next().expect("an end");
    Language::of(&format!("x.{end}")).expect("known")
}
