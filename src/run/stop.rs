//! Stopping, from wherever: every handle of a run gets the same outcome.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{Error, Holder, Result, http::Access, net::Released, session::Kind};

/// How long a sign-in link of a window is good.
const SIGN_IN_LIFETIME: Duration = Duration::from_secs(30);

/// What a stop found. That it exists means that every address was probed and is free.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopReport {
    /// The addresses that were released.
    pub addresses: Vec<SocketAddr>,
    /// Connections that ended in order.
    pub connections_closed: usize,
    /// Connections that had to be cut, because their peers did not let go in time.
    pub connections_aborted: usize,
    /// From the request to stop until the addresses were proved free.
    pub elapsed: Duration,
    /// The code that the application [asked for](crate::Server::request_exit), otherwise 0.
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

/// Why a stop failed, kept so that each handle can be told.
#[derive(Clone, Debug)]
pub(super) enum StopFailure {
    NotReleased { address: SocketAddr, waited: Duration, holder: Holder },
    Other(String),
}

impl From<Error> for StopFailure {
    fn from(error: Error) -> Self {
        match error {
            Error::PortNotReleased { address, waited, holder } => {
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
                Error::PortNotReleased { address, waited, holder }
            }
            StopFailure::Other(text) => {
                Error::Io { doing: "stopping the server", source: std::io::Error::other(text) }
            }
        }
    }
}

/// The outcome of a run, once there is one.
pub(super) type Outcome = Option<Result<StopReport, StopFailure>>;

/// Stops a server and tells when it has stopped. A cheap handle, usable from any thread.
///
/// However many ask for it and however often, there is one stop, and all get its outcome.
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
    pub(super) outcome: watch::Receiver<Outcome>,
    pub(super) access: Arc<Access>,
    /// Scheme, host and port.
    pub(super) origin: String,
}

impl StopHandle {
    /// Stops the server: what is queued for the clients leaves, they are told that it is going away, answers in flight are
    /// completed, connections close, and every address is probed until it is free.
    ///
    /// # Errors
    /// [`Error::PortNotReleased`] when an address was not free before the deadline.
    pub async fn stop(&self) -> Result<StopReport> {
        self.requested.cancel();
        self.stopped().await
    }

    /// Like [`stop`](Self::stop), for threads that are not part of a runtime.
    ///
    /// # Errors
    /// Those of [`stop`](Self::stop).
    ///
    /// # Panics
    /// When it is called from an async function: use `stop().await` there.
    pub fn stop_blocking(&self) -> Result<StopReport> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|source| Error::Io { doing: "waiting for the stop", source })?;
        runtime.block_on(self.stop())
    }

    /// Waits until the server has stopped, whoever asked for it.
    ///
    /// # Errors
    /// Those of [`stop`](Self::stop).
    pub async fn stopped(&self) -> Result<StopReport> {
        let mut outcome = self.outcome.clone();
        let outcome = outcome.wait_for(Option::is_some).await.map(|outcome| outcome.clone());
        match outcome {
            Ok(Some(outcome)) => Ok(outcome?),
            // The runtime was shut down under the server: its sockets are closed, and nobody has looked at the port.
            _ => Err(Error::NotRunning),
        }
    }

    /// A link to the application that signs a browser in once, within 30 seconds.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn sign_in_url(&self) -> Result<String> {
        self.link(Some(SIGN_IN_LIFETIME))
    }

    /// The same for a window of the application's own, which gets native dialogs.
    pub(super) fn window_url(&self) -> Result<String> {
        self.link_for(Kind::Window, &self.origin, Some(SIGN_IN_LIFETIME))
    }

    /// A link that signs in once, within `lifetime` if it is given.
    pub(super) fn link(&self, lifetime: Option<Duration>) -> Result<String> {
        self.link_at(&self.origin, lifetime)
    }

    /// The same for another origin under which the server is known.
    pub(super) fn link_at(&self, origin: &str, lifetime: Option<Duration>) -> Result<String> {
        self.link_for(Kind::Other, origin, lifetime)
    }

    fn link_for(&self, kind: Kind, origin: &str, lifetime: Option<Duration>) -> Result<String> {
        let token = self.access.issue_sign_in(kind, lifetime)?;
        Ok(format!("{origin}/?{}={token}", crate::http::SIGN_IN))
    }
}
