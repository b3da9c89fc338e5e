//! Tests that the benchmark application does what load clients expect.

use selvedge::Running;
use serde_json::{Value, json};

use crate::support::{Client, Incoming, start, to_json};

const KEYS: usize = 1000;

async fn running() -> Running {
    start(&bench_app::app(KEYS).unwrap()).await
}

#[tokio::test]
async fn each_update_reaches_each_observer_twice_and_its_sender_once() {
    let running = running().await;
    let mut sender = Client::connect(&running).await;
    let mut observers = Vec::new();
    for _ in 0..20 {
        observers.push(Client::connect(&running).await);
    }
    for counter in 1..=10 {
        sender.set(json!({"counter": counter})).await.unwrap();
        assert_eq!(sender.pushed().await, json!({"doubled": 2 * counter}));
    }
    for observer in &mut observers {
        for counter in 1..=10 {
            assert_eq!(observer.pushed().await, json!({"counter": counter}));
            assert_eq!(observer.pushed().await, json!({"doubled": 2 * counter}));
        }
        observer.trigger("echo", json!([])).await;
        assert_eq!(observer.take_inbox(), Vec::<Value>::new());
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn bursts_arrive_whole_and_in_order() {
    let running = running().await;
    let (mut caller, mut other) =
        (Client::connect(&running).await, Client::connect(&running).await);
    caller.trigger("broadcast", json!([1024, 50, 7])).await;
    caller.trigger("broadcast", json!([3, 1, 12345])).await;
    for client in [&mut caller, &mut other] {
        for number in 7..57 {
            let blob = client.pushed().await["blob"].take();
            let blob = blob.as_str().unwrap();
            assert_eq!(blob.len(), 1024);
            assert_eq!(blob[..9], format!("{number:08}x"));
        }
        assert_eq!(client.pushed().await, json!({"blob": "00012345"}));
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn echo_and_stream_keep_bytes() {
    let running = running().await;
    let mut client = Client::connect(&running).await;
    let arguments = json!([1, 1.5, "é", [null, {"a": true}]]);
    assert_eq!(client.trigger("echo", arguments.clone()).await, arguments);
    client.trigger("stream", json!([100_000, 3, 5])).await;
    let mut first = None;
    for seq in 5..8 {
        let Incoming::Published { topic, data } = next(&mut client).await else {
            panic!("a frame was expected");
        };
        assert_eq!(topic, "bench.stream");
        let frame = to_json(&data);
        assert_eq!(frame, json!({"seq": seq, "data": {"$bytes": 100_000}}));
        assert_eq!(first.get_or_insert(data.clone())["data"], data["data"]);
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn ballast_is_part_of_the_snapshot() {
    let running = running().await;
    let state = Client::connect(&running).await.snapshot().await;
    assert_eq!(state["item_0"], 0);
    assert_eq!(state[format!("item_{}", KEYS - 1)], KEYS - 1);
    let own = state.as_object().unwrap().keys();
    assert_eq!(own.filter(|key| key.starts_with("item_")).count(), KEYS);
    assert!(state["trame__template_main"].as_str().unwrap().contains("background: #12ab34"));
    running.stop().await.unwrap();
}

async fn next(client: &mut Client) -> Incoming {
    if client.inbox.is_empty() {
        client.receive().await;
    }
    client.inbox.pop_front().unwrap()
}
