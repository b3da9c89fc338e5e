//! Options of a server, and the result of its stop.

use std::{net::SocketAddr, time::Duration};

/// Limits for serving connections and for the release of the port.
///
/// ```
/// use std::time::Duration;
///
/// let options = selvedge_port::ServeOptions::new()
///     .grace(Duration::from_secs(2))
///     .max_connections(1000);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct ServeOptions {
    pub(crate) grace: Duration,
    pub(crate) user_timeout: Duration,
    pub(crate) deadline: Duration,
    pub(crate) max_connections: usize,
}

impl Default for ServeOptions {
    fn default() -> Self {
        ServeOptions {
            grace: Duration::from_millis(500),
            user_timeout: Duration::from_millis(250),
            deadline: Duration::from_secs(20),
            max_connections: usize::MAX,
        }
    }
}

impl ServeOptions {
    /// Returns the defaults: a grace of 500 ms, a user timeout of 250 ms, a deadline of 20 s, and
    /// any number of connections.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the time that connections have to end in order, from the start of the stop, before they
    /// are reset. The stop continues as soon as all have ended.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets how long, during a stop and within the grace, the last bytes of a closed connection may
    /// make no progress before the peer is given up. RFC 5482 calls the time that sent data may
    /// stay unacknowledged the user timeout.
    pub fn user_timeout(mut self, user_timeout: Duration) -> Self {
        self.user_timeout = user_timeout;
        self
    }

    /// Sets how long after the start of the stop the port must be proved free. If it is not, the
    /// stop fails.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets the maximum number of open connections. Further ones are accepted and closed at once.
    pub fn max_connections(mut self, max_connections: usize) -> Self {
        self.max_connections = max_connections;
        self
    }
}

/// The result of a stop. If there is one, every address was proved free.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Released {
    /// The addresses that were served and are free again.
    pub addresses: Vec<SocketAddr>,
    /// Number of connections that ended in order since the stop began, whichever side ended them.
    pub connections_closed: usize,
    /// Number of connections that were reset since the stop began, because the peer did not read or
    /// a handler did not end in time.
    pub connections_aborted: usize,
    /// Time from the start of the stop until all addresses were proved free.
    pub elapsed: Duration,
}
