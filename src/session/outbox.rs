//! What is on its way to one client.
//!
//! Messages leave in the order in which they came, with two exceptions that the protocol asks for:
//! - While a call of this client runs, what it causes is *held*, so that the answer leaves before it.
//! - Frames of a stream wait in a place of their own, where a newer one replaces an older one, and leave only when
//!   nothing else does: a slow page drops frames and never delays state.
//!
//! The outbox is bounded in bytes. Past the bound, state changes are folded: they are dropped together with those that wait, and
//! the client gets the latest values of all these keys once it has caught up. What cannot be folded past the bound ends the
//! connection with 1013.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use indexmap::IndexSet;
use tokio::sync::Notify;

use super::stream::Streams;
use crate::{state::Key, wire::chunk::Outgoing};

/// Bytes that are handed to the socket at a time.
const BATCH: usize = 256 * 1024;

/// The queue of one client. Filled from anywhere, emptied by the task that writes to the socket.
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    filled: Notify,
    gave_up: Notify,
    emptied: Notify,
    limit: usize,
}

struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
    holds: u32,
    /// How many items may leave while there are holds.
    free: usize,
    /// Keys whose latest values the client still has to get, since their changes were folded.
    behind: IndexSet<Key>,
    streams: Streams,
    closing: Option<Closing>,
    /// What was taken out last is still being written.
    sending: bool,
    /// The latest values of folded keys were asked for and are not queued yet.
    catching_up: bool,
}

enum Item {
    Message(Outgoing),
    State(Outgoing, Arc<[Key]>),
}

impl Item {
    fn message(&self) -> &Outgoing {
        match self {
            Item::Message(message) | Item::State(message, _) => message,
        }
    }
}

/// How the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    /// A close code of RFC 6455, section 7.4.
    pub(crate) code: u16,
    pub(crate) reason: &'static str,
}

/// What the writing task does next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Send the frames that were put into the batch.
    Send,
    /// The client has caught up: ask for the latest values of these keys.
    CatchUp(IndexSet<Key>),
    /// Say goodbye.
    Close(Closing),
}

impl Outbox {
    pub(super) fn new(limit: usize) -> Self {
        let queue = Queue {
            items: VecDeque::new(),
            bytes: 0,
            holds: 0,
            free: 0,
            behind: IndexSet::new(),
            streams: Streams::default(),
            closing: None,
            sending: false,
            catching_up: false,
        };
        Outbox {
            queue: Mutex::new(queue),
            filled: Notify::new(),
            gave_up: Notify::new(),
            emptied: Notify::new(),
            limit,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a message behind all others.
    pub(crate) fn send(&self, message: Outgoing) {
        self.add(message, false);
    }

    /// Queues the answer to a call before what the call caused.
    pub(crate) fn reply(&self, message: Outgoing) {
        self.add(message, true);
    }

    /// Queues a change of state, or remembers its keys if there is no room.
    pub(super) fn push_state(&self, message: &Outgoing, keys: &Arc<[Key]>) {
        let mut queue = self.lock();
        if queue.closing.is_some() {
            return;
        }
        if queue.behind.is_empty() && queue.bytes <= self.limit {
            queue.bytes += message.size();
            queue.items.push_back(Item::State(message.clone(), Arc::clone(keys)));
        } else {
            queue.fold(keys);
        }
        drop(queue);
        self.filled.notify_one();
    }

    /// Queues a message that says how much of the state the client has. It is left out where changes before it were folded.
    pub(crate) fn mark(&self, message: &Outgoing) {
        if !self.lock().catching_up {
            self.push_state(message, &Arc::default());
        }
    }

    fn add(&self, message: Outgoing, before_held: bool) {
        let mut queue = self.lock();
        if queue.closing.is_some() {
            return;
        }
        if queue.bytes > self.limit {
            queue.fold(&[]);
        }
        if queue.bytes > self.limit {
            tracing::warn!(bytes = queue.bytes, "a client is too slow and was disconnected");
            queue.give_up();
            self.gave_up.notify_one();
        } else {
            queue.bytes += message.size();
            if before_held && queue.holds > 0 {
                let position = queue.free;
                queue.items.insert(position, Item::Message(message));
                queue.free += 1;
            } else {
                queue.items.push_back(Item::Message(message));
            }
        }
        drop(queue);
        self.filled.notify_one();
    }

    /// Holds back what is queued from now on, answers aside, until the guard is dropped.
    pub(crate) fn hold(&self) -> Hold<'_> {
        let mut queue = self.lock();
        if queue.holds == 0 {
            queue.free = queue.items.len();
        }
        queue.holds += 1;
        Hold { outbox: self }
    }

    /// Ends the connection once everything queued so far was sent.
    pub(crate) fn close(&self, closing: Closing) {
        self.lock().closing.get_or_insert(closing);
        self.filled.notify_one();
    }

    /// Resolves when the client has fallen too far behind. It reads nothing then, not even a goodbye, perhaps.
    pub(crate) async fn given_up(&self) {
        self.gave_up.notified().await;
    }

    /// Offers the newest frame of a stream. An older one that still waits is dropped.
    pub(super) fn offer(&self, topic: &Arc<str>, frame: &Outgoing) {
        self.lock().streams.offer(topic, frame);
        self.filled.notify_one();
    }

    /// From now on only streams that the client opens are sent to it.
    pub(crate) fn streams_on_demand(&self) {
        self.lock().streams.on_demand();
    }

    /// Starts a stream whose frames the client acknowledges. Says no when it has too many.
    pub(super) fn open_stream(&self, topic: &str) -> bool {
        self.lock().streams.open(topic)
    }

    /// The client has drawn a frame.
    pub(crate) fn acknowledge(&self, topic: &str) {
        self.lock().streams.acknowledge(topic);
        self.filled.notify_one();
    }

    pub(crate) fn close_stream(&self, topic: &str) {
        self.lock().streams.close(topic);
    }

    /// Resolves when everything that was queued has been handed to the socket.
    pub(crate) async fn drained(&self) {
        loop {
            let emptied = self.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.lock().is_drained() {
                return;
            }
            emptied.await;
        }
    }

    /// Waits for something to do, and fills `batch` with frames where that is to send them.
    ///
    /// # Cancellation
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn next(&self, batch: &mut Vec<Bytes>) -> Next {
        loop {
            {
                let mut queue = self.lock();
                (queue.sending, queue.catching_up) = (false, false);
                if let Some(next) = queue.next(batch) {
                    queue.sending = true;
                    queue.catching_up = matches!(next, Next::CatchUp(_));
                    return next;
                }
            }
            self.emptied.notify_waiters();
            self.filled.notified().await;
        }
    }
}

impl Queue {
    fn is_drained(&self) -> bool {
        !self.sending && self.items.is_empty() && self.behind.is_empty()
    }

