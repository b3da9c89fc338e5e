//! WebSocket endpoints of the application's own, beside the one of the state server.

use std::{collections::HashMap, sync::Arc};

use futures_util::future::BoxFuture;
use parking_lot::RwLock;

use super::Server;
use crate::{Failure, callback::caught, websocket::Request};

/// The handler of an endpoint; a panic in it is a failure.
pub(crate) type Endpoint =
    Arc<dyn Fn(Request) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

/// The handlers by path.
pub(super) type Handlers = RwLock<HashMap<String, Endpoint>>;

/// Paths that the state server needs itself, beside that of its WebSocket, which is chosen at the start.
const OWN_PATHS: [&str; 2] = ["/paraview", "/paraview/"];

impl Server {
    /// Adds a WebSocket endpoint of the application's own at this path, which stands beside the state server's own.
    ///
    /// The handler runs once for each client that asks, as a task of its own. It accepts or rejects the request; when it returns, the
    /// connection is closed with 1000, and with 1011 and a line in the log when it fails or panics. When it returns without having
    /// decided, the client is answered 500. When the server stops, connections are closed with 1001 and handlers have half a second to
    /// see that.
    ///
    /// Requests have passed the same guard as all others: their `Host` is the server's own, and no web page of another origin gets
    /// here. Other programs of the machine do. If they must not, let the handler check the server's secret with [`Request::verify_secret`], or
    /// a token of its own.
    ///
    /// ```
    /// use selvedge::{Failure, Server, websocket::Request};
    ///
    /// let server = Server::new("doc");
    /// server.websocket("/echo", async |request: Request| -> Result<(), Failure> {
    ///     let connection = request.accept().await?;
    ///     while let Ok(message) = connection.receive().await {
    ///         connection.send(message).await?;
    ///     }
    ///     Ok(())
    /// });
    /// ```
    ///
    /// The path of the state server's own WebSocket, `/ws` unless [`StartOptions::ws_endpoint`](crate::StartOptions::ws_endpoint) says
    /// otherwise, makes the start fail with [`Error::InvalidOption`](crate::Error::InvalidOption).
    ///
    /// # Panics
    /// When the path does not begin with a slash, or is one that the state server needs or is using.
    #[track_caller]
    pub fn websocket<F, R>(&self, path: &str, handler: F) -> &Self
    where
        F: Fn(Request) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        assert!(path.starts_with('/'), "`{path}` does not begin with a slash");
        let running = self.server_options();
        let used = running.and_then(|options| options.endpoints.websocket);
        let is_used = used.is_some_and(|used| path[1..] == used);
        let is_own = OWN_PATHS.contains(&path) || is_used;
        assert!(!is_own, "`{path}` belongs to the state server");
        let handler = Arc::new(handler);
        let endpoint: Endpoint = Arc::new(move |request| {
            let handler = Arc::clone(&handler);
            // The call is inside, so that a panic before the first await is caught, too.
            caught(async move { handler(request).await })
        });
        let mut endpoints = self.inner.endpoints.write();
        endpoints.insert(path.to_owned(), endpoint);
        drop(endpoints);
        self
    }

    /// The handler of a path, if it is an endpoint.
    pub(crate) fn endpoint(&self, path: &str) -> Option<Endpoint> {
        let endpoints = self.inner.endpoints.read();
        endpoints.get(path).cloned()
    }
}
