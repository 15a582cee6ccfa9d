//! Opens what must be a regular file, to read it and nothing else.
//!
//! What it must never do: follow a link in the last place, wait at a pipe, read without a bound, or change when a file
//! was last read where the system lets it. Answers "a pipe in the place of a file hangs the audit", "a link in the
//! place of a file shows the auditor's own secrets" and "a sparse giant takes all memory".

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use serde_json::Value;

use crate::snapshot::Trouble;

/// A regular file, open for reading.
#[derive(Debug)]
pub struct Regular {
    /// The file.
    pub file: File,
    /// What it was when it was opened.
    pub stat: Stat,
}

impl Regular {
    /// Opens a file; `None` when there is none.
    ///
    /// # Errors
    /// A [`Trouble`] when it is a link or no regular file, or cannot be opened.
    pub fn open(path: &Path) -> Result<Option<Self>, Trouble> {
        let say = |what: String| trouble(path, what);
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let open = |flags| rustix::fs::open(path, flags, Mode::empty());
        // Only the owner of a file may leave its time of reading alone.
        let opened = match open(flags | OFlags::NOATIME) {
            Err(Errno::PERM) => open(flags),
            opened => opened,
        };
        let file = match opened {
            Ok(file) => File::from(file),
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(Errno::LOOP) => return Err(say("it is a symbolic link, which is not followed".into())),
            Err(Errno::NXIO) => return Err(say("it is not a regular file".into())),
            Err(error) => return Err(say(format!("it cannot be opened: {}", std::io::Error::from(error)))),
        };
        let stat = rustix::fs::fstat(&file).map_err(|error| say(format!("it cannot be looked at: {error}")))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(say("it is not a regular file".into()));
        }
        Ok(Some(Self { file, stat }))
    }

    /// Its size in bytes when it was opened.
    #[must_use]
    pub fn size(&self) -> u64 {
        u64::try_from(self.stat.st_size).unwrap_or(0)
    }
}

/// The JSON of a file; `None` when there is none. Nesting is bounded by the parser, at 128 levels.
///
/// # Errors
/// A [`Trouble`] when the file cannot be opened, is larger than `limit` bytes, or is not JSON.
pub fn json(path: &Path, limit: u64) -> Result<Option<Value>, Trouble> {
    let Some(regular) = Regular::open(path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    (&regular.file)
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| trouble(path, format!("it cannot be read: {error}")))?;
    if bytes.len() as u64 > limit {
        return Err(trouble(path, format!("it is larger than {limit} bytes, and was not read")));
    }
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| trouble(path, format!("it is not JSON (line {}, column {})", error.line(), error.column())))
}

/// What could not be looked at.
#[must_use]
pub fn trouble(path: &Path, what: impl Into<String>) -> Trouble {
    Trouble { path: path.display().to_string(), what: what.into() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn write(path: &Path, text: &[u8]) {
        std::io::Write::write_all(&mut File::create(path).expect("made"), text).expect("written");
    }

    #[test]
    fn links_pipes_giants_and_bombs_are_troubles_and_absence_is_none() {
        let folder = tempfile::tempdir().expect("temp dir");
        let at = |name: &str| folder.path().join(name);
        assert_eq!(json(&at("none"), 10), Ok(None));
        write(&at("good"), b"{\"a\":1}");
        assert_eq!(json(&at("good"), 7).expect("read").expect("there")["a"], 1);
        assert!(json(&at("good"), 6).expect_err("too large").what.contains("larger than 6"));
        symlink(at("good"), at("link")).expect("linked");
        assert!(json(&at("link"), 10).expect_err("a link").what.contains("symbolic link"));
        rustix::fs::mknodat(rustix::fs::CWD, at("fifo"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("made");
        assert!(json(&at("fifo"), 10).expect_err("a pipe").what.contains("regular"));
        write(&at("bomb"), "[".repeat(500_000).as_bytes());
        assert!(json(&at("bomb"), 1 << 20).expect_err("a bomb").what.contains("not JSON"));
    }
}
