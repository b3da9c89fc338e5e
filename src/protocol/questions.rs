//! Questions to clients: what waits for their answers, by number.

use std::collections::HashMap;

use parking_lot::Mutex;
use selvedge_wslink::ClientId;

/// What waits for answers. Only the client that was asked can answer.
pub(crate) struct Questions<T> {
    open: Mutex<Open<T>>,
}

struct Open<T> {
    /// The number of the last question.
    last: u64,
    waiting: HashMap<u64, (ClientId, T)>,
}

impl<T> Default for Questions<T> {
    fn default() -> Self {
        Questions { open: Mutex::new(Open { last: 0, waiting: HashMap::new() }) }
    }
}

impl<T> Questions<T> {
    /// Adds a question to a client. Returns its number.
    pub(crate) fn add(&self, client: ClientId, waiting: T) -> u64 {
        let mut open = self.open.lock();
        open.last += 1;
        let number = open.last;
        open.waiting.insert(number, (client, waiting));
        number
    }

    /// Adds a question again that was taken.
    pub(crate) fn put_back(&self, number: u64, client: ClientId, waiting: T) {
        self.open.lock().waiting.insert(number, (client, waiting));
    }

    /// Removes a question to this client.
    pub(crate) fn take(&self, number: u64, client: ClientId) -> Option<T> {
        let mut open = self.open.lock();
        if open.waiting.get(&number)?.0 != client {
            return None;
        }
        open.waiting.remove(&number).map(|(_, waiting)| waiting)
    }

    /// Removes all questions.
    pub(crate) fn clear(&self) {
        let ended = std::mem::take(&mut self.open.lock().waiting);
        drop(ended); // without the lock: it wakes waiting calls
    }
}
