//! The gateway: what every connection and every turn shares.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use stockade_agent::{GuardedClient, Timeouts};
use stockade_core::secret::NoRandomness;
use stockade_core::{Clock, Denial, Digest, Principal, Redactor, Rule, Secret, SessionKey, Stage, Timestamp};
use stockade_policy::ratchet::Change;
use stockade_policy::{AgentPolicy, Backend, Lock, View};
use stockade_sandbox::{Executor, folders};
use stockade_store::containment as lock;
use stockade_store::journal::{Entry, Journal, JournalError};
use stockade_store::transcript::{Sessions, TranscriptError};
use thiserror::Error;
use tokio::sync::{oneshot, watch};

use crate::approvals::Approvals;
use crate::events::Events;
use crate::limiter::Limiter;
use crate::local_key;
use crate::reload::Held;
use crate::running::Running;
use crate::runs::Runs;
use crate::tasks::Tasks;

/// The shared state of a running gateway.
pub struct Gateway {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Questions to the operator.
    pub approvals: Approvals,
    /// Events to clients.
    pub events: Events,
    /// Masks every secret that any config in force has held.
    pub redactor: Redactor,
    /// Tasks.
    pub tasks: Tasks,
    pub(crate) executor: Executor,
    pub(crate) client: GuardedClient,
    pub(crate) sessions: Sessions,
    pub(crate) limiter: Limiter,
    pub(crate) runs: Runs,
    /// When the gateway started.
    pub started: Timestamp,
    /// A fresh id of this start.
    pub boot: String,
    journal: Journal,
    data: PathBuf,
    running: RwLock<Arc<Running>>,
    pub(crate) local_key: Secret,
    held: Mutex<Option<Held>>,
    /// One change of the config at a time, from the comparison to the replacement.
    pub(crate) changing: tokio::sync::Mutex<()>,
    pub(crate) epoch: watch::Sender<u64>,
}

