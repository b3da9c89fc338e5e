//! What the code of a job gets as its first argument.

use std::sync::Arc;

use selvedge_wslink::ClientId;
use tokio_util::sync::CancellationToken;

use super::run::Run;
use crate::{
    Failure, Result,
    app::{Ctx, Server},
    state::State,
};

/// A running job, as its own code sees it: the first argument of the function given to
/// [`Server::job`]. A cheap handle, usable from any thread.
///
/// Reports after the end of the run, for instance after it was cancelled, are dropped.
#[derive(Clone, Debug)]
pub struct Job {
    cx: Ctx,
    run: Arc<Run>,
}

/// The job was cancelled, or has exceeded its time limit, and its code should end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the job was cancelled")]
pub struct Cancelled;

impl Job {
    pub(super) fn new(server: &Server, run: Arc<Run>) -> Self {
        Job { cx: Ctx::of(server, run.client), run }
    }

    /// Returns the context in which the job was started, for functions that take one.
    pub fn cx(&self) -> &Ctx {
        &self.cx
    }

    /// Returns the server.
    pub fn server(&self) -> &Server {
        &self.cx.server
    }

    /// Returns the values shared with every client.
    pub fn state(&self) -> &State {
        self.cx.state()
    }

    /// Returns a value that the application put into the [context](crate::state::Context).
    ///
    /// # Errors
    /// Those of [`Ctx::context`].
    pub fn context<T: Send + Sync + 'static>(&self) -> Result<Arc<T>, Failure> {
        self.cx.context()
    }

    /// Returns the client that started the job, which may have disconnected since; `None` if the
    /// application started it.
    pub fn client(&self) -> Option<ClientId> {
        self.cx.client()
    }

    /// Returns the number of the run, from 1.
    pub fn number(&self) -> u64 {
        self.run.number
    }

    /// Reports the completed part, from 0 to 1, and what the job is doing.
    pub fn progress(&self, part: f64, message: impl Into<String>) {
        let message = message.into();
        self.run.report(|report| {
            report.progress = fraction(part);
            report.message = message;
        });
    }

    /// Reports the completed part, from 0 to 1; NaN if it is unknown.
    pub fn set_progress(&self, part: f64) {
        self.run.report(|report| report.progress = fraction(part));
    }

    /// Reports what the job is doing.
    pub fn message(&self, message: impl Into<String>) {
        let message = message.into();
        self.run.report(|report| report.message = message);
    }

    /// Adds a line to the log of the run. Pages see the last 200 lines, each up to 2,000 characters.
    pub fn log(&self, line: impl AsRef<str>) {
        self.run.report(|report| report.add_line(line.as_ref()));
    }

    /// Returns an error if the job should end; for `?` in loops that compute.
    ///
    /// # Errors
    /// [`Cancelled`].
    pub fn check(&self) -> Result<(), Cancelled> {
        match self.is_cancelled() {
            true => Err(Cancelled),
            false => Ok(()),
        }
    }

    /// Returns whether the job should end.
    pub fn is_cancelled(&self) -> bool {
        self.run.cancelled.is_cancelled()
    }

    /// Waits until the job should end.
    pub async fn cancelled(&self) {
        self.run.cancelled.cancelled().await;
    }

    /// Returns a token that fires when the job should end, for code that takes one. To fire it does
    /// not cancel the job.
    pub fn cancellation(&self) -> CancellationToken {
        self.run.cancelled.child_token()
    }
}

impl AsRef<State> for Job {
    fn as_ref(&self) -> &State {
        self.state()
    }
}

impl AsRef<Ctx> for Job {
    fn as_ref(&self) -> &Ctx {
        &self.cx
    }
}

/// Returns a part within 0 to 1; `None` for NaN.
fn fraction(part: f64) -> Option<f64> {
    (!part.is_nan()).then(|| part.clamp(0.0, 1.0))
}
