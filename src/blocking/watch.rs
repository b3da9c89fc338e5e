//! A watch over workers that run application code without a stand-in.
//!
//! Waking a thread that takes a worker's place costs more than most callbacks do. While callbacks come often, a worker runs
//! them without a stand-in, and a thread watches how long that takes.
//!
//! What must hold:
//! - The code runs outside of its runtime, like code in [`block_in_place`]: it may wait for a future, and what it spawns or
//!   wakes runs on other workers.
//! - At least one worker of the runtime is left for other tasks. When the code has run for a [`TICK`], the watch wakes that
//!   worker, which from then on polls the sockets.
//! - Wake-ups that are deferred ([`notify`]) are delivered when the code returns, and by the watch while it runs.

use std::{
    cell::RefCell,
    sync::{Arc, LazyLock},
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::{
    runtime::{Builder, Handle},
    sync::Notify,
    task::block_in_place,
};

/// How often the watch looks, and the time after which code counts as long.
const TICK: Duration = Duration::from_millis(1);

/// Longest time between two callbacks that come often.
const OFTEN: Duration = Duration::from_millis(2);

/// Time without callbacks after which the watch ends.
const IDLE: Duration = Duration::from_millis(100);

/// Name of the watching thread.
const THREAD: &str = "selvedge-watch";

static WATCH: LazyLock<Watch> = LazyLock::new(Watch::default);

thread_local! {
    /// The watched code that this thread runs.
    static CURRENT: RefCell<Option<Arc<Watched>>> = const { RefCell::new(None) };
}

/// Notifies one waiting task, like [`Notify::notify_one`]. In watched code it may take effect when the code returns, or up to
/// two ticks later.
pub(crate) fn notify(waiting: &Arc<Notify>) {
    let is_deferred = CURRENT.with_borrow(|watched| match watched {
        Some(watched) => {
            watched.defer(waiting);
            true
        }
        None => false,
    });
    if !is_deferred {
        waiting.notify_one();
    }
}

/// Runs code on this worker under watch. Gives the code back where the worker needs a stand-in.
pub(super) fn run<T, F: FnOnce() -> T>(runtime: &Handle, code: F) -> Result<T, F> {
    let Some(nowhere) = NOWHERE.as_ref() else {
        return Err(code);
    };
    let Some(watched) = WATCH.admit(runtime) else {
        return Err(code);
    };
    let _running = Running::begin(watched);
    let _no_stand_in = nowhere.enter();
    Ok(block_in_place(|| {
        let _own = runtime.enter();
        code()
    }))
}

/// A runtime that has been shut down. `block_in_place` asks the current runtime for a thread that takes the worker's place;
/// this one has none.
static NOWHERE: LazyLock<Option<Handle>> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().build().ok()?;
    let handle = runtime.handle().clone();
    runtime.shutdown_background();
    Some(handle)
});

/// Code that runs under watch.
struct Watched {
    runtime: Handle,
    begin: Instant,
    wakeups: Mutex<Wakeups>,
}

#[derive(Default)]
struct Wakeups {
    deferred: Vec<Arc<Notify>>,
    /// Another worker has been woken to poll the sockets.
    is_relieved: bool,
}

impl Watched {
    fn defer(&self, waiting: &Arc<Notify>) {
        let deferred = &mut self.wakeups.lock().deferred;
        if !deferred.last().is_some_and(|last| Arc::ptr_eq(last, waiting)) {
            deferred.push(Arc::clone(waiting));
        }
    }

    fn deliver(&self) {
        let deferred = std::mem::take(&mut self.wakeups.lock().deferred);
        deferred.iter().for_each(|waiting| waiting.notify_one());
    }

    /// Lets others go on if the code has run for long.
    fn relieve(&self) {
        if self.begin.elapsed() < TICK {
            return;
        }
        if !std::mem::replace(&mut self.wakeups.lock().is_relieved, true) {
            self.runtime.spawn(async {});
        }
        self.deliver();
    }
}

/// Ends the watch over code when it is dropped.
struct Running(Arc<Watched>);

impl Running {
    fn begin(watched: Arc<Watched>) -> Self {
        CURRENT.set(Some(Arc::clone(&watched)));
        Running(watched)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        CURRENT.set(None);
        WATCH.forget(&self.0);
        self.0.deliver();
    }
}

#[derive(Default)]
struct Watch(Mutex<State>);

#[derive(Default)]
struct State {
    running: Vec<Arc<Watched>>,
    /// The watching thread runs.
    is_watching: bool,
    /// When code was last to run.
    last: Option<Instant>,
}

impl Watch {
    /// Watches over code that this worker is about to run. `None` where the worker needs a stand-in.
    fn admit(&'static self, runtime: &Handle) -> Option<Arc<Watched>> {
        let now = Instant::now();
        let mut state = self.0.lock();
        let last = state.last.replace(now);
        if !state.is_watching {
            let comes_often = last.is_some_and(|last| now - last < OFTEN);
            state.is_watching = comes_often && self.start();
            return None;
        }
        if state.running.len() + 1 >= runtime.metrics().num_workers() {
            return None;
        }
        let watched =
            Arc::new(Watched { runtime: runtime.clone(), begin: now, wakeups: Mutex::default() });
        state.running.push(Arc::clone(&watched));
        Some(watched)
    }

