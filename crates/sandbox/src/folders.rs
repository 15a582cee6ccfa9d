//! Folders of the gateway's own, made without following a link. Answers a link planted on the way to a
//! state folder, through which it would be made (and its files later written) somewhere else.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};

/// Makes the folder `path` and what is missing above it, each with mode 0700. Folders that exist stay
/// as they are. No link is followed: give a path whose links were resolved before. Blocks on the file
/// system.
///
/// # Errors
/// When the path is not absolute or holds `..` ([`io::ErrorKind::InvalidInput`]), a link or a file is
/// on the way ([`io::ErrorKind::NotADirectory`]), or a folder cannot be made or entered. The error
/// names the component.
pub fn make(path: &Path) -> io::Result<()> {
    let mut at = PathBuf::from("/");
    let mut parts = path.components();
    if parts.next() != Some(Component::RootDir) {
        return Err(refuse(path, io::ErrorKind::InvalidInput, "it is not an absolute path"));
    }
    let mut folder = openat(CWD, &at, FOLDER, Mode::empty())?;
    for part in parts {
        at.push(part);
        let Component::Normal(name) = part else {
            return Err(refuse(&at, io::ErrorKind::InvalidInput, "`..` is not allowed in it"));
        };
        folder = enter(&folder, name).map_err(|error| {
            let why = match error.kind() {
                io::ErrorKind::NotADirectory => "it is a link or a file where a folder is wanted".to_owned(),
                _ => error.to_string(),
            };
            refuse(&at, error.kind(), &why)
        })?;
    }
    Ok(())
}

fn enter(parent: &OwnedFd, name: &OsStr) -> io::Result<OwnedFd> {
    match openat(parent, name, FOLDER, Mode::empty()) {
        Err(rustix::io::Errno::NOENT) => match mkdirat(parent, name, Mode::RWXU) {
            // Whoever made it first, the next open says what it is.
            Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(openat(parent, name, FOLDER, Mode::empty())?),
            Err(error) => Err(error.into()),
        },
        other => Ok(other?),
    }
}

fn refuse(path: &Path, kind: io::ErrorKind, why: &str) -> io::Error {
    io::Error::new(kind, format!("{}: {why}", path.display()))
}

const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn missing_folders_are_made_for_their_owner_alone() {
        let temporary = tempfile::tempdir().expect("folder");
        let base = temporary.path().canonicalize().expect("resolved");
        std::fs::create_dir(base.join("open")).expect("folder");
        std::fs::set_permissions(base.join("open"), std::fs::Permissions::from_mode(0o755)).expect("mode");
        make(&base.join("open/a/./b")).expect("made");
        make(&base.join("open/a/b")).expect("it may be there");
        let mode = |name: &str| std::fs::metadata(base.join(name)).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode("open"), mode("open/a"), mode("open/a/b")), (0o755, 0o700, 0o700));
    }

    #[test]
    fn a_planted_link_is_named_and_not_followed() {
        let temporary = tempfile::tempdir().expect("folder");
        let base = temporary.path().canonicalize().expect("resolved");
        std::fs::create_dir(base.join("elsewhere")).expect("folder");
        symlink("elsewhere", base.join("middle")).expect("link");
        symlink(base.join("new"), base.join("dangling")).expect("link");
        std::fs::File::create(base.join("file")).expect("file");
        for (path, named) in [
            ("middle/state", "middle"),
            ("middle", "middle"),
            ("dangling", "dangling"),
            ("dangling/x", "dangling"),
            ("file/x", "file"),
        ] {
            let error = make(&base.join(path)).expect_err(path);
            assert_eq!(error.kind(), io::ErrorKind::NotADirectory, "{path}: {error}");
            assert!(error.to_string().starts_with(&format!("{}: ", base.join(named).display())), "{path}: {error}");
        }
        assert!(!base.join("new").exists());
        assert_eq!(std::fs::read_dir(base.join("elsewhere")).expect("listed").count(), 0);
        for path in [base.join("a/../b"), PathBuf::from("relative"), PathBuf::new()] {
            assert_eq!(make(&path).expect_err("refused").kind(), io::ErrorKind::InvalidInput, "{}", path.display());
        }
    }
}
