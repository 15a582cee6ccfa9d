//! The reader beside a writer, and over what an attacker would leave for it.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, symlink};

use rustix::fs::{FileType, Mode};

use super::*;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("temp dir"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("openclaw.sqlite")
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::io::Write::write_all(&mut File::create(&path).expect("made"), bytes).expect("written");
        path
    }

    /// A database as a gateway has it open.
    fn writer(&self, mode: &str) -> Connection {
        let connection = Connection::open(self.path()).expect("opened");
        let pragmas = format!("PRAGMA journal_mode={mode}; PRAGMA wal_autocheckpoint=0; PRAGMA user_version=18;");
        connection.execute_batch(&pragmas).expect("set");
        connection.execute_batch("CREATE TABLE t(a TEXT) STRICT; INSERT INTO t VALUES('one');").expect("made");
        connection
    }

    /// Every file: its bytes, its inode and when it was written, read and changed.
    fn files(&self) -> BTreeMap<PathBuf, (Vec<u8>, [i64; 5])> {
        let mut files = BTreeMap::new();
        for entry in std::fs::read_dir(self.0.path()).expect("listed") {
            let path = entry.expect("entry").path();
            let meta = std::fs::metadata(&path).expect("stat");
            let inode = i64::try_from(meta.ino()).expect("small");
            let stamps = [inode, meta.mtime_nsec(), meta.atime(), meta.atime_nsec(), meta.ctime_nsec()];
            files.insert(path.clone(), (std::fs::read(&path).expect("read"), stamps));
            long_unread(&path);
        }
        // Marking the files as unread has changed them.
        for (path, (_, stamps)) in &mut files {
            let meta = std::fs::metadata(path).expect("stat");
            stamps[2..].copy_from_slice(&[meta.atime(), meta.atime_nsec(), meta.ctime_nsec()]);
        }
        files
    }

    /// Whether every file is as it was.
    fn is_as(&self, before: &BTreeMap<PathBuf, (Vec<u8>, [i64; 5])>) -> bool {
        let stamps: Vec<_> = before.keys().map(|path| std::fs::metadata(path).expect("stat")).collect();
        let unread = stamps.iter().zip(before.values()).all(|(meta, (_, stamps))| {
            stamps[1..] == [meta.mtime_nsec(), meta.atime(), meta.atime_nsec(), meta.ctime_nsec()]
        });
        let now = self.files();
        unread && now.keys().eq(before.keys()) && now.iter().all(|(path, (bytes, _))| before[path].0 == *bytes)
    }
}

/// Makes the system note the next reading of a file, where it notes any.
fn long_unread(path: &Path) {
    let time = |tv_sec, tv_nsec| rustix::fs::Timespec { tv_sec, tv_nsec };
    let times = rustix::fs::Timestamps { last_access: time(1, 0), last_modification: time(0, rustix::fs::UTIME_OMIT) };
    rustix::fs::utimensat(rustix::fs::CWD, path, &times, rustix::fs::AtFlags::empty()).expect("is ours");
}

fn rows(path: &Path) -> Vec<String> {
    let (reader, troubles) = Reader::open(path);
    assert_eq!(troubles, []);
    let rows = reader.expect("opened").rows("t", &["a"]).expect("read");
    rows.into_iter().flatten().flatten().collect()
}

