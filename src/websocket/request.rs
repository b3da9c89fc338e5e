//! A client's request for a connection, before the application has decided.

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::oneshot;

use super::{Connection, Options, Role, Stream, connection::About};
use crate::error::{CloseReason, Rejection, WebSocketError};

/// A client's request for a connection. [`accept`](Self::accept) turns it into a [`Connection`],
/// [`reject`](Self::reject) answers with a status.
///
/// ```
/// use selvedge::{Failure, Server, websocket::Request};
///
/// async fn chat(request: Request) -> Result<(), Failure> {
///     let token = request.query().and_then(|query| query.strip_prefix("token="));
///     if !token.is_some_and(|token| request.verify_secret(token)) {
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
    opening: Opening,
    subprotocol: Option<String>,
    headers: HeaderMap,
    decide: oneshot::Sender<Decision>,
    accepted: Accepted,
}

/// Checks whether a text is the secret of the server.
pub(crate) type Verify = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// The opening handshake as it was received.
pub(crate) struct Opening {
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) subprotocols: Vec<String>,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) verify: Verify,
    pub(crate) options: Options,
}

/// The connection that a handler has accepted, for the code that runs the handler.
pub(crate) type Accepted = Arc<OnceLock<Connection>>;

/// The application's decision.
pub(crate) enum Decision {
    Accept {
        subprotocol: Option<String>,
        headers: HeaderMap,
        /// Receives the stream once the answer is on its way.
        stream: oneshot::Sender<Box<dyn Stream>>,
    },
    Reject(Rejection),
}

impl Request {
    /// Creates a request, and returns the ends that get its decision and its connection.
    pub(crate) fn new(opening: Opening) -> (Self, oneshot::Receiver<Decision>, Accepted) {
        let (decide, decision) = oneshot::channel();
        let accepted = Accepted::default();
        let request = Request {
            opening,
            subprotocol: None,
            headers: HeaderMap::new(),
            decide,
            accepted: Arc::clone(&accepted),
        };
        (request, decision, accepted)
    }

    /// The path, as the client sent it.
    pub fn path(&self) -> &str {
        &self.opening.path
    }

    /// The query after the question mark, if there is one.
    pub fn query(&self) -> Option<&str> {
        self.opening.query.as_deref()
    }

    /// The headers that the client sent.
    pub fn headers(&self) -> &HeaderMap {
        &self.opening.headers
    }

    /// The subprotocols that the client proposes, in order of preference.
    pub fn subprotocols(&self) -> &[String] {
        &self.opening.subprotocols
    }

    /// The address that the client connected to.
    pub fn local(&self) -> Option<SocketAddr> {
        self.opening.local
    }

    /// The address of the client.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.opening.remote
    }

    /// Whether this is the secret of the server, which its pages and its wslink clients have.
    /// Compared in constant time. The handler decides where the request carries it, in a header or
    /// in the query; web pages cannot set headers.
    pub fn verify_secret(&self, secret: &str) -> bool {
        (self.opening.verify)(secret)
    }

    /// Chooses one of the subprotocols that the client proposes.
    ///
    /// # Errors
    /// [`WebSocketError::NotProposed`].
    pub fn subprotocol(mut self, name: &str) -> Result<Self, WebSocketError> {
        if !self.opening.subprotocols.iter().any(|known| known == name) {
            return Err(WebSocketError::NotProposed(name.to_owned()));
        }
        self.subprotocol = Some(name.to_owned());
        Ok(self)
    }

    /// Adds a header to the answer. The headers of the handshake cannot be replaced.
    ///
    /// # Errors
    /// [`WebSocketError::InvalidHeader`].
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, WebSocketError> {
        let (name, value) = check_header(name, value)?;
        self.headers.append(name, value);
        Ok(self)
    }

    /// Sets the limits and time-outs of the connection. The default is that of [`Options`], with
    /// the server's heartbeat.
    pub fn options(mut self, options: Options) -> Self {
        self.opening.options = options;
        self
    }

    /// Opens the connection.
    ///
    /// # Errors
    /// [`WebSocketError::ConnectionClosed`] if the client has disconnected.
    pub async fn accept(self) -> Result<Connection, WebSocketError> {
        let gone = || {
            let reason = CloseReason::abnormal("the client went away before it was accepted");
            WebSocketError::ConnectionClosed(reason)
        };
        let (sender, stream) = oneshot::channel();
        let decision = Decision::Accept {
            subprotocol: self.subprotocol.clone(),
            headers: self.headers,
            stream: sender,
        };
        self.decide.send(decision).map_err(|_| gone())?;
        let stream = stream.await.map_err(|_| gone())?;
        let Opening { mut path, query, headers, local, remote, options, .. } = self.opening;
        if let Some(query) = query {
            path = format!("{path}?{query}");
        }
        let about = About { local, remote, path, subprotocol: self.subprotocol, headers };
        let connection = Connection::start(stream, BytesMut::new(), Role::Server, options, about);
        Ok(self.accepted.get_or_init(|| connection).clone())
    }

    /// Answers with a status, the headers that were added, and a body.
    ///
    /// # Panics
    /// If the status is not that of a final answer with a body: 200 to 999, except 204, 205 and
    /// 304.
    #[track_caller]
    pub fn reject(self, status: u16, body: impl Into<Bytes>) {
        assert!(
            (200..1000).contains(&status) && ![204, 205, 304].contains(&status),
            "{status} is not a status that rejects a request"
        );
        let rejection = Rejection::new(status, self.headers, body.into());
        // A client that has disconnected needs no answer.
        let _ = self.decide.send(Decision::Reject(rejection));
    }
}

/// Formats only the path and the client: headers and query may contain secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("path", &self.opening.path)
            .field("remote", &self.opening.remote)
            .finish_non_exhaustive()
    }
}

/// Checks that HTTP allows a header.
pub(crate) fn check_header(
    name: &str,
    value: &str,
) -> Result<(HeaderName, HeaderValue), WebSocketError> {
    let invalid = |reason| WebSocketError::InvalidHeader { name: name.to_owned(), reason };
    let checked = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| invalid("it is no name of a header"))?;
    let value = HeaderValue::from_str(value)
        .map_err(|_| invalid("its value has characters that are not allowed in headers"))?;
    Ok((checked, value))
}

/// Whether this is a token that may appear in a list, such as a subprotocol (RFC 6455, section
/// 4.1).
pub(crate) fn is_token(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte))
}
