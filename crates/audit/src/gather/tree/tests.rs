use std::fs::{self, Permissions};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, mknodat};

use super::*;
use crate::snapshot::ConfigFile;

/// A home with an install in it: folders and files with these modes.
struct Home {
    folder: tempfile::TempDir,
    install: Install,
    config: Vec<ConfigFile>,
}

impl Home {
    fn new(laid: &[(&str, u32)]) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("mode");
        let home = folder.path().to_str().expect("text").to_owned();
        let state = format!("{home}/.openclaw");
        let config = format!("{state}/openclaw.json");
        let uid = rustix::process::getuid().as_raw();
        let install = Install { home: Some(home), state, config: config.clone(), uid, ..Install::default() };
        let config = vec![ConfigFile { path: config, ..ConfigFile::default() }];
        let home = Self { folder, install, config };
        home.lay(".openclaw/", 0o700);
        for (path, mode) in laid {
            home.lay(&format!(".openclaw/{path}"), *mode);
        }
        home
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// A folder when the name ends with a slash.
    fn lay(&self, below: &str, mode: u32) {
        let path = self.path(below);
        if below.ends_with('/') {
            fs::create_dir_all(&path).expect("folder");
        } else {
            let above = path.parent().expect("parent");
            if !above.exists() {
                fs::create_dir_all(above).expect("folder");
                fs::set_permissions(above, Permissions::from_mode(0o700)).expect("mode");
            }
            fs::File::create(&path).expect("file");
        }
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("mode");
    }

    fn walk_with(&self, change: impl FnOnce(&mut Named<'_>), visit: &mut dyn FnMut(&Seen<'_>)) -> (Tree, Vec<Trouble>) {
        let mut named = Named { config_files: &self.config, ..Named::default() };
        change(&mut named);
        walk(&self.install, &named, visit)
    }

    fn walk(&self) -> (Tree, Vec<Trouble>) {
        self.walk_with(|_| {}, &mut |_| {})
    }

    /// What the walk kept below the state directory, as `path kind mode`.
    fn kept(&self) -> Vec<String> {
        let (tree, troubles) = self.walk();
        assert_eq!(troubles, [], "no trouble");
        self.said(&tree)
    }

    fn said(&self, tree: &Tree) -> Vec<String> {
        let say = |entry: &Entry| {
            let path = entry.path.strip_prefix(&self.install.state)?.trim_start_matches('/');
            Some(format!("{path} {:?} {:o}", entry.role, entry.mode))
        };
        tree.entries.iter().filter_map(say).collect()
    }
}

fn entry<'t>(tree: &'t Tree, name: &str) -> &'t Entry {
    tree.entries.iter().find(|entry| entry.name() == name).unwrap_or_else(|| panic!("{name} in {:?}", tree.entries))
}

#[test]
fn what_is_closed_and_ordinary_is_counted_and_not_kept() {
    let home = Home::new(&[("openclaw.json", 0o600), ("agents/main/sessions/", 0o700), ("credentials/", 0o700)]);
    for folder in ["agents", "agents/main"] {
        home.lay(&format!(".openclaw/{folder}/"), 0o700);
    }
    for index in 0..500 {
        home.lay(&format!(".openclaw/agents/main/sessions/{index}.jsonl"), 0o600);
    }
    let (tree, troubles) = home.walk();
    assert_eq!(home.said(&tree), [" StateDir 700", "credentials CredentialsDir 700", "openclaw.json Config 600"]);
    assert_eq!((tree.files, troubles), (501, vec![]));
}

#[test]
fn every_open_file_has_its_role() {
    let open = [
        ".env",
        "agents/main/agent/auth-profiles.json",
        "agents/main/agent/openclaw-agent.sqlite-wal",
        "agents/main/sessions/a.jsonl",
        "agents/main/sessions/sessions.json",
        "credentials/whatsapp/default/creds.json",
        "devices/paired.json",
        "exec-approvals.json",
        "openclaw.json.bak.2",
        "skills/config/mcporter.json",
        "state/openclaw.sqlite",
    ];
    let laid: Vec<(&str, u32)> = open.iter().map(|path| (*path, 0o644)).collect();
    let home = Home::new(&laid);
    let kept: Vec<String> = home.kept().into_iter().filter(|line| line.ends_with("644")).collect();
    assert_eq!(
        kept,
        [
            ".env SecretFile 644",
            "agents/main/agent/auth-profiles.json AuthProfiles(\"main\") 644",
            "agents/main/agent/openclaw-agent.sqlite-wal AgentDatabase(\"main\") 644",
            "agents/main/sessions/a.jsonl Transcript(\"main\") 644",
            "agents/main/sessions/sessions.json SessionsStore(\"main\") 644",
            "credentials/whatsapp/default/creds.json Credential 644",
            "devices/paired.json Identity 644",
            "exec-approvals.json ExecApprovals 644",
            "openclaw.json.bak.2 ConfigBackup 644",
            "skills/config/mcporter.json SecretFile 644",
            "state/openclaw.sqlite StateDatabase 644",
        ]
    );
}

