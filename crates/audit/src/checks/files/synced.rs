//! State in a folder that is copied to somebody's servers.

use crate::checks::Check;
use crate::finding::{Finding, Place, Severity};
use crate::model::Model;
use crate::snapshot::tree::Kind;

pub(super) const CHECK: Check = Check { ids: &["fs.synced_dir"], run };

fn run(model: &Model<'_>, findings: &mut Vec<Finding>) {
    let (install, tree) = (&model.snapshot.install, &model.snapshot.tree);
    let links = tree.entries.iter().filter(|entry| entry.kind == Kind::Link && entry.role.is_secret());
    let real = links.filter_map(|entry| entry.target.as_deref());
    let paths = [install.state.as_str(), install.config.as_str(), tree.real.as_str()];
    let mut synced: Vec<&str> = paths.into_iter().chain(real).filter(|path| is_synced(path)).collect();
    synced.sort_unstable();
    synced.dedup();
    let Some(first) = synced.first() else { return };
    let title = "State or config stands in a folder that is synchronised";
    let mut finding = Finding::new("fs.synced_dir", Severity::Warn, title)
        .detail(format!(
            "{} looks like the folder of a cloud service. Tokens and transcripts are copied to it and to every machine \
             that shares the account, and a change made there comes back as config.",
            synced.join(", ")
        ))
        .remedy("Move it to a folder of this machine, and set OPENCLAW_STATE_DIR or OPENCLAW_CONFIG_PATH to it.");
    finding.places.push(Place::File((*first).to_owned()));
    findings.push(finding);
}

fn is_synced(path: &str) -> bool {
    let path = path.to_lowercase();
    SERVICES.iter().any(|service| path.contains(service))
}

const SERVICES: &[&str] = &["icloud", "dropbox", "google drive", "googledrive", "onedrive"];

#[cfg(test)]
mod tests {
    use super::super::tests::{entry, install};
    use super::*;
    use crate::snapshot::tree::{Entry, Role};

    #[test]
    fn by_name_and_by_where_a_link_leads() {
        let mut snapshot = install(vec![]);
        assert!(crate::testing::said(&snapshot, "fs.").is_empty());
        snapshot.install.state = "/home/op/Dropbox/oc".into();
        assert_eq!(crate::testing::said(&snapshot, "fs."), ["warn fs.synced_dir"]);
        let link = Entry {
            kind: Kind::Link,
            target: Some("/home/op/OneDrive/creds".into()),
            target_kind: Some(Kind::Folder),
            ..entry("credentials", Role::CredentialsDir, 0o700)
        };
        assert_eq!(crate::testing::said(&install(vec![link]), "fs."), ["warn fs.synced_dir"]);
    }
}
