//! The application's handle to a connection.

use std::{
    borrow::Cow,
    fmt,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use crate::{
    Role, Stream,
    driver::{self, Ended, Shared},
    error::{CloseReason, Error},
    frame::{MAX_CONTROL, may_be_sent},
    heartbeat::Traffic,
    message::Message,
    options::Options,
};

/// An open WebSocket: a cheap handle, usable from several tasks at once.
///
/// Every call that waits on it returns with the reason when the connection ends. Dropping the last
/// handle closes the connection in the background with code 1000; to wait for that or to give a
/// reason, call [`close`](Self::close).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), selvedge_websocket::Error> {
/// use selvedge_websocket::{Connection, Message, Options, Role};
///
/// let (here, there) = tokio::io::duplex(4096);
/// let server = Connection::over(there, Role::Server, Options::new());
/// let client = Connection::over(here, Role::Client, Options::new());
/// client.send("hello").await?;
/// assert_eq!(server.receive().await?, Message::from("hello"));
/// let reason = client.close(1000, "done").await?;
/// assert_eq!((reason.code, reason.name()), (1000, "NORMAL_CLOSURE"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Connection {
    handle: Arc<Handle>,
}

struct Handle {
    shared: Arc<Shared>,
    about: About,
    id: u64,
}

/// What the opening handshake says about a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    pub(crate) local: Option<SocketAddr>,
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) path: String,
    pub(crate) subprotocol: Option<String>,
    pub(crate) headers: HeaderMap,
}

