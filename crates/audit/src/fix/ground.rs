//! Where a fix may work: the install and what its config names, not wherever a record says.

use std::path::{Path, PathBuf};

use crate::snapshot::{Kind, Role, Snapshot};

/// The folders of an install, with their links followed once, by the operator's word. Answers: a tampered record that
/// points an undo at `/etc/passwd`.
#[derive(Debug, Clone)]
pub struct Grounds {
    state: PathBuf,
    roots: Vec<PathBuf>,
}

impl Grounds {
    /// Of an install: its state directory, and the folders of its config, includes, workspaces and whatever else of
    /// it was found elsewhere, such as logs.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let install = &snapshot.install;
        let config = std::iter::once(install.config.as_str());
        let config = config.chain(snapshot.config.files.iter().map(|file| file.path.as_str()));
        let elsewhere = |path: &str| !Path::new(path).starts_with(&install.state);
        let entries = snapshot.tree.entries.iter().filter(|entry| entry.role != Role::Parent && elsewhere(&entry.path));
        let (folders, files): (Vec<_>, Vec<_>) =
            entries.filter(|entry| entry.kind != Kind::Link).partition(|entry| entry.kind == Kind::Folder);
        let files = config.chain(files.iter().map(|entry| entry.path.as_str()));
        let mut grounds =
            Self { state: PathBuf::from(&install.state), roots: Vec::new() }.with(Path::new(&install.state));
        for folder in folders {
            grounds = grounds.with(Path::new(&folder.path));
        }
        for real in files.filter_map(|file| Path::new(file).canonicalize().ok()) {
            grounds.roots.extend(real.parent().map(Path::to_owned));
        }
        grounds.roots.sort();
        grounds.roots.dedup();
        grounds
    }

    /// These and one folder more, by the operator's word; one that is not there adds nothing.
    #[must_use]
    pub fn with(mut self, folder: &Path) -> Self {
        self.roots.extend(folder.canonicalize().ok());
        self
    }

    /// The state directory, as it was named; the journal is kept in it.
    pub(super) fn state(&self) -> &Path {
        &self.state
    }

    /// Whether a path, absolute and without links, may be changed: what is in the grounds, and the folders above.
    pub(super) fn hold(&self, real: &Path) -> bool {
        let plain = real.components().all(|part| !matches!(part, std::path::Component::ParentDir));
        plain && self.roots.iter().any(|root| real.starts_with(root) || root.starts_with(real))
    }
}
