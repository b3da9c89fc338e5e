//! Tests invalid input: it gets an error or closes its own connection, and the others continue.

use futures_util::{SinkExt, StreamExt};
use proptest::{collection::vec, prelude::*, test_runner::Config};
use selvedge::{Ctx, Running, Server};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, SECRET, TIMEOUT, frame, open, start, to_json};

/// Content bytes in each chunk of a long message.
const CHUNK: usize = 4_000_000;

async fn running() -> Running {
    let server = Server::new("bad input");
    server.state().set("a", 1);
    server.trigger("add", |_: Ctx, a: i64, b: i64| a + b);
    start(&server).await
}

/// Builds a frame with any header.
fn chunk(id: u32, offset: u32, total: u32, content: &[u8]) -> Message {
    let header = [id, offset, total].map(u32::to_le_bytes).concat();
    Message::Binary([&header, content].concat().into())
}

fn hello() -> Message {
    let hello =
        json!({"id": "system:c0:0", "method": "wslink.hello", "args": [{"secret": SECRET}]});
    Message::Binary(frame(&hello).into())
}

/// Sends the hello and these messages, and returns the server's close code.
async fn closed_after(running: &Running, messages: Vec<Message>) -> Option<u16> {
    let mut client = Client::hello(open(running).await).await;
    for message in messages {
        // The server may have closed before the last one.
        drop(client.socket().send(message).await);
    }
    client.closed().await
}

