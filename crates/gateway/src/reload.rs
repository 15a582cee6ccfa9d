//! A changed config comes into force as a whole, or not at all: what cannot be read or would be unsafe
//! leaves the running one in force, and says so.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
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
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let reads = event.as_ref().is_ok_and(|event| event.kind.is_access());
        if !reads {
            // A full channel already holds the news.
            let _ = changed.try_send(());
        }
    })?;
    let mut watched = folders(&gateway.running(), &paths);
    for folder in &watched {
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
    }
    let (owner, stopping) = (Arc::clone(gateway), gateway.tasks.stopping());
    gateway.tasks.start("config reload", async move {
        loop {
            tokio::select! {
                Some(()) = changes.recv() => {}
                () = stopping.cancelled() => return,
            }
            // Editors write in several steps.
            tokio::time::sleep(SETTLE).await;
            while changes.try_recv().is_ok() {}
            reload(&owner, &paths, &env).await;
            // A new include may stand in a folder that nobody has watched yet.
            for folder in folders(&owner.running(), &paths) {
                if !watched.contains(&folder) && watcher.watch(&folder, RecursiveMode::NonRecursive).is_ok() {
                    watched.insert(folder);
                }
            }
        }
    });
    Ok(())
}

async fn reload(gateway: &Gateway, paths: &Paths, env: &Env) {
    let _one_at_a_time = gateway.changing.lock().await;
    let old = gateway.running();
    let new = match Running::load(paths, env) {
        // Back to what is in force: nothing waits any more.
        Ok(new) if new.policy.generation == old.policy.generation => return gateway.hold(None),
        Ok(new) => new,
        Err(error) => {
            let text = error.to_string();
            tracing::error!("the changed config is not used; the running one stays in force: {text}");
            gateway.hold(None);
            record(gateway, "config refused", json!({ "error": text })).await;
            return;
        }
    };
    let (was, is) = (&old.loaded.config.gateway, &new.loaded.config.gateway);
    if (was.port(), was.bind, was.custom_bind_host) != (is.port(), is.bind, is.custom_bind_host) {
        tracing::warn!("gateway.port and gateway.bind change only with a restart");
    }
    let changes = compare(&old, &new);
    if widenings(&changes).next().is_some() {
        hold(gateway, &old, new, changes).await;
        return;
    }
    gateway.hold(None);
    put_in_force(gateway, &old, new, &changes).await;
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
    if let Err(error) = confirmed::remember(&new.loaded) {
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

fn folders(running: &Running, paths: &Paths) -> BTreeSet<PathBuf> {
    let files = running.loaded.files.iter().chain([&paths.config, &paths.own_config]);
    files.filter_map(|file| file.parent()).filter(|folder| folder.is_dir()).map(Path::to_path_buf).collect()
}

const SETTLE: Duration = Duration::from_millis(150);