fn only_trouble(path: &Path) -> String {
    match Reader::open(path) {
        (None, troubles) if troubles.len() == 1 => troubles.into_iter().map(|trouble| trouble.what).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn committed_rows_of_a_live_writer_are_seen_and_nothing_is_touched() {
    let place = Place::new();
    let writer = place.writer("WAL");
    for number in 0..300 {
        writer.execute("INSERT INTO t VALUES(?1)", [format!("{number} {}", "x".repeat(900))]).expect("filled");
    }
    let committed = rows(&place.path());
    assert_eq!(committed.len(), 301);
    writer.execute_batch("BEGIN IMMEDIATE; UPDATE t SET a = 'undone' || a;").expect("begun");
    let before = place.files();
    assert_eq!(before.len(), 3, "database, log and index");
    assert!(rows(&place.path()) == committed);
    assert!(place.is_as(&before));
    writer.execute_batch("COMMIT; DELETE FROM t WHERE rowid > 1;").expect("the writer was not disturbed");
    assert_eq!(rows(&place.path()), ["undoneone"]);
}

#[test]
fn an_exclusive_lock_does_not_stop_the_reader() {
    for mode in ["WAL", "DELETE"] {
        let place = Place::new();
        let writer = place.writer(mode);
        writer.execute_batch("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE;").expect("locked");
        let before = place.files();
        assert_eq!(rows(&place.path()), ["one"], "{mode}");
        assert!(place.is_as(&before), "{mode}");
        writer.execute_batch("INSERT INTO t VALUES('two'); COMMIT;").expect("committed");
        assert_eq!(rows(&place.path()), ["one", "two"], "{mode}");
    }
}

#[test]
fn every_page_size_and_a_log_that_shrinks_the_database() {
    for size in [512, 1024, 4096, 32_768, 65_536] {
        let place = Place::new();
        Connection::open(place.path())
            .expect("opened")
            .execute_batch(&format!("PRAGMA page_size={size}; VACUUM;"))
            .expect("set");
        let writer = place.writer("WAL");
        writer.execute("INSERT INTO t VALUES(?1)", ["y".repeat(300_000)]).expect("grown");
        writer
            .execute_batch("PRAGMA wal_checkpoint(TRUNCATE); DELETE FROM t WHERE length(a) > 9; VACUUM;")
            .expect("shrunk");
        assert_eq!(rows(&place.path()), ["one"], "{size}");
    }
}

#[test]
fn frames_count_only_when_their_checksums_and_salts_do() {
    let place = Place::new();
    let writer = place.writer("WAL");
    writer
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE); INSERT INTO t VALUES('two'); INSERT INTO t VALUES('three');")
        .expect("written");
    let (main, log) = (std::fs::read(place.path()).expect("read"), std::fs::read(beside_wal(&place)).expect("read"));
    drop(writer);
    let copy = Place::new();
    let read_with = |log: &[u8]| {
        copy.write("openclaw.sqlite", &main);
        copy.write("openclaw.sqlite-wal", log);
        rows(&copy.path())
    };
    assert_eq!(read_with(&log), ["one", "two", "three"]);
    let last_frame = log.len() - 4096;
    let mut torn = log.clone();
    torn[last_frame + 4000] ^= 1;
    assert_eq!(read_with(&torn), ["one", "two"], "the last frame is torn");
    let mut other_salt = log.clone();
    other_salt[last_frame - 24 + 8] ^= 1;
    assert_eq!(read_with(&other_salt), ["one", "two"], "the last frame is of another generation");
    let mut header = log.clone();
    header[16] ^= 1;
    assert_eq!(read_with(&header), ["one"], "the header's checksum does not hold");
    for end in [1, 31, 32, 40, 56, 5000, log.len() - 1] {
        assert_eq!(read_with(&log[..end])[0], "one", "cut off at {end}");
    }
    assert_eq!(read_with(&[]), ["one"]);
}

#[test]
fn a_transaction_that_stands_in_the_log_without_its_end_does_not_count() {
    let place = Place::new();
    let writer = place.writer("WAL");
    for number in 0..100 {
        writer.execute("INSERT INTO t VALUES(?1)", [format!("{number} {}", "x".repeat(900))]).expect("filled");
    }
    let committed = rows(&place.path());
    let before = std::fs::metadata(beside_wal(&place)).expect("stat").len();
    writer.execute_batch("UPDATE t SET a = 'undone' || a").expect("written");
    let (main, log) = (std::fs::read(place.path()).expect("read"), std::fs::read(beside_wal(&place)).expect("read"));
    let before = usize::try_from(before).expect("small");
    assert!(log.len() > before + 20 * (24 + 4096), "one transaction of many frames");
    let copy = Place::new();
    copy.write("openclaw.sqlite", &main);
    for frames in [1, 10, 20] {
        copy.write("openclaw.sqlite-wal", &log[..before + frames * (24 + 4096)]);
        assert!(rows(&copy.path()) == committed, "{frames}");
    }
    copy.write("openclaw.sqlite-wal", &log);
    assert!(rows(&copy.path()) != committed);
}

fn beside_wal(place: &Place) -> PathBuf {
    place.0.path().join("openclaw.sqlite-wal")
}

#[test]
fn frames_of_an_older_generation_behind_a_restarted_log_do_not_count() {
    let place = Place::new();
    let writer = place.writer("WAL");
    for text in ["old1", "old2", "old3", "old4"] {
        writer.execute("INSERT INTO t VALUES(?1)", [text]).expect("written");
    }
    writer
        .execute_batch(
            "DELETE FROM t WHERE a LIKE 'old%'; PRAGMA wal_checkpoint(RESTART); INSERT INTO t VALUES('new');",
        )
        .expect("restarted");
    let log = std::fs::metadata(beside_wal(&place)).expect("stat").len();
    assert!(log > 4 * 4096, "the old frames are still behind the new one: {log}");
    assert_eq!(rows(&place.path()), ["one", "new"]);
}

#[test]
fn what_is_no_database_is_a_trouble() {
    let place = Place::new();
    assert!(matches!(Reader::open(&place.path()), (None, troubles) if troubles.is_empty()));
    assert!(only_trouble(&place.write("empty", b"")).contains("empty"));
    assert!(only_trouble(&place.write("short", b"SQLite")).contains("no SQLite database"));
    assert!(only_trouble(&place.write("noise", &[0x5a; 8192])).contains("encrypted"));
    assert!(only_trouble(&place.write("head", b"SQLite format 3\0")).contains("no database"));
    drop(place.writer("DELETE"));
    symlink(place.path(), place.0.path().join("link")).expect("linked");
    assert!(only_trouble(&place.0.path().join("link")).contains("symbolic link"));
    let fifo = place.0.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("made");
    assert!(only_trouble(&fifo).contains("regular file"));
    assert!(only_trouble(place.0.path()).contains("regular file"));
}

#[test]
fn a_log_that_is_a_link_or_a_journal_that_is_hot_is_said() {
    let place = Place::new();
    drop(place.writer("DELETE"));
    symlink("/etc/passwd", beside_wal(&place)).expect("linked");
    place.write("openclaw.sqlite-journal", &[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7, 0, 0, 0, 1]);
    let (reader, troubles) = Reader::open(&place.path());
    assert_eq!(reader.expect("read all the same").count("t"), Ok(1));
    let [journal, log] = troubles.as_slice() else { panic!("{troubles:?}") };
    assert!(journal.path.ends_with("-journal") && journal.what.contains("middle"), "{journal:?}");
    assert!(log.path.ends_with("-wal") && log.what.contains("link"), "{log:?}");
}

#[test]
fn a_view_a_virtual_table_or_a_computed_column_gets_nobody_anywhere() {
    let place = Place::new();
    let writer = place.writer("DELETE");
    let loop_forever = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n) SELECT count(x) FROM n";
    writer.execute_batch(&format!("CREATE VIEW exec_approvals_config AS {loop_forever}")).expect("planted");
    writer
        .execute_batch("CREATE TABLE g(a AS (hex(zeroblob(900000000)))); INSERT INTO g DEFAULT VALUES;")
        .unwrap_or_default();
    drop(writer);
    let (reader, troubles) = Reader::open(&place.path());
    let reader = reader.expect("opened");
    assert_eq!(troubles, []);
    assert_eq!(reader.rows("exec_approvals_config", &["raw_json"]), Ok(Vec::new()));
    assert_eq!(reader.facts().user_version, Some(18));
    assert!(!reader.facts().tables.contains(&"exec_approvals_config".to_owned()));
    assert!(reader.connection.execute_batch("DELETE FROM t").is_err(), "nothing can be written");
}

