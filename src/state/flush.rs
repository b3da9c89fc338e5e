//! Flush rounds.
//!
//! One thread at a time runs the rounds; what other threads commit in that time is sent at once and its listeners run
//! later. A round runs each listener of the changed keys once, in the order in which the keys changed and then of
//! registration. What listeners set makes the next round, which begins by sending it.
//!
//! A flush ends when its own changes have no more consequences. Its first round includes what others had left;
//! what others change after that is left to their flushes or to the sink. Otherwise a thread that changes values all
//! the time could keep a caller in its flush for ever.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use indexmap::IndexMap;

use super::{
    Key, Listener, Reaction, State,
    scope::{self, Cause, Caused},
    store::Inner,
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
    /// Sends what is pending to the clients and runs the change listeners, until the changes have no more consequences.
    ///
    /// Does nothing before the server is ready, and nothing inside a change listener, whose changes go out when it has
    /// returned. Returns without waiting for listeners when another thread is running them: that thread, or the server,
    /// runs those of these changes too. A listener that sets off another one, which sets off the first again, and so on a
    /// hundred times, is stopped with an error in the log that names both.
    ///
    /// Listeners that are plain functions run on the calling thread. They may block: a worker thread of tokio is replaced
    /// for that time.
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
        let mut rounds = Rounds::new(self);
        while let Some(Round { due, modified }) = rounds.next() {
            for (listener, cause) in due {
                self.react(&listener, cause, &modified, rounds.flush);
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

    fn react(&self, listener: &Arc<Listener>, cause: Cause, modified: &Arc<[Key]>, flush: u64) {
        if cause.depth >= MAX_DEPTH {
            tracing::error!(
                "{listener} has set itself off {MAX_DEPTH} times, through its own changes or those of a listener that \
                 works against it, and was stopped; let one of them leave the value alone"
            );
            return;
        }
        let values = self.values(listener);
        let deeper = Cause { depth: cause.depth + 1, flush: Some(flush), ..cause };
        let reaction = scope::listening(self.identity(), deeper, modified, || {
            listener.run(values, cause.client)
        });
        if let Reaction::Pending(future) = reaction {
            let sink = self.store.lock().sink.clone();
            let later = Cause { flush: None, ..deeper };
            if let Some(sink) = sink {
                sink.drive(Box::pin(Caused { state: self.identity(), cause: later, future }));
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
    /// What tells its changes from those of other flushes.
    flush: u64,
    count: u32,
    finished: bool,
}

impl<'a> Rounds<'a> {
    fn new(state: &'a State) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let flush = NEXT.fetch_add(1, Ordering::Relaxed);
        Rounds { state, flush, count: 0, finished: false }
    }

    /// Commits and collects the listeners that are due; `None` when there are no more consequences.
    fn next(&mut self) -> Option<Round> {
        let mut inner = self.state.store.lock();
        inner.commit();
        let touched = self.own(&mut inner);
        if touched.is_empty() {
            inner.flushing = false;
            self.finished = true;
            if let (false, Some(sink)) = (inner.touched.is_empty(), &inner.sink) {
                sink.listeners_due();
            }
            return None;
        }
        self.count += 1;
        let modified = touched.keys().cloned().collect();
        Some(Round { due: due(&inner, touched), modified })
    }

    /// Takes the changed keys whose listeners this flush runs.
    fn own(&self, inner: &mut Inner) -> IndexMap<Key, Cause> {
        if self.count == 0 {
            return std::mem::take(&mut inner.touched);
        }
        if self.count > MAX_DEPTH {
            return IndexMap::new();
        }
        let touched = std::mem::take(&mut inner.touched);
        let (own, others) =
            touched.into_iter().partition(|(_, cause)| cause.flush == Some(self.flush));
        inner.touched = others;
        own
    }
}

/// Each listener of the touched keys once, for the merged cause.
fn due(inner: &Inner, touched: IndexMap<Key, Cause>) -> Vec<(Arc<Listener>, Cause)> {
    let mut due: IndexMap<*const Listener, (Arc<Listener>, Cause)> = IndexMap::new();
    for (key, cause) in touched {
        for listener in inner.listeners.get(&key).into_iter().flatten() {
            due.entry(Arc::as_ptr(listener))
                .and_modify(|(_, known)| *known = known.merge(cause))
                .or_insert_with(|| (Arc::clone(listener), cause));
        }
    }
    due.into_values().collect()
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
