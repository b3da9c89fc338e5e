//! Pings that wait for their pongs.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Pings in the order in which they were sent. A waiter is woken by its pong, by a later one, or by
/// the end of the connection, which drops its sender.
#[derive(Default)]
pub(crate) struct Pings {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    pings: VecDeque<(Bytes, oneshot::Sender<()>)>,
    ended: bool,
}

impl Pings {
    /// Adds a ping; `None` if one with this payload is in flight. After the end, the waiter is
    /// woken at once.
    pub(crate) fn add(&self, payload: Bytes) -> Option<oneshot::Receiver<()>> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        // Removes pings whose callers have stopped waiting.
        waiting.pings.retain(|(_, sender)| !sender.is_closed());
        if waiting.pings.iter().any(|(known, _)| *known == payload) {
            return None;
        }
        if !waiting.ended {
            waiting.pings.push_back((payload, sender));
        }
        Some(receiver)
    }

    /// Handles a pong, which settles its ping and all older ones. A pong that matches no ping is
    /// ignored.
    pub(crate) fn settle(&self, payload: &Bytes) {
        let mut waiting = self.waiting.lock();
        let Some(position) = waiting.pings.iter().position(|(known, _)| known == payload) else {
            return;
        };
        for (_, sender) in waiting.pings.drain(..=position) {
            // The caller may have stopped waiting.
            let _ = sender.send(());
        }
    }

    /// Ends the waiting: no more pongs will arrive.
    pub(crate) fn end(&self) {
        let mut waiting = self.waiting.lock();
        waiting.ended = true;
        waiting.pings.clear();
    }
}
