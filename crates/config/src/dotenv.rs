//! `<state>/.env`: variables for what the process environment does not set. Read only, and only from
//! the state directory: a `.env` in the working directory is whatever the last cloned repository put
//! there.

use std::path::{Path, PathBuf};

use crate::error::ConfigError;
use crate::files::{MAX_SECRET, read_text};
use crate::note::{Note, NoteKind};

/// The variables of a file, and what is worth saying about it.
#[derive(Default)]
pub(crate) struct Dotenv {
    pub(crate) vars: Vec<(String, String)>,
    pub(crate) notes: Vec<Note>,
    /// The file, when it is there.
    pub(crate) path: Option<PathBuf>,
}

/// Reads `NAME=value` lines, with `export`, quotes and comments as dotenv reads them; nothing when
/// the file is absent.
pub(crate) fn read(path: &Path) -> Result<Dotenv, ConfigError> {
    if !path.exists() {
        return Ok(Dotenv::default());
    }
    let file = read_text(path, MAX_SECRET)?;
    let mut notes = Vec::new();
    if file.mode & 0o077 != 0 {
        let place = path.display().to_string();
        let what = format!("others may open it (mode {:04o}); run `chmod 600 {place}`", file.mode);
        notes.push(Note { kind: NoteKind::FileMode, place, what });
    }
    Ok(Dotenv { vars: file.text.lines().filter_map(variable).collect(), notes, path: Some(path.to_owned()) })
}

fn variable(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    let name = name.trim();
    let valid = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if name.is_empty() || !name.bytes().all(valid) {
        return None;
    }
    let value = value.trim();
    let quoted = ['"', '\''].into_iter().find_map(|quote| {
        let (inside, _) = value.strip_prefix(quote)?.split_once(quote)?;
        Some(if quote == '"' { inside.replace("\\n", "\n") } else { inside.to_owned() })
    });
    let bare = || value.split_once(" #").map_or(value, |(value, _)| value).trim_end().to_owned();
    Some((name.to_owned(), quoted.unwrap_or_else(bare)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_dotenv_reads_them() {
        let of = |line: &str| variable(line).map(|(name, value)| format!("{name}={value}"));
        assert_eq!(of("A=b"), Some("A=b".into()));
        assert_eq!(of("export A = \"b # c\" # d"), Some("A=b # c".into()));
        assert_eq!(of("A='b\\n'"), Some("A=b\\n".into()));
        assert_eq!(of("A=b#c # d"), Some("A=b#c".into()));
        assert_eq!((of("# A=b"), of(""), of("A B=c"), of("=x")), (None, None, None, None));
    }
}
