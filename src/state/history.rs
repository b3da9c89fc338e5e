//! The order of the commits, so that a client that reconnects gets only what it missed.

use std::{
    process,
    time::{SystemTime, UNIX_EPOCH},
};

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
    /// The names of earlier histories that this one goes on with, each with the last commit of it
    /// that this state has.
    before: Vec<(String, u64)>,
}

impl Default for History {
    fn default() -> Self {
        let age = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanos = age.map_or(0, |age| age.as_nanos());
        History {
            now: Mark { state: format!("{}-{nanos}", process::id()), commit: 0 },
            before: Vec::new(),
        }
    }
}

impl History {
    /// Goes on after a commit of earlier histories, under another name.
    pub(super) fn continue_from(&mut self, name: String, commit: u64, before: Vec<(String, u64)>) {
        *self = History { now: Mark { state: name, commit }, before };
    }

    /// The number of the next commit.
    pub(super) fn next(&self) -> u64 {
        self.now.commit + 1
    }

    /// Counts one commit.
    pub(super) fn advance(&mut self) {
        self.now.commit += 1;
    }

    /// The mark of the newest commit.
    pub(super) fn now(&self) -> &Mark {
        &self.now
    }

    /// Whether a mark belongs to this history, or to the part of an earlier one that it goes on with.
    pub(super) fn knows(&self, mark: &Mark) -> bool {
        let now = (&self.now.state, &self.now.commit);
        let before = self.before.iter().map(|(name, last)| (name, last));
        std::iter::once(now)
            .chain(before)
            .any(|(name, last)| *name == mark.state && mark.commit <= *last)
    }
}
