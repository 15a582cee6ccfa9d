//! What runs now and can be stopped. One list for foreground and background, so that containment
//! reaches both.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stockade_core::SessionKey;
use tokio::sync::watch;

use crate::claims::Claim;

/// The live runs.
#[derive(Debug, Default)]
pub(crate) struct Runs(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    next: u64,
    live: BTreeMap<u64, (SessionKey, watch::Sender<bool>)>,
}

/// One live run; dropping it says that all its processes are gone.
#[derive(Debug)]
pub(crate) struct Run {
    runs: Arc<Runs>,
    id: u64,
    stop: watch::Receiver<bool>,
    claim: Option<Claim>,
}

impl Runs {
    /// Enters a run, which holds its claim for as long as it lives.
    pub(crate) fn enter(self: &Arc<Self>, session: &SessionKey, claim: Claim) -> Run {
        let mut table = self.table();
        let id = table.next;
        table.next += 1;
        let (stop, stopped) = watch::channel(false);
        table.live.insert(id, (session.clone(), stop));
        Run { runs: Arc::clone(self), id, stop: stopped, claim: Some(claim) }
    }

    /// Stops the runs of `session`, or all, and waits until they are gone. Returns how many.
    pub(crate) async fn stop(&self, session: Option<&SessionKey>) -> usize {
        let stops: Vec<_> = self
            .table()
            .live
            .values()
            .filter(|(of, _)| session.is_none_or(|session| of == session))
            .map(|(_, stop)| stop.clone())
            .collect();
        for stop in &stops {
            stop.send_replace(true);
        }
        for stop in &stops {
            stop.closed().await;
        }
        stops.len()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Run {
    /// Completes when the run is to be stopped.
    pub(crate) async fn stopped(&self) {
        let mut stop = self.stop.clone();
        // The sender lives in the table as long as the run does, so an error cannot come first; if
        // it did, stopping is the safe reading.
        _ = stop.wait_for(|stop| *stop).await;
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Whoever waits for the end of the run may rely on the end of its claim.
        self.claim = None;
        self.runs.table().live.remove(&self.id);
    }
}
