//! Promise: the audit reads and does nothing else; its fix mends what it says and can be taken back; what a script reads
//! from OpenClaw's it reads from ours.
#![allow(clippy::disallowed_methods, reason = "the tests start processes and lay out files")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

struct Home(tempfile::TempDir);

/// Mode, length, time of change and bytes of every file.
type Tree = BTreeMap<PathBuf, (u32, u64, i64, Vec<u8>)>;

impl Home {
    fn new(config: &str) -> Self {
        let home = Self(tempfile::tempdir().expect("a folder"));
        home.write(".openclaw/openclaw.json", config, 0o600);
        fs::set_permissions(home.path(".openclaw"), fs::Permissions::from_mode(0o700)).expect("ours");
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("has a parent")).expect("made");
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("ours");
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.run_as(Path::new(env!("CARGO_BIN_EXE_stockade")), arguments)
    }

    fn run_as(&self, program: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().env("HOME", self.0.path()).env("PATH", self.path("bin"));
        command.env("OPENCLAW_GATEWAY_TOKEN", TOKEN).stdin(Stdio::null());
        command.output().expect("starts")
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["security", "audit", "--json"], arguments].concat());
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{} {}", text(&output.stdout), text(&output.stderr)))
    }

    fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        list(self.0.path(), &mut tree);
        tree
    }
}

