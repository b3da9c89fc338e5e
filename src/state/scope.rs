//! What the current thread is in the middle of.
//!
//! Inside a callback of the application, a change waits for the callback's end; inside a listener of a state, a flush of
//! that state is left to the flush that runs the listener.

use std::cell::{Cell, RefCell};

thread_local! {
    static DEFERRED: Cell<u32> = const { Cell::new(0) };
    static LISTENING: RefCell<Vec<(usize, u32)>> = const { RefCell::new(Vec::new()) };
}

/// Runs code whose changes are flushed by the caller afterwards.
pub(crate) fn deferred<T>(code: impl FnOnce() -> T) -> T {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            DEFERRED.set(DEFERRED.get() - 1);
        }
    }
    DEFERRED.set(DEFERRED.get() + 1);
    let _leave = Leave;
    code()
}

/// Whether somebody further up flushes.
pub(super) fn is_deferred() -> bool {
    DEFERRED.get() > 0
}

/// Runs a listener of `state`, whose writes count as caused by `depth` listeners one after another.
pub(super) fn listening<T>(state: usize, depth: u32, code: impl FnOnce() -> T) -> T {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            LISTENING.with_borrow_mut(Vec::pop);
        }
    }
    LISTENING.with_borrow_mut(|stack| stack.push((state, depth)));
    let _leave = Leave;
    deferred(code)
}

/// How many listeners one after another led to here; `None` outside the listeners of `state`.
pub(super) fn listener_depth(state: usize) -> Option<u32> {
    LISTENING.with_borrow(|stack| {
        stack
            .iter()
            .rev()
            .find(|(listening, _)| *listening == state)
            .map(|(_, depth)| *depth)
    })
}
