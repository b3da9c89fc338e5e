//! A WebSocket connection, from the upgrade to the close frame.
//!
//! A reader and a writer run concurrently in one task: a peer that does not read is still heard,
//! and vice versa. The peer's calls run outside this task. A peer that sends no hello, breaks the
//! protocol or shows no sign of life is disconnected, which does not affect other clients.

use std::{
    io,
    mem::take,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

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
    frames::{Deflated, Event, Gate, Heartbeat, Opcode, ReadError, Reader, Traffic, Writer, split},
};
use selvedge_wslink::chunk::Frame;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::Instrument;

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
    let site = site.of_request(&request);
    let compression = ends.compresses(site.endpoints.compression, request.headers())
        && handshake.accept_compression();
    guest.expect_hello();
    // Taken before the task starts, so that a stop in between waits for the task, too.
    let token = site.websockets.token();
    let upgraded = hyper::upgrade::on(&mut request);
    let span = site.span.clone();
    let serving = async move {
        // Fails if the peer has disconnected or its connection was displaced.
        if let Ok(stream) = upgraded.await {
            serve(TokioIo::new(stream), &site, &guest, buffers, compression).await;
        }
        drop(token);
    };
    tokio::spawn(serving.instrument(span));
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
    let control = ControlFrames::new(&client);
    let mut write = Gate::new(Box::pin(write(writer, compression, site, &client, &control)));
    let mut read =
        Gate::new(Box::pin(read(site, &mut reader, &mut session, &heartbeat, guest, &control)));
    let mut cut = Gate::new(Box::pin(cut(site, guest, &heartbeat, &control)));
    let ended = tokio::select! {
        () = &mut write => Ended::Written,
        ended = &mut read => ended,
        ended = &mut cut => ended,
    };
    drop(read);
    match ended {
        Ended::Written => {}
        Ended::Closing(closing) => client.outbox.close(closing),
        Ended::ByPeer(code) => client.outbox.close(CloseFrame { code, reason: "" }),
        Ended::GivenUp => {
            client.metrics().inspect(|metrics| metrics.client_given_up());
            tracing::warn!(?client.id, "a client is too slow and was disconnected");
        }
        Ended::Silent => {
            return tracing::info!(?client.id, "heartbeat timeout: the connection is closed");
        }
        Ended::Lost => return,
    }
    // Boxed, so that open connections need no memory for it.
    Box::pin(async {
        let is_written = matches!(ended, Ended::Written);
        if !is_written && timeout(stop_times::CLOSE_FRAMES, write).await.is_err() {
            return;
        }
        if !matches!(ended, Ended::ByPeer(_)) {
            // The close frame is sent, or the connection is lost. The peer may still answer.
            let answer =
                async { while !matches!(reader.next().await, Ok(Event::Close(_)) | Err(_)) {} };
            drop(timeout(stop_times::CLOSE_FRAMES, answer).await);
        }
    })
    .await;
}

/// How a connection ends.
enum Ended {
    /// This side has sent its close frame, or could not write.
    Written,
    /// This side must close the connection.
    Closing(CloseFrame),
    /// The peer closes the connection with this close code.
    ByPeer(u16),
    /// The client has fallen too far behind; its outbox closes the connection.
    GivenUp,
    /// The peer shows no sign of life.
    Silent,
    /// The connection is lost, or its place was given to another guest.
    Lost,
}

/// Waits until the connection must end for another reason than its messages.
async fn cut(
    site: &Site,
    guest: &Guest,
    heartbeat: &Heartbeat,
    control: &ControlFrames<'_>,
) -> Ended {
    tokio::select! {
        () = site.stop.cancelled() => {
            Ended::Closing(site.goodbye)
        }
        () = control.client.outbox.given_up() => Ended::GivenUp,
        () = guest.turned_out() => Ended::Lost,
        () = heartbeat.lost(|| control.owe_ping()) => Ended::Silent,
    }
}

/// Reads until the connection ends.
async fn read<S: Stream>(
    site: &Site,
    reader: &mut Reader<S>,
    session: &mut Session,
    heartbeat: &Heartbeat,
    guest: &Guest,
    control: &ControlFrames<'_>,
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
            Ok(Event::Ping(payload)) => control.owe_pong(payload),
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
    control: &ControlFrames<'_>,
) {
    let mut batch = Vec::new();
    loop {
        let closing = match client.outbox.next(&mut batch).await {
            Next::Send => {
                client.count_sent(&batch);
                None
            }
            Next::CatchUp(keys) => {
                site.server.hub().catch_up(site.server.state(), client, &keys);
                continue;
            }
            Next::Close(closing) => Some(closing),
        };
        if let Some(CloseFrame { code, reason }) = closing {
            drop(Box::pin(writer.close(&CloseReason::new(code, reason))).await);
            return;
        }
        if send(&mut writer, compression, &mut batch, control).await.is_err() {
            return;
        }
    }
}

/// Sends a batch in as few writes as the buffer allows, with due control frames between its frames.
async fn send<S: Stream>(
    writer: &mut Writer<S>,
    compression: bool,
    batch: &mut Vec<Frame>,
    control: &ControlFrames<'_>,
) -> io::Result<()> {
    control.feed(writer).await?;
    for frame in batch.drain(..) {
        feed(writer, compression, &frame).await?;
        control.feed(writer).await?;
    }
    writer.flush().await
}

/// Feeds a frame, compressed if the client agreed to that and the frame shrinks.
async fn feed<S: Stream>(
    writer: &mut Writer<S>,
    compression: bool,
    frame: &Frame,
) -> io::Result<()> {
    if compression && let Some(content) = Box::pin(frame.compressed(compress)).await {
        let deflated = Deflated::from_content(content);
        return Box::pin(writer.feed_deflated(Opcode::Binary, &deflated)).await;
    }
    writer.feed(Opcode::Binary, frame.parts()).await
}

async fn compress(frame: Frame) -> Option<Bytes> {
    Deflated::of(frame.parts()).await.map(Deflated::into_content)
}

/// The ping and the pong that are owed to the peer. Of several pings of the peer, only the newest is
/// answered (RFC 6455, section 5.5.3).
struct ControlFrames<'a> {
    client: &'a Client,
    are_due: AtomicBool,
    owed: Mutex<Owed>,
}

#[derive(Default)]
struct Owed {
    ping: bool,
    pong: Option<Bytes>,
}

impl<'a> ControlFrames<'a> {
    fn new(client: &'a Client) -> Self {
        ControlFrames { client, are_due: AtomicBool::new(false), owed: Mutex::default() }
    }

    fn owe_ping(&self) {
        self.owe(|owed| owed.ping = true);
    }

    fn owe_pong(&self, payload: Bytes) {
        self.owe(|owed| owed.pong = Some(payload));
    }

    fn owe(&self, add: impl FnOnce(&mut Owed)) {
        add(&mut self.owed.lock());
        self.are_due.store(true, Ordering::Release);
        self.client.outbox.interrupt();
    }

    /// Feeds the frames that are due.
    async fn feed<S: Stream>(&self, writer: &mut Writer<S>) -> io::Result<()> {
        if !self.are_due.swap(false, Ordering::Acquire) {
            return Ok(());
        }
        let Owed { ping, pong } = take(&mut *self.owed.lock());
        if ping {
            writer.feed(Opcode::Ping, &[]).await?;
        }
        if let Some(payload) = pong {
            writer.feed(Opcode::Pong, &[payload]).await?;
        }
        Ok(())
    }
}
