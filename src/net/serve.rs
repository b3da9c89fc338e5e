//! Serving connections until a stop, and the teardown that releases the port.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::TcpStream,
    task::{JoinError, JoinSet},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    connection::{Connection, Registry},
    listener::Listener,
    platform, probe,
};
use crate::{Result, throttle::Throttle};

/// Time for handlers to return after their connections were reset.
const NOTICE: Duration = Duration::from_millis(200);

/// Pauses of the accept loop after a failed accept: the first and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Time limits for the release of a port.
#[derive(Debug, Clone)]
pub(crate) struct Timing {
    /// Time for connections to end in order before they are reset. The stop continues as soon as
    /// all have ended.
    pub(super) grace: Duration,
    /// Time limit, during a stop and within the grace, for the last bytes of a closed connection to
    /// make progress before the peer is given up. RFC 5482 calls the time that sent data may stay
    /// unacknowledged the user timeout.
    pub(super) user_timeout: Duration,
    /// Time limit, from the start of the stop, for proving the port free.
    pub(super) deadline: Duration,
}

impl Default for Timing {
    /// A grace of 500 ms, a user timeout of 250 ms, a deadline of 20 s.
    fn default() -> Self {
        Timing {
            grace: Duration::from_millis(500),
            user_timeout: Duration::from_millis(250),
            deadline: Duration::from_secs(20),
        }
    }
}

impl Timing {
    /// Sets how long after the start of the stop the port must be proved free; 20 s by default. If
    /// it is not, the stop fails.
    #[must_use]
    pub(crate) fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
}

/// The result of a stop. If there is one, every address was proved free.
#[derive(Debug, Clone, Default)]
pub(crate) struct Released {
    /// The addresses that were served and are free again.
    pub(crate) addresses: Vec<SocketAddr>,
    /// How many connections ended in order since the stop began, whichever side ended them.
    pub(crate) connections_closed: usize,
    /// How many connections were reset since the stop began, because the peer did not read or a
    /// handler did not end in time.
    pub(crate) connections_aborted: usize,
    /// Time from the start of the stop until the port was proved free.
    pub(crate) elapsed: Duration,
}

/// Serves connections until `stop` is cancelled, then releases the port and proves it.
///
/// Each connection is passed to `handler`, whose future runs as a task. Connections beyond
/// `max_connections` are accepted and closed at once.
///
/// The stop takes the connections that the kernel has already accepted, and closes the listener.
/// Handlers watch `stop` themselves and have the grace to end. A handler may hand its connection on
/// and return earlier: the stop also waits for the connection. Connections that are then still open
/// are reset, and handlers that do not return even then are aborted. Dropping this future resets
/// all connections and closes the listener at once.
///
/// # Errors
///
/// [`Error::PortNotReleased`](crate::Error::PortNotReleased) if an address cannot be bound again at
/// the deadline, [`Error::Io`](crate::Error::Io) if the system refuses for another reason.
///
/// # Panics
///
/// Outside of a tokio runtime with its drivers for I/O and time.
pub(crate) async fn serve<H, F>(
    mut listener: Listener,
    stop: CancellationToken,
    timing: Timing,
    max_connections: usize,
    handler: H,
) -> Result<Released>
where
    H: Fn(Connection) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let mut server = Acceptor {
        registry: Registry::new(stop.clone(), timing.user_timeout),
        handlers: JoinSet::new(),
        handler: Arc::new(handler),
        max_connections,
        log: Log::default(),
    };
    server.accept_until(&stop, &mut listener).await;

    let begin = Instant::now();
    let addresses = listener.addresses().to_vec();
    for (stream, peer) in listener.close() {
        server.admit(stream, peer);
    }
    server.end(begin, &timing).await;
    probe::until_free(&addresses, begin, timing.deadline).await?;
    let (connections_closed, connections_aborted) = server.registry.ended();
    Ok(Released { addresses, connections_closed, connections_aborted, elapsed: begin.elapsed() })
}

/// The connections of a server and the tasks that handle them.
struct Acceptor<H> {
    registry: Arc<Registry>,
    handlers: JoinSet<()>,
    handler: Arc<H>,
    max_connections: usize,
    log: Log,
}

/// Rate limits for log lines that peers can cause.
struct Log {
    refused: Throttle,
    starved: Throttle,
    panicked: Throttle,
}

impl Default for Log {
    fn default() -> Self {
        Log {
            refused: Throttle::new("connections over the limit"),
            starved: Throttle::new("connections that could not be accepted"),
            panicked: Throttle::new("handlers of connections that panicked"),
        }
    }
}

impl<H, F> Acceptor<H>
where
    H: Fn(Connection) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    async fn accept_until(&mut self, stop: &CancellationToken, listener: &mut Listener) {
        let mut pause = None;
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(ended) = self.handlers.join_next() => {
                    report_panic(ended, &self.log.panicked);
                    continue;
                }
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    pause = None;
                    self.admit(stream, peer);
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    if pause.is_none()
                        && let Some(suppressed) = self.log.starved.admit()
                    {
                        tracing::warn!(%error, suppressed, "cannot accept connections, trying again");
                    }
                    let length =
                        pause.map_or(FIRST_PAUSE, |last: Duration| last * 2).min(LONGEST_PAUSE);
                    pause = Some(length);
                    let _ = timeout(length, stop.cancelled()).await;
                }
            }
        }
    }

    fn admit(&mut self, stream: TcpStream, peer: SocketAddr) {
        if self.registry.len() >= self.max_connections {
            if let Some(suppressed) = self.log.refused.admit() {
                let limit = self.max_connections;
                tracing::warn!(%peer, limit, suppressed, "closed a connection over the limit");
            }
            platform::close(stream);
            return;
        }
        let connection = self.registry.register(stream, peer);
        tracing::trace!(peer = %connection.peer(), "accepted a connection");
        let handler = Arc::clone(&self.handler);
        self.handlers.spawn(async move { handler(connection).await });
    }

    /// Waits until every connection is closed and every handler has ended. Ends them by force after
    /// the grace.
    async fn end(&mut self, begin: Instant, timing: &Timing) {
        let in_order = async {
            join_all(&mut self.handlers, &self.log.panicked).await;
            self.registry.emptied().await;
        };
        if timeout(timing.grace, in_order).await.is_ok() {
            return;
        }
        self.registry.abort_all();
        if timeout(NOTICE, join_all(&mut self.handlers, &self.log.panicked)).await.is_ok() {
            return;
        }
        self.handlers.abort_all();
        let left = timing.deadline.saturating_sub(begin.elapsed());
        if timeout(left, join_all(&mut self.handlers, &self.log.panicked)).await.is_err() {
            let handlers = self.handlers.len();
            tracing::error!(handlers, "handlers block their threads and cannot be ended");
        }
    }
}

impl<H> Drop for Acceptor<H> {
    fn drop(&mut self) {
        self.registry.abort_all(); // none is left, unless the server was dropped while it ran
    }
}

async fn join_all(handlers: &mut JoinSet<()>, log: &Throttle) {
    while let Some(ended) = handlers.join_next().await {
        report_panic(ended, log);
    }
}

fn report_panic(ended: Result<(), JoinError>, log: &Throttle) {
    if let Err(error) = ended
        && error.is_panic()
        && let Some(suppressed) = log.admit()
    {
        tracing::error!(%error, suppressed, "the handler of a connection panicked");
    }
}

/// Returns whether an accept failed because of its connection, so that the next one may succeed
/// (accept(2), "Error handling").
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
