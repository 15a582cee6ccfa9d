//! The journal against tampering, crashes and full disks.
#![allow(clippy::disallowed_methods, reason = "a test plays the intruder, who writes files and starts processes")]
#![allow(missing_docs, reason = "a test has no interface")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use serde_json::{Value, json};
use stockade_core::{
    AgentId, Decision, Denial, ManualClock, Principal, Redactor, Rule, Secret, SessionKey, Stage, Timestamp, TurnId,
};
use stockade_store::journal::{FILE, HEAD_FILE, KEY_FILE, tail, trace, verify};
use stockade_store::{Entry, Journal, JournalError};

const FILES: [&str; 3] = [FILE, HEAD_FILE, KEY_FILE];
const SECRET: &str = "correct-horse-battery";

type Spoil = fn(&Store);

struct Store(tempfile::TempDir);

impl Store {
    fn new() -> Self {
        Self(tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o700)).tempdir().expect("a folder"))
    }

    /// A store with a journal of `records` records.
    fn with(records: u64) -> Self {
        let store = Self::new();
        drop(store.run(1..=records));
        store
    }

    /// The same without the syncs of making it: a copy of the one journal of that length.
    fn copied(records: u64) -> Self {
        static MADE: Mutex<BTreeMap<u64, [Vec<u8>; 3]>> = Mutex::new(BTreeMap::new());
        let mut made = MADE.lock().expect("no test failed in here");
        let files = made.entry(records).or_insert_with(|| {
            let store = Self::with(records);
            FILES.map(|name| fs::read(store.file(name)).expect("readable"))
        });
        let store = Self::new();
        for (name, bytes) in FILES.iter().zip(files.iter()) {
            fs::write(store.file(name), bytes).expect("writable");
        }
        store
    }

    /// Runs the gateway for a while: appends records with these numbers.
    fn run(&self, numbers: std::ops::RangeInclusive<u64>) -> Journal {
        let journal = self.open().expect("opens");
        for n in numbers {
            assert_eq!(journal.append(entry(n)).expect("appends").seq, n);
        }
        journal
    }

    fn dir(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    fn open(&self) -> Result<Journal, JournalError> {
        Journal::open(self.dir(), Redactor::new([Secret::new(SECRET)]), Arc::new(ManualClock::new(Timestamp(1_000))))
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.file(FILE)).expect("readable")
    }

    fn put(&self, bytes: &[u8]) {
        fs::write(self.file(FILE), bytes).expect("writable");
    }

    fn lines(&self) -> Vec<Vec<u8>> {
        self.bytes().split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    }
}

fn entry(n: u64) -> Entry {
    Entry {
        turn: Some(TurnId::parse(&format!("turn-{}", n % 2)).expect("valid")),
        session: Some(SessionKey::parse("agent:main:main").expect("valid")),
        agent: Some(AgentId::parse("main").expect("valid")),
        decision: Some(Decision::Deny(Denial::policy(Rule::Egress, "private address"))),
        detail: json!({ "n": n, "text": "é\u{1b} \"quoted\"", "ratio": 0.1 }),
        ..Entry::new(Stage::Decision, Principal::Drill)
    }
}

#[test]
fn what_is_appended_is_read_back_and_verifies() {
    let store = Store::with(5);
    let verified = verify(store.dir()).expect("verifies");
    assert_eq!((verified.records, verified.sealed, verified.torn), (5, 5, 0));
    let records = trace(store.dir(), &TurnId::parse("turn-1").expect("valid")).expect("reads");
    assert_eq!(records.iter().map(|record| record.seq).collect::<Vec<_>>(), [1, 3, 5]);
    assert_eq!(records[0].detail, entry(1).detail);
    assert_eq!(records[0].decision, entry(1).decision);
    assert_eq!(tail(store.dir(), 2).expect("reads").iter().map(|record| record.seq).collect::<Vec<_>>(), [4, 5]);
    assert_eq!(tail(store.dir(), 99).expect("reads").len(), 5);
    for name in FILES {
        assert_eq!(fs::metadata(store.file(name)).expect("there").permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_reopened_journal_chains_on() {
    let store = Store::with(2);
    assert_eq!(store.open().expect("opens").append(entry(3)).expect("appends").seq, 3);
    assert_eq!(verify(store.dir()).expect("verifies").records, 3);
}

#[test]
fn many_writers_share_syncs_and_keep_the_chain() {
    let store = Store::new();
    let journal = store.open().expect("opens");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..25).all(|n| journal.append(entry(n)).is_ok()));
        }
    });
    assert_eq!(verify(store.dir()).expect("verifies beside the writer").records, 200);
}