impl Connection {
    /// Runs a WebSocket over a stream whose opening handshake is done, or that needs none: a pipe,
    /// a Unix socket, a tunnel.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn over(stream: impl Stream, role: Role, options: Options) -> Self {
        let about = About::default();
        let options = options.compression(false);
        Self::start(stream, BytesMut::new(), role, options, Traffic::new(None), about)
    }

    /// Starts the task of a connection. `ahead` contains bytes that were already read from the
    /// stream.
    pub(crate) fn start(
        stream: impl Stream,
        ahead: BytesMut,
        role: Role,
        options: Options,
        traffic: Arc<Traffic>,
        about: About,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let shared = Arc::new(Shared::new(role, options));
        tokio::spawn(driver::drive(stream, ahead, traffic, Arc::clone(&shared)));
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Connection { handle: Arc::new(Handle { shared, about, id }) }
    }

    /// Sends text or bytes as one message.
    ///
    /// Returns when the message is queued. Waits while more than [`Options::send_buffer`] bytes are
    /// queued, so that a peer that does not read slows its sender down. Messages of several tasks
    /// are not mixed, and waiting senders are served in order.
    ///
    /// # Errors
    /// [`Error::ConnectionClosed`] as soon as either side has begun to close.
    ///
    /// # Cancellation
    /// If the future is dropped before it is done, the message is not sent.
    pub async fn send(&self, message: impl Into<Message>) -> Result<(), Error> {
        let sent = self.shared().outbox.send(message.into()).await;
        sent.map_err(|_| self.closed_error())
    }

    /// Waits for the next message. Each message is received once, in order, even if several tasks
    /// wait.
    ///
    /// If the peer has closed, messages that arrived before are delivered first; if this side has
    /// closed, they are dropped.
    ///
    /// # Errors
    /// - [`Error::ConnectionClosed`] if no more messages will come
    /// - [`Error::MessageTooBig`] if that is because the peer sent a message that is too
    ///   large
    ///
    /// # Cancellation
    /// If the future is dropped before it is done, no message is lost.
    pub async fn receive(&self) -> Result<Message, Error> {
        match self.shared().inbox.next().await {
            Some(message) => Ok(message),
            None if self.shared().watch().borrow().too_big => {
                Err(Error::MessageTooBig { limit: self.shared().options.max_message_size })
            }
            None => Err(self.closed_error()),
        }
    }

    /// Waits for the next message, which must be text.
    ///
    /// # Errors
    /// Those of [`receive`](Self::receive), and [`Error::WrongKind`] for bytes, which are
    /// then lost.
    pub async fn receive_text(&self) -> Result<String, Error> {
        self.receive().await?.into_text()
    }

    /// Waits for the next message, which must be bytes.
    ///
    /// # Errors
    /// Those of [`receive`](Self::receive), and [`Error::WrongKind`] for text, which is
    /// then lost.
    pub async fn receive_bytes(&self) -> Result<Bytes, Error> {
        self.receive().await?.into_bytes()
    }

    /// Sends a ping with four random bytes and waits for its pong.
    ///
    /// # Errors
    /// Those of [`ping_with`](Self::ping_with).
    pub async fn ping(&self) -> Result<(), Error> {
        loop {
            let payload = getrandom::u32().map_err(|error| {
                let reason = CloseReason::abnormal(format!(
                    "the system could not provide random numbers: {error}"
                ));
                Error::ConnectionClosed(reason)
            })?;
            match self.ping_with(payload.to_be_bytes().to_vec()).await {
                Err(Error::PingInFlight) => {}
                result => return result,
            }
        }
    }

    /// Sends a ping with this payload and waits for its pong. The pong of a later ping also counts:
    /// peers may answer only the last one (RFC 6455, section 5.5.3).
    ///
    /// # Errors
    /// - [`Error::ConnectionClosed`] if the connection is closed, or ends before a pong
    ///   arrives
    /// - [`Error::PingInFlight`] if a ping with the same payload is waiting for its pong
    /// - [`Error::PayloadTooBig`] for more than 125 bytes
    pub async fn ping_with(&self, payload: impl Into<Bytes>) -> Result<(), Error> {
        let payload = payload.into();
        check_control(&payload)?;
        let shared = self.shared();
        let pong = shared.pings.add(payload.clone()).ok_or(Error::PingInFlight)?;
        let sent = shared.outbox.ping(payload).await;
        sent.map_err(|_| self.closed_error())?;
        pong.await.map_err(|_| self.closed_error())
    }

    /// Sends an unsolicited pong, a one-way heartbeat. Pings are answered without this.
    ///
    /// # Errors
    /// [`Error::ConnectionClosed`], and [`Error::PayloadTooBig`] for more than
    /// 125 bytes.
    pub async fn pong(&self, payload: impl Into<Bytes>) -> Result<(), Error> {
        let payload = payload.into();
        check_control(&payload)?;
        let sent = self.shared().outbox.pong(payload).await;
        sent.map_err(|_| self.closed_error())
    }

    /// Closes the connection and waits until it has ended: sends what is queued, then a close frame
    /// with this code and text, and waits for the peer's close frame. Messages that were not
    /// received are dropped.
    ///
    /// It can be called any number of times: the first call decides the code, and all calls return
    /// the outcome, which is the code and text of the peer's answer.
    ///
    /// # Errors
    /// [`Error::DisconnectTimeout`] if the peer does not end the connection within
    /// [`Options::disconnect_timeout`].
    ///
    /// # Cancellation
    /// If the future is dropped, closing continues in the background.
    ///
    /// # Panics
    /// If the code may not be sent; 1000 to 1003, 1007 to 1014 and 3000 to 4999 may (RFC 6455,
    /// section 7.4). A text of more than 123 bytes is cut.
    #[track_caller]
    pub fn close<R: Into<Cow<'static, str>>>(
        &self,
        code: u16,
        reason: R,
    ) -> impl Future<Output = Result<CloseReason, Error>> + Send + use<R> {
        self.close_within(code, reason, self.shared().options.disconnect_timeout)
    }

    /// Closes like [`close`](Self::close), with a separate time-out. The time-out applies only if
    /// closing has not begun before.
    #[track_caller]
    pub fn close_within<R: Into<Cow<'static, str>>>(
        &self,
        code: u16,
        reason: R,
        timeout: Option<Duration>,
    ) -> impl Future<Output = Result<CloseReason, Error>> + Send + use<R> {
        assert!(may_be_sent(code), "{code} is not a code that a close frame may carry");
        // Closes now and not at the first await: a send that starts after this call fails.
        self.shared().close(CloseReason::new(code, reason), timeout);
        let mut progress = self.shared().watch();
        async move {
            let ended = progress.wait_for(|progress| progress.ended.is_some()).await;
            let progress = ended.map(|progress| progress.clone()).unwrap_or_default();
            match progress.ended {
                Some(Ended::TimedOut) => {
                    Err(Error::DisconnectTimeout { waited: timeout.unwrap_or_default() })
                }
                _ => Ok(progress.reason.unwrap_or_else(|| CloseReason::abnormal(""))),
            }
        }
    }

    /// Returns why the connection is closed, or `None` while it is open. Set as soon as one side
    /// begins to close.
    pub fn closed(&self) -> Option<CloseReason> {
        self.shared().watch().borrow().reason.clone()
    }

    /// Waits until the connection has ended, on either side, and returns the reason.
    pub fn ended(&self) -> impl Future<Output = CloseReason> + Send + use<> {
        let mut progress = self.shared().watch();
        async move {
            let ended = progress.wait_for(|progress| progress.ended.is_some()).await;
            let reason = ended.ok().and_then(|progress| progress.reason.clone());
            reason.unwrap_or_else(|| CloseReason::abnormal(""))
        }
    }

    /// Which end of the connection this is.
    pub fn role(&self) -> Role {
        self.shared().role
    }

    /// The address of this end, if there is one.
    pub fn local(&self) -> Option<SocketAddr> {
        self.handle.about.local
    }

    /// The address of the peer, if there is one.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.handle.about.remote
    }

    /// The path and query with which the connection was opened.
    pub fn path(&self) -> &str {
        &self.handle.about.path
    }

    /// The subprotocol that both sides agreed on.
    pub fn subprotocol(&self) -> Option<&str> {
        self.handle.about.subprotocol.as_deref()
    }

    /// The peer's headers in the opening handshake.
    pub fn headers(&self) -> &HeaderMap {
        &self.handle.about.headers
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    fn closed_error(&self) -> Error {
        let reason = self.closed();
        Error::ConnectionClosed(reason.unwrap_or_else(|| CloseReason::abnormal("")))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let timeout = self.shared.options.disconnect_timeout;
        self.shared.close(CloseReason::new(1000, ""), timeout);
    }
}

/// Formats the role and a number that is unique in the process: `server 7`.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = match self.role() {
            Role::Client => "client",
            Role::Server => "server",
        };
        write!(f, "{role} {}", self.handle.id)
    }
}

fn check_control(payload: &Bytes) -> Result<(), Error> {
    match payload.len() {
        0..=MAX_CONTROL => Ok(()),
        size => Err(Error::PayloadTooBig(size)),
    }
}