    fn forget(&self, watched: &Arc<Watched>) {
        self.0.lock().running.retain(|running| !Arc::ptr_eq(running, watched));
    }

    fn start(&'static self) -> bool {
        let watch = || self.watch();
        thread::Builder::new().name(THREAD.to_owned()).spawn(watch).is_ok()
    }

    /// Looks after running code until none has come for a while.
    fn watch(&self) {
        loop {
            thread::sleep(TICK);
            let mut state = self.0.lock();
            if state.running.is_empty() && state.last.is_none_or(|last| last.elapsed() > IDLE) {
                state.is_watching = false;
                return;
            }
            let running = state.running.clone();
            drop(state);
            running.iter().for_each(|watched| watched.relieve());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpStream,
        sync::mpsc,
    };

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        sync::oneshot,
    };

    use super::*;
    use crate::blocking::may_block;

    fn runtime(workers: usize) -> tokio::runtime::Runtime {
        Builder::new_multi_thread().worker_threads(workers).enable_all().build().unwrap()
    }

    fn is_watched() -> bool {
        CURRENT.with_borrow(Option::is_some)
    }

    /// Runs code that may block, as often as it takes until it runs under watch.
    fn under_watch<T>(code: impl FnOnce() -> T) -> T {
        let mut code = Some(code);
        loop {
            let run = || is_watched().then(|| code.take().unwrap()());
            if let Some(value) = may_block(run) {
                return value;
            }
        }
    }

    #[test]
    fn watched_code_may_wait_for_its_own_runtime() {
        let runtime = runtime(2);
        let task = runtime.spawn(async {
            under_watch(|| {
                let (sender, receiver) = oneshot::channel();
                tokio::spawn(async move {
                    tokio::task::yield_now().await;
                    sender.send("spawned").unwrap();
                });
                let slept = Handle::current().block_on(async {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    "slept"
                });
                (receiver.blocking_recv().unwrap(), slept)
            })
        });
        assert_eq!(runtime.block_on(task).unwrap(), ("spawned", "slept"));
    }

    #[test]
    fn sockets_and_deferred_wakeups_are_served_while_watched_code_blocks() {
        let runtime = runtime(2);
        let waiting = Arc::new(Notify::new());
        let (notified, told) = mpsc::channel();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let byte = stream.read_u8().await.unwrap();
            stream.write_u8(byte + 1).await.unwrap();
        });
        let waiter = Arc::clone(&waiting);
        runtime.spawn(async move {
            waiter.notified().await;
            notified.send(()).unwrap();
            waiter.notified().await;
            notified.send(()).unwrap();
        });
        let task = runtime.spawn(async move {
            under_watch(|| {
                for _ in 0..2 {
                    notify(&waiting);
                    told.recv_timeout(Duration::from_secs(20)).unwrap();
                }
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                stream.write_all(&[1]).unwrap();
                let mut answer = [0];
                stream.read_exact(&mut answer).unwrap();
                answer
            })
        });
        assert_eq!(runtime.block_on(task).unwrap(), [2]);
    }

    #[test]
    fn a_deferred_wakeup_is_delivered_when_the_code_returns_or_panics() {
        let runtime = runtime(2);
        for panics in [false, true] {
            let waiting = Arc::new(Notify::new());
            let notifying = Arc::clone(&waiting);
            let task = runtime.spawn(async move {
                under_watch(|| {
                    notify(&notifying);
                    assert!(!panics, "on purpose");
                });
            });
            runtime.block_on(waiting.notified());
            assert_eq!(runtime.block_on(task).is_err(), panics);
        }
        let task = runtime.spawn(async { (is_watched(), Handle::current().id()) });
        let own = runtime.handle().id();
        assert_eq!(runtime.block_on(task).unwrap(), (false, own), "the worker is as it was");
    }

    #[test]
    fn one_worker_is_left_for_other_tasks() {
        let runtime = runtime(2);
        let (entered, second_may_begin) = mpsc::channel();
        let (leave, left) = mpsc::channel::<()>();
        let first = runtime.spawn(async move {
            under_watch(|| {
                entered.send(()).unwrap();
                left.recv_timeout(Duration::from_secs(20)).unwrap();
            });
        });
        second_may_begin.recv_timeout(Duration::from_secs(20)).unwrap();
        let second = runtime.spawn(async { (0..100).all(|_| may_block(|| !is_watched())) });
        assert!(runtime.block_on(second).unwrap());
        leave.send(()).unwrap();
        runtime.block_on(first).unwrap();

        let alone = self::runtime(1);
        let task = alone.spawn(async { (0..100).all(|_| may_block(|| !is_watched())) });
        assert!(alone.block_on(task).unwrap());
    }
}