#[test]
fn code_and_workspaces_matter_only_where_others_may_write() {
    let home = Home::new(&[
        ("openclaw.json", 0o600),
        ("extensions/x/index.js", 0o644),
        ("extensions/x/evil.js", 0o666),
        ("workspace/AGENTS.md", 0o644),
        ("workspace/SOUL.md", 0o646),
        ("workspace/src/main.rs", 0o666),
    ]);
    let kept = home.kept();
    let has = |name: &str| kept.iter().any(|line| line.contains(name));
    assert!(has("evil.js Code 666") && has("SOUL.md Workspace 646"), "{kept:?}");
    assert!(!has("index.js") && !has("AGENTS.md") && !has("main.rs"), "{kept:?}");
}

#[test]
fn a_closed_folder_above_closes_what_is_below() {
    let home = Home::new(&[("agents/main/agent/auth.json", 0o666), ("credentials/oauth.json", 0o644)]);
    for (folder, mode) in [("", 0o755), ("agents/", 0o755), ("agents/main/", 0o750), ("credentials/", 0o755)] {
        home.lay(&format!(".openclaw/{folder}"), mode);
    }
    home.lay(".openclaw/agents/main/agent/", 0o700);
    assert_eq!(shut(0o750), 0o007, "a group passes where others do not");
    let (tree, _) = home.walk();
    let auth = entry(&tree, "auth.json");
    assert_eq!((auth.open(), auth.reachable()), (0o066, 0));
    assert!(auth.closed_by.as_ref().is_some_and(|folder| folder.ends_with("main/agent")), "{auth:?}");
    assert_eq!(entry(&tree, "oauth.json").reachable(), 0o044);
}

#[test]
fn links_are_seen_and_never_followed() {
    let home = Home::new(&[("openclaw.json", 0o600), ("agents/main/sessions/", 0o700)]);
    home.lay("elsewhere/", 0o777);
    home.lay("elsewhere/loot.json", 0o666);
    for (target, name) in [
        ("/etc", "credentials"),
        (".", "loop"),
        ("..", "agents/main/sessions/up"),
        ("../../elsewhere/loot.json", "agents/auth.json"),
        ("self", "self"),
        ("nowhere", ".env"),
    ] {
        symlink(target, home.path(".openclaw").join(name)).expect("link");
    }
    let (tree, troubles) = home.walk();
    assert_eq!(troubles, []);
    let at = |name: &str| entry(&tree, name);
    assert_eq!((at("credentials").kind, at("credentials").target.as_deref()), (Kind::Link, Some("/etc")));
    assert_eq!((at(".env").kind, at(".env").target.as_deref()), (Kind::Link, None));
    assert_eq!(at("up").target_kind, Some(Kind::Folder));
    assert_eq!((at("auth.json").target_kind, at("auth.json").mode), (Some(Kind::File), 0o666));
    assert!(tree.entries.iter().all(|entry| !entry.path.contains("/credentials/")), "nothing below the link");
    assert_eq!(tree.files, 1);
}

