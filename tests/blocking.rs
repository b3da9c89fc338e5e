//! Tests that blocking callbacks delay only themselves and the calls of their client.

use std::{
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use selvedge::{Ctx, Lifecycle, Running, Server};
use serde_json::json;
use tokio::{
    runtime::{Builder, Runtime},
    time::timeout,
};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    log::Log,
    support::{Client, TIMEOUT, options, request, start, to_json},
};

/// Every kind of runtime that a caller may use.
fn runtimes() -> [Runtime; 3] {
    let multi = |threads| Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let current = Builder::new_current_thread().enable_all().build();
    [current.unwrap(), multi(1).unwrap(), multi(4).unwrap()]
}

/// A callback that blocks its thread until the test lets it continue.
struct Gate {
    entered: tokio::sync::mpsc::UnboundedReceiver<()>,
    leave: mpsc::Sender<()>,
}

/// Returns the test's side of a gate, and the callback's.
fn gate() -> (Gate, impl Fn() + Clone + Send + Sync + 'static) {
    let (told, entered) = tokio::sync::mpsc::unbounded_channel();
    let (leave, left) = mpsc::channel::<()>();
    let left = Arc::new(Mutex::new(left));
    let block = move || {
        told.send(()).unwrap();
        left.lock().unwrap().recv_timeout(TIMEOUT).expect("let go in time");
    };
    (Gate { entered, leave }, block)
}

impl Gate {
    async fn entered(&mut self) {
        timeout(TIMEOUT, self.entered.recv()).await.expect("it begins in time").unwrap();
    }
}

/// Checks what other clients can do while a callback runs.
async fn others_are_served(server: &Server, running: &Running, other: &mut Client) {
    assert!(other.snapshot().await.is_object());
    assert_eq!(other.trigger("quick", json!([])).await, json!("quick"));
    server.state().set("seen", server.state().get::<i64>("seen").unwrap() + 1).flush();
    let seen = server.state().get::<i64>("seen").unwrap();
    while other.pushed().await["seen"] != json!(seen) {}
    let mut newcomer = Client::connect(running).await;
    assert_eq!(newcomer.trigger("quick", json!([])).await, json!("quick"));
    assert_eq!(request(running, "GET", "/index.html", &[]).await.status, 200);
}

fn server() -> Server {
    let server = Server::new("blocking");
    server.state().set("seen", 0).set("key", 0);
    server.trigger("quick", |_: Ctx| "quick");
    server
}

/// Runs a scenario in which `call` enters a blocking callback, on each kind of runtime: as the
/// first callback, and while callbacks are frequent.
fn check(
    set_up: impl Fn(&Server, Box<dyn Fn() + Send + Sync>),
    call: impl AsyncFn(&Server, &mut Client),
) {
    for (runtime, calls) in runtimes().iter().flat_map(|runtime| [(runtime, 0), (runtime, 200)]) {
        runtime.block_on(async {
            let server = server();
            let (mut gate, block) = gate();
            set_up(&server, Box::new(block));
            let running = start(&server).await;
            let mut other = Client::connect(&running).await;
            let mut caller = Client::connect(&running).await;
            for _ in 0..calls {
                other.trigger("quick", json!([])).await;
            }
            call(&server, &mut caller).await;
            gate.entered().await;
            others_are_served(&server, &running, &mut other).await;
            gate.leave.send(()).unwrap();
            running.stop().await.unwrap();
        });
    }
}

#[test]
fn a_trigger_that_blocks_delays_its_own_client_only() {
    check(
        |server, block| drop(server.trigger("block", move |_: Ctx| block())),
        async |_, caller| drop(caller.send("trame.trigger", json!(["block", [], {}])).await),
    );
}

#[test]
fn an_async_trigger_may_block_before_its_first_await() {
    check(
        |server, block| {
            let block = Arc::new(block);
            server.trigger("block", move |_: Ctx| {
                let block = block.clone();
                async move { block() }
            });
        },
        async |_, caller| drop(caller.send("trame.trigger", json!(["block", [], {}])).await),
    );
}

