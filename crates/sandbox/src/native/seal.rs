//! What was approved is what runs: operand files by content, program files by identity, checked at the
//! last moment. Answers "approve A, run B": a script or a binary that is swapped after the operator's
//! answer.

use std::io::Write as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat};
use stockade_core::Digest;
use stockade_policy::Access;
use stockade_policy::call::ScriptOperand;

use super::plan::Plan;
use super::{root, sys};
use crate::beneath;
use crate::facts::MAX_OPERAND;
use crate::outcome::Refusal;

/// Puts a private copy of each operand over the operand, so that the bytes that were checked are the
/// bytes that the interpreter reads, whoever writes to the original meanwhile.
pub(super) fn seal(plan: &Plan, root: &OwnedFd) -> Result<(), Refusal> {
    for (number, operand) in plan.operands.iter().enumerate() {
        let changed = || Refusal::Changed { what: operand.path.display().to_string() };
        let resolve = plain(plan, &operand.path);
        let original = root::open_with(root, &operand.path, OFlags::PATH, resolve).map_err(|_| changed())?;
        let bytes = read_approved(root, operand, resolve).map_err(|_| changed())?;
        let executable = fstat(&original).is_ok_and(|stat| stat.st_mode & 0o111 != 0);
        let copy = format!(".sealed-{number}");
        let sealed = std::fs::File::options()
            .write(true)
            .create_new(true)
            .mode(if executable { 0o555 } else { 0o444 })
            .open(&copy)
            .and_then(|mut file| file.write_all(&bytes))
            .and_then(|()| root::clone_tree(CWD, Path::new(&copy)))
            .and_then(|tree| sys::set_mount(tree.as_fd(), SEALED, None, false).map(|()| tree))
            .and_then(|tree| root::attach(&tree, &original));
        sealed.map_err(|error| Refusal::path(&operand.path, format!("it cannot be sealed: {error}")))?;
        // The descriptor and the path may have parted between the two opens above: look once more.
        read_approved(root, operand, resolve).map_err(|_| changed())?;
    }
    Ok(())
}

/// Mounts each pinned file, and each folder above it, onto itself. The kernel refuses to rename or
/// remove a mount point, and that is all this does.
pub(super) fn pin(plan: &Plan, root: &OwnedFd) -> Result<(), Refusal> {
    for file in &plan.pinned {
        for mount in plan.view.mounts.iter().filter(|mount| mount.access == Access::Rw) {
            let Ok(rest) = file.strip_prefix(&mount.host) else { continue };
            let mut path = mount.target.clone();
            for name in rest {
                path.push(name);
                // What is gone, or has become a link, is not what was sealed: there is no name to keep.
                let Ok(place) = root::open_with(root, &path, OFlags::PATH, ResolveFlags::NO_SYMLINKS) else { break };
                let pinned = root::clone_tree(&place, Path::new("")).and_then(|tree| root::attach(&tree, &place));
                pinned.map_err(|error| Refusal::view(format!("{} cannot be pinned: {error}", path.display())))?;
            }
        }
    }
    Ok(())
}

/// How the path of an operand may be walked: without any link in the folders of the call, where a link
/// could be pointed elsewhere after the seal.
fn plain(plan: &Plan, path: &Path) -> ResolveFlags {
    if plan.view.locate(path).is_some() { ResolveFlags::NO_SYMLINKS } else { ResolveFlags::empty() }
}

/// Checks each program file against the identity that was approved.
pub(super) fn check_programs(plan: &Plan, root: &OwnedFd) -> Result<(), Refusal> {
    for program in &plan.programs {
        let (Some(path), Some(identity)) = (&program.path, &program.identity) else { continue };
        let found = root::open_inside(root, path, OFlags::PATH).ok().and_then(|file| fstat(&file).ok());
        if found.map(|stat| beneath::identity(&stat)) != Some(*identity) {
            return Err(Refusal::Changed { what: path.display().to_string() });
        }
    }
    Ok(())
}

/// The same checks on the host, without sealing.
pub(super) fn check_on_host(plan: &Plan) -> Result<(), Refusal> {
    let slash = openat(CWD, "/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let slash = slash.map_err(Refusal::launcher)?;
    for operand in &plan.operands {
        read_approved(&slash, operand, ResolveFlags::empty())
            .map_err(|_| Refusal::Changed { what: operand.path.display().to_string() })?;
    }
    check_programs(plan, &slash)
}

/// The content of the operand when it is the approved one.
fn read_approved(root: &OwnedFd, operand: &ScriptOperand, resolve: ResolveFlags) -> std::io::Result<Vec<u8>> {
    let file = root::open_with(root, &operand.path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY, resolve)?;
    if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::RegularFile {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    let bytes = beneath::read_bounded(file, MAX_OPERAND)?;
    if Digest::of(&bytes) != operand.sha256 {
        return Err(std::io::Error::other("its content is not the approved one"));
    }
    Ok(bytes)
}

/// Read-only, no set-user-id, no devices.
const SEALED: u64 = 0x1 | 0x2 | 0x4;
