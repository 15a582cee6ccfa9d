//! Commands against the corpus, against real shells, and against themselves: no attack passes, honest work is not asked
//! about, and what was analysed is what a shell runs.
#![allow(clippy::print_stdout, reason = "prints the confusion matrix")]
#![allow(clippy::disallowed_methods, reason = "runs real shells, and reads the corpus")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use proptest::prelude::*;
use serde::Deserialize;
use stockade_config::model::{ExecAsk, ExecSecurity};
use stockade_core::{AgentId, Digest, SessionKey, TurnId};
use stockade_policy::call::{CallContext, ExecCall, Executable};
use stockade_policy::command::{Analysis, Role, Simple, analyze};
use stockade_policy::environment::build_env;
use stockade_policy::exec::ExecPolicy;
use stockade_policy::view::{Backend, Limits, View};

#[derive(Deserialize)]
struct Row {
    id: String,
    cmd: String,
    allowlist: Vec<String>,
    must: String,
    why: String,
    class: String,
    #[serde(default)]
    safe_bins: Vec<String>,
}

fn corpus() -> Vec<Row> {
    let text = include_str!("corpus/commands.jsonl");
    text.lines().map(|line| serde_json::from_str(line).expect("a row of the corpus")).collect()
}

fn policy(allowlist: &[String], safe_bins: &[String]) -> ExecPolicy {
    ExecPolicy {
        security: ExecSecurity::Allowlist,
        ask: ExecAsk::OnMiss,
        allowlist: allowlist.to_vec(),
        safe_bins: safe_bins.to_vec(),
        ..ExecPolicy::default()
    }
}

/// Only listed names are found, each in `/usr/bin`; an absolute path is itself.
fn find(word: &str, listed: &[String]) -> Option<PathBuf> {
    if word.starts_with('/') {
        return Some(word.into());
    }
    let named = |entry: &&String| entry.as_str() == word || entry.starts_with('/') && !word.contains('/');
    let entry = listed.iter().filter(named).find(|entry| {
        entry.as_str() == word || Path::new(entry).file_name() == Some(word.as_ref()) || entry.contains('*')
    })?;
    Some(if entry.starts_with('/') && !entry.contains('*') { entry.into() } else { Path::new("/usr/bin").join(word) })
}

fn call(command: &str, listed: &[String]) -> ExecCall {
    let agent = AgentId::parse("main").expect("an id");
    let analysis = analyze(command);
    let programs = analysis.programs().map(|word| Executable {
        word: word.to_owned(),
        path: find(word, listed),
        identity: Some([1, 2, 3, 4]),
    });
    ExecCall {
        context: CallContext {
            session: SessionKey::main(&agent),
            agent,
            sender: stockade_policy::Sender::owner(),
            turn: TurnId::fresh(),
            call_id: "call".into(),
            generation: Digest::of(b""),
        },
        command: command.to_owned(),
        cwd: "/workspace".into(),
        env: build_env(&BTreeMap::new(), "/home/sandbox").expect("the base is allowed"),
        programs: programs.collect(),
        operands: Vec::new(),
        unbound: None,
        view: View {
            backend: Backend::Native,
            mounts: Vec::new(),
            workdir: "/workspace".into(),
            network: false,
            hidden: Vec::new(),
            accept_degraded: Vec::new(),
            limits: Limits::default(),
        },
        background: false,
        timeout: Duration::from_secs(1),
    }
}

fn decide(row: &Row) -> (&'static str, String) {
    let listed: Vec<String> = row.allowlist.iter().chain(&row.safe_bins).cloned().collect();
    let decision = policy(&row.allowlist, &row.safe_bins).judge(&call(&row.cmd, &listed));
    (decision.verdict(), format!("{decision:?}"))
}

