//! The values that a client has, as the server last sent them.

use indexmap::IndexMap;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::packed::Packed;

/// Values by key.
pub(crate) type Changes = IndexMap<String, Packed>;

/// The values as the server last sent them, and the number of updates.
pub(crate) struct Values {
    values: Mutex<Changes>,
    revision: watch::Sender<u64>,
}

impl Values {
    pub(crate) fn new() -> Self {
        Values { values: Mutex::default(), revision: watch::Sender::new(0) }
    }

    /// Applies changes.
    pub(crate) fn merge(&self, changes: Changes) {
        self.values.lock().extend(changes);
        self.revision.send_modify(|revision| *revision += 1);
    }

    /// Replaces the whole state; values that are not in the new one are removed.
    pub(crate) fn replace(&self, values: Changes) {
        *self.values.lock() = values;
        self.revision.send_modify(|revision| *revision += 1);
    }

    /// Returns the keys.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.values.lock().keys().cloned().collect()
    }

    /// Returns a receiver that is notified of each change.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    pub(crate) fn all(&self) -> Changes {
        self.values.lock().clone()
    }

    pub(crate) fn get(&self, key: &str) -> Option<Packed> {
        let values = self.values.lock();
        values.get(key).cloned()
    }
}
