//! The normal forms of a path, as text and as the kernel walks it. Pure: links are facts of the caller.
//! Answers symbolic links whose leaf is missing (CVE-2026-27523), `..` after a link, and link loops.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a path has no normal form. Whoever asked refuses.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unresolved {
    /// More links than the kernel follows (40).
    #[error("it leads through more than 40 links")]
    Loop,
    /// Longer than the kernel takes (4096 bytes), or deeper than 256 folders.
    #[error("it is too long or too deep")]
    TooLong,
    /// A name on the way is not UTF-8.
    #[error("a name on the way is not UTF-8 text")]
    NotText,
}

/// The path with `.`, `..`, doubled and trailing slashes removed as text; always absolute, `..` never
/// climbs above `/`.
#[must_use]
pub fn lexical(path: &str) -> String {
    let mut clean = String::with_capacity(path.len().saturating_add(1));
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => pop(&mut clean),
            name => push(&mut clean, name),
        }
    }
    rooted(clean)
}

/// The path that the kernel arrives at: links are followed from the left, `..` is the parent of where
/// the walk stands. What does not exist has no links and is taken as written.
///
/// # Errors
/// When the walk has no end, or leaves text.
pub fn resolve(path: &str, links: &impl Fn(&Path) -> Option<PathBuf>) -> Result<String, Unresolved> {
    if path.len() > MAX_BYTES {
        return Err(Unresolved::TooLong);
    }
    // What is still to be walked, the next part last.
    let mut ahead: Vec<Cow<'_, str>> = path.split('/').rev().map(Cow::Borrowed).collect();
    let (mut at, mut followed) = (String::with_capacity(path.len()), 0_u32);
    while let Some(part) = ahead.pop() {
        match part.as_ref() {
            "" | "." => continue,
            ".." => {
                pop(&mut at);
                continue;
            }
            name => push(&mut at, name),
        }
        if at.len() > MAX_BYTES || ahead.len() > MAX_PARTS {
            return Err(Unresolved::TooLong);
        }
        let Some(link) = links(Path::new(&at)) else { continue };
        followed = followed.saturating_add(1);
        if followed > MAX_LINKS {
            return Err(Unresolved::Loop);
        }
        let link = link.to_str().ok_or(Unresolved::NotText)?;
        if link.len() > MAX_BYTES {
            return Err(Unresolved::TooLong);
        }
        if link.starts_with('/') {
            at.clear();
        } else {
            pop(&mut at);
        }
        ahead.extend(link.split('/').rev().map(|part| Cow::Owned(part.to_owned())));
    }
    Ok(rooted(at))
}

fn push(path: &mut String, name: &str) {
    path.push('/');
    path.push_str(name);
}

fn pop(path: &mut String) {
    path.truncate(path.rfind('/').unwrap_or(0));
}

fn rooted(path: String) -> String {
    if path.is_empty() { "/".to_owned() } else { path }
}

const MAX_BYTES: usize = 4096;
const MAX_PARTS: usize = 256;
const MAX_LINKS: u32 = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_kernel_differ_after_a_link() {
        let links = |path: &Path| (path == Path::new("/ws/out")).then(|| PathBuf::from("/etc/ssl"));
        assert_eq!(lexical("/ws/out/../x"), "/ws/x");
        assert_eq!(resolve("/ws/out/../x", &links), Ok("/etc/x".into()));
        assert_eq!(resolve("//ws/./out/none/", &links), Ok("/etc/ssl/none".into()));
        assert_eq!((lexical(""), lexical("/../..")), ("/".into(), "/".into()));
    }

    #[test]
    fn a_walk_ends() {
        let circle = |path: &Path| (path == Path::new("/a")).then(|| PathBuf::from("a"));
        assert_eq!(resolve("/a/b", &circle), Err(Unresolved::Loop));
        let growing = |_: &Path| Some(PathBuf::from("x/x/x/x/x/x/x/x/x/x/x/x"));
        assert!(resolve("/a", &growing).is_err());
        assert_eq!(resolve(&"/a".repeat(5000), &|_| None), Err(Unresolved::TooLong));
        assert_eq!(resolve(&"/".repeat(4000), &|_| None), Ok("/".into()));
    }
}
