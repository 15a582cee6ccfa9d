//! Servers that give an agent tools. Answers whoever is on the way to one, and the package that is another one tomorrow.

use serde_json::Value;

use crate::checks::Check;
use crate::finding::{Finding, Fix, KeyPath, Place, Severity};
use crate::model::Model;
use crate::model::reach::{Reach, endpoint};
use crate::snapshot::config::texts;

pub(super) const CHECK: Check =
    Check { ids: &["mcp.apps.enabled", "mcp.insecure_transport", "mcp.unpinned_package"], run };

fn run(model: &Model<'_>, out: &mut Vec<Finding>) {
    let config = model.config();
    if config.is_true("mcp.apps.enabled") {
        out.push(
            Finding::new("mcp.apps.enabled", Severity::Warn, "MCP servers may show pages of their own")
                .detail("mcp.apps.enabled is true: a configured server sends a page to the operator's browser, which can call the tools of that server while the session runs.")
                .remedy("Turn it off unless every configured server is trusted with that.")
                .key("mcp.apps.enabled")
                .fix(Fix::ask("Let MCP servers show no pages").set("mcp.apps.enabled", false)),
        );
    }
    let servers = KeyPath::dotted("mcp.servers");
    for (name, server) in config.fields("mcp.servers") {
        if server.get("enabled") == Some(&Value::Bool(false)) {
            continue;
        }
        let key = servers.child(name);
        out.extend(transport(server, &key));
        out.extend(package(server, &key));
    }
}

fn transport(server: &Value, key: &KeyPath) -> Option<Finding> {
    let remote = server.get("url").and_then(Value::as_str).and_then(endpoint);
    let remote = remote.filter(|remote| remote.reach != Reach::Loopback);
    let plain = remote.as_ref().filter(|remote| matches!(remote.scheme.as_str(), "http" | "ws"));
    let (what, place) = match plain {
        Some(remote) => (format!("is spoken to in plain text ({})", remote.shown), "url"),
        None if server.get("sslVerify") == Some(&Value::Bool(false)) => {
            ("is taken for itself whatever certificate it shows (sslVerify is false)".to_owned(), "sslVerify")
        }
        None => return None,
    };
    let finding =
        Finding::new("mcp.insecure_transport", Severity::Warn, "An MCP server can be read and impersonated on the way")
            .detail(format!(
                "{key} {what}. Whoever is on the way reads its credential and what the agent sends, and answers with \
             text and tools of their own."
            ))
            .remedy("Use https with a certificate that is verified.")
            .at(Place::Key(key.child(place)));
    Some(finding)
}

fn package(server: &Value, key: &KeyPath) -> Option<Finding> {
    let command = server.get("command").and_then(Value::as_str)?;
    let package = unpinned(command, &texts(server.get("args")))?;
    let finding = Finding::new("mcp.unpinned_package", Severity::Warn, "An MCP server is whatever was published last")
        .detail(format!(
            "{key} starts {package}, of no fixed version, from a registry each time: whoever takes over the package \
             runs code as the gateway's user at its next start."
        ))
        .remedy("Name an exact version, as in `package@1.2.3` or `package==1.2.3`, or install it and start the installed file.")
        .at(Place::Key(key.child("args")));
    Some(finding)
}

/// The package that a runner fetches without a fixed version.
fn unpinned(command: &str, args: &[String]) -> Option<String> {
    // A command line in one text counts as one in parts.
    let words: Vec<&str> = command.split_whitespace().chain(args.iter().map(String::as_str)).collect();
    started(&words, MAX_STARTERS)
}

/// What a command line fetches, itself or by what it starts; through no more starters than `left`, since their number is
/// the config's choice.
fn started(words: &[&str], left: usize) -> Option<String> {
    let left = left.checked_sub(1)?;
    let (program, rest) = words.split_first()?;
    let program = program.rsplit(['/', '\\']).next().unwrap_or(program).to_lowercase();
    let program = [".cmd", ".exe"].iter().find_map(|end| program.strip_suffix(end)).unwrap_or(&program);
    let rest = match (program, rest) {
        ("cmd", rest) => return started(from(rest, |word| !word.starts_with('/')), left),
        ("env", rest) => return started(from(rest, |word| !word.contains('=') && !word.starts_with('-')), left),
        ("sh" | "bash" | "zsh", ["-c" | "-lc", line, ..]) => {
            let line: Vec<&str> = line.split_whitespace().collect();
            return started(from(&line, |word| word != "exec"), left);
        }
        ("npx" | "bunx" | "pnpx" | "uvx", rest) => rest,
        ("npm", ["exec" | "x", rest @ ..])
        | ("pnpm" | "yarn", ["dlx", rest @ ..])
        | ("bun", ["x", rest @ ..])
        | ("pipx", ["run", rest @ ..])
        | ("uv", ["tool", "run", rest @ ..]) => rest,
        _ => return None,
    };
    let package = package_of(rest)?;
    (!is_pinned(package)).then(|| stockade_core::text::clip(package, 80))
}

/// The words from the first one that is not only there to start it.
fn from<'w, 'a>(words: &'w [&'a str], is_first: impl Fn(&str) -> bool) -> &'w [&'a str] {
    words.iter().position(|word| is_first(word)).and_then(|at| words.get(at..)).unwrap_or_default()
}

