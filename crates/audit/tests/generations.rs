//! The same weakness in the layout of February 2026 and in the current one is the same finding. Answers the auditor that
//! knows one layout and calls the other clean: a key that moved, a store that was a file and is a table now.

#![allow(clippy::disallowed_methods, reason = "files of tests are their own")]

mod support;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use stockade_audit::report::Report;
use stockade_audit::snapshot::Generation::{self, Current, February};
use support::Home;

/// A weakness and where it stands.
struct Weakness {
    id: &'static str,
    /// What stands in the same place in both, and is nothing alone.
    both: Vec<Piece>,
    february: Vec<Piece>,
    current: Vec<Piece>,
}

/// A part of an install.
enum Piece {
    /// A key of the config, and its value.
    Key(&'static str, Value),
    /// A file of the state directory, its text and its mode.
    File(&'static str, String, u32),
    /// A database of the state directory, what is done in it, and its mode.
    Table(&'static str, String, u32),
}

#[test]
fn both_layouts_are_told_alike_and_neither_reader_of_one_would_see_the_other() {
    let weaknesses = weaknesses();
    let distinct: BTreeSet<&str> = weaknesses.iter().map(|weakness| weakness.id).collect();
    assert!(distinct.len() >= 25, "{distinct:?}");
    let mut wrong = Vec::new();
    for weakness in &weaknesses {
        for (generation, own) in [(February, &weakness.february), (Current, &weakness.current)] {
            let mut tell = |what: &str| wrong.push(format!("{} {generation:?}: {what}", weakness.id));
            // What a reader sees who knows only the places of the other layout.
            if says(generation, &weakness.both, &[], weakness.id) {
                tell("is said of a sound install");
            }
            if !says(generation, &weakness.both, own, weakness.id) {
                tell("is missed");
            }
        }
        let (february, current) = (places(&weakness.february), places(&weakness.current));
        for (here, there) in february.iter().flat_map(|here| current.iter().map(move |there| (here, there))) {
            if overlap(here, there) {
                wrong.push(format!("{}: {here} stands in both", weakness.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_sound_install_of_either_generation_hears_nothing() {
    for generation in [February, Current] {
        let home = laid_out(generation, &[], &[]);
        // What current versions refuse is worth a word while it still counts.
        let said: Vec<String> = home.said().into_iter().filter(|line| !line.ends_with("config.retired_key")).collect();
        assert_eq!(said, ["info summary.attack_surface"], "{generation:?}");
    }
}

#[test]
fn a_half_moved_install_hides_nothing_in_the_old_places() {
    // A current database beside everything that February wrote: OpenClaw itself refuses such a config, or forgets it.
    for weakness in weaknesses() {
        let both: Vec<&Piece> = weakness.both.iter().chain(&weakness.february).collect();
        let home = home(&sound(February), true, &both);
        assert!(ids(&home, Current).contains(weakness.id), "{}: {:?}", weakness.id, home.said());
    }
}

#[test]
fn a_key_that_is_gone_is_told_in_both_and_mended_as_each_can_take_it() {
    let off = [Piece::Key("logging.redactSensitive", json!("off"))];
    for (generation, change) in [(February, "set"), (Current, "remove")] {
        let report = Report::of(&laid_out(generation, &off, &[]).snapshot(), None);
        let found = report.findings.iter().find(|found| found.finding.check_id == "logging.redact_off");
        let fix = found.and_then(|found| found.finding.fix.as_ref()).expect("a finding with a fix");
        let written = serde_json::to_value(&fix.changes).expect("JSON");
        assert!(written.pointer(&format!("/0/{change}")).is_some(), "{generation:?}: {written}");
    }
}

fn weaknesses() -> Vec<Weakness> {
    let mut all = of_agents();
    all.extend(of_config());
    all.extend(of_stores());
    all.extend(of_files());
    all
}

/// `agents.list`, and `agents.entries` since.
fn of_agents() -> Vec<Weakness> {
    let docker = |options: Value| json!({"sandbox": {"docker": options}});
    vec![
        agent("sandbox.not_all", vec![], json!({"sandbox": {"mode": "off"}})),
        agent("sandbox.docker_config_mode_off", vec![], json!({"sandbox": {"mode": "off", "docker": {"image": "x"}}})),
        agent("sandbox.dangerous_bind_mount", vec![], docker(json!({"binds": ["/etc:/host-etc:ro"]}))),
        agent("sandbox.bind_mount_non_absolute", vec![], docker(json!({"binds": ["data:/data"]}))),
        agent("sandbox.bind_denied", vec![], docker(json!({"binds": ["/var/lib/docker:/d"]}))),
        agent("sandbox.dangerous_network_mode", vec![], docker(json!({"network": "host"}))),
        agent("sandbox.dangerous_seccomp_profile", vec![], docker(json!({"seccompProfile": "unconfined"}))),
        agent("sandbox.weak_container", vec![], docker(json!({"user": "root"}))),
        agent("sandbox.browser_exposed", vec![], json!({"sandbox": {"browser": {"allowHostControl": true}}})),
        agent("tools.workspace_is_home", vec![], json!({"workspace": "~"})),
        agent(
            "tools.profile_minimal_overridden",
            vec![Piece::Key("tools.profile", json!("minimal"))],
            json!({"tools": {"profile": "messaging"}}),
        ),
        agent(
            "tools.exec.host_sandbox_no_sandbox_agents",
            vec![],
            json!({"sandbox": {"mode": "off"}, "tools": {"exec": {"host": "sandbox"}}}),
        ),
        agent(
            "tools.exec.safe_bins_interpreter_unprofiled",
            vec![],
            json!({"tools": {"exec": {"safeBins": ["python3"]}}}),
        ),
        agent("tools.exec.safe_bins_broad_behavior", vec![], json!({"tools": {"exec": {"safeBins": ["jq"]}}})),
        agent(
            "tools.exec.safe_bin_trusted_dirs_risky",
            vec![],
            json!({"tools": {"exec": {"safeBinTrustedDirs": ["/tmp"]}}}),
        ),
        agent(
            "tools.exec.agent_skill_mcp_boundary_drift",
            vec![
                Piece::Key("mcp.servers.docs.command", json!("/opt/docs")),
                Piece::Key("tools.exec.host", json!("gateway")),
            ],
            json!({"skills": ["notes"]}),
        ),
        agent("models.weak_tier", vec![], json!({"model": "anthropic/claude-haiku-4-5"})),
        agent("agents.can_change_own_config", vec![], json!({"sandbox": {"mode": "off"}})),
        agent("reader_pattern.mixed_agent", vec![], json!({"sandbox": {"mode": "off"}})),
        agent(
            "security.exposure.open_groups_with_runtime_or_fs",
            vec![
                Piece::Key("channels.telegram.groupPolicy", json!("open")),
                Piece::Key("agents.defaults.sandbox.workspaceAccess", json!("none")),
            ],
            json!({"sandbox": {"mode": "off"}}),
        ),
    ]
}

/// Keys that were renamed.
fn of_config() -> Vec<Weakness> {
    let discord = |fields: Value| vec![Piece::Key("channels.discord", fields)];
    vec![
        Weakness {
            id: "sandbox.scope_wider_than_session",
            both: vec![],
            february: vec![Piece::Key("agents.defaults.sandbox.perSession", json!(false))],
            current: vec![Piece::Key("agents.defaults.sandbox.scope", json!("shared"))],
        },
        Weakness {
            id: "tools.exec.security_full_configured",
            both: vec![],
            february: vec![Piece::Key("tools.exec.security", json!("full"))],
            current: vec![Piece::Key("tools.exec.mode", json!("full"))],
        },
        Weakness {
            id: "exec.ask_not_always",
            both: vec![Piece::Key("tools.deny", json!(["gateway", "cron"]))],
            february: vec![Piece::Key("tools.exec.ask", json!("on-miss"))],
            current: vec![Piece::Key("tools.exec.mode", json!("ask"))],
        },
        Weakness {
            id: "gateway.nodes.allow_commands_dangerous",
            both: vec![],
            february: vec![Piece::Key("gateway.nodes.allowCommands", json!(["camera.snap"]))],
            current: vec![Piece::Key("gateway.nodes.commands.allow", json!(["camera.snap"]))],
        },
        Weakness {
            id: "gateway.nodes.deny_commands_ineffective",
            both: vec![],
            february: vec![Piece::Key("gateway.nodes.denyCommands", json!(["system.*"]))],
            current: vec![Piece::Key("gateway.nodes.commands.deny", json!(["system.*"]))],
        },
        Weakness {
            id: "channels.discord.dm.open",
            both: discord(json!({"enabled": true})),
            february: vec![Piece::Key("channels.discord.dm", json!({"policy": "open", "allowFrom": ["*"]}))],
            current: vec![
                Piece::Key("channels.discord.dmPolicy", json!("open")),
                Piece::Key("channels.discord.allowFrom", json!(["*"])),
            ],
        },
        Weakness {
            id: "channels.discord.dm.disabled",
            both: discord(json!({"enabled": true})),
            february: vec![Piece::Key("channels.discord.dm", json!({"policy": "disabled"}))],
            current: vec![Piece::Key("channels.discord.dmPolicy", json!("disabled"))],
        },
        Weakness {
            id: "security.trust_model.multi_user_heuristic",
            both: discord(json!({"enabled": true})),
            february: vec![Piece::Key("channels.discord.dm", json!({"policy": "open", "allowFrom": ["*"]}))],
            current: vec![
                Piece::Key("channels.discord.dmPolicy", json!("open")),
                Piece::Key("channels.discord.allowFrom", json!(["*"])),
            ],
        },
    ]
}

/// Files that are tables now, and keys that are.
fn of_stores() -> Vec<Weakness> {
    let mut all = vec![
        approvals("tools.exec.auto_allow_skills_enabled", &json!({"defaults": {"autoAllowSkills": true}})),
        approvals(
            "tools.exec.allowlist_interpreter_without_strict_inline_eval",
            &json!({"agents": {"main": {"allowlist": [{"pattern": "/usr/bin/python3"}]}}}),
        ),
    ];
    let many: Vec<String> = (0..9).map(|n| format!("{}", 100_200_300 + n)).collect();
    let rows: Vec<String> = many.iter().map(|entry| format!("('telegram','default','{entry}')")).collect();
    all.push(Weakness {
        id: "channels.paired_many",
        both: vec![],
        february: vec![Piece::File(
            "credentials/telegram-allowFrom.json",
            json!({"allowFrom": many}).to_string(),
            0o600,
        )],
        current: vec![state(format!("INSERT INTO channel_pairing_allow_entries VALUES {}", rows.join(",")))],
    });
    for (plugin, hook, record) in [
        (
            "plugins.installs_unpinned_npm_specs",
            "hooks.installs_unpinned_npm_specs",
            json!({"source": "npm", "spec": "@acme/x@latest", "integrity": "sha512-x"}),
        ),
        (
            "plugins.installs_missing_integrity",
            "hooks.installs_missing_integrity",
            json!({"source": "npm", "spec": "@acme/x@1.0.0"}),
        ),
    ] {
        let records = json!({"x": record});
        all.push(records_of(
            plugin,
            "plugins.installs",
            "plugins.installedIndex",
            &records,
            &json!({"index": {"installRecords": records}}),
        ));
        all.push(records_of(hook, "hooks.internal.installs", "hooks.internal.installs", &records, &records));
    }
    all
}

/// Files whose modes matter, and that are other files now.
fn of_files() -> Vec<Weakness> {
    let moved = |id, before: &'static str, now: &'static str, mode| Weakness {
        id,
        both: vec![],
        february: vec![Piece::File(before, "{}".to_owned(), mode)],
        current: vec![Piece::Table(now, KEYS.to_owned(), mode)],
    };
    let (profiles, database) = ("agents/main/agent/auth-profiles.json", "agents/main/agent/openclaw-agent.sqlite");
    vec![
        moved("fs.auth_profiles.perms_readable", profiles, database, 0o644),
        moved("fs.auth_profiles.perms_writable", profiles, database, 0o666),
        // Of an agent that no config names any more.
        moved(
            "fs.secret_file.perms_readable",
            "agents/gone/sessions/1.jsonl",
            "agents/gone/agent/openclaw-agent.sqlite",
            0o644,
        ),
        moved(
            "fs.secret_file.perms_writable",
            "identity/device.json",
            "agents/gone/agent/openclaw-agent.sqlite",
            0o666,
        ),
        Weakness {
            id: "fs.secret_file.perms_readable",
            both: vec![Piece::File("keys/auth-profiles.json", "{}".to_owned(), 0o644)],
            february: vec![Piece::Key("agents.list", json!([{"id": "helper", "agentDir": "~/.openclaw/keys"}]))],
            current: vec![Piece::Key("agents.entries", json!({"helper": {"agentDir": "~/.openclaw/keys"}}))],
        },
    ]
}

fn agent(id: &'static str, both: Vec<Piece>, settings: Value) -> Weakness {
    let mut listed = settings.clone();
    listed["id"] = json!("helper");
    Weakness {
        id,
        both,
        february: vec![Piece::Key("agents.list", json!([listed]))],
        current: vec![Piece::Key("agents.entries", json!({"helper": settings}))],
    }
}

fn approvals(id: &'static str, document: &Value) -> Weakness {
    let row = format!("INSERT INTO exec_approvals_config VALUES('current','{document}')");
    Weakness {
        id,
        both: vec![],
        february: vec![Piece::File("exec-approvals.json", document.to_string(), 0o600)],
        current: vec![state(row)],
    }
}

fn records_of(id: &'static str, key: &'static str, row: &str, records: &Value, kept: &Value) -> Weakness {
    Weakness {
        id,
        both: vec![],
        february: vec![Piece::Key(key, records.clone())],
        current: vec![state(format!("INSERT INTO config_machine_state VALUES('{row}','{kept}')"))],
    }
}

fn state(statement: String) -> Piece {
    Piece::Table(STATE, statement, 0o600)
}

fn says(generation: Generation, both: &[Piece], own: &[Piece], id: &str) -> bool {
    ids(&laid_out(generation, both, own), generation).contains(id)
}

/// The ids of what is found, in an install that is taken for what it is.
fn ids(home: &Home, generation: Generation) -> BTreeSet<String> {
    let snapshot = home.snapshot();
    assert_eq!(snapshot.install.generation, generation);
    Report::of(&snapshot, None).findings.into_iter().map(|found| found.finding.check_id).collect()
}

fn laid_out(generation: Generation, both: &[Piece], own: &[Piece]) -> Home {
    home(&sound(generation), generation == Current, &both.iter().chain(own).collect::<Vec<_>>())
}

fn home(config: &Value, has_database: bool, pieces: &[&Piece]) -> Home {
    let mut home = Home::new();
    let mut config = config.clone();
    let mut databases = if has_database { vec![(STATE, TABLES, 0o600)] } else { vec![] };
    for piece in pieces {
        match piece {
            Piece::Key(key, value) => put(&mut config, key, value.clone()),
            Piece::File(path, text, mode) => {
                home.write(&format!(".openclaw/{path}"), text);
                home.modes(&format!("{mode:04o} f .openclaw/{path}"));
            }
            Piece::Table(path, statement, mode) => databases.push((path, statement, *mode)),
        }
    }
    for (path, statements, mode) in databases {
        home.set_up(&format!("sqlite .openclaw/{path} {statements}"));
        home.modes(&format!("{mode:04o} f .openclaw/{path}"));
    }
    home.write(".openclaw/openclaw.json", &config.to_string());
    home.variables("OPENCLAW_GATEWAY_TOKEN=c1f0a6f2b77e4b0d9a3c5e8d7f6a1b2c4d5e6f70");
    home
}

/// An install of which there is nothing to say, as each generation writes it.
fn sound(generation: Generation) -> Value {
    let (version, scope) = match generation {
        February => ("2026.2.6-3", json!({"perSession": true})),
        Current => ("2026.9.6", json!({"scope": "session"})),
    };
    let mut sandbox = scope;
    sandbox["mode"] = json!("all");
    sandbox["workspaceAccess"] = json!("ro");
    let auth = json!({"mode": "token", "token": "${OPENCLAW_GATEWAY_TOKEN}"});
    json!({
        "meta": {"lastTouchedVersion": version},
        "gateway": {"bind": "loopback", "trustedProxies": ["127.0.0.1"], "auth": auth},
        "discovery": {"mdns": {"mode": "off"}},
        "agents": {"defaults": {"sandbox": sandbox}},
        "tools": {"deny": ["group:runtime", "gateway", "cron"], "exec": {"security": "allowlist", "ask": "always"}},
    })
}

/// Writes a key; a `mode` of commands takes the place of the pair, which OpenClaw refuses beside it.
fn put(config: &mut Value, key: &str, value: Value) {
    let mut at = config;
    for part in key.split('.') {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        if part == "mode" && key == "tools.exec.mode" {
            *at = Value::Object(Map::new());
        }
        at = &mut at[part];
    }
    *at = value;
}

/// Where pieces stand: keys, and files of the state directory.
fn places(pieces: &[Piece]) -> Vec<String> {
    let place = |piece: &Piece| match piece {
        Piece::Key(key, _) => format!("openclaw.json {key}"),
        Piece::File(path, ..) | Piece::Table(path, ..) => (*path).to_owned(),
    };
    pieces.iter().map(place).collect()
}

/// Whether one place is the other, or holds it.
fn overlap(here: &str, there: &str) -> bool {
    let holds = |above: &str, below: &str| {
        below.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
    };
    holds(here, there) || holds(there, here)
}

const STATE: &str = "state/openclaw.sqlite";
/// The tables of the current layout that matter here; a row of approvals, pairing or installs is inserted into them.
const TABLES: &str = "PRAGMA user_version = 18; \
    CREATE TABLE exec_approvals_config(config_key TEXT PRIMARY KEY, raw_json TEXT NOT NULL) STRICT; \
    CREATE TABLE config_machine_state(state_key TEXT PRIMARY KEY, value_json TEXT NOT NULL) STRICT; \
    CREATE TABLE channel_pairing_allow_entries(channel_key TEXT, account_id TEXT, entry TEXT) STRICT";
/// The keys of an agent, as its database keeps them.
const KEYS: &str = "PRAGMA user_version = 23; \
    CREATE TABLE auth_profile_store(store_key TEXT PRIMARY KEY, store_json TEXT NOT NULL) STRICT";
