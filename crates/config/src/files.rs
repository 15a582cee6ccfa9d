//! The only place of this crate that opens files. Reading is bounded and never waits on a pipe or a
//! device; writing makes new files only, whole or not at all, for their owner alone.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};

use crate::error::ConfigError;

/// The largest config file, in bytes.
pub(crate) const MAX_CONFIG: u64 = 4 * 1024 * 1024;
/// The largest secret file, in bytes.
pub(crate) const MAX_SECRET: u64 = 64 * 1024;

/// A file's text, and who may touch it.
pub(crate) struct FileText {
    pub(crate) text: String,
    /// Permission bits.
    pub(crate) mode: u32,
    /// How many names the file has.
    pub(crate) links: u64,
    /// The owner.
    pub(crate) uid: u32,
    pub(crate) symlink: bool,
}

/// Reads a text file of at most `limit` bytes. Follows links, as OpenClaw does for its config.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<FileText, ConfigError> {
    let symlink = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    let (text, stat) = read(path, limit, OFlags::empty())?;
    Ok(FileText { text, mode: permissions(&stat), links: links(&stat), uid: stat.st_uid, symlink })
}

/// Reads a file that holds a secret: a regular file with one name, ours, closed to everyone else.
/// Answers: a secret planted through a link, and one that others can read or replace.
pub(crate) fn read_private(path: &Path) -> Result<String, ConfigError> {
    let (text, stat) = read(path, MAX_SECRET, OFlags::NOFOLLOW)?;
    let mode = permissions(&stat);
    let shown = path.display();
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(refuse(
            path,
            "belongs to another user; a secret must be owned by the user who runs the gateway".into(),
        ));
    }
    if mode & 0o077 != 0 {
        return Err(refuse(path, format!("others may open it (mode {mode:04o}); run `chmod 600 {shown}`")));
    }
    if links(&stat) != 1 {
        return Err(refuse(path, "has more than one name (hard links); copy it to a new file and use that".into()));
    }
    Ok(text)
}

/// Makes a directory for the owner alone (0700), parents included. One that is there must be ours and
/// closed to writers: whoever may write there may replace the config.
///
/// # Errors
/// [`ConfigError::Write`] when it cannot be made, [`ConfigError::File`] when others may write in it.
pub fn create_state_dir(path: &Path) -> Result<(), ConfigError> {
    let write = |source| ConfigError::Write { path: path.to_owned(), source };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(write)?;
    let stat = rustix::fs::stat(path).map_err(|error| write(error.into()))?;
    let mode = permissions(&stat);
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(refuse(path, "belongs to another user; name a directory of your own in OPENCLAW_STATE_DIR".into()));
    }
    if mode & 0o022 != 0 {
        let shown = path.display();
        return Err(refuse(path, format!("others may write in it (mode {mode:04o}); run `chmod 700 {shown}`")));
    }
    Ok(())
}

/// The permission bits of a directory.
pub(crate) fn folder_mode(path: &Path) -> Option<u32> {
    rustix::fs::stat(path).ok().map(|stat| permissions(&stat))
}

/// Writes a new file for the owner alone (0600). The file appears whole or not at all, and what is
/// there, a link included, is never touched.
///
/// # Errors
/// [`ConfigError::Exists`] when the name is taken, [`ConfigError::Write`] for the rest.
pub fn write_new(path: &Path, contents: &str) -> Result<(), ConfigError> {
    place(path, contents).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => ConfigError::Exists { path: path.to_owned() },
        _ => ConfigError::Write { path: path.to_owned(), source },
    })
}

fn place(path: &Path, contents: &str) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = rustix::fs::open(parent, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let draft = draft_name(name);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&folder, &draft, flags, Mode::RUSR | Mode::WUSR)?;
    // `link` fails when the name is taken, so that two starts at once cannot overwrite each other.
    let placed =
        fill(file, contents).and_then(|()| Ok(rustix::fs::linkat(&folder, &draft, &folder, name, AtFlags::empty())?));
    rustix::fs::unlinkat(&folder, &draft, AtFlags::empty())?;
    placed?;
    Ok(rustix::fs::fsync(&folder)?)
}

fn fill(file: OwnedFd, contents: &str) -> io::Result<()> {
    let mut file = File::from(file);
    file.write_all(contents.as_bytes())?;
    file.sync_all()
}