#[test]
fn no_attack_of_the_corpus_passes_and_honest_commands_are_not_asked_about() {
    let mut matrix: BTreeMap<(String, String, &str), usize> = BTreeMap::new();
    let (mut passed, mut asked, mut benign) = (Vec::new(), Vec::new(), 0_usize);
    let rows = corpus();
    let ids: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids.len(), rows.len(), "an id stands for one row");
    for row in &rows {
        let (decided, because) = decide(row);
        *matrix.entry((row.class.clone(), row.must.clone(), decided)).or_default() += 1;
        benign += usize::from(row.must == "allow");
        let shown = format!("{} {:?} ({}): {because}", row.id, row.cmd, row.why);
        match (row.must.as_str(), decided) {
            ("ask", "allow") => passed.push(shown),
            ("allow", "ask" | "deny") => asked.push(shown),
            _ => {}
        }
    }
    for ((class, must, decided), count) in &matrix {
        println!("{class:<16} must {must:<6} decided {decided:<6} {count:>5}");
    }
    println!("{} rows, {benign} honest", rows.len());
    println!("benign asked about: {} of {benign}\n{}", asked.len(), asked.join("\n"));
    assert!(passed.is_empty(), "{} attacks passed:\n{}", passed.len(), passed.join("\n"));
    assert!(asked.len() * 100 <= benign * 3, "{} of {benign} honest commands are asked about", asked.len());
    assert!(benign * 3 >= rows.len(), "only {benign} of {} rows are honest", rows.len());
}

/// What a shell itself does without a file.
const OWN: &[&str] = &["echo", "printf", "pwd", "true", "false", "test", "["];
/// Wrappers that run for real, so that what they run is logged.
const REAL: &[&str] = &["env", "nice", "nohup", "timeout", "stdbuf", "xargs", "bash", "sh", "time"];
/// What nobody listed.
const CANARIES: &[&str] = &["id", "rm", "touch", "curl"];