fn list(folder: &Path, tree: &mut Tree) {
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        let found = fs::symlink_metadata(&path).expect("is there");
        let bytes = if found.is_file() { fs::read(&path).expect("readable") } else { Vec::new() };
        if found.is_dir() {
            list(&path, tree);
        }
        tree.insert(path, (found.mode(), found.len(), found.mtime_nsec() + found.mtime() * 1_000_000_000, bytes));
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn ids(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().expect("findings");
    let mut ids: Vec<String> = findings
        .iter()
        .map(|found| {
            format!("{} {}", found["severity"].as_str().expect("text"), found["checkId"].as_str().expect("text"))
        })
        .collect();
    ids.sort();
    ids
}

#[test]
fn an_audit_changes_nothing_runs_nothing_and_makes_no_database() {
    let home = Home::new(MESSY);
    home.write(".openclaw/extensions/x/index.js", "require('fs').writeFileSync(process.env.HOME + '/ran', '')", 0o644);
    home.write(".openclaw/extensions/x/openclaw.plugin.json", r#"{"id":"x"}"#, 0o644);
    for program in ["docker", "node", "npm", "git", "tailscale", "openclaw", "sh", "stat", "id"] {
        home.write(
            &format!("bin/{program}"),
            &format!("#!/bin/sh\n/bin/touch {}/ran\n", home.0.path().display()),
            0o755,
        );
    }
    let before = home.tree();
    for arguments in [&[][..], &["--json"], &["--sarif"], &["--html"], &["--graph", "text"], &["--fix", "--dry-run"]] {
        let output = home.run(&[&["security", "audit"], arguments].concat());
        assert!(output.status.code().is_some_and(|code| code < 2), "{arguments:?}: {}", text(&output.stderr));
        assert!(!output.stdout.is_empty(), "{arguments:?}");
        assert!(!text(&output.stdout).contains(SECRET), "{arguments:?} shows a secret");
    }
    assert_eq!(home.tree(), before);
}

#[test]
fn json_has_openclaws_shape_and_the_exit_status_is_what_was_asked_for() {
    let home = Home::new(MESSY);
    let report = home.json(&[]);
    assert!(report["ts"].as_u64().is_some_and(|ts| ts > 1_700_000_000_000));
    let counted = |severity: &str| {
        let of = |found: &&Value| found["severity"] == severity;
        report["findings"].as_array().expect("a list").iter().filter(of).count()
    };
    for severity in ["critical", "warn", "info"] {
        assert_eq!(report["summary"][severity], counted(severity), "{severity}");
    }
    for found in report["findings"].as_array().expect("a list") {
        for field in ["checkId", "severity", "title", "detail"] {
            assert!(found[field].is_string(), "{found}");
        }
    }
    assert!(report["secretDiagnostics"].is_array());
    let status = |arguments: &[&str]| home.run(&[&["security", "audit"], arguments].concat()).status.code();
    assert_eq!(status(&[]), Some(0));
    assert_eq!(status(&["--fail-on", "critical"]), Some(1));
    assert_eq!(Home::new(CLEAN).run(&["security", "audit", "--fail-on", "warn"]).status.code(), Some(0));
    assert_eq!(status(&["--from", "/nonexistent"]), Some(2));
}

#[test]
fn a_snapshot_says_elsewhere_what_it_said_here_and_holds_no_secret() {
    let home = Home::new(MESSY);
    let file = home.path("host.json").display().to_string();
    let here = home.json(&["--snapshot", &file]);
    let saved = fs::read_to_string(home.path("host.json")).expect("saved");
    assert!(!saved.contains(SECRET) && !saved.contains(TOKEN), "the snapshot holds a secret");
    assert_eq!(fs::metadata(home.path("host.json")).expect("saved").mode() & 0o777, 0o600);
    let elsewhere = Home::new(CLEAN);
    let there = elsewhere.json(&["--from", &file]);
    assert_eq!(ids(&here), ids(&there));
    let again = home.run(&["security", "audit", "--snapshot", &file]);
    assert_eq!(again.status.code(), Some(2), "a file that is there is not overwritten");
}

#[test]
fn without_a_terminal_only_what_is_safe_is_mended_and_undo_restores_everything() {
    let home = Home::new(MESSY);
    home.write(".openclaw/.env", "A=b\n", 0o644);
    let before = home.tree();
    let fixed = home.json(&["--fix"]);
    let fix = &fixed["fix"];
    assert_eq!((&fix["ok"], &fix["configWritten"]), (&json!(true), &json!(true)), "{fix}");
    let changes: Vec<&str> = fix["changes"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert!(changes.contains(&"channels.telegram.groupPolicy=open -> allowlist"), "{changes:?}");
    assert!(fix["said"].to_string().contains("Who may still speak in groups: Telegram: "), "{}", fix["said"]);
    let mode = |name: &str| fs::metadata(home.path(name)).expect("is there").mode() & 0o777;
    assert_eq!((mode(".openclaw/.env"), mode(".openclaw/openclaw.json")), (0o600, 0o600));
    let text_now = fs::read_to_string(home.path(".openclaw/openclaw.json")).expect("there");
    assert!(text_now.contains("// on purpose") && text_now.contains(SECRET), "comments and secrets stay: {text_now}");
    assert!(text_now.contains("dmPolicy: \"open\""), "what somebody may use is not taken away unasked");
    // The report is of what is there now.
    assert!(!ids(&fixed["report"]).iter().any(|id| id.ends_with("channels.telegram.groups.open")), "{fixed}");
    assert_eq!(ids(&fixed["report"]), ids(&home.json(&[])));
    let again = home.json(&["--fix"]);
    assert_eq!(again["fix"]["changes"], json!([]), "a second fix changes nothing");
    let undone = home.run(&["security", "undo"]);
    assert_eq!(undone.status.code(), Some(0), "{}", text(&undone.stderr));
    let (before, after) = (without_times(before), without_times(home.tree()));
    assert_eq!(before, after);
    assert_eq!(home.run(&["security", "undo"]).status.code(), Some(2), "there is nothing more to undo");
}

#[test]
fn undo_refuses_what_was_edited_since() {
    let home = Home::new(MESSY);
    home.json(&["--fix"]);
    let path = home.path(".openclaw/openclaw.json");
    let edited = fs::read_to_string(&path).expect("there") + "// mine\n";
    fs::write(&path, &edited).expect("written");
    let undone = home.run(&["security", "undo"]);
    assert_eq!(undone.status.code(), Some(1), "{}", text(&undone.stdout));
    assert!(text(&undone.stdout).contains("openclaw.json"), "{}", text(&undone.stdout));
    assert_eq!(fs::read_to_string(&path).expect("there"), edited);
}

#[test]
fn a_baseline_sets_the_known_apart_and_shows_what_is_new_or_worse() {
    let home = Home::new(CLEAN);
    home.write(".openclaw/.env", "A=b\n", 0o644);
    let file = home.path("known.json").display().to_string();
    home.json(&["--write-baseline", &file]);
    let known = home.json(&["--baseline", &file]);
    assert_eq!(known["summary"], json!({"critical": 0, "warn": 0, "info": 0}), "{known}");
    assert!(!known["knownFindings"].as_array().expect("a list").is_empty());
    let config = CLEAN.replace("mode: \"off\"", "mode: \"full\"");
    home.write(".openclaw/openclaw.json", &config, 0o600);
    assert_eq!(ids(&home.json(&["--baseline", &file])), ["warn discovery.mdns_full_mode"]);
}

#[test]
fn what_an_operator_accepts_is_shown_as_such_until_its_last_day() {
    let home = Home::new(&CLEAN.replace("mode: \"off\"", "mode: \"full\""));
    let accept = |day: &str| {
        let own = json!({"audit": {"suppressions": [
            {"checkId": "discovery.mdns_full_mode", "key": "discovery.mdns.mode", "reason": "a lab", "expires": day}]}});
        home.write(".openclaw/stockade.json", &own.to_string(), 0o600);
    };
    accept("2999-01-01");
    let report = home.json(&[]);
    assert_eq!(report["suppressedFindings"][0]["suppression"], json!({"reason": "a lab", "expires": "2999-01-01"}));
    assert!(!ids(&report).contains(&"warn discovery.mdns_full_mode".to_owned()));
    for format in [&[][..], &["--html"], &["--sarif"]] {
        let shown = text(&home.run(&[&["security", "audit"], format].concat()).stdout);
        assert!(shown.contains("a lab"), "{format:?}: {shown}");
    }
    accept("2001-01-01");
    let report = home.json(&[]);
    assert!(ids(&report).contains(&"warn discovery.mdns_full_mode".to_owned()));
    assert!(report["remarks"][0].as_str().expect("a remark").contains("2001-01-01"), "{report}");
}

#[test]
fn sarif_is_valid_by_the_schema() {
    let home = Home::new(MESSY);
    home.write(".openclaw/odd name #1/x", "", 0o666);
    let output = home.run(&["security", "audit", "--sarif"]);
    let sarif: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let modules = std::env::var_os("STOCKADE_TEST_NPM")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/interop/npm"), PathBuf::from);
    let schema = modules.join("node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json");
    if !schema.exists() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "the schema of SARIF must be there in CI");
        let _ = writeln!(std::io::stderr(), "skipped: the schema of SARIF is not installed (`cargo xtask test` does)");
        return;
    }
    let schema: Value = serde_json::from_str(&fs::read_to_string(schema).expect("readable")).expect("JSON");
    let (mut compiler, mut schemas) = (boon::Compiler::new(), boon::Schemas::new());
    compiler.add_resource("file:///sarif.json", schema).expect("a schema");
    let index = compiler.compile("file:///sarif.json", &mut schemas).expect("compiles");
    schemas.validate(&sarif, index).unwrap_or_else(|error| panic!("{error:#}"));
    let broken = json!({"version": "2.1.0", "runs": [{"results": []}]});
    assert!(schemas.validate(&broken, index).is_err(), "the schema is in force");
    let located = sarif["runs"][0]["results"].as_array().expect("a list").iter();
    let regions = located.filter(|result| result.pointer("/locations/0/physicalLocation/region/startColumn").is_some());
    assert!(regions.count() > 3, "places have lines and columns");
}

#[test]
fn html_is_one_file_without_scripts_and_hostile_text_stays_text() {
    let home = Home::new(
        r#"{ channels: { "<script>alert(1)</script>": { groupPolicy: "open" } }, "<img src=x onerror=alert(1)>": 1 }"#,
    );
    let page = text(&home.run(&["security", "audit", "--html"]).stdout);
    assert!(page.contains("viewport") && page.contains("default-src 'none'"));
    assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("http-equiv=refresh"), "{page}");
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;"), "{page}");
}

