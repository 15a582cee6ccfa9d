//! Rules about who depends on whom.

use std::collections::BTreeSet;

use serde_json::Value;

/// Arrows point down only: what each crate may depend on. `agent` and `sandbox` meet in `gateway` and nowhere else, so that
/// what the model says never reaches a process except through the gate.
const LAYERS: &[(&str, &[&str])] = &[
    ("stockade-core", &[]),
    ("stockade-config", &["stockade-core"]),
    ("stockade-policy", &["stockade-core", "stockade-config"]),
    ("stockade-audit", &["stockade-core", "stockade-config", "stockade-policy"]),
    ("stockade-store", &["stockade-core"]),
    ("stockade-sandbox", &["stockade-core", "stockade-config", "stockade-policy"]),
    ("stockade-agent", &["stockade-core", "stockade-config", "stockade-policy"]),
    (
        "stockade-gateway",
        &[
            "stockade-core", "stockade-config", "stockade-policy", "stockade-store", "stockade-sandbox",
            "stockade-agent",
        ],
    ),
    // It attacks through the gateway, as a client would, and looks from outside: neither executor nor model code of ours.
    ("stockade-drill", &["stockade-core", "stockade-config", "stockade-policy", "stockade-store", "stockade-gateway"]),
    (
        "stockade-cli",
        &[
            "stockade-core", "stockade-config", "stockade-policy", "stockade-audit", "stockade-store",
            "stockade-sandbox", "stockade-agent", "stockade-gateway", "stockade-drill",
        ],
    ),
    ("xtask", &["stockade-core"]),
];

/// Crates that must not be in the release graph, with the reason. `deny.toml` holds the same list, and
/// `lazy_static`, which one crate under `tracing-subscriber` still needs.
const BANNED: &[(&str, &str)] = &[
    ("openssl", "one provider for every digest, signature and TLS record: aws-lc-rs"),
    ("native-tls", "one provider for every digest, signature and TLS record: aws-lc-rs"),
    ("ring", "one provider for every digest, signature and TLS record: aws-lc-rs"),
    ("serde_yaml", "unmaintained; serde-saphyr, with budgets"),
    ("serde_yml", "unsound; serde-saphyr, with budgets"),
    ("chrono", "jiff"),
    ("fancy-regex", "backtracks without bound on hostile input"),
];

/// The most crates that the Linux release graph may have: each is code that an operator must trust.
const MAX_CRATES: usize = 350;

/// How to ask cargo for the release graph.
pub(super) const RELEASE_TREE: &[&str] = &[
    "tree",
    "--package",
    "stockade-cli",
    "--edges",
    "normal,build",
    "--target",
    "x86_64-unknown-linux-gnu",
    "--prefix",
    "none",
    "--format",
    "{p}",
    "--quiet",
];

/// Every dependency between crates of the workspace that does not point down.
pub(super) fn layers(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let members: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut findings = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == name) else {
            findings.push(format!("{name}: it has no place in the layers (xtask/src/lint/graph.rs)"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let target = dependency["name"].as_str().unwrap_or_default();
            // Test code may look anywhere: it is no way that a message takes.
            if members.contains(target) && dependency["kind"] != "dev" && !allowed.contains(&target) {
                findings.push(format!("{name}: it may not depend on {target}"));
            }
        }
    }
    findings
}

/// Reads `cargo tree`: name and version of every crate, once.
pub(super) fn release(tree: &str) -> BTreeSet<String> {
    tree.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (name, version) = (words.next()?, words.next()?);
            version.starts_with('v').then(|| format!("{name} {version}"))
        })
        .collect()
}

/// A release graph that has grown too large, or could not be read.
pub(super) fn size(release: &BTreeSet<String>) -> Vec<String> {
    match release.len() {
        0 => vec!["the release graph is empty: `cargo tree` said nothing".to_owned()],
        count if count > MAX_CRATES => vec![format!("the release graph has {count} crates, {MAX_CRATES} at most")],
        _ => Vec::new(),
    }
}

/// Crates that must not be there.
pub(super) fn bans(release: &BTreeSet<String>) -> Vec<String> {
    let names: BTreeSet<&str> = release.iter().filter_map(|id| id.split_once(' ')).map(|(name, _)| name).collect();
    BANNED
        .iter()
        .filter(|(name, _)| names.contains(name))
        .map(|(name, instead)| format!("{name} is in the release graph: {instead}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_arrow_that_points_up_is_found() {
        let package = |name: &str, target: &str, kind: Value| json!({ "name": name, "dependencies": [{ "name": target, "kind": kind }, { "name": "serde", "kind": null }] });
        let metadata = json!({ "packages": [
            package("stockade-core", "stockade-policy", Value::Null),
            package("stockade-policy", "stockade-core", Value::Null),
            package("stockade-agent", "stockade-sandbox", json!("build")),
            package("stockade-sandbox", "stockade-agent", json!("dev")),
            package("stockade-new", "stockade-core", Value::Null),
        ] });
        assert_eq!(
            layers(&metadata),
            [
                "stockade-core: it may not depend on stockade-policy",
                "stockade-agent: it may not depend on stockade-sandbox",
                "stockade-new: it has no place in the layers (xtask/src/lint/graph.rs)",
            ]
        );
    }

    #[test]
    fn a_large_graph_and_a_banned_crate_are_found() {
        let tree = "stockade-cli v0.1.0 (/somewhere)\nring v0.17.14\nring v0.17.14 (*)\nserde v1.0.0\n\n";
        let few = release(tree);
        assert_eq!(few.len(), 3);
        assert!(size(&few).is_empty());
        assert!(bans(&few)[0].starts_with("ring is in the release graph"));
        let many = release(&(0..351).map(|n| format!("crate{n} v1.0.0\n")).collect::<String>());
        assert_eq!(size(&many).len(), 1);
        assert_eq!(size(&release("error: no such package\n")).len(), 1);
    }
}
