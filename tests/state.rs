//! Tests the shared state: what clients see and what they may change.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use selvedge::{Ctx, Server, calls::Rest, run::Backend};
use serde_json::json;
use tokio::time::sleep;

use crate::support::{Client, options, start};

#[tokio::test]
async fn a_new_client_gets_the_whole_state() {
    let server = Server::new("state");
    server.state().set("a", 1).set("drawer", true).client_only(&["drawer"]).unwrap();
    server.template("main", "<p>{{ a }}</p>");
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    let state = client.snapshot().await;
    assert_eq!(state["a"], 1);
    assert_eq!(state["trame__template_main"], "<p>{{ a }}</p>");
    assert_eq!(state["trame__client_only"], json!(["trame__busy", "drawer"]));
    assert_eq!(state["trame__scripts"], json!([]));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn the_others_get_a_change_and_all_get_what_follows_from_it() {
    let server = Server::new("state");
    server.state().set("count", 0);
    server.on_change("count", |cx: Ctx, count: i64| {
        cx.state().set("doubled", count * 2);
    });
    let running = start(&server).await;
    let (mut one, mut other) = (Client::connect(&running).await, Client::connect(&running).await);
    one.set(json!({"count": 3})).await.unwrap();
    assert_eq!(one.pushed().await, json!({"doubled": 6}), "no echo to the writer");
    assert_eq!(other.pushed().await, json!({"count": 3}));
    assert_eq!(other.pushed().await, json!({"doubled": 6}));
    assert_eq!(server.state().get::<i64>("count").unwrap(), 3);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_listener_corrects_what_a_client_set() {
    let server = Server::new("state");
    server.state().set("size", 5);
    server.on_change("size", |cx: Ctx, size: i64| {
        cx.state().set("size", size.min(10));
    });
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    client.set(json!({"size": 50})).await.unwrap();
    assert_eq!(client.pushed().await, json!({"size": 10}));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_client_cannot_write_what_belongs_to_the_framework() {
    let server = Server::new("state");
    server.template("main", "<p>true</p>");
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    let attack = json!({"trame__template_main": "<p>false</p>", "mine": 1});
    client.set(attack).await.unwrap_err();
    assert_eq!(
        client.pushed().await,
        json!({"trame__template_main": "<p>true</p>"}),
        "set back for the writer"
    );
    let state = Client::connect(&running).await.snapshot().await;
    assert_eq!(
        (&state["trame__template_main"], &state["mine"]),
        (&json!("<p>true</p>"), &json!(1))
    );
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_thread_of_the_application_needs_no_flush() {
    let server = Server::new("state");
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    let state = server.state().clone();
    std::thread::spawn(move || {
        state.set("from", "thread");
        state.set("and", "more");
    });
    let mut pushed = client.pushed().await;
    while pushed.get("and").is_none() {
        let later = client.pushed().await;
        pushed.as_object_mut().unwrap().extend(later.as_object().unwrap().clone());
    }
    assert_eq!(pushed, json!({"from": "thread", "and": "more"}));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_burst_arrives_whole_and_in_order() {
    let server = Server::new("state");
    server.trigger("burst", |cx: Ctx| {
        for number in 0..1000 {
            cx.state().set("number", number).flush();
        }
    });
    let running = start(&server).await;
    let mut clients = [Client::connect(&running).await, Client::connect(&running).await];
    clients[0].trigger("burst", json!([])).await;
    for client in &mut clients {
        for number in 0..1000 {
            assert_eq!(client.pushed().await, json!({ "number": number }));
        }
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn snapshots_and_pushes_have_one_order() {
    let server = Server::new("state");
    server.state().set("number", 0);
    let running = start(&server).await;
    let state = server.state().clone();
    let writer = std::thread::spawn(move || {
        for number in 1..=2000 {
            state.set("number", number).flush();
        }
    });
    for _ in 0..20 {
        let mut client = Client::connect(&running).await;
        let early = client.send("trame.state.get", json!([])).await;
        let snapshot = client.answer(&early).await.unwrap();
        let mut known = crate::support::to_json(&snapshot)["state"]["number"].as_i64().unwrap();
        // What arrived before the snapshot is older; what arrives after it follows without a gap.
        for before in client.take_inbox() {
            assert!(before["trame.state.topic"]["number"].as_i64().unwrap() <= known);
        }
        while known < 2000 && known % 97 != 0 {
            let next = client.pushed().await["number"].as_i64().unwrap();
            assert_eq!(next, known + 1);
            known = next;
        }
    }
    writer.join().unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_callback_may_change_any_state() {
    let (server, other) = (Server::new("state"), Server::new("other"));
    let child = server.create_child_server(selvedge::trame::Translator::with_prefix("part_"));
    server.state().set("seen", 0);
    other.state().set("seen", 0);
    server.on_context_change("jobs", |cx: Ctx, jobs: Option<i64>| {
        cx.state().set("jobs_seen", jobs.unwrap_or(0));
    });
    child.on_context_change("depth", |cx: Ctx, depth: Option<i64>| {
        cx.state().set("depth_seen", depth.unwrap_or(0));
    });
    let (of_other, of_child) = (other.state().clone(), child.context().clone());
    server.trigger("change", move |cx: Ctx, value: i64| {
        cx.server.context().state().set("jobs", value);
        of_child.state().set("depth", value);
        of_other.set("seen", value);
    });
    let (running, other_running) = (start(&server).await, start(&other).await);
    let mut client = Client::connect(&running).await;
    let mut of_other = Client::connect(&other_running).await;
    client.trigger("change", json!([3])).await;
    assert_eq!(of_other.pushed().await, json!({"seen": 3}));
    let mut seen = serde_json::Map::new();
    while seen.len() < 2 {
        seen.extend(client.pushed().await.as_object().unwrap().clone());
    }
    assert_eq!(json!(seen), json!({"jobs_seen": 3, "part_depth_seen": 3}));
    running.stop().await.unwrap();
    other_running.stop().await.unwrap();
}

#[tokio::test]
async fn async_listeners_that_set_each_other_off_are_stopped() {
    let server = Server::new("state");
    let runs = Arc::new(AtomicU32::new(0));
    for (key, next) in [("a", "b"), ("b", "a")] {
        let runs = runs.clone();
        server.on_change(key, move |cx: Ctx, value: i64| {
            let runs = runs.clone();
            async move {
                tokio::task::yield_now().await;
                runs.fetch_add(1, Ordering::Relaxed);
                cx.state().set(next, value + 1);
            }
        });
    }
    server.trigger("quick", |_: Ctx| ());
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    server.state().set("a", 1);
    while runs.load(Ordering::Relaxed) < 100 {
        client.pushed().await;
    }
    for _ in 0..50 {
        client.trigger("quick", json!([])).await;
    }
    assert_eq!(runs.load(Ordering::Relaxed), 100);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_value_set_just_before_a_flush_is_sent_with_it() {
    let server = Server::new("state");
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    server.on_change(["a", "b", "c", "d"], move |cx: Ctx, _: Rest| {
        told.send(cx.state().modified_keys()).unwrap();
    });
    let running = server.spawn(options().backend(Backend::Generic)).await.unwrap();
    let state = server.state();
    state.set("a", 1);
    sleep(Duration::from_millis(5)).await;
    state.set("b", 1).flush();
    state.set("c", 1);
    sleep(Duration::from_millis(7)).await; // 12 ms after the first one, and 7 after this one
    state.set("d", 1).flush();
    assert_eq!(heard.recv().await.unwrap(), ["a", "b"]);
    assert_eq!(heard.recv().await.unwrap(), ["c", "d"]);
    state.set("a", 2);
    assert_eq!(heard.recv().await.unwrap(), ["a"], "it is sent without a flush, too");
    running.stop().await.unwrap();
}
