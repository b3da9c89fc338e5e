//! Clients without a socket: the program that runs the server carries their messages.
//!
//! What must hold: such a client follows the same protocol as one behind a WebSocket, including the
//! hello and the secret, gets the same close code when the server stops, and does not outlive the
//! run.

use std::{collections::VecDeque, fmt, sync::Arc};

use bytes::Bytes;
use selvedge_wslink::chunk::Frame;
use tokio_util::{
    sync::CancellationToken,
    task::task_tracker::{TaskTracker, TaskTrackerToken},
};

use crate::{
    Error, Result, Server,
    http::Access,
    protocol::{
        Client, CloseFrame, Limits, Next, Session, TOO_SLOW,
        session::{HELLO_TIMEOUT, LOCKED_OUT, NO_HELLO, VerifySecret, closing_after},
    },
};

/// How clients are told that the program stops.
pub(super) const SHUTDOWN: CloseFrame = CloseFrame { code: 1001, reason: "Server shutdown" };

/// Creates the clients of one run.
#[derive(Clone)]
pub(super) struct Frames {
    pub(super) server: Server,
    pub(super) access: Arc<Access>,
    /// Fires when the run begins to close its clients.
    pub(super) closing: CancellationToken,
    /// Fires when the run has ended.
    pub(super) ended: CancellationToken,
    /// Counts the clients that have not yet taken their close code.
    pub(super) clients: TaskTracker,
}

impl Frames {
    /// Connects a client that has to know the secret.
    pub(super) fn connect(&self) -> Result<(FrameSink, FrameStream)> {
        let access = Arc::clone(&self.access);
        self.admit(Arc::new(move |given: &str| access.greet(given)))
    }

    /// Connects a client that needs no secret.
    #[cfg(feature = "testing")]
    pub(super) fn connect_as(
        &self,
        bearer: crate::protocol::Bearer,
    ) -> Result<(FrameSink, FrameStream)> {
        self.admit(Arc::new(move |_: &str| Some(bearer.clone())))
    }

    fn admit(&self, verify: VerifySecret) -> Result<(FrameSink, FrameStream)> {
        if self.closing.is_cancelled() {
            return Err(Error::NotRunning);
        }
        let session = Session::new(&self.server, verify, Limits::default())?;
        let client = Arc::clone(session.client());
        let open = self.ended.child_token();
        let greeted = CancellationToken::new();
        self.server.hub().spawn_service(expect_hello(
            Arc::clone(&client),
            greeted.clone(),
            open.clone(),
        ));
        let stream = FrameStream {
            server: self.server.clone(),
            client,
            open: open.clone(),
            closing: self.closing.clone(),
            frames: VecDeque::new(),
            told: false,
            end: None,
            token: Some(self.clients.token()),
        };
        Ok((FrameSink { session, greeted, open }, stream))
    }
}

/// Closes a client that does not say hello in time.
async fn expect_hello(client: Arc<Client>, greeted: CancellationToken, open: CancellationToken) {
    tokio::select! {
        () = greeted.cancelled() => {}
        () = open.cancelled() => {}
        () = tokio::time::sleep(HELLO_TIMEOUT) => {
            client.outbox.close(NO_HELLO);
            open.cancel();
        }
    }
}

/// The direction from a client to the server, see [`Running::connect`](crate::Running::connect).
///
/// Dropping it ends the client: the server forgets it, and its [`FrameStream`] ends with close code
/// 1000.
pub struct FrameSink {
    session: Session,
    /// Fires when the client has sent the secret.
    greeted: CancellationToken,
    open: CancellationToken,
}

impl fmt::Debug for FrameSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameSink").finish_non_exhaustive()
    }
}

