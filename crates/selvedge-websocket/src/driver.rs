//! The task that owns the stream: a reader, a writer and the heartbeat run concurrently, followed
//! by the closing handshake.
//!
//! Reader and writer do not wait for each other, so that messages of a peer that does not read are
//! still received, and the other way round.

use std::{io, sync::Arc, time::Duration};

use bytes::BytesMut;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use crate::{
    Role, Stream,
    deflate::Deflated,
    error::CloseReason,
    frame::{Event, Opcode},
    frames::{self, Reader, Writer},
    gate::Gate,
    heartbeat::{Heartbeat, Traffic},
    inbox::Inbox,
    options::Options,
    outbox::{Next, Outbox, Outgoing},
    pings::Pings,
    time_limits::until,
};

/// How long the application may take to handle the messages before a protocol error, until the
/// close frame for the error is sent.
const CATCH_UP: Duration = Duration::from_millis(500);

/// What the task and the handles of a connection share.
pub(crate) struct Shared {
    pub(crate) role: Role,
    pub(crate) options: Options,
    pub(crate) inbox: Inbox,
    pub(crate) outbox: Outbox,
    pub(crate) pings: Pings,
    progress: watch::Sender<CloseProgress>,
}

/// The progress of a connection towards its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct CloseProgress {
    /// Set as soon as one side begins to close, and replaced when the outcome is known.
    pub(crate) reason: Option<CloseReason>,
    /// When to abort the connection if it has not ended by then.
    deadline: Option<Instant>,
    /// Whether the peer exceeded the maximum message size.
    pub(crate) too_big: bool,
    pub(crate) ended: Option<Ended>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was closed by both sides, or lost.
    Gone,
    /// It was aborted because the peer did not close in time.
    TimedOut,
}

impl Shared {
    pub(crate) fn new(role: Role, options: Options) -> Self {
        Shared {
            role,
            inbox: Inbox::new(options.receive_queue, options.receive_queue_bytes),
            outbox: Outbox::new(options.send_buffer),
            pings: Pings::default(),
            progress: watch::Sender::default(),
            options,
        }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<CloseProgress> {
        self.progress.subscribe()
    }

    /// Begins to close from this side, unless closing has begun: what is queued is still sent, and
    /// messages that were not received are dropped. The time-out starts now.
    pub(crate) fn close(&self, reason: CloseReason, timeout: Option<Duration>) {
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
        until(deadline).await;
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
pub(crate) async fn drive<S: Stream>(
    stream: S,
    ahead: BytesMut,
    traffic: Arc<Traffic>,
    shared: Arc<Shared>,
) {
    let finish = Finish(Arc::clone(&shared));
    let (role, max_message) = (shared.role, shared.options.max_message_size);
    let heartbeat = Heartbeat::new(shared.options.heartbeat, Arc::clone(&traffic));
    let (mut reader, writer) = frames::split(stream, ahead, role, max_message, traffic);
    reader.set_compression(shared.options.compresses());
    tokio::select! {
        reason = run(reader, writer, &heartbeat, &shared) => shared.finish(reason, Ended::Gone),
        () = shared.overdue() => {
            let reason = CloseReason::abnormal("the peer did not close in time");
            shared.finish(Some(reason), Ended::TimedOut);
        }
    }
    drop(finish);
}

/// Reads and writes until the end. Returns the reason if it differs from the announced one.
async fn run<S: Stream>(
    reader: Reader<S>,
    writer: Writer<S>,
    heartbeat: &Heartbeat,
    shared: &Shared,
) -> Option<CloseReason> {
    let mut write = Gate::new(Box::pin(write(writer, shared)));
    let mut read = Gate::new(Box::pin(read(reader, shared, heartbeat)));
    let mut lost_peer = Gate::new(Box::pin(heartbeat.lost(|| shared.outbox.heartbeat())));
    let mut written = None;
    let (ending, mut reader) = loop {
        tokio::select! {
            read = &mut read => break read,
            result = &mut write, if written.is_none() => match result {
                // Our close frame is sent; wait for the peer's.
                Ok(writer) => written = Some(writer),
                Err(error) => return Some(lost(&error)),
            },
            // While the peer's close frame is awaited, the time-out for closing applies instead.
            () = &mut lost_peer, if written.is_none() => {
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
                    result = &mut write => match result {
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
            reader.drain().await;
        }
    }
    reason
}

fn lost(error: &io::Error) -> CloseReason {
    CloseReason::abnormal(format!("the connection was lost: {error}"))
}

async fn read<S: Stream>(
    mut reader: Reader<S>,
    shared: &Shared,
    heartbeat: &Heartbeat,
) -> (Ending, Reader<S>) {
    let timeout = shared.options.message_timeout;
    let mut begun: Option<Instant> = None;
    loop {
        loop {
            match reader.buffered() {
                Ok(Some(Event::Message(message))) => {
                    heartbeat.pause();
                    shared.inbox.push(message).await;
                    reader.give_way().await;
                    heartbeat.beat();
                    begun = None;
                }
                Ok(Some(Event::Ping(payload))) => shared.outbox.answer(payload),
                Ok(Some(Event::Pong(payload))) => shared.pings.settle(&payload),
                Ok(Some(Event::Close(reason))) => return (Ending::Closed(reason), reader),
                Ok(None) => break,
                Err(reason) => return (Ending::Failed(reason), reader),
            }
        }
        begun = match reader.in_progress() {
            true => begun.or_else(|| Some(Instant::now())),
            false => None,
        };
        let deadline = begun.zip(timeout).and_then(|(begun, timeout)| begun.checked_add(timeout));
        tokio::select! {
            count = reader.fill() => match count {
                Ok(0) => {
                    let reason = CloseReason::abnormal("the connection ended without a close frame");
                    return (Ending::Lost(reason), reader);
                }
                Ok(_) => heartbeat.beat(),
                Err(error) => return (Ending::Lost(lost(&error)), reader),
            },
            () = until(deadline) => {
                let reason = CloseReason::new(1008, "A message took too long");
                return (Ending::Failed(reason), reader);
            }
        }
    }
}

/// Writes the contents of the outbox until a close frame is sent.
async fn write<S: Stream>(mut writer: Writer<S>, shared: &Shared) -> io::Result<Writer<S>> {
    let mut batch: Vec<Outgoing> = Vec::new();
    loop {
        match shared.outbox.take() {
            Some(Next::Send(outgoing)) => {
                feed(&mut writer, &outgoing, shared.options.compresses()).await?;
                batch.push(outgoing);
                if !writer.is_empty() {
                    continue;
                }
            }
            Some(Next::Close(reason)) => {
                writer.close(&reason).await?;
                return Ok(writer);
            }
            None if writer.is_empty() && batch.is_empty() => {
                shared.outbox.changed().await;
                continue;
            }
            None => {}
        }
        writer.flush().await?;
        // Makes room for other messages only after this batch is written.
        batch.clear();
    }
}

/// Feeds a frame, and compresses it if the peer agreed to that.
async fn feed<S: Stream>(
    writer: &mut Writer<S>,
    outgoing: &Outgoing,
    compression: bool,
) -> io::Result<()> {
    let payload = std::slice::from_ref(&outgoing.payload);
    let is_message = matches!(outgoing.opcode, Opcode::Text | Opcode::Binary);
    if compression
        && is_message
        && let Some(deflated) = Deflated::of(payload).await
    {
        return writer.feed_deflated(outgoing.opcode, &deflated).await;
    }
    writer.feed(outgoing.opcode, payload).await
}
