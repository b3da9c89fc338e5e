//! The connection of a client: opens it, reads from it, and reopens it when it is lost.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::{Mutex, MutexGuard};
use selvedge_websocket::{CloseReason, Connection, Message};
use serde_json::json;
use tokio::{
    sync::{broadcast, watch},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{link::Link, mirror::Values, wslink::ClientBuilder};
use crate::{
    Error, Packed, Result,
    wire::{chunk::Assembler, client::Received, message::entries},
};

/// Maximum size in bytes of a message that is assembled from chunks.
const MAX_MESSAGE: usize = 1 << 30;

/// First and longest pause before an attempt to reconnect.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// wslink's error code for a wrong secret.
const UNAUTHORIZED: i64 = -32000;

/// What the handles share with the task that keeps the connection open.
pub(super) struct Shared {
    pub(super) values: Values,
    pub(super) topics: Mutex<HashMap<String, broadcast::Sender<Packed>>>,
    /// The current connection, or why the last one ended.
    pub(super) link: watch::Sender<Result<Arc<Link>, CloseReason>>,
    pub(super) closed: CancellationToken,
}

impl Shared {
    pub(super) fn topics(&self) -> MutexGuard<'_, HashMap<String, broadcast::Sender<Packed>>> {
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
                if topic == "trame.state.topic"
                    && let Some(changes) = entries(&data)
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
pub(super) struct Open {
    pub(super) link: Arc<Link>,
    reader: Reader,
}

/// Assembles messages from what a connection receives.
struct Reader {
    connection: Connection,
    assembler: Assembler,
}

impl Reader {
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

/// Connects, sends the hello and fetches the state, in order with all later changes.
pub(super) async fn establish(builder: &ClientBuilder, shared: &Shared) -> Result<Open> {
    let connection = builder.connect.open().await?;
    let mut reader =
        Reader { connection: connection.clone(), assembler: Assembler::new(MAX_MESSAGE) };
    let mut link = Link::new(connection);
    let hello = Packed::encode(&json!([{ "secret": builder.secret }]))?;
    let welcome = exchange(&link, &mut reader, shared, "wslink.hello", &hello).await?;
    link.welcomed(&welcome)?;
    let none = Packed::encode(&json!([]))?;
    match exchange(&link, &mut reader, shared, "trame.state.get", &none).await {
        Ok(answer) => {
            let state = entries(&answer).and_then(|answer| entries(answer.get("state")?));
            shared.values.replace(state.unwrap_or_default());
        }
        // A wslink server without trame has no state.
        Err(Error::Refused { .. }) => {}
        Err(error) => return Err(error),
    }
    let link = Arc::new(link);
    Ok(Open { link, reader })
}

/// Calls a method and reads until its answer arrives.
async fn exchange(
    link: &Link,
    reader: &mut Reader,
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

/// Reads from the connection, and reopens it when it is lost, until the client is closed.
pub(super) async fn keep(
    builder: ClientBuilder,
    shared: Arc<Shared>,
    open: Open,
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
        if builder.reconnect {
            let again = shared.closed.run_until_cancelled(again(&builder, &shared));
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
async fn read(open: &mut Open, shared: &Shared) -> Error {
    loop {
        match open.reader.next().await {
            Ok(received) => shared.take(&open.link, received),
            Err(error) => return error,
        }
    }
}

/// Tries to reconnect until it succeeds; `None` if the server rejects the secret.
async fn again(builder: &ClientBuilder, shared: &Shared) -> Option<Open> {
    let mut pause = FIRST_PAUSE;
    loop {
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        match establish(builder, shared).await {
            Ok(open) => return Some(open),
            Err(error @ Error::Refused { code: UNAUTHORIZED, .. }) => {
                tracing::warn!(%error, "the server does not take this client back");
                return None;
            }
            Err(error) => tracing::debug!(%error, "the server is still away"),
        }
    }
}