#[test]
fn an_entry_that_lies_about_what_it_is_is_no_table() {
    let loop_forever = "WITH RECURSIVE n(raw_json) AS (SELECT 1 UNION ALL SELECT raw_json+1 FROM n) SELECT * FROM n";
    for (name, sql) in [
        ("exec_approvals_config", format!("CREATE VIEW exec_approvals_config AS {loop_forever}")),
        ("words", "CREATE VIRTUAL TABLE words USING fts5(raw_json)".to_owned()),
    ] {
        let place = Place::new();
        let writer = place.writer("DELETE");
        writer.execute_batch("PRAGMA writable_schema=ON").expect("set");
        let plant = "INSERT INTO sqlite_schema VALUES('table', ?1, ?1, 2, ?2)";
        writer.execute(plant, [name, &sql]).expect("planted");
        drop(writer);
        let (reader, troubles) = Reader::open(&place.path());
        // A lie that SQLite notices makes the whole database a damaged one.
        let Some(reader) = reader else {
            assert!(troubles.iter().any(|trouble| trouble.what.contains("damaged")), "{troubles:?}");
            continue;
        };
        assert_eq!(reader.facts().tables, ["t"], "{sql}");
        assert_eq!(reader.rows(name, &["raw_json"]), Ok(Vec::new()), "{sql}");
    }
    let place = Place::new();
    place.writer("DELETE").execute_batch("CREATE VIRTUAL TABLE words USING fts5(x)").expect("made");
    assert!(!Reader::open(&place.path()).0.expect("opened").facts().tables.contains(&"words".to_owned()));
}

