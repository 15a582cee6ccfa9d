//! The view as a file tree: a new root on a tmpfs with the system read-only, private scratch space,
//! and the folders of the call. Nothing else of the host is in it: no home, no state directory, no
//! `/var`, no `/run`, no `/sys`, no socket.
//!
//! Every source is opened without following a link and then mounted through its descriptor; every
//! target is resolved inside the new root. Answers swapped mount sources and targets
//! (CVE-2021-30465), masked paths swapped for links (CVE-2025-31133) and leaked roots
//! (CVE-2024-21626).

use std::ffi::CString;
use std::fmt::Display;
use std::fs;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, symlink};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount, mount_change, move_mount,
    open_tree, unmount,
};
use rustix::process::{chdir, pivot_root};
use stockade_policy::{Access, Mount};

use super::plan::Plan;
use super::space::{INNER, Space};
use super::{seal, sys};
use crate::beneath;
use crate::outcome::Refusal;

/// Builds the view and makes it the root; the working directory is the call's when this returns.
pub(super) fn build(plan: &Plan, space: &Space) -> Result<(), Refusal> {
    step("make mounts private", mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC))?;
    let folders = folders(plan, space)?;
    new_tmpfs(STAGING, "mode=0755,size=64m,nr_inodes=16k", "")?;
    step("enter the new root", chdir(STAGING))?;
    system()?;
    etc()?;
    scratch(space)?;
    devices(space)?;
    proc()?;
    let root = step("open the new root", open_folder(CWD, Path::new(".")))?;
    for (mount, tree) in &folders {
        attach_folder(&root, mount, tree)?;
    }
    seal::pin(plan, &root)?;
    // Before the seals: a sealed program is a copy with an identity of its own. Its content is checked
    // there, so what is swapped in between these two lines does not run either.
    seal::check_programs(plan, &root)?;
    seal::seal(plan, &root)?;
    step("pivot", pivot_root(".", "."))?;
    // The old root is now mounted over the new one; without it there is no way back to the host.
    step("detach the old root", unmount(".", UnmountFlags::DETACH))?;
    step("enter the view", chdir("/"))?;
    let root = step("open the view", open_folder(CWD, Path::new("/")))?;
    step("make the root read-only", sys::set_mount(root.as_fd(), RDONLY | NOSUID | NODEV, None, false))?;
    enter_workdir(&root, &plan.cwd)
}

/// The folders of the call, each a private copy of its mount tree with its attributes set, outermost
/// target first.
fn folders<'a>(plan: &'a Plan, space: &Space) -> Result<Vec<(&'a Mount, OwnedFd)>, Refusal> {
    let mut mounts: Vec<&Mount> = plan.view.mounts.iter().collect();
    mounts.sort_by_key(|mount| mount.target.components().count());
    let clone = |mount: &'a Mount| {
        check_target(mount)?;
        let fail = |error: &dyn Display| {
            Refusal::view(format!("the folder {} cannot be mounted: {error}", mount.host.display()))
        };
        let source = beneath::open_mount(mount).map_err(|error| fail(&error))?;
        let tree = clone_tree(&source, Path::new("")).map_err(|error| fail(&error))?;
        let attributes = NOSUID | NODEV | if mount.access == Access::Ro { RDONLY } else { 0 };
        sys::set_mount(tree.as_fd(), attributes, space.owners().map(AsFd::as_fd), true).map_err(|error| {
            fail(&format!("{error}; a gateway that runs as root needs a file system with idmapped mounts there: run it as an ordinary user"))
        })?;
        Ok((mount, tree))
    };
    mounts.into_iter().map(clone).collect()
}

/// No folder of a call may stand in for the system.
fn check_target(mount: &Mount) -> Result<(), Refusal> {
    let target = &mount.target;
    let reserved = SYSTEM.iter().chain(RESERVED).any(|folder| target.starts_with(folder));
    if !target.is_absolute() || target == Path::new("/") || reserved {
        return Err(Refusal::view(format!(
            "a folder cannot be mounted at {}: choose a path such as /workspace",
            target.display()
        )));
    }
    Ok(())
}

fn attach_folder(root: &OwnedFd, mount: &Mount, tree: &OwnedFd) -> Result<(), Refusal> {
    let inside = mount.target.strip_prefix("/").unwrap_or(&mount.target);
    let fail = |error: io::Error| Refusal::view(format!("{} cannot be mounted: {error}", mount.target.display()));
    let target = match open_inside(root, inside, OFlags::PATH | OFlags::DIRECTORY) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make_target(root, inside).map_err(fail)?;
            open_inside(root, inside, OFlags::PATH | OFlags::DIRECTORY)
        }
        other => other,
    };
    attach(tree, &target.map_err(fail)?).map_err(fail)
}

