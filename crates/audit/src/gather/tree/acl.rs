//! Access control lists: whom they let in beside owner, group and everybody.
//!
//! A mode of 0600 tells little where a list names users: what the group bits show is the mask. Lists are read by the
//! handle of the folder, as Linux keeps them (version 2 of `system.posix_acl_access` and `system.posix_acl_default`).

use std::os::fd::{AsRawFd as _, BorrowedFd};

use rustix::fs::Stat;
use rustix::io::Errno;

use crate::snapshot::tree::Kind;

/// Whom the lists of a name let in, and why they could not be read.
pub(super) fn of(dir: BorrowedFd<'_>, name: &[u8], stat: &Stat, kind: Kind) -> (Vec<String>, Option<String>) {
    let mut acl = Vec::new();
    // The group bits are the mask of the list: without them it lets nobody in.
    if stat.st_mode & 0o070 != 0 {
        match read(dir, name, "system.posix_acl_access") {
            Ok(list) => grants(&list, "", stat.st_uid, &mut acl),
            Err(error) => return (acl, Some(error)),
        }
    }
    if kind == Kind::Folder {
        match read(dir, name, "system.posix_acl_default") {
            Ok(list) => grants(&list, "default ", stat.st_uid, &mut acl),
            Err(error) => return (acl, Some(error)),
        }
    }
    (acl, None)
}

fn read(dir: BorrowedFd<'_>, name: &[u8], list: &str) -> Result<Vec<u8>, String> {
    let path = if name.starts_with(b"/") {
        name.to_vec()
    } else {
        [format!("/proc/self/fd/{}/", dir.as_raw_fd()).as_bytes(), name].concat()
    };
    let mut value = vec![0; LIST];
    match rustix::fs::lgetxattr(path, list, &mut value) {
        Ok(length) => {
            value.truncate(length);
            Ok(value)
        }
        // No list, a file system without lists, or a file that was removed meanwhile.
        Err(Errno::NODATA | Errno::NOTSUP | Errno::NOENT | Errno::ACCESS) => Ok(Vec::new()),
        Err(error) => Err(format!("its access control list cannot be read: {error}")),
    }
}

/// The users and groups that a list names, with what the mask leaves them.
fn grants(list: &[u8], prefix: &str, owner: u32, out: &mut Vec<String>) {
    let Some(entries) = list.strip_prefix(&VERSION.to_le_bytes()) else { return };
    let entries: Vec<(u16, u16, u32)> = entries.chunks_exact(8).filter_map(entry).collect();
    let mask = entries.iter().find(|(tag, ..)| *tag == MASK).map_or(0o7, |(_, bits, _)| *bits);
    for (tag, bits, id) in entries {
        let who = match tag {
            USER if id != owner && id != 0 => "user",
            GROUP => "group",
            _ => continue,
        };
        let bits = bits & mask;
        if bits & 0o7 != 0 {
            out.push(format!("{prefix}{who} {id} {}", letters(bits)));
        }
    }
}

/// Tag, permissions and number of one entry.
fn entry(bytes: &[u8]) -> Option<(u16, u16, u32)> {
    let &[t0, t1, p0, p1, i0, i1, i2, i3] = bytes else { return None };
    Some((u16::from_le_bytes([t0, t1]), u16::from_le_bytes([p0, p1]), u32::from_le_bytes([i0, i1, i2, i3])))
}

fn letters(bits: u16) -> String {
    [(0o4, 'r'), (0o2, 'w'), (0o1, 'x')].iter().filter(|(bit, _)| bits & bit != 0).map(|(_, letter)| letter).collect()
}

/// Room for a list, in bytes: five hundred entries.
const LIST: usize = 4096;
const VERSION: u32 = 2;
const USER: u16 = 0x02;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let mut bytes = VERSION.to_le_bytes().to_vec();
        for (tag, bits, id) in entries {
            bytes.extend([&tag.to_le_bytes()[..], &bits.to_le_bytes(), &id.to_le_bytes()].concat());
        }
        bytes
    }

    fn said(bytes: &[u8]) -> Vec<String> {
        let mut out = Vec::new();
        grants(bytes, "", 1000, &mut out);
        out
    }

    #[test]
    fn named_others_get_what_the_mask_leaves() {
        let entries = [(1, 6, u32::MAX), (USER, 7, 1001), (GROUP, 4, 50), (4, 0, u32::MAX), (MASK, 6, u32::MAX)];
        assert_eq!(said(&list(&entries)), ["user 1001 rw", "group 50 r"]);
        let closed = [(USER, 7, 1001), (MASK, 0, u32::MAX)];
        assert!(said(&list(&closed)).is_empty(), "the mask closes it");
        assert!(said(&list(&[(USER, 7, 1000), (USER, 7, 0)])).is_empty(), "the owner and root");
    }

    #[test]
    fn what_is_no_list_says_nothing() {
        for bytes in [&[][..], &[2, 0, 0], &[3, 0, 0, 0, 2, 0, 7, 0, 1, 0, 0, 0], &[2, 0, 0, 0, 2, 0, 7]] {
            assert!(said(bytes).is_empty(), "{bytes:?}");
        }
    }
}