#[test]
fn a_query_without_end_is_ended() {
    let place = Place::new();
    drop(place.writer("DELETE"));
    let (reader, _) = Reader::open(&place.path());
    let reader = reader.expect("opened");
    let begun = Instant::now();
    let endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n) SELECT count(x) FROM n";
    let error = reader.select(endless, &[], 1).expect_err("ended");
    assert!(code(&error).contains("longer than"), "{error}");
    assert!(begun.elapsed() < PATIENCE * 3);
}

#[test]
fn damaged_pages_and_false_sizes_never_panic_and_are_said() {
    let place = Place::new();
    let writer = place.writer("DELETE");
    for _ in 0..100 {
        writer.execute("INSERT INTO t VALUES(?1)", ["z".repeat(900)]).expect("filled");
    }
    drop(writer);
    let sound = std::fs::read(place.path()).expect("read");
    let mut said = 0;
    for at in (0..sound.len()).step_by(331) {
        let mut broken = sound.clone();
        for byte in broken.iter_mut().skip(at).take(40) {
            *byte = 0xff;
        }
        let (reader, troubles) = Reader::open(&place.write("broken", &broken));
        let read = reader.map(|reader| reader.rows("t", &["a"]));
        said += usize::from(!troubles.is_empty() || matches!(read, Some(Err(_))));
    }
    assert!(said > 10, "{said}");
    for cut in [100, 4095, 4096, 8192, sound.len() / 2] {
        let (reader, troubles) = Reader::open(&place.write("cut", &sound[..cut]));
        assert!(!troubles.is_empty() || reader.is_some_and(|reader| reader.rows("t", &["a"]).is_err()), "{cut}");
    }
    let mut claims = sound;
    claims[28..32].copy_from_slice(&u32::MAX.to_be_bytes());
    let (reader, troubles) = Reader::open(&place.write("claims", &claims));
    assert!(!troubles.is_empty() || reader.is_some(), "either way it ends");
}

#[test]
fn a_large_database_is_read_where_it_lies_and_a_sparse_giant_costs_nothing() {
    let place = Place::new();
    let writer = place.writer("DELETE");
    writer.execute_batch("CREATE TABLE big(b BLOB); INSERT INTO big VALUES(zeroblob(40000000));").expect("grown");
    drop(writer);
    let before =
        (place.files().into_keys().collect::<Vec<_>>(), std::fs::metadata(place.path()).expect("stat").mtime_nsec());
    assert_eq!(rows(&place.path()), ["one"]);
    let after =
        (place.files().into_keys().collect::<Vec<_>>(), std::fs::metadata(place.path()).expect("stat").mtime_nsec());
    assert_eq!(after, before);
    File::options().write(true).open(place.path()).expect("opened").set_len(1 << 30).expect("sparse");
    let begun = Instant::now();
    assert_eq!(rows(&place.path()), ["one"]);
    assert!(begun.elapsed() < Duration::from_secs(2));
    place.write("openclaw.sqlite-wal", &[1; 100]);
    let (reader, troubles) = Reader::open(&place.path());
    assert_eq!(reader.expect("the file is read").count("t"), Ok(1));
    assert!(matches!(troubles.as_slice(), [trouble] if trouble.what.contains("larger than")), "{troubles:?}");
}

#[test]
fn a_log_that_claims_a_giant_database_is_not_put_over_it() {
    let place = Place::new();
    let writer = place.writer("WAL");
    let main = std::fs::read(place.path()).expect("read");
    let mut log = std::fs::read(beside_wal(&place)).expect("read");
    drop(writer);
    log[36..40].copy_from_slice(&u32::MAX.to_be_bytes());
    let sum = wal::sum_of(&log[..24], &log[32..40], &log[56..56 + 4096]);
    log[48..52].copy_from_slice(&sum.0.to_be_bytes());
    log[52..56].copy_from_slice(&sum.1.to_be_bytes());
    let copy = Place::new();
    copy.write("openclaw.sqlite", &main);
    copy.write("openclaw.sqlite-wal", &log[..32 + 24 + 4096]);
    let (_, troubles) = Reader::open(&copy.path());
    assert!(troubles.iter().any(|trouble| trouble.what.contains("larger than")), "{troubles:?}");
}

