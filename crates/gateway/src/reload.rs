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
use tokio::sync::mpsc;

use crate::{Gateway, Running};

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
    for folder in folders(&gateway.running(), &paths) {
        watcher.watch(&folder, RecursiveMode::NonRecursive)?;
    }
    let (owner, stopping) = (Arc::clone(gateway), gateway.tasks.stopping());
    gateway.tasks.start("config reload", async move {
        let _watcher = watcher;
        loop {
            tokio::select! {
                Some(()) = changes.recv() => {}
                () = stopping.cancelled() => return,
            }
            // Editors write in several steps.
            tokio::time::sleep(SETTLE).await;
            while changes.try_recv().is_ok() {}
            reload(&owner, &paths, &env).await;
        }
    });
    Ok(())
}

async fn reload(gateway: &Gateway, paths: &Paths, env: &Env) {
    let old = gateway.running();
    let new = match Running::load(paths, env) {
        Ok(new) if new.policy.generation == old.policy.generation => return,
        Ok(new) => new,
        Err(error) => {
            let text = error.to_string();
            tracing::error!("the changed config is not used; the running one stays in force: {text}");
            record(gateway, "config refused", json!({ "error": text })).await;
            return;
        }
    };
    let (was, is) = (&old.loaded.config.gateway, &new.loaded.config.gateway);
    if (was.port(), was.bind, was.custom_bind_host) != (is.port(), is.bind, is.custom_bind_host) {
        tracing::warn!("gateway.port and gateway.bind change only with a restart");
    }
    let generation = new.policy.generation;
    if !record(gateway, "config reloaded", json!({ "from": old.policy.generation, "to": generation })).await {
        tracing::error!("the changed config is not used: it could not be journaled");
        return;
    }
    gateway.replace(new);
    tracing::info!("the changed config is in force");
    let payload = json!({ "path": paths.config, "hash": generation, "ts": gateway.clock.now() });
    gateway.events.send("config.changed", Some(Scope::Read), payload);
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
