//! Where the agents' folders really are: links resolved once, when a config comes into force, and never
//! again. A link that an agent could have planted is not followed, at the start either.
//!
//! Answers: one agent's folder lies inside another's (OpenClaw puts them there), the outer agent replaces
//! it by a link to `/etc`, and the inner agent's sandbox would show `/etc`, writable.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use stockade_policy::Policy;
use thiserror::Error;

/// A folder whose path cannot be trusted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// A link inside a folder that agents can write.
    #[error(
        "{link} is a symbolic link inside a folder that an agent can change, so it is not followed; remove it, or set the workspace to the folder itself"
    )]
    Link {
        /// The link.
        link: String,
    },
    /// A folder that cannot be looked at.
    #[error("the folder {folder} cannot be used: {error}")]
    Io {
        /// Which.
        folder: String,
        /// What happened.
        error: std::io::Error,
    },
}

/// Resolves the folders of every agent in place.
pub(crate) fn resolve(policy: &mut Policy) -> Result<(), PlaceError> {
    let folders: Vec<PathBuf> = policy.agents.iter().map(|agent| agent.workspace.clone()).collect();
    let writable = folders.iter().map(|folder| follow(folder, &[])).collect::<Result<Vec<_>, _>>()?;
    for agent in &mut policy.agents {
        agent.workspace = follow(&agent.workspace, &writable)?;
        agent.sandboxes = follow(&agent.sandboxes, &writable)?;
    }
    let resolved = policy.protected.iter().filter_map(|path| path.canonicalize().ok()).collect::<Vec<_>>();
    // A path is protected under every name: as configured, and with its links resolved.
    policy.protected.extend(resolved);
    Ok(())
}

/// The path with its links resolved; parts that are not there yet stay as they are.
fn follow(path: &Path, writable: &[PathBuf]) -> Result<PathBuf, PlaceError> {
    let mut done = PathBuf::from("/");
    let mut todo: VecDeque<OsString> = parts(path).collect();
    let mut links = 0;
    while let Some(part) = todo.pop_front() {
        if part == ".." {
            done.pop();
            continue;
        }
        let next = done.join(&part);
        let failed = |error| PlaceError::Io { folder: path.display().to_string(), error };
        match std::fs::symlink_metadata(&next) {
            Ok(facts) if facts.is_symlink() => {
                links += 1;
                if links > MAX_LINKS || writable.iter().any(|folder| done.starts_with(folder)) {
                    return Err(PlaceError::Link { link: next.display().to_string() });
                }
                let target = std::fs::read_link(&next).map_err(failed)?;
                if target.is_absolute() {
                    done = PathBuf::from("/");
                }
                parts(&target).rev().for_each(|part| todo.push_front(part));
            }
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            Ok(_) | Err(_) => done = next,
        }
    }
    Ok(done)
}

fn parts(path: &Path) -> impl DoubleEndedIterator<Item = OsString> {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

const MAX_LINKS: usize = 40;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn an_operators_link_is_followed_and_a_planted_one_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("resolved");
        let outer = root.join("real");
        std::fs::create_dir(&outer).expect("made");
        symlink(&outer, root.join("link")).expect("linked");
        let writable = [outer.clone()];
        assert_eq!(follow(&root.join("link"), &writable).expect("the operator's"), outer);
        assert_eq!(follow(&root.join("link/./a/../helper"), &writable).expect("not there yet"), outer.join("helper"));
        symlink("/etc", outer.join("helper")).expect("planted");
        assert!(matches!(follow(&outer.join("helper"), &writable), Err(PlaceError::Link { .. })));
        assert!(matches!(follow(&root.join("link/helper/x"), &writable), Err(PlaceError::Link { .. })));
        symlink("helper/cron.d", root.join("real2")).expect("linked");
        assert_eq!(follow(&root.join("real2"), &writable).expect("outside"), root.join("helper/cron.d"));
    }

    #[test]
    fn a_loop_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        symlink("b", folder.path().join("a")).expect("linked");
        symlink("a", folder.path().join("b")).expect("linked");
        assert!(matches!(follow(&folder.path().join("a"), &[]), Err(PlaceError::Link { .. })));
    }
}
