//! The connection of a client: opens it, reads from it, and reopens it when it is lost.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::{Mutex, MutexGuard};
use selvedge_websocket::{CloseReason, Connect, Connection, Message};
use serde_json::json;
use tokio::{
    sync::{broadcast, watch},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{link::Link, values::Values};
use crate::{
    chunk::Assembler,
    error::{Error, Result},
    messages::client::Received,
    packed::Packed,
    words::{ErrorCode, method, topic},
};

/// Maximum size in bytes of a message that is assembled from chunks.
const MAX_MESSAGE: usize = 1 << 30;

/// First and longest pause before an attempt to reconnect.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The code of the error for a wrong secret.
const UNAUTHORIZED: i64 = ErrorCode::Unauthorized as i64;

/// How a client connects.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) connect: Connect,
    pub(crate) secret: String,
}

/// What the handles share with the task that keeps the connection open.
pub(crate) struct Shared {
    pub(crate) values: Values,
    pub(crate) topics: Mutex<HashMap<String, broadcast::Sender<Packed>>>,
    /// The current connection, or why the last one ended.
    pub(crate) link: watch::Sender<Result<Arc<Link>, CloseReason>>,
    pub(crate) closed: CancellationToken,
}

impl Shared {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Shared {
            values: Values::new(),
            topics: Mutex::default(),
            link: watch::Sender::new(Err(CloseReason::abnormal("not connected yet"))),
            closed: CancellationToken::new(),
        })
    }

    pub(crate) fn topics(&self) -> MutexGuard<'_, HashMap<String, broadcast::Sender<Packed>>> {
        self.topics.lock()
    }

    fn take(&self, link: &Link, received: Received) {
        match received {
            Received::Result { id, result } => {
                link.answer(&id, Ok(result), |changes| self.values.merge(changes));
            }
            Received::Failure { id, code, message } => {
                link.answer(&id, Err((code, message)), drop);
            }
            Received::Published { topic, data } => {
                if topic == topic::STATE
                    && let Some(changes) = data.entries()
                {
                    self.values.merge(changes);
                }
                if let Some(sender) = self.topics().get(&topic) {
                    // Fails if there is no subscription any more.
                    let _ = sender.send(data);
                }
            }
            Received::Ignored => {}
        }
    }
}

/// A connection that is ready, and its reader.
pub(crate) struct OpenLink {
    pub(crate) link: Arc<Link>,
    reader: MessageReader,
}

/// Assembles messages from what a connection receives.
struct MessageReader {
    connection: Connection,
    assembler: Assembler,
}

impl MessageReader {
    async fn next(&mut self) -> Result<Received> {
        loop {
            // wslink 2 has no text messages.
            if let Message::Binary(frame) = self.connection.receive().await?
                && let Some(message) = self.assembler.accept(frame)?
            {
                return Received::parse(message);
            }
        }
    }
}

/// Connects, and greets the server.
pub(crate) async fn establish(config: &Config, shared: &Shared) -> Result<OpenLink> {
    greet(config.connect.open().await?, &config.secret, shared).await
}

/// Sends the hello and fetches the state, in order with all later changes.
pub(crate) async fn greet(
    connection: Connection,
    secret: &str,
    shared: &Shared,
) -> Result<OpenLink> {
    let mut reader =
        MessageReader { connection: connection.clone(), assembler: Assembler::new(MAX_MESSAGE) };
    let mut link = Link::new(connection);
    let hello = Packed::encode(&json!([{ "secret": secret }]))?;
    let welcome = exchange(&link, &mut reader, shared, method::HELLO, &hello).await?;
    link.welcomed(&welcome)?;
    let none = Packed::encode(&json!([]))?;
    match exchange(&link, &mut reader, shared, method::STATE_GET, &none).await {
        Ok(answer) => {
            let state = answer.entries().and_then(|answer| answer.get("state")?.entries());
            shared.values.replace(state.unwrap_or_default());
        }
        // A wslink server without trame has no state.
        Err(Error::Refused { .. }) => {}
        Err(error) => return Err(error),
    }
    let link = Arc::new(link);
    Ok(OpenLink { link, reader })
}

/// Calls a method and reads until its answer arrives.
async fn exchange(
    link: &Link,
    reader: &mut MessageReader,
    shared: &Shared,
    method: &str,
    args: &Packed,
) -> Result<Packed> {
    let mut answer = link.send(method, args, None).await?;
    loop {
        if let Some(answer) = answer.try_take() {
            return answer;
        }
        let received = reader.next().await?;
        shared.take(link, received);
    }
}

/// Reads from the connection, and reopens it when it is lost if it is known how, until the client is
/// closed.
pub(crate) async fn keep(
    config: Option<Config>,
    shared: Arc<Shared>,
    open: OpenLink,
) -> Result<(), selvedge_websocket::Error> {
    let mut next = Some(open);
    while let Some(mut open) = next.take() {
        let ended = shared.closed.run_until_cancelled(read(&mut open, &shared)).await;
        let connection = &open.link.connection;
        let reason = connection.closed();
        let reason = reason.unwrap_or_else(|| CloseReason::new(1000, ""));
        shared.link.send_modify(|link| *link = Err(reason));
        open.link.end();
        let Some(error) = ended else {
            return connection.close(1000, "").await.map(drop);
        };
        tracing::info!(%error, "the connection to the server was lost");
        // If the server broke the protocol, the connection is still open.
        drop(connection.close(1002, "Protocol error"));
        drop(open);
        if let Some(config) = &config {
            let again = shared.closed.run_until_cancelled(again(config, &shared));
            next = again.await.flatten();
            if let Some(open) = &next {
                shared.link.send_modify(|link| *link = Ok(Arc::clone(&open.link)));
            }
        }
    }
    shared.closed.cancel();
    Ok(())
}

/// Reads until the connection ends, and returns why.
async fn read(open: &mut OpenLink, shared: &Shared) -> Error {
    loop {
        match open.reader.next().await {
            Ok(received) => shared.take(&open.link, received),
            Err(error) => return error,
        }
    }
}

/// Tries to reconnect until it succeeds; `None` if the server rejects the secret.
async fn again(config: &Config, shared: &Shared) -> Option<OpenLink> {
    let mut pause = FIRST_PAUSE;
    loop {
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        match establish(config, shared).await {
            Ok(open) => return Some(open),
            Err(error @ Error::Refused { code: UNAUTHORIZED, .. }) => {
                tracing::warn!(%error, "the server cannot resume this client");
                return None;
            }
            Err(error) => tracing::debug!(%error, "the server is still unreachable"),
        }
    }
}
