use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::json;

use super::*;
use crate::files::write_new;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().expect("temp dir"));
        for (name, text) in files {
            let path = folder.path(name);
            std::fs::create_dir_all(path.parent().expect("has a parent")).expect("made");
            write_new(&path, text).expect("written");
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn survey(&self) -> Survey {
        Survey::read(&self.path("openclaw.json"), &Env::default())
    }
}

/// The faults as `kind file:line key`.
fn faults(survey: &Survey) -> Vec<String> {
    let said = |fault: &Fault| {
        let file = fault.file.file_name().expect("a name").to_string_lossy().into_owned();
        let line = fault.line.map(|line| format!(":{line}")).unwrap_or_default();
        let key = fault.key.as_ref().map(|key| format!(" {key}")).unwrap_or_default();
        format!("{:?} {file}{line}{key}", fault.kind)
    };
    survey.faults.iter().map(said).collect()
}

fn key(text: &str) -> KeyPath {
    KeyPath::dotted(text)
}

#[test]
fn a_sound_config_has_no_faults_and_every_key_a_place() {
    let text = "\u{feff}{\n  // c\n  gateway: {port: 1, \"\\u0062ind\": 'lan'},\n  tools: {deny: ['a', 'é']},\n}\n";
    let folder = Folder::new(&[("openclaw.json", text)]);
    let survey = folder.survey();
    assert_eq!(faults(&survey), [""; 0]);
    assert!(survey.present);
    let places = survey.places();
    let named: Vec<_> =
        places.iter().map(|(key, place)| format!("{key} {}:{}+{}", place.line, place.column, place.length)).collect();
    assert_eq!(
        named,
        [
            "gateway 3:3+38", "gateway.bind 3:22+18", "gateway.port 3:13+7", "tools 4:3+25", "tools.deny 4:11+16",
            "tools.deny.0 4:18+3", "tools.deny.1 4:23+3"
        ]
    );
    let place = survey.place(&key("gateway.bind")).expect("is there");
    assert_eq!((&text[place.key], &text[place.value]), ("\"\\u0062ind\"", "'lan'"));
    assert!(survey.place(&key("gateway.bind")).is_some_and(|place| place.source == 0));
    let item = survey.place(&key("tools.deny.1")).expect("is there");
    assert_eq!((&text[item.key], &text[item.value]), ("", "'é'"));
    assert_eq!(survey.place(&key("no.such")), None);
}

#[test]
fn a_config_that_cannot_be_read_is_named_and_never_waited_for() {
    let absent = Folder::new(&[]).survey();
    assert!(!absent.present && absent.faults.is_empty() && absent.value == json!({}));

    for (text, expected) in [
        ("", "Syntax openclaw.json:1"),
        ("// only\n", "Syntax openclaw.json:1"),
        ("{\n a: 1,\n b: {", "Syntax openclaw.json:3"),
        ("{a: '\0', b: \0}", "Syntax openclaw.json:1"),
        ("{a: [\n1, 1e999]}", "Syntax openclaw.json:2"),
    ] {
        let survey = Folder::new(&[("openclaw.json", text)]).survey();
        assert_eq!(faults(&survey), [expected], "{text:?}");
        assert_eq!((survey.value, survey.sources[0].text.as_str()), (json!({}), text));
    }
    let deep = Folder::new(&[("openclaw.json", &format!("// c\r{}", "[".repeat(100_000)))]).survey();
    assert_eq!(faults(&deep), ["Syntax openclaw.json:1"]);

    let folder = Folder::new(&[]);
    #[expect(clippy::disallowed_methods, reason = "a file that is no text is not written by this crate")]
    std::fs::write(folder.path("openclaw.json"), b"{a: '\xff'}").expect("written");
    assert_eq!(faults(&folder.survey()), ["NotText openclaw.json"]);
    let big = Folder::new(&[("openclaw.json", "{")]);
    let file = std::fs::File::options().write(true).open(big.path("openclaw.json")).expect("is there");
    file.set_len(100 << 20).expect("is sparse");
    assert_eq!(faults(&big.survey()), ["TooLarge openclaw.json"]);
    assert_eq!(faults(&Survey::read(Path::new("/dev/zero"), &Env::default())), ["Unreadable zero"]);
    let fifo = Folder::new(&[]);
    let made = rustix::fs::Mode::RUSR;
    rustix::fs::mknodat(rustix::fs::CWD, fifo.path("openclaw.json"), rustix::fs::FileType::Fifo, made, 0)
        .expect("made");
    assert_eq!(faults(&fifo.survey()), ["Unreadable openclaw.json"]);
    let socket = Folder::new(&[]);
    let _listener = std::os::unix::net::UnixListener::bind(socket.path("openclaw.json")).expect("bound");
    assert_eq!(faults(&socket.survey()), ["Unreadable openclaw.json"]);
    let folder = Folder::new(&[("openclaw.json/x", "{}")]);
    assert_eq!(faults(&folder.survey()), ["Unreadable openclaw.json"]);
}