/// A folder of programs that only write down how they were called.
struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    fn new(names: &BTreeSet<String>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let bin = folder.path().join("bin");
        std::fs::create_dir_all(&bin).expect("made");
        std::fs::create_dir_all(folder.path().join("work/src")).expect("made");
        std::fs::create_dir_all(folder.path().join("work/a/b")).expect("made");
        std::fs::create_dir_all(folder.path().join("docs")).expect("made");
        std::fs::write(folder.path().join("work/x"), "x").expect("written");
        let log = folder.path().join("log");
        let text = format!("#!/bin/sh\nprintf '%s\\0' \"${{0##*/}}\" \"$@\" '<end>' >> {}\n", log.display());
        for name in names.iter().map(String::as_str).chain(CANARIES.iter().copied()) {
            let file = bin.join(name);
            if REAL.contains(&name) {
                let real = Path::new("/usr/bin").join(name);
                if real.exists() {
                    std::os::unix::fs::symlink(real, file).expect("linked");
                }
            } else {
                std::fs::write(&file, &text).expect("written");
                std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755))
                    .expect("executable");
            }
        }
        Self { folder }
    }

    /// Every program that the shell started, with its arguments.
    fn run(&self, shell: &str, command: &str) -> Vec<Vec<String>> {
        let log = self.folder.path().join("log");
        std::fs::write(&log, "").expect("emptied");
        let status = Command::new(shell)
            .args(["-c", "--", command])
            .env_clear()
            .env("PATH", self.folder.path().join("bin"))
            .env("HOME", "/home/sandbox")
            .current_dir(self.folder.path().join("work"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.expect("the shell starts");
        let text = String::from_utf8(std::fs::read(&log).expect("a log")).expect("text");
        let mut calls = vec![Vec::new()];
        for piece in text.split_terminator('\0') {
            if piece == "<end>" {
                calls.push(Vec::new());
            } else {
                calls.last_mut().expect("one").push(piece.to_owned());
            }
        }
        calls.pop();
        calls
    }
}

fn explains(simple: &Simple, logged: &[String]) -> bool {
    let plain = simple.words.iter().all(stockade_policy::command::Word::is_plain);
    let words: Vec<&str> = simple.words.iter().map(|word| word.text.as_str()).collect();
    let same = |length: usize| logged.iter().zip(&words).filter(|(logged, word)| logged == word).count() == length;
    if !plain {
        return same(1) || logged.first().map(String::as_str) == words.first().copied();
    }
    if simple.appended { same(words.len()) } else { logged.len() == words.len() && same(words.len()) }
}

fn runs_as_analysed(stage: &Stage, command: &str, analysis: &Analysis) -> Result<(), String> {
    for shell in ["/bin/bash", "/bin/dash"] {
        // Dash runs it beside: what it runs is to be in this log.
        let waiting = if command.contains("&>") { format!("{command}\nwait") } else { command.to_owned() };
        for logged in stage.run(shell, &waiting) {
            let known = |simple: &Simple| simple.role == Role::Program && explains(simple, &logged);
            if !analysis.commands.iter().any(known) {
                return Err(format!("{shell} ran {logged:?} for {command:?}, analysed as {:?}", analysis.commands));
            }
        }
    }
    Ok(())
}

#[test]
fn what_a_shell_runs_is_what_was_analysed() {
    let rows: Vec<Row> =
        corpus().into_iter().filter(|row| decide(row).0 == "allow" && !row.cmd.contains("/opt")).collect();
    let names = rows.iter().flat_map(|row| row.allowlist.iter().chain(&row.safe_bins));
    let names = names.filter(|name| !name.contains('/') && !OWN.contains(&name.as_str())).cloned().collect();
    let stage = Stage::new(&names);
    let mut logged = 0;
    for row in &rows {
        if row.cmd.contains("/usr/bin") || row.cmd.contains("sleep") {
            continue;
        }
        let analysis = analyze(&row.cmd);
        for name in analysis.commands.iter().flat_map(|simple| &simple.reads) {
            std::fs::write(stage.folder.path().join("work").join(&name.text), "x").expect("written");
        }
        runs_as_analysed(&stage, &row.cmd, &analysis).expect(&row.id);
        // In the other direction: everything that must run did.
        let conditional = ["||", "!", "xargs", "time", "test", "[", "exit", "command", "env -i", "if "];
        if !conditional.iter().any(|part| row.cmd.contains(part)) {
            let ran = stage.run("/bin/bash", &row.cmd).len();
            let own = |simple: &&Simple| simple.role == Role::Program && !OWN.contains(&simple.words[0].text.as_str());
            let expected =
                analysis.commands.iter().filter(own).filter(|simple| names_are_staged(simple, &stage)).count();
            assert_eq!(ran, expected, "{} {:?}", row.id, row.cmd);
            logged += ran;
        }
    }
    assert!(logged > 150, "the stubs were run {logged} times");
}

fn names_are_staged(simple: &Simple, stage: &Stage) -> bool {
    let name = &simple.words[0].text;
    stage.folder.path().join("bin").join(name).exists() && !REAL.contains(&name.as_str())
}

#[test]
fn bash_accepts_every_command_that_is_understood() {
    for row in corpus().iter().filter(|row| analyze(&row.cmd).opaque.is_none()) {
        let status = Command::new("/bin/bash").args(["-n", "-c", "--", &row.cmd]).stderr(Stdio::null()).status();
        assert!(status.expect("bash starts").success(), "{} {:?}", row.id, row.cmd);
    }
}

/// What an ampersand before a redirection and a name in braces do is why they are not analysed.
#[test]
fn a_shell_runs_or_sets_what_the_words_do_not_show() {
    let stage = Stage::new(&["ls", "bash", "dash"].map(str::to_owned).into());
    let ran = |shell: &str, command: &str| {
        assert!(analyze(command).opaque.is_some(), "{command:?} was analysed");
        stage.run(shell, &format!("{command}\nwait")).into_iter().any(|words| words == ["id"])
    };
    for command in ["true &>/dev/null id", ": &>>/dev/null id", "if true &>/dev/null id; then :; fi"] {
        assert!(ran("/bin/dash", command), "{command}");
    }
    for command in ["true {x}>/dev/null; test \"$x\" && id", "true {x}<<<y; test \"$x\" && id"] {
        assert!(ran("/bin/bash", command), "{command}");
    }
    for command in ["command printf -v x id; $x", "time printf -v x id; $x"] {
        assert!(ran("/bin/bash", command), "{command}");
    }
    assert!(analyze("command printf -v PATH y; ls").opaque.is_some());
    assert!(analyze("time -p printf -v PATH y; ls").opaque.is_some());
}

/// Pieces of syntax in random order: what passes touches no canary.
#[test]
fn no_soup_of_syntax_reaches_a_canary() {
    let pieces = [
        "ls", "wc", "ls -l", " ", " ", " ", ";", "|", "&&", "||", "&", "\n", "\\", "\\\n", "'", "\"", "$", "`", "(",
        ")", "{", "}", "<", ">", "<<'E'", "<<E", "\nE\n", "E", "#", "!", "id", "$(id)", "`id`", "rm", "touch x",
        "2>&1", ">/dev/null", "&>/dev/null", "$HOME", "\"$PWD\"", "~", "*", "?", "[", "=", "X=1 ", "TZ=U ", "env ",
        "nice ", "time ", "xargs ", "sh -c ", "command ", "cd src", "set -e", "true", "exit", "{a,b}", "$'", "<<<",
        "if ", "; then ", "; else ", "; fi", "for x in a b", "for x in id", "; do ", "; done", "$x", "\"$x\"", "do",
        "<(", "|&", ",", "..", "\t", "1", "2", "é", "\u{a0}", "-", "--",
    ];
    let allowlist = ["ls", "wc"].map(str::to_owned).to_vec();
    let stage = Stage::new(&allowlist.iter().cloned().chain(REAL.iter().map(|name| (*name).to_owned())).collect());
    let mut seed = 0x5eed_u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).expect("small") % below
    };
    let mut seen = BTreeSet::new();
    for _ in 0..200_000 {
        let soup: String = (0..2 + next(9)).map(|_| pieces[next(pieces.len())]).collect();
        let canary = CANARIES.iter().any(|name| soup.contains(name)) || soup.len() > 12;
        if canary
            && policy(&allowlist, &[]).judge(&call(&soup, &allowlist)).verdict() == "allow"
            && seen.insert(soup.clone())
        {
            runs_as_analysed(&stage, &soup, &analyze(&soup)).expect("a shell runs what was analysed");
        }
        if seen.len() >= 400 {
            break;
        }
    }
    assert!(seen.len() > 100, "only {} soups passed", seen.len());
}

