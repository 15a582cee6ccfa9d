//! The containment lock: one file whose presence closes the gate. An operator sets it with
//! `stockade incident contain`, also when the gateway is dead or suspect; the gate reads it on every
//! decision. It answers the attack "make the stop switch unreadable": anything but a plain absence
//! in a folder that only we can write is a closed gate.

use std::io::{Read as _, Write as _};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat, stat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use stockade_core::{Timestamp, text};

use crate::folder::{FileError, Folder};

/// What the lock says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a containment lock that nobody heeds contains nothing"]
pub enum Lock {
    /// There is no lock; the gate is open.
    Released,
    /// An operator closed the gate.
    Contained(Containment),
    /// The lock could not be read; the gate is closed.
    Unreadable {
        /// Why, naming the file.
        why: String,
    },
}

/// Who closed the gate, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Containment {
    /// Since when.
    pub since: Timestamp,
    /// Who did it; at most 1024 characters.
    pub by: String,
    /// What for; at most 1024 characters.
    pub reason: String,
}

impl Lock {
    /// Whether the gate is open. Only [`Lock::Released`] is.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Released)
    }
}

/// Reads the lock of a store folder (`<state>/stockade`): one `openat`, and one `stat` of the folder.
///
/// The path is walked anew each time. A held descriptor would keep reading a folder that was moved
/// away while the operator sets the lock in the one that took its place.
pub fn read(dir: &Path) -> Lock {
    match openat(CWD, dir.join(FILE), READ_FLAGS, Mode::empty()) {
        Ok(fd) => read_open(dir, std::fs::File::from(fd)),
        Err(Errno::NOENT) => absent(dir),
        Err(error) => unreadable(dir, format_args!("cannot be opened: {error}")),
    }
}

/// Closes the gate. A lock that is already there stays as it is: the first reason is the one to keep.
///
/// The gate is closed from the moment the file has its name, before its content is written, so that
/// a full disk costs the reason and not the containment.
///
/// # Errors
/// When the file cannot be made. When only its content could not be written the error says so, and the
/// gate is closed.
pub fn contain(dir: &Path, containment: &Containment) -> Result<Lock, FileError> {
    // Not `private`: a folder with loose permissions, or root's help, must not stand in the way of the stop switch.
    let folder = Folder::made(dir)?;
    let mut file = match folder.create_new(FILE) {
        Ok(file) => file,
        Err(_) if !read(dir).is_open() => return Ok(read(dir)),
        Err(error) => return Err(error),
    };
    let bounded = Containment {
        since: containment.since,
        by: text::clip(&containment.by, MAX_TEXT),
        reason: text::clip(&containment.reason, MAX_TEXT),
    };
    let failed =
        |error| FileError::system("record the reason (the gate is closed all the same) in", dir.join(FILE), error);
    let line = serde_json::to_vec(&bounded).map_err(|error| failed(error.into()))?;
    file.write_all(&line).and_then(|()| file.sync_all()).map_err(failed)?;
    folder.sync()?;
    Ok(Lock::Contained(bounded))
}

/// Opens the gate. Answers whether it was closed.
///
/// # Errors
/// When the file cannot be removed.
pub fn release(dir: &Path) -> Result<bool, FileError> {
    let folder = Folder::existing(dir)?;
    let was = folder.remove(FILE)?;
    folder.sync()?;
    Ok(was)
}

fn read_open(dir: &Path, file: std::fs::File) -> Lock {
    let facts = match fstat(&file) {
        Ok(facts) => facts,
        Err(error) => return unreadable(dir, format_args!("cannot be read: {error}")),
    };
    if FileType::from_raw_mode(facts.st_mode) != FileType::RegularFile {
        return unreadable(dir, format_args!("is not a regular file"));
    }
    if !is_ours(facts.st_uid) {
        return unreadable(dir, format_args!("belongs to user {}", facts.st_uid));
    }
    let mut bytes = Vec::new();
    match file.take(MAX_FILE).read_to_end(&mut bytes) {
        Ok(_) => match serde_json::from_slice(&bytes) {
            Ok(containment) => Lock::Contained(containment),
            Err(error) => unreadable(dir, format_args!("does not parse: {error}")),
        },
        Err(error) => unreadable(dir, format_args!("cannot be read: {error}")),
    }
}

