//! The messages on their way to one client.
//!
//! Messages are sent in the order in which they were queued, with two exceptions that the protocol
//! requires:
//! - While a call of this client runs, the messages that it causes are *held*, so that the answer
//!   is sent before them. A long call stops holding messages: its page shows progress, and the
//!   changes of others.
//! - Pictures of a stream wait in a separate place, where a newer one replaces an older one, and
//!   are sent only when nothing else is waiting: a slow page drops pictures and never delays state.
//!
//! What is pushed to the client is bounded in bytes. Past the bound, state changes are folded: new
//! and waiting ones are dropped, and the client gets the latest values of all their keys once it
//! has caught up. If a message past the bound cannot be folded, the connection is closed with 1013.
//!
//! Answers do not count: the client has asked for them. While more bytes of answers than the bound
//! wait, its next calls wait too ([`Outbox::room`]).
//!
//! If the state is stored elsewhere, what follows a durable change waits behind a *barrier* until the
//! store has it.
//!
//! Nothing here may log: messages are queued under the locks of the state and of the list of
//! clients, and a log layer of the application may change the state.

mod queue;

use std::{mem::take, sync::Arc, time::Duration};

use indexmap::IndexSet;
use parking_lot::{Mutex, MutexGuard};
use selvedge_wslink::chunk::{Frame, Outgoing};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use queue::{Item, OutboxQueue, Wakeup};

use crate::{blocking, state::KeyName};

/// Size in bytes at which a batch for the socket is full.
const BATCH: usize = 256 * 1024;

/// Number of waiting bytes at which the writing task is woken at once. With fewer, it may be woken
/// only when the callback that queued them returns, which costs less.
const EAGER: usize = 64 * 1024;

/// How long a call may hold back the messages that it causes.
const HOLD: Duration = Duration::from_millis(100);

/// The queue of one client. Any thread may fill it; the task that writes to the socket empties it.
pub(crate) struct Outbox {
    queue: Mutex<OutboxQueue>,
    filled: Arc<Notify>,
    gave_up: Notify,
    drained: Notify,
    room: Notify,
    /// Bytes of pushes, and separately of answers, past which the client counts as slow.
    limit: usize,
}

/// How the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CloseFrame {
    /// A close code of RFC 6455, section 7.4.
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
}

/// For a client that does not keep up with what is pushed to it.
pub(crate) const TOO_SLOW: CloseFrame =
    CloseFrame { code: 1013, reason: "too slow: messages were lost" };

/// What the writing task does next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Send the frames in the batch, which may be empty, and control frames that are due.
    Send,
    /// The client has caught up: request the latest values of these keys.
    CatchUp(IndexSet<KeyName>),
    /// Send a close frame.
    Close(CloseFrame),
}

impl Outbox {
    /// Returns the number of bytes that wait for the client.
    #[cfg(feature = "monitoring")]
    pub(crate) fn waiting_bytes(&self) -> usize {
        let queue = self.queue.lock();
        queue.bytes + queue.answer_bytes
    }

    pub(crate) fn new(limit: usize) -> Self {
        let queue = OutboxQueue::default();
        Outbox {
            queue: Mutex::new(queue),
            filled: Arc::default(),
            gave_up: Notify::new(),
            drained: Notify::new(),
            room: Notify::new(),
            limit,
        }
    }

    /// Queues a message behind all others.
    pub(crate) fn send(&self, message: Outgoing) {
        let mut queue = self.queue.lock();
        if queue.closing.is_some() {
            return;
        }
        if queue.bytes > self.limit {
            queue.fold(&[]);
        }
        if queue.bytes > self.limit {
            queue.give_up();
            self.gave_up.notify_one();
        } else {
            queue.bytes += message.size();
            queue.items.push_back(Item::Message(message));
        }
        self.wake(queue);
    }

    /// Wakes the writing task, unless a wake-up is under way that is early enough.
    fn wake(&self, mut queue: MutexGuard<'_, OutboxQueue>) {
        let may_send = !queue.is_holding() || queue.free > 0;
        let is_eager = may_send && queue.bytes + queue.answer_bytes >= EAGER;
        if queue.wakeup.as_ref().is_some_and(|wakeup| wakeup.is_sufficient(is_eager)) {
            return;
        }
        let deferral = if is_eager { None } else { blocking::defer(&self.filled) };
        let is_deferred = deferral.is_some();
        queue.wakeup = Some(deferral.map_or(Wakeup::Delivered, Wakeup::Deferred));
        drop(queue);
        if !is_deferred {
            self.filled.notify_one();
        }
    }

    /// Makes [`next`](Self::next) return soon: control frames, which do not wait in the queue, are
    /// due.
    pub(crate) fn interrupt(&self) {
        let mut queue = self.queue.lock();
        queue.interrupted = true;
        self.wake(queue);
    }

    /// Queues an answer behind all other messages.
    pub(crate) fn answer(&self, message: Outgoing) {
        self.add_answer(message, |queue| queue.items.len());
    }

    /// Queues the answer to a call before the messages that the call caused.
    pub(crate) fn reply(&self, message: Outgoing) {
        self.add_answer(message, |queue| match queue.is_holding() {
            true => {
                queue.free += 1;
                queue.free - 1
            }
            false => queue.items.len(),
        });
    }

    fn add_answer(&self, message: Outgoing, place: impl FnOnce(&mut OutboxQueue) -> usize) {
        let mut queue = self.queue.lock();
        if queue.closing.is_some() {
            return;
        }
        queue.answer_bytes += message.size();
        let place = place(&mut queue);
        queue.items.insert(place, Item::Answer(message));
        self.wake(queue);
    }

