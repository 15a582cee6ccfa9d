//! The file tools: read, write and edit beneath the folders of the view. No process is started; the
//! kernel keeps every path beneath its mount.
//!
//! Answers: links and `..` out of the workspace, links swapped between check and use, dangling link
//! leaves, hard links to files outside (never written through: a new file replaces the name), FIFOs
//! and devices, and files too large to hold.

use std::io::{self, Write as _};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, fchmod, mkdirat, openat, renameat, statat, unlinkat};
use stockade_core::{Digest, DigestBuilder, Timestamp};
use stockade_policy::{Access, FileCall, FileOp, Permit};

use crate::beneath;
use crate::claims::Claim;
use crate::outcome::{FileOutput, Refusal};

/// Largest file that is read, in bytes.
pub const MAX_READ: u64 = 4 << 20;
/// Largest content that is written, in bytes.
pub const MAX_WRITE: usize = 8 << 20;
/// Most lines that one read returns.
pub const MAX_LINES: usize = 2000;
/// Most bytes of text that one read returns.
pub const MAX_TEXT: usize = 64 << 10;

/// Spends a permit for a file operation at `now`. Blocks on the file system.
///
/// # Errors
/// A [`Refusal`] when the permit has expired, the path leaves the view or is not a regular file, the
/// folder is read-only, or a bound is passed. The file is as it was then.
pub fn run(permit: Permit<FileCall>, now: Timestamp) -> Result<FileOutput, Refusal> {
    let digest = permit.digest();
    let call = permit.redeem(now)?;
    let (mount, rest) = call.view.locate(&call.path).ok_or_else(|| {
        let why = format!("it is not in a folder of this session; files are in {}", call.view.workdir.display());
        Refusal::path(&call.path, why)
    })?;
    let writes = !matches!(call.op, FileOp::Read { .. });
    if writes && mount.access == Access::Ro {
        return Err(Refusal::ReadOnly { path: call.path.clone() });
    }
    // What lies inside the mount and is hidden all the same; a mount inside a hidden folder is meant to be seen.
    let hidden: Vec<&Path> =
        call.view.hidden.iter().map(PathBuf::as_path).filter(|path| path.starts_with(&mount.host)).collect();
    let claim = if writes { Some(Claim::new(vec![mount.host.clone()], Vec::new())?) } else { None };
    let pinned = claim.as_ref().map_or(&[][..], Claim::pinned);
    let root = beneath::open_mount(mount).map_err(|error| refuse(&call, error))?;
    let at = Place { root: &root, path: &rest, hidden: &hidden, pinned };
    let done = match &call.op {
        FileOp::Read { offset, limit } => read(&at, *offset, *limit),
        FileOp::Write { content } => write(&at, content, digest),
        FileOp::Edit { old, new } => edit(&at, old, new, digest),
    };
    done.map_err(|error| refuse(&call, error))
}

/// Where an operation takes place, and what it may not touch there.
struct Place<'a> {
    root: &'a OwnedFd,
    path: &'a Path,
    hidden: &'a [&'a Path],
    pinned: &'a [PathBuf],
}

impl Place<'_> {
    /// The real path of an open file or folder, unless it is hidden: whatever name led to it.
    fn real(&self, open: &impl AsRawFd) -> io::Result<PathBuf> {
        let real = std::fs::read_link(format!("/proc/self/fd/{}", open.as_raw_fd()))?;
        if self.hidden.iter().any(|hidden| real.starts_with(hidden)) {
            return Err(rustix::io::Errno::XDEV.into());
        }
        Ok(real)
    }
}

fn refuse(call: &FileCall, error: io::Error) -> Refusal {
    let why = match rustix::io::Errno::from_io_error(&error) {
        Some(rustix::io::Errno::XDEV) => "it leads out of the folders of this session".to_owned(),
        Some(rustix::io::Errno::LOOP) => "a link stands in its way".to_owned(),
        Some(rustix::io::Errno::NXIO) => "it is not a regular file".to_owned(),
        _ => error.to_string(),
    };
    Refusal::path(&call.path, why)
}

fn read(at: &Place<'_>, offset: usize, limit: usize) -> io::Result<FileOutput> {
    let bytes = content(at)?;
    let size = bytes.len() as u64;
    let Some(text) = std::str::from_utf8(&bytes).ok().filter(|text| !text.contains('\0')) else {
        return Ok(FileOutput { text: format!("[binary file, {size} bytes]"), truncated: true, bytes: size });
    };
    let first = offset.max(1) - 1;
    let mut shown = String::new();
    let mut rest = text.split_inclusive('\n').skip(first).peekable();
    for _ in 0..limit.min(MAX_LINES) {
        let Some(line) = rest.peek() else { break };
        if shown.len() + line.len() > MAX_TEXT {
            if shown.is_empty() {
                shown.push_str(line.get(..line.floor_char_boundary(MAX_TEXT)).unwrap_or_default());
            }
            break;
        }
        shown.push_str(line);
        rest.next();
    }
    Ok(FileOutput { truncated: shown.len() < text.len(), text: shown, bytes: size })
}

