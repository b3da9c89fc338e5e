//! One WebSocket, from the upgrade to the close frame.
//!
//! A reader and a writer run side by side in one task: a peer that does not read is still heard, and the other way
//! round. What a peer calls runs beside this task. A peer that says no hello, breaks the protocol or shows no sign of life is
//! disconnected; the others notice nothing.

use std::{io, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{
        State,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    },
    response::Response,
};
use bytes::Bytes;
use futures_util::{
    Sink, SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use tokio::time::{Instant, sleep_until, timeout};

use super::{Site, heartbeat::Heartbeat, lobby::Guest};
use crate::{
    net::Buffers,
    server::{
        Limits, Session,
        session::{HELLO_TIMEOUT, LOCKED_OUT, NO_HELLO, PROTOCOL_ERROR, TOO_LARGE, closing_after},
    },
    session::{Client, Closing, Next},
};

/// How long the peer may take to answer a close frame, and the last messages to leave before it.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_millis(300);

/// Bytes that are read at a time. The default of 128 KiB would be kept for every idle client.
const READ_BUFFER: usize = 8 * 1024;

/// Bytes up to which messages are put together into one write.
const WRITE_BUFFER: usize = 16 * 1024;

/// Bytes that a frame may have beyond its content.
const FRAME_OVERHEAD: usize = 4096;

pub(super) async fn upgrade(
    State(site): State<Arc<Site>>,
    Extension(guest): Extension<Arc<Guest>>,
    Extension(buffers): Extension<Buffers>,
    upgrade: WebSocketUpgrade,
) -> Response {
    guest.expect_hello();
    let limit = site.max_frame + FRAME_OVERHEAD;
    // Taken here and not in the task, so that a stop that comes in between waits for it, too.
    let token = site.websockets.token();
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(limit)
        .max_frame_size(limit)
        .on_upgrade(async move |socket| {
            let heartbeat = Heartbeat::new(site.heartbeat, &guest, buffers);
            serve(socket, &site, &guest, &heartbeat).await;
            drop(token);
        })
}

async fn serve(socket: WebSocket, site: &Site, guest: &Guest, heartbeat: &Heartbeat) {
    let verify = {
        let secret = Arc::clone(&site.access);
        Arc::new(move |given: &str| secret.greet(given))
    };
    let mut session = match Session::new(&site.server, verify, Limits::default()) {
        Ok(session) => session,
        Err(error) => return tracing::error!(%error, "a client was turned away"),
    };
    let client = Arc::clone(session.client());
    let (sink, mut stream) = socket.split();
    let write = write(sink, site, &client, heartbeat);
    tokio::pin!(write);
    let written = tokio::select! {
        () = write.as_mut() => true,
        closing = read(site, &mut stream, &mut session, heartbeat, guest) => match closing {
            Some(closing) => {
                client.outbox.close(closing);
                false
            }
            None => return,
        },
        () = site.stop.cancelled() => {
            client.outbox.close(Closing { code: 1001, reason: "Server shutdown" });
            false
        }
        () = client.outbox.given_up() => {
            tracing::warn!(?client.id, "a client is too slow and was disconnected");
            false
        }
        () = guest.turned_out() => return,
        () = heartbeat.stopped() => {
            return tracing::info!(?client.id, "heartbeat timeout: the connection is closed");
        }
    };
    if !written && timeout(CLOSE_TIMEOUT, write).await.is_err() {
        return;
    }
    // Our close frame is out, or the connection is gone; the peer may still answer.
    drop(
        timeout(CLOSE_TIMEOUT, async { while stream.next().await.is_some_and(|m| m.is_ok()) {} })
            .await,
    );
}

/// Reads until the connection ends, and says how to end it from this side where that is still to be done.
async fn read(
    site: &Site,
    stream: &mut SplitStream<WebSocket>,
    session: &mut Session,
    heartbeat: &Heartbeat,
    guest: &Guest,
) -> Option<Closing> {
    let deadline = Instant::now() + HELLO_TIMEOUT;
    loop {
        if !session.has_room() {
            heartbeat.without_listening(session.room()).await;
        }
        let next = tokio::select! {
            next = stream.next() => next,
            () = sleep_until(deadline), if !session.is_authenticated() => {
                return Some(NO_HELLO);
            }
        };
        heartbeat.beat();
        match next {
            Some(Ok(Message::Binary(frame))) => {
                let was_authenticated = session.is_authenticated();
                if let Err(error) = session.receive(frame) {
                    site.access.strangers.protocol_broken(&error);
                    return Some(closing_after(&error));
                }
                if session.is_locked_out() {
                    return Some(LOCKED_OUT);
                }
                if session.is_authenticated() && !was_authenticated {
                    guest.trust();
                }
            }
            // wslink 2 has no text messages.
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                site.access.strangers.ended(&error);
                return Some(if is_too_large(error) { TOO_LARGE } else { PROTOCOL_ERROR });
            }
            None => return None,
        }
    }
}

/// Whether a frame is larger than it may be, or more was sent than a peer may send before its hello.
fn is_too_large(error: axum::Error) -> bool {
    match error.into_inner().downcast_ref::<tungstenite::Error>() {
        Some(tungstenite::Error::Capacity(_)) => true,
        Some(tungstenite::Error::Io(error)) => error.kind() == io::ErrorKind::QuotaExceeded,
        _ => false,
    }
}

/// Writes what the outbox has, until it says goodbye or the connection is gone.
async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    site: &Site,
    client: &Client,
    heartbeat: &Heartbeat,
) {
    let mut batch = Vec::new();
    loop {
        let sent = tokio::select! {
            next = client.outbox.next(&mut batch) => match next {
                Next::Send => send(&mut sink, &mut batch, heartbeat).await,
                Next::CatchUp(keys) => {
                    site.server.hub().catch_up(site.server.state(), client, &keys);
                    Ok(())
                }
                Next::Close(Closing { code, reason }) => {
                    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
                    drop(sink.send(Message::Close(Some(frame))).await);
                    return;
                }
            },
            () = heartbeat.ping_due() => sink.send(Message::Ping(Bytes::new())).await,
        };
        if sent.is_err() {
            return;
        }
    }
}

/// Sends a batch in as few writes as the buffer allows. A ping that is due goes between its frames.
async fn send<S: Sink<Message> + Unpin>(
    sink: &mut S,
    batch: &mut Vec<Bytes>,
    heartbeat: &Heartbeat,
) -> Result<(), S::Error> {
    for frame in batch.drain(..) {
        if heartbeat.take_ping() {
            sink.feed(Message::Ping(Bytes::new())).await?;
        }
        sink.feed(Message::Binary(frame)).await?;
    }
    sink.flush().await
}
