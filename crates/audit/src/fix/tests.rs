//! What a fix promises, and attempts to get past it.
#![allow(clippy::disallowed_methods, reason = "tests make and read files directly")]

mod attacks;
mod cuts;
mod edits;

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::Value;
use stockade_config::Env;
use stockade_config::survey::Survey;
use stockade_core::Timestamp;
use stockade_core::clock::ManualClock;

use super::apply::apply_watched;
use super::handle::Moment;
use super::*;
use crate::finding::{Finding, Fix, Severity};
use crate::snapshot::{Install, Snapshot};

/// An install in a folder of its own.
struct Home {
    dir: tempfile::TempDir,
    state: PathBuf,
    config: PathBuf,
    clock: ManualClock,
}

/// Every name below a folder: its bits, and what is in it.
type Tree = BTreeMap<PathBuf, (u32, Vec<u8>)>;

impl Home {
    fn new(config: &str) -> Self {
        let dir = tempfile::tempdir().expect("temp dir");
        let state = dir.path().join(".openclaw");
        std::fs::create_dir(&state).expect("made");
        chmod(&state, 0o755);
        let home = Self { config: state.join("openclaw.json"), state, dir, clock: ManualClock::new(NOW) };
        home.write("openclaw.json", config, 0o644);
        home
    }

    fn write(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.state.join(name);
        std::fs::create_dir_all(path.parent().expect("has one")).expect("made");
        std::fs::write(&path, text).expect("written");
        chmod(&path, mode);
        path
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.config).expect("readable")
    }

    fn survey(&self) -> Survey {
        Survey::read(&self.config, &Env::default())
    }

    fn snapshot(&self) -> Snapshot {
        let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        let install = Install { state: text(&self.state), config: text(&self.config), ..Install::default() };
        Snapshot { install, ..Snapshot::default() }
    }

    fn grounds(&self) -> Grounds {
        Grounds::of(&self.snapshot())
    }

    fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        walk(self.dir.path(), &mut tree);
        tree
    }

    fn fix(&self, findings: &[Finding]) -> Result<Outcome, FixError> {
        self.fix_watched(findings, &|_, _| Ok(()))
    }

    fn fix_watched(&self, findings: &[Finding], watch: super::handle::Watch<'_>) -> Result<Outcome, FixError> {
        let (survey, snapshot, grounds) = (self.survey(), self.snapshot(), self.grounds());
        let plan = plan(findings, &Choice::All, &survey, &snapshot, &grounds);
        self.clock.advance(std::time::Duration::from_secs(1));
        apply_watched(plan, &self.clock, &Env::default(), &|_, _| Vec::new(), watch)
    }

    fn undo(&self) -> Result<Undone, FixError> {
        undo(&self.grounds(), None, false)
    }

    fn record(&self) -> PathBuf {
        let runs = runs(&self.state).expect("readable");
        let id = &runs.last().expect("there is one").id;
        self.state.join("stockade/fixes").join(id).join("record.json")
    }
}

fn walk(path: &Path, tree: &mut Tree) {
    let found = std::fs::symlink_metadata(path).expect("is there");
    let bytes = match &found {
        link if link.is_symlink() => std::fs::read_link(path).expect("a link").into_os_string().into_encoded_bytes(),
        file if file.is_file() => std::fs::read(path).expect("readable"),
        _ => Vec::new(),
    };
    tree.insert(path.to_owned(), (found.mode(), bytes));
    if found.is_dir() {
        for entry in std::fs::read_dir(path).expect("readable") {
            walk(&entry.expect("readable").path(), tree);
        }
    }
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("is ours");
}

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).expect("is there").mode() & 0o7777
}

fn finding(id: &str, fix: Fix) -> Finding {
    Finding::new(id, Severity::Warn, "weak").key(id).fix(fix)
}

/// Closes the groups, the config and the state directory.
fn usual(home: &Home) -> Vec<Finding> {
    let modes = Fix::safe("close")
        .mode(home.state.to_str().expect("UTF-8"), 0o700)
        .mode(home.config.to_str().expect("UTF-8"), 0o600);
    vec![
        finding("groups", Fix::safe("close the groups").set("channels.irc.groupPolicy", "allowlist")),
        finding("files", modes),
    ]
}

const NOW: Timestamp = Timestamp(1_795_000_000_000);
const CONFIG: &str = r#"// the gateway of the house
{
  gateway: { auth: { mode: "token", token: "k3jd92lsm0qpz7xv1bak3jd92lsm0" } }, // do not share
  "channels": {
    'irc': {
      groupPolicy: 'open', // for now
      password: "${IRC_PASSWORD}",
      nickserv: { passwordRef: { source: "env", provider: "default", id: "NICK" } },
    },
  },
}
"#;
