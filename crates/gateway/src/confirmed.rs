//! Which config a start puts in force. One that was changed while the gateway was down is treated as one that
//! changes while it runs: no wider than the confirmed one it holds at once, wider it waits for the operator, and
//! the confirmed one is in force. Answers the edit that waits for the next start.
//!
//! The agents' folders are part of it: one that a link has replaced is another one, and then nothing is in force,
//! because the confirmed config would show it to the agent too.
//!
//! The first config that is seen on a state directory counts as confirmed: the operator who starts on it has
//! written it, or taken it over.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use stockade_config::{Confirmed, Env, Paths};
use stockade_core::secret::NoRandomness;
use stockade_core::{Clock, Digest, Redactor, Stage};
use stockade_policy::ratchet::{Change, Direction, widenings};
use stockade_store::FileError;
use stockade_store::confirmed::{self, place};
use stockade_store::journal::{self, Entry, Journal, JournalError};
use thiserror::Error;

use crate::reload::{compare, hold};
use crate::{Gateway, Running, RunningError};

/// What a start puts in force, and what it leaves waiting.
pub struct Start {
    /// The config in force.
    pub running: Running,
    /// What is still to be done about the record.
    pub rest: Rest,
}

/// What [`begin`] does when the gateway is open.
pub enum Rest {
    /// There was no record: this config is the first one.
    First,
    /// The config is the confirmed one.
    Same,
    /// The config is another one, and no wider.
    NoWider(Digest, Vec<Change>),
    /// The config is wider, and waits.
    Waits(Box<Running>, Vec<Change>),
}

/// Why a start cannot tell which config to put in force.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The config itself.
    #[error(transparent)]
    Running(#[from] RunningError),
    /// The record cannot be read, or not be put in force any more.
    #[error(
        "{}: the config that was confirmed cannot be put in force: {why}; look at what the config on the disk changes \
         with `stockade config accept`, and accept it if it is yours", record.display()
    )]
    Record {
        /// The record.
        record: PathBuf,
        /// The reason.
        why: String,
    },
    /// A folder of an agent is another one.
    #[error(transparent)]
    Moved(#[from] Moved),
}

/// A folder of an agent that is not the one that was confirmed.
#[derive(Debug, Error)]
#[error(
    "{key}: the folder is {} now, and {} was confirmed: something else, such as a link, stands in its place; put it \
     back, or look at the change with `stockade config accept`, and accept it if it is yours",
    now.display(), confirmed.as_deref().map_or_else(|| "none".into(), |folder| folder.display().to_string())
)]
pub struct Moved {
    /// The key that names the folder, with the agent.
    pub key: String,
    /// Where it really is.
    pub now: PathBuf,
    /// Where it was; `None` when the record does not say it.
    pub confirmed: Option<PathBuf>,
}

/// A config that could not be remembered.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RememberError {
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The salt.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Reads the config and the record, and compares them. Writes nothing: the journal is not open yet.
///
/// # Errors
/// [`StartError`]; nothing is in force then.
pub fn at_start(paths: &Paths, env: &Env) -> Result<Start, StartError> {
    let current = Running::load(paths, env)?;
    let Some(old) = remembered(paths, env).map_err(|why| StartError::Record { record: place(&paths.data), why })?
    else {
        return Ok(Start { running: current, rest: Rest::First });
    };
    if let Some(moved) = old.moved.into_iter().next() {
        return Err(moved.into());
    }
    let old = old.running;
    if old.policy.generation == current.policy.generation {
        return Ok(Start { running: current, rest: Rest::Same });
    }
    let changes = compare(&old, &current);
    if widenings(&changes).next().is_some() {
        return Ok(Start { running: old, rest: Rest::Waits(Box::new(current), changes) });
    }
    Ok(Start { running: current, rest: Rest::NoWider(old.policy.generation, changes) })
}

/// Records what the start did, and holds what waits. Gives the keys that wait.
///
/// # Errors
/// When it cannot be recorded or remembered; then the gateway must not serve.
pub async fn begin(gateway: &Gateway, rest: Rest) -> Result<Vec<Change>, RememberError> {
    let running = gateway.running();
    let generation = running.policy.generation;
    match rest {
        Rest::Same => return Ok(Vec::new()),
        Rest::First => gateway.record_control("config first seen", json!({ "generation": generation })).await?,
        Rest::NoWider(from, changes) => {
            let detail = json!({ "from": from, "to": generation, "changes": changes });
            gateway.record_control("config reloaded", detail).await?;
        }
        Rest::Waits(waiting, changes) => {
            let shown = changes.clone();
            let kept = hold(gateway, &running, *waiting, changes).await;
            return if kept { Ok(shown) } else { Err(JournalError::Closed.into()) };
        }
    }
    remember(&running)?;
    Ok(Vec::new())
}

