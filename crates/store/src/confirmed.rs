//! The record of the config that was put in force last, in `confirmed.json`: what an edit made while the gateway
//! was down is measured by. Holds what the operator's files hold, and is as private as they are. What stands in
//! it is the gateway's to know; here it is bytes.

use std::path::{Path, PathBuf};

use crate::folder::{FileError, Folder};

/// The record of a store folder (`<state>/stockade`); `None` when there is none yet.
///
/// # Errors
/// When the file cannot be read, is no regular file, is larger than [`MAX`], or others could have written it.
pub fn read(dir: &Path) -> Result<Option<Vec<u8>>, FileError> {
    let folder = match Folder::existing(dir) {
        Err(error) if error.is_absent() => return Ok(None),
        folder => folder?,
    };
    match folder.read_private(FILE, MAX) {
        Err(error) if error.is_absent() => Ok(None),
        bytes => bytes.map(Some),
    }
}

/// Replaces the record, whole and durably.
///
/// # Errors
/// When it cannot be written, or would be larger than [`MAX`]; then the old one stands.
pub fn write(dir: &Path, bytes: &[u8]) -> Result<(), FileError> {
    if bytes.len() as u64 > MAX {
        return Err(FileError::TooLarge { file: place(dir), max: MAX });
    }
    Folder::private(dir)?.replace(FILE, bytes)
}

/// Where the record stands, for messages.
#[must_use]
pub fn place(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

/// The record's file name in the store folder.
pub const FILE: &str = "confirmed.json";
/// The largest record, in bytes.
pub const MAX: u64 = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn store() -> tempfile::TempDir {
        tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o700)).tempdir().expect("a folder")
    }

    #[test]
    fn what_is_written_is_read_and_private() {
        let dir = store();
        assert_eq!(read(&dir.path().join("gone")).expect("no folder"), None);
        assert_eq!(read(dir.path()).expect("no file"), None);
        for text in [b"one".as_slice(), b"two"] {
            write(dir.path(), text).expect("written");
            assert_eq!(read(dir.path()).expect("readable").as_deref(), Some(text));
        }
        let mode = std::fs::metadata(place(dir.path())).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_record_that_is_not_ours_alone_is_no_record() {
        let dir = store();
        let file = place(dir.path());
        write(dir.path(), b"one").expect("written");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o620)).expect("ours");
        assert!(matches!(read(dir.path()), Err(FileError::NotPrivate { .. })));
        std::fs::remove_file(&file).expect("removed");
        symlink("/nonexistent", &file).expect("linked");
        assert!(matches!(read(dir.path()), Err(FileError::NotRegular { .. })), "a dangling link is not absence");
        // Replacing does not write through it.
        write(dir.path(), b"two").expect("written");
        assert_eq!(read(dir.path()).expect("readable").as_deref(), Some(b"two".as_slice()));
    }
}
