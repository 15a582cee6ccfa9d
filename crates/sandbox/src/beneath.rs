//! Opening files beneath a folder of the view, never out of it. Every path of a call goes through
//! here; the kernel resolves it (openat2), so there is no window between a check and a use.
//! Answers link swaps, `..`, absolute links and magic links (CVE-2024-21626, CVE-2026-32232).

use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat2};
use stockade_policy::Mount;

/// Opens the folder that `mount` stands for. Its path may hold no link at all: a folder above it that
/// the session can write to could have been swapped for one.
pub(crate) fn open_mount(mount: &Mount) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    Ok(openat2(CWD, &mount.host, flags, Mode::empty(), resolve)?)
}

/// Opens `path`, relative to `root`, following only links that stay beneath it.
pub(crate) fn open(root: &OwnedFd, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    // openat2 gives EAGAIN when a rename anywhere raced with the walk; a few tries tell that from an attack.
    for _ in 0..16 {
        match openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(rustix::io::Errno::AGAIN) => {}
            other => return Ok(other?),
        }
    }
    Err(io::Error::other("the path keeps changing while it is opened"))
}

/// Opens a regular file for reading. A FIFO or a device is neither waited for nor read.
pub(crate) fn open_regular(root: &OwnedFd, path: &Path) -> io::Result<(OwnedFd, Stat)> {
    let file = open(root, path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
    let stat = fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("it is not a regular file"));
    }
    Ok((file, stat))
}

/// The whole content, or an error when there are more than `most` bytes.
pub(crate) fn read_bounded(file: OwnedFd, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::from(file).take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("it is larger than {} MiB", most >> 20)));
    }
    Ok(bytes)
}

/// Device, inode, size and modification time in nanoseconds: what tells one version of a program
/// file from another.
pub(crate) fn identity(stat: &Stat) -> [u64; 4] {
    let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    [stat.st_dev, stat.st_ino, size, seconds.saturating_mul(1_000_000_000).saturating_add(stat.st_mtime_nsec)]
}
