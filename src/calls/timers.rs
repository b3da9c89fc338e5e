//! Functions that run at intervals while the server runs.

use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    callback::{Callback, Function, Outcome},
    functions::Deferred,
    registry::{FunctionId, Lifecycle, Role},
};
use crate::app::{Ctx, Inner, Server};

/// The shortest interval.
const SHORTEST: Duration = Duration::from_millis(1);

/// The longest interval: ten years.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

impl Server {
    /// Runs a function at intervals while the server runs, first after one interval.
    ///
    /// The function is awaited: ticks that fall due while it runs are skipped. It may block. What it
    /// sets is sent when it returns, and at each of its awaits. A failure is reported, and the timer
    /// goes on. Intervals are at least 1 ms.
    ///
    /// ```
    /// use std::time::Duration;
    /// use selvedge::{Ctx, Server};
    ///
    /// let server = Server::new("doc");
    /// server.state().set("seconds", 0);
    /// server.every(Duration::from_secs(1), |cx: Ctx| {
    ///     cx.state().update("seconds", |seconds: &mut u64| *seconds += 1)
    /// });
    /// ```
    pub fn every<M: 'static>(&self, interval: Duration, callback: impl Callback<Ctx, M>) -> Timer {
        let timer = Arc::new(Ticking {
            interval: interval.clamp(SHORTEST, LONGEST),
            function: self.bind(callback),
            current: Mutex::default(),
        });
        let started = Arc::clone(&timer);
        let hook = move |cx: Ctx| started.start(&cx.server);
        let event = Lifecycle::ServerReady.function_name();
        let hook = self.inner.functions.add(event, Role::Added, self.bind(hook));
        if self.hub().is_running() {
            timer.start(self);
        }
        Timer { server: Arc::downgrade(&self.inner), hook, timer }
    }
}

/// A function that runs at intervals; see [`Server::every`]. Dropping it does not stop it.
pub struct Timer {
    server: Weak<Inner>,
    hook: FunctionId,
    timer: Arc<Ticking>,
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("interval", &self.timer.interval).finish_non_exhaustive()
    }
}

impl Timer {
    /// Stops the timer for good. If its function is running, it is the last time. The function may
    /// call this.
    pub fn stop(&self) {
        if let Some(server) = self.server.upgrade() {
            server.functions.remove(Lifecycle::ServerReady.function_name(), self.hook);
        }
        let mut current = self.timer.current.lock();
        current.is_over = true;
        current.stopped.cancel();
    }
}

struct Ticking {
    interval: Duration,
    function: Function<Ctx>,
    current: Mutex<Current>,
}

/// The ticks of one run of the server.
#[derive(Default)]
struct Current {
    stopped: CancellationToken,
    /// Whether there must be no others.
    is_over: bool,
}

impl Ticking {
    /// Starts to tick, and ends earlier ticks.
    fn start(self: &Arc<Self>, server: &Server) {
        let stopped = CancellationToken::new();
        let mut current = self.current.lock();
        if current.is_over {
            return;
        }
        std::mem::replace(&mut current.stopped, stopped.clone()).cancel();
        drop(current);
        let (timer, server) = (Arc::clone(self), server.clone());
        server.hub().clone().spawn_until_ending(move |ending| async move {
            let mut next = Instant::now() + timer.interval;
            loop {
                tokio::select! {
                    biased;
                    () = stopped.cancelled() => return,
                    () = ending.cancelled() => return,
                    () = sleep_until(next) => timer.tick(&server).await,
                }
                next = after(next, timer.interval, Instant::now());
            }
        });
    }

    async fn tick(&self, server: &Server) {
        let callee = format!("the function that runs every {:?}", self.interval);
        let result = match server.begin(Arc::clone(&self.function), callee.clone()).await {
            Some(Outcome::Ready(result)) => result,
            Some(Outcome::Pending(future)) => Deferred(future).await,
            // The runtime is shutting down.
            None => return,
        };
        server.report(&callee, result);
    }
}

/// Returns the first tick after `now`, and skips those before it.
fn after(tick: Instant, interval: Duration, now: Instant) -> Instant {
    let missed = now.saturating_duration_since(tick).as_nanos() / interval.as_nanos();
    let ahead = interval.as_nanos().saturating_mul(missed + 1);
    tick + Duration::from_nanos(u64::try_from(ahead).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missed_ticks_are_skipped() {
        let (begin, interval) = (Instant::now(), Duration::from_millis(100));
        for (late, next) in [(0, 100), (50, 100), (99, 100), (100, 200), (150, 200), (1_000, 1_100)]
        {
            let now = begin + Duration::from_millis(late);
            assert_eq!(after(begin, interval, now) - begin, Duration::from_millis(next), "{late}");
        }
    }
}
