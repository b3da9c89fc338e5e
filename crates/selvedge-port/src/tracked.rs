//! A listener for servers with an accept loop of their own.

use std::{net::SocketAddr, sync::Arc};

use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    accept::Accepting,
    connection::{Connection, Registry},
    error::Result,
    listener::Listener,
    options::{Released, ServeOptions},
    probe,
};

impl Listener {
    /// Splits the listener into one for a server with an accept loop of its own, and the port,
    /// which is released after that server.
    ///
    /// With the feature `axum`, the first part is an `axum::serve::Listener`:
    ///
    #[cfg_attr(feature = "axum", doc = "```")]
    #[cfg_attr(not(feature = "axum"), doc = "```ignore")]
    /// use selvedge_port::{Listener, ServeOptions};
    /// use tokio_util::sync::CancellationToken;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let stop = CancellationToken::new();
    /// # stop.cancel();
    /// let (listener, port) = Listener::bind("localhost", 0).await?.tracked(ServeOptions::new());
    /// let serving = axum::serve(listener, axum::Router::new())
    ///     .with_graceful_shutdown(stop.clone().cancelled_owned());
    /// let release = async {
    ///     stop.cancelled().await;
    ///     port.release().await
    /// };
    /// // Side by side, since a graceful shutdown alone waits for slow peers without a limit.
    /// let (served, released) = tokio::join!(serving.into_future(), release);
    /// served?;
    /// println!("free again after {:?}", released?.elapsed);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn tracked(self, options: ServeOptions) -> (Tracked, Port) {
        let stopping = CancellationToken::new();
        let registry = Registry::new(stopping.clone(), options.clone());
        let addresses = self.addresses().to_vec();
        let tracked = Tracked {
            accepting: Some(Accepting::new(self)),
            addresses: addresses.clone(),
            registry: Arc::clone(&registry),
            stopping: stopping.clone(),
        };
        (tracked, Port { registry, addresses, stopping, options })
    }
}

/// A listener that registers each connection that it accepts. Made by [`Listener::tracked`].
pub struct Tracked {
    /// `None` once the port is being released.
    accepting: Option<Accepting>,
    addresses: Vec<SocketAddr>,
    registry: Arc<Registry>,
    stopping: CancellationToken,
}

impl std::fmt::Debug for Tracked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tracked").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Tracked {
    /// Waits for the next connection. Failures, such as a lack of descriptors, are waited out.
    ///
    /// Once the port is being released, the sockets are closed and there is no next connection.
    ///
    /// # Cancellation
    /// No connection is lost.
    pub async fn accept(&mut self) -> (Connection, SocketAddr) {
        while let Some(accepting) = &mut self.accepting {
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => self.accepting = None,
                (stream, peer) = accepting.next() => {
                    // A release that has begun may have seen the registry without this connection.
                    if let Some(connection) = self.registry.admit(stream, peer)
                        && !self.stopping.is_cancelled()
                    {
                        return (connection, peer);
                    }
                }
            }
        }
        std::future::pending().await
    }

    /// Returns the bound addresses; at least one.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

#[cfg(feature = "axum")]
impl axum::serve::Listener for Tracked {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        Tracked::accept(self).await
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.addresses[0])
    }
}

/// The port of a [`Tracked`] listener.
///
/// Dropping it without a release leaves the connections to their server.
#[must_use = "the port is proved free by `release`"]
pub struct Port {
    registry: Arc<Registry>,
    addresses: Vec<SocketAddr>,
    stopping: CancellationToken,
    options: ServeOptions,
}

impl std::fmt::Debug for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Port").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Port {
    /// Releases the port and proves that it is free.
    ///
    /// The listener accepts no more connections. Open ones, WebSockets included, have the
    /// [grace](ServeOptions::grace) to end, then they are reset. The server has to drop the
    /// listener or to poll it: both close its sockets. Connections that the system has queued but
    /// the server has not accepted are reset; [`serve`](crate::serve) serves these, too.
    ///
    /// # Errors
    /// [`Error::NotReleased`](crate::Error::NotReleased) if an address cannot be bound again at the
    /// deadline, [`Error::Probe`](crate::Error::Probe) if the system refuses for another reason.
    ///
    /// # Cancellation
    /// The release has begun, but nothing is proved. Connections that are open then are not reset.
    pub async fn release(self) -> Result<Released> {
        let begin = Instant::now();
        self.stopping.cancel();
        if timeout(self.options.grace, self.registry.emptied()).await.is_err() {
            self.registry.abort_all();
        }
        probe::until_free(&self.addresses, begin, self.options.deadline).await?;
        Ok(self.registry.released(self.addresses, begin))
    }
}
