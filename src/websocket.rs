//! WebSockets of the application.
//!
//! A server gets its connections from [`Server::websocket`](crate::Server::websocket), a program
//! that connects to others from [`Connect`]. Both get the same [`Connection`].

use std::{fmt, ops::Deref};

use bytes::Bytes;
#[cfg(feature = "tls")]
#[doc(no_inline)]
pub use selvedge_websocket::rustls;
#[doc(no_inline)]
pub use selvedge_websocket::{
    CloseReason, Connect, Connection, Error, Message, Options, Rejection, Role, Stream,
};

/// A client's request for a connection. [`accept`](Self::accept) turns it into a [`Connection`],
/// [`reject`](Self::reject) answers with a status.
///
/// What the client asks for is read with the methods of [`selvedge_websocket::Request`], such as
/// `path`, `query` and `headers`.
///
/// ```
/// use selvedge::{Failure, Server, rooms::Role, websocket::Request};
///
/// async fn chat(request: Request) -> Result<(), Failure> {
///     let token = request.query().and_then(|query| query.strip_prefix("token="));
///     if token.and_then(|token| request.role_of(token)) != Some(Role::Editor) {
///         request.reject(401, "A token is missing.\n");
///         return Ok(());
///     }
///     let connection = request.subprotocol("chat.v1")?.accept().await?;
///     while let Ok(message) = connection.receive().await {
///         connection.send(message).await?;
///     }
///     Ok(())
/// }
/// Server::new("doc").websocket("/chat", chat);
/// ```
pub struct Request {
    request: selvedge_websocket::Request,
    verify: Verify,
    /// Whether the server compresses messages to this client.
    compression: bool,
}

/// Returns what the client with a secret may do; `None` if it has no access.
pub(crate) type Verify = Box<dyn Fn(&str) -> Option<crate::app::Role> + Send + Sync>;

impl Request {
    pub(crate) fn new(
        request: selvedge_websocket::Request,
        verify: Verify,
        compression: bool,
    ) -> Self {
        Request { request, verify, compression }
    }

    /// Returns what the client with this secret may do. `None` if the secret is wrong, or if the
    /// application [refuses](crate::Server::admit) its user. Pages and wslink clients have a secret.
    ///
    /// Compared in constant time. The handler decides where the request carries it, in a header or
    /// in the query; web pages cannot set headers.
    pub fn role_of(&self, secret: &str) -> Option<crate::app::Role> {
        (self.verify)(secret)
    }

    /// Chooses one of the subprotocols that the client proposes.
    ///
    /// # Errors
    /// [`Error::NotProposed`].
    pub fn subprotocol(self, name: &str) -> Result<Self, Error> {
        Ok(Request { request: self.request.subprotocol(name)?, ..self })
    }

    /// Adds a header to the answer. The headers of the handshake cannot be replaced.
    ///
    /// # Errors
    /// [`Error::InvalidHeader`].
    pub fn header(self, name: &str, value: &str) -> Result<Self, Error> {
        Ok(Request { request: self.request.header(name, value)?, ..self })
    }

    /// Sets the limits and time-outs of the connection. The default is that of [`Options`], with
    /// the server's heartbeat. Unless `options` says so, messages are compressed as the server does
    /// ([`Compression`](crate::run::Compression)).
    #[must_use]
    pub fn options(self, options: Options) -> Self {
        let options = options.compression_by_default(self.compression);
        Request { request: self.request.options(options), ..self }
    }

    /// Opens the connection.
    ///
    /// # Errors
    /// [`Error::ConnectionClosed`] if the client has disconnected, or does not read the answer in
    /// time.
    pub async fn accept(self) -> Result<Connection, Error> {
        self.request.accept().await
    }

    /// Answers with a status, the headers that were added, and a body.
    ///
    /// # Panics
    /// If the status is not that of a final answer with a body: 200 to 999, except 204, 205 and
    /// 304.
    #[track_caller]
    pub fn reject(self, status: u16, body: impl Into<Bytes>) {
        self.request.reject(status, body);
    }
}

impl Deref for Request {
    type Target = selvedge_websocket::Request;

    fn deref(&self) -> &Self::Target {
        &self.request
    }
}

/// Formats only the path and the client: headers and query may contain secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.request.fmt(f)
    }
}
