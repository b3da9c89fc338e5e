//! The task that owns the stream: a reader, a writer and the heartbeat run concurrently, followed
//! by the closing handshake.
//!
//! Reader and writer do not wait for each other, so that messages of a peer that does not read are
//! still received, and the other way round.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::BytesMut;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    Options, Role, Stream,
    frame::{CLOSE, Decoder, Event, apply_mask, close_payload, put_header},
    inbox::Inbox,
    outbox::{Next, Outbox, Outgoing},
    pings::Pings,
};
use crate::error::CloseReason;

/// Size in bytes at which collected frames are written.
const WRITE_BUFFER: usize = 16 * 1024;

/// How long the application may take to handle the messages before a protocol error, until the
/// close frame for the error is sent.
const CATCH_UP: Duration = Duration::from_millis(500);

/// What the task and the handles of a connection share.
pub(super) struct Shared {
    pub(super) role: Role,
    pub(super) options: Options,
    pub(super) inbox: Inbox,
    pub(super) outbox: Outbox,
    pub(super) pings: Pings,
    progress: watch::Sender<Progress>,
}

/// The progress of a connection towards its end.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// Set as soon as one side begins to close, and replaced when the outcome is known.
    pub(super) reason: Option<CloseReason>,
    /// When to abort the connection if it has not ended by then.
    deadline: Option<Instant>,
    /// Whether the peer exceeded the maximum message size.
    pub(super) too_big: bool,
    pub(super) ended: Option<Ended>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It was closed by both sides, or lost.
    Gone,
    /// It was aborted because the peer did not close in time.
    TimedOut,
}

impl Shared {
    pub(super) fn new(role: Role, options: Options) -> Self {
        Shared {
            role,
            inbox: Inbox::new(options.receive_queue, options.receive_queue_bytes),
            outbox: Outbox::new(options.send_buffer),
            pings: Pings::default(),
            progress: watch::Sender::default(),
            options,
        }
    }

    pub(super) fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Begins to close from this side, unless closing has begun: what is queued is still sent, and
    /// messages that were not received are dropped. The time-out starts now.
    pub(super) fn close(&self, reason: CloseReason, timeout: Option<Duration>) {
        if self.begin(reason.clone(), timeout) {
            self.inbox.clear();
            self.outbox.close(reason);
        }
    }

    /// Marks the connection as closed before anything is sent, so that concurrent sends fail.
    fn begin(&self, reason: CloseReason, timeout: Option<Duration>) -> bool {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let begun = self.progress.send_if_modified(|progress| {
            let begins = progress.reason.is_none();
            if begins {
                progress.reason = Some(reason);
                progress.deadline = deadline;
            }
            begins
        });
        if begun {
            self.pings.end();
        }
        begun
    }

    /// Begins to close because the peer closed or broke the protocol.
    fn begin_by_peer(&self, reason: &CloseReason) -> bool {
        let begun = self.begin(reason.clone(), self.options.disconnect_timeout);
        self.inbox.end();
        begun
    }

    /// Marks the connection as ended. The final reason, if known, replaces the announced one.
    fn finish(&self, reason: Option<CloseReason>, ended: Ended) {
        self.progress.send_if_modified(|progress| {
            if progress.ended.is_some() {
                return false;
            }
            if let Some(reason) = reason {
                progress.reason = Some(reason);
            }
            progress.ended = Some(ended);
            true
        });
        self.inbox.end();
        self.pings.end();
        self.outbox.shut();
    }

