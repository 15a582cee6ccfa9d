//! A folder held by its descriptor. Every file of this crate is opened relative to one, and a link in
//! place of a file or folder is refused: a link planted by an agent must not turn the gateway's own
//! writes into writes elsewhere, nor its reads into reads of something else.

use std::fs::{DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fsync, mkdirat, openat, renameat, statat};
use rustix::io::Errno;
use thiserror::Error;

/// A file or folder of the store that could not be used.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system refused.
    #[error("cannot {doing} {}: {source}", file.display())]
    System {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        file: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// Others could read or change it.
    #[error("{} is not private (mode {mode:03o}, owner {owner}): run `chmod go-rwx` on it as its owner", file.display())]
    NotPrivate {
        /// Which file.
        file: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// Its owner's user id.
        owner: u32,
    },
    /// It is a link, a folder, a pipe: not what the store writes.
    #[error("{} is not a regular file: move it away", file.display())]
    NotRegular {
        /// Which file.
        file: PathBuf,
    },
    /// It is larger than anything that the store writes.
    #[error("{} is larger than {max} bytes: move it away", file.display())]
    TooLarge {
        /// Which file.
        file: PathBuf,
        /// The bound in bytes.
        max: u64,
    },
}

impl FileError {
    pub(crate) fn system(doing: &'static str, file: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        Self::System { doing, file: file.into(), source: Arc::new(source.into()) }
    }

    /// Whether the file simply is not there.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::System { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// An open folder.
#[derive(Debug)]
pub(crate) struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

impl Folder {
    /// Opens a folder of ours, making it (0700) when it is absent. Refuses one that others can enter.
    pub(crate) fn private(path: &Path) -> Result<Self, FileError> {
        let folder = Self::made(path)?;
        folder.require_private()?;
        Ok(folder)
    }