#[tokio::test]
async fn chunks_that_do_not_fit_together_end_their_connection() {
    let running = running().await;
    let mut bystander = Client::connect(&running).await;
    let half = [0xc0; 50];
    let misfits = [
        vec![chunk(1, 0, 100, &half), chunk(1, 25, 100, &half)],
        vec![chunk(1, 0, 100, &half), chunk(1, 0, 100, &half)],
        vec![chunk(1, 0, 100, &half), chunk(1, 50, 200, &half)],
        vec![chunk(1, 80, 100, &half)],
        vec![chunk(1, u32::MAX, 100, &half)],
        (0..100).map(|id| chunk(id, 0, 100, &half)).collect(),
    ];
    for messages in misfits {
        assert_eq!(closed_after(&running, messages).await, Some(1002));
    }
    assert_eq!(bystander.snapshot().await["a"], 1);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn announced_gigabytes_cost_nothing_and_may_stay_away() {
    let running = running().await;
    let mut client = Client::connect(&running).await;
    for id in 100..130 {
        let promise = chunk(id, 0, 1 << 30, &[0xc0]);
        client.socket().send(promise).await.unwrap();
    }
    assert_eq!(client.snapshot().await["a"], 1);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn arguments_of_a_wrong_type_are_answered_with_an_error() {
    let running = running().await;
    let mut client = Client::connect(&running).await;
    for (method, args) in [
        ("trame.state.update", json!([])),
        ("trame.state.update", json!([5])),
        ("trame.state.update", json!(["text"])),
        ("trame.state.update", json!([[5]])),
        ("trame.state.update", json!([[{"value": 1}]])),
        ("trame.state.update", json!([[{"key": 1}]])),
        ("trame.trigger", json!([])),
        ("trame.trigger", json!([5, [], {}])),
        ("trame.trigger", json!(["add", ["1", 2], {}])),
        ("trame.trigger", json!(["add", [1, 2, 3], {}])),
        ("trame.lifecycle.update", json!([{}])),
        ("trame.error.client", json!([])),
        ("trame.force.push", json!([[1]])),
        ("application.exit.later", json!([-1])),
        ("application.exit.later", json!(["soon"])),
    ] {
        let error = client.call(method, args.clone()).await.unwrap_err();
        let error = to_json(&error);
        assert_eq!(error["code"], -32001, "{method} {args}");
        assert_eq!(error["data"]["method"], method, "{args}");
    }
    for method in ["", "trame.", "trame.no", "no.such", "wslink.hello ", "Ω"] {
        let error = to_json(&client.call(method, json!([])).await.unwrap_err());
        assert_eq!(error["code"], -32601, "{method}");
    }
    assert_eq!(client.snapshot().await["a"], 1);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn any_value_of_a_call_id_comes_back() {
    let running = running().await;
    let mut client = Client::connect(&running).await;
    for id in [
        json!(5),
        json!(null),
        json!([1, {"a": 2}]),
        json!(""),
        json!("publish:trame.state.topic:0"),
        json!("x".repeat(100_000)),
    ] {
        let call = json!({"id": id, "method": "trame.trigger", "args": ["add", [1, 2], {}]});
        let call = Message::Binary(frame(&call).into());
        client.socket().send(call).await.unwrap();
        let answer = next(&mut client).await;
        assert_eq!(answer, json!({"wslink": "1.0", "id": id, "result": 3}));
    }
    running.stop().await.unwrap();
}

async fn next(client: &mut Client) -> Value {
    let message = timeout(TIMEOUT, client.socket().next()).await.unwrap();
    let Some(Ok(Message::Binary(frame))) = message else {
        panic!("{message:?}");
    };
    to_json(&rmpv::decode::read_value(&mut &frame[12..]).unwrap())
}

#[tokio::test]
async fn an_update_of_a_million_keys_is_taken_and_the_others_go_on() {
    // A build without optimization takes a minute for all of them.
    const KEYS: usize = if cfg!(debug_assertions) { 50_000 } else { 1_000_000 };
    let running = running().await;
    let mut client = Client::connect(&running).await;
    let mut bystander = Client::connect(&running).await;
    let changes: Vec<Value> =
        (0..KEYS).map(|key| json!({"key": format!("k{key}"), "value": key})).collect();
    let call = json!({"id": "rpc:c0:9", "method": "trame.state.update", "args": [changes]});
    let message = frame(&call).split_off(12);
    for (number, piece) in message.chunks(CHUNK).enumerate() {
        let piece = chunk(9, (number * CHUNK) as u32, message.len() as u32, piece);
        client.socket().send(piece).await.unwrap();
    }
    client.answer("rpc:c0:9").await.unwrap();
    let pushed = bystander.pushed().await;
    assert_eq!(pushed.as_object().unwrap().len(), KEYS);
    assert_eq!(pushed[format!("k{}", KEYS - 1)], KEYS - 1);
    bystander.set(json!({"k5": "five"})).await.unwrap();
    assert_eq!(client.pushed().await, json!({"k5": "five"}));
    running.stop().await.unwrap();
}

/// Returns a valid message, as bytes to corrupt.
fn call() -> impl Strategy<Value = Vec<u8>> {
    let calls = prop_oneof![
        Just(json!({"id": "rpc:c0:1", "method": "trame.state.get", "args": [], "kwargs": {}})),
        Just(
            json!({"id": "rpc:c0:2", "method": "trame.trigger", "args": ["add", [1, 2], {}], "kwargs": {}})
        ),
        Just(
            json!({"id": "rpc:c0:3", "method": "trame.state.update", "args": [[{"key": "b", "value": [1.5, {"c": null}]}]]})
        ),
    ];
    calls.prop_map(|call| frame(&call))
}

/// Returns bytes that are a frame, nearly a frame, or garbage.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let spoilt = (call(), vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)).prop_map(
        |(mut frame, changes)| {
            for (at, byte) in changes {
                let at = at.index(frame.len());
                frame[at] = byte;
            }
            frame
        },
    );
    let cut = (call(), any::<prop::sample::Index>()).prop_map(|(mut frame, at)| {
        frame.truncate(at.index(frame.len()));
        frame
    });
    prop_oneof![spoilt, cut, vec(any::<u8>(), 0..200)]
}

proptest! {
    #![proptest_config(Config { cases: 4, failure_persistence: None, ..Config::default() })]

    #[test]
    fn invalid_bytes_affect_no_other_client(attempts in vec((any::<bool>(), vec(bytes(), 1..6)), 60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let running = running().await;
            let mut bystander = Client::connect(&running).await;
            for (says_hello, frames) in attempts {
                let mut socket = open(&running).await;
                let hello = says_hello.then(hello);
                let frames = frames.into_iter().map(|bytes| Message::Binary(bytes.into()));
                for message in hello.into_iter().chain(frames) {
                    if socket.send(message).await.is_err() {
                        break;
                    }
                }
                drop(socket.close(None).await);
                while let Ok(Some(Ok(_))) = timeout(TIMEOUT, socket.next()).await {}
            }
            bystander.take_inbox();
            assert_eq!(bystander.trigger("add", json!([1, 2])).await, 3);
            running.stop().await.unwrap();
        });
    }
}
