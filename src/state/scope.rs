//! What the current thread is in the middle of.
//!
//! Inside a callback of the application, a change waits for the callback's end; inside a listener of a state, a flush of
//! that state is left to the flush that runs the listener; and a thread can suppress the listeners of what it sets.

use std::{
    cell::{Cell, RefCell},
    marker::PhantomData,
    sync::Arc,
};

use super::Key;
use crate::wire::ClientId;

thread_local! {
    static DEFERRED: Cell<u32> = const { Cell::new(0) };
    static LISTENING: RefCell<Vec<Listening>> = const { RefCell::new(Vec::new()) };
    static SUPPRESSED: RefCell<Vec<(usize, Vec<Key>)>> = const { RefCell::new(Vec::new()) };
}

/// Why a value changed: how many listeners one after another led to it, and which client was the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) depth: u32,
    pub(super) client: Option<ClientId>,
}

impl Cause {
    /// What holds for both: the shallower one, and a client only if it is the same.
    pub(super) fn merge(self, other: Cause) -> Cause {
        Cause {
            depth: self.depth.min(other.depth),
            client: self.client.filter(|client| other.client == Some(*client)),
        }
    }
}

struct Listening {
    state: usize,
    cause: Cause,
    modified: Arc<[Key]>,
}

/// While it exists, changes of this thread are flushed by whoever holds it.
pub(super) struct Defer {
    _not_send: PhantomData<*const ()>,
}

pub(super) fn defer() -> Defer {
    DEFERRED.set(DEFERRED.get() + 1);
    Defer { _not_send: PhantomData }
}

impl Drop for Defer {
    fn drop(&mut self) {
        DEFERRED.set(DEFERRED.get() - 1);
    }
}

/// Runs code whose changes are flushed by the caller afterwards.
pub(crate) fn deferred<T>(code: impl FnOnce() -> T) -> T {
    let _defer = defer();
    code()
}

/// Whether somebody further up flushes.
pub(super) fn is_deferred() -> bool {
    DEFERRED.get() > 0
}

/// Runs a listener of `state`, whose writes have `cause`, in a round in which `modified` changed.
pub(super) fn listening<T>(
    state: usize,
    cause: Cause,
    modified: &Arc<[Key]>,
    code: impl FnOnce() -> T,
) -> T {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            LISTENING.with_borrow_mut(Vec::pop);
        }
    }
    let modified = Arc::clone(modified);
    LISTENING.with_borrow_mut(|stack| stack.push(Listening { state, cause, modified }));
    let _leave = Leave;
    deferred(code)
}

fn innermost<T>(state: usize, read: impl FnOnce(&Listening) -> T) -> Option<T> {
    LISTENING.with_borrow(|stack| {
        stack.iter().rev().find(|listening| listening.state == state).map(read)
    })
}

/// Whether the thread is in a listener of `state`.
pub(super) fn is_listening(state: usize) -> bool {
    innermost(state, |_| ()).is_some()
}

/// Why the thread writes to `state`.
pub(super) fn cause(state: usize) -> Cause {
    innermost(state, |listening| listening.cause).unwrap_or_default()
}

/// What changed in the round whose listeners run on this thread.
pub(super) fn modified(state: usize) -> Option<Arc<[Key]>> {
    innermost(state, |listening| Arc::clone(&listening.modified))
}

/// Keeps listeners from running, see [`State::suppress_change_listeners`](super::State::suppress_change_listeners).
#[must_use = "listeners are suppressed until this is dropped"]
pub struct Suppressed {
    /// It belongs to the thread that made it.
    _not_send: PhantomData<*const ()>,
}

/// Suppresses the listeners of keys, or of all keys where none are named, for what this thread sets.
pub(super) fn suppress(state: usize, keys: Vec<Key>) -> Suppressed {
    SUPPRESSED.with_borrow_mut(|stack| stack.push((state, keys)));
    Suppressed { _not_send: PhantomData }
}

impl Drop for Suppressed {
    fn drop(&mut self) {
        SUPPRESSED.with_borrow_mut(Vec::pop);
    }
}

/// Whether listeners of a key are suppressed.
pub(super) fn is_suppressed(state: usize, key: &str) -> bool {
    SUPPRESSED.with_borrow(|stack| {
        stack.iter().any(|(known, keys)| {
            *known == state && (keys.is_empty() || keys.iter().any(|name| **name == *key))
        })
    })
}