/// What is fetched: what `--package` or `--from` names, else the first word that is no option or the value of one.
fn package_of<'a>(words: &[&'a str]) -> Option<&'a str> {
    let mut words = words.iter().copied();
    let mut first = None;
    while let Some(word) = words.next() {
        let named = ["--package=", "--from=", "--spec="].iter().find_map(|option| word.strip_prefix(option));
        match word {
            _ if named.is_some() => return named,
            "-p" | "--package" | "--from" | "--spec" => return words.next(),
            "--python" | "--index-url" | "--with" | "--registry" | "--cache" => drop(words.next()),
            _ if word.starts_with('-') => {}
            _ => {
                first = Some(word);
                break;
            }
        }
    }
    first
}

fn is_pinned(package: &str) -> bool {
    if package.starts_with(['.', '/', '~']) || package.starts_with("file:") {
        return true;
    }
    if package.contains("://") || package.starts_with("git+") || package.starts_with("github:") {
        let commit = package.rsplit(['#', '@']).next().unwrap_or_default();
        return commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    }
    let version = match package.split_once("==") {
        Some((_, version)) => version,
        // The first `@` of a scoped name is not a version's.
        None => match package.get(1..).and_then(|rest| rest.split_once('@')) {
            Some((_, version)) => version,
            None => return false,
        },
    };
    // `1` and `1.2` are ranges; `1.2.3` is a version.
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let parts =
        core.split('.').filter(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())).count();
    parts >= 3 && parts == core.split('.').count()
}

/// How many shells and the like may stand before what fetches.
const MAX_STARTERS: usize = 4;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{findings, said, snapshot};

    fn of(server: Value) -> Vec<String> {
        said(&snapshot(json!({"mcp": {"servers": {"s.x": server}}})), "mcp.")
    }

    #[test]
    fn a_package_without_a_version_is_found_however_it_is_started() {
        for (command, args) in [
            ("npx", json!(["-y", "@acme/server@latest"])),
            ("npx", json!(["@acme/server"])),
            ("NPX.cmd", json!(["server@^1.2.3"])),
            ("/usr/bin/uvx", json!(["server"])),
            ("uvx", json!(["--from", "git+https://host.example/x", "server"])),
            ("npx -y server", json!([])),
            ("npm", json!(["exec", "--", "server@1"])),
            ("pipx", json!(["run", "server"])),
            ("npx", json!(["--package=server", "bin@1.2.3"])),
            ("cmd", json!(["/c", "npx", "-y", "server"])),
            ("C:\\Windows\\System32\\cmd.exe", json!(["/d", "/s", "/c", "npx.cmd", "server@latest"])),
            ("sh", json!(["-c", "exec npx -y server"])),
            ("env", json!(["-i", "HOME=/tmp", "uvx", "server"])),
        ] {
            assert_eq!(
                of(json!({"command": command, "args": args})),
                ["warn mcp.unpinned_package"],
                "{command} {args}"
            );
        }
        for (command, args) in [
            ("npx", json!(["-y", "@acme/server@1.2.3"])),
            ("uvx", json!(["server==1.2.3"])),
            ("node", json!(["server.js"])),
            ("npx", json!(["./local"])),
            ("npm", json!(["start"])),
            ("cmd", json!(["/c", "npx", "-y", "server@1.2.3"])),
            ("cmd", json!(["/c"])),
            ("sh", json!(["start.sh", "npx"])),
            ("env", json!(["A=b"])),
            ("npx", json!({})),
            ("", json!([])),
            ("uvx", json!(["--python", "3.12", "server@2.0.1"])),
        ] {
            assert!(of(json!({"command": command, "args": args})).is_empty(), "{command} {args}");
        }
        assert!(of(json!({"command": "env", "args": vec!["env"; 100_000]})).is_empty(), "and does not end the audit");
        assert!(of(json!({"enabled": false, "command": "npx", "args": ["x"]})).is_empty());
    }

    #[test]
    fn the_name_of_a_server_does_not_pass_for_text() {
        let servers =
            json!({"x\n- critical gateway.bind_no_auth": {"command": "npx", "args": ["x"], "url": "http://a.example"}});
        for finding in findings(&snapshot(json!({"mcp": {"servers": servers}})), "mcp.") {
            assert!(!finding.detail.contains('\n'), "{}", finding.detail);
        }
    }

    #[test]
    fn the_way_to_a_server_is_looked_at() {
        for server in [
            json!({"url": "http://mcp.example/x"}),
            json!({"url": "HTTP://10.0.0.2"}),
            json!({"url": "https://mcp.example", "sslVerify": false}),
        ] {
            assert_eq!(of(server.clone()), ["warn mcp.insecure_transport"], "{server}");
        }
        for server in [
            json!({"url": "http://127.0.0.1:1"}),
            json!({"url": "https://mcp.example"}),
            json!({"url": 7}),
            json!([]),
            json!("x"),
        ] {
            assert!(of(server.clone()).is_empty(), "{server}");
        }
        let found = findings(
            &snapshot(json!({"mcp": {"servers": {"s": {"url": "http://u:hunter2@mcp.example/hunter2"}}}})),
            "mcp.",
        );
        assert!(!format!("{found:?}").contains("hunter2"));
    }

    #[test]
    fn apps_are_named() {
        assert_eq!(said(&snapshot(json!({"mcp": {"apps": {"enabled": true}}})), "mcp."), ["warn mcp.apps.enabled"]);
    }
}
