//! One walk over the files of an install, and the search for secrets in those that may hold some.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};

use serde_json::Value;
use stockade_config::{Env, interpolated};
use stockade_core::Secret;

use super::Progress;
use super::config::Redaction;
use super::leaks::{self, Candidate};
use super::tree::{self, Named, Seen};
use crate::model::Model;
use crate::snapshot::leaks::Where;
use crate::snapshot::tree::Role;
use crate::snapshot::{Snapshot, Trouble};

/// Walks over the files and looks for secrets in them; what it finds goes into the snapshot. `known` are secrets that
/// are found wherever they stand, whatever they look like. Gives what could not be looked at.
pub(super) fn look(
    snapshot: &mut Snapshot,
    redaction: &Redaction,
    known: &[Secret],
    progress: &Progress,
) -> Vec<Trouble> {
    let install = snapshot.install.clone();
    let mut named = Named::of(&install, &snapshot.config, &snapshot.env);
    if install.home.as_deref().is_none_or(|home| !is_own_home(home)) {
        // The logs in the common folder are those of the user's own install, not of one that was copied here.
        named.default_logs = None;
    }
    let (feed, candidates) = sync_channel(QUEUE);
    let (walked, mut found) = std::thread::scope(|scope| {
        let search = scope.spawn(|| leaks::scan(candidates.into_iter(), redaction, known));
        let walked = tree::walk(&install, &named, &mut |seen| {
            progress.files.fetch_add(1, Ordering::Relaxed);
            if let Some(within) = searched(seen) {
                progress.bytes.fetch_add(seen.size(), Ordering::Relaxed);
                offer(seen, within, &feed);
            }
        });
        let elsewhere = elsewhere(snapshot);
        for candidate in elsewhere.0 {
            // The search is gone only when it failed; that is said below.
            let _ = feed.send(candidate);
        }
        drop(feed);
        let found = search.join().unwrap_or_else(|_| {
            let what = "the search for secrets failed; nothing was searched".to_owned();
            (Vec::new(), vec![Trouble { path: install.state.clone(), what }])
        });
        (walked, (found, elsewhere.1))
    });
    let ((leaks, mut troubles), more) = (std::mem::take(&mut found.0), found.1);
    troubles.extend(more);
    troubles.extend(walked.1);
    snapshot.leaks = leaks;
    snapshot.tree = walked.0;
    troubles
}

/// Every workspace of the install, by its real place.
pub(super) fn workspaces(snapshot: &Snapshot) -> Vec<PathBuf> {
    let (state, home) = (Path::new(&snapshot.install.state), snapshot.install.home.as_deref());
    let written = |text: &str| match text.strip_prefix('~').zip(home) {
        Some((rest, home)) => PathBuf::from(format!("{home}{rest}")),
        None => state.join(text),
    };
    let model = Model::of(snapshot);
    let mut found = vec![state.join("workspace")];
    found.extend(model.agents.contexts().filter_map(|agent| agent.workspace()).map(|(text, _)| written(text)));
    found.extend(model.agents.list.iter().map(|agent| state.join(format!("workspace-{}", agent.id))));
    found.sort();
    found.dedup();
    found.retain(|path| path.is_dir());
    found
}

/// The secrets that guard the gateway, so that they are found in a shell's history although they look like nothing.
/// References are not resolved.
pub(super) fn gateway_secrets(config: &Value, env: &Env) -> Vec<Secret> {
    let written = ["/gateway/auth/token", "/gateway/auth/password", "/hooks/token"];
    let written =
        written.iter().filter_map(|key| config.pointer(key)?.as_str()).filter_map(|text| interpolated(text, env).ok());
    let set = ["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD"].iter().filter_map(|name| env.get(name));
    // What is shorter would be found everywhere.
    let known = written.chain(set.map(str::to_owned)).filter(|text| text.trim().len() >= MIN_KNOWN);
    known.map(|text| Secret::new(text.trim())).collect()
}

fn offer(seen: &Seen<'_>, within: Where, feed: &SyncSender<Candidate>) {
    if let Ok(file) = seen.open() {
        let _ = feed.send(Candidate::open(file.into(), seen.path(), within));
    }
}

/// What stands outside the state directory: what the operator typed, and what starts the gateway.
fn elsewhere(snapshot: &Snapshot) -> (Vec<Candidate>, Vec<Trouble>) {
    let Some(home) = snapshot.install.home.as_deref().map(Path::new) else { return (Vec::new(), Vec::new()) };
    let root = if is_own_home(&home.display().to_string()) { Path::new("/") } else { home };
    let (mut candidates, troubles) = leaks::units(home, root);
    candidates.extend(leaks::histories(home, snapshot.env.text("HISTFILE")));
    (candidates, troubles)
}

/// Whether a home is this user's by the system's own word, so that services of the system may be his.
fn is_own_home(home: &str) -> bool {
    let uid = rustix::process::getuid().as_raw();
    let Ok(users) = std::fs::read_to_string("/etc/passwd") else { return false };
    users.lines().any(|line| {
        let mut fields = line.split(':');
        fields.nth(2).and_then(|field| field.parse().ok()) == Some(uid) && fields.nth(2) == Some(home)
    })
}

/// What a file is to the search for secrets; `None` when it is not searched: the config, whose secrets are known, and
/// the stores whose purpose is to hold secrets.
fn searched(seen: &Seen<'_>) -> Option<Where> {
    let name = seen.name();
    let is_env = name == b".env" || name.starts_with(b".env.");
    Some(match seen.role {
        Role::Transcript(_) | Role::SessionsStore(_) => Where::Transcript,
        Role::Log | Role::DefaultLog => Where::Log,
        Role::ConfigBackup => Where::Backup,
        Role::SecretFile if is_env && seen.in_workspace => Where::WorkspaceEnvFile,
        Role::SecretFile if is_env => Where::EnvFile,
        Role::Workspace => Where::Workspace,
        Role::AgentDatabase(_) | Role::StateDatabase => Where::Database,
        Role::Other => Where::Other,
        _ => return None,
    })
}

/// How many open files may wait for the search.
const QUEUE: usize = 32;
const MIN_KNOWN: usize = 12;
