//! The raw system calls that no safe wrapper offers. All `unsafe` code of the workspace is here.
//!
//! Everything here is called from the launcher, which is single-threaded from the first line of
//! `main`: that is what makes `fork` without `exec` sound.
#![allow(unsafe_code, reason = "fork, exec, unshare, mount_setattr, signal masks and _exit have no safe wrapper")]

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use rustix::process::Pid;
use rustix::thread::UnshareFlags;

/// Which side of a fork this is.
pub(super) enum Fork {
    /// The new process.
    Child,
    /// The old one; the new one's id, in the old one's process namespace.
    Parent(Pid),
}

/// Makes a second process.
pub(super) fn fork() -> io::Result<Fork> {
    // SAFETY: the launcher has one thread, so the child has all of the state that its parent had and
    // no lock is held by a thread that does not exist in it.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(Pid::from_raw(pid).map_or(Fork::Child, Fork::Parent)),
    }
}

/// Leaves some of the caller's namespaces for new ones.
pub(super) fn unshare(namespaces: UnshareFlags) -> io::Result<()> {
    debug_assert!(!namespaces.contains(UnshareFlags::FILES), "descriptors stay where they are");
    // SAFETY: the danger is CLONE_FILES with several threads; it is never asked for, and there is one thread.
    Ok(unsafe { rustix::thread::unshare_unsafe(namespaces) }?)
}

/// Sets attributes on a mount and everything below it; with `idmap`, also maps its owners through
/// that user namespace.
pub(super) fn set_mount(
    tree: BorrowedFd<'_>,
    attributes: u64,
    idmap: Option<BorrowedFd<'_>>,
    recursive: bool,
) -> io::Result<()> {
    let request = MountAttr {
        set: attributes | idmap.map_or(0, |_| MOUNT_ATTR_IDMAP),
        clear: 0,
        propagation: 0,
        userns: idmap.map_or(0, |fd| u64::try_from(fd.as_raw_fd()).unwrap_or(u64::MAX)),
    };
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is a NUL-terminated constant, the structure has the kernel's layout of version
    // 0 and outlives the call, and its size is passed with it.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const request,
            size_of::<MountAttr>(),
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// `struct mount_attr` of mount_setattr(2), version 0.
#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns: u64,
}

const MOUNT_ATTR_IDMAP: u64 = 0x0010_0000;

/// Replaces the process image. Returns only when that failed.
pub(super) fn exec(program: &CStr, arguments: &[CString], environment: &[CString]) -> io::Error {
    let pointers = |strings: &[CString]| -> Vec<*const libc::c_char> {
        strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (arguments, environment) = (pointers(arguments), pointers(environment));
    // SAFETY: both arrays end with a null pointer, and they and the strings they point to live until
    // the call returns.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}

/// Closes every descriptor from 3 on.
pub(super) fn close_inherited() -> io::Result<()> {
    // SAFETY: called right before exec or before the launcher opens anything of its own; no owner of
    // a descriptor is used afterwards.
    let done = unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, 0u32) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Blocks SIGTERM and returns a descriptor that becomes readable when it arrives.
pub(super) fn termination() -> io::Result<OwnedFd> {
    // SAFETY: the set is initialised by sigemptyset before it is read, all calls get valid pointers,
    // and the descriptor that signalfd returns is new and owned by nobody else.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGTERM);
        if libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
        match libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC) {
            -1 => Err(io::Error::last_os_error()),
            fd => Ok(OwnedFd::from_raw_fd(fd)),
        }
    }
}

/// Gives every signal its default action and blocks none, as a command expects to start. Our own
/// runtime ignores SIGPIPE, and an ignored signal stays ignored across exec.
pub(super) fn reset_signals() {
    // SAFETY: SIG_DFL is a valid disposition for every signal; the calls that the kernel refuses
    // (SIGKILL, SIGSTOP, the C library's own) change nothing. The set is initialised before it is read.
    unsafe {
        for signal in 1..=64 {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// Sends a signal to this process.
pub(super) fn raise(signal: i32) {
    // SAFETY: no memory is passed; an unknown signal is refused by the kernel.
    unsafe { libc::kill(libc::getpid(), signal) };
}

/// Ends the process at once, without running anything registered for its end.
pub(super) fn exit(code: i32) -> ! {
    // SAFETY: `_exit` has no preconditions.
    unsafe { libc::_exit(code) }
}

/// A descriptor read and written without a buffer, so that not a byte is taken from what follows.
pub(super) struct Raw(pub(super) BorrowedFd<'static>);

impl io::Read for Raw {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::retry_on_intr(|| rustix::io::read(self.0, &mut *buffer))?)
    }
}

impl io::Write for Raw {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::retry_on_intr(|| rustix::io::write(self.0, bytes))?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