#[test]
fn a_newer_form_is_said_and_many_rows_are_refused() {
    let place = Place::new();
    let writer = place.writer("DELETE");
    writer.execute_batch("PRAGMA user_version=19").expect("set");
    let fill =
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM n LIMIT 20001) INSERT INTO t SELECT 'x' FROM n";
    writer.execute_batch(fill).expect("filled");
    drop(writer);
    let (reader, _) = Reader::open(&place.path());
    let reader = reader.expect("opened");
    assert!(reader.newer_than(STATE_VERSION).is_some_and(|trouble| trouble.what.contains("19")));
    assert_eq!(reader.newer_than(19), None);
    assert!(reader.rows("t", &["a"]).is_err_and(|trouble| trouble.what.contains("rows")));
    assert_eq!(reader.count("t"), Ok(20_002));
    assert_eq!(reader.count("none"), Ok(0));
    assert!(reader.rows("t", &["no_such_column"]).is_err());
}

/// Whatever a writer does, the reader sees what the writer's own connection sees.
#[test]
fn the_reader_agrees_with_the_writer_after_every_step() {
    for seed in 0..12_u64 {
        let place = Place::new();
        let writer = place.writer("WAL");
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        for step in 0..60 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let length = state / 16 % 9000;
            let sql = match state % 16 {
                0..6 => format!("INSERT INTO t VALUES(hex(zeroblob({length}))||'{step}')"),
                6..9 => format!("DELETE FROM t WHERE rowid % 3 = {}", length % 3),
                9 => "PRAGMA wal_checkpoint(PASSIVE)".into(),
                10 => "PRAGMA wal_checkpoint(RESTART)".into(),
                11 => "PRAGMA wal_checkpoint(TRUNCATE)".into(),
                12 => "VACUUM".into(),
                13 => "BEGIN; INSERT INTO t VALUES('undone'); ROLLBACK".into(),
                _ => format!("UPDATE t SET a = a || 'u' WHERE rowid % 2 = {}", length % 2),
            };
            writer.execute_batch(&sql).expect("written");
            let mut statement = writer.prepare("SELECT a FROM t").expect("prepared");
            let own: Vec<String> =
                statement.query_map([], |row| row.get(0)).expect("read").map(|row| row.expect("row")).collect();
            assert!(rows(&place.path()) == own, "seed {seed}, step {step}: {sql}");
        }
    }
}

#[test]
fn the_databases_of_an_install_are_found_and_their_secrets_only_counted() {
    let place = Place::new();
    assert!(matches!(state(place.0.path()), (None, troubles) if troubles.is_empty()));
    assert_eq!(agents(place.0.path()), (Vec::new(), Vec::new()));
    for folder in ["agents/main/agent", "agents/ghost/agent", "agents/empty"] {
        std::fs::create_dir_all(place.0.path().join(folder)).expect("made");
    }
    let main = Connection::open(place.0.path().join("agents/main/agent/openclaw-agent.sqlite")).expect("opened");
    let fill = "PRAGMA user_version=24; CREATE TABLE auth_profile_store(store_json TEXT);
        INSERT INTO auth_profile_store VALUES('t0ps3cret'); CREATE TABLE device_auth_tokens(token TEXT);";
    main.execute_batch(fill).expect("filled");
    place.write("agents/ghost/agent/openclaw-agent.sqlite", b"not a database at all");
    let (databases, troubles) = agents(place.0.path());
    let [main] = databases.as_slice() else { panic!("{databases:?}") };
    assert_eq!(main.secrets, [("auth_profile_store".to_owned(), 1)]);
    assert!(!format!("{main:?}{troubles:?}").contains("t0ps3cret"));
    assert_eq!(troubles.len(), 2, "one is newer than is known, one is none: {troubles:?}");
}

#[test]
fn a_large_database_in_use_is_read_as_far_as_its_file_goes() {
    let place = Place::new();
    let writer = place.writer("WAL");
    writer.execute_batch("CREATE TABLE big(b BLOB); INSERT INTO big VALUES(zeroblob(40000000));").expect("grown");
    writer.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); INSERT INTO t VALUES('two');").expect("written");
    let names = || std::fs::read_dir(place.0.path()).expect("listed").count();
    let before = names();
    let (reader, troubles) = Reader::open(&place.path());
    assert_eq!(reader.expect("read").count("t"), Ok(1));
    assert!(matches!(troubles.as_slice(), [trouble] if trouble.what.contains("larger than")), "{troubles:?}");
    assert_eq!(names(), before);
    writer.execute_batch("INSERT INTO t VALUES('three')").expect("the writer was not disturbed");
}