    fn next(&mut self, batch: &mut Vec<Bytes>) -> Option<Next> {
        let mut size = 0;
        while size < BATCH && (self.holds == 0 || self.free > 0) {
            let Some(item) = self.items.pop_front() else {
                break;
            };
            self.free = self.free.saturating_sub(1);
            self.bytes -= item.message().size();
            size += item.message().size();
            batch.extend_from_slice(item.message().frames());
        }
        if !batch.is_empty() {
            return Some(Next::Send);
        }
        if self.holds == 0 && !self.behind.is_empty() {
            return Some(Next::CatchUp(std::mem::take(&mut self.behind)));
        }
        if let (Some(closing), true) = (self.closing, self.items.is_empty()) {
            return Some(Next::Close(closing));
        }
        batch.extend_from_slice(self.streams.next()?.frames());
        Some(Next::Send)
    }

    /// Turns all waiting changes of state, and those of `keys`, into keys whose latest values are due.
    fn fold(&mut self, keys: &[Key]) {
        let mut position = 0;
        let (mut bytes, mut free) = (self.bytes, self.free);
        let behind = &mut self.behind;
        self.items.retain(|item| {
            position += 1;
            let Item::State(message, folded) = item else {
                return true;
            };
            bytes -= message.size();
            if position <= self.free {
                free -= 1;
            }
            behind.extend(folded.iter().cloned());
            false
        });
        (self.bytes, self.free) = (bytes, free);
        self.behind.extend(keys.iter().cloned());
    }

    fn give_up(&mut self) {
        self.items.clear();
        self.behind.clear();
        self.streams = Streams::default();
        (self.bytes, self.free) = (0, 0);
        self.closing = Some(Closing { code: 1013, reason: "too slow: messages were lost" });
    }
}

/// Holds back what a call causes, see [`Outbox::hold`].
pub(crate) struct Hold<'a> {
    outbox: &'a Outbox,
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let mut queue = self.outbox.lock();
        queue.holds -= 1;
        drop(queue);
        self.outbox.filled.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::wire::chunk;

    fn message(text: &str) -> Outgoing {
        let mut buffer = chunk::new_message(text.len());
        buffer.extend_from_slice(text.as_bytes());
        chunk::finish(buffer, 1_000_000)
    }

    fn keys(names: &[&str]) -> Arc<[Key]> {
        names.iter().map(|name| Key::from(*name)).collect()
    }

