//! One connection to a state server, from the hello to its end, and the calls that wait for their
//! answers.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::{Mutex, MutexGuard};
use selvedge_websocket::{CloseReason, Connection, Message};
use serde::Deserialize;
use tokio::sync::oneshot;

use super::values::Changes;
use crate::{
    error::{Error, Result},
    messages::client,
    packed::Packed,
    words::method,
};

/// Maximum size in bytes of a chunk before the server has announced its own limit; every server
/// accepts this size.
const FIRST_FRAME: usize = 512 << 10;

/// A connection that has sent its hello, or is about to.
pub(crate) struct Link {
    pub(crate) connection: Connection,
    welcome: Welcome,
    next: AtomicU64,
    waiting: Arc<Calls>,
}

/// The server's answer to the hello.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Welcome {
    #[serde(rename = "clientID")]
    client_id: String,
    #[serde(default)]
    max_msg_size: usize,
}

/// Calls without an answer, by id; `None` once the connection has ended.
type Waiting = Option<HashMap<String, Call>>;

/// The calls of one connection.
#[derive(Debug)]
struct Calls(Mutex<Waiting>);

impl Calls {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock()
    }
}

/// A call that was made. Dropping it forgets the call.
pub(crate) struct Pending {
    id: String,
    calls: Arc<Calls>,
    answer: oneshot::Receiver<Result<Packed>>,
}

impl Pending {
    /// Returns the answer if it has arrived.
    pub(crate) fn try_take(&mut self) -> Option<Result<Packed>> {
        self.answer.try_recv().ok()
    }

    /// Waits for the answer; `None` if the connection ends without one.
    pub(crate) async fn wait(mut self) -> Option<Result<Packed>> {
        (&mut self.answer).await.ok()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let mut calls = self.calls.lock();
        let Some(calls) = calls.as_mut() else { return };
        // The changes that an answer confirms are applied even if no call waits for it.
        if calls.get(&self.id).is_some_and(|call| call.changes.is_none()) {
            calls.remove(&self.id);
        }
    }
}

/// A call that waits for its answer.
#[derive(Debug)]
struct Call {
    method: String,
    answer: oneshot::Sender<Result<Packed>>,
    /// Changes to apply to the local state when the answer arrives.
    changes: Option<Changes>,
}

impl Link {
    pub(crate) fn new(connection: Connection) -> Self {
        Link {
            connection,
            welcome: Welcome { client_id: "c0".to_owned(), max_msg_size: FIRST_FRAME },
            next: AtomicU64::new(0),
            waiting: Arc::new(Calls(Mutex::new(Some(HashMap::new())))),
        }
    }

    /// Stores the server's answer to the hello.
    pub(crate) fn welcomed(&mut self, welcome: &Packed) -> Result<()> {
        self.welcome = welcome.decode_as("the answer to the hello")?;
        Ok(())
    }

    /// The id that the server has assigned to this client.
    pub(crate) fn client_id(&self) -> &str {
        &self.welcome.client_id
    }

    /// Sends a call with an encoded list of arguments.
    pub(crate) async fn send(
        &self,
        method: &str,
        args: &Packed,
        changes: Option<Changes>,
    ) -> Result<Pending> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        // The hello is answered only under this id.
        let id = match method {
            method::HELLO => "system:c0:0".to_owned(),
            _ => format!("rpc:{}:{number}", self.welcome.client_id),
        };
        let (sender, answer) = oneshot::channel();
        let call = Call { method: method.to_owned(), answer: sender, changes };
        match self.lock().as_mut() {
            Some(waiting) => waiting.insert(id.clone(), call),
            None => return Err(self.closed()),
        };
        // Created before anything is sent, so that the call is also forgotten if this future is
        // dropped while sending.
        let pending = Pending { id: id.clone(), calls: Arc::clone(&self.waiting), answer };
        // Zero means that the server wants messages in one piece.
        let max_frame = match self.welcome.max_msg_size {
            0 => usize::MAX,
            size => size.max(256),
        };
        for frame in client::request(&id, method, args, max_frame).frames() {
            let sent = self.connection.send(Message::Binary(frame.to_bytes())).await;
            if let Err(error) = sent {
                self.lock().as_mut().and_then(|waiting| waiting.remove(&id));
                return Err(error.into());
            }
        }
        Ok(pending)
    }

    /// Passes an answer to the call that waits for it, after `apply` has applied the changes that
    /// it confirms.
    pub(crate) fn answer(
        &self,
        id: &str,
        result: Result<Packed, (i64, String)>,
        apply: impl FnOnce(Changes),
    ) {
        let Some(call) = self.lock().as_mut().and_then(|waiting| waiting.remove(id)) else {
            return;
        };
        if result.is_ok() {
            call.changes.map(apply);
        }
        let result =
            result.map_err(|(code, message)| Error::Refused { method: call.method, code, message });
        // The caller may have stopped waiting.
        let _ = call.answer.send(result);
    }

    /// Ends all waiting calls: their channels are dropped.
    pub(crate) fn end(&self) {
        let waiting = self.lock().take();
        drop(waiting);
    }

    /// Returns the error for calls on an ended connection.
    pub(crate) fn closed(&self) -> Error {
        let reason = self.connection.closed();
        let reason = reason.unwrap_or_else(|| CloseReason::abnormal(""));
        selvedge_websocket::Error::ConnectionClosed(reason).into()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock()
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::duplex, time::timeout};

    use super::*;
    use selvedge_websocket::{Options, Role};

    fn waiting(link: &Link) -> usize {
        link.lock().as_ref().map_or(0, HashMap::len)
    }

    #[tokio::test]
    async fn a_call_that_is_dropped_is_forgotten() {
        let (here, server) = duplex(64 * 1024);
        let options = Options::new().send_buffer(1000);
        let link = Link::new(Connection::over(here, Role::Client, options));
        let none = Packed::encode(&[(); 0]).unwrap();
        let call = link.send("a.slow", &none, None).await.unwrap();
        assert_eq!(waiting(&link), 1);
        drop(call);
        assert_eq!(waiting(&link), 0);

        let large = Packed::encode(&["x".repeat(2 << 20)]).unwrap();
        let stuck =
            timeout(std::time::Duration::from_millis(20), link.send("a.large", &large, None));
        assert!(stuck.await.is_err(), "the server does not read");
        assert_eq!(waiting(&link), 0, "dropped while it was sent");
        drop(server);
    }
}