/// Remembers a config as the one that was put in force.
pub(crate) fn remember(running: &Running) -> Result<(), RememberError> {
    let record = Confirmed::of(&running.loaded, folders(running))?;
    Ok(confirmed::write(&running.loaded.paths.data, record.text().as_bytes())?)
}

/// Where the agents' folders really are, by key.
fn folders(running: &Running) -> BTreeMap<String, PathBuf> {
    let of = |id, key: &str| format!("agents.entries.{id}.{key}");
    let agents = running.policy.agents.iter();
    let two = agents.map(|agent| {
        let sandboxes = (of(&agent.id, "sandbox.workspaceRoot"), agent.sandboxes.clone());
        [(of(&agent.id, "workspace"), agent.workspace.clone()), sandboxes]
    });
    two.flatten().collect()
}

/// The confirmed config, compiled as it is today.
struct Remembered {
    running: Running,
    /// The folders by which that is another one.
    moved: Vec<Moved>,
}

/// The config that was confirmed; the error is the reason why it cannot be used.
fn remembered(paths: &Paths, env: &Env) -> Result<Option<Remembered>, String> {
    let Some(bytes) = confirmed::read(&paths.data).map_err(|error| error.to_string())? else {
        // A start writes both: who removes the record must not make this the first one.
        let ran = std::fs::symlink_metadata(paths.data.join(journal::FILE)).is_ok_and(|file| file.len() > 0);
        return if ran { Err("it is missing, and a gateway ran here before".to_owned()) } else { Ok(None) };
    };
    let load = || -> Result<Remembered, RunningError> {
        let record = Confirmed::parse(&bytes, &place(&paths.data))?;
        let running = Running::of(record.load(paths, env)?)?;
        let confirmed = record.folders(paths);
        let now = folders(&running).into_iter();
        let moved = now.filter(|(key, folder)| confirmed.get(key) != Some(folder));
        let moved = moved.map(|(key, now)| Moved { confirmed: confirmed.get(&key).cloned(), key, now });
        Ok(Remembered { running, moved: moved.collect() })
    };
    load().map(Some).map_err(|error| error.to_string())
}

/// The config on the disk beside the confirmed one, for an operator without a running gateway.
pub struct Review {
    running: Running,
    /// What it changes; the reason when the confirmed one cannot be read.
    pub changes: Result<Vec<Change>, String>,
}

/// Compares the config on the disk with the confirmed one.
///
/// # Errors
/// When the config on the disk cannot be put in force.
pub fn review(paths: &Paths, env: &Env) -> Result<Review, RunningError> {
    let running = Running::load(paths, env)?;
    let changes = match remembered(paths, env) {
        Ok(Some(old)) => Ok(with_moved(compare(&old.running, &running), &old.moved)),
        Ok(None) => Err("no config was confirmed yet".to_owned()),
        Err(why) => Err(why),
    };
    Ok(Review { running, changes })
}

/// The changes, and the folders that are other ones though no document says so; one change a key.
fn with_moved(mut changes: Vec<Change>, moved: &[Moved]) -> Vec<Change> {
    for Moved { key, .. } in moved {
        if !widenings(&changes).any(|widened| widened == key) {
            changes.retain(|change| change.key != *key);
            let because = "it is another folder now".to_owned();
            changes.push(Change { key: key.clone(), direction: Direction::Widening, because });
        }
    }
    changes.sort_by(|one, other| one.key.cmp(&other.key));
    changes
}

impl Review {
    /// Which config it is.
    #[must_use]
    pub fn generation(&self) -> Digest {
        self.running.policy.generation
    }

    /// Makes it the confirmed one, because an operator says so. Needs the journal, and so a gateway that is down.
    ///
    /// # Errors
    /// [`JournalError::Locked`] while a gateway runs; when it cannot be recorded or remembered.
    pub fn accept(self, by: &str, redactor: Redactor, clock: Arc<dyn Clock>) -> Result<(), RememberError> {
        let loaded = &self.running.loaded;
        redactor.learn(loaded.secrets.iter().cloned());
        let journal = Journal::open(&loaded.paths.data, redactor, clock)?;
        let widens: Vec<&str> = self.changes.iter().flat_map(|changes| widenings(changes)).collect();
        let detail = json!({ "widens": widens, "generation": self.generation(), "by": by });
        let detail = json!({ "act": "config accepted", "detail": detail });
        journal.append(Entry { detail, ..Entry::new(Stage::Control, "operator") })?;
        remember(&self.running)
    }
}