#[test]
fn a_bad_include_loses_only_itself() {
    let folder = Folder::new(&[
        (
            "openclaw.json",
            "{\n gateway: {port: 1},\n tools: {\n  $include: ['good.json', 'bad.json', 'none.json', '/etc/passwd', 7],\n },\n agents: {$include: 'loop.json'},\n logging: {$include: 'list.json', level: 'info'}}",
        ),
        ("good.json", "{profile: 'full'}"),
        ("bad.json", "{\n deny: [\n"),
        ("loop.json", "{defaults: {workspace: '/w'},\n list: {$include: 'loop.json'}}"),
        ("list.json", "[1]"),
    ]);
    let survey = folder.survey();
    assert_eq!(survey.value["gateway"], json!({"port": 1}));
    assert_eq!(survey.value["tools"], json!({"profile": "full"}));
    assert_eq!(survey.value["agents"]["defaults"], json!({"workspace": "/w"}));
    assert_eq!(survey.value["logging"], json!({"level": "info"}));
    let includes: Vec<_> = faults(&survey).into_iter().filter(|fault| !fault.starts_with("RetiredKey")).collect();
    assert_eq!(
        includes,
        [
            "Syntax bad.json:2 tools",
            "Include openclaw.json:4 tools",
            "Include openclaw.json:4 tools",
            "Include openclaw.json:4 tools",
            "Include loop.json:2 agents.list",
            "Include openclaw.json:7 logging",
        ]
    );
    assert!(crate::include::Tree::read(&folder.path("openclaw.json"), &[], Reading::Strict).is_err());
}

#[test]
fn what_others_override_is_shadowed_and_what_counts_has_the_place() {
    let folder = Folder::new(&[
        (
            "openclaw.json",
            "{$include: 'root.json',\n tools: {$include: ['a.json', 'b.json'], profile: 'full',\n  fs: {$include: 'fs.json'}, deny: ['x']}}",
        ),
        ("a.json", "{profile: 'coding',\n deny: ['a'],\n exec: {ask: 'off'}, fs: {workspaceOnly: false}}"),
        ("b.json", "{\n\n exec: {ask: 'always'}}"),
        ("fs.json", "{\nworkspaceOnly: true}"),
        ("root.json", "{logging: {level: 'info'}}"),
    ]);
    let survey = folder.survey();
    assert_eq!(survey.value["tools"]["fs"], json!({"workspaceOnly": true}));
    let mut shadowed = faults(&survey);
    shadowed.sort();
    assert_eq!(
        shadowed,
        [
            "Shadowed a.json:1 tools.profile",
            "Shadowed a.json:3 tools.exec.ask",
            "Shadowed a.json:3 tools.fs.workspaceOnly"
        ]
    );
    let file = |text: &str| {
        let place = survey.place(&key(text)).expect(text);
        let source = &survey.sources[place.source];
        format!("{}:{}", source.path.file_name().expect("a name").to_string_lossy(), place.line)
    };
    assert_eq!(file("tools.profile"), "openclaw.json:2");
    assert_eq!(file("tools.exec.ask"), "b.json:3");
    assert_eq!(file("tools.fs.workspaceOnly"), "fs.json:2");
    assert_eq!((file("tools.deny.0"), file("tools.deny.1")), ("a.json:2".into(), "openclaw.json:3".into()));
    assert_eq!(file("logging.level"), "root.json:1");
}

