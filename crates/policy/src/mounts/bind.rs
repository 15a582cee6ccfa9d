//! The written forms of a mount: Docker's `host:container[:options]` and `type=bind,source=…,target=…`.
//! Everything that engines read differently is refused here: relative and `~` sources (a volume to one
//! engine, a folder to another), unexpanded variables, missing and extra fields, unknown options.

use stockade_core::text;
use thiserror::Error;

use crate::view::Access;

/// One mount, as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// The folder on the host; absolute, not yet normal.
    pub source: String,
    /// Where it is seen; absolute, not yet normal.
    pub target: String,
    /// How it may be used; `rw` when nothing is said, as Docker has it.
    pub access: Access,
    /// Whether later mounts travel between host and sandbox.
    pub propagation: Propagation,
}

/// Mount propagation (mount_namespaces(7)); the recursive forms count as the plain ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// Nothing travels.
    Private,
    /// The host's later mounts appear inside.
    Slave,
    /// Both ways: a mount made inside appears on the host.
    Shared,
}

/// A text that is no mount, with the way out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadBind {
    /// Longer than 8 KiB, or with control or invisible characters.
    #[error("the mount is too long or holds characters that cannot be shown")]
    Text,
    /// Not two or three fields.
    #[error("a mount is host:container or host:container:options; this has {0} fields")]
    Fields(usize),
    /// A source that is not a plain absolute path.
    #[error("the source {0:?} is not a plain absolute path (no ~, variables, volume names, URLs or Windows paths)")]
    Source(String),
    /// A target that is not a plain absolute path.
    #[error("the target {0:?} is not a plain absolute path")]
    Target(String),
    /// An option that is unknown, empty or contradicts another.
    #[error("the mount option {0:?} is unknown, given twice or contradicts another")]
    Option(String),
    /// A structured mount of another type, or without one.
    #[error("a structured mount needs type=bind; volumes and other types are not mounted")]
    Type,
}

impl Bind {
    /// A mount that config asks for by its parts.
    #[must_use]
    pub fn new(source: impl Into<String>, target: impl Into<String>, access: Access) -> Self {
        Self { source: source.into(), target: target.into(), access, propagation: Propagation::Private }
    }

    /// Whether both paths are plain and absolute. [`parse_bind`] returns nothing else; a mount made by
    /// its parts is checked again by the judge.
    ///
    /// # Errors
    /// What is wrong, in the words of a bind string.
    pub fn check(&self) -> Result<(), BadBind> {
        if !(printable(&self.source) && printable(&self.target)) {
            return Err(BadBind::Text);
        }
        if !is_source(&self.source) {
            return Err(BadBind::Source(text::clip(&self.source, 128)));
        }
        if !is_target(&self.target) {
            return Err(BadBind::Target(text::clip(&self.target, 128)));
        }
        Ok(())
    }
}

/// Reads a bind string, or a structured mount when the text is made of `key=value` fields.
///
/// # Errors
/// When any engine could read it differently.
pub fn parse_bind(text: &str) -> Result<Bind, BadBind> {
    if !printable(text) {
        return Err(BadBind::Text);
    }
    let key = text.split([',', '=']).next().unwrap_or_default();
    let bind = if !text.starts_with('/') && STRUCTURED.contains(&key) { structured(text)? } else { fields(text)? };
    bind.check()?;
    Ok(bind)
}

fn fields(text: &str) -> Result<Bind, BadBind> {
    let fields: Vec<&str> = text.split(':').collect();
    let (source, target, options) = match fields.as_slice() {
        [source, target] => (*source, *target, None),
        [source, target, options] => (*source, *target, Some(*options)),
        [first, ..] if !plain(first) => return Err(BadBind::Source(text::clip(first, 128))),
        many => return Err(BadBind::Fields(many.len())),
    };
    let mut read = Options::default();
    for option in options.into_iter().flat_map(|options| options.split(',')) {
        read.take(option)?;
    }
    Ok(read.bind(source, target))
}

