//! Application code may block: it computes, sleeps, or waits for a lock or a device.
//!
//! What must hold: code that blocks delays no other task. While the worker thread that polls the sockets runs a task,
//! tokio does not let another worker poll them, and a task that the running one has just woken stays on its worker. So
//! application code runs outside of its worker: another thread takes the worker's place, or, while callbacks come often,
//! [`watch`] sees to it that others go on.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use tokio::runtime::{Handle, RuntimeFlavor, worker_index};

mod watch;

pub(crate) use watch::notify;

thread_local! {
    /// This worker runs code that may block: another thread takes its place when that takes long.
    static MAY_BLOCK: Cell<bool> = const { Cell::new(false) };
}

/// Time after which code that has not returned, or not awaited, is named in a warning.
const LONG: Duration = Duration::from_secs(1);

/// Runs a function of the application that `callee` names, like [`may_block`], and warns when it takes long.
pub(crate) fn call<T>(callee: &str, code: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let value = may_block(code);
    let elapsed = begin.elapsed();
    if elapsed >= LONG {
        tracing::warn!(
            "{callee} blocked its thread for {elapsed:.1?}; later calls of the same client waited for it: \
             make it async, or let it start a task"
        );
    }
    value
}

/// Runs code that may block, on the calling thread.
///
/// On a worker of a multi-thread runtime, another thread takes the worker's place when the code takes long. A current-thread
/// runtime has no other thread: its tasks use [`run`].
pub(crate) fn may_block<T>(code: impl FnOnce() -> T) -> T {
    let Some(runtime) = worker() else {
        return code();
    };
    let _blocking = Blocking::begin();
    watch::run(&runtime, code).unwrap_or_else(|code| tokio::task::block_in_place(code))
}

/// This thread runs code that may block, until it is dropped.
struct Blocking;

impl Blocking {
    fn begin() -> Self {
        MAY_BLOCK.set(true);
        Blocking
    }
}

impl Drop for Blocking {
    fn drop(&mut self) {
        MAY_BLOCK.set(false);
    }
}

/// Runs code that may block, on a thread for blocking work. The calling task may stop waiting for it.
///
/// `None` when the runtime shuts down before the code has begun.
///
/// # Panics
/// When the code panics, and outside of a tokio runtime.
///
/// # Cancellation
/// Code that has begun goes on.
pub(crate) async fn run<T: Send + 'static>(code: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match tokio::task::spawn_blocking(code).await {
        Ok(value) => Some(value),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => None,
        },
    }
}

/// Like [`run`], for a task that does nothing else: it stays on its thread where another one can take the worker's place, which
/// costs less.
pub(crate) async fn run_in_place<T: Send + 'static>(
    code: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    match worker() {
        Some(_) => Some(may_block(code)),
        None => run(code).await,
    }
}

/// The runtime of which this is a worker that may not block.
fn worker() -> Option<Handle> {
    if MAY_BLOCK.get() {
        return None;
    }
    worker_index()?;
    let is_multi_thread = |handle: &Handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread;
    Handle::try_current().ok().filter(is_multi_thread)
}
