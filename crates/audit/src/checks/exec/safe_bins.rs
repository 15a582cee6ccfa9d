//! Programs that run unasked because they only read their input, and the folders they are taken from.

use serde_json::Value;
use stockade_config::KeyPath;

use crate::checks::Check;
use crate::finding::{Finding, Severity};
use crate::model::{Agent, Model};
use crate::snapshot::config::texts;

pub(super) const CHECK: Check = Check { ids: &[UNPROFILED, BROAD, FOLDERS], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let mut unprofiled = Found::default();
    let mut broad = Found::default();
    let mut folders = Found::default();
    for agent in model.agents.contexts() {
        let Some(exec) = exec_key(agent) else { continue };
        let profiles = profiles(model, &exec);
        let at = |name: &str| exec.child(name);
        for bin in texts(model.config().at(&at("safeBins"))).iter().map(|bin| bin_name(bin)) {
            if is_interpreter(&bin) && !profiles.contains(&bin) {
                unprofiled.add(at("safeBins"), &bin, "");
            }
            if BROAD_BINS.contains(&bin.as_str()) {
                broad.add(at("safeBins"), &bin, "");
            }
        }
        for folder in texts(model.config().at(&at("safeBinTrustedDirs"))) {
            if let Some(why) = risky(folder.trim()) {
                folders.add(at("safeBinTrustedDirs"), folder.trim(), why);
            }
        }
    }
    findings.extend(unprofiled.finding(
        UNPROFILED,
        "An interpreter counts as a harmless program",
        "An interpreter runs whatever program its arguments hold, and nothing here limits them.",
        "Take these programs out of safeBins; or limit their arguments in tools.exec.safeBinProfiles.",
    ));
    findings.extend(broad.finding(
        BROAD,
        "A program counts as harmless that does more than read its input",
        "Their little languages read the environment, write files or start programs.",
        "Take these programs out of safeBins, and have them asked or listed with their arguments.",
    ));
    findings.extend(folders.finding(
        FOLDERS,
        "Harmless programs are taken from a folder that others may fill",
        "Whoever puts a file of that name there has it run unasked.",
        "Trust /usr/bin and /bin only, or folders that root owns and nobody else writes.",
    ));
}

#[derive(Default)]
struct Found {
    lines: Vec<String>,
    keys: Vec<KeyPath>,
}

impl Found {
    fn add(&mut self, key: KeyPath, what: &str, why: &str) {
        let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
        let line = format!("- {key}: {what}{why}");
        if !self.lines.contains(&line) {
            self.lines.push(line);
        }
        self.keys.push(key);
    }

    fn finding(self, id: &str, title: &str, why: &str, remedy: &str) -> Option<Finding> {
        if self.lines.is_empty() {
            return None;
        }
        let detail = format!("{}\n{why}", self.lines.join("\n"));
        Some(Finding::new(id, Severity::Warn, title).detail(detail).remedy(remedy).keys(self.keys))
    }
}

/// `tools.exec` for the defaults, the same below its entry for an agent.
fn exec_key(agent: &Agent<'_>) -> Option<KeyPath> {
    match &agent.key {
        Some(_) => agent.own_key("tools.exec"),
        None => Some(KeyPath::dotted("tools.exec")),
    }
}

/// The programs whose arguments are limited: by what holds for all, and by the agent.
fn profiles(model: &Model<'_>, exec: &KeyPath) -> Vec<String> {
    let common = model.config().get("tools.exec.safeBinProfiles");
    let own = model.config().at(&exec.child("safeBinProfiles"));
    let named = [common, own].into_iter().flatten().filter_map(Value::as_object);
    named.flatten().map(|(name, _)| bin_name(name)).collect()
}

fn bin_name(bin: &str) -> String {
    let bin = bin.trim().to_lowercase();
    let name = bin.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = [".exe", ".cmd", ".bat", ".com"].iter().find_map(|end| name.strip_suffix(end));
    plain.unwrap_or(name).to_owned()
}

