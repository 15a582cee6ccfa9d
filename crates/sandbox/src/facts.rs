//! Facts about a command: which program files its words mean inside the view, and what the script
//! files that it names contain. Gathered before the judge decides and bound by the permit's digest;
//! the launcher checks them again right before it runs the command.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, fstat, openat2, readlinkat, statat};
use stockade_core::Digest;
use stockade_policy::call::{Executable, ScriptOperand};
use stockade_policy::{Backend, Mount, View};
use thiserror::Error;

use crate::beneath;

/// The search path of every command; the environment that policy builds says the same.
pub const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A script file larger than this, in bytes, cannot be bound and so cannot be approved.
pub const MAX_OPERAND: u64 = 8 << 20;

/// A folder with more entries than this cannot be listed.
pub const MAX_ENTRIES: usize = 256;

/// A fact that could not be established. The judge denies then.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{path}: {why}")]
pub struct FactError {
    /// The path inside the view.
    pub path: PathBuf,
    /// What stood in the way.
    pub why: String,
}

/// Resolves program words and hashes operand files as the command would find them inside `view`.
/// A word that is no program has neither path nor identity; an operand path that is no file is left
/// out, since not every word is a file. Blocks on the file system.
///
/// # Errors
/// When a file exists but cannot be read, is larger than [`MAX_OPERAND`], or is reached through a link in
/// a folder of the session.
pub fn resolve(
    view: &View,
    words: &[String],
    operand_paths: &[PathBuf],
) -> Result<(Vec<Executable>, Vec<ScriptOperand>), FactError> {
    let programs = words.iter().map(|word| program(view, word)).collect::<Result<_, _>>()?;
    let mut operands = Vec::new();
    for path in operand_paths {
        operands.extend(operand(view, &view.absolute(path))?);
    }
    Ok((programs, operands))
}

/// The regular files directly in `folder` of the view, as absolute paths inside it, in order. Links are
/// not among them. A folder that does not exist, is a file, or is in none of the view's mounts has none.
/// Blocks on the file system.
///
/// # Errors
/// When it holds more than [`MAX_ENTRIES`] entries of any kind, is reached through a link, or cannot be
/// read.
pub fn list(view: &View, folder: &Path) -> Result<Vec<PathBuf>, FactError> {
    let path = view.absolute(folder);
    let Some((mount, rest)) = view.locate(&path) else { return Ok(Vec::new()) };
    match entries(mount, &rest) {
        Ok(names) => Ok(names.into_iter().map(|name| mount.target.join(&rest).join(name)).collect()),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(unreadable(&path, &error)),
    }
}

fn entries(mount: &Mount, rest: &Path) -> io::Result<Vec<OsString>> {
    let folder = open_found(mount, rest, OFlags::RDONLY | OFlags::DIRECTORY)?;
    let mut seen = 0;
    let mut files = Vec::new();
    for entry in Dir::read_from(&folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        seen += 1;
        if seen > MAX_ENTRIES {
            return Err(io::Error::other(format!("it holds more than {MAX_ENTRIES} entries")));
        }
        // Not every file system says the type with the name; what is gone since is not there.
        let stat = match statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(rustix::io::Errno::NOENT) => continue,
            other => other?,
        };
        if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
            files.push(OsString::from_vec(name.to_bytes().to_vec()));
        }
    }
    files.sort_unstable();
    Ok(files)
}

fn program(view: &View, word: &str) -> Result<Executable, FactError> {
    let candidates: Vec<PathBuf> = if word.contains('/') {
        vec![view.absolute(Path::new(word))]
    } else {
        PATH.split(':').map(|folder| Path::new(folder).join(word)).collect()
    };
    for candidate in candidates {
        let Some((path, mount, rest)) = walk(view, &candidate)? else { continue };
        let stat = open_found(&mount, &rest, OFlags::PATH).and_then(|file| Ok(fstat(&file)?));
        let stat = stat.map_err(|error| unreadable(&candidate, &error))?;
        let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        if regular && stat.st_mode & 0o111 != 0 {
            return Ok(Executable {
                word: word.to_owned(),
                path: Some(path),
                identity: Some(beneath::identity(&stat)),
            });
        }
    }
    Ok(Executable { word: word.to_owned(), path: None, identity: None })
}