    /// Opens a folder, making it (0700) when it is absent, whoever owns it and may enter it.
    pub(crate) fn made(path: &Path) -> Result<Self, FileError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| FileError::system("create", path, error))?;
        Self::existing(path)
    }

    /// Opens a folder for reading, whoever owns it: evidence is read where it lies.
    pub(crate) fn existing(path: &Path) -> Result<Self, FileError> {
        let fd = openat(CWD, path, FOLDER_FLAGS, Mode::empty()).map_err(|e| FileError::system("open", path, e))?;
        Ok(Self { fd, path: path.to_owned() })
    }

    /// Opens a folder inside this one, making it (0700) when it is absent.
    pub(crate) fn private_child(&self, name: &str) -> Result<Self, FileError> {
        match mkdirat(&self.fd, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(FileError::system("create", self.path_of(name), error)),
        }
        let child = self.child(name)?;
        child.require_private()?;
        Ok(child)
    }

    /// Opens a folder inside this one.
    pub(crate) fn child(&self, name: &str) -> Result<Self, FileError> {
        let path = self.path_of(name);
        let fd =
            openat(&self.fd, name, FOLDER_FLAGS, Mode::empty()).map_err(|e| FileError::system("open", &path, e))?;
        Ok(Self { fd, path })
    }

    /// The names of the folders in this one.
    pub(crate) fn children(&self) -> Result<Vec<String>, FileError> {
        let read = |error| FileError::system("list", &self.path, error);
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd).map_err(read)? {
            let entry = entry.map_err(read)?;
            if let Ok(name) = entry.file_name().to_str()
                && !name.starts_with('.')
                && entry.file_type() == FileType::Directory
            {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Opens a file for reading.
    pub(crate) fn read(&self, name: &str) -> Result<File, FileError> {
        self.open(name, OFlags::RDONLY, "open")
    }

    /// Reads a small file whole.
    pub(crate) fn read_whole(&self, name: &str, max: u64) -> Result<Vec<u8>, FileError> {
        self.whole(name, self.read(name)?, max)
    }

    /// Reads a small file whole that nobody else can read or write.
    pub(crate) fn read_private(&self, name: &str, max: u64) -> Result<Vec<u8>, FileError> {
        let file = self.read(name)?;
        self.require_private_file(name, &file)?;
        self.whole(name, file, max)
    }

    fn whole(&self, name: &str, file: File, max: u64) -> Result<Vec<u8>, FileError> {
        let mut bytes = Vec::new();
        file.take(max + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| FileError::system("read", self.path_of(name), error))?;
        if bytes.len() as u64 > max {
            return Err(FileError::TooLarge { file: self.path_of(name), max });
        }
        Ok(bytes)
    }

    /// Opens a private file for reading and writing, making it (0600) when it is absent.
    pub(crate) fn write(&self, name: &str) -> Result<File, FileError> {
        let file = self.open(name, OFlags::RDWR | OFlags::CREATE, "open")?;
        self.require_private_file(name, &file)?;
        Ok(file)
    }

    /// Opens a private file for appending, making it (0600) when it is absent.
    pub(crate) fn append(&self, name: &str) -> Result<File, FileError> {
        let file = self.open(name, OFlags::RDWR | OFlags::APPEND | OFlags::CREATE, "open")?;
        self.require_private_file(name, &file)?;
        Ok(file)
    }

    /// Makes a file (0600) that must not exist yet.
    pub(crate) fn create_new(&self, name: &str) -> Result<File, FileError> {
        self.open(name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, "create")
    }

    /// Replaces a file whole: readers see the old bytes or the new ones, also after a crash.
    pub(crate) fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), FileError> {
        let draft = format!(".{name}.new");
        let failed = |error: io::Error| FileError::system("write", self.path_of(&draft), error);
        let mut file = self.open(&draft, OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC, "create")?;
        self.require_private_file(&draft, &file)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
        renameat(&self.fd, &draft, &self.fd, name)
            .map_err(|error| FileError::system("replace", self.path_of(name), error))?;
        self.sync()
    }

    /// Removes a name. Answers whether it was there.
    pub(crate) fn remove(&self, name: &str) -> Result<bool, FileError> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(FileError::system("remove", self.path_of(name), error)),
        }
    }

    /// Makes the folder's own entries durable.
    pub(crate) fn sync(&self) -> Result<(), FileError> {
        fsync(&self.fd).map_err(|error| FileError::system("sync", &self.path, error))
    }

    /// What lies at a name now: inode and size in bytes.
    pub(crate) fn identity(&self, name: &str) -> Result<(u64, u64), FileError> {
        let stat = statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| FileError::system("find", self.path_of(name), error))?;
        Ok((stat.st_ino, u64::try_from(stat.st_size).unwrap_or(0)))
    }

    /// The path of a name, for messages.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn open(&self, name: &str, flags: OFlags, doing: &'static str) -> Result<File, FileError> {
        let file: File = openat(&self.fd, name, flags | FILE_FLAGS, Mode::RUSR | Mode::WUSR)
            .map_err(|error| match error {
                // What `O_NOFOLLOW` answers for a link, and opening a folder for writing.
                Errno::LOOP | Errno::ISDIR => FileError::NotRegular { file: self.path_of(name) },
                other => FileError::system(doing, self.path_of(name), other),
            })?
            .into();
        let metadata = file.metadata().map_err(|error| FileError::system("read", self.path_of(name), error))?;
        if metadata.is_file() { Ok(file) } else { Err(FileError::NotRegular { file: self.path_of(name) }) }
    }

    fn require_private_file(&self, name: &str, file: &File) -> Result<(), FileError> {
        let metadata = file.metadata().map_err(|error| FileError::system("read", self.path_of(name), error))?;
        is_private(&self.path_of(name), metadata.uid(), metadata.mode())
    }

    fn require_private(&self) -> Result<(), FileError> {
        let stat = rustix::fs::fstat(&self.fd).map_err(|error| FileError::system("read", &self.path, error))?;
        is_private(&self.path, stat.st_uid, stat.st_mode)
    }
}

fn is_private(file: &Path, owner: u32, mode: u32) -> Result<(), FileError> {
    let mode = mode & 0o777;
    if owner == rustix::process::geteuid().as_raw() && mode & 0o077 == 0 {
        return Ok(());
    }
    Err(FileError::NotPrivate { file: file.to_owned(), mode, owner })
}

const FOLDER_FLAGS: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// `NONBLOCK`: a named pipe in place of a file must not hang the gateway.
const FILE_FLAGS: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);
