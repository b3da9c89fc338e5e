//! Application code may block: it computes, sleeps, or waits for a lock or a device.
//!
//! What must hold: code that blocks delays no other task. While the worker thread that polls the
//! sockets runs a task, tokio does not let another worker poll them, and a task that the running
//! one has just woken stays on its worker. So another thread takes the worker's place while
//! application code runs: at once, or, while callbacks come often, when the code takes long
//! ([`watch`]).

use std::{
    cell::Cell,
    future::poll_fn,
    pin::pin,
    time::{Duration, Instant},
};

use tokio::{
    runtime::{Handle, Id, RuntimeFlavor, worker_index},
    task::block_in_place,
};
use tracing::Span;

mod watch;

pub(crate) use watch::{Deferral, defer};

thread_local! {
    /// This worker runs code that may block.
    static MAY_BLOCK: Cell<bool> = const { Cell::new(false) };

    /// The library's task that this thread polls.
    static OWN_TASK: Cell<Option<OwnTask>> = const { Cell::new(None) };
}

/// A task that the library has spawned, while it is polled.
#[derive(Clone, Copy)]
struct OwnTask {
    runtime: Id,
    /// No code that may block has run in this poll, so the thread certainly has its worker.
    has_worker: bool,
}

/// Time after which code that has not returned, or not awaited, is named in a warning.
const LONG: Duration = Duration::from_secs(1);

/// Runs a function of the application that `callee` names, like [`may_block`], and warns when it
/// takes long.
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
/// On a worker of a multi-thread runtime, another thread takes the worker's place when the code
/// takes long. A current-thread runtime has no other thread: its tasks use [`run`].
pub(crate) fn may_block<T>(code: impl FnOnce() -> T) -> T {
    match worker() {
        Some(worker) => on_worker(worker, code),
        None => code(),
    }
}

/// Runs code that may block on a worker, which another thread stands in for when it takes long.
fn on_worker<T>((runtime, index): (Handle, usize), code: impl FnOnce() -> T) -> T {
    if MAY_BLOCK.get() {
        // The worker's place is taken care of. This leaves the runtime once more, for code that
        // runs in a future that the outer code waits for.
        return block_in_place(code);
    }
    let _blocking = Blocking::begin();
    let id = runtime.id();
    let watched = match OWN_TASK.get() {
        Some(task) if task.runtime == id => {
            OWN_TASK.set(Some(OwnTask { has_worker: false, ..task }));
            watch::run((id, index), task.has_worker, &runtime, code)
        }
        _ => Err(code),
    };
    watched.unwrap_or_else(|code| {
        lose_worker();
        block_in_place(code)
    })
}

/// Notes that a stand-in may have taken this thread's worker. The thread then has none until it
/// polls the next task.
fn lose_worker() {
    OWN_TASK.set(None);
}

/// The future of a task that the library has spawned on the runtime `id`.
///
/// Only there is it certain that the thread has a worker, and of which runtime: code of the
/// application may poll a future while it has entered another runtime.
pub(crate) async fn own_task<T>(id: Id, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    poll_fn(|context| {
        let task = OwnTask { runtime: id, has_worker: true };
        let _polling = Polling(OWN_TASK.replace(Some(task)));
        future.as_mut().poll(context)
    })
    .await
}

/// Restores the task that was polled before.
struct Polling(Option<OwnTask>);

impl Drop for Polling {
    fn drop(&mut self) {
        OWN_TASK.set(self.0);
    }
}

/// Code that may block runs on this thread until it is dropped.
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

/// Runs code that may block, on a thread for blocking work. The calling task may stop waiting for
/// it.
///
/// `None` when the runtime shuts down before the code has begun.
///
/// # Panics
/// When the code panics, and outside of a tokio runtime.
///
/// # Cancellation
/// Code that has begun goes on.
pub(crate) async fn run<T: Send + 'static>(code: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let span = Span::current();
    match tokio::task::spawn_blocking(move || span.in_scope(code)).await {
        Ok(value) => Some(value),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => None,
        },
    }
}

/// Like [`run`], for a task that does nothing else: it stays on its thread if another one can take
/// the worker's place, which costs less.
pub(crate) async fn run_in_place<T: Send + 'static>(
    code: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    match worker() {
        Some(worker) => Some(on_worker(worker, code)),
        None => run(code).await,
    }
}

/// The runtime of which this thread is a worker, and the worker's index.
fn worker() -> Option<(Handle, usize)> {
    let index = worker_index()?;
    let is_multi_thread = |handle: &Handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread;
    Some((Handle::try_current().ok().filter(is_multi_thread)?, index))
}
