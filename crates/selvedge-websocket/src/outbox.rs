//! What is to be sent: data in the order of the senders, bounded in bytes, with control frames
//! before it.

use std::{collections::VecDeque, mem::take, sync::Arc};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::{error::CloseReason, frame::Opcode, message::Message};

/// Maximum number of queued pongs; beyond it, only the last pings are answered (RFC 6455, section
/// 5.5.3).
const MAX_PONGS: usize = 64;

/// Bytes counted for a message beside its content, so that a flood of empty ones is bounded too.
const FRAME_COST: usize = 64;

/// A frame with its share of the bound.
pub(crate) struct Outgoing {
    pub(crate) opcode: Opcode,
    pub(crate) payload: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

/// What the writer does next.
pub(crate) enum Next {
    Send(Outgoing),
    /// Send this close frame; nothing may follow it.
    Close(CloseReason),
}

pub(crate) struct Outbox {
    queue: Mutex<SendQueue>,
    changed: Notify,
    room: Arc<Semaphore>,
    bound: usize,
}

#[derive(Default)]
struct SendQueue {
    /// Whether the heartbeat has a ping to send.
    heartbeat: bool,
    pongs: VecDeque<Bytes>,
    data: VecDeque<Outgoing>,
    close: Option<CloseReason>,
}

/// The connection does not accept messages any more.
pub(crate) struct Closed;

impl Outbox {
    pub(crate) fn new(bound: usize) -> Self {
        let bound = bound.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        Outbox {
            queue: Mutex::default(),
            changed: Notify::new(),
            room: Arc::new(Semaphore::new(bound)),
            bound,
        }
    }

    /// Queues a message when there is room for it. Waiting senders are served in order.
    pub(crate) async fn send(&self, message: Message) -> Result<(), Closed> {
        let (opcode, payload) = match message {
            Message::Text(text) => (Opcode::Text, Bytes::from(text)),
            Message::Binary(bytes) => (Opcode::Binary, bytes),
        };
        self.queue_data(opcode, payload).await
    }

    /// Queues a ping behind the messages that were sent before it.
    pub(crate) async fn ping(&self, payload: Bytes) -> Result<(), Closed> {
        self.queue_data(Opcode::Ping, payload).await
    }

    /// Queues an unsolicited pong.
    pub(crate) async fn pong(&self, payload: Bytes) -> Result<(), Closed> {
        self.queue_data(Opcode::Pong, payload).await
    }

    async fn queue_data(&self, opcode: Opcode, payload: Bytes) -> Result<(), Closed> {
        let share = payload.len().saturating_add(FRAME_COST).min(self.bound);
        let share =
            Arc::clone(&self.room).acquire_many_owned(share as u32).await.map_err(|_| Closed)?;
        let mut queue = self.queue.lock();
        if queue.close.is_some() {
            return Err(Closed);
        }
        queue.data.push_back(Outgoing { opcode, payload, _share: Some(share) });
        drop(queue);
        self.changed.notify_one();
        Ok(())
    }

    /// Sends an empty ping before anything else.
    pub(crate) fn heartbeat(&self) {
        self.queue.lock().heartbeat = true;
        self.changed.notify_one();
    }

    /// Answers a ping before anything else is sent.
    pub(crate) fn answer(&self, payload: Bytes) {
        let mut queue = self.queue.lock();
        if queue.pongs.len() == MAX_PONGS {
            queue.pongs.pop_front();
        }
        queue.pongs.push_back(payload);
        drop(queue);
        self.changed.notify_one();
    }

    /// Accepts no more messages, and closes after those that are queued.
    pub(crate) fn close(&self, reason: CloseReason) {
        self.queue.lock().close.get_or_insert(reason);
        self.room.close();
        self.changed.notify_one();
    }

    /// Accepts no more messages, and closes at once. What is queued is dropped.
    pub(crate) fn close_now(&self, reason: CloseReason) {
        let dropped = {
            let mut queue = self.queue.lock();
            queue.close = Some(reason);
            queue.pongs.clear();
            queue.heartbeat = false;
            take(&mut queue.data)
        };
        drop(dropped);
        self.room.close();
        self.changed.notify_one();
    }

    /// Accepts and sends nothing any more.
    pub(crate) fn shut(&self) {
        self.close_now(CloseReason::new(1005, ""));
    }

    /// Returns what to send next, if there is anything.
    pub(crate) fn take(&self) -> Option<Next> {
        let mut queue = self.queue.lock();
        let control = |opcode, payload| Next::Send(Outgoing { opcode, payload, _share: None });
        if take(&mut queue.heartbeat) {
            return Some(control(Opcode::Ping, Bytes::new()));
        }
        if let Some(payload) = queue.pongs.pop_front() {
            return Some(control(Opcode::Pong, payload));
        }
        if let Some(outgoing) = queue.data.pop_front() {
            return Some(Next::Send(outgoing));
        }
        queue.close.clone().map(Next::Close)
    }

    /// Waits until there may be something to send.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}
