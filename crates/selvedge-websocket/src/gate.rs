//! A gate in front of a future: it is polled only after it was woken.
//!
//! A task that waits for several futures polls all of them whenever one is woken. Behind gates,
//! each is polled for itself: what wakes the writer does not cost a look at the reader.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use atomic_waker::AtomicWaker;

/// A future that is polled for the first time, and then only after it was woken.
///
/// ```
/// use selvedge_websocket::frames::Gate;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let gate = Gate::new(Box::pin(async { 42 }));
/// assert_eq!(gate.await, 42);
/// # }
/// ```
#[derive(Debug)]
pub struct Gate<F> {
    future: F,
    state: Arc<State>,
    /// Opens the gate and wakes the task; made of `state`.
    waker: Waker,
}

#[derive(Debug)]
struct State {
    is_open: AtomicBool,
    task: AtomicWaker,
}

impl Wake for State {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // An open gate means that the task was woken and has not polled the future yet.
        if !self.is_open.swap(true, Ordering::AcqRel) {
            self.task.wake();
        }
    }
}

impl<F: Future + Unpin> Gate<F> {
    /// Puts a gate in front of a future.
    pub fn new(future: F) -> Self {
        let state = Arc::new(State { is_open: AtomicBool::new(true), task: AtomicWaker::new() });
        Gate { future, waker: Waker::from(Arc::clone(&state)), state }
    }
}

impl<F: Future + Unpin> Future for Gate<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Gate { future, state, waker } = self.get_mut();
        // Before the gate is looked at, so that no wake-up is missed.
        state.task.register(context.waker());
        match state.is_open.swap(false, Ordering::AcqRel) {
            true => Pin::new(future).poll(&mut Context::from_waker(waker)),
            false => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, future::poll_fn};

    use tokio::{join, sync::Notify};

    use super::*;

    #[tokio::test]
    async fn a_future_is_polled_only_after_it_was_woken() {
        let (polls, ready, other) = (Cell::new(0), Notify::new(), Notify::new());
        let mut waiting = Box::pin(ready.notified());
        let gate = Gate::new(poll_fn(|context| {
            polls.set(polls.get() + 1);
            waiting.as_mut().poll(context)
        }));
        let wake = async {
            for _ in 0..3 {
                other.notify_one();
                other.notified().await;
                tokio::task::yield_now().await;
            }
            assert_eq!(polls.get(), 1, "the task was woken for other reasons");
            ready.notify_one();
        };
        join!(gate, wake);
        assert_eq!(polls.get(), 2);
    }

    #[tokio::test]
    async fn a_future_that_wakes_itself_is_polled_again() {
        let mut left = 3;
        Gate::new(poll_fn(|context| {
            left -= 1;
            context.waker().wake_by_ref();
            if left == 0 { Poll::Ready(()) } else { Poll::Pending }
        }))
        .await;
        assert_eq!(left, 0);
    }

    #[tokio::test]
    async fn a_gate_that_moves_to_another_task_wakes_that_task() {
        let ready = Arc::new(Notify::new());
        let waiting = Arc::clone(&ready);
        let mut gate = Gate::new(Box::pin(async move { waiting.notified().await }));
        poll_fn(|context| {
            assert!(Pin::new(&mut gate).poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        let task = tokio::spawn(gate);
        tokio::task::yield_now().await;
        ready.notify_one();
        task.await.unwrap();
    }
}