#[test]
fn pipes_sockets_and_devices_block_nothing() {
    let home = Home::new(&[("openclaw.json", 0o600), ("credentials/", 0o700), ("agents/main/sessions/", 0o700)]);
    let places = ["credentials/pipe.json", "agents/main/sessions/pipe.jsonl", "secrets.json"];
    for place in places {
        let path = home.path(".openclaw").join(place);
        mknodat(rustix::fs::CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("pipe");
    }
    let socket = std::os::unix::net::UnixListener::bind(home.path(".openclaw/agents/x.sock")).expect("socket");
    let mut visited = Vec::new();
    let (tree, troubles) = home.walk_with(|_| {}, &mut |seen| visited.push(seen.path()));
    drop(socket);
    let specials = tree.entries.iter().filter(|entry| entry.kind == Kind::Special).count();
    assert_eq!((specials, visited.len(), troubles), (4, 1, vec![]));
}

#[test]
fn names_cannot_repaint_the_report_and_are_not_changed_by() {
    let home = Home::new(&[("openclaw.json", 0o600), ("credentials/plain.json", 0o644)]);
    let names: [&[u8]; 4] = [b"a\nb.json", b"\x1b[2Jx.json", b"bad\xff.json", "\u{202e}gpj.json".as_bytes()];
    for name in names {
        let path = home.path(".openclaw/credentials").join(Path::new(std::ffi::OsStr::from_bytes(name)));
        fs::File::create(&path).expect("file");
        fs::set_permissions(&path, Permissions::from_mode(0o666)).expect("mode");
    }
    let (tree, _) = home.walk();
    let escaped: Vec<&str> = tree.entries.iter().filter(|entry| entry.escaped).map(Entry::name).collect();
    assert_eq!(escaped, ["\\u{1b}[2Jx.json", "\\u{202e}gpj.json", "a\\nb.json", "bad\\xff.json"]);
    assert!(!entry(&tree, "plain.json").escaped);
}

#[test]
fn a_name_that_was_swapped_is_not_opened() {
    let home = Home::new(&[("openclaw.json", 0o600), ("credentials/a.json", 0o600)]);
    let (path, other) = (home.path(".openclaw/credentials/a.json"), home.path("other"));
    fs::File::create(&other).expect("file");
    let mut opened = Vec::new();
    let mut read = String::new();
    home.walk_with(|_| {}, &mut |seen| {
        if seen.name() != b"a.json" {
            seen.open().expect("opens").read_to_string(&mut read).expect("reads");
            return;
        }
        opened.push(seen.open().is_ok());
        fs::remove_file(&path).expect("removed");
        symlink("/etc/passwd", &path).expect("link");
        opened.push(seen.open().is_ok());
        fs::remove_file(&path).expect("removed");
        fs::rename(&other, &path).expect("another file");
        opened.push(seen.open().is_ok());
    });
    assert_eq!(opened, [true, false, false]);
}

#[test]
fn a_credentials_folder_that_is_a_link_is_known_by_what_it_leads_to() {
    let home = Home::new(&[]);
    home.lay("elsewhere/", 0o777);
    home.lay("elsewhere/oauth.json", 0o666);
    symlink(home.path("elsewhere"), home.path(".openclaw/credentials")).expect("linked");
    let (tree, _) = home.walk_with(|_| {}, &mut |_| {});
    let found = tree.entries.iter().find(|entry| entry.role == Role::CredentialsDir).expect("kept");
    assert_eq!((found.kind, found.target_kind, found.mode), (Kind::Link, Some(Kind::Folder), 0o777));
    assert!(tree.entries.iter().all(|entry| !entry.path.ends_with("oauth.json")), "and not entered");
}

#[test]
fn a_folder_that_becomes_a_link_is_not_entered() {
    let home = Home::new(&[("openclaw.json", 0o600), ("credentials/", 0o700), ("zzz/a.json", 0o600)]);
    let folder = home.path(".openclaw/credentials");
    let mut swapped = false;
    let mut seen = Vec::new();
    let (_, troubles) = home.walk_with(|_| {}, &mut |file| {
        seen.push(file.path());
        // The files of a folder are handed over before its folders are entered.
        if !swapped {
            fs::remove_dir(&folder).expect("removed");
            symlink("/etc", &folder).expect("link");
            swapped = true;
        }
    });
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert!(troubles.iter().any(|trouble| trouble.path.ends_with("credentials")), "{troubles:?}");
}

#[test]
fn depth_ends() {
    let home = Home::new(&[("openclaw.json", 0o600)]);
    // Longer than a path may be: laid by handles, as an attacker would.
    let mut fd = rustix::fs::open(home.path(".openclaw"), FOLDER, Mode::empty()).expect("opens");
    for _ in 0..1_000 {
        rustix::fs::mkdirat(&fd, "deep", Mode::from_raw_mode(0o700)).expect("folder");
        fd = rustix::fs::openat(&fd, "deep", FOLDER, Mode::empty()).expect("opens");
    }
    let (_, troubles) = home.walk();
    assert!(matches!(troubles.as_slice(), [only] if only.what.contains("deep")), "{troubles:?}");
}

#[test]
fn second_names_of_secrets_are_seen() {
    let home = Home::new(&[("openclaw.json", 0o600), (".env", 0o600)]);
    fs::hard_link(home.path(".openclaw/.env"), home.path("copy")).expect("link");
    fs::hard_link(home.path(".openclaw/openclaw.json"), home.path(".openclaw/a")).expect("link");
    let (tree, _) = home.walk();
    assert_eq!(entry(&tree, ".env").links, 2);
    assert_eq!((&entry(&tree, "openclaw.json").role, entry(&tree, "openclaw.json").links), (&Role::Config, 2));
}

#[test]
fn parents_that_others_may_write_are_kept_and_sticky_ones_are_not() {
    let home = Home::new(&[("openclaw.json", 0o600)]);
    assert!(home.walk().0.entries.iter().all(|entry| entry.role != Role::Parent), "a sound one");
    fs::set_permissions(home.folder.path(), Permissions::from_mode(0o1777)).expect("mode");
    assert!(home.walk().0.entries.iter().all(|entry| entry.role != Role::Parent), "sticky");
    fs::set_permissions(home.folder.path(), Permissions::from_mode(0o777)).expect("mode");
    let (tree, _) = home.walk();
    let parents: Vec<&Entry> = tree.entries.iter().filter(|entry| entry.role == Role::Parent).collect();
    assert!(matches!(parents.as_slice(), [only] if only.mode == 0o777), "{parents:?}");
}

#[test]
fn a_folder_in_the_middle_of_a_chain_of_links_is_above_too() {
    let home = Home::new(&[]);
    home.lay("real/openclaw.json", 0o600);
    home.lay("middle/", 0o777);
    symlink("../middle/config", home.path(".openclaw/openclaw.json")).expect("link");
    symlink("../real/openclaw.json", home.path("middle/config")).expect("link");
    let (tree, _) = home.walk();
    let parents: Vec<&Entry> = tree.entries.iter().filter(|entry| entry.role == Role::Parent).collect();
    assert!(matches!(parents.as_slice(), [only] if only.name() == "middle"), "{parents:?}");
}

#[test]
fn what_is_found_can_be_mended_and_is_then_silent() {
    let wide = [
        ".env",
        "agents/ghost/agent/auth-profiles.json",
        "agents/main/agent/auth-profiles.json",
        "agents/main/agent/models.json",
        "agents/main/agent/openclaw-agent.sqlite",
        "agents/main/agent/openclaw-agent.sqlite-shm",
        "agents/main/sessions/a.jsonl",
        "agents/main/sessions/sessions.json",
        "conf.d/a.json5",
        "credentials/oauth.json",
        "credentials/whatsapp/default/creds.json",
        "devices/paired.json",
        "exec-approvals.json",
        "identity/device.json",
        "openclaw.json",
        "openclaw.json.bak",
        "secrets.json",
        "state/openclaw.sqlite",
        "state/openclaw.sqlite-wal",
    ];
    let laid: Vec<(&str, u32)> = wide.iter().map(|path| (*path, 0o666)).collect();
    let mut home = Home::new(&laid);
    home.lay(".openclaw/workspace/AGENTS.md", 0o666);
    home.lay(".openclaw/extensions/x/run.sh", 0o777);
    let folders = [
        "",
        "agents",
        "agents/main",
        "agents/main/agent",
        "agents/main/sessions",
        "credentials",
        "credentials/whatsapp",
        "credentials/whatsapp/default",
        "devices",
        "identity",
        "state",
        "workspace",
    ];
    for folder in folders {
        home.lay(&format!(".openclaw/{folder}/"), 0o777);
    }
    let include = home.path(".openclaw/conf.d/a.json5").to_str().expect("text").to_owned();
    home.config.push(ConfigFile { path: include, ..ConfigFile::default() });
    let look = || {
        let (tree, _) = home.walk();
        let snapshot = crate::Snapshot { install: home.install.clone(), tree, ..crate::Snapshot::default() };
        crate::testing::findings(&snapshot, "fs.")
    };
    for change in look().into_iter().filter_map(|finding| finding.fix).flat_map(|fix| fix.changes) {
        let crate::Change::Mode { path, mode } = change else { panic!("{change:?}") };
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("mode");
    }
    let mode =
        |path: &str| fs::metadata(home.path(".openclaw").join(path)).expect("there").permissions().mode() & 0o777;
    assert!(wide.iter().all(|path| mode(path) == 0o600), "every secret");
    assert!(folders.iter().all(|path| mode(path) == if *path == "workspace" { 0o755 } else { 0o700 }));
    assert_eq!((mode("workspace/AGENTS.md"), mode("extensions/x/run.sh")), (0o644, 0o755));
    assert_eq!(look(), vec![], "silent after");
}

#[test]
fn foreign_owners_are_seen() {
    if !rustix::process::getuid().is_root() {
        skipped("only root can give a file away");
        return;
    }
    let home = Home::new(&[("openclaw.json", 0o600), ("credentials/x.json", 0o600), ("credentials/mine.json", 0o600)]);
    let nobody = Some(rustix::fs::Uid::from_raw(65534));
    rustix::fs::chown(home.path(".openclaw/credentials/x.json"), nobody, None).expect("chown");
    let (tree, _) = home.walk();
    assert_eq!(entry(&tree, "x.json").uid, 65534);
    assert!(tree.entries.iter().all(|entry| entry.name() != "mine.json"));
}

#[test]
fn what_the_config_names_is_found_inside_and_outside() {
    let mut home = Home::new(&[("openclaw.json", 0o600), ("conf.d/a.json5", 0o600), ("work/AGENTS.md", 0o666)]);
    home.lay("outside/token", 0o640);
    home.lay("outside/oc.log", 0o644);
    home.lay("far/", 0o700);
    home.lay("far/SOUL.md", 0o606);
    let text = |below: &str| home.path(below).to_str().expect("text").to_owned();
    let (include, token, log) = (text(".openclaw/conf.d/a.json5"), text("outside/token"), text("outside/oc.log"));
    let workspaces = vec![text(".openclaw/work"), text("far")];
    home.config.push(ConfigFile { path: include, ..ConfigFile::default() });
    let mut visited = Vec::new();
    let (tree, troubles) = home.walk_with(
        |named| {
            named.secret_files = vec![token];
            named.log_file = Some(log);
            named.workspaces = workspaces;
        },
        &mut |seen| visited.push((seen.name().to_vec(), seen.role.clone())),
    );
    assert_eq!(troubles, []);
    for (name, role) in [
        ("a.json5", Role::Include),
        ("token", Role::SecretFile),
        ("oc.log", Role::Log),
        ("AGENTS.md", Role::Workspace),
        ("SOUL.md", Role::Workspace),
    ] {
        assert_eq!(entry(&tree, name).role, role);
        let times = visited.iter().filter(|(visited, at)| visited == name.as_bytes() && *at == role).count();
        assert_eq!(times, 1, "{name} is handed over once");
    }
}

#[test]
fn other_peoples_logs_are_not_read() {
    let home = Home::new(&[("openclaw.json", 0o600)]);
    home.lay("logs/", 0o755);
    home.lay("logs/openclaw-1.log", 0o644);
    home.lay("logs/openclaw-2.log", 0o600);
    if rustix::process::getuid().is_root() {
        let nobody = Some(rustix::fs::Uid::from_raw(65534));
        rustix::fs::chown(home.path("logs/openclaw-2.log"), nobody, None).expect("chown");
    }
    let logs = home.path("logs").to_str().expect("text").to_owned();
    let mut named = Named { config_files: &home.config, ..Named::default() };
    named.default_logs = Some(&logs);
    let (tree, _) = walk(&home.install, &named, &mut |_| {});
    assert_eq!(entry(&tree, "openclaw-1.log").role, Role::DefaultLog);
    assert!(tree.entries.iter().all(|entry| entry.name() != "openclaw-2.log"));
}

#[test]
fn an_install_that_is_not_there_is_no_trouble() {
    let mut home = Home::new(&[]);
    home.install.state = home.path("nothing").to_str().expect("text").to_owned();
    home.config.clear();
    let (tree, troubles) = home.walk();
    assert_eq!((tree.entries, tree.files, tree.real.as_str(), troubles), (vec![], 0, "", vec![]));
}

#[test]
fn access_control_lists_are_read() {
    let home = Home::new(&[("openclaw.json", 0o600), ("credentials/x.json", 0o600)]);
    let path = home.path(".openclaw/credentials/x.json");
    // user::rw-, user:1001:rw-, group::---, mask::rw-, other::---
    let entries: [(u16, u16, u32); 5] =
        [(1, 6, u32::MAX), (2, 6, 1001), (4, 0, u32::MAX), (16, 6, u32::MAX), (32, 0, u32::MAX)];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, bits, id) in entries {
        list.extend([&tag.to_le_bytes()[..], &bits.to_le_bytes(), &id.to_le_bytes()].concat());
    }
    if rustix::fs::setxattr(&path, "system.posix_acl_access", &list, rustix::fs::XattrFlags::empty()).is_err() {
        skipped("this file system has no access control lists");
        return;
    }
    let (tree, _) = home.walk();
    assert_eq!(entry(&tree, "x.json").acl, ["user 1001 rw"]);
}

#[test]
fn a_state_directory_that_is_a_link_is_walked() {
    let mut home = Home::new(&[("credentials/x.json", 0o644)]);
    symlink(".openclaw", home.path("link")).expect("link");
    home.install.state = home.path("link").to_str().expect("text").to_owned();
    let (tree, _) = home.walk();
    assert_eq!(entry(&tree, "link").kind, Kind::Link);
    assert_eq!(entry(&tree, "x.json").mode, 0o644);
}

/// Says that a test did not run, and why.
fn skipped(why: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}