#[test]
fn no_secret_enters_by_any_field() {
    let store = Store::new();
    let key = format!("sk-ant-{}", "a1".repeat(20));
    let journal = store.open().expect("opens");
    let text = format!("{SECRET} and {key}");
    let entry = Entry {
        turn: Some(TurnId::parse(SECRET).expect("valid")),
        session: Some(SessionKey::parse(&format!("agent:main:{SECRET}")).expect("valid")),
        agent: Some(AgentId::parse(SECRET).expect("valid")),
        decision: Some(Decision::Deny(Denial::unreadable(Rule::Workspace, &text))),
        detail: json!({ SECRET: [{ "deep": text }], "long": format!("{}{SECRET}", "x".repeat(4090)),
            "huge": format!("{}{SECRET}", "x".repeat(1 << 20)) }),
        ..Entry::new(Stage::Output, &text)
    };
    journal.append(entry).expect("appends");
    let written = String::from_utf8(store.bytes()).expect("text");
    assert!(!written.contains("correct-horse") && !written.contains("a1a1a1"), "{written}");
    assert!(written.contains("[secret]"));
    verify(store.dir()).expect("verifies");
}

#[test]
fn hostile_details_stay_within_bounds() {
    let store = Store::new();
    let journal = store.open().expect("opens");
    let deep = (0..1_000).fold(json!(1), |inner, _| Value::Array(vec![inner]));
    let wide = json!(vec!["\u{1}".repeat(5_000); 5_000]);
    for detail in [deep, wide, json!("\u{1}".repeat(60_000)), json!({ "a": "\u{1}".repeat(1 << 22) })] {
        let loud = "\u{1}".repeat(50_000);
        let decision = Some(Decision::Deny(Denial::policy(Rule::Egress, &loud)));
        journal.append(Entry { detail, decision, ..Entry::new(Stage::Proposed, &loud) }).expect("appends");
    }
    assert!(store.lines().iter().all(|line| line.len() <= 64 * 1024));
    assert_eq!(verify(store.dir()).expect("verifies").records, 4);
    assert_eq!(tail(store.dir(), 4).expect("reads").len(), 4);
}

