//! What is broken, hostile or in use: each gives a finding that names the file, the rest of the audit goes on, nothing
//! waits, and neither the audit nor the fix changes anything.

#![allow(clippy::disallowed_methods, reason = "files of tests are their own")]

mod support;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode};
use stockade_audit::finding::{Finding, Place};
use stockade_audit::fix::Choice;
use stockade_audit::report::Report;
use support::Home;
use support::page::CLEAN;

/// What a file may hold that is to be a config, and what is said of it.
const BODIES: &[(&str, &[u8], &str)] = &[
    ("empty", b"", "config.syntax"),
    ("truncated", b"{ gateway: { bind: \"loop", "config.syntax"),
    ("truncated in a comment", b"{ gateway: {} /* ", "config.syntax"),
    ("a NUL", b"{ gateway: { bind: \0 } }", "config.syntax"),
    ("binary", b"\x7fELF\x02\x01\x01\0\0\0\x90\xfe\xff\xc3", "config.not_text"),
    ("no UTF-8", b"{ gateway: { bind: '\xff' } }", "config.not_text"),
    ("UTF-16", b"\xff\xfe{\0}\0", "config.not_text"),
    ("a number that is none", b"{ gateway: { port: 1e999 } }", "config.syntax"),
];

#[test]
fn a_broken_config_is_named_and_the_files_are_audited_all_the_same() {
    for (what, body, id) in bodies() {
        let home = home();
        fs::write(home.path().join(CONFIG), &body).expect("written");
        let report = unchanged(&home, &what);
        assert_named(&report, id, "openclaw.json", &what);
        assert_found(&report, "secrets.in_shell_history", &what);
    }
}

#[test]
fn a_broken_include_loses_itself_alone() {
    for (what, body, id) in bodies() {
        let home = home();
        home.write(CONFIG, &including("./conf.d/part.json5"));
        home.write(".openclaw/conf.d/part.json5", "");
        fs::write(home.path().join(".openclaw/conf.d/part.json5"), &body).expect("written");
        let report = unchanged(&home, &what);
        assert_named(&report, id, "conf.d/part.json5", &what);
        assert_found(&report, "config.secrets.gateway_password_in_config", &what);
        assert_found(&report, "secrets.in_shell_history", &what);
    }
}

#[test]
fn other_files_that_are_broken_are_named_too() {
    let files = [
        (".openclaw/stockade.json", ""),
        (".openclaw/exec-approvals.json", "audit.not_looked_at"),
        (".openclaw/credentials/telegram-allowFrom.json", "audit.not_looked_at"),
    ];
    for (file, id) in files {
        for (what, body, of_config) in bodies() {
            let home = home();
            home.write(file, "");
            fs::write(home.path().join(file), &body).expect("written");
            let what = format!("{file}, {what}");
            let report = unchanged(&home, &what);
            assert_named(&report, if id.is_empty() { of_config } else { id }, file, &what);
            assert_found(&report, "secrets.in_shell_history", &what);
        }
    }
}

#[test]
fn an_environment_file_that_is_no_text_or_too_large_is_named() {
    for what in ["no UTF-8", "5 MB"] {
        let home = home();
        home.write(".openclaw/.env", "");
        let file = home.path().join(".openclaw/.env");
        match what {
            "no UTF-8" => fs::write(&file, b"A=\xff\nOPENCLAW_GATEWAY_TOKEN=x\n").expect("written"),
            _ => File::options().write(true).open(&file).expect("is there").set_len(5 << 20).expect("is sparse"),
        }
        let report = unchanged(&home, what);
        assert_named(&report, "audit.not_looked_at", ".openclaw/.env", what);
        assert_found(&report, "secrets.in_shell_history", what);
    }
}

#[test]
fn a_config_of_a_hundred_megabytes_is_not_read() {
    for at in [CONFIG, ".openclaw/conf.d/part.json5"] {
        let home = home();
        home.write(CONFIG, &including("./conf.d/part.json5"));
        home.write(at, "{");
        let file = File::options().write(true).open(home.path().join(at)).expect("is there");
        file.set_len(100 << 20).expect("is sparse");
        let report = unchanged(&home, at);
        assert_named(&report, "config.too_large", at, at);
        assert_found(&report, "secrets.in_shell_history", at);
    }
}

