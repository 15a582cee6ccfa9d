//! Walks the state directory, and looks at what the config names beside it.
//!
//! Each folder is opened below the handle of the folder above it, never by a path, so that a folder that is swapped for
//! a link meanwhile leads nowhere. Links are seen and not followed; nothing but folders is opened; what is closed and
//! ordinary is counted and forgotten, so that memory does not grow with the number of transcripts. What cannot be looked
//! at is a [`Trouble`], and the rest goes on.

mod acl;
mod ground;
mod named;
mod parents;
mod sight;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use rustix::fs::{AtFlags, Mode, OFlags, RawDir, Stat};
use rustix::io::Errno;

use crate::snapshot::tree::{Entry, Kind, Role, Tree};
use crate::snapshot::{Install, Trouble};
use ground::Ground;
pub use named::Named;
pub use sight::Seen;
use sight::{Id, Path, id};

/// Looks at every file of an install, and hands each regular file outside plugin code to `visit`.
pub fn walk(install: &Install, named: &Named<'_>, visit: &mut dyn FnMut(&Seen<'_>)) -> (Tree, Vec<Trouble>) {
    let mut walk = Walk::new(install, visit);
    walk.look_up(named);
    walk.state();
    if let Some(folder) = named.default_logs {
        walk.place(folder, &Role::DefaultLog, Some(Ground::Logs));
    }
    walk.rest();
    for path in parents::above(install, named) {
        walk.parent(&path);
    }
    walk.finish()
}

/// A walk under way.
struct Walk<'w> {
    install: &'w Install,
    /// Who may own the files: root and the operator.
    owner: u32,
    /// The real path of the state directory; empty when there is none.
    state: Vec<u8>,
    /// What the config names and was not met yet.
    named: HashMap<Id, (String, Role)>,
    visit: &'w mut dyn FnMut(&Seen<'_>),
    tree: Tree,
    troubles: Vec<Trouble>,
    folders: u32,
    buffer: Vec<MaybeUninit<u8>>,
}

/// A folder that is looked at.
struct Folder {
    fd: OwnedFd,
    path: Vec<u8>,
    ground: Ground,
    closed: u32,
    closed_by: Option<Rc<str>>,
    depth: u32,
    /// The file system that the walk must not leave; `None` within the state directory.
    device: Option<u64>,
}