fn operand(view: &View, path: &Path) -> Result<Option<ScriptOperand>, FactError> {
    let Some((found, mount, rest)) = walk(view, path)? else { return Ok(None) };
    if view.backend == Backend::Native && found != path && view.locate(path).is_some() {
        let why =
            format!("a link on the way could be pointed elsewhere after approval; name {} itself", found.display());
        return Err(FactError { path: path.to_owned(), why });
    }
    let fail = |error: io::Error| unreadable(path, &error);
    let stat = open_found(&mount, &rest, OFlags::PATH).and_then(|file| Ok(fstat(&file)?)).map_err(fail)?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        return Ok(None);
    }
    let root = beneath::open_mount(&mount).map_err(fail)?;
    let (file, _) = beneath::open_regular(&root, &rest).map_err(fail)?;
    let bytes = beneath::read_bounded(file, MAX_OPERAND).map_err(fail)?;
    Ok(Some(ScriptOperand { path: path.to_owned(), sha256: Digest::of(&bytes) }))
}

/// Follows `path` through the view as a process inside would, link by link. Returns the path without
/// links, the host folder that holds it, and the way from there; `None` when nothing is there.
fn walk(view: &View, path: &Path) -> Result<Option<(PathBuf, Mount, PathBuf)>, FactError> {
    let mut todo: Vec<OsString> = names(path);
    let mut at = PathBuf::from("/");
    let mut links = 0;
    while let Some(name) = todo.pop() {
        if name == ".." {
            at.pop();
            continue;
        }
        at.push(&name);
        let Some((mount, rest)) = holder(view, &at) else {
            // Above every mount (`/`, `/home`) there is nothing but folders of the sandbox's own.
            if is_above(view, &at) { continue } else { return Ok(None) }
        };
        match read_link(&mount, &rest) {
            Ok(Some(target)) => {
                links += 1;
                if links > MAX_LINKS {
                    return Err(FactError { path: path.to_owned(), why: "too many links".into() });
                }
                at.pop();
                if target.is_absolute() {
                    at = "/".into();
                }
                todo.extend(names(&target));
            }
            Ok(None) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(unreadable(path, &error)),
        }
    }
    Ok(holder(view, &at).map(|(mount, rest)| (at, mount, rest)))
}

/// The target when `rest` beneath `mount` is a link; an error when it is nothing.
fn read_link(mount: &Mount, rest: &Path) -> io::Result<Option<PathBuf>> {
    if rest.as_os_str().is_empty() {
        // The root of a mount. On the host it may be one of the merged `/bin -> usr/bin` links.
        return match rustix::fs::readlink(&mount.host, Vec::new()) {
            Ok(target) => Ok(Some(OsString::from_vec(target.into_bytes()).into())),
            Err(rustix::io::Errno::INVAL) => Ok(None),
            Err(error) => Err(error.into()),
        };
    }
    let root = beneath::open_mount(mount)?;
    let stat = statat(&root, rest, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
        return Ok(None);
    }
    let target = readlinkat(&root, rest, Vec::new())?;
    Ok(Some(OsString::from_vec(target.into_bytes()).into()))
}

fn open_found(mount: &Mount, rest: &Path, flags: OFlags) -> io::Result<std::os::fd::OwnedFd> {
    let root = beneath::open_mount(mount)?;
    let rest = if rest.as_os_str().is_empty() { Path::new(".") } else { rest };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    Ok(openat2(&root, rest, flags | OFlags::CLOEXEC, Mode::empty(), resolve)?)
}

/// What holds `path` inside the view: a mount, or one of the host's system folders.
fn holder(view: &View, path: &Path) -> Option<(Mount, PathBuf)> {
    if let Some((mount, rest)) = view.locate(path) {
        return Some((mount.clone(), rest));
    }
    let system: &[&str] = match view.backend {
        Backend::Native => crate::native::SYSTEM,
        Backend::Host => &["/"],
    };
    let folder = system.iter().find(|folder| path.starts_with(folder))?;
    let rest = path.strip_prefix(folder).ok()?.to_owned();
    let (host, target) = (PathBuf::from(folder), PathBuf::from(folder));
    Some((Mount { host, target, access: stockade_policy::Access::Ro }, rest))
}

fn is_above(view: &View, path: &Path) -> bool {
    let system = crate::native::SYSTEM.iter().map(Path::new);
    view.mounts.iter().map(|mount| mount.target.as_path()).chain(system).any(|target| target.starts_with(path))
}

/// The names of a path, last first; the view is walked by taking from the end.
fn names(path: &Path) -> Vec<OsString> {
    let parts = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    let mut names: Vec<OsString> = parts.map(|part| part.as_os_str().to_owned()).collect();
    names.reverse();
    names
}

fn unreadable(path: &Path, error: &io::Error) -> FactError {
    FactError { path: path.to_owned(), why: error.to_string() }
}

