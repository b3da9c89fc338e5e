//! Tests streams of pictures and slow clients.

use selvedge::{Ctx, Server, values::Attachment};
use serde_json::json;

use crate::support::{Client, open, start};

#[tokio::test]
async fn a_stock_client_gets_the_frames_of_a_stream_as_messages() {
    let server = Server::new("streams");
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    server.stream("field", json!({"frame": 1})).unwrap();
    assert_eq!(client.published("field").await, json!({"frame": 1}));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_page_that_acknowledges_gets_the_newest_frame_after_a_pause() {
    let server = Server::new("streams");
    server.trigger("frame", |cx: Ctx, number: i64| cx.server.stream("field", number).unwrap());
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    assert_eq!(
        crate::support::to_json(
            &client.call("selvedge.hello", json!([{"version": 1}])).await.unwrap()
        ),
        json!({"version": 1, "development": cfg!(debug_assertions)})
    );
    client.call("selvedge.stream.open", json!(["field"])).await.unwrap();
    for number in 1..=5 {
        client.trigger("frame", json!([number])).await;
    }
    assert_eq!(client.published("field").await, 1);
    assert_eq!(client.published("field").await, 2);
    client.call("selvedge.stream.ack", json!(["field"])).await.unwrap();
    assert_eq!(client.published("field").await, 5, "3 and 4 were replaced");
    client.call("selvedge.stream.close", json!(["field"])).await.unwrap();
    client.trigger("frame", json!([6])).await;
    client.trigger("frame", json!([7])).await;
    assert!(client.take_inbox().is_empty());
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_page_that_connects_later_gets_the_newest_frame() {
    let server = Server::new("streams");
    let running = start(&server).await;
    server.stream("field", 1).unwrap();
    server.stream("field", 2).unwrap();
    let mut client = Client::connect(&running).await;
    client.call("selvedge.hello", json!([{"version": 1}])).await.unwrap();
    server.stream("field", 3).unwrap();
    client.call("selvedge.stream.open", json!(["field"])).await.unwrap();
    assert_eq!(client.published("field").await, 3);
    assert!(client.take_inbox().is_empty(), "not before it was opened, and once");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_client_that_stops_reading_affects_only_itself() {
    let server = Server::new("streams");
    let running = start(&server).await;
    let mut reader = Client::connect(&running).await;
    let mut stopped = Client::connect(&running).await;
    for number in 0..200u8 {
        let blob = Attachment::from(vec![number; 1 << 20]);
        server.state().batch(|batch| {
            batch.set("number", number).set("blob", &blob);
        });
        server.state().flush();
        assert_eq!(reader.pushed().await["number"], number);
    }
    // It never got more than fits, and it has the latest values once it reads again.
    let mut received = 0;
    while stopped.pushed().await["number"] != 199 {
        received += 1;
    }
    assert!(received < 100, "{received} of 200 messages were kept for it");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_stopped_reader_among_a_hundred_changes_nothing_for_the_others() {
    let server = Server::new("streams");
    let running = start(&server).await;
    let mut stopped = Client::connect(&running).await;
    let mut live = Vec::new();
    for _ in 0..100 {
        live.push(Client::connect(&running).await);
    }
    // Only this client gets more than sockets and its outbox hold; from then on its state changes
    // are folded.
    let stopped_id = id_of(&server, &mut stopped).await;
    for megabytes in [30, 30, 30] {
        let blob = Attachment::from(vec![7; megabytes << 20]);
        assert!(server.publish_to(stopped_id, "blob", blob).unwrap());
    }
    for number in 0..200 {
        server.state().set("number", number).flush();
        for client in &mut live {
            assert_eq!(client.pushed().await, json!({ "number": number }));
        }
    }
    let mut received = 0;
    while stopped.pushed().await["number"] != 199 {
        received += 1;
    }
    assert!(received < 100, "{received} of 200 changes were kept for it");
    assert_eq!(server.client_count(), 101);
    running.stop().await.unwrap();
}

/// Returns the server's id of a client.
async fn id_of(server: &Server, client: &mut Client) -> selvedge::calls::ClientId {
    let (told, heard) = tokio::sync::oneshot::channel();
    let told = std::sync::Mutex::new(Some(told));
    server.trigger("who", move |cx: Ctx| {
        let told = told.lock().unwrap().take();
        told.zip(cx.client()).map(|(told, client)| told.send(client).is_ok())
    });
    client.trigger("who", json!([])).await;
    heard.await.unwrap()
}

#[tokio::test]
async fn a_client_that_never_reads_is_dropped_when_messages_pile_up() {
    let server = Server::new("streams");
    let running = start(&server).await;
    let mut reader = Client::connect(&running).await;
    let stopped = Client::connect(&running).await;
    let megabyte = Attachment::from(vec![7; 1 << 20]);
    for _ in 0..100 {
        server.publish("blob", &megabyte).unwrap();
        reader.published("blob").await;
    }
    while server.client_count() > 1 {
        tokio::task::yield_now().await;
    }
    drop(stopped);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn many_clients_may_come_and_go() {
    let server = Server::new("streams");
    let running = start(&server).await;
    let mut clients = Vec::new();
    for _ in 0..50 {
        clients.push(Client::connect(&running).await);
        drop(open(&running).await);
    }
    assert_eq!(server.client_count(), 50);
    clients.truncate(10);
    while server.client_count() > 10 {
        tokio::task::yield_now().await;
    }
    server.publish("topic", 1).unwrap();
    for client in &mut clients {
        assert_eq!(client.published("topic").await, 1);
    }
    running.stop().await.unwrap();
}
