//! Serving connections until told to stop, and the teardown that releases the port.

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

/// How long handlers have, after their connections were reset, to see that and to end by themselves.
const NOTICE: Duration = Duration::from_millis(200);

/// The pauses of the accept loop while the system cannot give it another connection.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The times that the release of a port takes at most.
#[derive(Debug, Clone)]
pub(crate) struct Timing {
    /// How long connections have to end in order before they are reset. The stop goes on as soon as all have ended.
    pub(super) grace: Duration,
    /// How long, during a stop, the last bytes of a closed connection may make no progress before the peer is given
    /// up, within the grace. RFC 5482 calls the time that sent data may stay unacknowledged the user timeout.
    pub(super) user_timeout: Duration,
    /// How long after the stop began the port must be proved free.
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
    /// How long after the stop began the port must be proved free; 20 s unless told. Later than that is an error.
    #[must_use]
    pub(crate) fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
}

/// What a stop did. That there is one means that every address was proved free.
#[derive(Debug, Clone, Default)]
pub(crate) struct Released {
    /// The addresses that were served and are free again.
    pub(crate) addresses: Vec<SocketAddr>,
    /// How many connections ended in order since the stop began, whichever side ended them.
    pub(crate) connections_closed: usize,
    /// How many connections were reset since, because the peer did not read or a handler did not end in time.
    pub(crate) connections_aborted: usize,
    /// The time from the stop's begin until the port was proved free.
    pub(crate) elapsed: Duration,
}

/// Serves connections until `stop` is cancelled, then releases the port and proves that.
///
/// Each connection is given to `handler`, whose future runs in a task of its own. More than `max_connections` at a time are
/// accepted and closed at once.
///
/// The stop takes the connections that the kernel has accepted already and closes the listener. Handlers watch `stop`
/// themselves and have the grace to end. A handler may hand its connection to somebody else and end before: the stop
/// waits for the connection, too. What is left then is reset, and handlers that do not even end then are aborted.
/// Dropping this future resets all connections and closes the listener at once.
///
/// # Errors
///
/// [`Error::PortNotReleased`](crate::Error::PortNotReleased) if an address cannot be bound again at the deadline,
/// [`Error::Io`](crate::Error::Io) if that cannot be tried.
///
/// # Panics
///
/// Outside of a tokio runtime that has its drivers for IO and time.
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

/// What peers can cause to be logged.
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

    /// Returns when every connection is closed and every handler has ended.
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

/// Whether an accept failed for a reason of the connection, so that the next one may succeed (accept(2), "Error
/// handling").
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
