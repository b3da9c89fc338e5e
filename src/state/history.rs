//! The last commit of each key, so that a client that reconnects gets only what it missed.

use std::{
    collections::HashMap,
    process,
    time::{SystemTime, UNIX_EPOCH},
};

use super::Key;

/// A position in the order of the commits of one state.
///
/// It contains the name of the state, so that a client cannot resume with the state of a restarted
/// program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) state: String,
    pub(crate) commit: u64,
}

pub(super) struct History {
    now: Mark,
    last: HashMap<Key, u64>,
}

impl Default for History {
    fn default() -> Self {
        let age = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanos = age.map_or(0, |age| age.as_nanos());
        History {
            now: Mark { state: format!("{}-{nanos}", process::id()), commit: 0 },
            last: HashMap::new(),
        }
    }
}

impl History {
    /// Counts one commit.
    pub(super) fn record<'a>(&mut self, keys: impl ExactSizeIterator<Item = &'a Key>) {
        if keys.len() == 0 {
            return;
        }
        self.now.commit += 1;
        for key in keys {
            self.last.insert(Key::clone(key), self.now.commit);
        }
    }

    /// The mark of the newest commit.
    pub(super) fn now(&self) -> &Mark {
        &self.now
    }

    /// Whether a key has changed after a mark for which [`knows`](Self::knows) is true.
    pub(super) fn is_newer(&self, key: &str, mark: &Mark) -> bool {
        self.last.get(key).is_some_and(|last| *last > mark.commit)
    }

    /// Whether a mark belongs to this history.
    pub(super) fn knows(&self, mark: &Mark) -> bool {
        mark.state == self.now.state && mark.commit <= self.now.commit
    }
}