impl<'w> Walk<'w> {
    fn new(install: &'w Install, visit: &'w mut dyn FnMut(&Seen<'_>)) -> Self {
        Self {
            install,
            owner: parents::owner(install),
            state: sight::real(&install.state),
            named: HashMap::new(),
            visit,
            tree: Tree::default(),
            troubles: Vec::new(),
            folders: 0,
            buffer: vec![MaybeUninit::uninit(); BUFFER],
        }
    }

    fn look_up(&mut self, named: &Named<'_>) {
        for (path, role) in named.places() {
            let looked = if role == Role::Workspace {
                rustix::fs::stat(path.as_str())
            } else {
                rustix::fs::lstat(path.as_str())
            };
            match looked {
                Ok(stat) => drop(self.named.entry(id(&stat)).or_insert((path, role))),
                Err(Errno::NOENT) => {}
                Err(error) => self.trouble(path.as_bytes(), sight::reason(error)),
            }
        }
    }

    fn state(&mut self) {
        let path = self.install.state.clone();
        self.place(&path, &Role::StateDir, Some(Ground::State));
    }

    /// What the config names and the walk did not meet.
    fn rest(&mut self) {
        let mut rest: Vec<(String, Role)> = std::mem::take(&mut self.named).into_values().collect();
        rest.sort();
        for (path, role) in rest {
            let ground = match role {
                Role::Workspace => Some(Ground::Workspace),
                Role::CredentialsDir => Some(Ground::Credentials),
                Role::AgentDir(ref id) => Some(Ground::Keys(id.as_str().into())),
                _ => None,
            };
            self.place(&path, &role, ground);
        }
    }

    /// Something by its path: links above it are followed, its own is not, except where the name of the state directory
    /// or of a workspace is a link to it. Without a ground, it is no folder to be entered.
    fn place(&mut self, path: &str, role: &Role, ground: Option<Ground>) {
        let stat = match rustix::fs::lstat(path) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return,
            Err(error) => return self.trouble(path.as_bytes(), sight::reason(error)),
        };
        let kind = sight::kind(&stat);
        let entry = self.entry(Path::whole(path), rustix::fs::CWD, path.as_bytes(), &stat, role.clone());
        let strange = *role == Role::DefaultLog && !self.is_ours(entry.uid);
        let through_link = entry.target_kind == Some(Kind::Folder) && matches!(role, Role::StateDir | Role::Workspace);
        let closed = if *role == Role::StateDir { shut(entry.mode) } else { 0 };
        let closed_by = (closed != 0).then(|| Rc::from(entry.path.as_str()));
        if *role != Role::DefaultLog || self.matters(&entry) {
            self.keep(entry);
        }
        let Some(ground) = ground.filter(|_| (kind == Kind::Folder || through_link) && !strange) else {
            return self.lone(path, role, &stat);
        };
        let flags = if through_link { FOLDER } else { FOLDER | OFlags::NOFOLLOW };
        match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(fd) => {
                let device =
                    if *role == Role::StateDir { None } else { rustix::fs::fstat(&fd).ok().map(|at| at.st_dev) };
                let path = path.trim_end_matches('/').as_bytes().to_vec();
                self.folder(Folder { fd, path, ground, closed, closed_by, depth: 0, device });
            }
            Err(error) => self.trouble(path.as_bytes(), sight::reason(error)),
        }
    }

    /// Hands a regular file that was named to the caller.
    fn lone(&mut self, path: &str, role: &Role, stat: &Stat) {
        if sight::kind(stat) != Kind::File {
            return;
        }
        let (above, name) = path.rsplit_once('/').unwrap_or((".", path));
        let above = if above.is_empty() { "/" } else { above };
        let (Ok(fd), Ok(name)) = (rustix::fs::open(above, FOLDER, Mode::empty()), CString::new(name)) else { return };
        self.count(stat);
        (self.visit)(&Seen { dir: fd.as_fd(), name: &name, stat, folder: above.as_bytes(), role, in_workspace: false });
    }

    fn folder(&mut self, folder: Folder) {
        self.folders = self.folders.saturating_add(1);
        if self.folders == FOLDERS {
            self.trouble(&folder.path, format!("more than {FOLDERS} folders: what follows was not looked at"));
        }
        if self.folders >= FOLDERS {
            return;
        }
        let mut below = self.read(&folder);
        below.sort_by(|a, b| (a.ground.rank(), &a.name).cmp(&(b.ground.rank(), &b.name)));
        for next in below {
            self.descend(&folder, next);
        }
    }

    /// Looks at what stands in a folder; answers the folders to be entered.
    fn read(&mut self, folder: &Folder) -> Vec<Below> {
        let mut below = Vec::new();
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut listing = RawDir::new(folder.fd.as_fd(), &mut buffer);
        while let Some(entry) = listing.next() {
            match entry {
                Ok(entry) if matches!(entry.file_name().to_bytes(), b"." | b"..") => {}
                Ok(entry) => below.extend(self.one(folder, entry.file_name()).filter(|_| self.folders < FOLDERS)),
                Err(error) => {
                    self.trouble(&folder.path, sight::reason(error));
                    break;
                }
            }
        }
        self.buffer = buffer;
        below
    }

    /// Looks at one name of a folder; answers the folder that it is, when it is to be entered.
    fn one(&mut self, folder: &Folder, name: &CStr) -> Option<Below> {
        let stat = match rustix::fs::statat(&folder.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return None,
            Err(error) => {
                self.trouble(&Path::below(&folder.path, name.to_bytes()).bytes(), sight::reason(error));
                return None;
            }
        };
        let kind = sight::kind(&stat);
        if folder.device.is_some() && folder.ground == Ground::Logs && !self.is_ours(stat.st_uid) {
            return None;
        }
        let found = if folder.ground.may_hold_named() { self.met(&stat, name) } else { None };
        let (role, ground) = match found {
            Some(Role::Workspace) if kind == Kind::Folder => (Role::Workspace, Some(Ground::Workspace)),
            Some(Role::CredentialsDir) if kind == Kind::Folder => (Role::CredentialsDir, Some(Ground::Credentials)),
            Some(Role::AgentDir(id)) if kind == Kind::Folder && !folder.ground.is_of_agents() => {
                (Role::AgentDir(id.clone()), Some(Ground::Keys(id.into())))
            }
            Some(role) if !matches!(role, Role::AgentDir(_)) => (role, None),
            _ => folder.ground.below(name.to_bytes(), kind),
        };
        if kind == Kind::File {
            self.count(&stat);
        }
        if self.may_matter(&stat, &role) {
            let path = Path::below(&folder.path, name.to_bytes());
            let mut entry = self.entry(path, folder.fd.as_fd(), name.to_bytes(), &stat, role.clone());
            entry.closed = folder.closed;
            entry.closed_by = folder.closed_by.as_deref().map(str::to_owned);
            if self.matters(&entry) {
                self.keep(entry);
            }
        }
        if kind == Kind::File && role != Role::Code {
            let in_workspace = matches!(folder.ground, Ground::Workspace | Ground::Obeyed);
            let dir = folder.fd.as_fd();
            (self.visit)(&Seen { dir, name, stat: &stat, folder: &folder.path, role: &role, in_workspace });
        }
        let ground = ground.filter(|_| kind == Kind::Folder)?;
        if folder.device.is_some_and(|device| device != stat.st_dev) {
            return None;
        }
        Some(Below { name: name.to_owned(), id: id(&stat), mode: stat.st_mode, ground })
    }

    /// The role that the config gives what is met: the same file by the same name, for a second name of it is another
    /// thing.
    fn met(&mut self, stat: &Stat, name: &CStr) -> Option<Role> {
        let (path, _) = self.named.get(&id(stat))?;
        if path.trim_end_matches('/').rsplit('/').next()?.as_bytes() != name.to_bytes() {
            return None;
        }
        self.named.remove(&id(stat)).map(|(_, role)| role)
    }

    fn descend(&mut self, above: &Folder, below: Below) {
        let path = Path::below(&above.path, below.name.to_bytes()).bytes();
        let depth = above.depth.saturating_add(1);
        if depth > DEPTH {
            return self.trouble(&path, format!("more than {DEPTH} folders deep: not looked at"));
        }
        let opened = sight::open(above.fd.as_fd(), &below.name, FOLDER | OFlags::NOFOLLOW);
        let fd = match opened {
            Ok(fd) => fd,
            Err(error) => return self.trouble(&path, sight::reason(error)),
        };
        if rustix::fs::fstat(&fd).map(|stat| id(&stat)) != Ok(below.id) {
            return self.trouble(&path, "changed while it was looked at".to_owned());
        }
        let shut = shut(below.mode) & !above.closed;
        let closed_by = if shut == 0 { above.closed_by.clone() } else { Some(Rc::from(sight::shown(&path).0)) };
        let (closed, device) = (above.closed | shut, above.device);
        self.folder(Folder { fd, path, ground: below.ground, closed, closed_by, depth, device });
    }

    fn parent(&mut self, path: &std::path::Path) {
        let Some(text) = path.to_str() else { return };
        let Ok(stat) = rustix::fs::lstat(path) else { return };
        if sight::kind(&stat) != Kind::Folder {
            return;
        }
        let entry = self.entry(Path::whole(text), rustix::fs::CWD, text.as_bytes(), &stat, Role::Parent);
        let sticky = stat.st_mode & 0o1000 != 0;
        if !self.is_ours(entry.uid) || (entry.mode & 0o022 != 0 && !sticky) {
            self.keep(entry);
        }
    }

    fn entry(&mut self, path: Path<'_>, dir: BorrowedFd<'_>, name: &[u8], stat: &Stat, role: Role) -> Entry {
        let (entry, trouble) = sight::entry(path, dir, name, stat, role);
        if let Some(what) = trouble {
            self.troubles.push(Trouble { path: entry.path.clone(), what });
        }
        entry
    }

    /// Whether it is worth making an [`Entry`] to see whether it matters: everything but closed, ordinary files.
    fn may_matter(&self, stat: &Stat, role: &Role) -> bool {
        let kind = sight::kind(stat);
        kind != Kind::File
            || !self.is_ours(stat.st_uid)
            || stat.st_mode & role.unwanted(stat.st_uid, stat.st_gid) != 0
            || (stat.st_nlink > 1 && role.is_secret())
            || is_fixed(role)
    }

    fn matters(&self, entry: &Entry) -> bool {
        if is_fixed(&entry.role) || !entry.acl.is_empty() {
            return true;
        }
        match entry.kind {
            Kind::Special => true,
            Kind::Link => entry.role.is_secret() || !self.is_inside(entry.target.as_deref()),
            Kind::File | Kind::Folder => {
                !self.is_ours(entry.uid)
                    || entry.unwanted() != 0
                    || (entry.kind == Kind::File && entry.links > 1 && entry.role.is_secret())
            }
        }
    }

    fn is_ours(&self, uid: u32) -> bool {
        uid == 0 || uid == self.owner || uid == self.install.uid
    }

    fn is_inside(&self, target: Option<&str>) -> bool {
        target.is_none_or(|target| {
            target.as_bytes().strip_prefix(self.state.as_slice()).is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
        })
    }

    fn keep(&mut self, entry: Entry) {
        if self.tree.entries.len() == ENTRIES {
            let what = format!("more than {ENTRIES} files that matter: what follows is not kept");
            self.troubles.push(Trouble { path: entry.path.clone(), what });
        }
        if self.tree.entries.len() <= ENTRIES {
            self.tree.entries.push(entry);
        }
    }

    fn count(&mut self, stat: &Stat) {
        self.tree.files = self.tree.files.saturating_add(1);
        self.tree.bytes = self.tree.bytes.saturating_add(stat.st_size.unsigned_abs());
    }

    fn trouble(&mut self, path: &[u8], what: String) {
        if self.troubles.len() < TROUBLES {
            self.troubles.push(Trouble { path: sight::shown(path).0, what });
        }
    }

    fn finish(mut self) -> (Tree, Vec<Trouble>) {
        self.tree.entries.sort_by(|a, b| (&a.path, &a.role).cmp(&(&b.path, &b.role)));
        self.tree.entries.dedup_by(|later, first| later.path == first.path);
        self.tree.owner = self.owner;
        self.tree.real = sight::shown(&self.state).0;
        (self.tree, self.troubles)
    }
}

/// A folder to be entered.
struct Below {
    name: CString,
    id: Id,
    mode: u32,
    ground: Ground,
}

/// What is kept always, however closed.
const fn is_fixed(role: &Role) -> bool {
    matches!(role, Role::StateDir | Role::Config | Role::Include | Role::CredentialsDir)
}

/// The bits that come to nothing below a folder with this mode.
const fn shut(mode: u32) -> u32 {
    let group = if mode & 0o010 == 0 { 0o070 } else { 0 };
    let others = if mode & 0o001 == 0 { 0o007 } else { 0 };
    group | others
}

/// How a folder is opened.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// How deep the walk goes below the state directory: twice what a nested `node_modules` needs.
const DEPTH: u32 = 40;
/// How many folders it enters.
const FOLDERS: u32 = 50_000;
/// How many files that matter it keeps.
const ENTRIES: usize = 50_000;
/// How many troubles it keeps.
const TROUBLES: usize = 1_000;
/// Room for a piece of a folder's listing, in bytes.
const BUFFER: usize = 16 * 1024;
