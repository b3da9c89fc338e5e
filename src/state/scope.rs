//! What the current thread is in the middle of.
//!
//! Inside a callback of the application, changes to any state wait for the callback's end. Inside a
//! listener of a state, a flush of that state is left to the flush that runs the listener. A thread
//! can also suppress the listeners of what it sets.

use std::{
    cell::{Cell, RefCell},
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use selvedge_wslink::ClientId;

use super::{KeyName, State};

thread_local! {
    static DEFERRED: RefCell<Vec<Vec<State>>> = const { RefCell::new(Vec::new()) };
    static REASONS: RefCell<Vec<Reason>> = const { RefCell::new(Vec::new()) };
    static SUPPRESSED: RefCell<Vec<Suppression>> = const { RefCell::new(Vec::new()) };
    static NEXT_SUPPRESSION: Cell<u64> = const { Cell::new(0) };
}

/// Why a value changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cause {
    /// Length of the chain of listeners that led to the change.
    pub(super) depth: u32,
    /// The client that made the first change.
    pub(super) client: Option<ClientId>,
    /// The flush whose listeners led to the change.
    pub(super) flush: Option<u64>,
}

impl Cause {
    /// Returns what holds for both: the lower depth, and the client only if it is the same. A flush
    /// stays responsible for the changes of its listeners.
    pub(super) fn merge(self, other: Cause) -> Cause {
        Cause {
            depth: self.depth.min(other.depth),
            client: self.client.filter(|client| other.client == Some(*client)),
            flush: self.flush.or(other.flush),
        }
    }
}

/// Why the thread writes to a state.
struct Reason {
    state: usize,
    cause: Cause,
    /// The keys that changed in the round whose listener runs; `None` in the future of an async
    /// listener.
    modified: Option<Arc<[KeyName]>>,
}

/// Delays the changes of this thread. Dropping it flushes the states that were changed.
pub(super) struct Defer {
    _not_send: PhantomData<*const ()>,
}

pub(super) fn defer() -> Defer {
    DEFERRED.with_borrow_mut(|stack| stack.push(Vec::new()));
    Defer { _not_send: PhantomData }
}

impl Drop for Defer {
    fn drop(&mut self) {
        let changed = DEFERRED.with_borrow_mut(Vec::pop).unwrap_or_default();
        changed.iter().for_each(State::flush);
    }
}

/// Runs code and then flushes the states that it changed, in the order of their first change.
pub(crate) fn deferred<T>(code: impl FnOnce() -> T) -> T {
    let _defer = defer();
    code()
}

/// Leaves the flush of a change to the end of the callback that made it. Returns `false` outside of
/// callbacks.
pub(super) fn flush_at_the_end(state: &State) -> bool {
    DEFERRED.with_borrow_mut(|stack| {
        let Some(changed) = stack.last_mut() else { return false };
        if !changed.iter().any(|known| known.identity() == state.identity()) {
            changed.push(state.clone());
        }
        true
    })
}

/// Runs a listener of `state` in a round in which `modified` changed. Its writes have `cause`.
pub(super) fn listening<T>(
    state: usize,
    cause: Cause,
    modified: &Arc<[KeyName]>,
    code: impl FnOnce() -> T,
) -> T {
    let modified = Some(Arc::clone(modified));
    because(Reason { state, cause, modified }, || deferred(code))
}

fn because<T>(reason: Reason, code: impl FnOnce() -> T) -> T {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            REASONS.with_borrow_mut(Vec::pop);
        }
    }
    REASONS.with_borrow_mut(|stack| stack.push(reason));
    let _leave = Leave;
    code()
}

/// The future of an async listener. Its later writes have the cause that started it.
pub(super) struct Caused {
    pub(super) state: usize,
    pub(super) cause: Cause,
    pub(super) future: BoxFuture<'static, ()>,
}

impl Future for Caused {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let reason = Reason { state: self.state, cause: self.cause, modified: None };
        because(reason, || self.future.as_mut().poll(context))
    }
}

fn innermost<T>(state: usize, read: impl FnOnce(&Reason) -> T) -> Option<T> {
    REASONS.with_borrow(|stack| stack.iter().rev().find(|reason| reason.state == state).map(read))
}

/// Whether the thread is in a listener of `state`.
pub(super) fn is_listening(state: usize) -> bool {
    modified(state).is_some()
}

/// Returns why the thread writes to `state`.
pub(super) fn cause(state: usize) -> Cause {
    innermost(state, |reason| reason.cause).unwrap_or_default()
}

/// Returns the keys that changed in the round whose listeners run on this thread.
pub(super) fn modified(state: usize) -> Option<Arc<[KeyName]>> {
    REASONS.with_borrow(|stack| {
        let mut reasons = stack.iter().rev().filter(|reason| reason.state == state);
        reasons.find_map(|reason| reason.modified.clone())
    })
}

struct Suppression {
    id: u64,
    state: usize,
    keys: Vec<KeyName>,
}

/// Suppresses listeners until it is dropped; see
/// [`State::suppress_change_listeners`](super::State::suppress_change_listeners).
#[must_use = "listeners are suppressed until this is dropped"]
#[derive(Debug)]
pub struct Suppressed {
    id: u64,
    /// It belongs to the thread that made it.
    _not_send: PhantomData<*const ()>,
}

/// Suppresses the listeners of these keys, or of all keys if `keys` is empty, for what this thread
/// sets.
pub(super) fn suppress(state: usize, keys: Vec<KeyName>) -> Suppressed {
    let id = NEXT_SUPPRESSION.replace(NEXT_SUPPRESSION.get() + 1);
    SUPPRESSED.with_borrow_mut(|all| all.push(Suppression { id, state, keys }));
    Suppressed { id, _not_send: PhantomData }
}

impl Drop for Suppressed {
    fn drop(&mut self) {
        SUPPRESSED.with_borrow_mut(|all| all.retain(|suppression| suppression.id != self.id));
    }
}

/// Whether the listeners of a key are suppressed.
pub(super) fn is_suppressed(state: usize, key: &str) -> bool {
    SUPPRESSED.with_borrow(|all| {
        all.iter().any(|Suppression { state: known, keys, .. }| {
            *known == state && (keys.is_empty() || keys.iter().any(|name| **name == *key))
        })
    })
}
