//! The symbolic links that decide what a bind means. They are read, never opened: the judge of mounts is asked, and
//! what it wants to know about links is written down.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::model::Agents;
use crate::model::binds::{Binds, Written};
use crate::snapshot::{Links, Snapshot};

/// Reads the links on the way to every bind of every agent, and on the way to what must not be shown. Needs the config
/// and the install of the snapshot.
#[must_use]
pub fn links(snapshot: &Snapshot) -> Links {
    let found = RefCell::new(BTreeMap::new());
    let read = |path: &Path| -> Option<PathBuf> {
        let target = std::fs::read_link(path).ok()?;
        if let (Some(path), Some(target)) = (path.to_str(), target.to_str()) {
            found.borrow_mut().insert(path.to_owned(), target.to_owned());
        }
        Some(target)
    };
    let judge = Binds::new(snapshot, &read);
    let agents = Agents::of(snapshot);
    for bind in Written::all(&agents).filter_map(|bind| bind.value.as_str()) {
        // What they say is of no interest yet, only what they ask.
        let _ = (judge.known_to_openclaw(bind), judge.refusal(bind));
    }
    drop(judge);
    Links(found.into_inner())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use serde_json::json;

    use super::*;
    use crate::testing::{said, snapshot};

    #[test]
    fn a_link_to_keys_is_seen_through_without_opening_anything() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().canonicalize().expect("a path");
        let at = |name: &str| home.join(name).to_str().expect("text").to_owned();
        std::fs::create_dir_all(home.join("elsewhere/.kube")).expect("a folder");
        symlink("elsewhere", home.join("data")).expect("a link");
        symlink(home.join("loop"), home.join("loop")).expect("a link");
        let binds = [format!("{}:/data:ro", at("data/.kube")), format!("{}:/x", at("loop"))];
        let mut snapshot =
            snapshot(json!({"agents": {"defaults": {"sandbox": {"mode": "all", "docker": {"binds": binds}}}}}));
        snapshot.links = links(&snapshot);
        assert_eq!(snapshot.links.0.get(&at("data")).map(String::as_str), Some("elsewhere"));
        assert_eq!(
            said(&snapshot, "sandbox.bind_denied"),
            ["critical sandbox.bind_denied", "critical sandbox.bind_denied"]
        );
    }
}
