//! User namespaces that exist only to map owners of files (idmapped mounts, Linux 5.12).

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;

use rustix::process::{WaitOptions, waitpid};
use rustix::thread::UnshareFlags;

use super::sys::{self, Fork};

/// A user namespace that shows files of root as files of `user`. Needs real root.
pub(super) fn owner_map(user: u32) -> io::Result<OwnedFd> {
    let (ready, tell) = rustix::pipe::pipe()?;
    let (wait, release) = rustix::pipe::pipe()?;
    let child = match sys::fork()? {
        Fork::Child => {
            drop((ready, release));
            let made = sys::unshare(UnshareFlags::NEWUSER).is_ok();
            _ = rustix::io::write(&tell, &[u8::from(made)]);
            // Until the parent has the namespace or is gone.
            _ = rustix::io::read(&wait, &mut [0]);
            sys::exit(0);
        }
        Fork::Parent(child) => child,
    };
    drop((tell, wait));
    let mut made = [0];
    rustix::io::read(&ready, &mut made)?;
    let namespace = if made == [1] {
        let folder = format!("/proc/{}", child.as_raw_nonzero());
        write(&format!("{folder}/uid_map"), &format!("0 {user} 1"))
            .and_then(|()| write(&format!("{folder}/gid_map"), &format!("0 {user} 1")))
            .and_then(|()| Ok(OwnedFd::from(File::open(format!("{folder}/ns/user"))?)))
    } else {
        Err(io::Error::other("no user namespace"))
    };
    drop(release);
    waitpid(Some(child), WaitOptions::empty())?;
    namespace
}

/// Writes to an existing file of the kernel in one piece.
pub(super) fn write(path: &str, text: &str) -> io::Result<()> {
    File::options().write(true).open(path)?.write_all(text.as_bytes())
}
