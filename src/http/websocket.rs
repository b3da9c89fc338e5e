//! A WebSocket connection, from the upgrade to the close frame.
//!
//! A reader and a writer run concurrently in one task: a peer that does not read is still heard,
//! and vice versa. The peer's calls run outside this task. A peer that sends no hello, breaks the
//! protocol or shows no sign of life is disconnected, which does not affect other clients.

use std::{io, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{Request, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use selvedge_port::Buffers;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until, timeout},
};

use super::{
    Site,
    endpoint::{handshake, switch},
    heartbeat::Heartbeat,
    lobby::Guest,
};
use crate::{
    server::{
        Limits, Session,
        session::{HELLO_TIMEOUT, LOCKED_OUT, NO_HELLO, PROTOCOL_ERROR, TOO_LARGE, closing_after},
    },
    session::{Client, Closing, Next},
    websocket::{
        CloseReason, Event, FrameReader, FrameWriter, Message, ReadError, Stream, server_frames,
    },
};

/// Time limit for the peer to answer a close frame, and for the last messages to be sent before it.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_millis(300);

/// Bytes that a message may have beyond [`Site::max_frame`].
const FRAME_OVERHEAD: usize = 4096;

pub(super) async fn upgrade(
    State(site): State<Arc<Site>>,
    Extension(guest): Extension<Arc<Guest>>,
    Extension(buffers): Extension<Buffers>,
    mut request: Request,
) -> Response {
    let key = match handshake(&request) {
        Ok(key) => key,
        Err(refusal) => return refusal.into_response(),
    };
    guest.expect_hello();
    // Taken before the task starts, so that a stop in between waits for the task, too.
    let token = site.websockets.token();
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        // Fails if the peer has disconnected or its connection was displaced.
        if let Ok(stream) = upgraded.await {
            let heartbeat = Heartbeat::new(site.heartbeat, &guest, buffers);
            serve(TokioIo::new(stream), &site, &guest, &heartbeat).await;
        }
        drop(token);
    });
    switch(&key, None, HeaderMap::new())
}

