#![allow(clippy::disallowed_methods, reason = "tests write the files that are looked through")]

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

const KEY: &str = "glpat-q7Hs82kLmZ04xWvT9bNc";

fn all(candidates: Vec<Candidate>, known: &[Secret]) -> (Vec<Leak>, Vec<Trouble>) {
    scan(candidates.into_iter(), &Redaction::new().expect("randomness"), known)
}

#[test]
fn a_secret_is_listed_once_a_file_and_masked() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.jsonl");
    std::fs::write(&path, format!("x\n{KEY}\n{KEY}\n")).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("set");
    let base = folder.path().join("b.sqlite");
    std::fs::write(&base, format!("\0\x01{KEY}\0")).expect("written");
    std::fs::set_permissions(&base, std::fs::Permissions::from_mode(0o600)).expect("set");
    let (leaks, troubles) =
        all(vec![Candidate::at(&path, Where::Transcript), Candidate::at(&base, Where::Database)], &[]);
    assert_eq!(troubles, []);
    let [one, two] = leaks.as_slice() else { panic!("{leaks:?}") };
    assert_eq!((one.line, one.count, one.open, one.masked.as_str()), (Some(2), 2, true, "glpat-…(26)"));
    assert_eq!((two.line, two.count, two.open), (None, 1, false));
    assert_eq!(one.digest, two.digest);
    assert!(!serde_json::to_string(&leaks).expect("JSON").contains("q7Hs"));
}

#[test]
fn links_pipes_and_devices_are_passed_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let outside = tempfile::tempdir().expect("a folder");
    std::fs::write(outside.path().join("key"), KEY).expect("written");
    symlink(outside.path().join("key"), folder.path().join("link")).expect("linked");
    symlink(outside.path(), folder.path().join("away")).expect("linked");
    rustix::fs::mkfifoat(CWD, folder.path().join("pipe"), Mode::RUSR | Mode::WUSR).expect("made");
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let handle = Arc::new(rustix::fs::open(folder.path(), flags, Mode::empty()).expect("open"));
    let below = |name: &str| Candidate::beneath(Arc::clone(&handle), name, name, Where::Other);
    let mut candidates: Vec<_> =
        ["link", "pipe", "away/key", "../key", "nowhere", "/etc/hostname"].map(below).into_iter().collect();
    candidates.extend(["link", "pipe"].map(|name| Candidate::at(folder.path().join(name), Where::Other)));
    candidates.push(Candidate::at("/dev/zero", Where::Other));
    assert_eq!(all(candidates, &[]), (Vec::new(), Vec::new()));

    std::fs::create_dir(folder.path().join("in")).expect("made");
    std::fs::write(folder.path().join("in/key"), KEY).expect("written");
    assert_eq!(all(vec![below("in/key")], &[]).0.len(), 1, "the honest way");
}

#[test]
fn a_hole_takes_no_time_and_hides_nothing() {
    use std::os::unix::fs::FileExt as _;

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.jsonl");
    let file = File::create(&path).expect("made");
    file.write_all_at(b"x\n", 0).expect("written");
    let written = format!("\n{KEY}\n");
    file.write_all_at(written.as_bytes(), 1 << 39).expect("written");
    file.set_len(1 << 40).expect("a file system that knows holes");
    let began = std::time::Instant::now();
    let (leaks, troubles) = all(vec![Candidate::at(&path, Where::Transcript)], &[]);
    assert!(began.elapsed().as_secs() < 10, "a terabyte of nothing is not read");
    assert_eq!((leaks.iter().map(|leak| leak.line).collect::<Vec<_>>(), troubles), (vec![Some(3)], Vec::new()));
}