fn structured(text: &str) -> Result<Bind, BadBind> {
    let (mut kind, mut source, mut target, mut read) = (None, None, None, Options::default());
    for field in text.split(',') {
        let (key, value) = field.split_once('=').map_or((field, None), |(key, value)| (key, Some(value)));
        let bad = || BadBind::Option(text::clip(field, 64));
        let once = |slot: &mut Option<String>| match (slot.is_none(), value) {
            (true, Some(value)) => {
                *slot = Some(value.to_owned());
                Ok(())
            }
            _ => Err(bad()),
        };
        match (key, value) {
            ("type", _) => once(&mut kind)?,
            ("source" | "src", _) => once(&mut source)?,
            ("target" | "dst" | "destination", _) => once(&mut target)?,
            ("readonly" | "ro", None | Some("true" | "1")) => read.take("ro")?,
            ("readonly" | "ro", Some("false" | "0")) => read.take("rw")?,
            ("bind-propagation" | "propagation", Some(value)) if propagation(value).is_some() => read.take(value)?,
            ("consistency", Some(value @ ("consistent" | "cached" | "delegated"))) => read.take(value)?,
            _ => return Err(bad()),
        }
    }
    if kind.as_deref() != Some("bind") {
        return Err(BadBind::Type);
    }
    let source = source.ok_or_else(|| BadBind::Source(String::new()))?;
    let target = target.ok_or_else(|| BadBind::Target(String::new()))?;
    Ok(read.bind(&source, &target))
}

/// Options read so far; each kind at most once.
#[derive(Default)]
struct Options {
    access: Option<Access>,
    propagation: Option<Propagation>,
    label: bool,
    other: Vec<String>,
}

impl Options {
    fn take(&mut self, option: &str) -> Result<(), BadBind> {
        let fresh = match option {
            "ro" => self.access.replace(Access::Ro).is_none(),
            "rw" => self.access.replace(Access::Rw).is_none(),
            // SELinux relabelling of a folder that may be mounted at all.
            "z" | "Z" => !std::mem::replace(&mut self.label, true),
            "nocopy" | "consistent" | "cached" | "delegated" | "nosuid" | "nodev" | "noexec" => {
                let fresh = !self.other.iter().any(|seen| seen == option);
                self.other.push(option.to_owned());
                fresh
            }
            _ => match propagation(option) {
                Some(found) => self.propagation.replace(found).is_none(),
                None => false,
            },
        };
        if fresh { Ok(()) } else { Err(BadBind::Option(text::clip(option, 64))) }
    }

    fn bind(self, source: &str, target: &str) -> Bind {
        Bind {
            source: source.to_owned(),
            target: target.to_owned(),
            access: self.access.unwrap_or(Access::Rw),
            propagation: self.propagation.unwrap_or(Propagation::Private),
        }
    }
}

fn propagation(option: &str) -> Option<Propagation> {
    match option {
        "private" | "rprivate" => Some(Propagation::Private),
        "slave" | "rslave" => Some(Propagation::Slave),
        "shared" | "rshared" => Some(Propagation::Shared),
        _ => None,
    }
}

/// Whether a path can be written as a source, with one way to read it.
pub(super) fn is_source(path: &str) -> bool {
    let windows = ["//./", "//?/"].iter().any(|prefix| path.starts_with(prefix));
    !windows && printable(path) && plain(path) && !path.contains(':')
}

/// The same for a target.
pub(super) fn is_target(path: &str) -> bool {
    printable(path) && plain(path) && !path.contains(':')
}

/// An absolute path without anything that a shell, a template or another system would expand.
fn plain(path: &str) -> bool {
    path.starts_with('/')
        && path.trim() == path
        && !path.bytes().any(|byte| matches!(byte, b'\\' | b'$' | b'`' | b'*' | b'?' | b'"' | b'\n'))
        && !is_expanded(path)
        && !path.split('/').any(|part| part.starts_with('~') && part.len() == 1)
}

/// `%NAME%`, which another system expands, and `%2e`, which an address decodes. A percent sign by itself is a name's own.
fn is_expanded(path: &str) -> bool {
    let hex = |piece: &str| piece.get(..2).is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    let pieces = path.split('%').skip(1);
    pieces.clone().count() > 1 || pieces.into_iter().any(hex)
}

fn printable(text: &str) -> bool {
    let ascii = || text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    text.len() <= MAX_TEXT && (ascii() || !text.contains('\n') && text::visible(text) == text)
}

const STRUCTURED: &[&str] =
    &["type", "source", "src", "target", "dst", "destination", "readonly", "ro", "bind-propagation"];

const MAX_TEXT: usize = 8 << 10;
