//! Rules about what files hold.

use super::Source;

/// Lines that a Rust file may have, unless its first line says `// table:`.
const MAX_LINES: usize = 600;

/// Words that have no place in the repository, in two halves so that this file does not hold them: hosts of package
/// registries (an installer knows its own), and paths of a machine.
const WORDS: &[(&str, &str)] = &[
    ("crates", ".io"),
    ("pypi", ".org"),
    ("pythonhosted", ".org"),
    ("npmjs", ".com"),
    ("npmjs", ".org"),
    ("/work/", "main"),
    ("/work/", "shared"),
    ("/tmp/", "helpers"),
    ("/root/", ".cargo"),
];

/// Cargo writes the registry's name into every lock file itself.
const GENERATED: &str = "Cargo.lock";

/// Rust files that are too long to be read in one sitting.
pub(super) fn sizes(sources: &[Source]) -> Vec<String> {
    sources
        .iter()
        .filter(|source| source.path.ends_with(".rs") && !source.text.starts_with("// table:"))
        .map(|source| (source, source.text.lines().count()))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(source, lines)| format!("{}: {lines} lines, {MAX_LINES} at most", source.path))
        .collect()
}

/// Places outside the sandbox crate that let `unsafe` in, and crates that leave the workspace's lints.
pub(super) fn unsafe_code(sources: &[Source]) -> Vec<String> {
    let outside = |source: &&Source| !source.path.starts_with("crates/sandbox/");
    let lifted = sources.iter().filter(outside).filter(|source| source.path.ends_with(".rs")).flat_map(|source| {
        matching(source, |line| {
            ["allow", "warn", "expect", "deny"].iter().any(|level| line.contains(&format!("{level}(unsafe{}", "_code")))
        })
        .map(|at| format!("{at}: only crates/sandbox may lift the ban on unsafe code"))
    });
    let left = sources
        .iter()
        .filter(outside)
        .filter(|source| source.path.ends_with("/Cargo.toml") && !inherits_lints(&source.text))
        .map(|source| format!("{}: it does not say `[lints] workspace = true`", source.path));
    lifted.chain(left).collect()
}

/// Words that must not appear.
pub(super) fn words(sources: &[Source]) -> Vec<String> {
    let words: Vec<String> = WORDS.iter().map(|(head, tail)| format!("{head}{tail}")).collect();
    sources
        .iter()
        .filter(|source| !source.path.ends_with(GENERATED))
        .flat_map(|source| {
            words.iter().flat_map(move |word| {
                matching(source, move |line| line.contains(word)).map(move |at| format!("{at}: it says `{word}`"))
            })
        })
        .collect()
}

/// `path:line` of every line that fits.
fn matching(source: &Source, fits: impl Fn(&str) -> bool) -> impl Iterator<Item = String> {
    source
        .text
        .lines()
        .enumerate()
        .filter(move |(_, line)| fits(line))
        .map(|(number, _)| format!("{}:{}", source.path, number + 1))
}

fn inherits_lints(manifest: &str) -> bool {
    let mut lines = manifest.lines().map(str::trim).skip_while(|line| *line != "[lints]").skip(1);
    lines.next() == Some("workspace = true")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: impl Into<String>) -> Source {
        Source { path: path.into(), text: text.into() }
    }

    #[test]
    fn a_long_file_is_found_unless_it_is_a_table() {
        let long = "//\n".repeat(601);
        let sources = [
            file("a.rs", &long[..]),
            file("b.rs", format!("// table: of names\n{long}")),
            file("c.md", &long[..]),
            file("d.rs", "//\n".repeat(600)),
        ];
        assert_eq!(sizes(&sources), ["a.rs: 601 lines, 600 at most"]);
    }

    #[test]
    fn a_lifted_ban_and_a_crate_without_lints_are_found() {
        let lifted = format!("//! x\n#![allow(unsafe{})]\n", "_code");
        let inherits = "[package]\n[lints]\nworkspace = true\n";
        let sources = [
            file("crates/sandbox/src/lib.rs", &lifted[..]),
            file("crates/sandbox/Cargo.toml", "[package]\n"),
            file("crates/policy/src/lib.rs", &lifted[..]),
            file("crates/policy/Cargo.toml", inherits),
            file("crates/agent/Cargo.toml", "[package]\n[lints.rust]\nworkspace = true\n"),
        ];
        let found = unsafe_code(&sources);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("crates/policy/src/lib.rs:2") && found[1].starts_with("crates/agent/Cargo.toml"));
    }

    #[test]
    fn words_are_found_everywhere_but_in_the_lock_file() {
        let text = format!("first\nsee https://www.{}{}/x\n", "npmjs", ".com");
        let sources = [file("README.md", &text[..]), file(GENERATED, &text[..]), file("ok.md", "workspace")];
        let found = words(&sources);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("README.md:2: "));
    }
}