/// Constructs inside each other, with a piece changed here and there: what passes runs as it was analysed.
#[test]
fn no_construct_reaches_a_canary() {
    let allowlist = ["ls", "wc"].map(str::to_owned).to_vec();
    let stage = Stage::new(&allowlist.iter().cloned().chain(REAL.iter().map(|name| (*name).to_owned())).collect());
    let mut dice = Dice(0xd1ce);
    let (mut seen, mut ran) = (BTreeSet::new(), 0);
    for _ in 0..40_000 {
        let mut text = construct(&mut dice, 3);
        for _ in 0..dice.below(3) {
            let at = dice.below(text.len());
            if text.is_char_boundary(at) {
                let piece = dice.of(&[
                    "id", " ", ";", "\n", "$x", "'", "\"", "fi", "done", "do ", "then ", "x", "=", "#", "!", "&",
                ]);
                if dice.below(2) == 0 {
                    text.insert_str(at, piece);
                } else {
                    text.remove(at);
                }
            }
        }
        let constructs = text.contains("for ") || text.contains("if ");
        if constructs
            && policy(&allowlist, &[]).judge(&call(&text, &allowlist)).verdict() == "allow"
            && seen.insert(text.clone())
        {
            runs_as_analysed(&stage, &text, &analyze(&text)).expect("a shell runs what was analysed");
            ran += stage.run("/bin/dash", &text).len();
        }
        if seen.len() >= 300 {
            break;
        }
    }
    assert!(seen.len() > 200 && ran > 200, "only {} constructs passed, and ran {ran} programs", seen.len());
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("small") % below.max(1)
    }

    fn of<'a>(&mut self, pieces: &[&'a str]) -> &'a str {
        pieces[self.below(pieces.len())]
    }
}