/// As the kernel's own bound.
const MAX_LINKS: usize = 40;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "fixtures are written into a folder of the test's own")]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use stockade_policy::{Access, Limits};

    fn view(host: &Path) -> View {
        View {
            backend: Backend::Native,
            mounts: vec![Mount { host: host.to_owned(), target: "/workspace".into(), access: Access::Rw }],
            workdir: "/workspace".into(),
            network: false,
            hidden: Vec::new(),
            accept_degraded: Vec::new(),
            limits: Limits::default(),
        }
    }

    #[test]
    fn programs_are_found_where_the_sandbox_finds_them() {
        let folder = tempfile::tempdir().expect("folder");
        let tool = folder.path().join("tool");
        std::fs::write(&tool, "#!/bin/sh\n").expect("write");
        std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).expect("mode");
        symlink("/usr/bin/env", folder.path().join("alias")).expect("link");
        symlink(&tool, folder.path().join("outside")).expect("link");
        let words = ["sh", "./tool", "./alias", "./outside", "no-such-program", "/etc/passwd"].map(String::from);
        let (programs, _) = resolve(&view(folder.path()), &words, &[]).expect("facts");
        let paths: Vec<_> = programs.iter().map(|program| program.path.clone()).collect();
        assert!(paths[0].as_ref().is_some_and(|path| path.starts_with("/usr")), "{paths:?}");
        assert_eq!(paths[1], Some("/workspace/tool".into()));
        assert_eq!(paths[2], Some("/usr/bin/env".into()));
        assert_eq!(paths[3], None, "a link to a host path leads nowhere in the view");
        assert_eq!((&paths[4], &paths[5]), (&None, &None));
        assert!(programs[1].identity.is_some() && programs[4].identity.is_none());
    }

    #[test]
    fn operands_are_bound_by_content_and_unreadable_ones_are_errors() {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join("run.sh"), "echo hi\n").expect("write");
        symlink("run.sh", folder.path().join("link.sh")).expect("link");
        symlink("/etc/passwd", folder.path().join("out")).expect("link");
        let view = view(folder.path());
        let paths = ["run.sh", "none", ".", "/etc/shadow", "out"].map(PathBuf::from);
        let (_, operands) = resolve(&view, &[], &paths).expect("facts");
        assert_eq!(operands, [ScriptOperand { path: "/workspace/run.sh".into(), sha256: Digest::of(b"echo hi\n") }]);
        let through_a_link = resolve(&view, &[], &["link.sh".into()]).expect_err("it could be pointed elsewhere");
        assert!(through_a_link.why.ends_with("name /workspace/run.sh itself"), "{through_a_link}");
        rustix::fs::mknodat(rustix::fs::CWD, folder.path().join("fifo"), FileType::Fifo, Mode::RUSR, 0).expect("fifo");
        std::fs::File::create(folder.path().join("big")).and_then(|file| file.set_len(MAX_OPERAND + 1)).expect("big");
        for bad in ["fifo", "big"] {
            assert!(resolve(&view, &[], &[bad.into()]).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_folder_is_listed_beneath_its_mount() {
        let folder = tempfile::tempdir().expect("folder");
        let skills = folder.path().join("skills");
        std::fs::create_dir_all(skills.join("sub")).expect("folder");
        for name in ["b.md", "a.md", ".hidden"] {
            std::fs::write(skills.join(name), "x").expect("write");
        }
        symlink("/etc/passwd", skills.join("link")).expect("link");
        symlink("/etc", folder.path().join("out")).expect("link");
        symlink("skills", folder.path().join("alias")).expect("link");
        let view = view(folder.path());
        let paths = |names: &[&str]| names.iter().map(|name| Path::new("/workspace/skills").join(name)).collect();
        for path in ["skills", "/workspace/skills", "./skills/../skills/"] {
            assert_eq!(list(&view, Path::new(path)), Ok(paths(&[".hidden", "a.md", "b.md"])), "{path}");
        }
        for nothing in ["none", "skills/a.md", "/etc", "/usr/bin", "../..", "/"] {
            assert_eq!(list(&view, Path::new(nothing)), Ok(Vec::new()), "{nothing}");
        }
        for link in ["out", "alias", "alias/sub"] {
            assert!(list(&view, Path::new(link)).is_err(), "{link}");
        }
        for number in 0..MAX_ENTRIES {
            std::fs::write(skills.join(number.to_string()), "").expect("write");
        }
        let error = list(&view, Path::new("skills")).expect_err("too many");
        assert_eq!(error.to_string(), "/workspace/skills: it holds more than 256 entries");
    }
}