    /// Whether the client may make another call: it has read enough of the answers to earlier ones.
    pub(crate) fn has_room(&self) -> bool {
        self.queue.lock().has_room(self.limit)
    }

    /// Waits until the client may make another call.
    pub(crate) async fn room(&self) {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            {
                let mut queue = self.queue.lock();
                if queue.has_room(self.limit) {
                    return;
                }
                queue.room_awaited = true;
            }
            room.await;
        }
    }

    /// Queues a change of state, or remembers its keys if there is no room.
    pub(crate) fn push_state(&self, message: &Outgoing, keys: &Arc<[KeyName]>) {
        let mut queue = self.queue.lock();
        if queue.closing.is_some() {
            return;
        }
        if queue.behind.is_empty() && queue.bytes <= self.limit {
            queue.bytes += message.size();
            queue.items.push_back(Item::State(message.clone(), Arc::clone(keys)));
        } else {
            queue.fold(keys);
        }
        self.wake(queue);
    }

    /// Queues a mark, which says how much of the state the client has. It is omitted if changes
    /// before it were folded.
    pub(crate) fn mark(&self, message: &Outgoing) {
        if !self.queue.lock().catching_up {
            self.push_state(message, &Arc::default());
        }
    }

    /// Holds back what is queued from now on, and the answers to calls in progress, until the commits
    /// up to this one are stored.
    pub(crate) fn hold_until_stored(&self, commit: u64) {
        self.queue.lock().hold_until_stored(commit);
    }

    /// Sends what has waited until the commits up to this one are stored.
    pub(crate) fn stored(&self, commit: u64) {
        let mut queue = self.queue.lock();
        queue.stored(commit);
        if queue.has_waiting() {
            self.wake(queue);
        }
    }

    /// Closes the connection without what waits for the store.
    pub(crate) fn close_unstored(&self, closing: CloseFrame) {
        let mut queue = self.queue.lock();
        queue.discard_unstored();
        queue.closing.get_or_insert(closing);
        self.wake(queue);
        self.room.notify_waiters();
    }

    /// Holds back messages that are queued from now on, except answers, until the guard is dropped
    /// or 100 ms have passed.
    pub(crate) fn hold(&self) -> Hold<'_> {
        let mut queue = self.queue.lock();
        if queue.holds == 0 {
            queue.free = queue.items.len();
            queue.held_since = Some(Instant::now());
        }
        queue.holds += 1;
        Hold { outbox: self }
    }

    /// Closes the connection after everything queued so far is sent.
    pub(crate) fn close(&self, closing: CloseFrame) {
        let mut queue = self.queue.lock();
        queue.closing.get_or_insert(closing);
        self.wake(queue);
        self.room.notify_waiters();
    }

    /// Waits until the client has fallen too far behind. It may then read nothing, not even a close
    /// frame.
    pub(crate) async fn given_up(&self) {
        self.gave_up.notified().await;
    }

    /// Offers the newest picture of a stream. It replaces an older one that still waits.
    pub(crate) fn offer(&self, topic: &Arc<str>, frame: &Outgoing) {
        let mut queue = self.queue.lock();
        queue.streams.offer(topic, frame);
        self.wake(queue);
    }

    /// From now on, sends only streams that the client opens.
    pub(crate) fn streams_on_demand(&self) {
        self.queue.lock().streams.on_demand();
    }

    /// Opens a stream whose pictures the client acknowledges. Returns `false` if the client has too
    /// many streams open.
    pub(crate) fn open_stream(&self, topic: &str) -> bool {
        self.queue.lock().streams.open(topic)
    }

    /// Records that the client has drawn a picture.
    pub(crate) fn acknowledge(&self, topic: &str) {
        let mut queue = self.queue.lock();
        queue.streams.acknowledge(topic);
        self.wake(queue);
    }

    pub(crate) fn close_stream(&self, topic: &str) {
        self.queue.lock().streams.close(topic);
    }

    /// Waits until everything that was queued has been handed to the socket.
    pub(crate) async fn drained(&self) {
        loop {
            let drained = self.drained.notified();
            tokio::pin!(drained);
            drained.as_mut().enable();
            {
                let mut queue = self.queue.lock();
                if queue.is_drained() {
                    return;
                }
                queue.drain_awaited = true;
            }
            drained.await;
        }
    }

    /// Waits for something to do. For [`Next::Send`], `batch` is filled with the frames to send.
    ///
    /// # Cancellation
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn next(&self, batch: &mut Vec<Frame>) -> Next {
        loop {
            let held_until = {
                let mut queue = self.queue.lock();
                queue.wakeup = None;
                (queue.sending, queue.catching_up) = (false, false);
                if let Some(next) = queue.next(batch) {
                    queue.sending = true;
                    queue.catching_up = matches!(next, Next::CatchUp(_));
                    if take(&mut queue.room_awaited) {
                        self.room.notify_waiters();
                    }
                    return next;
                }
                if take(&mut queue.drain_awaited) {
                    self.drained.notify_waiters();
                }
                queue.held_since.map(|since| since + HOLD)
            };
            let Some(held_until) = held_until else {
                self.filled.notified().await;
                continue;
            };
            tokio::select! {
                () = self.filled.notified() => {}
                () = sleep_until(held_until) => self.queue.lock().release_long_hold(),
            }
        }
    }
}

/// Holds back the messages that a call causes; see [`Outbox::hold`].
pub(crate) struct Hold<'a> {
    outbox: &'a Outbox,
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let mut queue = self.outbox.queue.lock();
        queue.holds -= 1;
        if queue.holds == 0 {
            queue.held_since = None;
        }
        if queue.has_waiting() {
            self.outbox.wake(queue);
        }
    }
}

#[cfg(test)]
mod tests;