impl FrameSink {
    /// Sends a chunk to the server, as a binary WebSocket message would carry it: a wslink 2 header
    /// of 12 bytes and a part of a message. The application functions that it calls run
    /// concurrently with the caller.
    ///
    /// Waits while the server has too many unfinished calls of this client, or while the client
    /// does not take earlier answers from its [`FrameStream`].
    ///
    /// A client that has not said hello within 5 s, or that was refused too often before the hello
    /// (three wrong secrets, 16 other messages), is closed with 1008.
    ///
    /// # Cancellation
    /// If the future is dropped, the chunk is not taken.
    ///
    /// # Errors
    /// [`values::Error::Protocol`](crate::values::Error::Protocol) if the chunk breaks the
    /// protocol, and [`values::Error::MessageTooLarge`](crate::values::Error::MessageTooLarge);
    /// both close the client. [`Error::NotRunning`] if the client or the run has ended.
    pub async fn send(&mut self, frame: impl Into<Bytes>) -> Result<()> {
        if self.open.run_until_cancelled(self.session.room()).await.is_none() {
            return Err(Error::NotRunning);
        }
        let received = self.session.receive(frame.into());
        if self.session.is_authenticated() {
            self.greeted.cancel();
        }
        let closing = match &received {
            Err(error) => Some(closing_after(error)),
            Ok(()) => self.session.is_locked_out().then_some(LOCKED_OUT),
        };
        if let Some(closing) = closing {
            self.session.client().outbox.close(closing);
            self.open.cancel();
        }
        received
    }
}

impl Drop for FrameSink {
    fn drop(&mut self) {
        self.session.client().outbox.close(CloseFrame { code: 1000, reason: "" });
    }
}

/// The direction from the server to a client, see [`Running::connect`](crate::Running::connect).
///
/// The queue for the client is bounded, as it is behind a WebSocket: if the client is slow, its
/// state changes are folded, and finally it is closed with 1013. Dropping this ends the client.
pub struct FrameStream {
    server: Server,
    client: Arc<Client>,
    open: CancellationToken,
    closing: CancellationToken,
    frames: VecDeque<Frame>,
    /// Whether the outbox was closed because the run ends.
    told: bool,
    end: Option<CloseFrame>,
    token: Option<TaskTrackerToken>,
}

impl fmt::Debug for FrameStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameStream").field("server", &self.server).finish_non_exhaustive()
    }
}

impl FrameStream {
    /// Waits for the next chunk to the client, to be sent as a binary message; `None` when the
    /// connection is to be closed, see [`close_code`](Self::close_code).
    ///
    /// # Cancellation
    /// If the future is dropped, no chunk is lost.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return Some(frame.to_bytes());
            }
            if self.end.is_some() {
                return None;
            }
            self.take_turn().await;
        }
    }

    /// Returns the close code (RFC 6455, section 7.4) and the reason to close the connection with,
    /// once there are no more chunks.
    pub fn close_code(&self) -> Option<(u16, &'static str)> {
        self.end.map(|end| (end.code, end.reason))
    }

    async fn take_turn(&mut self) {
        let mut batch = Vec::new();
        let next = tokio::select! {
            next = self.client.outbox.next(&mut batch) => next,
            () = self.closing.cancelled(), if !self.told => {
                self.told = true;
                return self.client.outbox.close(SHUTDOWN);
            }
        };
        match next {
            Next::Send => {
                self.client.count_sent(&batch);
                self.frames.extend(batch);
            }
            Next::CatchUp(keys) => {
                let server = &self.server;
                let state = server.state();
                server.hub().catch_up(state, &self.client, &keys);
            }
            Next::Close(closing) => {
                if closing == TOO_SLOW {
                    self.client.metrics().inspect(|metrics| metrics.client_given_up());
                    tracing::warn!(client = ?self.client.id, "a client is too slow and was disconnected");
                }
                self.end = Some(closing);
                self.leave();
            }
        }
    }

    fn leave(&mut self) {
        self.open.cancel();
        self.server.hub().leave(self.client.id);
        self.token = None;
    }
}

impl Drop for FrameStream {
    fn drop(&mut self) {
        self.leave();
    }
}