async fn serve(stream: impl Stream, site: &Site, guest: &Guest, heartbeat: &Heartbeat) {
    let verify = {
        let secret = Arc::clone(&site.access);
        Arc::new(move |given: &str| secret.greet(given))
    };
    let mut session = match Session::new(&site.server, verify, Limits::default()) {
        Ok(session) => session,
        Err(error) => return tracing::error!(%error, "a client was turned away"),
    };
    let client = Arc::clone(session.client());
    let (mut reader, writer) = server_frames(stream, site.max_frame + FRAME_OVERHEAD);
    let pongs = Pongs::default();
    let write = write(writer, site, &client, heartbeat, &pongs);
    tokio::pin!(write);
    let mut by_peer = false;
    let written = tokio::select! {
        () = write.as_mut() => true,
        ended = read(site, &mut reader, &mut session, heartbeat, guest, &pongs) => match ended {
            Ended::Closing(closing) => {
                client.outbox.close(closing);
                false
            }
            Ended::ByPeer(code) => {
                client.outbox.close(Closing { code, reason: "" });
                by_peer = true;
                false
            }
            Ended::Lost => return,
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
    if !by_peer {
        // The close frame is sent, or the connection is lost. The peer may still answer.
        let answer =
            async { while !matches!(reader.next().await, Ok(Event::Close(_)) | Err(_)) {} };
        drop(timeout(CLOSE_TIMEOUT, answer).await);
    }
}

/// Why reading ended.
enum Ended {
    /// This side must close the connection.
    Closing(Closing),
    /// The peer closes the connection with this close code.
    ByPeer(u16),
    /// The connection is lost.
    Lost,
}

/// Reads until the connection ends.
async fn read<S: Stream>(
    site: &Site,
    reader: &mut FrameReader<S>,
    session: &mut Session,
    heartbeat: &Heartbeat,
    guest: &Guest,
    pongs: &Pongs,
) -> Ended {
    let deadline = Instant::now() + HELLO_TIMEOUT;
    loop {
        if !session.has_room() {
            heartbeat.without_listening(session.room()).await;
        }
        let next = tokio::select! {
            next = reader.next() => next,
            () = sleep_until(deadline), if !session.is_authenticated() => {
                return Ended::Closing(NO_HELLO);
            }
        };
        heartbeat.beat();
        match next {
            Ok(Event::Message(Message::Binary(frame))) => {
                let was_authenticated = session.is_authenticated();
                if let Err(error) = session.receive(frame) {
                    site.access.strangers.protocol_broken(&error);
                    return Ended::Closing(closing_after(&error));
                }
                if session.is_locked_out() {
                    return Ended::Closing(LOCKED_OUT);
                }
                if session.is_authenticated() && !was_authenticated {
                    guest.trust();
                }
            }
            // wslink 2 has no text messages.
            Ok(Event::Message(Message::Text(_)) | Event::Pong(_)) => {}
            Ok(Event::Ping(payload)) => pongs.owe(payload),
            Ok(Event::Close(reason)) => return Ended::ByPeer(reason.code),
            Err(error) => return after(site, error),
        }
    }
}

fn after(site: &Site, error: ReadError) -> Ended {
    match error {
        ReadError::Offence(reason) => {
            site.access.strangers.ended(&reason.reason);
            Ended::Closing(if reason.code == 1009 { TOO_LARGE } else { PROTOCOL_ERROR })
        }
        ReadError::Lost(error) => {
            site.access.strangers.ended(&error);
            match error.kind() {
                // The peer sent more than it may before the hello.
                io::ErrorKind::QuotaExceeded => Ended::Closing(TOO_LARGE),
                _ => Ended::Lost,
            }
        }
    }
}

/// Writes what is in the outbox, until its close frame is sent or the connection is lost.
async fn write<S: Stream>(
    mut writer: FrameWriter<S>,
    site: &Site,
    client: &Client,
    heartbeat: &Heartbeat,
    pongs: &Pongs,
) {
    let mut batch = Vec::new();
    loop {
        let sent = tokio::select! {
            next = client.outbox.next(&mut batch) => match next {
                Next::Send => send(&mut writer, &mut batch, heartbeat, pongs).await,
                Next::CatchUp(keys) => {
                    site.server.hub().catch_up(site.server.state(), client, &keys);
                    Ok(())
                }
                Next::Close(Closing { code, reason }) => {
                    drop(writer.close(&CloseReason::new(code, reason)).await);
                    return;
                }
            },
            () = heartbeat.ping_due() => {
                writer.ping();
                writer.flush().await
            }
            payload = pongs.due() => {
                writer.pong(&payload);
                writer.flush().await
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

/// Sends a batch in as few writes as the buffer allows, with due pings and pongs between its
/// frames.
async fn send<S: Stream>(
    writer: &mut FrameWriter<S>,
    batch: &mut Vec<Bytes>,
    heartbeat: &Heartbeat,
    pongs: &Pongs,
) -> io::Result<()> {
    for frame in batch.drain(..) {
        if heartbeat.take_ping() {
            writer.ping();
        }
        if let Some(payload) = pongs.take() {
            writer.pong(&payload);
        }
        writer.feed(&frame).await?;
    }
    writer.flush().await
}

/// The pong that is owed to the peer. Of several pings only the newest is answered (RFC 6455,
/// section 5.5.3).
#[derive(Default)]
struct Pongs {
    owed: Mutex<Option<Bytes>>,
    due: Notify,
}

impl Pongs {
    fn owe(&self, payload: Bytes) {
        *self.owed.lock() = Some(payload);
        self.due.notify_one();
    }

    fn take(&self) -> Option<Bytes> {
        self.owed.lock().take()
    }

    /// Waits until a pong is owed, and returns its payload.
    async fn due(&self) -> Bytes {
        loop {
            if let Some(payload) = self.take() {
                return payload;
            }
            self.due.notified().await;
        }
    }
}
