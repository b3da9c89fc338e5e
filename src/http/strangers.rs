//! Log lines about unknown peers, limited in rate and size.

use std::fmt;

use selvedge_port::throttle::{Throttle, shortened};

/// One rate limit for each kind of line, so that a flood of one kind does not hide the others.
pub(crate) struct Strangers {
    names: Throttle,
    origins: Throttle,
    secrets: Throttle,
    protocol: Throttle,
    handshakes: Throttle,
    links: Throttle,
    endpoints: Throttle,
    ended: Throttle,
}

impl Default for Strangers {
    fn default() -> Self {
        Strangers {
            names: Throttle::new("requests that were not sent to a name of this server"),
            origins: Throttle::new("requests of pages of other origins"),
            secrets: Throttle::new("clients whose secret is missing or wrong"),
            protocol: Throttle::new("clients that broke the protocol"),
            handshakes: Throttle::new("TLS handshakes that failed"),
            links: Throttle::new("symbolic links that lead out of a served folder"),
            endpoints: Throttle::new("failures of WebSocket endpoints of the application"),
            ended: Throttle::new("connections that ended"),
        }
    }
}

impl Strangers {
    /// Logs how many lines were suppressed, at the end of the run.
    pub(super) fn settle(&self) {
        let Strangers { names, origins, secrets, protocol, .. } = self;
        let Strangers { handshakes, links, endpoints, ended, .. } = self;
        let all = [names, origins, secrets, protocol, handshakes, links, endpoints, ended];
        all.into_iter().for_each(Throttle::settle);
    }

    /// Logs a request that was sent to a name that is not the server's.
    pub(super) fn foreign_host(&self, host: Option<&str>) {
        if let Some(suppressed) = self.names.admit() {
            let host = host.map(shortened);
            tracing::warn!(
                ?host,
                suppressed,
                "a request was refused: it was not sent to a name of this server; --allowed-host adds one"
            );
        }
    }

    /// Logs a request from a page of another origin.
    pub(super) fn foreign_origin(&self, origin: Option<&str>) {
        if let Some(suppressed) = self.origins.admit() {
            let origin = origin.map(shortened);
            tracing::warn!(
                ?origin,
                suppressed,
                "a request was refused: it comes from a page of another origin; --allowed-origin adds one"
            );
        }
    }

    /// Logs a client whose secret is missing or wrong.
    pub(super) fn wrong_secret(&self) {
        if let Some(suppressed) = self.secrets.admit() {
            tracing::warn!(suppressed, "a client was refused: its secret is missing or wrong");
        }
    }

    /// Logs a client that broke the protocol.
    pub(super) fn protocol_broken(&self, error: &dyn fmt::Display) {
        if let Some(suppressed) = self.protocol.admit() {
            let text = error.to_string();
            tracing::warn!(error = ?shortened(&text), suppressed, "a client was disconnected");
        }
    }

    /// Logs a TLS handshake that failed or took too long.
    pub(super) fn handshake_failed(&self, error: &dyn fmt::Display) {
        if let Some(suppressed) = self.handshakes.admit() {
            let text = error.to_string();
            tracing::debug!(error = ?shortened(&text), suppressed, "a TLS handshake failed");
        }
    }

    /// Logs a symbolic link that leads out of a served folder.
    pub(super) fn link_refused(&self, path: &str) {
        if let Some(suppressed) = self.links.admit() {
            let path = shortened(path);
            tracing::warn!(
                ?path,
                suppressed,
                "a file was not served: a symbolic link in its path leads out of the served folder; --follow-symlinks follows it"
            );
        }
    }

    /// Logs a failure of the application's WebSocket handler, which its client may have caused.
    pub(super) fn endpoint_failed(&self, path: &str, failure: &dyn fmt::Display) {
        if let Some(suppressed) = self.endpoints.admit() {
            let text = failure.to_string();
            let failure = shortened(&text);
            tracing::error!(?failure, suppressed, "the endpoint {path} failed");
        }
    }

    /// Logs the end of a connection, which matters only for debugging.
    pub(super) fn ended(&self, how: &dyn fmt::Display) {
        if let Some(suppressed) = self.ended.admit() {
            let text = how.to_string();
            tracing::debug!(how = ?shortened(&text), suppressed, "a connection ended");
        }
    }
}
