//! Flush rounds.
//!
//! One thread at a time runs the rounds; what other threads commit meanwhile is sent at once and its listeners run in the
//! next round. A round sends what is pending, then runs each listener of the changed keys once, in the order in which
//! the keys changed and then of registration. What listeners set makes the next round.

use std::sync::Arc;

use super::{
    Key, Listener, Reaction, State,
    scope::{self, Cause},
};
use crate::wire::Packed;

/// How many listeners may set each other off one after another before it counts as a fight.
const MAX_DEPTH: u32 = 100;

/// The listeners of one round, each with the cause of its change, and the keys that changed.
struct Round {
    due: Vec<(Arc<Listener>, Cause)>,
    modified: Arc<[Key]>,
}

impl State {
    /// Sends what is pending to the clients and runs the change listeners, until there is nothing more to do.
    ///
    /// Does nothing before the server is ready, and nothing inside a change listener, whose changes go out when it has
    /// returned. A listener that sets off another one, which sets off the first again, and so on a hundred times, is
    /// stopped with an error in the log that names both.
    pub fn flush(&self) {
        if scope::is_listening(self.identity()) {
            return;
        }
        {
            let mut inner = self.store.lock();
            if !inner.ready {
                return;
            }
            inner.commit();
            if inner.flushing || inner.touched.is_empty() {
                return;
            }
            inner.flushing = true;
        }
        let mut rounds = Rounds { state: self, finished: false };
        while let Some(Round { due, modified }) = rounds.next() {
            for (listener, cause) in due {
                self.react(&listener, cause, &modified);
            }
        }
    }

    /// Lets flushes do their work from now on, and makes the first one.
    pub(crate) fn ready(&self) {
        self.store.notes.tell_waiting();
        self.store.lock().ready = true;
        self.flush();
    }

    /// Makes flushes wait for the next start.
    pub(crate) fn not_ready(&self) {
        self.store.lock().ready = false;
    }

    fn react(&self, listener: &Arc<Listener>, cause: Cause, modified: &Arc<[Key]>) {
        if cause.depth >= MAX_DEPTH {
            tracing::error!(
                "{listener} has set itself off {MAX_DEPTH} times, through its own changes or those of a listener that \
                 works against it, and was stopped; let one of them leave the value alone"
            );
            return;
        }
        let values = self.values(listener);
        let deeper = Cause { depth: cause.depth + 1, ..cause };
        let reaction = scope::listening(self.identity(), deeper, modified, || {
            listener.run(values, cause.client)
        });
        if let Reaction::Pending(future) = reaction {
            let sink = self.store.lock().sink.clone();
            if let Some(sink) = sink {
                sink.drive(future);
            }
        }
    }

    fn values(&self, listener: &Listener) -> Vec<Packed> {
        let inner = self.store.lock();
        let value = |key| inner.current(key).cloned().unwrap_or(Packed::nil());
        listener.keys.iter().map(|key| value(key)).collect()
    }
}

/// The right to run rounds, given back also when a listener panics.
struct Rounds<'a> {
    state: &'a State,
    finished: bool,
}

impl Rounds<'_> {
    /// Commits and collects the listeners that are due; `None` when everything is quiet.
    fn next(&mut self) -> Option<Round> {
        let mut inner = self.state.store.lock();
        inner.commit();
        if inner.touched.is_empty() {
            inner.flushing = false;
            self.finished = true;
            return None;
        }
        let touched = std::mem::take(&mut inner.touched);
        let modified = touched.keys().cloned().collect();
        let mut due: Vec<(Arc<Listener>, Cause)> = Vec::new();
        for (key, cause) in touched {
            for listener in inner.listeners.get(&key).into_iter().flatten() {
                match due.iter_mut().find(|(known, _)| Arc::ptr_eq(known, listener)) {
                    Some((_, known)) => *known = known.merge(cause),
                    None => due.push((Arc::clone(listener), cause)),
                }
            }
        }
        Some(Round { due, modified })
    }
}

impl Drop for Rounds<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.state.store.lock().flushing = false;
        }
    }
}

#[cfg(test)]
mod tests;
