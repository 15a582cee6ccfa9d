//! A changed config comes into force as a whole, or not at all: what cannot be read or would be unsafe
//! leaves the running one in force, and says so.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher as _};
use serde_json::json;
use stockade_config::{Env, Paths};
use stockade_core::Scope;
use stockade_policy::ratchet::{self, Change, widenings};
use tokio::sync::mpsc;

use crate::{Gateway, Running, confirmed};

/// Watches the config's files for as long as the gateway runs.
///
/// # Errors
/// When the folders cannot be watched; the gateway then runs on with the config that it has.
pub fn start(gateway: &Arc<Gateway>, paths: Paths, env: Env) -> Result<(), notify::Error> {
    let (changed, mut changes) = mpsc::channel(1);
    let again = changed.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let reads = event.as_ref().is_ok_and(|event| event.kind.is_access());
        if !reads {
            // A full channel already holds the news.
            let _ = changed.try_send(());
        }
    })?;
    let mut watched = folders(&gateway.running().loaded.files, &paths);
    for folder in &watched {
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
    }
    // What was changed since the start read it, and what a config that waits reads.
    let _ = again.try_send(());
    let (owner, stopping) = (Arc::clone(gateway), gateway.tasks.stopping());
    gateway.tasks.start("config reload", async move {
        let mut refused = None;
        loop {
            tokio::select! {
                Some(()) = changes.recv() => {}
                // What mends a refused config may be written to a file that only the refused one names.
                () = tokio::time::sleep(RETRY), if refused.is_some() => {}
                () = stopping.cancelled() => return,
            }
            // Editors write in several steps.
            tokio::time::sleep(SETTLE).await;
            while changes.try_recv().is_ok() {}
            let read = reload(&owner, &paths, &env, refused.as_deref()).await;
            let mut files = owner.running().loaded.files.clone();
            files.extend(read.iter().flatten().cloned());
            refused = read.err();
            // A new include may stand in a folder that nobody has watched yet, and may have changed since it was read.
            for folder in folders(&files, &paths) {
                if !watched.contains(&folder) && watcher.watch(&folder, RecursiveMode::NonRecursive).is_ok() {
                    watched.insert(folder);
                    let _ = again.try_send(());
                }
            }
        }
    });
    Ok(())
}

/// Gives the files that were read, or why the config is refused; `refused` is what was said last.
async fn reload(gateway: &Gateway, paths: &Paths, env: &Env, refused: Option<&str>) -> Result<Vec<PathBuf>, String> {
    let _one_at_a_time = gateway.changing.lock().await;
    let old = gateway.running();
    let new = match Running::load(paths, env) {
        Ok(new) => new,
        Err(error) => {
            let text = error.to_string();
            gateway.hold(None);
            if refused != Some(text.as_str()) {
                tracing::error!("the changed config is not used; the running one stays in force: {text}");
                record(gateway, "config refused", json!({ "error": text })).await;
            }
            return Err(text);
        }
    };
    let files = new.loaded.files.clone();
    let generation = new.policy.generation;
    if generation == old.policy.generation {
        // Back to what is in force: nothing waits any more.
        gateway.hold(None);
        return Ok(files);
    }
    if gateway.held().is_some_and(|(held, _)| held == generation) {
        return Ok(files);
    }
    let (was, is) = (&old.loaded.config.gateway, &new.loaded.config.gateway);
    if (was.port(), was.bind, was.custom_bind_host) != (is.port(), is.bind, is.custom_bind_host) {
        tracing::warn!("gateway.port and gateway.bind change only with a restart");
    }
    let changes = compare(&old, &new);
    if widenings(&changes).next().is_some() {
        hold(gateway, &old, new, changes).await;
    } else {
        gateway.hold(None);
        put_in_force(gateway, &old, new, &changes).await;
    }
    Ok(files)
}

/// What a config changes, key by key: the one comparison of every way to change it.
pub(crate) fn compare(old: &Running, new: &Running) -> Vec<Change> {
    ratchet::compare((&old.loaded.resolved, &old.policy), (&new.loaded.resolved, &new.policy))
}

/// Keeps a config that allows more until an operator confirms it. One that could not be recorded is not kept.
pub(crate) async fn hold(gateway: &Gateway, old: &Running, new: Running, changes: Vec<Change>) -> bool {
    let keys: Vec<&str> = widenings(&changes).collect();
    let detail = json!({ "widens": keys, "generation": new.policy.generation });
    let recorded = record(gateway, "config held", detail).await;
    if recorded {
        tracing::error!(
            "the changed config would allow more ({}); it waits: see `stockade config held`",
            keys.join(", ")
        );
        gateway.hold(Some(Held { running: new, changes, from: old.policy.generation }));
    }
    recorded
}

/// A changed config that allows more than the running one, waiting for an operator.
pub struct Held {
    running: Running,
    from: stockade_core::Digest,
    /// What it changes.
    pub changes: Vec<Change>,
}

impl Held {
    /// Which config it is.
    #[must_use]
    pub fn generation(&self) -> stockade_core::Digest {
        self.running.policy.generation
    }

    pub(crate) fn secrets(&self) -> &[stockade_core::Secret] {
        &self.running.loaded.secrets
    }
}

