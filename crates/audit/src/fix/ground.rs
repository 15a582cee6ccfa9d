//! Where a fix may work: the install and what its config names, not wherever a record says.

use std::path::{Path, PathBuf};

use crate::snapshot::{Role, Snapshot};

/// The folders of an install, with their links followed once, by the operator's word. Answers: a tampered record that
/// points an undo at `/etc/passwd`.
#[derive(Debug, Clone)]
pub struct Grounds {
    state: PathBuf,
    roots: Vec<PathBuf>,
}

impl Grounds {
    /// Of an install: its state directory, the folders of its config and includes, its workspaces.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let real = |path: &str| Path::new(path).canonicalize().ok();
        let folder = |path: &str| Path::new(path).canonicalize().ok()?.parent().map(Path::to_owned);
        let state = PathBuf::from(&snapshot.install.state);
        let named = [snapshot.install.config.as_str()];
        let files = named.into_iter().chain(snapshot.config.files.iter().map(|file| file.path.as_str()));
        let workspaces = snapshot.tree.entries.iter().filter(|entry| entry.role == Role::Workspace);
        let mut roots: Vec<PathBuf> = real(&snapshot.install.state).into_iter().collect();
        roots.extend(files.filter_map(folder));
        roots.extend(workspaces.filter_map(|entry| real(&entry.path)));
        roots.sort();
        roots.dedup();
        Self { state, roots }
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
