//! A late stand-in for workers that run application code.
//!
//! `block_in_place` wakes a thread that takes the worker's place, which costs more than most
//! callbacks do. While callbacks come often, each worker has a [`Reserve`] instead: a thread that
//! waits at a gate and takes the worker's place when the gate opens. A watching thread opens it for
//! code that has run for a [`TICK`].
//!
//! What must hold:
//! - Watched code runs outside of its runtime, like all code in [`block_in_place`]: it may wait for
//!   a future, and the tasks that it spawns or wakes run on other workers.
//! - Code runs under watch only while its worker has a reserve, and the reserve can find the
//!   worker's core: both are checked after `block_in_place` has put the core down.
//! - Wake-ups that are deferred ([`defer`]) are delivered when the code returns or the gate opens.
//!
//! This depends on how tokio makes a stand-in: `block_in_place` spawns it on the blocking pool of
//! the runtime whose handle is current. If that changes, workers get a stand-in at once, which
//! costs time and nothing else.

use std::{
    cell::RefCell,
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock, mpsc},
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::{
    runtime::{Builder, Handle, Id, Runtime},
    sync::Notify,
    task::block_in_place,
};

use super::lose_worker;

/// Polling interval of the watch, and the time after which code gets a stand-in.
const TICK: Duration = Duration::from_millis(1);

/// Longest time between two callbacks that start the watch.
const OFTEN: Duration = Duration::from_millis(2);

/// The watch ends after a period of this length with fewer than [`FEW`] callbacks.
const PERIOD: Duration = Duration::from_millis(100);

/// Callbacks in a [`PERIOD`] below which watching costs more than stand-ins do.
const FEW: u32 = 20;

static WATCH: LazyLock<Watch> = LazyLock::new(Watch::default);

thread_local! {
    /// The watched code that this thread runs.
    static CURRENT: RefCell<Option<Arc<Watched>>> = const { RefCell::new(None) };
}

/// A worker: its runtime and its index there.
pub(super) type Worker = (Id, usize);

/// Defers the wake-up of one waiting task until the watched code that calls this returns, or for up
/// to two ticks. Returns `None` if there is no such code: the caller has to wake the task.
pub(crate) fn defer(waiting: &Arc<Notify>) -> Option<Deferral> {
    CURRENT.with_borrow(|watched| {
        let code = watched.as_ref()?;
        code.defer(waiting).then(|| Deferral(Arc::as_ptr(code).addr()))
    })
}

/// A deferred wake-up, by the address of the code that deferred it. Code with the same address may
/// run later, but only after the wake-up was delivered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deferral(usize);

impl Deferral {
    /// Returns whether the calling code would not wake the task any earlier.
    pub(crate) fn is_by_caller(self) -> bool {
        CURRENT.with_borrow(|watched| {
            watched.as_ref().is_some_and(|code| Arc::as_ptr(code).addr() == self.0)
        })
    }
}

/// Runs code on this worker, of the runtime that is current, under watch. Returns the code when the
/// worker needs a stand-in at once.
///
/// A reserve is made only where the thread certainly has its worker (`has_worker`): without one,
/// tokio makes no stand-in, and the reserve could not take the worker's place later.
pub(super) fn run<T, F: FnOnce() -> T>(
    worker: Worker,
    has_worker: bool,
    runtime: &Handle,
    code: F,
) -> Result<T, F> {
    let Some(reserve) = WATCH.reserve(worker, has_worker) else {
        return Err(code);
    };
    let watched = Arc::new(Watched::new());
    let _delivering = Delivering(&watched);
    let stand_in = match &reserve {
        Some(new) => new.handle(),
        None => NOWHERE.clone(),
    };
    let Some(stand_in) = stand_in else {
        return Err(code);
    };
    let _stand_in = stand_in.enter();
    block_in_place(|| {
        if !WATCH.begin(worker, reserve, &watched) {
            return Err(code);
        }
        let _running = RunningCode(&watched);
        let _own = runtime.enter();
        Ok(code())
    })
}