fn draft_name(name: &OsStr) -> std::ffi::OsString {
    let mut draft = std::ffi::OsString::from(".");
    draft.push(name);
    draft.push(format!(".{}.new", rustix::process::getpid().as_raw_nonzero()));
    draft
}

fn read(path: &Path, limit: u64, more: OFlags) -> Result<(String, Stat), ConfigError> {
    let failed = |source: io::Error| ConfigError::Read { path: path.to_owned(), source };
    // NONBLOCK: a pipe in the place of the config must not hang the start.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY | more;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
        rustix::io::Errno::LOOP => refuse(path, "is a symbolic link; name the file itself".into()),
        error => failed(error.into()),
    })?;
    let stat = rustix::fs::fstat(&file).map_err(|error| failed(error.into()))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(refuse(path, "is not a regular file".into()));
    }
    let mut bytes = Vec::new();
    File::from(file).take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(ConfigError::TooLarge { path: path.to_owned(), limit });
    }
    let text = String::from_utf8(bytes).map_err(|_| ConfigError::NotText { path: path.to_owned() })?;
    Ok((text, stat))
}

fn refuse(path: &Path, why: String) -> ConfigError {
    ConfigError::File { path: path.to_owned(), why }
}

const fn permissions(stat: &Stat) -> u32 {
    stat.st_mode & 0o7777
}

#[expect(clippy::unnecessary_cast, reason = "the width of st_nlink differs between architectures")]
const fn links(stat: &Stat) -> u64 {
    stat.st_nlink as u64
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).expect("is there").permissions().mode() & 0o777
    }

    fn chmod(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("is ours");
    }

    #[test]
    fn new_files_are_private_and_nothing_is_overwritten() {
        let dir = tempfile::tempdir().expect("temp dir");
        let state = dir.path().join("a/b");
        create_state_dir(&state).expect("made");
        assert_eq!(mode(&state), 0o700);
        let file = state.join("openclaw.json");
        write_new(&file, "one").expect("written");
        assert_eq!(mode(&file), 0o600);
        assert!(matches!(write_new(&file, "two"), Err(ConfigError::Exists { .. })));
        let link = state.join("link.json");
        symlink(dir.path().join("elsewhere"), &link).expect("linked");
        assert!(matches!(write_new(&link, "two"), Err(ConfigError::Exists { .. })));
        assert!(!dir.path().join("elsewhere").exists(), "a dangling link is not written through");
        assert_eq!(std::fs::read_to_string(&file).expect("readable"), "one");
        let left: Vec<_> = std::fs::read_dir(&state).expect("readable").collect();
        assert_eq!(left.len(), 2, "no draft is left behind");
    }

    #[test]
    fn a_directory_that_others_may_write_in_is_refused() {
        let dir = tempfile::tempdir().expect("temp dir");
        chmod(dir.path(), 0o777);
        let error = create_state_dir(dir.path()).expect_err("is open").to_string();
        assert!(error.contains("0777") && error.contains("chmod 700"), "{error}");
    }

    #[test]
    fn secrets_that_others_can_reach_are_refused() {
        let dir = tempfile::tempdir().expect("temp dir");
        let file = dir.path().join("s");
        write_new(&file, "value").expect("written");
        assert_eq!(read_private(&file).expect("is private"), "value");
        chmod(&file, 0o640);
        let error = read_private(&file).expect_err("is open").to_string();
        assert!(error.contains("0640") && error.contains("chmod 600"), "{error}");
        chmod(&file, 0o600);
        let link = dir.path().join("l");
        symlink(&file, &link).expect("linked");
        assert!(read_private(&link).expect_err("is a link").to_string().contains("symbolic link"));
        std::fs::hard_link(&file, dir.path().join("h")).expect("linked");
        assert!(read_private(&file).expect_err("has two names").to_string().contains("hard links"));
    }

    #[test]
    fn pipes_devices_and_giants_are_refused_without_waiting() {
        let dir = tempfile::tempdir().expect("temp dir");
        let fifo = dir.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("made");
        assert!(matches!(read_text(&fifo, 10), Err(ConfigError::File { .. })));
        assert!(matches!(read_text(Path::new("/dev/zero"), 10), Err(ConfigError::File { .. })));
        let big = dir.path().join("big");
        write_new(&big, "12345678901").expect("written");
        assert!(matches!(read_text(&big, 10), Err(ConfigError::TooLarge { limit: 10, .. })));
        assert_eq!(read_text(&big, 11).expect("fits").text.len(), 11);
    }
}
