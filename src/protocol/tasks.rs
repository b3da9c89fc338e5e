//! The tasks of one run of the server: each is tracked, and ends when the run does.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, Span};

use crate::blocking::own_task;

/// Owns the tasks that are spawned while the server runs.
#[derive(Clone)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    ending: CancellationToken,
    cancel: CancellationToken,
    runtime: Handle,
    /// What log lines of the tasks name.
    span: Span,
}

impl Tasks {
    pub(crate) fn new(runtime: Handle) -> Self {
        let (cancel, span) = (CancellationToken::new(), Span::current());
        Tasks { tracker: TaskTracker::new(), ending: cancel.child_token(), cancel, runtime, span }
    }

    /// Runs the future of a callback. It may continue for a while when the run ends.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.spawn_until(self.cancel.clone(), future);
    }

    /// Runs a future until the run begins to end.
    pub(crate) fn spawn_service(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.spawn_until(self.ending.clone(), future);
    }

    /// Runs a future with a token that fires when the run begins to end. It may continue for as
    /// long as callbacks may.
    pub(crate) fn spawn_until_ending<F: Future<Output = ()> + Send + 'static>(
        &self,
        future: impl FnOnce(CancellationToken) -> F,
    ) {
        self.spawn_until(self.cancel.clone(), future(self.ending.clone()));
    }

    fn spawn_until(
        &self,
        end: CancellationToken,
        future: impl Future<Output = ()> + Send + 'static,
    ) {
        let until = async move {
            end.run_until_cancelled(future).await;
        };
        let task = own_task(self.runtime.id(), until).instrument(self.span.clone());
        self.tracker.spawn_on(task, &self.runtime);
    }

    /// Ends all tasks at their next await, without waiting for them.
    pub(crate) fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Waits for the callbacks for at most `grace`, then cancels the remaining ones and waits for
    /// at most `grace` again. Callbacks that never yield are left running.
    pub(crate) async fn finish(&self, grace: Duration) {
        self.ending.cancel();
        self.tracker.close();
        if tokio::time::timeout(grace, self.tracker.wait()).await.is_err() {
            self.cancel.cancel();
            if tokio::time::timeout(grace, self.tracker.wait()).await.is_err() {
                tracing::warn!(
                    "{} callbacks do not end; they block their thread",
                    self.tracker.len()
                );
            }
        }
    }
}
