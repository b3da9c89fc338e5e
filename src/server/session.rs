//! One connection, from its first frame to its last: who is it, and what does it want.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde::Serialize;

use super::{Server, call_queue::CallQueue, dispatch};
use crate::{
    Error, Result,
    controller::Lifecycle,
    session::{Client, Closing, Kind},
    wire::{
        Packed,
        chunk::Assembler,
        message::{self, ErrorCode, Incoming, Request},
    },
};

/// Bytes of a message from a client that has not said who it is.
const MAX_MESSAGE_BEFORE_HELLO: usize = 4096;

/// Wrong secrets that a connection may try.
const MAX_WRONG_HELLOS: u32 = 3;

/// Messages before the hello that are refused with an answer.
const MAX_REFUSALS: u32 = 16;

/// How long a peer may take to say hello.
pub(crate) const HELLO_TIMEOUT: Duration = Duration::from_secs(5);

/// For a peer that has not said hello in time.
pub(crate) const NO_HELLO: Closing = Closing { code: 1008, reason: "No hello" };

/// For a peer that was refused too often: it does not know the secret.
pub(crate) const LOCKED_OUT: Closing = Closing { code: 1008, reason: "Too many refused messages" };

/// For a peer whose frame or message is larger than it may be.
pub(crate) const TOO_LARGE: Closing = Closing { code: 1009, reason: "Message too large" };

/// For a peer that breaks the protocol.
pub(crate) const PROTOCOL_ERROR: Closing = Closing { code: 1002, reason: "Protocol error" };

/// How a connection ends whose peer has caused this error.
pub(crate) fn closing_after(error: &Error) -> Closing {
    match error {
        Error::MessageTooLarge { .. } => TOO_LARGE,
        _ => PROTOCOL_ERROR,
    }
}

/// Says who has a secret; nobody, if it is a wrong one.
pub(crate) type Verify = Arc<dyn Fn(&str) -> Option<Kind> + Send + Sync>;

/// A connection's side of the protocol. Dropping it takes the client out of the server.
pub(crate) struct Session {
    server: Server,
    client: Arc<Client>,
    assembler: Assembler,
    verify: Verify,
    /// Its calls, once it has said who it is.
    calls: Option<CallQueue>,
    wrong_hellos: u32,
    /// Messages that were refused before the hello.
    refusals: u32,
    limits: Limits,
}

/// What one client may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of a message from it.
    pub(crate) message: usize,
    /// Bytes that are kept for it while it does not read.
    pub(crate) outbox: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { message: 1 << 30, outbox: 64 << 20 }
    }
}

impl Session {
    /// A session with a peer that still has to say who it is.
    ///
    /// # Errors
    /// When the system has no random numbers to name the client.
    pub(crate) fn new(server: &Server, verify: Verify, limits: Limits) -> Result<Self> {
        Ok(Session {
            server: server.clone(),
            client: Arc::new(Client::new(limits.outbox)?),
            assembler: Assembler::new(MAX_MESSAGE_BEFORE_HELLO),
            verify,
            calls: None,
            wrong_hellos: 0,
            refusals: 0,
            limits,
        })
    }

    /// The peer's outbox, which somebody has to empty.
    pub(crate) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Whether the peer has given the secret.
    pub(crate) fn is_authenticated(&self) -> bool {
        self.calls.is_some()
    }

    /// Whether the peer was refused so often that the connection has to end.
    pub(crate) fn is_locked_out(&self) -> bool {
        !self.is_authenticated()
            && (self.wrong_hellos >= MAX_WRONG_HELLOS || self.refusals >= MAX_REFUSALS)
    }

    /// Whether another message may be read. Otherwise [`room`](Self::room) waits for it.
    pub(crate) fn has_room(&self) -> bool {
        self.client.outbox.has_room() && self.calls.as_ref().is_none_or(CallQueue::has_room)
    }

    /// Waits until the calls before were made, and their answers were taken, to a point where another message may be read.
    pub(crate) async fn room(&self) {
        self.client.outbox.room().await;
        if let Some(calls) = &self.calls {
            calls.room().await;
        }
    }

    /// Takes one binary WebSocket message. Calls of the application's functions are queued and made beside the connection.
    ///
    /// # Errors
    /// [`Error::Protocol`] when the peer breaks the protocol, [`Error::MessageTooLarge`] when its message is; the connection has
    /// to end then, see [`closing_after`].
    pub(crate) fn receive(&mut self, frame: Bytes) -> Result<()> {
        let Some(message) = self.assembler.accept(frame)? else {
            return Ok(());
        };
        let bytes = message.len();
        match Incoming::parse(message)? {
            Incoming::Request(request) => self.call(request, bytes),
            Incoming::Invalid { id } => {
                self.refuse(&id, ErrorCode::Invalid, "A request without a method");
            }
            Incoming::Ignored => {}
        }
        Ok(())
    }

    fn call(&mut self, request: Request, bytes: usize) {
        let is_system = request.id.decode::<String>().is_ok_and(|id| id.starts_with("system:"));
        if request.method == "wslink.hello" {
            self.hello(&request);
        } else if is_system {
            self.refuse(&request.id, ErrorCode::Unknown, "Unknown system method called");
        } else if let Some(calls) = &self.calls {
            if dispatch::runs_no_callback(&request.method) && calls.is_idle() {
                self.server.dispatch(&self.client, request);
            } else {
                calls.push(request, bytes, self.server.hub().unanswered_call());
            }
        } else {
            let text = "Unauthorized: Skip message processing";
            self.refuse(&request.id, ErrorCode::Unauthorized, text);
        }
    }

    fn hello(&mut self, request: &Request) {
        #[derive(serde::Deserialize)]
        struct Hello {
            secret: String,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Welcome {
            #[serde(rename = "clientID")]
            client_id: String,
            max_msg_size: usize,
        }
        let hello = request.args.first().and_then(|argument| argument.decode::<Hello>().ok());
        let secret = hello.map(|hello| hello.secret).unwrap_or_default();
        let Some(kind) = (self.verify)(&secret) else {
            self.wrong_hellos += 1;
            self.refuse(&request.id, ErrorCode::Unauthorized, "Authentication failed");
            return;
        };
        self.client.set_kind(kind);
        let hub = self.server.hub();
        let welcome =
            Welcome { client_id: self.client.id.to_string(), max_msg_size: hub.max_frame() };
        if let Ok(welcome) = Packed::encode(&welcome) {
            self.client.outbox.answer(message::reply(&request.id, &welcome, hub.max_frame()));
        }
        if !self.is_authenticated() {
            self.join();
        }
    }

    fn join(&mut self) {
        self.assembler.set_max_message(self.limits.message);
        self.server.hub().join(&self.client);
        let calls = CallQueue::start(&self.server, &self.client);
        calls.push_event(Lifecycle::ConnectionOpened);
        self.calls = Some(calls);
    }

    fn refuse(&mut self, id: &Packed, code: ErrorCode, text: &str) {
        self.refusals += u32::from(!self.is_authenticated());
        let max_frame = self.server.hub().max_frame();
        self.client.outbox.answer(message::error(id, code, text, None, max_frame));
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.client.gone.cancel();
        if let Some(calls) = &self.calls {
            self.server.hub().leave(self.client.id);
            calls.push_event(Lifecycle::ConnectionClosed);
        }
    }
}
