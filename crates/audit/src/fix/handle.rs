//! One file or folder, held through its folder, so that what was looked at is what is changed. Answers: a link or
//! another file put in its place between the look and the change, on the name itself or on any folder above it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, RenameFlags, Stat, Uid};
use rustix::io::Errno;
use stockade_core::Digest;

/// A name in a folder that is held open.
pub(super) struct Handle {
    folder: OwnedFd,
    name: OsString,
    path: PathBuf,
}

/// What a file is, apart from what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) kind: FileType,
    /// Permission bits, set-id and sticky among them.
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) links: u64,
}

/// Where the writing of a text stands; tests fail or stop it there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// The record is on disk, nothing is changed.
    Recorded,
    /// About to change permission bits.
    Mode,
    /// The new text is on disk under its draft name.
    Drafted,
    /// The new text has its name, the old one the draft's.
    Swapped,
    /// Every step is made, the record does not say so yet.
    Changed,
}

/// Told of each moment; an error of its own counts as the step's.
pub(super) type Watch<'w> = &'w dyn Fn(Moment, &Path) -> io::Result<()>;

impl Handle {
    /// Holds a path that is absolute and goes through no link.
    pub(super) fn at(real: &Path) -> io::Result<Self> {
        let (Some(parent), Some(name)) = (real.parent(), real.file_name()) else { return Err(refuse("has no name")) };
        Ok(Self { folder: folder(parent)?, name: name.to_owned(), path: real.to_owned() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What is there now; a link is a link.
    pub(super) fn identity(&self) -> io::Result<Identity> {
        Ok(Identity::of(&rustix::fs::statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// The text that is there now.
    pub(super) fn read(&self) -> io::Result<(String, Identity)> {
        read(&self.folder, &self.name)
    }

    /// Sets permission bits of what `expected` says is there, and of nothing else.
    pub(super) fn set_mode(&self, expected: impl Fn(&Identity) -> bool, mode: u32) -> io::Result<()> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let held = rustix::fs::openat(&self.folder, &self.name, flags, Mode::empty())?;
        let found = Identity::of(&rustix::fs::fstat(&held)?);
        if found.kind == FileType::Symlink || !expected(&found) {
            return Err(refuse("was replaced or its mode was changed"));
        }
        // The kernel's own link to what is held: it cannot be swapped, and needs no right to read the file.
        rustix::fs::chmod(format!("/proc/self/fd/{}", held.as_raw_fd()), Mode::from_raw_mode(mode))?;
        Ok(())
    }

    /// Puts a text in the place of the one with digest `old`, keeping permission bits and owner. The two change
    /// places in one step of the kernel, and what came out is looked at: another's edit is put back.
    pub(super) fn replace(&self, draft: &str, old: Digest, text: &str, watch: Watch<'_>) -> io::Result<()> {
        let (before, found) = self.read()?;
        if Digest::of(before.as_bytes()) != old {
            return Err(refuse("was edited in between"));
        }
        if found.links != 1 {
            return Err(refuse("has more than one name (hard links)"));
        }
        let swapped = self
            .draft(draft, text, &found)
            .and_then(|()| watch(Moment::Drafted, &self.path))
            .and_then(|()| self.exchange(draft, old));
        if let Err(error) = swapped {
            let ours = read(&self.folder, OsStr::new(draft)).is_ok_and(|(left, _)| left == text);
            if ours {
                let _ = rustix::fs::unlinkat(&self.folder, draft, AtFlags::empty());
            }
            return Err(error);
        }
        watch(Moment::Swapped, &self.path)?;
        self.discard(draft)?;
        sync(&self.folder)
    }

    /// Removes what an interrupted writing left under its draft name, if it is one of ours.
    pub(super) fn discard(&self, draft: &str) -> io::Result<()> {
        match rustix::fs::statat(&self.folder, draft, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if Identity::of(&stat).kind == FileType::RegularFile => {
                Ok(rustix::fs::unlinkat(&self.folder, draft, AtFlags::empty())?)
            }
            Ok(_) => Err(refuse("has something else in the place of its draft")),
            Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn draft(&self, draft: &str, text: &str, like: &Identity) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = rustix::fs::openat(&self.folder, draft, flags, Mode::RUSR | Mode::WUSR)?;
        let mut file = File::from(made);
        let filled = file.write_all(text.as_bytes()).and_then(|()| dress(&file, like)).and_then(|()| file.sync_all());
        if filled.is_err() {
            let _ = rustix::fs::unlinkat(&self.folder, draft, AtFlags::empty());
        }
        filled
    }

    fn exchange(&self, draft: &str, old: Digest) -> io::Result<()> {
        let swap = || rustix::fs::renameat_with(&self.folder, draft, &self.folder, &self.name, RenameFlags::EXCHANGE);
        match swap() {
            Ok(()) => {}
            // A file system that cannot exchange two names: look once more and rename.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                let (now, _) = self.read()?;
                if Digest::of(now.as_bytes()) != old {
                    return Err(refuse("was edited in between"));
                }
                return Ok(rustix::fs::renameat(&self.folder, draft, &self.folder, &self.name)?);
            }
            Err(error) => return Err(error.into()),
        }
        let ours = read(&self.folder, OsStr::new(draft)).is_ok_and(|(text, _)| Digest::of(text.as_bytes()) == old);
        if ours {
            return Ok(());
        }
        swap()?;
        Err(refuse("was edited while it was written"))
    }
}

impl Identity {
    /// Whether it is the same file as it was; a folder may have got names in it, a file other names.
    pub(super) fn is(&self, other: &Self) -> bool {
        Self { links: other.links, ..*self } == *other
    }

    pub(super) fn of(stat: &Stat) -> Self {
        #[expect(clippy::unnecessary_cast, clippy::useless_conversion, reason = "widths differ between architectures")]
        Self {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            kind: FileType::from_raw_mode(stat.st_mode),
            mode: u32::from(stat.st_mode) & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            links: stat.st_nlink as u64,
        }
    }
}

/// Opens a folder by a path without links, one name at a time.
pub(super) fn folder(real: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut held = rustix::fs::open("/", flags, Mode::empty())?;
    for part in real.components() {
        match part {
            Component::RootDir => {}
            Component::Normal(name) => held = rustix::fs::openat(&held, name, flags, Mode::empty())?,
            Component::Prefix(_) | Component::CurDir | Component::ParentDir => return Err(refuse("is not absolute")),
        }
    }
    Ok(held)
}

/// Makes sure that a folder's names are on disk.
pub(super) fn sync(folder: impl AsFd) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::fsync(rustix::fs::openat(folder, ".", flags, Mode::empty())?)?)
}

/// Reads a regular file of bounded size that is no link and does not make us wait.
pub(super) fn read(folder: impl AsFd, name: &OsStr) -> io::Result<(String, Identity)> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = rustix::fs::openat(folder, name, flags, Mode::empty())?;
    let identity = Identity::of(&rustix::fs::fstat(&file)?);
    if identity.kind != FileType::RegularFile {
        return Err(refuse("is not a regular file"));
    }
    let mut text = String::new();
    File::from(file).take(MAX_TEXT + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_TEXT {
        return Err(refuse("is too large"));
    }
    Ok((text, identity))
}

pub(super) fn refuse(why: &str) -> io::Error {
    io::Error::other(why.to_owned())
}

/// Gives a new file the owner and permission bits of the one it takes the place of; the owner first, because a
/// change of owner clears bits.
fn dress(file: &File, like: &Identity) -> io::Result<()> {
    let own = Identity::of(&rustix::fs::fstat(file)?);
    if (own.uid, own.gid) != (like.uid, like.gid) {
        let ids = (Some(Uid::from_raw(like.uid)), Some(Gid::from_raw(like.gid)));
        rustix::fs::fchown(file, ids.0, ids.1)?;
    }
    Ok(rustix::fs::fchmod(file, Mode::from_raw_mode(like.mode))?)
}

/// The largest file that is read, in bytes: a record of the largest plan.
const MAX_TEXT: u64 = 64 * 1024 * 1024;
