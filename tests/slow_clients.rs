//! Tests clients that read slowly, or not yet: which are alive, and which fall behind.

use std::{cell::Cell, sync::mpsc, thread, time::Duration};

use selvedge::{Ctx, Server, State, values::Packed};
use serde_json::json;
use tokio::{
    io::AsyncReadExt,
    time::{sleep, timeout},
};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::support::{Client, TIMEOUT, options, start};

fn bytes(count: usize) -> Packed {
    Packed::encode(&selvedge::values::Attachment::from(vec![7; count])).unwrap()
}

#[tokio::test]
async fn a_client_that_reads_a_large_message_slowly_is_alive() {
    const SIZE: usize = 48 << 20;
    let server = Server::new("slow");
    server.state().set("large", bytes(SIZE));
    // The client reads for several heartbeats, and answers no ping in that time.
    let heartbeat = Duration::from_millis(1600);
    let running = server.spawn(options().heartbeat(heartbeat)).await.unwrap();
    let mut client = Client::connect(&running).await;
    client.send("trame.state.get", json!([])).await;
    let stream = client.socket().get_mut();
    let (mut buffer, mut read) = (vec![0; 64 << 10], 0);
    while read < SIZE {
        let count = timeout(TIMEOUT, stream.read(&mut buffer)).await.unwrap().unwrap();
        assert!(count > 0, "the connection ended after {read} bytes");
        read += count;
        sleep(Duration::from_millis(5)).await;
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_gone_after_a_heartbeat() {
    let server = Server::new("slow");
    server.state().set("large", bytes(48 << 20));
    let heartbeat = Duration::from_millis(200);
    let running = server.spawn(options().heartbeat(heartbeat)).await.unwrap();
    let mut client = Client::connect(&running).await;
    client.send("trame.state.get", json!([])).await;
    timeout(TIMEOUT, async {
        while server.client_count() > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("the connection ends");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn silence_counts_again_once_calls_have_let_the_server_read_on() {
    let heartbeat = Duration::from_millis(200);
    let server = Server::new("slow");
    // Blocks until more calls are waiting than the server reads, and for several heartbeats more.
    server.trigger("block", move |ctx: Ctx| {
        thread::sleep(5 * heartbeat);
        ctx.server.state().set("alive", ctx.server.client_count());
    });
    server.trigger("take", |_: Ctx, _: String| {});
    let running = server.spawn(options().heartbeat(heartbeat)).await.unwrap();
    let mut client = Client::connect(&running).await;
    client.send("trame.trigger", json!(["block", [], {}])).await;
    let large = "x".repeat(1 << 20);
    for _ in 0..16 {
        client.send("trame.trigger", json!(["take", [&large], {}])).await;
    }
    // From here on the client is silent: it answers no ping.
    timeout(TIMEOUT, async {
        while server.client_count() > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("the connection ends");
    assert_eq!(server.state().get::<usize>("alive").unwrap(), 1);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn answers_that_could_not_leave_yet_do_not_count_as_falling_behind() {
    let server = Server::new("slow");
    server.state().set("large", bytes(70 << 20)); // more than is kept for a client that does not read
    server.trigger("quick", |_: Ctx| "quick");
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    let first = client.send("trame.state.get", json!([])).await;
    let second = client.send("trame.state.get", json!([])).await;
    let third = client.send("trame.trigger", json!(["quick", [], {}])).await;
    server.publish("topic", "to a client with answers on their way").unwrap();
    for id in [first, second, third] {
        client.answer(&id).await.unwrap();
    }
    running.stop().await.unwrap();
}

/// A log layer of an application that shows the log in its pages.
struct LogToState(State);

impl<S: tracing::Subscriber> Layer<S> for LogToState {
    fn on_event(&self, _: &tracing::Event<'_>, _: Context<'_, S>) {
        thread_local!(static LOGGING: Cell<bool> = const { Cell::new(false) });
        if !LOGGING.replace(true) {
            self.0.update("lines", |lines: &mut u32| *lines += 1).unwrap();
            self.0.flush();
            LOGGING.set(false);
        }
    }
}

#[test]
fn a_log_layer_may_change_the_state_when_a_slow_client_is_dropped() {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let dropped = runtime.block_on(async {
            let server = Server::new("slow");
            server.state().set("lines", 0);
            let layer = LogToState(server.state().clone());
            let _guard =
                tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
            let running = start(&server).await;
            let mut client = Client::connect(&running).await;
            let piece = "x".repeat(1 << 20);
            for _ in 0..70 {
                server.publish("topic", &piece).unwrap();
            }
            while !matches!(client.closed().await, None | Some(1013)) {}
            let lines = server.state().get::<u32>("lines").unwrap();
            running.stop().await.unwrap();
            lines
        });
        done.send(dropped).unwrap();
    });
    let lines = is_done.recv_timeout(TIMEOUT).expect("nothing waits for itself");
    assert!(lines > 0, "the layer was asked");
}