fn construct(dice: &mut Dice, depth: usize) -> String {
    let end = dice.of(&["; ", "\n", " ; "]);
    let joint = dice.of(&["; ", "\n", " && ", " || ", " | "]);
    match if depth == 0 { 0 } else { dice.below(5) } {
        1 => {
            let (what, body) = (construct(dice, depth - 1), construct(dice, depth - 1));
            let other = construct(dice, depth - 1);
            match dice.below(3) {
                0 => format!("if {what}{end}then {body}{end}fi"),
                1 => format!("if {what}{end}then\n{body}{end}else {other}{end}fi"),
                _ => format!("if ! {what}{end}then {body}{end}elif {other}{end}then {what}{end}fi"),
            }
        }
        2 | 3 => {
            let name = dice.of(&["x", "y", "x", "PATH"]);
            let first = dice.of(&["a", "-l", "'b c'", "id", "*", "'$(id)'", "x=id", "\\*", "-exec", "\"\""]);
            let second = dice.of(&["b", "; id", "\\;", "$x", "{a,b}", "~", "#"]);
            format!("for {name} in {first} {second}{end}do {}{end}done", construct(dice, depth - 1))
        }
        4 => format!("{}{joint}{}", construct(dice, depth - 1), construct(dice, depth - 1)),
        _ => {
            let words = [
                "ls", "wc -l \"$x\"", "ls $x", "ls \"${y}x\"", "true", "ls '$x'", "env ls $y", "sh -c \"$x\"", "$x",
                "sh -c 'ls'",
            ];
            dice.of(&words).to_owned()
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_judged_and_judged_alike(command in "\\PC{0,120}", tail in "[a-z$`'\"\\\\;|&<>(){}!#*?~= \n-]{0,60}") {
        let command = format!("{command}{tail}");
        let allowlist = ["ls".to_owned()];
        let call = call(&command, &allowlist);
        prop_assert_eq!(policy(&allowlist, &[]).judge(&call), policy(&allowlist, &[]).judge(&call));
    }

    #[test]
    fn a_shorter_list_never_allows_more(row in 0_usize..2000, drop in 0_usize..8) {
        let rows = corpus();
        let row = &rows[row % rows.len()];
        let listed: Vec<String> = row.allowlist.iter().chain(&row.safe_bins).cloned().collect();
        let whole = call(&row.cmd, &listed);
        let before = policy(&row.allowlist, &row.safe_bins).judge(&whole).verdict();
        let mut less = row.allowlist.clone();
        if !less.is_empty() {
            less.remove(drop % less.len());
        }
        for tighter in [policy(&less, &row.safe_bins), policy(&row.allowlist, &[]), ExecPolicy { strict_inline_eval: true, ..policy(&row.allowlist, &row.safe_bins) }] {
            let after = tighter.judge(&whole).verdict();
            prop_assert!(before == "allow" || after != "allow", "{:?}: {before} became {after}", row.cmd);
        }
    }

    #[test]
    fn quoting_gives_back_the_word(words in proptest::collection::vec("[^\0]{0,20}", 1..5)) {
        let quoted: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect();
        let analysis = analyze(&format!("ls {}", quoted.join(" ")));
        prop_assert_eq!(analysis.opaque, None);
        let found: Vec<String> = analysis.commands[0].words.iter().skip(1).map(|word| word.text.clone()).collect();
        prop_assert_eq!(found, words);
    }
}