#[test]
fn yaml_that_is_written_plainly_has_places_too() {
    let text = "# c\nprofile: full\nfs:\n  workspaceOnly: true # c\ndeny:\n  - 'é' # c\n  - x\n";
    let folder = Folder::new(&[("openclaw.json", "{tools: {$include: 't.yml'}}"), ("t.yml", text)]);
    let survey = folder.survey();
    let place = |name: &str| survey.place(&key(name)).expect(name);
    let written = |name: &str| {
        let place = place(name);
        (place.source, place.line, place.column, &text[place.key], &text[place.value])
    };
    assert_eq!(written("tools.profile"), (1, 2, 1, "profile", "full"));
    assert_eq!(written("tools.fs.workspaceOnly"), (1, 4, 3, "workspaceOnly", "true"));
    assert_eq!(written("tools.deny.0"), (1, 6, 5, "", "'é'"));
    assert_eq!(place("tools.fs").length, 3);
    assert_eq!(faults(&survey), [""; 0]);
    let folder = Folder::new(&[("openclaw.json", "{tools: {$include: 't.yml'}}"), ("t.yml", "profile: &a full\n")]);
    assert_eq!(folder.survey().place(&key("tools.profile")), None);
    assert!(folder.survey().owner(&key("tools.profile")).is_ok());
}

#[test]
fn an_edit_goes_to_the_one_file_that_decides() {
    let folder = Folder::new(&[
        (
            "openclaw.json",
            "{gateway: {port: 1}, tools: {$include: 't.json'}, agents: {$include: ['a.json', 'b.json']},\n session: {$include: 's.json', scope: 'global'}}",
        ),
        ("t.json", "{fs: {workspaceOnly: true}}"),
        ("a.json", "{defaults: {workspace: '/a'}}"),
        ("b.json", "{entries: {}}"),
        ("s.json", "{scope: 'per-sender', mainKey: 'm'}"),
    ]);
    let survey = folder.survey();
    let owner = |text: &str| {
        let (source, within) = survey.owner(&key(text)).map_err(|error| error.to_string())?;
        let name = survey.sources[source].path.file_name().expect("a name").to_string_lossy().into_owned();
        Ok::<_, String>(format!("{name} {within}"))
    };
    assert_eq!(owner("gateway.port"), Ok("openclaw.json gateway.port".into()));
    assert_eq!(owner("gateway.auth.mode"), Ok("openclaw.json gateway.auth.mode".into()));
    assert_eq!(owner("discovery.mdns.mode"), Ok("openclaw.json discovery.mdns.mode".into()));
    assert_eq!(owner("tools.fs.workspaceOnly"), Ok("t.json fs.workspaceOnly".into()));
    assert_eq!(owner("tools.exec.ask"), Ok("t.json exec.ask".into()));
    assert_eq!(owner("agents.defaults.workspace"), Ok("a.json defaults.workspace".into()));
    assert!(owner("agents.list").expect_err("merged").contains("several files"));
    let joined = Folder::new(&[
        ("openclaw.json", "{tools: {$include: 't.json', deny: [{x: 1}]}}"),
        ("t.json", "{deny: [{x: 1}, {x: 2}]}"),
    ]);
    let joined = joined.survey().owner(&key("tools.deny.2.x"));
    assert!(matches!(joined, Err(Unowned::Merged { .. })), "the item is the first of its file: {joined:?}");
    assert!(owner("session.scope").expect_err("overridden").contains("overrides"));
    assert!(owner("gateway.port.x").expect_err("a scalar").contains("not an object"));
    let root = Folder::new(&[("openclaw.json", "{$include: 'r.json'}"), ("r.json", "{gateway: {}}")]).survey();
    assert!(matches!(root.owner(&key("gateway.port")), Err(Unowned::RootInclude { .. })));
    assert!(matches!(root.owner(&key("tools.x")), Err(Unowned::RootInclude { .. })));
    let broken = Folder::new(&[("openclaw.json", "{")]).survey();
    assert_eq!(broken.owner(&key("gateway.port")), Err(Unowned::Unread));
}

