use std::{
    io::{Read, Write},
    net::TcpStream,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::oneshot,
    task::JoinHandle,
};

use super::*;
use crate::blocking::{may_block, own_task};

const LIMIT: Duration = Duration::from_secs(20);

fn runtime(workers: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(workers).enable_all().build().unwrap()
}

/// Wakes a waiting task, perhaps deferred.
fn notify(waiting: &Arc<Notify>) {
    if defer(waiting).is_none() {
        waiting.notify_one();
    }
}

fn is_watched() -> bool {
    CURRENT.with_borrow(Option::is_some)
}

/// Watched runs before the code of a test: the first one of a worker makes its reserve.
const WARM_UP: usize = 3;

/// Runs code that may block in a task, once the task has run under watch for a few times.
fn under_watch<T: Send + 'static>(
    runtime: &Runtime,
    code: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let mut code = Some(code);
    let task = async move {
        let mut runs = 0;
        loop {
            let mut run = || {
                runs += usize::from(is_watched());
                (is_watched() && runs > WARM_UP).then(|| code.take().unwrap()())
            };
            if let Some(value) = may_block(&mut run) {
                return value;
            }
            tokio::task::yield_now().await;
        }
    };
    runtime.spawn(own_task(runtime.handle().id(), task))
}

#[test]
fn watched_code_may_wait_for_its_own_runtime() {
    for workers in [1, 2] {
        let runtime = runtime(workers);
        let task = under_watch(&runtime, || {
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
        });
        assert_eq!(runtime.block_on(task).unwrap(), ("spawned", "slept"));
    }
}

#[test]
fn code_inside_of_watched_code_may_block_too() {
    let runtime = runtime(2);
    let task = under_watch(&runtime, || {
        Handle::current().block_on(async {
            tokio::task::yield_now().await;
            may_block(|| Handle::current().block_on(async { "inside" }))
        })
    });
    assert_eq!(runtime.block_on(task).unwrap(), "inside");
}

#[test]
fn sockets_and_deferred_wakeups_are_served_while_watched_code_blocks() {
    for workers in [1, 2] {
        let runtime = runtime(workers);
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
            for _ in 0..2 {
                waiter.notified().await;
                notified.send(()).unwrap();
            }
        });
        let task = under_watch(&runtime, move || {
            for _ in 0..2 {
                notify(&waiting);
                told.recv_timeout(LIMIT).unwrap();
            }
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(LIMIT)).unwrap();
            stream.write_all(&[1]).unwrap();
            let mut answer = [0];
            stream.read_exact(&mut answer).unwrap();
            answer
        });
        assert_eq!(runtime.block_on(task).unwrap(), [2]);
    }
}

#[test]
fn a_deferred_wakeup_is_delivered_when_the_code_returns_or_panics() {
    let runtime = runtime(2);
    for panics in [false, true] {
        let waiting = Arc::new(Notify::new());
        let notifying = Arc::clone(&waiting);
        let task = under_watch(&runtime, move || {
            notify(&notifying);
            assert!(!panics, "on purpose");
        });
        runtime.block_on(waiting.notified());
        assert_eq!(runtime.block_on(task).is_err(), panics);
    }
    let task = runtime.spawn(async { (is_watched(), Handle::current().id()) });
    let own = runtime.handle().id();
    assert_eq!(runtime.block_on(task).unwrap(), (false, own), "the worker is as it was");
}

#[test]
fn a_thread_that_lost_its_worker_is_not_watched() {
    let runtime = runtime(1);
    let task = async {
        loop {
            let wait_for_stand_in = || {
                is_watched().then(|| {
                    let (sender, receiver) = mpsc::channel();
                    tokio::spawn(async move { sender.send(()).unwrap() });
                    receiver.recv_timeout(LIMIT).unwrap();
                })
            };
            if may_block(wait_for_stand_in).is_some() {
                break (0..100).all(|_| may_block(|| !is_watched()));
            }
            tokio::task::yield_now().await;
        }
    };
    let task = runtime.spawn(own_task(runtime.handle().id(), task));
    assert!(runtime.block_on(task).unwrap());
}

#[test]
fn each_worker_that_blocks_gets_a_stand_in() {
    let runtime = runtime(2);
    let (leave, left): (Vec<_>, Vec<_>) = (0..4).map(|_| mpsc::channel::<()>()).unzip();
    let (entered, have_entered) = mpsc::channel();
    let block = |left: mpsc::Receiver<()>| {
        let entered = entered.clone();
        under_watch(&runtime, move || {
            entered.send(()).unwrap();
            left.recv_timeout(LIMIT).unwrap();
        })
    };
    // All of them block at the same time, though there are only two workers.
    let tasks: Vec<_> = left.into_iter().map(block).collect();
    for _ in &tasks {
        have_entered.recv_timeout(LIMIT).unwrap();
    }
    leave.iter().for_each(|leave| leave.send(()).unwrap());
    for task in tasks {
        runtime.block_on(task).unwrap();
    }
}

#[test]
fn a_runtime_ends_while_watched_code_waits_for_it() {
    let runtime = runtime(2);
    let (entered, has_entered) = mpsc::channel();
    under_watch(&runtime, move || {
        let hour = async move {
            entered.send(()).unwrap();
            tokio::time::sleep(Duration::from_secs(3600)).await;
        };
        Handle::current().block_on(hour);
    });
    has_entered.recv_timeout(LIMIT).unwrap();
    let (ended, has_ended) = mpsc::channel();
    thread::spawn(move || {
        drop(runtime);
        ended.send(()).unwrap();
    });
    has_ended.recv_timeout(LIMIT).unwrap();
}

#[test]
fn only_the_first_code_of_a_poll_makes_a_reserve() {
    let runtime = runtime(1);
    let worker = (runtime.handle().id(), 0);
    let has_reserve = move || WATCH.state.lock().reserves.contains_key(&worker);
    let task = under_watch(&runtime, move || assert!(has_reserve()));
    runtime.block_on(task).unwrap();
    let task = async move {
        may_block(|| WATCH.state.lock().reserves.remove(&worker));
        (0..100).all(|_| may_block(|| !is_watched() && !has_reserve()))
    };
    assert!(runtime.block_on(runtime.spawn(own_task(runtime.handle().id(), task))).unwrap());
}

#[test]
fn the_end_of_the_watch_returns_code_whose_wakeups_wait() {
    let watched = Arc::new(Watched::new());
    let worker = (runtime(1).handle().id(), 0);
    let running = vec![RunningEntry { worker, begin: Instant::now(), code: Arc::clone(&watched) }];
    let mut state = WatchState { is_watching: true, running, ..WatchState::default() };
    state.reserves.insert(worker, Reserve::new().unwrap());
    let late = state.end();
    assert!(late.len() == 1 && Arc::ptr_eq(&late[0], &watched));
    assert!(!state.is_watching && state.reserves.is_empty() && state.running.is_empty());
}
