//! `cargo xtask lint`: the rules of the house that a machine can hold. Each is a pure function over what was read, with a
//! test that shows it a bad sample; the same rules run as an ordinary test over this repository.

mod files;
mod graph;

use std::path::Path;

use anyhow::Result;

use crate::process;

/// A file of the repository.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// Its path from the root.
    pub(crate) path: String,
    /// Its text; empty for what is not text.
    pub(crate) text: String,
}

/// Prints what is wrong. Answers whether nothing is.
pub(crate) fn run(root: &Path) -> Result<bool> {
    let findings = findings(root)?;
    for finding in &findings {
        println!("{finding}");
    }
    println!("{} findings", findings.len());
    Ok(findings.is_empty())
}

/// Everything that is wrong, one line each.
pub(crate) fn findings(root: &Path) -> Result<Vec<String>> {
    let sources = read(root)?;
    let metadata = process::must(root, "cargo", &["metadata", "--format-version", "1", "--no-deps"])?;
    let release = graph::release(&process::must(root, "cargo", graph::RELEASE_TREE)?);
    Ok([
        graph::layers(&serde_json::from_str(json(&metadata))?),
        graph::size(&release),
        graph::bans(&release),
        files::sizes(&sources),
        files::unsafe_code(&sources),
        files::words(&sources),
    ]
    .concat())
}

/// The files that are in the repository or would be with the next commit.
fn read(root: &Path) -> Result<Vec<Source>> {
    let names = process::must(root, "git", &["ls-files", "--cached", "--others", "--exclude-standard", "-z"])?;
    let mut sources = Vec::new();
    for name in names.split('\0').filter(|name| !name.is_empty()) {
        // A file that was removed and not yet committed is listed and not there.
        if let Ok(bytes) = std::fs::read(root.join(name)) {
            sources.push(Source { path: name.to_owned(), text: String::from_utf8(bytes).unwrap_or_default() });
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources.dedup_by(|a, b| a.path == b.path);
    Ok(sources)
}

/// Cargo may talk on the other stream; the answer is the line that is an object.
fn json(output: &str) -> &str {
    output.lines().find(|line| line.starts_with('{')).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_repository_follows_its_rules() {
        let findings = super::findings(&crate::root()).expect("readable");
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }
}