#[test]
fn called_openclaw_it_takes_openclaws_words() {
    let home = Home::new(MESSY);
    fs::create_dir_all(home.path("bin")).expect("made");
    let link = home.path("bin/openclaw");
    symlink(env!("CARGO_BIN_EXE_stockade"), &link).expect("linked");
    for words in ["security audit", "security audit --deep", "security audit --json", "--no-color security audit"] {
        let arguments: Vec<&str> = words.split(' ').collect();
        let output = home.run_as(&link, &arguments);
        assert_eq!(output.status.code(), Some(0), "{words}: {}", text(&output.stderr));
    }
    let arguments = ["security", "audit", "--auth", "password", "--password", "short", "--json"];
    let report: Value = serde_json::from_slice(&home.run_as(&link, &arguments).stdout).expect("JSON");
    assert!(ids(&report).contains(&"warn gateway.password_too_short".to_owned()), "{report}");
    let fixed: Value =
        serde_json::from_slice(&home.run_as(&link, &["security", "audit", "--fix", "--json"]).stdout).expect("JSON");
    for field in ["ok", "stateDir", "configPath", "configWritten", "changes", "actions", "errors"] {
        assert!(!fixed["fix"][field].is_null(), "{field}: {fixed}");
    }
    let other = home.run_as(&link, &["doctor"]);
    assert_eq!(other.status.code(), Some(2));
    assert!(text(&other.stderr).contains("doctor"), "{}", text(&other.stderr));
}

fn without_times(tree: Tree) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    tree.into_iter().map(|(path, (mode, _, _, bytes))| (path, (mode, bytes))).collect()
}

const TOKEN: &str = "c1f0a6f2b77e4b0d9a3c5e8d7f6a1b2c4d5e6f70";
const SECRET: &str = "7234567890:AAHk3jd92lsm0qpz7xv1ba8wT5rY6uI4oP0";
const CLEAN: &str = r#"{
  gateway: { bind: "loopback", trustedProxies: ["127.0.0.1"], auth: { mode: "token", token: "${OPENCLAW_GATEWAY_TOKEN}" } },
  discovery: { mdns: { mode: "off" } },
  agents: { defaults: { sandbox: { mode: "all", scope: "session", workspaceAccess: "ro" } } },
  tools: { deny: ["group:runtime", "gateway", "cron"], exec: { security: "allowlist", ask: "always" } },
}
"#;
const MESSY: &str = r#"{
  gateway: { bind: "lan", auth: { mode: "token", token: "${OPENCLAW_GATEWAY_TOKEN}" } }, // on purpose
  channels: { telegram: { botToken: "7234567890:AAHk3jd92lsm0qpz7xv1ba8wT5rY6uI4oP0", groupPolicy: "open", dmPolicy: "open", allowFrom: ["*"] } },
  tools: { elevated: { allowFrom: { telegram: ["*"] } } },
}
"#;
