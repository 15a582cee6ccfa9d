//! Homes for the audit: staged from the cases of this folder or from the pages of `docs/checks`, and compared.

#![allow(
    dead_code,
    clippy::disallowed_methods,
    reason = "shared by several test programs; files of tests are their own"
)]

pub mod fixing;
pub mod page;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use stockade_audit::gather::{Depth, Progress};
use stockade_audit::report::Report;
use stockade_audit::snapshot::Snapshot;
use stockade_config::{Env, Paths};

/// A home directory of its own, with an install in it.
pub struct Home {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
    pub live: Option<stockade_audit::snapshot::Live>,
    pub depth: Depth,
}

impl Home {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            variables: Vec::new(),
            live: None,
            depth: Depth::Install,
        }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().canonicalize().expect("is there")
    }

    /// Lays out a case: its files, then the modes and links of `modes.txt`, innermost first.
    pub fn case(case: &Path) -> Self {
        let mut home = Self::new();
        let root = home.path();
        if case.join("home").exists() {
            copy(&case.join("home"), &root, &root.display().to_string());
        }
        home.modes(&fs::read_to_string(case.join("modes.txt")).unwrap_or_default());
        home.variables(&fs::read_to_string(case.join("env.txt")).unwrap_or_default());
        home
    }

    /// Writes a file, closed to others, folders above it likewise.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        self.folders(path.parent().expect("has a parent"));
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
    }

    pub fn folders(&self, path: &Path) {
        let root = self.path();
        let missing: Vec<_> = path.ancestors().take_while(|above| **above != *root && !above.exists()).collect();
        for folder in missing.into_iter().rev() {
            fs::create_dir(folder).expect("made");
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).expect("ours");
        }
    }

    /// Lines such as `0644 f .openclaw/x`, `0700 d .openclaw` and `0777 l here -> there`.
    pub fn modes(&self, lines: &str) {
        let mut lines: Vec<&str> = lines.lines().filter(|line| !line.trim().is_empty()).collect();
        lines.sort_unstable();
        for line in lines.iter().rev() {
            let mut words = line.splitn(3, ' ');
            let (mode, kind, path) =
                (words.next().expect("mode"), words.next().expect("kind"), words.next().expect("path"));
            if let ("l", Some((path, target))) = (kind, path.split_once(" -> ")) {
                let path = self.path().join(path);
                self.folders(path.parent().expect("has a parent"));
                if path.symlink_metadata().is_err() {
                    symlink(target, path).expect("linked");
                }
                continue;
            }
            let path = self.path().join(path);
            match kind {
                "d" => self.folders(&path),
                _ if !path.exists() => {
                    self.folders(path.parent().expect("has a parent"));
                    fs::write(&path, "").expect("written");
                }
                _ => {}
            }
            let mode = u32::from_str_radix(mode, 8).expect("a mode");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("ours");
        }
    }

    /// Lines such as `fifo PATH`, `hardlink OLD NEW`, `chown UID PATH`, `bytes HEX PATH`, `repeat COUNT TEXT PATH`,
    /// `acl UID PATH` (lets one user read), `sqlite PATH SQL`. Paths are below the home.
    pub fn set_up(&self, lines: &str) {
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            let words: Vec<&str> = line.split(' ').collect();
            let path = |at: usize| {
                let path = self.path().join(words[at]);
                self.folders(path.parent().expect("has a parent"));
                path
            };
            match words[0] {
                "fifo" => rustix::fs::mknodat(rustix::fs::CWD, path(1), rustix::fs::FileType::Fifo, 0o600.into(), 0)
                    .expect("made"),
                "hardlink" => fs::hard_link(path(1), path(2)).expect("linked"),
                "chown" => std::os::unix::fs::chown(path(2), Some(words[1].parse().expect("a uid")), None)
                    .expect("only root gives files away"),
                "bytes" => {
                    let hex = words[1].as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("hex"));
                    let bytes: Vec<u8> = hex.map(|pair| u8::from_str_radix(pair, 16).expect("hex")).collect();
                    let path = path(2);
                    fs::write(&path, bytes).expect("written");
                    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
                }
                "repeat" => {
                    let count = words[1].parse().expect("a number");
                    let text = words[2..words.len() - 1].join(" ").repeat(count);
                    self.write(words[words.len() - 1], &text);
                }
                "acl" => {
                    // Version 2; the owner rw, one user r, the group nothing, the mask r, others nothing.
                    let uid: u32 = words[1].parse().expect("a uid");
                    let none = u32::MAX;
                    let entries = [(1_u16, 6_u16, none), (2, 4, uid), (4, 0, none), (16, 4, none), (32, 0, none)];
                    let mut value = 2_u32.to_le_bytes().to_vec();
                    for (tag, bits, id) in entries {
                        value.extend(tag.to_le_bytes());
                        value.extend(bits.to_le_bytes());
                        value.extend(id.to_le_bytes());
                    }
                    let flags = rustix::fs::XattrFlags::empty();
                    rustix::fs::setxattr(path(2), "system.posix_acl_access", &value, flags)
                        .expect("the file system has ACLs");
                }
                "sqlite" => {
                    let path = path(1);
                    let database = rusqlite::Connection::open(&path).expect("opened");
                    database.execute_batch(&words[2..].join(" ")).expect("SQL");
                    drop(database);
                    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
                }
                other => panic!("{other} is no command of a setup block"),
            }
        }
    }

    /// Lines such as `NAME=VALUE`.
    pub fn variables(&mut self, lines: &str) {
        let root = self.path().display().to_string();
        let pairs = lines.lines().filter_map(|line| line.split_once('='));
        self.variables.extend(pairs.map(|(name, value)| (name.to_owned(), value.replace("@STAGE@", &root))));
    }

    pub fn env(&self) -> Env {
        let home = self.path().display().to_string();
        let own = self.variables.iter().map(|(name, value)| (name.clone(), value.clone()));
        [("HOME".to_owned(), home)].into_iter().chain(own).collect()
    }

    pub fn paths(&self) -> Paths {
        Paths::from_env(&self.env()).expect("has a home")
    }

    pub fn snapshot(&self) -> Snapshot {
        let gathered = stockade_audit::gather::snapshot(&self.paths(), &self.env(), self.depth, &Progress::default());
        Snapshot { live: self.live.clone(), ..gathered.expect("gathered").snapshot }
    }

    /// `severity id` of every finding, sorted; what is suppressed with that word for its severity.
    pub fn said(&self) -> Vec<String> {
        said(&Report::of(&self.snapshot(), None))
    }

    /// Every path below the home with its mode and bytes; links with their targets.
    pub fn tree(&self) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
        let mut tree = BTreeMap::new();
        list(&self.path(), &mut tree);
        tree
    }
}

