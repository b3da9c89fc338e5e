//! Functions that run at intervals while the server runs.

use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::{
    callback::{Arguments, Callback, Function, Outcome, function},
    functions::Deferred,
    registry::{FunctionId, Lifecycle, Role},
};
use crate::{
    app::{Ctx, Inner, Server},
    blocking,
    state::deferred,
};

/// The shortest interval.
const SHORTEST: Duration = Duration::from_millis(1);

impl Server {
    /// Runs a function at intervals while the server runs, first after one interval.
    ///
    /// The function is awaited: ticks that fall due meanwhile are skipped. It may block. What it
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
            interval: interval.max(SHORTEST),
            function: function(callback),
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
    /// Stops the timer for good. If its function is running, it is the last time.
    pub fn stop(&self) {
        if let Some(server) = self.server.upgrade() {
            server.functions.remove(Lifecycle::ServerReady.function_name(), self.hook);
        }
        self.timer.current.lock().cancel();
    }
}

struct Ticking {
    interval: Duration,
    function: Function<Ctx>,
    /// Ends the ticks of the current run.
    current: Mutex<CancellationToken>,
}

impl Ticking {
    /// Starts to tick, and ends earlier ticks.
    fn start(self: &Arc<Self>, server: &Server) {
        let stopped = CancellationToken::new();
        std::mem::replace(&mut *self.current.lock(), stopped.clone()).cancel();
        let (timer, server) = (Arc::clone(self), server.clone());
        server.hub().clone().spawn_until_ending(move |ending| async move {
            let mut ticks = interval_at(Instant::now() + timer.interval, timer.interval);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                tokio::select! {
                    _ = ticks.tick() => timer.tick(&server).await,
                    () = stopped.cancelled() => return,
                    () = ending.cancelled() => return,
                }
            }
        });
    }

    async fn tick(&self, server: &Server) {
        let callee = format!("the function that runs every {:?}", self.interval);
        let (function, context) = (Arc::clone(&self.function), Ctx::of(server, None));
        let arguments = Arguments::new(callee.clone(), Vec::new(), Default::default());
        let call = move || deferred(|| function(context, arguments));
        let result = match blocking::run(call).await {
            Some(Outcome::Ready(result)) => result,
            Some(Outcome::Pending(future)) => Deferred(future).await,
            // The runtime is shutting down.
            None => return,
        };
        server.report(&callee, result);
    }
}