#[test]
fn includes_in_circles_and_without_end_come_to_one() {
    let home = home();
    home.write(CONFIG, &including("./conf.d/a.json5"));
    home.write(".openclaw/conf.d/a.json5", "{ level: 'info', x: { $include: './b.json5' } }");
    home.write(".openclaw/conf.d/b.json5", "{ y: { $include: ['./a.json5', '../openclaw.json'] } }");
    let report = unchanged(&home, "two files in a circle");
    assert_named(&report, "config.include", "b.json5", "two files in a circle");
    assert_found(&report, "config.secrets.gateway_password_in_config", "two files in a circle");

    let home = self::home();
    home.write(CONFIG, &CLEAN.replacen('{', "{ $include: './openclaw.json',", 1));
    assert_named(&unchanged(&home, "itself"), "config.include", "openclaw.json", "itself");

    let home = self::home();
    home.write(CONFIG, &including("./conf.d/0.json5"));
    for n in 0..40 {
        let next = format!("./{}.json5", n + 1);
        home.write(
            &format!(".openclaw/conf.d/{n}.json5"),
            &format!("{{ a: {{ $include: '{next}' }}, b: {{ $include: '{next}' }} }}"),
        );
    }
    let report = unchanged(&home, "2^40 files");
    assert_found(&report, "config.include", "2^40 files");

    let home = self::home();
    home.write(CONFIG, &including("./conf.d/loop.json5"));
    home.folders(&home.path().join(".openclaw/conf.d"));
    symlink("loop.json5", home.path().join(".openclaw/conf.d/loop.json5")).expect("linked");
    assert_named(&unchanged(&home, "a link to itself"), "config.include", "openclaw.json", "a link to itself");
}

#[test]
fn a_yaml_file_that_unfolds_without_end_is_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let before = vec![format!("*a{}", n - 1); 10].join(", ");
        bomb.push_str(&format!("a{n}: &a{n} [{before}]\n"));
    }
    let home = home();
    home.write(CONFIG, &including("./conf.d/part.yaml"));
    home.write(".openclaw/conf.d/part.yaml", &bomb);
    let report = unchanged(&home, "aliases of aliases");
    assert_named(&report, "config.syntax", "part.yaml", "aliases of aliases");
    assert_found(&report, "config.secrets.gateway_password_in_config", "aliases of aliases");
}

#[test]
fn of_a_key_that_stands_twice_the_one_that_counts_is_audited_and_mended() {
    let home = home();
    let twice = |one: &str| CLEAN.replace("mode: \"off\"", &format!("mode: \"off\", mode: \"{one}\""));
    home.write(CONFIG, &twice("full"));
    let before = stamps(&home.path());
    let report = Report::of(&home.snapshot(), None);
    assert_eq!(changed(&before, &stamps(&home.path())), [""; 0]);
    assert_named(&report, "config.duplicate_key", "openclaw.json", "a key twice");
    assert_found(&report, "discovery.mdns_full_mode", "a key twice");
    let text = || fs::read_to_string(home.path().join(CONFIG)).expect("readable");
    home.fix(&Choice::All).expect("what is weak is mended");
    assert_eq!(text(), twice("minimal"), "and which of the two is meant is the owner's to say");
    home.undo();
    assert_eq!(text(), twice("full"));
}

#[test]
fn what_may_not_be_opened_is_named_and_the_rest_is_audited() {
    let home = home();
    home.write(".openclaw/credentials/telegram.json", "{}");
    home.write(".openclaw/agents/main/sessions/a.jsonl", "{}\n");
    home.write(".openclaw/agents/main/agent/auth-profiles.json", "{}");
    home.write(".openclaw/workspace/MEMORY.md", "");
    home.write(".openclaw/state/openclaw.sqlite", "");
    home.write(".openclaw/.env", "");
    let shut = [".openclaw/credentials", ".openclaw/agents/main/sessions", ".openclaw/state", ".openclaw/.env"];
    for path in shut {
        fs::set_permissions(home.path().join(path), fs::Permissions::from_mode(0o000)).expect("ours");
    }
    let report = unprivileged(&home, || unchanged(&home, "shut"));
    for path in shut {
        assert_named(&report, "audit.not_looked_at", path, "shut");
    }
    assert_found(&report, "secrets.in_shell_history", "shut");

    for path in [CONFIG, ".openclaw"] {
        let home = self::home();
        fs::set_permissions(home.path().join(path), fs::Permissions::from_mode(0o000)).expect("ours");
        let report = unprivileged(&home, || unchanged(&home, path));
        assert_named(&report, "config.unreadable", "openclaw.json", path);
        assert_found(&report, "secrets.in_shell_history", path);
    }
}

