//! Tests the readable log of messages on the wire.

use std::fs;

use selvedge::{Ctx, Server, run::ServerOptions, values::Attachment};
use serde_json::json;

use crate::support::{Client, start};

#[tokio::test]
async fn each_direction_is_written_in_its_section_and_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("network.log");
    let options = ServerOptions::new().log_network(&path);
    let server = Server::with_options("log", options);
    server.on_change("count", |cx: Ctx, count: i64| {
        cx.state().set("doubled", count * 2);
    });
    server.trigger("picture", |cx: Ctx| {
        let picture = Attachment::from(vec![0; 300]);
        cx.server.publish("pictures", picture).unwrap();
    });
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    client.snapshot().await;
    client.set(json!({"count": 3})).await.unwrap();
    client.trigger("picture", json!([])).await;
    running.stop().await.unwrap();
    let text = fs::read_to_string(path).unwrap();
    let headings: Vec<_> =
        text.lines().filter_map(|line| line.strip_prefix("=== ")?.split(',').next()).collect();
    assert_eq!(
        headings,
        ["event c→s", "initial state", "state c→s", "state s→c", "event c→s", "event s→c"]
    );
    assert!(text.contains("\"doubled\": 6"), "{text}");
    assert!(text.contains("\"(bytes: 300)\""), "{text}");
    assert!(!text.contains(crate::support::SECRET), "{text}");
}