/// Makes the folders of a mount target, on our own tmpfs only: a folder that is missing inside
/// another folder of the call is not made on the host.
fn make_target(root: &OwnedFd, inside: &Path) -> io::Result<()> {
    let own = rustix::fs::fstat(root)?.st_dev;
    let mut made = std::path::PathBuf::new();
    let mut parent = open_inside(root, Path::new("."), OFlags::PATH)?;
    for name in inside.components() {
        made.push(name);
        parent = match open_inside(root, &made, OFlags::PATH | OFlags::DIRECTORY) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if rustix::fs::fstat(&parent)?.st_dev != own {
                    return Err(io::Error::other("there is no such folder inside the folder that it would be in"));
                }
                rustix::fs::mkdirat(&parent, name.as_os_str(), Mode::from_raw_mode(0o755))?;
                open_inside(root, &made, OFlags::PATH | OFlags::DIRECTORY)?
            }
            other => other?,
        };
    }
    Ok(())
}

/// The host's programs and libraries, read-only. Links such as `/bin -> usr/bin` stay links.
fn system() -> Result<(), Refusal> {
    for folder in SYSTEM {
        if let Some(parent) = Path::new(&folder[1..]).parent().filter(|parent| !parent.as_os_str().is_empty()) {
            step(folder, make_folder(parent))?;
        }
        mirror(folder, RDONLY | NOSUID | NODEV)?;
    }
    Ok(())
}

/// What programs need of `/etc`, and none of the host's users, keys or settings.
fn etc() -> Result<(), Refusal> {
    for path in ETC {
        if let Some(parent) = Path::new(&path[1..]).parent() {
            step(path, make_folder(parent))?;
        }
        mirror(path, RDONLY | NOSUID | NODEV | NOEXEC)?;
    }
    for (name, text) in ETC_OWN {
        step(name, write_file(&format!("etc/{name}"), &text.replace("{id}", &INNER.to_string())))?;
    }
    Ok(())
}

fn scratch(space: &Space) -> Result<(), Refusal> {
    for (path, options) in SCRATCH {
        step(path, make_folder(Path::new(path)))?;
        new_tmpfs(path, options, &space.ownership())?;
    }
    Ok(())
}

/// The host's own device nodes. Read-only keeps their mode and times; data goes through a device all the
/// same.
fn devices(space: &Space) -> Result<(), Refusal> {
    for name in DEVICES {
        step(name, write_file(&format!("dev/{name}"), ""))?;
        let (source, target) = (format!("/dev/{name}"), format!("dev/{name}"));
        step(name, bind(Path::new(&source), Path::new(&target), RDONLY | NOSUID | NOEXEC))?;
    }
    for (name, target) in DEVICE_LINKS {
        step(name, symlink(target, format!("dev/{name}")))?;
    }
    step("dev/pts", make_folder(Path::new("dev/pts")))?;
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    let options = format!("newinstance,ptmxmode=0666,mode=0620{}", space.ownership());
    step("dev/pts", mount("devpts", "dev/pts", "devpts", flags, c_string(&options).as_deref()))
}

/// A fresh `/proc` that shows only this sandbox's processes. What would show or change the machine
/// is covered: a device of nothing over files, an empty folder over folders.
fn proc() -> Result<(), Refusal> {
    step("proc", make_folder(Path::new("proc")))?;
    step(EMPTY, make_folder(Path::new(EMPTY)))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    step("proc", mount("proc", "proc", "proc", flags, None))?;
    for path in PROC_READ_ONLY {
        let path = Path::new(path);
        if path.exists() {
            step("proc", bind(path, path, RDONLY | NOSUID | NODEV | NOEXEC))?;
        }
    }
    for path in PROC_MASKED {
        match fs::symlink_metadata(path) {
            Ok(found) if found.is_dir() => {
                step(path, bind(Path::new(EMPTY), Path::new(path), RDONLY | NOSUID | NODEV | NOEXEC))?
            }
            Ok(_) => step(path, bind(Path::new("/dev/null"), Path::new(path), RDONLY | NOSUID | NOEXEC))?,
            Err(_) => {}
        }
    }
    Ok(())
}

/// Puts the host's `path` at the same place of the new root: a link as a link, a file or folder as a
/// mount. What the host does not have is left out.
fn mirror(path: &str, attributes: u64) -> Result<(), Refusal> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    let target = &path[1..];
    if found.is_symlink() {
        let link = step(path, fs::read_link(path))?;
        return step(path, symlink(link, target));
    }
    let place = if found.is_dir() { make_folder(Path::new(target)) } else { write_file(target, "") };
    step(path, place)?;
    step(path, bind(Path::new(path), Path::new(target), attributes))
}

fn bind(source: &Path, target: &Path, attributes: u64) -> io::Result<()> {
    let tree = clone_tree(CWD, source)?;
    sys::set_mount(tree.as_fd(), attributes, None, true)?;
    let target = openat2(CWD, target, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::NO_SYMLINKS)?;
    attach(&tree, &target)
}

/// A detached copy of the mount tree at `path` below `folder`, or of `folder` itself.
pub(super) fn clone_tree(folder: impl AsFd, path: &Path) -> io::Result<OwnedFd> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE
        | OpenTreeFlags::AT_SYMLINK_NOFOLLOW;
    if path.as_os_str().is_empty() {
        flags |= OpenTreeFlags::AT_EMPTY_PATH;
    }
    Ok(open_tree(folder, path, flags)?)
}

