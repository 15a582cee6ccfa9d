//! Every task has an owner: it is counted, it ends when the gateway stops, and a panic in it is said
//! instead of lost. The only place that spawns.

use std::future::Future;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The gateway's tasks. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Runs `work`, which may block, beside the tasks. `None` when it panicked; that is said.
    pub async fn block<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
        let done = self.tracker.track_future(tokio::task::spawn_blocking(work)).await;
        done.inspect_err(|error| tracing::error!(%error, "a blocking task ended early")).ok()
    }

    /// Starts a task. It should watch [`Tasks::stopping`].
    pub fn start(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let work = self.tracker.track_future(work);
        #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
        let running = tokio::spawn(work);
        #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
        drop(tokio::spawn(async move {
            if let Err(error) = running.await
                && error.is_panic()
            {
                tracing::error!(task = name, "a task panicked");
            }
        }));
    }

    /// A token that is cancelled when the gateway stops.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Asks every task to end and waits until all have.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}
