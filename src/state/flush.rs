//! Flush rounds.
//!
//! One thread at a time runs the rounds. What other threads commit during that time is sent at
//! once, and its listeners run later. A round runs each listener of the changed keys once, in the
//! order in which the keys changed and, for one key, in the order of registration. The changes that
//! listeners make form the next round, which begins by sending them.
//!
//! A flush ends when its own changes have no more consequences. Its first round includes changes
//! that other threads had already made; later changes of other threads are left to their flushes or
//! to the sink. Otherwise a thread that changes values all the time could keep another thread in
//! its flush forever.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use indexmap::IndexMap;
use selvedge_wslink::Packed;

use super::{
    KeyName, Listener, Reaction, State,
    scope::{self, Cause, Caused},
    store::Stored,
};

/// Maximum length of a chain of listeners that trigger each other; a longer chain is an error.
const MAX_DEPTH: u32 = 100;

/// The listeners of one round, each with the cause of its change, and the changed keys.
struct Round {
    due: Vec<(Arc<Listener>, Cause)>,
    modified: Arc<[KeyName]>,
}

impl State {
    /// Sends pending values to the clients and runs the change listeners, until the changes have no
    /// more consequences.
    ///
    /// Does nothing before the server is ready, or inside a change listener: the listener's changes
    /// are sent when it returns. If another thread is running listeners, this returns without
    /// waiting for them; that thread or the server also runs the listeners of these changes. If
    /// listeners trigger each other in a chain of more than a hundred, the chain is stopped, and an
    /// error in the log names the listener.
    ///
    /// Listeners that are plain functions run on the calling thread. They may block: a worker
    /// thread of tokio is replaced for that time.
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

    /// Enables flushes, and flushes for the first time.
    pub(crate) fn ready(&self) {
        self.store.notes.tell_waiting();
        self.store.lock().ready = true;
        self.flush();
    }

    /// Disables flushes until the next start.
    pub(crate) fn not_ready(&self) {
        self.store.lock().ready = false;
    }

    fn react(&self, listener: &Arc<Listener>, cause: Cause, modified: &Arc<[KeyName]>, flush: u64) {
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

/// The right to run rounds. It is returned even if a listener panics.
struct Rounds<'a> {
    state: &'a State,
    /// Distinguishes the changes of this flush from those of other flushes.
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

    /// Commits, and returns the listeners that are due; `None` when there are no more consequences.
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
    fn own(&self, inner: &mut Stored) -> IndexMap<KeyName, Cause> {
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

/// Returns each listener of the touched keys once, with the merged cause.
fn due(inner: &Stored, touched: IndexMap<KeyName, Cause>) -> Vec<(Arc<Listener>, Cause)> {
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
