//! Tests clients without a socket, whose frames the program transfers.

use std::time::Duration;

use selvedge::{
    Ctx, Error, Server, StartOptions,
    run::{Backend, FrameStream},
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{Client, SECRET, TIMEOUT, frame, options};

fn without_sockets() -> StartOptions {
    StartOptions::new().backend(Backend::Generic).secret(SECRET)
}

fn call(id: &str, method: &str, args: Value) -> Vec<u8> {
    frame(&json!({"wslink": "1.0", "id": id, "method": method, "args": args, "kwargs": {}}))
}

fn hello() -> Vec<u8> {
    call("system:c0:1", "wslink.hello", json!([{ "secret": SECRET }]))
}

/// Returns the next message, which fits into one frame.
async fn next(stream: &mut FrameStream) -> Value {
    let frame = timeout(TIMEOUT, stream.next()).await.unwrap().unwrap();
    let value = rmpv::decode::read_value(&mut &frame[12..]).unwrap();
    crate::support::to_json(&value)
}

#[tokio::test]
async fn a_client_without_a_socket_shares_the_state() {
    let server = Server::new("frames");
    server.state().set("a", 1);
    server.trigger("double", |_: Ctx, by: i64| by * 2);
    let running = server.spawn(without_sockets()).await.unwrap();
    assert!(server.running());
    assert_eq!((server.port(), running.url()), (None, ""));
    let (mut sink, mut stream) = running.connect().unwrap();
    sink.send(hello()).await.unwrap();
    assert!(next(&mut stream).await["result"]["clientID"].is_string());
    assert_eq!(server.client_count(), 1);
    sink.send(call("rpc:c0:2", "trame.trigger", json!(["double", [4], {}]))).await.unwrap();
    assert_eq!(next(&mut stream).await["result"], 8);
    server.state().set("a", 2);
    server.state().flush();
    assert_eq!(next(&mut stream).await["result"], json!({"a": 2}));
    drop(sink);
    assert_eq!(stream.next().await, None);
    assert_eq!(stream.close_code(), Some((1000, "")));
    assert_eq!(server.client_count(), 0);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_frame_stream_ends_with_the_last_data_and_a_close_code() {
    let server = Server::new("frames");
    for _ in 0..2 {
        let running = server.spawn(without_sockets()).await.unwrap();
        let (mut sink, mut stream) = running.connect().unwrap();
        sink.send(hello()).await.unwrap();
        next(&mut stream).await;
        let taking = tokio::spawn(async move {
            let mut last = Value::Null;
            while let Some(frame) = stream.next().await {
                let value = rmpv::decode::read_value(&mut &frame[12..]).unwrap();
                last = crate::support::to_json(&value)["result"].take();
            }
            (last, stream.close_code())
        });
        server.state().set("bye", running.addresses().len());
        let report = running.stop().await.unwrap();
        assert!(report.addresses.is_empty());
        assert!(report.elapsed < Duration::from_millis(250), "{report:?}");
        let taken = taking.await.unwrap();
        assert_eq!(taken.1, Some((1001, "Server shutdown")));
        let late = call("rpc:c0:2", "trame.state.get", json!([]));
        assert!(matches!(sink.send(late).await, Err(Error::NotRunning)));
        assert!(matches!(running.connect(), Err(Error::NotRunning)));
        assert_eq!(server.client_count(), 0);
        server.state().set("bye", ());
    }
}

#[tokio::test]
async fn a_client_that_never_reads_its_close_frame_does_not_delay_the_stop() {
    let server = Server::new("frames");
    let running = server.spawn(without_sockets()).await.unwrap();
    let (mut sink, stream) = running.connect().unwrap();
    sink.send(hello()).await.unwrap();
    let stopped = timeout(Duration::from_secs(5), running.stop()).await;
    stopped.unwrap().unwrap();
    assert_eq!(server.client_count(), 0);
    drop(stream);
}

#[tokio::test]
async fn the_protocol_is_kept() {
    let server = Server::new("frames");
    let running = server.spawn(without_sockets()).await.unwrap();
    let (mut sink, mut stream) = running.connect().unwrap();
    sink.send(call("rpc:c0:1", "trame.state.get", json!([]))).await.unwrap();
    assert!(next(&mut stream).await["error"]["message"].is_string(), "no secret, no state");
    assert_eq!(server.client_count(), 0);
    let rubbish = sink.send(&b"rubbish"[..]).await.unwrap_err();
    assert!(matches!(rubbish, Error::Wslink(selvedge::values::Error::Protocol(_))), "{rubbish}");
    assert!(matches!(sink.send(hello()).await, Err(Error::NotRunning)));
    assert_eq!(stream.next().await, None);
    assert_eq!(stream.close_code(), Some((1002, "Protocol error")));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_frame_stream_runs_beside_sockets() {
    let server = Server::new("frames");
    let running = server.spawn(options()).await.unwrap();
    let mut other = Client::connect(&running).await;
    let (mut sink, mut stream) = running.connect().unwrap();
    sink.send(hello()).await.unwrap();
    next(&mut stream).await;
    let change = json!([[{"key": "a", "value": 5}]]);
    sink.send(call("rpc:c0:2", "trame.state.update", change)).await.unwrap();
    assert_eq!(other.pushed().await, json!({"a": 5}));
    drop((sink, stream));
    assert_eq!(running.stop().await.unwrap().connections_aborted, 0);
}

#[tokio::test(start_paused = true)]
async fn clients_without_a_hello_or_with_wrong_secrets_are_disconnected() {
    let server = Server::new("frames");
    let running = server.spawn(without_sockets()).await.unwrap();
    let (mut silent, mut stream) = running.connect().unwrap();
    let begin = tokio::time::Instant::now();
    assert_eq!(stream.next().await, None);
    assert_eq!(begin.elapsed().as_secs(), 5);
    assert_eq!(stream.close_code(), Some((1008, "No hello")));
    assert!(matches!(silent.send(hello()).await, Err(Error::NotRunning)), "it is too late");

    let (mut greeted, mut heard) = running.connect().unwrap();
    greeted.send(hello()).await.unwrap();
    next(&mut heard).await;

    let (mut guessing, mut stream) = running.connect().unwrap();
    let wrong = || call("system:c0:1", "wslink.hello", json!([{ "secret": "guess" }]));
    let mut sent = 0;
    while guessing.send(wrong()).await.is_ok() {
        sent += 1;
    }
    assert_eq!(sent, 3);
    while stream.next().await.is_some() {}
    assert_eq!(stream.close_code(), Some((1008, "Too many refused messages")));

    tokio::time::advance(Duration::from_secs(60)).await;
    greeted.send(call("rpc:c0:2", "trame.state.get", json!([]))).await.unwrap();
    assert!(next(&mut heard).await["result"]["state"].is_object(), "who is in stays in");
    drop((greeted, heard));
    running.stop().await.unwrap();
}
