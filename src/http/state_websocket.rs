//! A WebSocket connection, from the upgrade to the close frame.
//!
//! A reader and a writer run concurrently in one task: a peer that does not read is still heard,
//! and vice versa. The peer's calls run outside this task. A peer that sends no hello, breaks the
//! protocol or shows no sign of life is disconnected, which does not affect other clients.

use std::{io, sync::Arc};

use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
    http::HeaderMap,
    response::Response,
};
use bytes::{Bytes, BytesMut};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use selvedge_port::Buffers;
use selvedge_websocket::{
    CloseReason, Handshake, Message, Role, Stream,
    frames::{Deflated, Event, Heartbeat, Opcode, ReadError, Reader, Traffic, Writer, split},
};
use selvedge_wslink::chunk::Frame;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until, timeout},
};

use super::{
    Site,
    application_websockets::{Ends, refused},
    lobby::{BYTES_BEFORE_HELLO, Guest},
};
use crate::{
    protocol::{
        Client, CloseFrame, Limits, Next, Session,
        session::{HELLO_TIMEOUT, LOCKED_OUT, NO_HELLO, PROTOCOL_ERROR, TOO_LARGE, closing_after},
    },
    stop_times,
};

/// Bytes that a message may have beyond [`Site::max_frame`].
const FRAME_OVERHEAD: usize = 4096;

/// Maximum size in bytes of a message from a client that has sent its hello.
fn max_message(site: &Site) -> usize {
    site.max_frame + FRAME_OVERHEAD
}

pub(super) async fn upgrade(
    State(site): State<Arc<Site>>,
    Extension(guest): Extension<Arc<Guest>>,
    Extension(buffers): Extension<Buffers>,
    Extension(ends): Extension<Ends>,
    mut request: Request,
) -> Response {
    let mut handshake = match Handshake::check(&request) {
        Ok(handshake) => handshake,
        Err(refusal) => return refused(refusal),
    };
    let compression = ends.compresses(site.endpoints.compression, request.headers())
        && handshake.accept_compression();
    guest.expect_hello();
    // Taken before the task starts, so that a stop in between waits for the task, too.
    let token = site.websockets.token();
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        // Fails if the peer has disconnected or its connection was displaced.
        if let Ok(stream) = upgraded.await {
            serve(TokioIo::new(stream), &site, &guest, buffers, compression).await;
        }
        drop(token);
    });
    handshake.response(None, HeaderMap::new()).map(|()| Body::empty())
}

async fn serve(
    stream: impl Stream,
    site: &Site,
    guest: &Guest,
    buffers: Buffers,
    compression: bool,
) {
    let verify = {
        let secret = Arc::clone(&site.access);
        Arc::new(move |given: &str| secret.greet(given))
    };
    let mut session = match Session::new(&site.server, verify, Limits::default()) {
        Ok(session) => session,
        Err(error) => return tracing::error!(%error, "a client could not be accepted"),
    };
    let client = Arc::clone(session.client());
    let traffic = Traffic::new(Some(Arc::new(move || buffers.unacknowledged())));
    let heartbeat = Heartbeat::new(Some(site.heartbeat), Arc::clone(&traffic));
    let limit = max_message(site).min(BYTES_BEFORE_HELLO);
    let (mut reader, writer) = split(stream, BytesMut::new(), Role::Server, limit, traffic);
    reader.set_compression(compression);
    let pongs = Pongs::default();
    let mut write = Box::pin(write(writer, compression, site, &client, &heartbeat, &pongs));
    let mut by_peer = false;
    let written = tokio::select! {
        () = write.as_mut() => true,
        ended = read(site, &mut reader, &mut session, &heartbeat, guest, &pongs) => match ended {
            Ended::Closing(closing) => {
                client.outbox.close(closing);
                false
            }
            Ended::ByPeer(code) => {
                client.outbox.close(CloseFrame { code, reason: "" });
                by_peer = true;
                false
            }
            Ended::Lost => return,
        },
        () = site.stop.cancelled() => {
            client.outbox.close(CloseFrame { code: 1001, reason: "Server shutdown" });
            false
        }
        () = client.outbox.given_up() => {
            tracing::warn!(?client.id, "a client is too slow and was disconnected");
            false
        }
        () = guest.turned_out() => return,
        () = heartbeat.lost() => {
            return tracing::info!(?client.id, "heartbeat timeout: the connection is closed");
        }
    };
    if !written && timeout(stop_times::CLOSE_FRAMES, write).await.is_err() {
        return;
    }
    if !by_peer {
        // The close frame is sent, or the connection is lost. The peer may still answer.
        let answer =
            async { while !matches!(reader.next().await, Ok(Event::Close(_)) | Err(_)) {} };
        drop(timeout(stop_times::CLOSE_FRAMES, answer).await);
    }
}

