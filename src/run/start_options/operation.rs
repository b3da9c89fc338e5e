//! Start options for draining, stopping and monitoring.

use std::time::Duration;

use super::{Secret, StartOptions};

impl StartOptions {
    /// Stops the server when no client has been connected for this long; a program with
    /// [rooms](crate::rooms), when it has had no room for this long. Zero disables the stop.
    ///
    /// Only clients that have sent the secret count: requests for files and silent connections do
    /// not keep a server alive.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = (!timeout.is_zero()).then_some(timeout);
        self
    }

    /// Sets how long a stop may wait until the port is free before it fails. Default 20 s.
    pub fn stop_deadline(mut self, deadline: Duration) -> Self {
        self.stop_deadline = deadline;
        self
    }

    /// Sets the interval of silence after which a client is pinged. A client that shows no sign of
    /// life for another half of it is disconnected. Zero turns this off. Defaults to the server's
    /// [`ws_heart_beat`](crate::run::ServerOptions::ws_heart_beat).
    pub fn heartbeat(mut self, interval: Duration) -> Self {
        self.heartbeat = Some(interval);
        self
    }

    /// Lets users leave before SIGTERM ends the program. It admits no new pages, tells those that are
    /// open, and stops when the last client has disconnected and no job runs, or after this time.
    /// Another signal ends the wait. Default zero: it stops at once. [`Running::drain`] does the same
    /// in code.
    ///
    /// [`Running::drain`]: crate::Running::drain
    pub fn drain(mut self, time: Duration) -> Self {
        self.drain = time;
        self
    }

    /// Keeps users signed in when the program is restarted, in the file of
    /// [`keep_state`](Self::keep_state). Default no: after a restart they need new links.
    ///
    /// For programs that run as a service on a fixed port. The file then also holds the key that
    /// signs users in; only the user who runs the program can read it. To sign all users out, stop
    /// the program and delete the file. The start fails with
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) without `keep_state`.
    pub fn keep_sign_in(mut self, keep: bool) -> Self {
        self.keep_sign_in = keep;
        self
    }

    /// Joins the cluster of the nodes that share a store, such as `redis://:password@10.0.0.2/`, or
    /// `rediss://` for TLS. The application has to name an engine for it:
    /// [`Rooms::cluster`](crate::rooms::Rooms::cluster). See the guide `docs/cluster.md`.
    pub fn redis(mut self, address: impl Into<String>) -> Self {
        self.redis = Some(Secret(address.into()));
        self
    }

    /// Sets the address at which other nodes of the cluster reach this one: an address of this machine
    /// and a port, where 0 takes any free one. Default: the address by which this machine reaches the
    /// store, with any free port. The nodes trust the network between them: what they say to each other
    /// is not encrypted.
    pub fn node_address(mut self, address: impl Into<String>) -> Self {
        self.node_address = Some(address.into());
        self
    }

    /// Opens an address for operators, such as `127.0.0.1:9090`; port 0 takes any free one. It
    /// answers without a secret:
    /// - `/healthz` with 200 as long as the program runs
    /// - `/readyz` with 200 while it admits pages, and with 503 while it [drains](Self::drain)
    /// - `/metrics` in the text format of Prometheus
    ///
    /// On a loopback address, it answers only to the names of that address. The metrics contain the
    /// names of triggers and RPC methods, but no values. The listener closes with the run, which also
    /// verifies that its port is free.
    ///
    /// The start fails with [`Error::InvalidOption`](crate::Error::InvalidOption) if it is no address
    /// with a port.
    #[cfg(feature = "monitoring")]
    pub fn monitoring(mut self, address: impl Into<String>) -> Self {
        self.monitoring = Some(address.into());
        self
    }
}