#[test]
fn keys_and_values_that_are_wrong_are_all_listed_without_their_values() {
    let text = "{\n gatway: {},\n gateway: {bind: 'sk-live-0123', bind: 'sk-live-0123',\n  port: 'sk-live-0123'},\n tools: {denny: ['x'], exec: {ask: 'sk-live-0123'}},\n agents: {defaults: {sandbox: {mode: '${MODE}'}}},\n logging: {level: '${LEVEL}'}}";
    let folder = Folder::new(&[("openclaw.json", text)]);
    let survey = Survey::read(&folder.path("openclaw.json"), &Env::from_iter([("LEVEL", "loud")]));
    let mut found = faults(&survey);
    found.sort();
    assert_eq!(
        found,
        [
            "DuplicateKey openclaw.json:3",
            "InvalidValue openclaw.json:3 gateway.bind",
            "InvalidValue openclaw.json:4 gateway.port",
            "InvalidValue openclaw.json:5 tools.exec.ask",
            "InvalidValue openclaw.json:7 logging.level",
            "UnknownKey openclaw.json:2 gatway",
            "UnknownKey openclaw.json:5 tools.denny",
        ]
    );
    assert!(survey.faults.iter().any(|fault| fault.what.contains("did you mean `tools.deny`")));
    assert!(!format!("{survey:?}").contains("sk-live"));
    let references = "{gateway: {auth: {token: {source: 'env', provider: 'default', id: 'T'}, password: '$P'}}}";
    assert_eq!(faults(&Folder::new(&[("openclaw.json", references)]).survey()), [""; 0]);
}

#[test]
fn our_own_file_has_its_own_table() {
    let folder = Folder::new(&[("stockade.json", "{egress: {alow: []},\n turn: {maxToolCalls: 'x'}}")]);
    let survey = Survey::read_own(&folder.path("stockade.json"), &Env::default());
    assert_eq!(
        faults(&survey),
        ["UnknownKey stockade.json:1 egress.alow", "InvalidValue stockade.json:2 turn.maxToolCalls"]
    );
}

#[test]
fn a_text_that_parsers_read_differently_is_said() {
    // One parser ends the comment at U+2028, the other at the line's end.
    let text = "{gateway: {\n bind: 'loopback', // \u{2028} bind: 'lan',\n}}";
    let survey = Folder::new(&[("openclaw.json", text)]).survey();
    assert!(faults(&survey).contains(&"ParserDisagreement openclaw.json:2 gateway.bind".to_owned()), "{survey:?}");
    assert!(!survey.faults.iter().any(|fault| fault.what.contains("loopback")));
}

#[test]
fn facts_of_the_files_are_kept_for_broken_ones_too() {
    let folder = Folder::new(&[("real.json", "{a")]);
    std::fs::set_permissions(folder.path("real.json"), std::fs::Permissions::from_mode(0o644)).expect("is ours");
    std::os::unix::fs::symlink("real.json", folder.path("openclaw.json")).expect("linked");
    let survey = folder.survey();
    let source = &survey.sources[0];
    assert_eq!((source.mode, source.symlink, source.format), (0o644, true, Format::Json5));
    assert_eq!(source.uid, rustix::process::geteuid().as_raw());
}

#[test]
fn a_large_config_is_surveyed_in_a_moment() {
    let agents: String =
        (0..1_000).map(|n| format!("  a{n}: {{workspace: '/w/{n}', tools: {{deny: ['exec']}}}},\n")).collect();
    let folder = Folder::new(&[("openclaw.json", &format!("{{agents: {{entries: {{\n{agents}}}}}}}"))]);
    let start = std::time::Instant::now();
    let survey = folder.survey();
    let took = start.elapsed();
    assert_eq!(survey.places().len(), 2 + 1_000 * 5);
    assert!(survey.sources[0].text.len() > 50_000);
    assert!(took < std::time::Duration::from_secs(5), "{took:?}");
}
