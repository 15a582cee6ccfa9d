//! Namespaces and identity: who the command is, and what it shares with nobody.
//!
//! Two ways in. An ordinary user makes a user namespace first and owns everything below it. Real root
//! needs none to build the view, so it builds as root and only then turns into an unprivileged user
//! in a user namespace of its own: the command then has no power over the mounts around it, owns no
//! file of the host, and is counted by RLIMIT_NPROC, which does not count root. Folders of the view
//! are mounted so that files written there belong to the gateway's user all the same.

use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{DumpableBehavior, getegid, geteuid, set_dumpable_behavior};
use rustix::thread::{Gid, Uid, UnshareFlags, set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use super::{idmap, sys};
use crate::control::Ledger;
use crate::outcome::Refusal;

/// The identity of a sandbox under construction.
pub(super) struct Space {
    identity: Identity,
}

enum Identity {
    /// The caller's own user, seen as [`INNER`] inside. Its further groups stay: dropping them takes a
    /// privilege that an ordinary user does not have. They open nothing that is not in the view.
    Caller,
    /// [`OUTER`], a user that owns nothing; the namespace maps the gateway's files to it.
    Nobody(OwnedFd),
}

/// Enters new namespaces. The process namespace holds from the next fork on.
pub(super) fn enter(mut ledger: Ledger) -> Result<(Space, Ledger), Refusal> {
    let (uid, gid) = (geteuid(), getegid());
    let identity = if uid.is_root() { idmap::owner_map(OUTER).ok().map(Identity::Nobody) } else { None };
    let mut space = Space { identity: identity.unwrap_or(Identity::Caller) };
    let privileged = matches!(space.identity, Identity::Nobody(_)) && sys::unshare(UnshareFlags::NEWNS).is_ok();
    if !privileged {
        space.identity = Identity::Caller;
        let entered = sys::unshare(UnshareFlags::NEWUSER).and_then(|()| map_self(uid.as_raw(), gid.as_raw()));
        ledger.enter("user-namespace", entered)?;
        ledger.enter("mount-namespace", sys::unshare(UnshareFlags::NEWNS))?;
    }
    for (id, namespace) in NAMESPACES {
        ledger.enter(id, sys::unshare(*namespace))?;
    }
    // Without it /proc/self/cgroup shows the host's paths; an old kernel may lack it, and nothing rests on it.
    _ = sys::unshare(UnshareFlags::NEWCGROUP);
    let named = rustix::system::sethostname(b"sandbox").map_err(io::Error::from);
    if ledger.holds(&["uts-namespace"]) {
        ledger.enter("uts-namespace", named)?;
    }
    Ok((space, ledger))
}

impl Space {
    /// The namespace through which mounted folders are seen, when their owners must be mapped.
    pub(super) fn owners(&self) -> Option<&OwnedFd> {
        match &self.identity {
            Identity::Caller => None,
            Identity::Nobody(map) => Some(map),
        }
    }

    /// Mount options that give a new file system to the command's user.
    pub(super) fn ownership(&self) -> String {
        match self.identity {
            Identity::Caller => String::new(),
            Identity::Nobody(_) => format!(",uid={OUTER},gid={OUTER}"),
        }
    }

    /// Becomes the command's user for good. The last step that needs privilege over the view.
    pub(super) fn settle(&self) -> io::Result<()> {
        if matches!(self.identity, Identity::Caller) {
            return Ok(());
        }
        let (uid, gid) = (Uid::from_raw(OUTER), Gid::from_raw(OUTER));
        set_thread_groups(&[])?;
        set_thread_res_gid(gid, gid, gid)?;
        set_thread_res_uid(uid, uid, uid)?;
        // The change of user made /proc/self unwritable; the maps below must be written.
        set_dumpable_behavior(DumpableBehavior::Dumpable)?;
        sys::unshare(UnshareFlags::NEWUSER)?;
        map_self(OUTER, OUTER)
    }
}

/// Makes the given host user and group the only ones of this user namespace.
fn map_self(uid: u32, gid: u32) -> io::Result<()> {
    // Without this, leaving a group could widen access (CVE-2014-8989).
    idmap::write("/proc/self/setgroups", "deny")?;
    idmap::write("/proc/self/uid_map", &format!("{INNER} {uid} 1"))?;
    idmap::write("/proc/self/gid_map", &format!("{INNER} {gid} 1"))
}

const NAMESPACES: &[(&str, UnshareFlags)] = &[
    ("pid-namespace", UnshareFlags::NEWPID),
    ("net-namespace", UnshareFlags::NEWNET),
    ("ipc-namespace", UnshareFlags::NEWIPC),
    ("uts-namespace", UnshareFlags::NEWUTS),
];

/// The command's user and group inside.
pub(super) const INNER: u32 = 1000;

/// The command's user and group on the host when the gateway is root: high above what systems give
/// to people, services and containers, so that no file belongs to it.
const OUTER: u32 = 1_963_000_000;
