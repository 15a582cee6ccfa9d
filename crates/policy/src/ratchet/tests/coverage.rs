//! How much of OpenClaw's table of keys is ordered, and that nothing that sounds like security is neutral.

use crate::ratchet::keys::{File, order_of, patterns};
use crate::ratchet::order::Order;

/// The leaves of the table of known keys, as paths in which `*` stands for any name. What stands in a list is
/// compared with the list.
fn leaves() -> Vec<Vec<&'static str>> {
    let table = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../config/known_keys.txt"));
    let mut paths: Vec<Vec<&str>> = Vec::new();
    let mut path: Vec<&str> = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        path.truncate(line.len() - line.trim_start().len());
        path.push(line.split_whitespace().next().expect("a key"));
        if paths.last().is_some_and(|last| path.starts_with(last)) {
            paths.pop();
        }
        paths.push(path.clone());
    }
    paths
}

/// As the walk meets it: the list of agents in its other form, a list as one value.
fn compared(path: &[&'static str]) -> Vec<&'static str> {
    if let ["agents", "list", "[]", rest @ ..] = path {
        return ["agents", "entries", "*"].iter().chain(rest).copied().take_while(|part| *part != "[]").collect();
    }
    path.iter().copied().take_while(|part| *part != "[]").collect()
}

fn words(part: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in part.chars() {
        if c.is_ascii_uppercase() || !c.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        words.last_mut().expect("one").extend(c.to_lowercase().filter(char::is_ascii_alphanumeric));
    }
    words
}

#[test]
#[expect(clippy::print_stdout, reason = "the coverage is what a reader of the test's output wants")]
fn the_table_covers_what_openclaw_knows() {
    let all = leaves();
    let (mut ordered, mut any, mut neutral, mut closed) = (0, 0, Vec::new(), 0);
    for path in &all {
        match order_of(File::OpenClaw, &compared(path)) {
            Some(Order::Neutral) => neutral.push(path.join(".")),
            Some(Order::Any | Order::Section) => any += 1,
            Some(_) => ordered += 1,
            None => closed += 1,
        }
    }
    println!(
        "{} keys: {ordered} ordered, {any} of which any change widens, {} neutral, {closed} by the closed default",
        all.len(),
        neutral.len()
    );
    assert!(all.len() > 4_000 && ordered > 1_000 && neutral.len() > 500, "{ordered} {}", neutral.len());
    let sounds = |key: &&String| key.split('.').flat_map(words).any(|word| SECURITY_WORDS.contains(&word.as_str()));
    let wrong: Vec<&String> = neutral.iter().filter(sounds).filter(|key| !HARMLESS.contains(&key.as_str())).collect();
    assert!(wrong.is_empty(), "neutral: {wrong:#?}");
    for family in NEVER_NEUTRAL {
        let found: Vec<&String> = neutral.iter().filter(|key| key.starts_with(family)).collect();
        assert!(found.is_empty(), "{found:?}");
    }
}

/// A name that someone chooses (of an agent, an account, a group) must not be able to stand for a whole family.
#[test]
fn no_neutral_family_can_be_reached_by_a_name() {
    for pattern in patterns(File::OpenClaw, |order| matches!(order, Order::Neutral)) {
        let floating = pattern.iter().rposition(|part| *part == "**").unwrap_or(0);
        let first = pattern.iter().position(|part| *part == "**").unwrap_or(0);
        assert!(first == floating, "{pattern:?} has two of `**`");
        assert!(pattern.last() != Some(&"*"), "{pattern:?} ends in a name");
    }
}

const SECURITY_WORDS: &[&str] = &[
    "access", "allow", "allowed", "allowlist", "approval", "approvals", "approve", "auth", "authorization", "bind",
    "binds", "capability", "command", "commands", "credential", "credentials", "danger", "dangerous", "dangerously",
    "deny", "denied", "denylist", "device", "egress", "elevated", "env", "exec", "grant", "hook", "hooks", "host",
    "hosts", "insecure", "install", "key", "keys", "mcp", "network", "origin", "origins", "owner", "pairing",
    "passphrase", "password", "path", "paths", "permission", "permissions", "plugin", "plugins", "policy", "private",
    "prompt", "proxy", "role", "roles", "root", "sandbox", "scopes", "secret", "secrets", "security", "server",
    "servers", "skills", "ssrf", "tls", "token", "trust", "trusted", "unsafe", "url", "users", "verify", "webhook",
    "workspace",
];

/// What only sounds like it: the name of the wizard that ran last.
const HARMLESS: &[&str] = &["wizard.lastRunCommand"];

const NEVER_NEUTRAL: &[&str] = &[
    "auth.", "bindings.", "browser.profiles", "commands.", "cron.", "env.", "hooks.", "mcp.", "plugins.", "secrets.",
    "security.", "skills.", "tools.",
];