    /// What leaves at once, as texts, then what the writer would wait for.
    fn drain(outbox: &Outbox) -> Vec<String> {
        let mut out = Vec::new();
        loop {
            let mut batch = Vec::new();
            match outbox.next(&mut batch).now_or_never() {
                Some(Next::Send) => out.extend(
                    batch.iter().map(|frame| String::from_utf8_lossy(&frame[12..]).into_owned()),
                ),
                Some(Next::CatchUp(keys)) => {
                    out.push(format!("catch up {keys:?}"));
                }
                Some(Next::Close(closing)) => {
                    out.push(format!("close {}", closing.code));
                    return out;
                }
                None => return out,
            }
        }
    }

    #[test]
    fn messages_leave_in_order() {
        let outbox = Outbox::new(1000);
        outbox.send(message("a"));
        outbox.push_state(&message("b"), &keys(&["k"]));
        outbox.reply(message("c"));
        assert_eq!(drain(&outbox), ["a", "b", "c"]);
        outbox.close(Closing { code: 1001, reason: "bye" });
        assert_eq!(drain(&outbox), ["close 1001"]);
    }

    #[test]
    fn an_answer_leaves_before_what_its_call_caused() {
        let outbox = Outbox::new(1000);
        outbox.send(message("before"));
        let hold = outbox.hold();
        outbox.push_state(&message("caused"), &keys(&["k"]));
        assert_eq!(drain(&outbox), ["before"]);
        let nested = outbox.hold();
        outbox.send(message("published"));
        outbox.reply(message("answer"));
        outbox.reply(message("answer 2"));
        assert_eq!(drain(&outbox), ["answer", "answer 2"]);
        drop(nested);
        assert!(drain(&outbox).is_empty());
        drop(hold);
        assert_eq!(drain(&outbox), ["caused", "published"]);
        let _hold = outbox.hold();
        outbox.reply(message("answer 3"));
        assert_eq!(drain(&outbox), ["answer 3"]);
    }

    #[test]
    fn a_slow_client_gets_the_latest_values_once_it_reads_again() {
        let outbox = Outbox::new(30);
        outbox.send(message("first"));
        for _ in 0..100 {
            outbox.push_state(&message("change of a"), &keys(&["a"]));
        }
        outbox.push_state(&message("change of b"), &keys(&["b"]));
        assert_eq!(drain(&outbox), ["first", r#"catch up {"a", "b"}"#]);
        outbox.push_state(&message("change of c"), &keys(&["c"]));
        assert_eq!(drain(&outbox), ["change of c"]);
    }

    #[test]
    fn a_mark_never_leaves_before_changes_that_were_folded() {
        let outbox = Outbox::new(30);
        outbox.push_state(&message("change"), &keys(&["a"]));
        outbox.mark(&message("mark"));
        assert_eq!(drain(&outbox), ["change", "mark"]);
        for _ in 0..100 {
            outbox.push_state(&message("change of a"), &keys(&["a"]));
            outbox.mark(&message("mark"));
        }
        let catch_up = outbox.next(&mut Vec::new()).now_or_never();
        assert!(matches!(catch_up, Some(Next::CatchUp(_))));
        outbox.mark(&message("too early"));
        outbox.push_state(&message("latest a"), &keys(&["a"]));
        assert_eq!(drain(&outbox), ["latest a"]);
        outbox.mark(&message("mark"));
        assert_eq!(drain(&outbox), ["mark"]);
    }

    #[test]
    fn folding_keeps_answers_and_their_place() {
        let outbox = Outbox::new(40);
        outbox.push_state(&message("change"), &keys(&["a"]));
        let hold = outbox.hold();
        outbox.push_state(&message("change too long for the bound"), &keys(&["b"]));
        outbox.push_state(&message("change"), &keys(&["c"]));
        outbox.reply(message("answer"));
        assert_eq!(drain(&outbox), ["answer"]);
        drop(hold);
        assert_eq!(drain(&outbox), [r#"catch up {"a", "b", "c"}"#]);
    }

    #[test]
    fn what_cannot_be_folded_past_the_bound_ends_the_connection() {
        let outbox = Outbox::new(30);
        outbox.send(message("a message that is longer than the bound goes out alone"));
        outbox.send(message("one more"));
        outbox.send(message("lost"));
        assert_eq!(drain(&outbox), ["close 1013"]);
    }

    #[test]
    fn streams_drop_frames_and_give_way() {
        let outbox = Outbox::new(1000);
        let topic: Arc<str> = "field".into();
        for frame in ["frame 1", "frame 2", "frame 3"] {
            outbox.offer(&topic, &message(frame));
        }
        outbox.send(message("state"));
        assert_eq!(drain(&outbox), ["state", "frame 3"]);
    }
}