/// The lock is absent. That is an answer only in a folder where nobody else could have removed it.
fn absent(dir: &Path) -> Lock {
    match stat(dir) {
        Err(error) => Lock::Unreadable { why: format!("{} cannot be read: {error}", dir.display()) },
        Ok(facts) if !is_ours(facts.st_uid) || facts.st_mode & 0o022 != 0 => Lock::Unreadable {
            why: format!(
                "{} can be written by others, who could remove the lock: run `chmod 700` on it",
                dir.display()
            ),
        },
        Ok(_) => Lock::Released,
    }
}

fn unreadable(dir: &Path, why: std::fmt::Arguments<'_>) -> Lock {
    Lock::Unreadable { why: format!("{} {why}", dir.join(FILE).display()) }
}

/// Root may close our gate too.
fn is_ours(owner: u32) -> bool {
    owner == rustix::process::geteuid().as_raw() || owner == 0
}

/// The lock's file name in the store folder.
pub const FILE: &str = "contain.lock";

const READ_FLAGS: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);
const MAX_TEXT: usize = 1024;
/// Two texts of [`MAX_TEXT`] characters, each escaped at its worst, and the frame.
const MAX_FILE: u64 = 32 * 1024;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn store() -> tempfile::TempDir {
        tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o700)).tempdir().expect("a folder")
    }

    fn why() -> Containment {
        Containment { since: Timestamp(1), by: "operator".into(), reason: "drill".into() }
    }

    #[test]
    fn the_gate_closes_and_opens() {
        let dir = store();
        assert_eq!(read(dir.path()), Lock::Released);
        assert_eq!(contain(dir.path(), &why()).expect("contains"), Lock::Contained(why()));
        assert_eq!(read(dir.path()), Lock::Contained(why()));
        assert!(release(dir.path()).expect("releases"));
        assert!(!release(dir.path()).expect("releases"));
        assert!(read(dir.path()).is_open());
    }

    #[test]
    fn the_first_reason_stays() {
        let dir = store();
        let _ = contain(dir.path(), &why()).expect("contains");
        let later = Containment { reason: "overwritten by an intruder".into(), ..why() };
        assert_eq!(contain(dir.path(), &later).expect("answers"), Lock::Contained(why()));
    }

    #[test]
    fn whatever_is_odd_is_closed() {
        type Spoil = fn(&Path);
        let spoil: [(&str, Spoil); 7] = [
            ("empty", |lock| drop(std::fs::File::create(lock).expect("file"))),
            ("not JSON", |lock| put(lock, b"released")),
            ("binary", |lock| put(lock, &[0xff; 64])),
            ("huge", |lock| put(lock, &vec![b' '; 1 << 20])),
            ("a folder", |lock| std::fs::create_dir(lock).expect("folder")),
            ("a dangling link", |lock| symlink("/nonexistent", lock).expect("link")),
            ("a pipe", |lock| {
                rustix::fs::mknodat(CWD, lock, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("pipe");
            }),
        ];
        for (name, spoil) in spoil {
            let dir = store();
            spoil(&dir.path().join(FILE));
            let lock = read(dir.path());
            assert!(matches!(&lock, Lock::Unreadable { why } if why.contains(FILE)), "{name}: {lock:?}");
            assert!(!lock.is_open(), "{name}");
        }
    }

    #[test]
    fn a_lock_or_folder_of_another_user_is_closed() {
        if !rustix::process::geteuid().is_root() {
            return; // Only root can give a file away.
        }
        let dir = store();
        let _ = contain(dir.path(), &why()).expect("contains");
        std::os::unix::fs::chown(dir.path().join(FILE), Some(12_345), None).expect("given away");
        assert!(matches!(read(dir.path()), Lock::Unreadable { why } if why.contains("belongs to user 12345")));
        assert!(release(dir.path()).expect("releases"));
        std::os::unix::fs::chown(dir.path(), Some(12_345), None).expect("given away");
        assert!(!read(dir.path()).is_open());
    }

    #[test]
    fn a_folder_that_is_gone_or_open_to_others_is_closed() {
        let dir = store();
        assert!(!read(&dir.path().join("gone")).is_open());
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o770)).expect("chmod");
        assert!(!read(dir.path()).is_open());
        assert_eq!(contain(dir.path(), &why()).expect("contains all the same"), Lock::Contained(why()));
    }

    fn put(file: &Path, bytes: &[u8]) {
        std::fs::File::create(file).expect("file").write_all(bytes).expect("written");
    }
}