#[derive(Debug, Clone)]
enum Mutation {
    Flip { at: prop::sample::Index, bit: u8 },
    Remove(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
    Truncate(prop::sample::Index),
    Duplicate { line: prop::sample::Index, to: prop::sample::Index },
    FlipHead { at: prop::sample::Index, bit: u8 },
    FlipKey { at: prop::sample::Index, bit: u8 },
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        4 => (index(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip { at, bit }),
        2 => index().prop_map(Mutation::Remove),
        2 => (index(), index()).prop_map(|(a, b)| Mutation::Swap(a, b)),
        2 => index().prop_map(Mutation::Truncate),
        2 => (index(), index()).prop_map(|(line, to)| Mutation::Duplicate { line, to }),
        1 => (index(), 0..8_u8).prop_map(|(at, bit)| Mutation::FlipHead { at, bit }),
        1 => (index(), 0..8_u8).prop_map(|(at, bit)| Mutation::FlipKey { at, bit }),
    ]
}

/// Applies a mutation. Answers the first line that it touches, or none when the journal itself is not touched.
fn spoil(store: &Store, mutation: &Mutation) -> Option<u64> {
    let (bytes, mut lines) = (store.bytes(), store.lines());
    let line_of = |at: usize| 1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count() as u64;
    let flip = |name: &str, at: &prop::sample::Index, bit: u8| {
        let mut bytes = fs::read(store.file(name)).expect("readable");
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        fs::write(store.file(name), &bytes).expect("writable");
        at
    };
    match mutation {
        Mutation::Flip { at, bit } => return Some(line_of(flip(FILE, at, *bit))),
        Mutation::FlipHead { at, bit } => drop(flip(HEAD_FILE, at, *bit)),
        Mutation::FlipKey { at, bit } => drop(flip(KEY_FILE, at, *bit)),
        Mutation::Truncate(at) => {
            let at = at.index(bytes.len());
            store.put(&bytes[..at]);
            return Some(line_of(at));
        }
        Mutation::Remove(line) => {
            let at = line.index(lines.len());
            lines.remove(at);
            store.put(&lines.concat());
            return Some(at as u64 + 1);
        }
        Mutation::Swap(a, b) => {
            let a = a.index(lines.len());
            // Another line than `a`.
            let b = (a + 1 + b.index(lines.len() - 1)) % lines.len();
            lines.swap(a, b);
            store.put(&lines.concat());
            return Some(a.min(b) as u64 + 1);
        }
        Mutation::Duplicate { line, to } => {
            let (line, to) = (line.index(lines.len()), to.index(lines.len() + 1));
            lines.insert(to, lines[line].clone());
            store.put(&lines.concat());
            // A copy beside its original is found as the second of the two.
            return Some(if to == line { to as u64 + 2 } else { to as u64 + 1 });
        }
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_single_mutation_is_found_and_named(records in 2..12_u64, mutation in mutation()) {
        let store = Store::copied(records);
        prop_assert_eq!(verify(store.dir()).expect("untouched").records, records);
        let touched = spoil(&store, &mutation);
        let broken = verify(store.dir()).expect_err("found");
        match (&mutation, touched) {
            // A damaged newline joins two lines: either may be named.
            (Mutation::Flip { .. }, Some(line)) => prop_assert!(broken.at == Some(line), "{broken}"),
            (_, Some(line)) => prop_assert_eq!(broken.at, Some(line), "{}", broken),
            (_, None) => prop_assert_eq!(broken.at, None),
        }
    }
}

#[test]
fn a_forged_record_behind_the_head_is_found() {
    let store = Store::with(3);
    // The intruder knows the format and the hash of the last record, and not the key.
    let last: serde_json::Value = serde_json::from_slice(store.lines().last().expect("three")).expect("a record");
    let body = format!(r#"{{"seq":4,"at":1000,"prev":{},"stage":"control","principal":"gateway""#, last["hash"]);
    let hash = stockade_core::Digest::of(body.as_bytes());
    store.put(&[store.bytes(), format!("{body},\"hash\":\"{hash}\"}}\n").into_bytes()].concat());
    assert_eq!(verify(store.dir()).expect_err("found").at, Some(4));
    assert!(matches!(store.open(), Err(JournalError::Broken(broken)) if broken.at == Some(4)));
}

#[test]
fn records_of_two_pasts_do_not_mix() {
    let store = Store::with(2);
    let past: Vec<_> = [FILE, HEAD_FILE].map(|name| fs::read(store.file(name)).expect("readable")).into();
    drop(store.run(3..=4));
    let (head, first) = (fs::read(store.file(HEAD_FILE)).expect("readable"), store.lines());
    // The intruder sets the journal back whole, lets the gateway write on under the same key, and mixes the two.
    fs::write(store.file(FILE), &past[0]).expect("writable");
    fs::write(store.file(HEAD_FILE), &past[1]).expect("writable");
    let journal = store.open().expect("an older copy of both is not found: the module says so");
    (13..=14).for_each(|n| assert!(journal.append(entry(n)).is_ok()));
    drop(journal);
    let second = store.lines();
    store.put(&[&first[..3], &second[3..]].concat().concat());
    let found = verify(store.dir()).expect_err("found");
    assert_eq!((found.at, found.why.contains("does not follow")), (Some(4), true), "{found}");
    store.put(&second.concat());
    verify(store.dir()).expect("the second past by itself");
    fs::write(store.file(HEAD_FILE), head).expect("writable");
    let found = verify(store.dir()).expect_err("the head is of the first past");
    assert_eq!((found.at, found.file.ends_with(HEAD_FILE)), (Some(4), true));
    assert!(matches!(store.open(), Err(JournalError::Broken(broken)) if broken.at == Some(4)));
}

#[test]
fn a_removed_record_is_told_from_a_changed_one() {
    let store = Store::with(3);
    let lines = store.lines();
    store.put(&[lines[0].clone(), lines[2].clone()].concat());
    let found = verify(store.dir()).expect_err("found");
    assert_eq!((found.at, found.why.contains("removed, added or moved")), (Some(2), true), "{found}");
    let changed = String::from_utf8(lines.concat()).expect("text").replacen("private", "public_", 1);
    store.put(changed.as_bytes());
    let found = verify(store.dir()).expect_err("found");
    assert_eq!((found.at, found.why.contains("does not match its content")), (Some(1), true), "{found}");
}

#[test]
fn a_cut_tail_a_missing_key_and_a_missing_head_are_refused_at_opening() {
    let cases: [(&str, Spoil, &str); 5] = [
        ("tail", |store| store.put(&store.lines()[..2].concat()), FILE),
        ("all", |store| store.put(b""), FILE),
        ("gone", |store| fs::remove_file(store.file(FILE)).expect("removed"), FILE),
        ("key", |store| fs::remove_file(store.file(KEY_FILE)).expect("removed"), KEY_FILE),
        ("head", |store| fs::remove_file(store.file(HEAD_FILE)).expect("removed"), HEAD_FILE),
    ];
    for (name, spoil, file) in cases {
        let store = Store::with(3);
        spoil(&store);
        let found = verify(store.dir()).expect_err(name);
        assert_eq!(found.file.file_name().and_then(|file| file.to_str()), Some(file), "{name}: {found}");
        let refused = store.open().expect_err(name).to_string();
        assert!(refused.contains("stockade journal verify"), "{name}: {refused}");
    }
}

#[test]
fn a_crash_between_records_and_head_is_no_alarm() {
    let store = Store::with(3);
    let older = fs::read(store.file(HEAD_FILE)).expect("readable");
    drop(store.run(4..=6));
    fs::write(store.file(HEAD_FILE), older).expect("writable");
    let verified = verify(store.dir()).expect("no alarm");
    assert_eq!((verified.records, verified.sealed), (6, 3));
    drop(store.open().expect("opens"));
    let last = tail(store.dir(), 1).expect("reads").remove(0);
    assert_eq!((last.seq, last.stage, &last.detail["records after the head"]), (7, Stage::Control, &json!(3)));
    assert_eq!(verify(store.dir()).expect("sealed again").sealed, 7);
}

#[test]
fn half_a_record_behind_the_head_is_cut_off_and_recorded() {
    let store = Store::with(3);
    let whole = store.bytes();
    store.put(&[&whole[..], br#"{"seq":4,"at":10"#].concat());
    assert_eq!(verify(store.dir()).expect("no alarm").torn, 16);
    drop(store.open().expect("opens"));
    let last = tail(store.dir(), 1).expect("reads").remove(0);
    assert_eq!((last.seq, &last.detail["bytes of a torn record"]), (4, &json!(16)));
    assert!(store.bytes().starts_with(&whole));
    assert_eq!(verify(store.dir()).expect("verifies").records, 4);
}

#[test]
fn a_second_gateway_is_told_so() {
    let store = Store::new();
    let _first = store.open().expect("opens");
    let second = store.open().expect_err("held");
    assert!(matches!(second, JournalError::Locked { .. }), "{second}");
    assert!(second.to_string().contains("another gateway"));
}

#[test]
fn a_journal_that_is_meddled_with_while_open_stops_everything() {
    let cases: [(&str, Spoil); 4] = [
        ("removed", |store| fs::remove_file(store.file(FILE)).expect("removed")),
        ("replaced", |store| {
            let copy = store.bytes();
            fs::remove_file(store.file(FILE)).expect("removed");
            // Takes up the freed inode, so that the copy cannot get it.
            fs::write(store.file("decoy"), b"").expect("writable");
            store.put(&copy);
        }),
        ("changed", |store| store.put(&store.lines()[..1].concat())),
        ("changed", |store| store.put(&[store.bytes(), b"{}\n".to_vec()].concat())),
    ];
    for (seen, meddle) in cases {
        let store = Store::new();
        let journal = store.run(1..=2);
        meddle(&store);
        for _ in 0..2 {
            let error = journal.append(entry(3)).expect_err("nothing may run");
            assert!(matches!(&error, JournalError::Tampered { what, .. } if *what == seen), "{seen}: {error}");
        }
    }
}

#[test]
fn links_and_open_permissions_are_refused() {
    for name in FILES {
        let store = Store::with(1);
        let elsewhere = store.file("elsewhere");
        fs::rename(store.file(name), &elsewhere).expect("moved");
        symlink(&elsewhere, store.file(name)).expect("linked");
        let error = store.open().expect_err(name).to_string();
        assert!(error.contains(name) && error.contains("not a regular file"), "{error}");
    }
    let store = Store::with(1);
    fs::set_permissions(store.file(FILE), fs::Permissions::from_mode(0o644)).expect("chmod");
    assert!(store.open().expect_err("open to others").to_string().contains("chmod go-rwx"));
    let store = Store::with(1);
    fs::set_permissions(store.dir(), fs::Permissions::from_mode(0o755)).expect("chmod");
    assert!(store.open().expect_err("open to others").to_string().contains("chmod go-rwx"));
}

#[test]
fn an_endless_line_does_not_fill_the_memory() {
    let store = Store::with(2);
    let long = [store.bytes(), vec![b'x'; 1 << 20]].concat();
    store.put(&long);
    assert!(verify(store.dir()).expect_err("found").why.contains("too long"));
    assert!(store.open().is_err());
}

#[test]
fn a_full_disk_stops_what_could_not_be_recorded() {
    if let Ok(dir) = std::env::var(LIMITED_STORE) {
        return append_until_full(Path::new(&dir));
    }
    let store = Store::new();
    // This test again, with room for eight blocks in a file; the signal that would end the process is ignored.
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" --exact a_full_disk_stops_what_could_not_be_recorded"])
        .arg(std::env::current_exe().expect("this test"))
        .env(LIMITED_STORE, store.dir())
        .output()
        .expect("starts");
    assert!(output.status.success(), "{}{}", output.stdout.escape_ascii(), output.stderr.escape_ascii());
    let kept = verify(store.dir()).expect("verifies").records;
    assert!((1..40).contains(&kept), "{kept}");
    let journal = store.open().expect("opens when there is room again");
    assert_eq!(journal.append(entry(99)).expect("appends").seq, kept + 1);
}

fn append_until_full(dir: &Path) {
    let clock = Arc::new(ManualClock::new(Timestamp(0)));
    let journal = Journal::open(dir, Redactor::new([]), clock).expect("opens");
    let results: Vec<_> = (1..=40).map(|n| journal.append(entry(n))).collect();
    let kept = results.iter().take_while(|result| result.is_ok()).count();
    assert!((1..40).contains(&kept), "{kept}");
    assert!(results[kept..].iter().all(Result::is_err), "an entry was acknowledged after the disk was full");
    drop(journal);
    assert_eq!(verify(dir).expect("verifies").records, kept as u64);
}

#[test]
fn a_killed_gateway_loses_nothing_that_was_acknowledged() {
    if let Ok(dir) = std::env::var(KILLED_STORE) {
        return append_until_killed(Path::new(&dir));
    }
    for lines in [1, 40, 300] {
        let store = Store::new();
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--nocapture", "--exact", "a_killed_gateway_loses_nothing_that_was_acknowledged"])
            .env(KILLED_STORE, store.dir())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let said = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let acknowledged = said.filter_map(|line| line.strip_prefix("seq ")?.parse::<u64>().ok());
        let last = acknowledged.take(lines).last().expect("some");
        child.kill().expect("killed");
        child.wait().expect("gone");
        assert!(verify(store.dir()).expect("no alarm").records >= last);
        let next = store.open().expect("opens").append(entry(0)).expect("appends").seq;
        assert!(next > last);
        assert_eq!(verify(store.dir()).expect("verifies").records, next);
    }
}

fn append_until_killed(dir: &Path) {
    let journal = Journal::open(dir, Redactor::new([]), Arc::new(ManualClock::new(Timestamp(0)))).expect("opens");
    let mut out = std::io::stdout();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| while journal.append(entry(1)).is_ok() {});
        }
        while let Ok(appended) = journal.append(entry(2)) {
            writeln!(out, "\nseq {}", appended.seq).expect("someone listens");
        }
    });
}

const KILLED_STORE: &str = "STOCKADE_TEST_KILLED_STORE";
const LIMITED_STORE: &str = "STOCKADE_TEST_LIMITED_STORE";