fn is_interpreter(bin: &str) -> bool {
    let version = |rest: &str| {
        let (major, minor) = rest.split_once('.').unwrap_or((rest, "0"));
        [major, minor].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let versioned = ["python", "ruby", "perl", "php", "node"];
    INTERPRETERS.contains(&bin) || versioned.iter().any(|name| bin.strip_prefix(name).is_some_and(version))
}

fn risky(folder: &str) -> Option<&'static str> {
    if folder.is_empty() {
        return None;
    }
    if !folder.starts_with('/') {
        let drive = folder.to_lowercase().replace('\\', "/");
        let is_user = drive.get(1..).is_some_and(|rest| rest.starts_with(":/users/"));
        return Some(if is_user { "in a home" } else { "relative: it depends on where the gateway was started" });
    }
    let path = stockade_policy::mounts::lexical(folder).to_lowercase();
    let lies_in = |tree: &str| path.strip_prefix(tree).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if ["/tmp", "/var/tmp", "/private/tmp"].iter().any(|tree| lies_in(tree)) {
        return Some("anybody on this machine writes there");
    }
    if PACKAGES.contains(&path.as_str()) {
        return Some("a package manager's, often writable without root");
    }
    let home = path.starts_with("/users/") || path.starts_with("/home/") || path.contains("/.local/bin");
    home.then_some("in a home")
}

const UNPROFILED: &str = "tools.exec.safe_bins_interpreter_unprofiled";
const BROAD: &str = "tools.exec.safe_bins_broad_behavior";
const FOLDERS: &str = "tools.exec.safe_bin_trusted_dirs_risky";

const INTERPRETERS: &[&str] = &[
    "ash", "awk", "bash", "busybox", "bun", "cmd", "cscript", "dash", "deno", "fish", "gawk", "gsed", "ksh", "lua",
    "mawk", "nawk", "node", "nodejs", "perl", "php", "powershell", "pypy", "pwsh", "python", "python2", "python3",
    "ruby", "sed", "sh", "toybox", "wscript", "zsh",
];
const BROAD_BINS: &[&str] = &["jq", "awk", "gawk", "mawk", "nawk", "sed", "gsed"];
const PACKAGES: &[&str] = &["/usr/local/bin", "/opt/homebrew/bin", "/opt/local/bin", "/home/linuxbrew/.linuxbrew/bin"];

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{findings, said, snapshot};

    fn of(exec: Value) -> Vec<String> {
        let mut said = said(&snapshot(json!({"tools": {"exec": exec}})), "tools.exec.safe_bin");
        said.sort();
        said
    }

    #[test]
    fn interpreters_are_known_by_any_spelling_unless_limited() {
        for bin in ["bash", "/usr/bin/PYTHON3.11", "C:\\x\\node.exe", " php8 ", "pwsh.EXE"] {
            assert_eq!(of(json!({"safeBins": [bin]})), ["warn tools.exec.safe_bins_interpreter_unprofiled"], "{bin}");
        }
        assert!(
            of(json!({"safeBins": ["node", "head", "pythonic", "python3x"],
            "safeBinProfiles": {"Node": {"maxPositional": 0}}}))
            .is_empty()
        );
        assert_eq!(of(json!({"safeBins": ["JQ"]})), ["warn tools.exec.safe_bins_broad_behavior"]);
    }

    #[test]
    fn folders_that_others_fill_are_told() {
        for folder in [
            "bin", "/tmp", "/tmp/../tmp/x", "/var/tmp/a", "/usr/local/bin/", "/home/me/bin", "/Users/me/bin",
            "/opt/x/.local/bin", "c:\\Users\\me",
        ] {
            assert_eq!(
                of(json!({"safeBinTrustedDirs": [folder]})),
                ["warn tools.exec.safe_bin_trusted_dirs_risky"],
                "{folder}"
            );
        }
        assert!(of(json!({"safeBinTrustedDirs": ["/usr/bin", "/opt/safe", "/root/bin", "/tmpfoo", " "]})).is_empty());
    }

    #[test]
    fn an_agents_own_list_is_named_where_it_stands() {
        let config = json!({"agents": {"list": [{"id": "a", "tools": {"exec": {"safeBins": ["zsh"]}}}]}});
        let found = findings(&snapshot(config), UNPROFILED);
        assert_eq!(found[0].places, [crate::Place::Key(KeyPath::dotted("agents.list.0.tools.exec.safeBins"))]);
    }
}