#[test]
fn pipes_sockets_and_devices_are_never_opened_wherever_they_stand() {
    let home = home();
    // Every place that some part of the audit reads.
    let places = [
        ".openclaw/.env",
        ".openclaw/exec-approvals.json",
        ".openclaw/openclaw.json.bak",
        ".openclaw/stockade.json",
        ".openclaw/state/openclaw.sqlite",
        ".openclaw/credentials/telegram-allowFrom.json",
        ".openclaw/credentials/telegram-pairing.json",
        ".openclaw/agents/main/agent/openclaw-agent.sqlite",
        ".openclaw/agents/main/agent/auth-profiles.json",
        ".openclaw/agents/main/sessions/sessions.json",
        ".openclaw/agents/main/sessions/a.jsonl",
        ".openclaw/extensions/x/openclaw.plugin.json",
        ".openclaw/extensions/y/package.json",
        ".openclaw/workspace/AGENTS.md",
        ".openclaw/workspace/skills/s/SKILL.md",
        ".openclaw/skills/config/mcporter.json",
        ".openclaw/logs/gateway.log",
        ".config/systemd/user/openclaw-gateway.service",
        ".zsh_history",
    ];
    let mut listeners = Vec::new();
    for (n, place) in places.iter().enumerate() {
        let path = home.path().join(place);
        home.folders(path.parent().expect("has a parent"));
        match n % 3 {
            0 => rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("made"),
            1 => listeners.push(UnixListener::bind(&path).expect("bound")),
            _ => symlink("/dev/zero", &path).expect("linked"),
        }
    }
    // A device of the tree's own, where the system lets one be made: /dev/zero, which never ends.
    let zero = home.path().join(".openclaw/credentials/zero.json");
    let _ = rustix::fs::mknodat(CWD, zero, FileType::CharacterDevice, Mode::RUSR, rustix::fs::makedev(1, 5));
    let report = unchanged(&home, "no files");
    for place in [
        ".openclaw/.env",
        ".openclaw/agents/main/sessions/a.jsonl",
        ".openclaw/credentials/telegram-allowFrom.json",
        ".openclaw/workspace/AGENTS.md",
    ] {
        let named = report.all().iter().any(|finding| names(finding, place));
        assert!(named, "{place} is not named: {:#?}", report.all());
    }
    assert_found(&report, "fs.special_file", "no files");
    assert_found(&report, "audit.not_looked_at", "no files");
    assert_found(&report, "secrets.in_shell_history", "no files");
    for listener in listeners {
        listener.set_nonblocking(true).expect("set");
        assert!(listener.accept().is_err(), "somebody connected");
    }

    let home = self::home();
    fs::remove_file(home.path().join(CONFIG)).expect("is there");
    symlink("/dev/zero", home.path().join(CONFIG)).expect("linked");
    assert_named(&unchanged(&home, "/dev/zero"), "config.unreadable", "openclaw.json", "/dev/zero");
}