/// A runtime that has been shut down: a stand-in that is spawned on it is dropped.
static NOWHERE: LazyLock<Option<Handle>> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().build().ok()?;
    let handle = runtime.handle().clone();
    runtime.shutdown_background();
    Some(handle)
});

/// A thread that can take a worker's place.
///
/// It is the only thread of the helper's blocking pool and waits at the gate. The first watched
/// code of the worker queues the stand-in behind it.
struct Reserve {
    /// Always there until the reserve is dropped or opened.
    helper: Option<Runtime>,
    /// The gate opens when this is dropped.
    _gate: mpsc::Sender<()>,
}

impl Reserve {
    fn new() -> Option<Self> {
        let mut builder = Builder::new_current_thread();
        let helper = builder.max_blocking_threads(1).thread_name("selvedge-spare").build().ok()?;
        let (gate, opened) = mpsc::channel();
        let wait = || helper.spawn_blocking(move || opened.recv().is_err());
        // It panics when the system has no thread left.
        if catch_unwind(AssertUnwindSafe(wait)).is_err() {
            helper.shutdown_background();
            return None;
        }
        Some(Reserve { helper: Some(helper), _gate: gate })
    }

    /// The handle of the helper.
    fn handle(&self) -> Option<Handle> {
        self.helper.as_ref().map(|helper| helper.handle().clone())
    }

    /// Opens the gate. The thread belongs to the returned runtime.
    fn open(mut self) -> Option<Runtime> {
        self.helper.take()
    }
}

impl Drop for Reserve {
    /// Opens the gate and lets the thread end; a stand-in that is queued runs before. Dropping the
    /// runtime would wait for the thread.
    fn drop(&mut self) {
        if let Some(helper) = self.helper.take() {
            helper.shutdown_background();
        }
    }
}

/// Code that runs under watch.
struct Watched {
    /// Deferred wake-ups. `None` once they are delivered: later ones are not deferred.
    wakeups: Mutex<Option<Vec<Arc<Notify>>>>,
}

impl Watched {
    fn new() -> Self {
        Watched { wakeups: Mutex::new(Some(Vec::new())) }
    }

    /// Defers a wake-up. Returns `false` if it has to be delivered now.
    fn defer(&self, waiting: &Arc<Notify>) -> bool {
        let mut wakeups = self.wakeups.lock();
        let Some(wakeups) = &mut *wakeups else {
            return false;
        };
        wakeups.push(Arc::clone(waiting));
        true
    }

    fn deliver(&self) {
        let wakeups = self.wakeups.lock().take();
        wakeups.into_iter().flatten().for_each(|waiting| waiting.notify_one());
    }
}

/// Delivers the wake-ups of code when it is dropped.
struct Delivering<'a>(&'a Arc<Watched>);

impl Drop for Delivering<'_> {
    fn drop(&mut self) {
        self.0.deliver();
    }
}

/// Ends the watch over code when it is dropped.
struct RunningCode<'a>(&'a Arc<Watched>);

impl Drop for RunningCode<'_> {
    fn drop(&mut self) {
        CURRENT.set(None);
        let mut state = WATCH.state.lock();
        let running = state.running.len();
        state.running.retain(|running| !Arc::ptr_eq(&running.code, self.0));
        if state.running.len() == running {
            // The gate is open.
            lose_worker();
        }
    }
}

#[derive(Default)]
struct Watch {
    state: Mutex<WatchState>,
}

/// Running code, the worker that runs it, and when it began.
struct RunningEntry {
    worker: Worker,
    begin: Instant,
    code: Arc<Watched>,
}

#[derive(Default)]
struct WatchState {
    is_watching: bool,
    /// When code was last about to run.
    last: Option<Instant>,
    /// Number of callbacks in this period.
    count: u32,
    /// Code that has no stand-in yet.
    running: Vec<RunningEntry>,
    reserves: HashMap<Worker, Reserve>,
    /// Helpers whose thread has taken a worker's place, and when.
    opened: Vec<(Instant, Runtime)>,
}

