//! The server's end of the opening handshake: a client's request, and the decision about it.

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use tokio::sync::oneshot;

use crate::{
    Role, Stream,
    connection::{About, Connection},
    error::{CloseReason, Error},
    handshake::{Handshake, Refusal},
    heartbeat::{Traffic, Unacknowledged},
    options::Options,
};

/// A client's request for a connection. [`accept`](Self::accept) turns it into a [`Connection`],
/// [`reject`](Self::reject) answers with a status.
///
/// [`accept`](crate::accept) reads a request from a stream. An HTTP server makes one
/// [from its own](Request::new).
pub struct Request {
    path: String,
    query: Option<String>,
    headers: HeaderMap,
    handshake: Handshake,
    local: Option<SocketAddr>,
    remote: Option<SocketAddr>,
    options: Options,
    unacknowledged: Option<Unacknowledged>,
    subprotocol: Option<String>,
    answer_headers: HeaderMap,
    decide: oneshot::Sender<Decision>,
    accepted: Accepted,
}

impl Request {
    /// Checks the opening handshake in a request that an HTTP server has received. Returns the
    /// request for the code that decides, and the pending decision for the HTTP server.
    ///
    /// # Errors
    /// A [`Refusal`], which the HTTP server answers with.
    pub fn new<B>(request: &http::Request<B>) -> Result<(Self, Pending), Refusal> {
        let handshake = Handshake::check(request)?;
        let (decide, decision) = oneshot::channel();
        let accepted = Accepted::default();
        let pending = Pending { decision, accepted: accepted.clone() };
        let request = Request {
            path: request.uri().path().to_owned(),
            query: request.uri().query().map(str::to_owned),
            headers: request.headers().clone(),
            handshake,
            local: None,
            remote: None,
            options: Options::new(),
            unacknowledged: None,
            subprotocol: None,
            answer_headers: HeaderMap::new(),
            decide,
            accepted,
        };
        Ok((request, pending))
    }

    /// Sets the addresses of both ends.
    #[must_use]
    pub fn addresses(mut self, local: Option<SocketAddr>, remote: Option<SocketAddr>) -> Self {
        (self.local, self.remote) = (local, remote);
        self
    }

    /// The path, as the client sent it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query after the question mark, if there is one.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// The headers that the client sent.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The subprotocols that the client proposes, in order of preference.
    pub fn subprotocols(&self) -> &[String] {
        self.handshake.subprotocols()
    }

    /// The address that the client connected to.
    pub fn local(&self) -> Option<SocketAddr> {
        self.local
    }

    /// The address of the client.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.remote
    }

    /// Chooses one of the subprotocols that the client proposes.
    ///
    /// # Errors
    /// [`Error::NotProposed`].
    pub fn subprotocol(mut self, name: &str) -> Result<Self, Error> {
        if !self.subprotocols().iter().any(|known| known == name) {
            return Err(Error::NotProposed(name.to_owned()));
        }
        self.subprotocol = Some(name.to_owned());
        Ok(self)
    }

    /// Adds a header to the answer. The headers of the handshake cannot be replaced.
    ///
    /// # Errors
    /// [`Error::InvalidHeader`].
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, Error> {
        let (name, value) = check_header(name, value)?;
        self.answer_headers.append(name, value);
        Ok(self)
    }

    /// Sets the limits and time-outs of the connection.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Says how to find out how many bytes were written but not acknowledged by the client's
    /// kernel. The heartbeat then knows that a client is alive which reads the last part of a large
    /// message slowly.
    #[must_use]
    pub fn unacknowledged(mut self, count: impl Fn() -> usize + Send + Sync + 'static) -> Self {
        self.unacknowledged = Some(Arc::new(count));
        self
    }

    /// Sends the answer and opens the connection.
    ///
    /// # Errors
    /// [`Error::ConnectionClosed`] if the client has disconnected, or does not read the answer in
    /// time.
    ///
    /// # Cancellation
    /// The client may have been told that it is accepted. Its connection is then dropped.
    pub async fn accept(mut self) -> Result<Connection, Error> {
        let gone = || {
            let reason = CloseReason::abnormal("the client disconnected before it was accepted");
            Error::ConnectionClosed(reason)
        };
        self.options.compression =
            Some(self.options.compresses() && self.handshake.accept_compression());
        let (upgrade, upgraded) = oneshot::channel();
        let response = self.handshake.response(self.subprotocol.as_deref(), self.answer_headers);
        let decision = Decision::Accept(response, Upgrade(upgrade));
        self.decide.send(decision).map_err(|_| gone())?;
        let Upgraded { stream, ahead } = upgraded.await.map_err(|_| gone())?;
        let path = match self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path,
        };
        let about = About {
            local: self.local,
            remote: self.remote,
            path,
            subprotocol: self.subprotocol,
            headers: self.headers,
        };
        let traffic = Traffic::new(self.unacknowledged);
        let connection =
            Connection::start(stream, ahead, Role::Server, self.options, traffic, about);
        Ok(self.accepted.0.get_or_init(|| connection).clone())
    }

    /// Answers with a status, the headers that were added, and a body.
    ///
    /// # Panics
    /// If the status is not that of a final answer with a body: 200 to 999, except 204, 205 and
    /// 304.
    #[track_caller]
    pub fn reject(self, status: u16, body: impl Into<Bytes>) {
        let has_body = status >= 200 && ![204, 205, 304].contains(&status);
        let code = StatusCode::from_u16(status).ok().filter(|_| has_body);
        let Some(code) = code else {
            panic!("{status} is not a status that rejects a request");
        };
        let mut response = Response::new(body.into());
        *response.status_mut() = code;
        *response.headers_mut() = self.answer_headers;
        // A client that has disconnected needs no answer.
        let _ = self.decide.send(Decision::Reject(response));
    }
}