#[test]
fn an_async_trigger_may_block_between_two_awaits_where_there_are_workers() {
    for runtime in runtimes().into_iter().skip(1) {
        runtime.block_on(async {
            let server = server();
            let (mut gate, block) = gate();
            server.trigger("block", move |_: Ctx| {
                let block = block.clone();
                async move {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    block();
                }
            });
            let running = start(&server).await;
            let mut other = Client::connect(&running).await;
            let mut caller = Client::connect(&running).await;
            caller.send("trame.trigger", json!(["block", [], {}])).await;
            gate.entered().await;
            others_are_served(&server, &running, &mut other).await;
            assert_eq!(caller.trigger("quick", json!([])).await, json!("quick"));
            gate.leave.send(()).unwrap();
            running.stop().await.unwrap();
        });
    }
}

#[test]
fn an_rpc_method_that_blocks_delays_its_own_client_only() {
    check(
        |server, block| {
            server.rpc("test.block", move |_: Ctx| block());
        },
        async |_, caller| drop(caller.send("test.block", json!([])).await),
    );
}

#[test]
fn a_listener_that_blocks_delays_its_own_client_only() {
    check(
        |server, block| {
            server.on_change("key", move |_: Ctx, key: i64| {
                if key > 0 {
                    block()
                }
            });
        },
        async |_, caller| {
            let change = json!([[{"key": "key", "value": 1}]]);
            caller.send("trame.state.update", change).await;
        },
    );
}

#[test]
fn a_listener_that_blocks_on_a_change_of_the_program_delays_no_client() {
    check(
        |server, block| {
            server.on_change("key", move |_: Ctx, key: i64| {
                if key > 0 {
                    block()
                }
            });
        },
        async |server, _| {
            server.state().set("key", 1);
        },
    );
}

#[test]
fn hooks_that_block_delay_no_other_client() {
    for event in [Lifecycle::ConnectionOpened, Lifecycle::ConnectionClosed] {
        check(
            move |server, block| {
                let is_second = Mutex::new(0);
                server.on(event, move |cx: Ctx| {
                    let mut count = is_second.lock().unwrap();
                    *count += 1;
                    // The first client is the one that must be served.
                    let is_due = event == Lifecycle::ConnectionClosed || *count == 2;
                    drop(count);
                    if is_due && cx.server.running() {
                        block();
                    }
                });
            },
            async |_, caller| caller.socket().close(None).await.unwrap(),
        );
    }
}

#[test]
fn a_check_of_a_value_may_block() {
    check(
        |server, block| {
            server.state().validate("key", move |_: i64| {
                block();
                Ok(())
            });
        },
        async |_, caller| {
            let change = json!([[{"key": "key", "value": 1}]]);
            caller.send("trame.state.update", change).await;
        },
    );
}

#[test]
fn what_a_blocked_callback_flushes_reaches_everybody_at_once() {
    for runtime in runtimes() {
        runtime.block_on(async {
            let server = server();
            let (mut gate, block) = gate();
            server.trigger("block", move |cx: Ctx| {
                cx.state().set("progress", 1).flush();
                block();
                "done"
            });
            let running = start(&server).await;
            let mut other = Client::connect(&running).await;
            let mut caller = Client::connect(&running).await;
            let id = caller.send("trame.trigger", json!(["block", [], {}])).await;
            gate.entered().await;
            assert_eq!(other.pushed().await, json!({"progress": 1}));
            assert_eq!(caller.pushed().await, json!({"progress": 1}), "the caller sees it, too");
            gate.leave.send(()).unwrap();
            assert_eq!(to_json(&caller.answer(&id).await.unwrap()), json!("done"));
            running.stop().await.unwrap();
        });
    }
}