/// Why a gateway could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The transcripts.
    #[error(transparent)]
    Sessions(#[from] TranscriptError),
    /// The key of this start.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

impl Gateway {
    /// Opens the state and makes a gateway that serves nobody yet. `redactor` learns the config's secrets.
    ///
    /// # Errors
    /// When the journal or the transcripts cannot be opened; another gateway on the same state is such a case.
    pub fn open(running: Running, redactor: Redactor, clock: Arc<dyn Clock>) -> Result<Arc<Self>, GatewayError> {
        let data = running.loaded.paths.data.clone();
        redactor.learn(running.loaded.secrets.iter().cloned());
        let local_key = Secret::random()?;
        redactor.learn([local_key.clone()]);
        let journal = Journal::open(&data, redactor.clone(), Arc::clone(&clock))?;
        let sessions = Sessions::open(&data, redactor.clone(), Arc::clone(&clock))?;
        let events = Events::new(redactor.clone());
        let seconds = Duration::from_secs;
        let timeouts = Timeouts { connect: seconds(10), first_byte: seconds(20), idle: seconds(10) };
        Ok(Arc::new(Self {
            approvals: Approvals::new(events.clone(), redactor.clone(), Arc::clone(&clock)),
            events,
            redactor,
            tasks: Tasks::default(),
            executor: Executor::new(Arc::clone(&clock)),
            client: GuardedClient::new(timeouts),
            sessions,
            limiter: Limiter::default(),
            runs: Runs::default(),
            started: clock.now(),
            boot: uuid::Uuid::new_v4().to_string(),
            journal,
            data,
            running: RwLock::new(Arc::new(running)),
            local_key,
            held: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
            epoch: watch::Sender::new(0),
            clock,
        }))
    }

    /// The policy and config that are in force now. Every decision asks anew.
    #[must_use]
    pub fn running(&self) -> Arc<Running> {
        Arc::clone(&self.running.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps a config that waits for an operator; the last one replaces any before it.
    pub(crate) fn hold(&self, held: Option<Held>) {
        self.redactor.learn(held.iter().flat_map(|held| held.secrets().iter().cloned()));
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }

    /// The config that waits, by what it would change.
    #[must_use]
    pub fn held(&self) -> Option<(Digest, Vec<Change>)> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().map(|held| (held.generation(), held.changes.clone()))
    }

    /// Takes the config that waits, if it is still this one.
    pub(crate) fn take_held(&self, generation: Digest) -> Option<Held> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.take_if(|held| held.generation() == generation)
    }

    /// Closes every connection that proved itself before now, and ends what they started.
    pub(crate) async fn evict(&self) {
        self.epoch.send_modify(|epoch| *epoch += 1);
        self.runs.cancel_all();
        self.executor.kill_all().await;
    }

    pub(crate) fn replace(&self, running: Running) {
        self.redactor.learn(running.loaded.secrets.iter().cloned());
        *self.running.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(running);
    }

    /// The containment lock, read from the disk now.
    #[must_use]
    pub fn lock(&self) -> Lock {
        containment(&self.data)
    }

    /// Writes a record and returns when it is on the disk.
    ///
    /// # Errors
    /// When it could not be made durable; then what it announces must not happen.
    pub async fn record(&self, entry: Entry) -> Result<(), JournalError> {
        let (written, wait) = oneshot::channel();
        self.journal.append_then(entry, move |outcome| {
            // The waiter is gone only when its turn was dropped; the record stands all the same.
            let _ = written.send(outcome);
        })?;
        wait.await.unwrap_or(Err(JournalError::Closed)).map(|_| ())
    }

    /// Writes several records, all or none, and calls `then` when they are on the disk. Not called on an error.
    ///
    /// # Errors
    /// When one cannot be encoded, or the journal is closed.
    pub(crate) fn record_all(
        &self,
        entries: Vec<Entry>,
        then: impl FnOnce(Result<(), JournalError>) + Send + 'static,
    ) -> Result<(), JournalError> {
        self.journal.append_all_then(entries, |outcome| then(outcome.map(|_| ())))
    }

    /// Records an act of the gateway itself.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn record_control(&self, what: &str, detail: serde_json::Value) -> Result<(), JournalError> {
        let detail = serde_json::json!({ "act": what, "detail": detail });
        self.record(Entry { detail, ..Entry::new(Stage::Control, Principal::Gateway) }).await
    }

    /// What a session sees ([`Running::view`]), with its folders made, private to this user.
    pub(crate) fn view(&self, agent: &AgentPolicy, session: &SessionKey) -> Result<View, Denial> {
        let view = self.running().view(agent, session)?;
        let make = |folder: &Path| {
            folders::make(folder).map_err(|error| {
                let what = format!("the folder {} ({error})", folder.display());
                Denial::unreadable(Rule::Workspace, what)
            })
        };
        // In a sandbox the working directory is a mount; on the host it may be anywhere below one.
        if view.backend == Backend::Host {
            make(&view.workdir)?;
        }
        view.mounts.iter().try_for_each(|mount| make(&mount.host))?;
        Ok(view)
    }

    /// Lets the operator's own command line find this gateway.
    pub(crate) fn announce_locally(&self, address: SocketAddr) {
        if let Err(error) = local_key::write(&self.data, address, &self.local_key) {
            tracing::warn!("the command line must use the config's secret: {error}");
        }
    }

    /// Kills everything that runs as soon as the containment lock closes; until then, and after it
    /// opens again, does nothing. Every decision reads the lock by itself: this is for what was decided before.
    pub fn watch_containment(self: &Arc<Self>) {
        let (owner, stopping) = (Arc::clone(self), self.tasks.stopping());
        self.tasks.start("containment", async move {
            let mut open = true;
            let mut look = tokio::time::interval(CONTAINMENT_LOOK);
            loop {
                tokio::select! {
                    _ = look.tick() => {}
                    () = stopping.cancelled() => return,
                }
                let was = std::mem::replace(&mut open, owner.lock() == Lock::Released);
                if was && !open {
                    owner.runs.cancel_all();
                    let killed = owner.executor.kill_all().await;
                    tracing::error!(killed, "contained: turns cancelled, commands killed");
                    owner.try_record_control("contained", serde_json::json!({ "killed": killed })).await;
                } else if !was && open {
                    owner.try_record_control("released", serde_json::json!({})).await;
                }
            }
        });
    }

    /// Records an act that has already happened; a journal that cannot be written is said in the log.
    async fn try_record_control(&self, what: &str, detail: serde_json::Value) {
        if let Err(error) = self.record_control(what, detail).await {
            tracing::error!(%error, act = what, "this act could not be journaled");
        }
    }

    /// Stops: no new turns, running commands killed, tasks ended, the journal closed with a record.
    pub async fn stop(&self, why: &str) {
        local_key::remove(&self.data);
        self.events.send("shutdown", None, serde_json::json!({ "reason": why }));
        self.runs.cancel_all();
        self.executor.kill_all().await;
        self.tasks.stop().await;
        self.try_record_control("stop", serde_json::json!({ "reason": why })).await;
    }
}

/// The containment lock of a store folder (`<state>/stockade`), read from the disk now.
#[must_use]
pub fn containment(data: &Path) -> Lock {
    match lock::read(data) {
        lock::Lock::Released => Lock::Released,
        lock::Lock::Contained(containment) => Lock::Contained { since: containment.since },
        lock::Lock::Unreadable { why } => Lock::Unreadable(why),
    }
}

/// How often the lock is looked at for the sake of what already runs.
const CONTAINMENT_LOOK: Duration = Duration::from_millis(250);