#[test]
fn a_database_that_is_being_written_is_read_and_left_alone() {
    for (mode, lock) in [("WAL", "BEGIN IMMEDIATE"), ("WAL", "BEGIN EXCLUSIVE"), ("DELETE", "BEGIN EXCLUSIVE")] {
        let what = format!("{mode}, {lock}");
        let home = home();
        home.folders(&home.path().join(".openclaw/state"));
        let path = home.path().join(".openclaw/state/openclaw.sqlite");
        let writer = rusqlite::Connection::open(&path).expect("opened");
        writer
            .execute_batch(&format!("PRAGMA journal_mode={mode}; PRAGMA user_version=18; PRAGMA wal_autocheckpoint=0;"))
            .expect("set");
        writer.execute_batch("CREATE TABLE secret_store_entries(x TEXT);").expect("made");
        writer.execute_batch("INSERT INTO secret_store_entries VALUES('committed');").expect("filled");
        writer.execute_batch(&format!("{lock}; INSERT INTO secret_store_entries VALUES('not yet');")).expect("locked");
        for name in fs::read_dir(path.parent().expect("has a parent")).expect("readable") {
            let path = name.expect("readable").path();
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("ours");
        }
        let report = unchanged(&home, &what);
        let databases = home.snapshot().databases;
        let read = databases.iter().any(|one| one.secrets == [("secret_store_entries".to_owned(), 1)]);
        let said = names_in(&report, "audit.not_looked_at", "openclaw.sqlite");
        assert!(read || said, "{what}: neither read nor said: {databases:?}");
        assert_found(&report, "secrets.in_shell_history", &what);
        writer.execute_batch("COMMIT").expect("the writer was not disturbed");
    }
}

#[test]
fn a_database_that_is_damaged_or_of_a_later_form_is_named() {
    let databases = [
        (".openclaw/state/openclaw.sqlite", ".openclaw/agents/main/agent/openclaw-agent.sqlite"),
        (".openclaw/agents/main/agent/openclaw-agent.sqlite", ".openclaw/state/openclaw.sqlite"),
    ];
    for (bad, good) in databases {
        for what in ["later", "no database", "cut off", "damaged"] {
            let home = home();
            for path in [bad, good] {
                let fill = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n WHERE x < 500) \
                            INSERT INTO secret_store_entries SELECT hex(zeroblob(100)) FROM n";
                let later = if what == "later" && path == bad { "PRAGMA user_version=9999;" } else { "" };
                home.set_up(&format!("sqlite {path} CREATE TABLE secret_store_entries(x TEXT); {fill}; {later}"));
            }
            let path = home.path().join(bad);
            let mut bytes = fs::read(&path).expect("readable");
            match what {
                "no database" => bytes.iter_mut().for_each(|byte| *byte = byte.wrapping_mul(31).wrapping_add(7)),
                "cut off" => bytes.truncate(5_000),
                "damaged" => bytes[100..600].fill(0xee),
                _ => {}
            }
            fs::write(&path, bytes).expect("written");
            let report = unchanged(&home, what);
            assert_named(&report, "audit.not_looked_at", bad, what);
            assert!(!names_in(&report, "audit.not_looked_at", good), "{what}: {good} is sound");
            let databases = home.snapshot().databases;
            let read = databases.iter().any(|one| one.path.ends_with(good) && !one.secrets.is_empty());
            assert!(read, "{what}: {good} is read all the same: {databases:?}");
            assert_found(&report, "secrets.in_shell_history", what);
        }
    }
}

/// An install without a fault, but for a secret that was typed into a shell: what shows that the rest was audited.
fn home() -> Home {
    let mut home = Home::new();
    home.write(CONFIG, CLEAN);
    home.write(".bash_history", &format!("export OPENCLAW_GATEWAY_TOKEN={TOKEN}\n"));
    home.variables(&format!("OPENCLAW_GATEWAY_TOKEN={TOKEN}\n"));
    home
}

/// A config with a part in another file, and a weakness in its own part.
fn including(path: &str) -> String {
    let config = CLEAN.replace("mode: \"token\",", "mode: \"token\", password: \"marble-otter-violin-thunder-basil\",");
    config.replacen('{', &format!("{{\n  logging: {{ $include: \"{path}\" }},"), 1)
}

fn bodies() -> Vec<(String, Vec<u8>, &'static str)> {
    let mut bodies: Vec<_> = BODIES.iter().map(|(what, body, id)| ((*what).to_owned(), body.to_vec(), *id)).collect();
    for (what, piece) in [("deep lists", "["), ("deep objects", "{a:"), ("deep behind a comment", "/**/[{a:")] {
        bodies.push((what.to_owned(), piece.repeat(300_000 / piece.len()).into_bytes(), "config.syntax"));
    }
    bodies
}