#[test]
fn a_backlog_delays_neither_its_answers_nor_pings() {
    for runtime in runtimes() {
        runtime.block_on(async {
            let server = server();
            let (mut gate, block) = gate();
            server.trigger("count", move |_: Ctx, number: i64| {
                if number == 100 {
                    block();
                }
                number
            });
            let running = start(&server).await;
            let mut client = Client::connect(&running).await;
            let mut ids = Vec::new();
            for number in 0..1000 {
                ids.push(client.send("trame.trigger", json!(["count", [number], {}])).await);
            }
            gate.entered().await;
            for id in &ids[..100] {
                client.answer(id).await.unwrap();
            }
            let socket = client.socket();
            socket.send(Message::Ping("still there?".into())).await.unwrap();
            let pong = timeout(TIMEOUT, socket.next()).await.expect("a pong in time");
            assert_eq!(pong.unwrap().unwrap(), Message::Pong("still there?".into()));
            gate.leave.send(()).unwrap();
            for (number, id) in ids.iter().enumerate().skip(100) {
                assert_eq!(to_json(&client.answer(id).await.unwrap()), json!(number));
            }
            running.stop().await.unwrap();
        });
    }
}

#[test]
fn a_stop_does_not_wait_for_a_backlog_nor_for_what_blocks() {
    for runtime in runtimes() {
        let (mut gate, block) = gate();
        runtime.block_on(async {
            let server = server();
            let (made, calls) = mpsc::channel();
            server.trigger("count", move |_: Ctx| {
                made.send(()).unwrap();
                block();
            });
            let running = server.spawn(options()).await.unwrap();
            let mut client = Client::connect(&running).await;
            for _ in 0..1000 {
                client.send("trame.trigger", json!(["count", [], {}])).await;
            }
            gate.entered().await;
            let begin = std::time::Instant::now();
            running.stop().await.unwrap();
            assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
            let _ = gate.leave.send(());
            assert_eq!(calls.try_iter().count(), 1, "no further call has begun");
        });
        drop(gate);
        runtime.shutdown_timeout(TIMEOUT);
    }
}

#[test]
fn a_stop_does_not_wait_for_a_listener_that_it_sets_off() {
    for runtime in runtimes() {
        let (mut gate, block) = gate();
        runtime.block_on(async {
            let server = server();
            server.on_change("key", move |_: Ctx, key: i64| {
                if key > 0 {
                    block()
                }
            });
            let running = start(&server).await;
            let begin = std::time::Instant::now();
            server.state().set("key", 1);
            running.stop().await.unwrap();
            assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
            gate.entered().await;
        });
        drop(gate);
        runtime.shutdown_timeout(TIMEOUT);
    }
}

#[test]
fn a_stop_waits_for_an_exit_hook_that_blocks_up_to_a_limit() {
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let (gate, block) = gate();
    runtime.block_on(async {
        let server = server();
        server.on(Lifecycle::ServerExited, move |_: Ctx| block());
        let running = start(&server).await;
        let begin = std::time::Instant::now();
        running.stop().await.unwrap();
        let elapsed = begin.elapsed().as_secs();
        assert!((5..15).contains(&elapsed), "{elapsed} s");
    });
    drop(gate);
    runtime.shutdown_timeout(TIMEOUT);
}

#[test]
fn a_thread_that_changes_values_all_the_time_delays_no_call() {
    for runtime in runtimes() {
        runtime.block_on(async {
            let server = server();
            server.on_change("busy", |_: Ctx, _: i64| thread::sleep(Duration::from_millis(4)));
            let running = start(&server).await;
            let state = server.state().clone();
            let (end, ended) = mpsc::channel::<()>();
            let busy = thread::spawn(move || {
                for number in 0.. {
                    state.set("busy", number).flush();
                    if ended.recv_timeout(Duration::from_micros(500)).is_ok() {
                        return;
                    }
                }
            });
            let mut client = Client::connect(&running).await;
            for number in 0..20 {
                client.set(json!({ "key": number })).await.unwrap();
                assert_eq!(client.trigger("quick", json!([])).await, json!("quick"));
            }
            let begin = std::time::Instant::now();
            running.stop().await.unwrap();
            assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
            end.send(()).unwrap();
            busy.join().unwrap();
        });
    }
}

#[tokio::test]
async fn a_callback_that_blocks_for_long_is_named() {
    let log = Log::start();
    let server = server();
    server.trigger("solve", |_: Ctx| thread::sleep(Duration::from_millis(1100)));
    server.call_trigger("solve", ()).await.unwrap();
    let log = log.text();
    assert!(log.contains("WARN") && log.contains("trigger `solve` blocked its thread"), "{log}");
}