pub fn said(report: &Report) -> Vec<String> {
    let counted =
        report.findings.iter().map(|found| format!("{} {}", found.finding.severity.id(), found.finding.check_id));
    let hidden = report.suppressed.iter().map(|found| format!("suppressed {}", found.located.finding.check_id));
    let mut said: Vec<String> = counted.chain(hidden).collect();
    said.sort();
    said
}

fn copy(from: &Path, to: &Path, stage: &str) {
    for entry in fs::read_dir(from).expect("readable") {
        let entry = entry.expect("readable");
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().expect("known");
        if kind.is_symlink() {
            symlink(fs::read_link(&source).expect("a link"), &target).expect("linked");
        } else if kind.is_dir() {
            fs::create_dir_all(&target).expect("made");
            copy(&source, &target, stage);
        } else {
            let bytes = fs::read(&source).expect("readable");
            let bytes = match String::from_utf8(bytes) {
                Ok(text) => text
                    .replace("@STAGE@", stage)
                    .replace("@NPM@", "/nonexistent/npm")
                    .replace("@NODE@", "/nonexistent/node")
                    .into_bytes(),
                Err(error) => error.into_bytes(),
            };
            fs::write(&target, bytes).expect("written");
        }
    }
}

fn list(folder: &Path, tree: &mut BTreeMap<PathBuf, (u32, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        let found = fs::symlink_metadata(&path).expect("is there");
        let mode = found.permissions().mode();
        let bytes = if found.is_symlink() {
            fs::read_link(&path).expect("a link").into_os_string().into_encoded_bytes()
        } else if found.is_file() {
            fs::read(&path).expect("readable")
        } else {
            Vec::new()
        };
        if found.is_dir() {
            list(&path, tree);
        }
        tree.insert(path, (mode, bytes));
    }
}
