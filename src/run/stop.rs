//! Stopping from anywhere: every handle of a run gets the same outcome.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use selvedge_port::{Holder, Released};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    Error, Result,
    http::{Access, Invited, SIGN_IN},
};

/// Lifetime of the sign-in links of windows and of [`StopHandle::sign_in_url`].
const SIGN_IN_LIFETIME: Duration = Duration::from_secs(30);

/// The result of a successful stop: every address was probed and is free.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopReport {
    /// The released addresses.
    pub addresses: Vec<SocketAddr>,
    /// Number of connections that were closed in order.
    pub connections_closed: usize,
    /// Number of connections that were aborted, because their peers did not close in time.
    pub connections_aborted: usize,
    /// Time from the request to stop until all addresses were proved free.
    pub elapsed: Duration,
    /// The exit code that the application [requested](crate::Server::request_exit), otherwise 0.
    pub exit_code: i32,
}

impl From<Released> for StopReport {
    fn from(released: Released) -> Self {
        StopReport {
            addresses: released.addresses,
            connections_closed: released.connections_closed,
            connections_aborted: released.connections_aborted,
            elapsed: released.elapsed,
            exit_code: 0,
        }
    }
}

/// The reason why a stop failed, in a form that can be cloned for each handle.
#[derive(Clone, Debug)]
pub(super) enum StopFailure {
    NotReleased { address: SocketAddr, waited: Duration, holder: Holder },
    Other(String),
}

impl From<Error> for StopFailure {
    fn from(error: Error) -> Self {
        match error {
            Error::Port(selvedge_port::Error::NotReleased { address, waited, holder }) => {
                StopFailure::NotReleased { address, waited, holder }
            }
            other => StopFailure::Other(other.to_string()),
        }
    }
}

impl From<StopFailure> for Error {
    fn from(failure: StopFailure) -> Self {
        match failure {
            StopFailure::NotReleased { address, waited, holder } => {
                selvedge_port::Error::NotReleased { address, waited, holder }.into()
            }
            StopFailure::Other(text) => {
                Error::Io { doing: "stopping the server", cause: std::io::Error::other(text) }
            }
        }
    }
}

/// The outcome of a run; `None` while it runs.
pub(super) type RunOutcome = Option<Result<StopReport, StopFailure>>;

/// Stops a server and waits for its end. Cheap to clone, usable from any thread.
///
/// There is only one stop, however often it is requested, and every caller gets its outcome.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> selvedge::Result<()> {
/// use selvedge::{Server, StartOptions};
///
/// let running = Server::new("doc").spawn(StartOptions::new().port(0)).await?;
/// let handle = running.handle();
/// let watcher = tokio::spawn(async move { handle.stopped().await });
/// let report = running.stop().await?;
/// assert_eq!(watcher.await.expect("it does not panic")?, report);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct StopHandle {
    pub(super) requested: CancellationToken,
    /// Cancelled when no new page is admitted any more.
    pub(super) draining: CancellationToken,
    pub(super) outcome: watch::Receiver<RunOutcome>,
    pub(super) access: Arc<Access>,
    /// Scheme, host and port of the server.
    pub(super) origin: String,
    /// The path of the application under each origin.
    pub(super) base: String,
}

/// Formats no secret.
impl fmt::Debug for StopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopHandle").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl StopHandle {
    /// Stops the server: queued messages are sent, clients get a close frame, answers in flight are
    /// completed, connections are closed, and every address is probed until it is free.
    ///
    /// # Errors
    /// [`port::Error::NotReleased`](crate::port::Error::NotReleased) if an address was not free
    /// before the deadline.
    pub async fn stop(&self) -> Result<StopReport> {
        self.requested.cancel();
        self.stopped().await
    }

    /// Stops the server like [`stop`](Self::stop), from a thread outside of a runtime.
    ///
    /// # Errors
    /// Those of [`stop`](Self::stop).
    ///
    /// # Panics
    /// If called from an async function: use `stop().await` there.
    pub fn stop_blocking(&self) -> Result<StopReport> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|cause| Error::Io { doing: "waiting for the stop", cause })?;
        runtime.block_on(self.stop())
    }

    /// Waits until the server has stopped, for whatever reason.
    ///
    /// # Errors
    /// Those of [`stop`](Self::stop).
    pub async fn stopped(&self) -> Result<StopReport> {
        let mut outcome = self.outcome.clone();
        let outcome = outcome.wait_for(Option::is_some).await.map(|outcome| outcome.clone());
        match outcome {
            Ok(Some(outcome)) => Ok(outcome?),
            // The runtime was shut down first: the sockets are closed, but the port was not probed.
            _ => Err(Error::NotRunning),
        }
    }

    /// Returns a link to the application that signs a browser in once, within 30 seconds.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn sign_in_url(&self) -> Result<String> {
        self.link(Some(SIGN_IN_LIFETIME))
    }

    /// Returns a link that signs in a window of the application, which gets native dialogs. It
    /// works once, within 30 seconds.
    pub(super) fn window_url(&self) -> Result<String> {
        self.link_for(Invited::Window, &self.origin, Some(SIGN_IN_LIFETIME))
    }

    /// Returns a link that signs in once, within `lifetime` if there is one.
    pub(super) fn link(&self, lifetime: Option<Duration>) -> Result<String> {
        self.link_for(Invited::Anyone, &self.origin, lifetime)
    }

    /// Returns a link at an origin of the server that signs in once, within `lifetime` if there is
    /// one.
    pub(super) fn link_for(
        &self,
        invited: Invited,
        origin: &str,
        lifetime: Option<Duration>,
    ) -> Result<String> {
        let token = self.access.issue_sign_in(invited, lifetime)?;
        Ok(format!("{origin}{}/?{SIGN_IN}={token}", self.base))
    }
}
