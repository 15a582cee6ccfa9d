//! One look at one name: what it is, whose, who else may use it, and where it leads.

use std::borrow::Cow;
use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use stockade_core::text;

use super::acl;
use crate::snapshot::tree::{Entry, Kind, Role};

/// A regular file that was seen and not opened.
#[derive(Debug)]
pub struct Seen<'w> {
    pub(super) dir: BorrowedFd<'w>,
    pub(super) name: &'w CStr,
    pub(super) stat: &'w Stat,
    pub(super) folder: &'w [u8],
    /// What it is for.
    pub role: &'w Role,
    /// Whether it stands where an agent works, and is read by it whatever its mode.
    pub in_workspace: bool,
}

impl Seen<'_> {
    /// Opens it for reading: the very file that was seen, by the handle of its folder, without following a link or
    /// waiting for a pipe, and without touching its time of access where that is allowed.
    ///
    /// # Errors
    /// When it cannot be opened, or when another file has taken its name meanwhile.
    pub fn open(&self) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let fd = open(self.dir, self.name, flags)?;
        if id(&rustix::fs::fstat(&fd)?) != id(self.stat) {
            return Err(io::Error::other("changed while it was looked at"));
        }
        Ok(File::from(fd))
    }

    /// Its path, as it is shown.
    #[must_use]
    pub fn path(&self) -> String {
        shown(&Path::below(self.folder, self.name.to_bytes()).bytes()).0
    }

    /// The last part of its path.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.name.to_bytes()
    }

    /// Its size in bytes when it was seen.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.stat.st_size.unsigned_abs()
    }
}

/// What tells one file from another: its file system and its number there.
pub(super) type Id = (u64, u64);

/// What tells a file from another.
pub(super) const fn id(stat: &Stat) -> Id {
    (stat.st_dev, stat.st_ino)
}

/// A path in one or two pieces.
pub(super) struct Path<'p> {
    folder: &'p [u8],
    name: Option<&'p [u8]>,
}

impl<'p> Path<'p> {
    pub(super) const fn whole(path: &'p str) -> Self {
        Self { folder: path.as_bytes(), name: None }
    }

    pub(super) const fn below(folder: &'p [u8], name: &'p [u8]) -> Self {
        Self { folder, name: Some(name) }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.name.map_or_else(|| self.folder.to_vec(), |name| [self.folder, b"/", name].concat())
    }
}

/// What a file is.
pub(super) const fn kind(stat: &Stat) -> Kind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Folder,
        FileType::Symlink => Kind::Link,
        _ => Kind::Special,
    }
}

/// All that is kept of a name, and what could not be learned of it.
pub(super) fn entry(
    path: Path<'_>,
    dir: BorrowedFd<'_>,
    name: &[u8],
    stat: &Stat,
    role: Role,
) -> (Entry, Option<String>) {
    let kind = kind(stat);
    let leads = (kind == Kind::Link).then(|| target(dir, name)).flatten();
    let of = leads.as_ref().map_or(stat, |(_, stat)| stat);
    let (acl, trouble) = if kind == Kind::Link { (Vec::new(), None) } else { acl::of(dir, name, stat, kind) };
    let (path, escaped) = shown(&path.bytes());
    #[allow(clippy::useless_conversion, reason = "the number of names is 32 bits wide on some processors")]
    let links = u64::from(stat.st_nlink);
    let entry = Entry {
        path,
        role,
        kind,
        mode: of.st_mode & 0o7777,
        uid: of.st_uid,
        gid: of.st_gid,
        links,
        size: stat.st_size.unsigned_abs(),
        target_kind: leads.as_ref().map(|(_, stat)| super::sight::kind(stat)),
        target: leads.map(|(path, _)| path),
        acl,
        escaped,
        ..Entry::default()
    };
    (entry, trouble)
}

/// Where a link leads, and what stands there, by one resolution: the handle opens nothing, so that a pipe or a device
/// at the end does not notice.
fn target(dir: BorrowedFd<'_>, name: &[u8]) -> Option<(String, Stat)> {
    let fd = rustix::fs::openat(dir, name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let stat = rustix::fs::fstat(&fd).ok()?;
    let real = rustix::fs::readlink(format!("/proc/self/fd/{}", fd.as_raw_fd()), Vec::new())
        .or_else(|_| rustix::fs::readlinkat(dir, name, Vec::new()))
        .ok()?;
    Some((shown(real.to_bytes()).0, stat))
}

/// Opens a name below a folder. Reading would change the time of access, which is asked not to happen; only the owner
/// may ask.
pub(super) fn open(dir: BorrowedFd<'_>, name: &CStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    match rustix::fs::openat(dir, name, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => rustix::fs::openat(dir, name, flags, Mode::empty()),
        opened => opened,
    }
}

/// The real path, links followed; empty where nothing is.
pub(super) fn real(path: &str) -> Vec<u8> {
    std::fs::canonicalize(path).map_or_else(|_| Vec::new(), |real| real.into_os_string().into_encoded_bytes())
}

/// A path as text on one line, and whether that is not the path itself: a name can hold line ends, terminal sequences
/// and bytes that are no text.
pub(super) fn shown(path: &[u8]) -> (String, bool) {
    let mut shown = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        shown.push_str(&text::single_line(chunk.valid()));
        for byte in chunk.invalid() {
            shown.push_str(&format!("\\x{byte:02x}"));
        }
    }
    let escaped = shown.as_bytes() != path;
    (shown, escaped)
}

/// Why something could not be looked at.
pub(super) fn reason(error: Errno) -> String {
    let what: Cow<'_, str> = match error {
        Errno::ACCESS | Errno::PERM => "may not be opened by the user who runs the audit".into(),
        Errno::LOOP => "became a link while it was looked at, or is a link to itself".into(),
        Errno::NOTDIR => "is not a folder".into(),
        Errno::NOENT => "was removed while it was looked at".into(),
        error => error.to_string().into(),
    };
    what.into_owned()
}
