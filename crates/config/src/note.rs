//! What the loader noticed without refusing it.

use std::fmt;

/// One thing worth saying about a config that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What kind of thing it is.
    pub kind: NoteKind,
    /// Where: the file, and the line when it is known.
    pub place: String,
    /// The fact and the way out, in one line. Never holds a value from the config.
    pub what: String,
}

/// The kinds of notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteKind {
    /// A key that nobody knows, in a section where that is harmless.
    UnknownKey,
    /// A key that OpenClaw has retired; it is still read where it has a meaning here.
    RetiredKey,
    /// A key that stands twice in one object; the last one counts.
    DuplicateKey,
    /// A file that others may read or write.
    FileMode,
    /// A file that is reached through a symbolic link.
    Symlink,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}