/// Why reading ended.
enum Ended {
    /// This side must close the connection.
    Closing(CloseFrame),
    /// The peer closes the connection with this close code.
    ByPeer(u16),
    /// The connection is lost.
    Lost,
}

/// Reads until the connection ends.
async fn read<S: Stream>(
    site: &Site,
    reader: &mut Reader<S>,
    session: &mut Session,
    heartbeat: &Heartbeat,
    guest: &Guest,
    pongs: &Pongs,
) -> Ended {
    let deadline = Instant::now() + HELLO_TIMEOUT;
    // What may be inflated before the hello; the guest counts the bytes on the line.
    let mut allowance = BYTES_BEFORE_HELLO;
    loop {
        if !session.has_room() {
            heartbeat.pause();
            session.room().await;
            heartbeat.beat();
        }
        let next = tokio::select! {
            next = reader.next() => next,
            () = sleep_until(deadline), if !session.is_authenticated() => {
                return Ended::Closing(NO_HELLO);
            }
        };
        heartbeat.beat();
        if let Ok(Event::Message(message)) = &next
            && !session.is_authenticated()
        {
            match allowance.checked_sub(message.len()) {
                Some(rest) => allowance = rest,
                None => return Ended::Closing(TOO_LARGE),
            }
        }
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
                    reader.set_max_message(max_message(site));
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
        ReadError::Protocol(reason) => {
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
    mut writer: Writer<S>,
    compression: bool,
    site: &Site,
    client: &Client,
    heartbeat: &Heartbeat,
    pongs: &Pongs,
) {
    let mut batch = Vec::new();
    loop {
        let sent = tokio::select! {
            next = client.outbox.next(&mut batch) => match next {
                Next::Send => {
                    send(&mut writer, compression, &mut batch, heartbeat, pongs).await
                },
                Next::CatchUp(keys) => {
                    site.server.hub().catch_up(site.server.state(), client, &keys);
                    Ok(())
                }
                Next::Close(CloseFrame { code, reason }) => {
                    drop(writer.close(&CloseReason::new(code, reason)).await);
                    return;
                }
            },
            () = heartbeat.ping_due() => send_one(&mut writer, Opcode::Ping, &[]).await,
            payload = pongs.due() => send_one(&mut writer, Opcode::Pong, &[payload]).await,
        };
        if sent.is_err() {
            return;
        }
    }
}

/// Sends a batch in as few writes as the buffer allows, with due pings and pongs between its
/// frames.
async fn send<S: Stream>(
    writer: &mut Writer<S>,
    compression: bool,
    batch: &mut Vec<Frame>,
    heartbeat: &Heartbeat,
    pongs: &Pongs,
) -> io::Result<()> {
    for frame in batch.drain(..) {
        if heartbeat.take_ping() {
            writer.feed(Opcode::Ping, &[]).await?;
        }
        if let Some(payload) = pongs.take() {
            writer.feed(Opcode::Pong, &[payload]).await?;
        }
        feed(writer, compression, &frame).await?;
    }
    writer.flush().await
}

/// Feeds a frame, compressed if the client agreed to that and the frame shrinks.
async fn feed<S: Stream>(
    writer: &mut Writer<S>,
    compression: bool,
    frame: &Frame,
) -> io::Result<()> {
    if compression && let Some(content) = frame.compressed(compress).await {
        let deflated = Deflated::from_content(content);
        return writer.feed_deflated(Opcode::Binary, &deflated).await;
    }
    writer.feed(Opcode::Binary, frame.parts()).await
}

async fn compress(frame: Frame) -> Option<Bytes> {
    Deflated::of(frame.parts()).await.map(Deflated::into_content)
}

async fn send_one<S: Stream>(
    writer: &mut Writer<S>,
    opcode: Opcode,
    payload: &[Bytes],
) -> io::Result<()> {
    writer.feed(opcode, payload).await?;
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