impl Watch {
    /// Prepares watched code. Returns a new reserve if the worker has none, and `None` if the
    /// worker needs a stand-in at once.
    fn reserve(&'static self, worker: Worker, has_worker: bool) -> Option<Option<Reserve>> {
        let now = Instant::now();
        let mut state = self.state.lock();
        let last = state.last.replace(now);
        state.count += 1;
        if !state.is_watching {
            let is_often = last.is_some_and(|last| now.saturating_duration_since(last) < OFTEN);
            state.is_watching = is_often && self.start();
            return None;
        }
        if state.reserves.contains_key(&worker) {
            return Some(None);
        }
        drop(state);
        has_worker.then(Reserve::new)?.map(Some)
    }

    /// Begins to watch over code. The core of its worker has been put down. Returns `false` if no
    /// reserve could take it.
    fn begin(&self, worker: Worker, reserve: Option<Reserve>, watched: &Arc<Watched>) -> bool {
        let mut state = self.state.lock();
        if !state.is_watching {
            return false;
        }
        if let Some(reserve) = reserve {
            state.reserves.insert(worker, reserve);
        }
        if !state.reserves.contains_key(&worker) {
            return false;
        }
        CURRENT.set(Some(Arc::clone(watched)));
        state.running.push(RunningEntry {
            worker,
            begin: Instant::now(),
            code: Arc::clone(watched),
        });
        true
    }

    fn start(&'static self) -> bool {
        let watch = || {
            let _ending = Ending;
            self.watch();
        };
        thread::Builder::new().name("selvedge-watch".to_owned()).spawn(watch).is_ok()
    }

    /// Watches until callbacks are rare.
    fn watch(&self) {
        let mut period = Instant::now();
        loop {
            thread::sleep(TICK);
            let mut state = self.state.lock();
            let late = state.open_gates();
            if period.elapsed() > PERIOD {
                let are_few = std::mem::take(&mut state.count) < FEW;
                if are_few && state.running.is_empty() && state.opened.is_empty() {
                    return;
                }
                state.end_helpers();
                period = Instant::now();
            }
            drop(state);
            late.iter().for_each(|code| code.deliver());
        }
    }
}

impl WatchState {
    /// Opens the gate for each code that takes long, and returns the code.
    fn open_gates(&mut self) -> Vec<Arc<Watched>> {
        let WatchState { running, reserves, opened, .. } = self;
        let is_late = |entry: &mut RunningEntry| entry.begin.elapsed() >= TICK;
        let open = |RunningEntry { worker, code, .. }| {
            let helper = reserves.remove(&worker).and_then(Reserve::open);
            opened.extend(helper.map(|helper| (Instant::now(), helper)));
            code
        };
        running.extract_if(.., is_late).map(open).collect()
    }

    /// Opens all gates and ends the threads. Returns the code that has begun to run a moment ago.
    fn end(&mut self) -> Vec<Arc<Watched>> {
        self.is_watching = false;
        self.reserves.clear();
        self.running.drain(..).map(|entry| entry.code).collect()
    }

    /// Shuts the helpers down whose thread took a worker's place a period ago. The thread ends when
    /// it is no worker any more.
    fn end_helpers(&mut self) {
        let is_over = |(begin, _): &mut (Instant, Runtime)| begin.elapsed() > PERIOD;
        self.opened.extract_if(.., is_over).for_each(|(_, helper)| helper.shutdown_background());
    }
}

/// Ends the watch when it is dropped, also if the watching thread panics.
struct Ending;

impl Drop for Ending {
    fn drop(&mut self) {
        let late = WATCH.state.lock().end();
        late.iter().for_each(|code| code.deliver());
    }
}

#[cfg(test)]
mod tests;
