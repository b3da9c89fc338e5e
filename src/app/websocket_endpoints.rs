//! WebSocket endpoints of the application, besides that of the state server.

use std::{collections::HashMap, sync::Arc};

use futures_util::future::BoxFuture;
use parking_lot::RwLock;

use super::Server;
use crate::{Failure, calls::callback::caught, websocket::Request};

/// The handler of an endpoint; a panic in it becomes a failure.
pub(crate) type Endpoint =
    Arc<dyn Fn(Request) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

/// The handlers by path.
pub(crate) type Handlers = RwLock<HashMap<String, Endpoint>>;

/// Paths that the state server needs, besides that of its WebSocket, which is chosen at the start.
const OWN_PATHS: [&str; 2] = ["/paraview", "/paraview/"];

impl Server {
    /// Adds a WebSocket endpoint of the application at this path, besides that of the state server.
    ///
    /// The handler runs once per request, in a task of its own, and accepts or rejects the request.
    /// When it returns, the connection is closed with close code 1000; if it fails or panics, with
    /// 1011 and a log line. If it returns without a decision, the client gets status 500. When the
    /// server stops, connections are closed with 1001, and handlers have half a second to finish.
    ///
    /// Requests pass the same guard as all others: their `Host` is the server's own, and web pages
    /// of other origins are rejected. Other programs on this machine are not. To reject them, let
    /// the handler check the client's secret with [`Request::role_of`], or a token of its
    /// own.
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
    /// If the path is that of the state server's WebSocket, `/ws` unless set with
    /// [`StartOptions::ws_endpoint`](crate::StartOptions::ws_endpoint), the start fails with
    /// [`Error::InvalidOption`](crate::Error::InvalidOption).
    ///
    /// # Panics
    /// If the path does not begin with a slash, or the state server needs or uses it.
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
            // Call it inside the future, so that a panic before its first await is caught too.
            caught(async move { handler(request).await })
        });
        let mut endpoints = self.inner.endpoints.write();
        endpoints.insert(path.to_owned(), endpoint);
        drop(endpoints);
        self
    }

    /// Returns the handler of a path, if it is an endpoint.
    pub(crate) fn endpoint(&self, path: &str) -> Option<Endpoint> {
        let endpoints = self.inner.endpoints.read();
        endpoints.get(path).cloned()
    }
}
