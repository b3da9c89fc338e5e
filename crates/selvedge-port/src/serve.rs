//! Serving connections until a stop, and the teardown that releases the port.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::TcpStream,
    task::{JoinError, JoinSet},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    accept::Accepting,
    connection::{Connection, Registry},
    error::Result,
    listener::Listener,
    options::{Released, ServeOptions},
    probe,
    throttle::Throttle,
};

/// Time for handlers to return after their connections were reset.
const NOTICE: Duration = Duration::from_millis(200);

/// Serves connections until `stop` is cancelled, then releases the port and proves it.
///
/// Each connection is passed to `handler`, whose future runs as a task. Connections beyond
/// [`max_connections`](ServeOptions::max_connections) are accepted and closed at once.
///
/// The stop takes the connections that the kernel has already accepted, and closes the listener.
/// Handlers watch `stop` themselves and have the [grace](ServeOptions::grace) to end. A handler may
/// hand its connection on and return earlier: the stop also waits for the connection. Connections
/// that are then still open are reset, and handlers that do not return even then are aborted.
///
/// # Errors
///
/// [`Error::NotReleased`](crate::Error::NotReleased) if an address cannot be bound again at the
/// deadline, [`Error::Probe`](crate::Error::Probe) if the system refuses for another reason.
///
/// # Panics
///
/// Outside of a tokio runtime with its drivers for I/O and time.
///
/// # Cancellation
///
/// Dropping the future resets all connections and closes the listener at once.
///
/// # Examples
///
/// ```
/// use selvedge_port::{Connection, Listener, ServeOptions, serve};
/// use tokio::io::AsyncWriteExt;
/// use tokio_util::sync::CancellationToken;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> selvedge_port::Result<()> {
/// let listener = Listener::bind("localhost", 0).await?;
/// let port = listener.port();
/// let stop = CancellationToken::new();
/// let greet = |mut connection: Connection| async move {
///     // An error here means that the peer has disconnected.
///     let _ = connection.write_all(b"hello").await;
/// };
/// let serving = tokio::spawn(serve(listener, stop.clone(), ServeOptions::new(), greet));
///
/// stop.cancel();
/// let released = serving.await.expect("it does not panic")?;
/// assert_eq!(released.addresses[0].port(), port);
/// # Ok(())
/// # }
/// ```
pub async fn serve<H, F>(
    listener: Listener,
    stop: CancellationToken,
    options: ServeOptions,
    handler: H,
) -> Result<Released>
where
    H: Fn(Connection) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let mut accepting = Accepting::new(listener);
    let mut server = Acceptor {
        registry: Registry::new(stop.clone(), options.clone()),
        handlers: JoinSet::new(),
        handler: Arc::new(handler),
        panicked: Throttle::new("handlers of connections that panicked"),
    };
    server.accept_until(&stop, &mut accepting).await;

    let begin = Instant::now();
    let listener = accepting.into_listener();
    let addresses = listener.addresses().to_vec();
    for (stream, peer) in listener.close() {
        server.admit(stream, peer);
    }
    server.end(begin, &options).await;
    probe::until_free(&addresses, begin, options.deadline).await?;
    Ok(server.registry.released(addresses, begin))
}

/// The connections of a server and the tasks that handle them.
struct Acceptor<H> {
    registry: Arc<Registry>,
    handlers: JoinSet<()>,
    handler: Arc<H>,
    panicked: Throttle,
}

impl<H, F> Acceptor<H>
where
    H: Fn(Connection) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    async fn accept_until(&mut self, stop: &CancellationToken, accepting: &mut Accepting) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(ended) = self.handlers.join_next() => report_panic(ended, &self.panicked),
                (stream, peer) = accepting.next() => self.admit(stream, peer),
            }
        }
    }

    fn admit(&mut self, stream: TcpStream, peer: SocketAddr) {
        if let Some(connection) = self.registry.admit(stream, peer) {
            let handler = Arc::clone(&self.handler);
            self.handlers.spawn(async move { handler(connection).await });
        }
    }

    /// Waits until every connection is closed and every handler has ended. Ends them by force after
    /// the grace.
    async fn end(&mut self, begin: Instant, options: &ServeOptions) {
        let in_order = async {
            join_all(&mut self.handlers, &self.panicked).await;
            self.registry.emptied().await;
        };
        if timeout(options.grace, in_order).await.is_ok() {
            return;
        }
        self.registry.abort_all();
        if timeout(NOTICE, join_all(&mut self.handlers, &self.panicked)).await.is_ok() {
            return;
        }
        self.handlers.abort_all();
        let left = options.deadline.saturating_sub(begin.elapsed());
        if timeout(left, join_all(&mut self.handlers, &self.panicked)).await.is_err() {
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
