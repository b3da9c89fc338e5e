//! One connection, from its first message to its last: authentication and calls.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use selvedge_wslink::{
    Packed,
    chunk::Assembler,
    messages::server::{self as messages, Incoming, Request},
    words::{ErrorCode, method},
};
use serde::Serialize;

use super::{Bearer, Client, CloseFrame, call_queue::CallQueue, dispatch};
use crate::{Error, Result, app::Server, calls::registry::Lifecycle};

/// Maximum size in bytes of a message before the hello.
const MAX_MESSAGE_BEFORE_HELLO: usize = 4096;

/// Number of wrong secrets after which a connection is closed.
const MAX_WRONG_HELLOS: u32 = 3;

/// Number of refused messages before the hello after which a connection is closed.
const MAX_REFUSALS: u32 = 16;

/// Time limit for the hello.
pub(crate) const HELLO_TIMEOUT: Duration = Duration::from_secs(5);

/// Close code for a peer that sends no hello in time.
pub(crate) const NO_HELLO: CloseFrame = CloseFrame { code: 1008, reason: "No hello" };

/// Close code for a peer that was refused too often: it does not know the secret.
pub(crate) const LOCKED_OUT: CloseFrame =
    CloseFrame { code: 1008, reason: "Too many refused messages" };

/// Close code for a peer whose frame or message is too large.
pub(crate) const TOO_LARGE: CloseFrame = CloseFrame { code: 1009, reason: "Message too large" };

/// Close code for a peer that breaks the protocol.
pub(crate) const PROTOCOL_ERROR: CloseFrame = CloseFrame { code: 1002, reason: "Protocol error" };

/// Returns the close code for a connection whose peer caused this error.
pub(crate) fn closing_after(error: &Error) -> CloseFrame {
    match error {
        Error::Wslink(selvedge_wslink::Error::MessageTooLarge { .. }) => TOO_LARGE,
        _ => PROTOCOL_ERROR,
    }
}

/// Returns who has a secret; `None` if it is wrong.
pub(crate) type VerifySecret = Arc<dyn Fn(&str) -> Option<Bearer> + Send + Sync>;

/// The server's side of a connection. Dropping it removes the client from the server.
pub(crate) struct Session {
    server: Server,
    client: Arc<Client>,
    assembler: Assembler,
    verify: VerifySecret,
    /// The client's calls, once it is authenticated.
    calls: Option<CallQueue>,
    wrong_hellos: u32,
    /// Number of messages refused before the hello.
    refusals: u32,
    limits: Limits,
}

/// Limits for one client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Maximum size in bytes of a message from the client.
    pub(crate) message: usize,
    /// Maximum size in bytes of what is queued while the client does not read.
    pub(crate) outbox: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { message: 1 << 30, outbox: 64 << 20 }
    }
}

impl Session {
    /// Creates a session for a peer that is not authenticated yet.
    ///
    /// # Errors
    /// If the system has no random numbers for the client's id.
    pub(crate) fn new(server: &Server, verify: VerifySecret, limits: Limits) -> Result<Self> {
        Ok(Session {
            server: server.clone(),
            client: Arc::new(Client::new(limits.outbox, server.hub().metrics())?),
            assembler: Assembler::new(MAX_MESSAGE_BEFORE_HELLO),
            verify,
            calls: None,
            wrong_hellos: 0,
            refusals: 0,
            limits,
        })
    }

    /// Returns the client, whose outbox the caller has to empty.
    pub(crate) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Returns whether the peer has sent the secret.
    pub(crate) fn is_authenticated(&self) -> bool {
        self.calls.is_some()
    }

    /// Returns whether the peer was refused so often that the connection must be closed.
    pub(crate) fn is_locked_out(&self) -> bool {
        !self.is_authenticated()
            && (self.wrong_hellos >= MAX_WRONG_HELLOS || self.refusals >= MAX_REFUSALS)
    }

    /// Returns whether another message may be read. If not, wait for [`room`](Self::room).
    pub(crate) fn has_room(&self) -> bool {
        self.client.outbox.has_room() && self.calls.as_ref().is_none_or(CallQueue::has_room)
    }

    /// Waits until enough calls were made, and enough answers were read, to read another message.
    pub(crate) async fn room(&self) {
        self.client.outbox.room().await;
        if let Some(calls) = &self.calls {
            calls.room().await;
        }
    }

    /// Handles one binary WebSocket message. Calls of the application's functions are queued and
    /// run beside the connection.
    ///
    /// # Errors
    /// [`values::Error::Protocol`](crate::values::Error::Protocol) if the peer breaks the protocol,
    /// [`values::Error::MessageTooLarge`](crate::values::Error::MessageTooLarge) if its message is
    /// too large. The connection must be closed then, see [`closing_after`].
    pub(crate) fn receive(&mut self, frame: Bytes) -> Result<()> {
        let Some(message) = self.assembler.accept(frame)? else {
            return Ok(());
        };
        let bytes = message.len();
        self.client.metrics().inspect(|metrics| metrics.received(bytes));
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
        let is_system = request.id.as_str().is_some_and(|id| id.starts_with("system:"));
        if request.method == method::HELLO {
            self.hello(&request);
        } else if is_system {
            self.refuse(&request.id, ErrorCode::Unknown, "Unknown system method called");
        } else if let Some(calls) = &self.calls {
            if dispatch::runs_no_callback(&request.method) && calls.is_idle() {
                self.server.dispatch(&self.client, request, None);
            } else {
                let ticket = self.server.take_ticket(&request);
                calls.push(request, bytes, ticket, self.server.hub().unanswered_call());
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
        let Some(bearer) = (self.verify)(&secret) else {
            self.wrong_hellos += 1;
            self.refuse(&request.id, ErrorCode::Unauthorized, "Authentication failed");
            return;
        };
        match self.server.role_of(&bearer) {
            Ok(role) => self.client.admit(bearer, role),
            Err(reason) => {
                self.wrong_hellos += 1;
                self.refuse(&request.id, ErrorCode::Unauthorized, &reason);
                return;
            }
        }
        let hub = self.server.hub();
        let welcome =
            Welcome { client_id: self.client.id.to_string(), max_msg_size: hub.max_frame() };
        if let Ok(welcome) = Packed::encode(&welcome) {
            self.client.outbox.answer(messages::reply(&request.id, &welcome, hub.max_frame()));
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
        // `Server::readmit` does not see a client before it has joined.
        self.server.readmit_client(&self.client);
    }

    fn refuse(&mut self, id: &Packed, code: ErrorCode, text: &str) {
        self.refusals += u32::from(!self.is_authenticated());
        let max_frame = self.server.hub().max_frame();
        self.client.outbox.answer(messages::error(id, code, text, None, max_frame));
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