    /// Waits until closing has taken too long.
    async fn overdue(&self) {
        let mut progress = self.watch();
        let begun = progress.wait_for(|progress| progress.reason.is_some()).await;
        let deadline = begun.ok().and_then(|progress| progress.deadline);
        match deadline {
            Some(deadline) => sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    }
}

/// Notifies the handles if the task is dropped with its runtime.
struct Finish(Arc<Shared>);

impl Drop for Finish {
    fn drop(&mut self) {
        let reason = CloseReason::abnormal("the runtime was shut down");
        self.0.finish(Some(reason), Ended::Gone);
    }
}

/// How reading ends.
enum Ending {
    /// With the peer's close frame.
    Closed(CloseReason),
    /// With a protocol error, and the close frame that answers it.
    Failed(CloseReason),
    /// With a lost connection.
    Lost(CloseReason),
}

/// Runs a connection over a stream until it has ended. `ahead` contains bytes that were already
/// read from the stream.
pub(super) async fn drive<S: Stream>(stream: S, ahead: BytesMut, shared: Arc<Shared>) {
    let finish = Finish(Arc::clone(&shared));
    let (reader, writer) = tokio::io::split(stream);
    tokio::select! {
        reason = run(reader, writer, ahead, &shared) => shared.finish(reason, Ended::Gone),
        () = shared.overdue() => {
            let reason = CloseReason::abnormal("the peer did not close in time");
            shared.finish(Some(reason), Ended::TimedOut);
        }
    }
    drop(finish);
}

/// Reads and writes until the end. Returns the reason if it differs from the announced one.
async fn run<S: Stream>(
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    ahead: BytesMut,
    shared: &Shared,
) -> Option<CloseReason> {
    let pulse = Pulse::new();
    let write = write(writer, shared);
    let read = read(reader, ahead, shared, &pulse);
    tokio::pin!(read, write);
    let mut written = None;
    let (ending, mut reader) = loop {
        tokio::select! {
            read = read.as_mut() => break read,
            result = write.as_mut(), if written.is_none() => match result {
                // Our close frame is sent; wait for the peer's.
                Ok(writer) => written = Some(writer),
                Err(error) => return Some(lost(&error)),
            },
            // While the peer's close frame is awaited, the time-out for closing applies instead.
            () = pulse.silence(shared), if written.is_none() => {
                return Some(CloseReason::abnormal("the peer did not answer a ping"));
            }
        }
    };
    let reason = match ending {
        Ending::Closed(reason) => {
            let begun = shared.begin_by_peer(&reason);
            // If this side is already closing, its reason stays.
            if begun {
                shared.outbox.close_now(reason.clone());
            }
            Some(reason)
        }
        Ending::Failed(reason) => {
            // Messages before the protocol error are handled as if there were none.
            if written.is_none() {
                tokio::select! {
                    result = write.as_mut() => match result {
                        Ok(writer) => written = Some(writer),
                        Err(error) => return Some(lost(&error)),
                    },
                    _ = timeout(CATCH_UP, shared.inbox.caught_up()) => {}
                }
            }
            shared.progress.send_modify(|progress| {
                progress.too_big = progress.reason.is_none() && reason.code == 1009;
            });
            shared.begin_by_peer(&reason);
            shared.outbox.close(reason.clone());
            Some(reason)
        }
        Ending::Lost(reason) => return Some(reason),
    };
    let writer = match written {
        Some(writer) => Ok(writer),
        None => write.await,
    };
    if let Ok(mut writer) = writer {
        // Section 7.1.1: the server closes the stream first. An error means that the peer was
        // faster.
        let _ = writer.shutdown().await;
        if shared.role == Role::Client {
            drain(&mut reader).await;
        }
    }
    reason
}

fn lost(error: &io::Error) -> CloseReason {
    CloseReason::abnormal(format!("the connection was lost: {error}"))
}

/// Waits for the server to close the stream.
async fn drain<S: Stream>(reader: &mut ReadHalf<S>) {
    let mut rest = [0; 1024];
    while reader.read(&mut rest).await.is_ok_and(|count| count > 0) {}
}

async fn read<S: Stream>(
    mut reader: ReadHalf<S>,
    ahead: BytesMut,
    shared: &Shared,
    pulse: &Pulse,
) -> (Ending, ReadHalf<S>) {
    let mut decoder = Decoder::new(shared.role, shared.options.max_message_size);
    decoder.buffer().extend_from_slice(&ahead);
    let mut begun: Option<Instant> = None;
    loop {
        loop {
            match decoder.next() {
                Ok(Some(Event::Message(message))) => {
                    pulse.pause();
                    shared.inbox.push(message).await;
                    pulse.beat();
                    begun = None;
                }
                Ok(Some(Event::Ping(payload))) => shared.outbox.answer(payload),
                Ok(Some(Event::Pong(payload))) => shared.pings.settle(&payload),
                Ok(Some(Event::Close(reason))) => return (Ending::Closed(reason), reader),
                Ok(None) => break,
                Err(reason) => return (Ending::Failed(reason), reader),
            }
        }
        begun = match decoder.in_progress() {
            true => begun.or_else(|| Some(Instant::now())),
            false => None,
        };
        let late = async {
            match begun.zip(shared.options.message_timeout) {
                Some((begun, timeout)) => sleep_until(begun + timeout).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            count = reader.read_buf(decoder.buffer()) => match count {
                Ok(0) => {
                    let reason = CloseReason::abnormal("the connection ended without a close frame");
                    return (Ending::Lost(reason), reader);
                }
                Ok(_) => pulse.beat(),
                Err(error) => return (Ending::Lost(lost(&error)), reader),
            },
            () = late => {
                let reason = CloseReason::new(1008, "A message took too long");
                return (Ending::Failed(reason), reader);
            }
        }
    }
}

/// Writes the contents of the outbox until a close frame is sent.
async fn write<S: Stream>(mut writer: WriteHalf<S>, shared: &Shared) -> io::Result<WriteHalf<S>> {
    let mut masks = Masks::new(shared.role);
    let mut buffer = BytesMut::new();
    let mut batch: Vec<Outgoing> = Vec::new();
    loop {
        let next = shared.outbox.take();
        match next {
            Some(Next::Send(outgoing)) => {
                let size = outgoing.payload.len();
                let mask = masks.next()?;
                put_header(&mut buffer, outgoing.opcode, size, mask);
                match mask {
                    None if size > WRITE_BUFFER => {
                        writer.write_all_buf(&mut buffer).await?;
                        writer.write_all(&outgoing.payload).await?;
                    }
                    mask => put_payload(&mut buffer, &outgoing.payload, mask),
                }
                batch.push(outgoing);
                if buffer.len() < WRITE_BUFFER {
                    continue;
                }
            }
            Some(Next::Close(reason)) => {
                let payload = close_payload(&reason);
                let mask = masks.next()?;
                put_header(&mut buffer, CLOSE, payload.len(), mask);
                put_payload(&mut buffer, &payload, mask);
                writer.write_all_buf(&mut buffer).await?;
                writer.flush().await?;
                return Ok(writer);
            }
            None if batch.is_empty() => {
                shared.outbox.changed().await;
                continue;
            }
            None => {}
        }
        writer.write_all_buf(&mut buffer).await?;
        writer.flush().await?;
        // Makes room for other messages only after this batch is written.
        batch.clear();
        if buffer.capacity() > 4 * WRITE_BUFFER {
            buffer = BytesMut::new();
        }
    }
}

fn put_payload(buffer: &mut BytesMut, payload: &[u8], mask: Option<[u8; 4]>) {
    let start = buffer.len();
    buffer.extend_from_slice(payload);
    if let Some(mask) = mask {
        apply_mask(&mut buffer[start..], mask, 0);
    }
}

/// The masks of a client's frames, which must be unpredictable (RFC 6455, section 5.3).
struct Masks {
    /// Random bytes from the system, for many frames at a time; `None` for a server.
    pool: Option<[u8; 256]>,
    used: usize,
}

impl Masks {
    fn new(role: Role) -> Self {
        Masks { pool: (role == Role::Client).then_some([0; 256]), used: 256 }
    }

    fn next(&mut self) -> io::Result<Option<[u8; 4]>> {
        let Some(pool) = &mut self.pool else {
            return Ok(None);
        };
        if self.used == pool.len() {
            getrandom::fill(pool).map_err(|error| io::Error::other(error.to_string()))?;
            self.used = 0;
        }
        let at = self.used;
        self.used += 4;
        Ok(Some([pool[at], pool[at + 1], pool[at + 2], pool[at + 3]]))
    }
}

/// Tracks whether the peer is still there. Anything that it sends proves that it is.
struct Pulse {
    last: Mutex<Instant>,
    /// Whether reading is paused because the application does not receive: silence is then not the
    /// peer's fault.
    paused: AtomicBool,
}

impl Pulse {
    fn new() -> Self {
        Pulse { last: Mutex::new(Instant::now()), paused: AtomicBool::new(false) }
    }

    fn beat(&self) {
        *self.last.lock() = Instant::now();
        self.paused.store(false, Ordering::Relaxed);
    }

    fn pause(&self) {
        self.paused.store(true, Ordering::Relaxed);
    }

    fn last(&self) -> Instant {
        if self.paused.load(Ordering::Relaxed) {
            return Instant::now();
        }
        *self.last.lock()
    }

    /// Sends a ping after each interval of silence. Returns if nothing arrives within half an
    /// interval after a ping.
    async fn silence(&self, shared: &Shared) {
        let Some(interval) = shared.options.heartbeat else {
            return std::future::pending().await;
        };
        loop {
            let due = self.last() + interval;
            if due > Instant::now() {
                sleep_until(due).await;
                continue;
            }
            shared.outbox.ask();
            let asked = Instant::now();
            sleep(interval / 2).await;
            if self.last() < asked {
                return;
            }
        }
    }
}
