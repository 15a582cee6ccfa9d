//! Reads the code of plugins and skills, for [`crate::code`] to look at. It follows no link, starts nothing, opens only
//! regular files, and keeps to OpenClaw's bounds: 500 files of 1 MiB each; what is left out is said.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use stockade_core::text::{clip, lossy, single_line};

use crate::code::{self, Language, package};
use crate::snapshot::code::Scanned;
use crate::snapshot::{CodeFacts, Plugin, Trouble};

/// Looks at the code of the plugins, and at the skills of the workspaces and of the state directory.
#[must_use]
pub fn scan(state: &Path, plugins: &[Plugin], workspaces: &[PathBuf]) -> (CodeFacts, Vec<Trouble>) {
    let mut facts = CodeFacts::default();
    let mut troubles = Vec::new();
    facts.plugins = plugins.iter().map(|plugin| plugin_code(plugin, Path::new(&plugin.path))).collect();
    let mut seen = BTreeSet::new();
    let places = workspaces.iter().map(PathBuf::as_path).chain([state]).map(|place| place.join("skills"));
    for place in places.filter(|place| seen.insert(place.clone())) {
        for folder in skill_folders(&place, &mut troubles) {
            facts.skills.push(skill_code(&folder));
        }
    }
    (facts, troubles)
}

fn plugin_code(plugin: &Plugin, folder: &Path) -> Scanned {
    let mut scanned = Scanned { name: plugin.folder.clone(), path: plugin.path.clone(), ..Scanned::default() };
    let mut first = Vec::new();
    match read(&folder.join("package.json"), MAX_FILE) {
        Ok(None) => {}
        Ok(Some(bytes)) => match package::read(&lossy(&bytes)) {
            Ok(package) => {
                scanned.escapes = package.escapes;
                scanned.hidden_entries = package.hidden;
                scanned.evidence = package.scripts;
                first = package.entries.iter().flat_map(|entry| loaded(&folder.join(entry))).collect();
            }
            Err(what) => scanned.manifest = Some(what),
        },
        Err(what) => scanned.manifest = Some(what),
    }
    let first = first.into_iter().filter_map(|entry| {
        let file = inside(folder, &entry);
        if file.is_none() {
            scanned.leave(format!("{}: {LEADS_OUT}", below(folder, &entry)));
        }
        file
    });
    let first = first.collect();
    let wanted = |language| matches!(language, Language::JavaScript | Language::Native);
    walk(folder, first, &wanted, &mut scanned);
    scanned
}

fn skill_code(folder: &Path) -> Scanned {
    let name = folder.file_name().map(|name| lossy(name.as_encoded_bytes())).unwrap_or_default();
    let mut scanned = Scanned { name: shown(&name), path: folder.display().to_string(), ..Scanned::default() };
    walk(folder, Vec::new(), &|_| true, &mut scanned);
    scanned
}

/// The folders with a `SKILL.md` of their own; links are not followed.
fn skill_folders(place: &Path, troubles: &mut Vec<Trouble>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut queue = VecDeque::from([(place.to_owned(), 0_usize)]);
    let mut visits = 0;
    while let Some((folder, depth)) = queue.pop_front() {
        visits += 1;
        if visits > MAX_VISITS || found.len() >= MAX_SKILLS {
            let what = format!("it has more than {MAX_SKILLS} skills or {MAX_VISITS} folders; not all were looked at");
            troubles.push(Trouble { path: place.display().to_string(), what });
            break;
        }
        let entries = match entries(&folder) {
            Ok((entries, _)) => entries,
            Err(error) => {
                if error.kind() != std::io::ErrorKind::NotFound {
                    troubles.push(Trouble {
                        path: folder.display().to_string(),
                        what: format!("it cannot be listed: {error}"),
                    });
                }
                continue;
            }
        };
        let is =
            |entry: &DirEntry, wanted: fn(&fs::FileType) -> bool| entry.file_type().is_ok_and(|kind| wanted(&kind));
        if entries.iter().any(|entry| entry.file_name() == "SKILL.md" && is(entry, fs::FileType::is_file)) {
            found.push(folder);
            continue;
        }
        let folders = entries.iter().filter(|entry| is(entry, fs::FileType::is_dir) && !is_passed_over(entry));
        if depth < MAX_DEPTH {
            queue.extend(folders.map(|entry| (entry.path(), depth + 1)));
        }
    }
    found
}

/// Scans the files below a folder: `first`, then the others in the order of their names.
fn walk(folder: &Path, first: Vec<PathBuf>, wanted: &dyn Fn(Language) -> bool, scanned: &mut Scanned) {
    let mut seen = BTreeSet::new();
    for file in first {
        let file: PathBuf = file.components().collect();
        if seen.insert(file.clone()) {
            // The gateway loads it as a program, whatever its name is.
            one(folder, &file, language(&file).unwrap_or(Language::JavaScript), scanned);
        }
    }
    let mut queue = VecDeque::from([(folder.to_owned(), 0_usize)]);
    while let Some((here, depth)) = queue.pop_front() {
        let found = match entries(&here) {
            Ok((found, cut)) => {
                if cut {
                    scanned.leave(format!("{}: more than {MAX_ENTRIES} entries", below(folder, &here)));
                }
                found
            }
            Err(error) => {
                scanned.leave(format!("{}: {error}", below(folder, &here)));
                continue;
            }
        };
        for entry in found {
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            if kind.is_dir() && !is_passed_over(&entry) {
                if depth < MAX_DEPTH {
                    queue.push_back((path, depth + 1));
                } else {
                    scanned.leave(format!("{}: nested too deep", below(folder, &path)));
                }
            } else if kind.is_file() && seen.insert(path.clone()) {
                if scanned.files >= MAX_FILES {
                    scanned.leave(format!("it has more than {MAX_FILES} files of code"));
                    scanned.settle();
                    return;
                }
                if let Some(language) = language(&path).filter(|language| wanted(*language)) {
                    one(folder, &path, language, scanned);
                }
            } else if kind.is_symlink() && is_way_out(folder, &path, wanted) {
                scanned.leave(format!("{}: {LEADS_OUT}", below(folder, &path)));
            }
        }
    }
    scanned.settle();
}

