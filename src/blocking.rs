//! Application code may block: it computes, sleeps, or waits for a lock or a device.
//!
//! What must hold: code that blocks delays no other task. While the worker thread that polls the sockets runs a task,
//! tokio does not let another worker poll them, and a task that the running one has just woken stays on its worker. So
//! a worker hands its place to another thread before it runs application code.

use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor, worker_index};

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
/// On a worker of a multi-thread runtime, another thread takes the worker's place. A current-thread runtime has no other
/// thread: its tasks use [`run`].
pub(crate) fn may_block<T>(code: impl FnOnce() -> T) -> T {
    match is_worker() {
        true => tokio::task::block_in_place(code),
        false => code(),
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
    match is_worker() {
        true => Some(tokio::task::block_in_place(code)),
        false => run(code).await,
    }
}

/// Whether this is a worker thread that another thread can stand in for.
fn is_worker() -> bool {
    let is_multi_thread = |handle: Handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread;
    worker_index().is_some() && Handle::try_current().is_ok_and(is_multi_thread)
}
