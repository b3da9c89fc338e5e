//! What is to be sent: data in the order of the senders, bounded in bytes, with control frames
//! before it.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::{
    Message,
    frame::{BINARY, PING, PONG, TEXT},
};
use crate::error::CloseReason;

/// Maximum number of queued pongs; beyond it, only the last pings are answered (RFC 6455, section
/// 5.5.3).
const MAX_PONGS: usize = 64;

/// Bytes counted for a message beside its content, so that a flood of empty ones is bounded too.
const FRAME_COST: usize = 64;

/// A frame with its share of the bound.
pub(super) struct Outgoing {
    pub(super) opcode: u8,
    pub(super) payload: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

/// What the writer does next.
pub(super) enum Next {
    Send(Outgoing),
    /// Send this close frame; nothing may follow it.
    Close(CloseReason),
}

pub(super) struct Outbox {
    queue: Mutex<Queue>,
    changed: Notify,
    room: Arc<Semaphore>,
    bound: usize,
}

#[derive(Default)]
struct Queue {
    pongs: VecDeque<Bytes>,
    heartbeat: bool,
    data: VecDeque<Outgoing>,
    close: Option<CloseReason>,
}

/// The connection does not accept messages any more.
pub(super) struct Closed;

impl Outbox {
    pub(super) fn new(bound: usize) -> Self {
        let bound = bound.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        Outbox {
            queue: Mutex::default(),
            changed: Notify::new(),
            room: Arc::new(Semaphore::new(bound)),
            bound,
        }
    }

    /// Queues a message when there is room for it. Waiting senders are served in order.
    pub(super) async fn send(&self, message: Message) -> Result<(), Closed> {
        let (opcode, payload) = match message {
            Message::Text(text) => (TEXT, Bytes::from(text)),
            Message::Binary(bytes) => (BINARY, bytes),
        };
        self.queue_data(opcode, payload).await
    }

    /// Queues a ping behind the messages that were sent before it.
    pub(super) async fn ping(&self, payload: Bytes) -> Result<(), Closed> {
        self.queue_data(PING, payload).await
    }

    /// Queues an unsolicited pong.
    pub(super) async fn pong(&self, payload: Bytes) -> Result<(), Closed> {
        self.queue_data(PONG, payload).await
    }

    async fn queue_data(&self, opcode: u8, payload: Bytes) -> Result<(), Closed> {
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

    /// Answers a ping before anything else is sent.
    pub(super) fn answer(&self, payload: Bytes) {
        let mut queue = self.queue.lock();
        if queue.pongs.len() == MAX_PONGS {
            queue.pongs.pop_front();
        }
        queue.pongs.push_back(payload);
        drop(queue);
        self.changed.notify_one();
    }

    /// Sends a ping before anything else is sent, except pongs.
    pub(super) fn ask(&self) {
        self.queue.lock().heartbeat = true;
        self.changed.notify_one();
    }

    /// Accepts no more messages, and closes after those that are queued.
    pub(super) fn close(&self, reason: CloseReason) {
        self.queue.lock().close.get_or_insert(reason);
        self.room.close();
        self.changed.notify_one();
    }

    /// Accepts no more messages, and closes at once. What is queued is dropped.
    pub(super) fn close_now(&self, reason: CloseReason) {
        let dropped = {
            let mut queue = self.queue.lock();
            queue.close = Some(reason);
            queue.pongs.clear();
            queue.heartbeat = false;
            std::mem::take(&mut queue.data)
        };
        drop(dropped);
        self.room.close();
        self.changed.notify_one();
    }

    /// Accepts and sends nothing any more.
    pub(super) fn shut(&self) {
        self.close_now(CloseReason::new(1005, ""));
    }

    /// Returns what to send next, if there is anything.
    pub(super) fn take(&self) -> Option<Next> {
        let mut queue = self.queue.lock();
        let control =
            |opcode, payload| Some(Next::Send(Outgoing { opcode, payload, _share: None }));
        if let Some(payload) = queue.pongs.pop_front() {
            return control(PONG, payload);
        }
        if std::mem::take(&mut queue.heartbeat) {
            return control(PING, Bytes::new());
        }
        if let Some(outgoing) = queue.data.pop_front() {
            return Some(Next::Send(outgoing));
        }
        queue.close.clone().map(Next::Close)
    }

    /// Waits until there may be something to send.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}
