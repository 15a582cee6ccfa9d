//! Where the operator's own secrets end up outside the install: what was typed, and what starts the gateway. Nothing
//! else outside the install is read.

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use stockade_core::text::lossy;

use super::{Candidate, Source, opened};
use crate::snapshot::Trouble;
use crate::snapshot::leaks::Where;

/// The shell histories of a home, and the one that `HISTFILE` names when it is in this home.
#[must_use]
pub fn histories(home: &Path, histfile: Option<&str>) -> Vec<Candidate> {
    let named = histfile.map(Path::new).filter(|path| is_below(path, home)).map(Path::to_path_buf);
    let mut paths: Vec<PathBuf> = HISTORIES.iter().map(|name| home.join(name)).chain(named).collect();
    paths.sort();
    paths.dedup();
    paths.into_iter().map(|path| Candidate::at(path, Where::History)).collect()
}

/// The services of a gateway, with what is set beside them and the environment files that they name in the same home.
/// `root` is `/`, or where a test staged it.
#[must_use]
pub fn units(home: &Path, root: &Path) -> (Vec<Candidate>, Vec<Trouble>) {
    let mut troubles = Vec::new();
    let mut paths = Vec::new();
    let folders = OF_HOME.iter().map(|folder| home.join(folder)).chain(OF_ROOT.iter().map(|folder| root.join(folder)));
    for folder in folders {
        for path in entries(&folder, &mut troubles).into_iter().filter(|path| is_ours(path)) {
            let is_folder = std::fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir());
            paths.extend(if is_folder { entries(&path, &mut troubles) } else { vec![path] });
        }
    }
    let named: Vec<PathBuf> = paths.iter().flat_map(|path| environment_files(path, home)).collect();
    paths.extend(named);
    paths.sort();
    paths.dedup();
    (paths.into_iter().map(|path| Candidate::at(path, Where::Unit)).collect(), troubles)
}

/// What is in a folder, when it is there.
fn entries(folder: &Path, troubles: &mut Vec<Trouble>) -> Vec<PathBuf> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.filter_map(Result::ok).map(|entry| entry.path()).take(MOST_ENTRIES).collect(),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            Vec::new()
        }
        Err(error) => {
            let what = format!("cannot be looked through for services: {error}");
            troubles.push(Trouble { path: folder.display().to_string(), what });
            Vec::new()
        }
    }
}

/// The files that `EnvironmentFile=` names, in this home.
fn environment_files(unit: &Path, home: &Path) -> Vec<PathBuf> {
    let Ok(Some((reader, _))) = opened(Source::Path(unit.to_path_buf())) else { return Vec::new() };
    let mut text = Vec::new();
    if reader.take(MOST_UNIT).read_to_end(&mut text).is_err() {
        return Vec::new();
    }
    let text = lossy(&text);
    let files = text.lines().filter_map(|line| line.trim().strip_prefix("EnvironmentFile="));
    let path = |file: &str| {
        let file = file.trim().trim_start_matches('-').trim_matches('"');
        file.strip_prefix("%h/").map_or_else(|| PathBuf::from(file), |rest| home.join(rest))
    };
    files.map(path).filter(|path| is_below(path, home)).collect()
}

/// Whether a path is in a folder, without going up.
fn is_below(path: &Path, folder: &Path) -> bool {
    path.starts_with(folder) && !path.components().any(|step| step == std::path::Component::ParentDir)
}

fn is_ours(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default().to_lowercase();
    NAMES.iter().any(|own| name.contains(own))
}

/// Where shells keep what was typed.
const HISTORIES: &[&str] = &[
    ".bash_history",
    ".zsh_history",
    ".zhistory",
    ".histfile",
    ".sh_history",
    ".ash_history",
    ".ksh_history",
    ".history",
    ".local/share/fish/fish_history",
];
/// Folders of services in a home.
const OF_HOME: &[&str] = &[".config/systemd/user", ".local/share/systemd/user", "Library/LaunchAgents"];
/// Folders of services of the machine.
const OF_ROOT: &[&str] = &["etc/systemd/system", "etc/systemd/user", "Library/LaunchDaemons", "Library/LaunchAgents"];
/// Names that OpenClaw has had, and ours.
const NAMES: &[&str] = &["openclaw", "clawdbot", "moltbot", "stockade"];
/// The most entries of one folder that are looked at.
const MOST_ENTRIES: usize = 4096;
/// The most of a service that is read for the files that it names.
const MOST_UNIT: u64 = 64 * 1024;
