//! Every task has an owner: it is counted, it ends when the gateway stops, and a panic in it is said
//! instead of lost. The only place that spawns.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The gateway's tasks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    blocking: Arc<Semaphore>,
}

/// How many things can be worked on at a time; at least two, so that one that hangs is not all.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).max(2)
}

impl Default for Tasks {
    fn default() -> Self {
        let blocking = Arc::new(Semaphore::new(cores()));
        Self { tracker: TaskTracker::new(), stop: CancellationToken::new(), blocking }
    }
}

impl Tasks {
    /// Runs `work`, which may block, beside the tasks, and no more of it at a time than there are cores: more
    /// would only wait for each other. `None` when it panicked; that is said.
    pub async fn block<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let _place = self.blocking.acquire().await.ok()?;
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