fn language(file: &Path) -> Option<Language> {
    Language::of(&lossy(file.file_name()?.as_encoded_bytes()))
}

fn one(folder: &Path, file: &Path, language: Language, scanned: &mut Scanned) {
    let shown = below(folder, file);
    if language == Language::Native {
        scanned.files += 1;
        scanned.evidence.extend(code::scan(&shown, &[], language));
        return;
    }
    match read(file, MAX_FILE) {
        Ok(Some(bytes)) => {
            scanned.files += 1;
            scanned.evidence.extend(code::scan(&shown, &bytes, language));
            if scanned.evidence.len() > MAX_EVIDENCE * 4 {
                scanned.settle();
            }
        }
        Ok(None) => {}
        Err(what) => scanned.leave(format!("{shown}: {what}")),
    }
}

/// A regular file that is no link, when it is there and not too large.
fn read(path: &Path, most: u64) -> Result<Option<Vec<u8>>, String> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => fs::File::from(file),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(rustix::io::Errno::LOOP) => return Err("it is a link".to_owned()),
        Err(error) => return Err(error.to_string()),
    };
    let meta = file.metadata().map_err(|error| error.to_string())?;
    if !meta.is_file() {
        return Err("it is no regular file".to_owned());
    }
    if meta.len() > most {
        return Err(format!("it is larger than {} KiB", most / 1024));
    }
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(Some(bytes))
}

fn entries(folder: &Path) -> std::io::Result<(Vec<DirEntry>, bool)> {
    let mut found: Vec<DirEntry> = fs::read_dir(folder)?.flatten().take(MAX_ENTRIES + 1).collect();
    found.sort_by_key(DirEntry::file_name);
    let cut = found.len() > MAX_ENTRIES;
    found.truncate(MAX_ENTRIES);
    Ok((found, cut))
}

/// The file that an entry of a package loads: itself, with an end, or the first of its folder.
fn loaded(entry: &Path) -> Option<PathBuf> {
    let ended = |end: &str| PathBuf::from([entry.as_os_str(), end.as_ref()].join("".as_ref()));
    let named = LOADED.iter().map(|end| ended(end));
    let inside = LOADED.iter().map(|end| entry.join(format!("index{end}")));
    std::iter::once(entry.to_owned()).chain(named).chain(inside).find(|path| path.is_file())
}

/// Whether a link leads code, or a folder of it, to where it is not looked at: out of the plugin or skill, or to what is
/// passed over.
fn is_way_out(folder: &Path, link: &Path, wanted: &dyn Fn(Language) -> bool) -> bool {
    let code = language(link).is_some_and(wanted) || link.is_dir();
    let seen = inside(folder, link)
        .is_some_and(|file| file.strip_prefix(folder).is_ok_and(|below| !below.iter().any(is_unseen)));
    code && !seen
}

/// Where a path ends with every link followed, when that is in its plugin or skill.
fn inside(folder: &Path, path: &Path) -> Option<PathBuf> {
    let (root, path) = (fs::canonicalize(folder).ok()?, fs::canonicalize(path).ok()?);
    path.strip_prefix(root).ok().map(|below| folder.join(below))
}

fn is_passed_over(entry: &DirEntry) -> bool {
    is_unseen(&entry.file_name())
}

fn is_unseen(name: &OsStr) -> bool {
    name == "node_modules" || name.as_encoded_bytes().starts_with(b".")
}

fn below(folder: &Path, path: &Path) -> String {
    shown(&path.strip_prefix(folder).unwrap_or(path).display().to_string())
}

fn shown(text: &str) -> String {
    clip(&single_line(text), 200)
}

impl Scanned {
    fn leave(&mut self, what: String) {
        if self.unread.len() < MAX_UNREAD && !self.unread.contains(&what) {
            self.unread.push(what);
        }
    }

    /// Puts the worst first and drops what is over the bound.
    fn settle(&mut self) {
        self.evidence.sort_by_key(|evidence| std::cmp::Reverse(evidence.severity));
        let over = self.evidence.len().saturating_sub(MAX_EVIDENCE);
        self.more = self.more.saturating_add(u32::try_from(over).unwrap_or(u32::MAX));
        self.evidence.truncate(MAX_EVIDENCE);
    }
}

const LEADS_OUT: &str = "a link that leads to where code is not looked at";
/// What a name in a package may leave out.
const LOADED: &[&str] = &[".js", ".ts", ".mjs", ".cjs", ".mts", ".cts"];
/// OpenClaw's own bounds.
const MAX_FILES: u32 = 500;
const MAX_FILE: u64 = 1024 * 1024;
const MAX_VISITS: usize = 10_000;
const MAX_SKILLS: usize = 2000;
const MAX_ENTRIES: usize = 10_000;
const MAX_DEPTH: usize = 16;
const MAX_EVIDENCE: usize = 40;
const MAX_UNREAD: usize = 20;

#[cfg(test)]
mod tests;
