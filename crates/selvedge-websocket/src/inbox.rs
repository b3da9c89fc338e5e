//! Messages that have arrived and wait for the application, bounded in number and bytes.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::message::Message;

/// The queue between the task that reads and the application.
pub(crate) struct Inbox {
    queue: Mutex<Queue>,
    arrived: Notify,
    taken: Notify,
    caught_up: Notify,
    max_messages: usize,
    max_bytes: usize,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<Message>,
    bytes: usize,
    ended: bool,
    /// Whether a message was delivered and its receiver has not asked for another one.
    busy: bool,
}

impl Inbox {
    pub(crate) fn new(max_messages: usize, max_bytes: usize) -> Self {
        Inbox {
            queue: Mutex::default(),
            arrived: Notify::new(),
            taken: Notify::new(),
            caught_up: Notify::new(),
            max_messages,
            max_bytes,
        }
    }

    /// Adds a message when there is room. An empty queue has room for any message.
    pub(crate) async fn push(&self, message: Message) {
        loop {
            let taken = self.taken.notified();
            {
                let mut queue = self.queue.lock();
                if queue.ended {
                    return;
                }
                let fits = queue.messages.len() < self.max_messages
                    && queue.bytes.saturating_add(message.len()) <= self.max_bytes;
                if fits || queue.messages.is_empty() {
                    queue.bytes += message.len();
                    queue.messages.push_back(message);
                    break;
                }
            }
            taken.await;
        }
        self.arrived.notify_one();
    }

    /// Waits for the next message; `None` if there will be none.
    pub(crate) async fn next(&self) -> Option<Message> {
        loop {
            let arrived = self.arrived.notified();
            {
                let mut queue = self.queue.lock();
                if let Some(message) = queue.messages.pop_front() {
                    queue.bytes -= message.len();
                    queue.busy = true;
                    let more = !queue.messages.is_empty();
                    drop(queue);
                    self.taken.notify_one();
                    if more {
                        // Several messages may have arrived before the notified task ran.
                        self.arrived.notify_one();
                    }
                    return Some(message);
                }
                if queue.ended {
                    drop(queue);
                    self.arrived.notify_one();
                    return None;
                }
                queue.busy = false;
            }
            self.caught_up.notify_one();
            arrived.await;
        }
    }

    /// Waits until the application asks for a message while there is none, which shows that it has
    /// handled all that were delivered.
    pub(crate) async fn caught_up(&self) {
        loop {
            let caught_up = self.caught_up.notified();
            {
                let queue = self.queue.lock();
                if queue.ended || (queue.messages.is_empty() && !queue.busy) {
                    return;
                }
            }
            caught_up.await;
        }
    }

    /// Ends the queue. Messages in it can still be taken.
    pub(crate) fn end(&self) {
        self.queue.lock().ended = true;
        self.arrived.notify_one();
        self.taken.notify_one();
    }

    /// Ends the queue and drops the messages in it.
    pub(crate) fn clear(&self) {
        let dropped = {
            let mut queue = self.queue.lock();
            queue.ended = true;
            queue.bytes = 0;
            std::mem::take(&mut queue.messages)
        };
        drop(dropped);
        self.arrived.notify_one();
        self.taken.notify_one();
    }
}