fn edit(at: &Place<'_>, old: &str, new: &str, digest: Digest) -> io::Result<FileOutput> {
    let bytes = content(at)?;
    let text = String::from_utf8(bytes).map_err(|_| io::Error::other("it is not a text file"))?;
    if old.is_empty() {
        return Err(io::Error::other("the text to replace is empty"));
    }
    match text.matches(old).count() {
        1 => {}
        0 => return Err(io::Error::other("the text to replace does not occur in it")),
        times => return Err(io::Error::other(format!("the text to replace occurs {times} times; give more context"))),
    }
    write(at, &text.replacen(old, new, 1), digest)
}

/// Replaces the name by a new file, so that nothing is ever written through a hard link or into a
/// file that another process has open.
fn write(at: &Place<'_>, content: &str, digest: Digest) -> io::Result<FileOutput> {
    if content.len() > MAX_WRITE {
        return Err(io::Error::other(format!("the content is larger than {} MiB", MAX_WRITE >> 20)));
    }
    let (parent, name) = match (at.path.parent(), at.path.file_name()) {
        (Some(parent), Some(name)) => (make_folders(at, parent)?, name),
        _ => return Err(io::Error::other("it is a folder")),
    };
    // By the folder's real path, so that a link to the folder does not hide which file it is.
    let real = at.real(&parent)?.join(name);
    if at.hidden.contains(&real.as_path()) {
        return Err(rustix::io::Errno::XDEV.into());
    }
    if at.pinned.contains(&real) {
        return Err(io::Error::other(
            "a command that was approved with its content is running: wait, or stop it first",
        ));
    }
    let mode = mode_of_replaced(&parent, Path::new(name))?;
    // A name that nobody in the sandbox can foresee or create first; O_EXCL and NOFOLLOW besides.
    let hidden = DigestBuilder::new("stockade.temporary.v1").field("call", digest.as_bytes()).finish().hex();
    let temporary = format!(".{hidden}.{}", std::process::id());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(&parent, &temporary, flags, Mode::RUSR | Mode::WUSR)?;
    let finished = fchmod(&file, mode)
        .map_err(io::Error::from)
        .and_then(|()| std::fs::File::from(file).write_all(content.as_bytes()))
        .and_then(|()| Ok(renameat(&parent, &temporary, &parent, name)?));
    if let Err(error) = finished {
        // The temporary file is ours alone; that it may stay behind is worth less than the first error.
        _ = unlinkat(&parent, &temporary, AtFlags::empty());
        return Err(error);
    }
    let bytes = content.len() as u64;
    Ok(FileOutput { text: format!("wrote {bytes} bytes"), truncated: false, bytes })
}

fn content(at: &Place<'_>) -> io::Result<Vec<u8>> {
    let (file, _) = beneath::open_regular(at.root, at.path)?;
    at.real(&file)?;
    beneath::read_bounded(file, MAX_READ)
}

/// The permissions that the new file gets: those of the regular file that it replaces, without
/// set-user-id and the like. Anything else of that name is not replaced.
fn mode_of_replaced(parent: &OwnedFd, name: &Path) -> io::Result<Mode> {
    match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(Mode::from_raw_mode(stat.st_mode & 0o777)),
            FileType::Symlink => Err(io::Error::other("it is a link; name the file that it points to")),
            _ => Err(io::Error::other("it is not a regular file")),
        },
        Err(rustix::io::Errno::NOENT) => Ok(Mode::from_raw_mode(0o644)),
        Err(error) => Err(error.into()),
    }
}

/// Opens the folder `path` beneath `root`, making what is missing. Each step is resolved from the
/// root by the kernel, so a step that is swapped for a link leads nowhere else.
fn make_folders(at: &Place<'_>, path: &Path) -> io::Result<OwnedFd> {
    let root = at.root;
    let flags = OFlags::PATH | OFlags::DIRECTORY;
    let mut made = PathBuf::new();
    let mut folder = beneath::open(root, &made, flags)?;
    for name in path.components() {
        let Component::Normal(name) = name else {
            return Err(io::Error::other("it is not a plain path"));
        };
        made.push(name);
        folder = match beneath::open(root, &made, flags) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                at.real(&folder)?;
                match mkdirat(&folder, name, Mode::from_raw_mode(0o755)) {
                    Ok(()) | Err(rustix::io::Errno::EXIST) => beneath::open(root, &made, flags)?,
                    Err(error) => return Err(error.into()),
                }
            }
            other => other?,
        };
    }
    Ok(folder)
}