/// Puts a held config in force, because an operator says so.
pub async fn confirm(gateway: &Gateway, held: Held, by: &stockade_core::Principal) {
    let _one_at_a_time = gateway.changing.lock().await;
    let old = gateway.running();
    // What was shown was the way from one config to another; from anywhere else it is another way.
    if old.policy.generation != held.from {
        return;
    }
    let keys: Vec<&str> = widenings(&held.changes).collect();
    let detail = json!({ "widens": keys, "generation": held.generation(), "by": by.to_string() });
    if record(gateway, "config confirmed", detail).await {
        put_in_force(gateway, &old, held.running, &held.changes).await;
    }
}

async fn put_in_force(gateway: &Gateway, old: &Running, new: Running, changes: &[Change]) {
    let generation = new.policy.generation;
    let detail = json!({ "from": old.policy.generation, "to": generation, "changes": changes });
    if !record(gateway, "config reloaded", detail).await {
        tracing::error!("the changed config is not used: it could not be journaled");
        return;
    }
    // One that is in force and not remembered waits for the operator at the next start, or is no wider.
    if let Err(error) = confirmed::remember(&new) {
        tracing::error!("the changed config comes into force, but is not remembered for the next start: {error}");
    }
    let auth_changed = !same_secret(old, &new);
    gateway.replace(new);
    if auth_changed {
        gateway.evict().await;
    }
    tracing::info!("the changed config is in force");
    let payload =
        json!({ "path": gateway.running().loaded.paths.config, "hash": generation, "ts": gateway.clock.now() });
    gateway.events.send("config.changed", Some(Scope::Read), payload);
}

/// Whether clients prove themselves as before; if not, those that did by the old way are sent away.
fn same_secret(old: &Running, new: &Running) -> bool {
    let (old, new) = (&old.loaded.config.gateway.auth, &new.loaded.config.gateway.auth);
    let same = match (old.shared_secret(), new.shared_secret()) {
        (Some(old), Some(new)) => old.matches(new.expose()),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    same && old.effective_mode() == new.effective_mode()
}

async fn record(gateway: &Gateway, what: &str, detail: serde_json::Value) -> bool {
    match gateway.record_control(what, detail).await {
        Ok(()) => true,
        Err(error) => {
            tracing::error!(%error, "the journal cannot be written");
            false
        }
    }
}

/// The folders in which a change can change one of the files, or make one that is not there yet.
fn folders(files: &[PathBuf], paths: &Paths) -> BTreeSet<PathBuf> {
    let beside = ["exec-approvals.json", ".env"].map(|name| paths.state.join(name));
    let files = files.iter().chain([&paths.config, &paths.own_config]).chain(&beside);
    files.flat_map(|file| on_the_way(file)).filter(|folder| folder.is_dir()).collect()
}

/// The folder that a file really stands in, and that of every link on the way to it: who edits the target, and who
/// turns a link elsewhere, changes the file.
fn on_the_way(file: &Path) -> Vec<PathBuf> {
    let parts = |path: &Path| path.components().map(|part| part.as_os_str().to_owned()).collect::<Vec<_>>();
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let (mut done, mut todo, mut found) = (PathBuf::new(), VecDeque::from(parts(&file)), Vec::new());
    while let Some(part) = todo.pop_front() {
        if Path::new(&part).components().next() == Some(Component::ParentDir) {
            done.pop();
            continue;
        }
        let next = done.join(&part);
        match std::fs::read_link(&next) {
            Ok(target) if found.len() < MAX_LINKS => {
                found.push(done.clone());
                parts(&target).into_iter().rev().for_each(|part| todo.push_front(part));
            }
            // From the root on for an absolute target: joining replaces.
            _ => done = next,
        }
    }
    found.extend(done.parent().map(Path::to_path_buf));
    found
}

const SETTLE: Duration = Duration::from_millis(150);
/// How long a refused config is left before it is read again.
const RETRY: Duration = Duration::from_secs(2);
const MAX_LINKS: usize = 40;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_folders_of_every_link_and_of_its_target_are_watched() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("resolved");
        for name in ["state", "first", "second", "third"] {
            std::fs::create_dir(root.join(name)).expect("made");
        }
        symlink("../first/config", root.join("state/openclaw.json")).expect("linked");
        symlink(root.join("second/turn/config"), root.join("first/config")).expect("linked");
        symlink("../third", root.join("second/turn")).expect("linked");
        let paths = Paths::in_state_dir(&root.join("state"));
        let all = ["state", "first", "second", "third"].map(|name| root.join(name));
        assert_eq!(folders(&[], &paths), BTreeSet::from(all.clone()), "also while the target is not there");
        stockade_config::write_new(&root.join("third/config"), "{}").expect("written");
        assert_eq!(folders(&[], &paths), BTreeSet::from(all));
        let elsewhere = Paths { config: root.join("first/other.json"), ..Paths::in_state_dir(&root.join("state")) };
        symlink("../second/approvals.json", root.join("state/exec-approvals.json")).expect("linked");
        let watched = folders(&[root.join("nowhere/include.json")], &elsewhere);
        assert_eq!(watched, BTreeSet::from(["state", "first", "second"].map(|name| root.join(name))));
        symlink("loop", root.join("state/loop")).expect("linked");
        assert!(on_the_way(&root.join("state/loop")).len() <= MAX_LINKS + 1);
    }
}