pub(super) fn attach(tree: &OwnedFd, target: &OwnedFd) -> io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    Ok(move_mount(tree, "", target, "", flags)?)
}

/// Opens `path` as a process inside will find it: links are resolved in the new root, magic links are
/// not followed.
pub(super) fn open_inside(root: &OwnedFd, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    open_with(root, path, flags, ResolveFlags::empty())
}

/// As [`open_inside`], with a further restriction.
pub(super) fn open_with(root: &OwnedFd, path: &Path, flags: OFlags, more: ResolveFlags) -> io::Result<OwnedFd> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | more;
    Ok(openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve)?)
}

fn enter_workdir(root: &OwnedFd, cwd: &Path) -> Result<(), Refusal> {
    let folder = open_inside(root, cwd, OFlags::PATH | OFlags::DIRECTORY)
        .and_then(|folder| Ok(rustix::process::fchdir(folder)?));
    folder.map_err(|error| Refusal::path(cwd, format!("the working directory cannot be entered: {error}")))
}

fn open_folder(at: impl AsFd, path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat2(at, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)?)
}

fn new_tmpfs(path: &str, options: &str, ownership: &str) -> Result<(), Refusal> {
    let options = c_string(&format!("{options}{ownership}"));
    step(path, mount("tmpfs", path, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, options.as_deref()))
}

fn make_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o755).create(path)
}

fn write_file(path: &str, text: &str) -> io::Result<()> {
    fs::File::options().write(true).create_new(true).mode(0o644).open(path)?.write_all(text.as_bytes())
}

fn c_string(text: &str) -> Option<CString> {
    CString::new(text).ok()
}

/// Names the step that failed. Without the view there is no sandbox, so each is a refusal.
fn step<T, E: Display>(what: &str, outcome: Result<T, E>) -> Result<T, Refusal> {
    outcome.map_err(|error| Refusal::Control { id: "mount-namespace".into(), why: format!("{what}: {error}") })
}

const RDONLY: u64 = 0x1;
const NOSUID: u64 = 0x2;
const NODEV: u64 = 0x4;
const NOEXEC: u64 = 0x8;

/// A folder that every system has; it is covered only in the launcher's own mount namespace.
const STAGING: &str = "/tmp";

/// Host folders that a command sees, read-only. `/etc/alternatives` belongs to them: its links decide
/// which program a name means.
pub(crate) const SYSTEM: &[&str] =
    &["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives"];

/// Where no folder of a call may be mounted, besides [`SYSTEM`].
const RESERVED: &[&str] = &["/etc", "/dev", "/proc", "/sys", "/run", "/boot", "/var"];

/// Host files of `/etc` that programs need and that tell nothing about the host's users or secrets.
const ETC: &[&str] = &[
    "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ssl/certs", "/etc/ssl/openssl.cnf",
    "/etc/ca-certificates", "/etc/pki/tls/certs", "/etc/pki/ca-trust", "/etc/localtime", "/etc/mime.types",
    "/etc/protocols", "/etc/services",
];

/// Files of `/etc` that are made up: one user, no name service.
const ETC_OWN: &[(&str, &str)] = &[
    ("passwd", "sandbox:x:{id}:{id}::/home/sandbox:/bin/sh\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n"),
    ("group", "sandbox:x:{id}:\nnogroup:x:65534:\n"),
    ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
    ("hosts", "127.0.0.1 localhost sandbox\n::1 localhost\n"),
    ("hostname", "sandbox\n"),
];

/// Private, empty, bounded and gone with the sandbox. `dev` comes before what is in it.
const SCRATCH: &[(&str, &str)] = &[
    ("tmp", "mode=1777,size=512m,nr_inodes=64k"),
    ("home/sandbox", "mode=0700,size=512m,nr_inodes=64k"),
    ("run", "mode=0755,size=16m,nr_inodes=4k"),
    ("dev/shm", "mode=1777,size=64m,nr_inodes=4k"),
];

const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom", "tty"];

const DEVICE_LINKS: &[(&str, &str)] = &[
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Kernel settings: readable, for programs that look, and not writable for anyone.
const PROC_READ_ONLY: &[&str] = &["proc/sys", "proc/bus", "proc/fs", "proc/irq"];

/// An empty folder of the new root.
const EMPTY: &str = "mnt";

/// Kernel memory and its command line, keys, timers, hardware, disks, and the switch that reboots the machine.
const PROC_MASKED: &[&str] = &[
    "proc/acpi", "proc/asound", "proc/cmdline", "proc/config.gz", "proc/diskstats", "proc/driver", "proc/interrupts",
    "proc/iomem", "proc/ioports", "proc/kallsyms", "proc/kcore", "proc/key-users", "proc/keys", "proc/kmsg",
    "proc/kpagecgroup", "proc/kpagecount", "proc/kpageflags", "proc/latency_stats", "proc/modules", "proc/mtrr",
    "proc/partitions", "proc/sched_debug", "proc/scsi", "proc/sysrq-trigger", "proc/sysvipc", "proc/timer_list",
    "proc/timer_stats", "proc/vmallocinfo",
];