#[test]
fn a_file_full_of_secrets_takes_no_more_than_its_share() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut text = String::new();
    for number in 0..200_000_u32 {
        text.push_str(&format!(
            "hf_q7Hs82kLmZ04xWvT9bNc31RdPq5Y{:06}\n",
            number.wrapping_mul(2_654_435_761) % 1_000_000
        ));
    }
    std::fs::write(folder.path().join("all"), &text).expect("written");
    let (leaks, troubles) = all(vec![Candidate::at(folder.path().join("all"), Where::Log)], &[]);
    assert_eq!(leaks.len(), MOST_IN_FILE);
    assert_eq!(troubles.len(), 1, "and it is said: {troubles:?}");

    let some: String = text.lines().take(60).map(|line| format!("{line}\n")).collect();
    let paths: Vec<_> = (0..60).map(|number| folder.path().join(number.to_string())).collect();
    for path in &paths {
        std::fs::write(path, &some).expect("written");
    }
    let (leaks, troubles) = all(paths.into_iter().map(|path| Candidate::at(path, Where::Log)).collect(), &[]);
    assert_eq!((leaks.len(), troubles.len()), (MOST_LEAKS, 60));
}

#[test]
fn a_file_that_grows_has_an_end_and_one_that_shrinks_has_one_early() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    std::fs::write(&path, format!("{KEY}\n")).expect("written");
    let (mut reader, _) = opened(Source::Path(path.clone())).expect("open").expect("a file");
    std::fs::write(&path, format!("{KEY}\n{KEY}\n")).expect("written");
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("read");
    assert_eq!(text, format!("{KEY}\n"), "what came later is not read");

    let (mut reader, _) = opened(Source::Path(path.clone())).expect("open").expect("a file");
    std::fs::write(&path, "short").expect("written");
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("read");
    assert_eq!(text, "short");
}

#[test]
fn what_cannot_be_read_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("closed");
    std::fs::write(&path, KEY).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).expect("set");
    if rustix::process::geteuid().is_root() {
        return;
    }
    let (leaks, troubles) = all(vec![Candidate::at(&path, Where::Log)], &[]);
    assert_eq!((leaks.len(), troubles.len()), (0, 1));
}

#[test]
fn histories_and_units_give_the_gateways_secret_away() {
    let (home, root) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let write = |path: PathBuf, text: &str| {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    };
    let secret = "correct-horse-and-a-battery";
    write(
        home.path().join(".bash_history"),
        &format!("ls\nopenclaw status --token {secret}\nopenclaw tui --token z8Ht93lMnA15yXwU0cOd42Se\n"),
    );
    write(home.path().join("odd_history"), "export OPENCLAW_GATEWAY_TOKEN=q7Hs82kLmZ04xWvT9bNc31Rd\n");
    write(home.path().join(".zsh_history"), ": 1732000000:0;git log --oneline\n");
    write(
        home.path().join(".config/systemd/user/openclaw-gateway.service"),
        "[Service]\nEnvironmentFile=-%h/.gateway.env\nEnvironmentFile=/etc/shadow\nEnvironmentFile=%h/../x\n",
    );
    write(home.path().join(".gateway.env"), &format!("OPENCLAW_GATEWAY_PASSWORD='{secret}'\n"));
    write(
        root.path().join("etc/systemd/system/openclaw.service.d/token.conf"),
        &format!("[Service]\nEnvironment=OPENCLAW_GATEWAY_TOKEN={secret}\n"),
    );
    write(root.path().join("etc/systemd/system/other.service"), &format!("Environment=X={secret}\n"));

    let named = home.path().join("odd_history");
    let mut candidates = histories(home.path(), named.to_str());
    assert!(histories(home.path(), Some("/etc/passwd")).len() < candidates.len(), "only in this home");
    let (units, troubles) = units(home.path(), root.path());
    assert_eq!(troubles, []);
    assert!(units.iter().all(|unit| !unit.shown.contains("shadow") && !unit.shown.contains("..")), "{units:?}");
    candidates.extend(units);
    let (leaks, troubles) = all(candidates, &[Secret::new(secret), Secret::new("z8Ht93lMnA15yXwU0cOd42Se")]);
    assert_eq!(troubles, []);
    let mut found: Vec<_> = leaks
        .iter()
        .map(|leak| {
            let name = Path::new(&leak.path).file_name().and_then(OsStr::to_str).unwrap_or_default();
            (name, leak.line.unwrap_or_default(), leak.rule.as_str())
        })
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            (".bash_history", 2, "known"),
            (".bash_history", 3, "known"),
            (".gateway.env", 1, "known"),
            ("odd_history", 1, "gateway-token"),
            ("token.conf", 2, "known"),
        ]
    );
}