/// Audits and fixes a home, each within a time, and looks that every name in it is as it was.
fn unchanged(home: &Home, what: &str) -> Report {
    let before = stamps(&home.path());
    let report = in_time(what, || Report::of(&home.snapshot(), None));
    assert_eq!(changed(&before, &stamps(&home.path())), [""; 0], "{what}: by the audit");
    // Refused or nothing to do: both are right, and neither leaves a trace.
    let _ = in_time(what, || home.fix(&Choice::All));
    assert_eq!(changed(&before, &stamps(&home.path())), [""; 0], "{what}: by the fix");
    report
}

/// Something that must not wait for anybody.
fn in_time<T: Send>(what: &str, run: impl FnOnce() -> T + Send) -> T {
    let (done, wait) = channel::<()>();
    std::thread::scope(|scope| {
        let watched = scope.spawn(move || {
            let _until_the_end = done;
            run()
        });
        let timeout = wait.recv_timeout(Duration::from_secs(60));
        if timeout == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            // A thread that waits cannot be ended, and the test would wait with it.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{what}: waits\n").as_bytes());
            std::process::abort();
        }
        watched.join().expect("does not panic")
    })
}

/// Runs something as a user without rights who owns the home, in a thread of its own; as that user already, here.
fn unprivileged<T: Send>(home: &Home, run: impl FnOnce() -> T + Send) -> T {
    if !rustix::process::geteuid().is_root() {
        return run();
    }
    let mut paths: Vec<PathBuf> = stamps(&home.path()).into_keys().collect();
    paths.push(home.path());
    for path in paths {
        std::os::unix::fs::lchown(path, Some(STRANGER), Some(STRANGER)).expect("root may");
    }
    std::thread::scope(|scope| {
        let run = || {
            let id = rustix::fs::Uid::from_raw(STRANGER);
            rustix::thread::set_thread_res_uid(id, id, id).expect("this thread alone");
            run()
        };
        scope.spawn(run).join().expect("holds")
    })
}

/// Every name below a folder: its bits, owner, size, when it was written and changed, and its bytes or target.
type Stamps = BTreeMap<PathBuf, ([i64; 7], Vec<u8>)>;

/// The names that were made, removed or changed.
fn changed(before: &Stamps, after: &Stamps) -> Vec<String> {
    let names = before.keys().chain(after.keys()).filter(|path| before.get(*path) != after.get(*path));
    names.map(|path| path.display().to_string()).collect()
}

fn stamps(folder: &Path) -> Stamps {
    let mut stamps = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder) else { return stamps };
    for entry in entries {
        let path = entry.expect("readable").path();
        let found = fs::symlink_metadata(&path).expect("is there");
        let numbers = [
            i64::from(found.mode()),
            i64::from(found.uid()),
            i64::try_from(found.size()).expect("small"),
            found.mtime(),
            found.mtime_nsec(),
            found.ctime(),
            found.ctime_nsec(),
        ];
        let bytes = match &found {
            link if link.is_symlink() => fs::read_link(&path).expect("a link").into_os_string().into_encoded_bytes(),
            file if file.is_file() && file.size() < 1 << 24 => fs::read(&path).unwrap_or_default(),
            _ => Vec::new(),
        };
        if found.is_dir() {
            stamps.extend(self::stamps(&path));
        }
        stamps.insert(path, (numbers, bytes));
    }
    stamps
}

fn assert_found(report: &Report, id: &str, what: &str) {
    let found = report.all().iter().any(|finding| finding.check_id == id);
    assert!(found, "{what}: no {id} in {:#?}", support::said(report));
}

fn assert_named(report: &Report, id: &str, file: &str, what: &str) {
    assert!(names_in(report, id, file), "{what}: no {id} that names {file}: {:#?}", report.all());
}

fn names_in(report: &Report, id: &str, file: &str) -> bool {
    report.all().iter().any(|finding| finding.check_id == id && names(finding, file))
}

fn names(finding: &Finding, file: &str) -> bool {
    let at = finding.places.iter().any(|place| match place {
        Place::File(path) | Place::Line(path, _) => path.ends_with(file),
        Place::Key(_) => false,
    });
    at || finding.detail.contains(file)
}

const CONFIG: &str = ".openclaw/openclaw.json";
const TOKEN: &str = "c1f0a6f2b77e4b0d9a3c5e8d7f6a1b2c4d5e6f70";
/// A user who owns nothing.
const STRANGER: u32 = 54_321;