/// Formats only the path and the client: headers and query may contain secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("path", &self.path)
            .field("remote", &self.remote)
            .finish_non_exhaustive()
    }
}

/// The decision about a [`Request`], for the HTTP server that received it.
#[derive(Debug)]
pub struct Pending {
    decision: oneshot::Receiver<Decision>,
    accepted: Accepted,
}

impl Pending {
    /// Waits for the decision; `None` if the request was dropped without one.
    ///
    /// # Cancellation
    /// Dropping the future means that the client has disconnected: [`Request::accept`] fails.
    pub async fn decision(self) -> Option<Decision> {
        self.decision.await.ok()
    }

    /// Returns the place of the connection, which is filled when the request is accepted.
    pub fn accepted(&self) -> Accepted {
        self.accepted.clone()
    }
}

/// The connection of a request, once it is accepted.
///
/// It holds a handle to the connection, which therefore stays open until this is dropped, too.
#[derive(Clone, Debug, Default)]
pub struct Accepted(Arc<OnceLock<Connection>>);

impl Accepted {
    /// Returns the connection; `None` if the request is not accepted.
    pub fn connection(&self) -> Option<&Connection> {
        self.0.get()
    }
}

/// The decision about a [`Request`].
#[derive(Debug)]
pub enum Decision {
    /// The HTTP server answers with this response, and then completes the upgrade.
    Accept(Response<()>, Upgrade),
    /// The HTTP server answers with this response.
    Reject(Response<Bytes>),
}

/// An upgrade that waits for its stream. Dropping it fails [`Request::accept`].
#[derive(Debug)]
pub struct Upgrade(oneshot::Sender<Upgraded>);

struct Upgraded {
    stream: Box<dyn Stream>,
    /// Bytes that were already read from the stream.
    ahead: BytesMut,
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgraded").finish_non_exhaustive()
    }
}

impl Upgrade {
    /// Passes the stream on, after the response was sent. `ahead` contains bytes that were already
    /// read from it.
    pub fn complete(self, stream: impl Stream, ahead: BytesMut) {
        // The code that accepted may have given up by now.
        let _ = self.0.send(Upgraded { stream: Box::new(stream), ahead });
    }
}

/// Checks that HTTP allows a header.
pub(crate) fn check_header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Error> {
    let invalid = |reason| Error::InvalidHeader { name: name.to_owned(), reason };
    let checked = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| invalid("it is not a valid header name"))?;
    let value = HeaderValue::from_str(value)
        .map_err(|_| invalid("its value has characters that are not allowed in headers"))?;
    Ok((checked, value))
}
