//! The tasks of one run of the server: each is tracked, and ends when the run does.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Owns what was spawned while the server runs.
#[derive(Clone)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    cancel: CancellationToken,
    runtime: Handle,
}

impl Tasks {
    pub(crate) fn new(runtime: Handle) -> Self {
        Tasks { tracker: TaskTracker::new(), cancel: CancellationToken::new(), runtime }
    }

    /// Runs a future until it ends or the run does.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        let cancel = self.cancel.clone();
        let until = async move { drop(cancel.run_until_cancelled(future).await) };
        self.tracker.spawn_on(until, &self.runtime);
    }

    /// Waits for all tasks, at most `grace`, and then cancels those that are left. A task that never yields is not waited
    /// for beyond another `grace`.
    pub(crate) async fn finish(&self, grace: Duration) {
        self.tracker.close();
        if tokio::time::timeout(grace, self.tracker.wait()).await.is_err() {
            self.cancel.cancel();
            if tokio::time::timeout(grace, self.tracker.wait()).await.is_err() {
                tracing::warn!("{} callbacks do not end; they block their thread", self.tracker.len());
            }
        }
    }
}
