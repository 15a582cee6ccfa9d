//! The folders above: who can rename a folder can put another in its place, whatever its own mode.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Named;
use crate::snapshot::Install;

/// Every folder above the state directory and above the files of the config that is not itself in the state directory:
/// by their names, by their real paths, and by each name on the way where one link leads to another.
pub(super) fn above(install: &Install, named: &Named<'_>) -> BTreeSet<PathBuf> {
    let state = Path::new(&install.state);
    let real_state = std::fs::canonicalize(state).ok();
    let inside =
        |path: &Path| path.starts_with(state) || real_state.as_ref().is_some_and(|real| path.starts_with(real));
    let config = named.config_files.iter().map(|file| file.path.as_str());
    let mut next: Vec<PathBuf> =
        config.chain([install.config.as_str(), install.state.as_str()]).map(PathBuf::from).collect();
    let (mut above, mut known) = (BTreeSet::new(), BTreeSet::new());
    while let Some(path) = next.pop() {
        if known.len() >= NAMES || !known.insert(path.clone()) {
            continue;
        }
        next.extend(path.ancestors().filter_map(led_to));
        let real = std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        for path in [&path, &real] {
            let folders = path.ancestors().skip(1).filter(|folder| folder.is_absolute() && !inside(folder));
            above.extend(folders.map(Path::to_owned));
        }
    }
    above
}

/// The next name, when a name is a link: what it says, from the real path of its folder.
fn led_to(link: &Path) -> Option<PathBuf> {
    let target = link.parent()?.join(std::fs::read_link(link).ok()?);
    match (target.parent().map(std::fs::canonicalize), target.file_name()) {
        (Some(Ok(folder)), Some(name)) => Some(folder.join(name)),
        _ => std::fs::canonicalize(target).ok(),
    }
}

/// The operator: the user who runs the audit, or when that is root, who may be auditing somebody else's install, the
/// owner of the folder that the state directory stands in.
pub(super) fn owner(install: &Install) -> u32 {
    let above = Path::new(&install.state).parent().filter(|_| install.uid == 0);
    above.and_then(|folder| rustix::fs::stat(folder).ok()).map_or(install.uid, |stat| stat.st_uid)
}

/// How many names are gone through: many more than an honest chain of links has.
const NAMES: usize = 200;
