//! Pings that wait for their pongs.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Pings in the order in which they were sent. A waiter is woken by its pong, by a later one, or by the end of the connection, which
/// drops its sender.
#[derive(Default)]
pub(super) struct Pings {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    pings: VecDeque<(Bytes, oneshot::Sender<()>)>,
    ended: bool,
}

impl Pings {
    /// Adds a ping; `None` when one with this payload is on its way. After the end the waiter is woken at once.
    pub(super) fn add(&self, payload: Bytes) -> Option<oneshot::Receiver<()>> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        // Those whose callers have given up make room.
        waiting.pings.retain(|(_, sender)| !sender.is_closed());
        if waiting.pings.iter().any(|(known, _)| *known == payload) {
            return None;
        }
        if !waiting.ended {
            waiting.pings.push_back((payload, sender));
        }
        Some(receiver)
    }

    /// A pong has come: it settles its ping and all older ones. One that fits no ping is ignored.
    pub(super) fn settle(&self, payload: &Bytes) {
        let mut waiting = self.waiting.lock();
        let Some(position) = waiting.pings.iter().position(|(known, _)| known == payload) else {
            return;
        };
        for (_, sender) in waiting.pings.drain(..=position) {
            // Whoever has stopped waiting is not interested.
            let _ = sender.send(());
        }
    }

    /// No pong will come any more.
    pub(super) fn end(&self) {
        let mut waiting = self.waiting.lock();
        waiting.ended = true;
        waiting.pings.clear();
    }
}
