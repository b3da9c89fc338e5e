//! Tests the client of state servers.

use selvedge::{
    Ctx, Running, Server,
    client::{Client, Error},
    values::{Attachment, Packed},
    websocket,
};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::url;
use crate::support::{SECRET, TIMEOUT, options, start};

fn app() -> Server {
    let server = Server::new("wslink");
    server.state().set("count", 1).set("doubled", 2);
    server.on_change("count", |cx: Ctx, count: i64| {
        cx.state().set("doubled", count * 2);
    });
    server.trigger("add", |_: Ctx, a: i64, b: i64| a + b);
    server.trigger("fail", |_: Ctx| -> Result<(), selvedge::Failure> {
        Err(selvedge::Failure::msg("it is broken"))
    });
    server.rpc("app.big", |_: Ctx, size: usize| Attachment(vec![7; size].into()));
    server
}

async fn client(running: &Running) -> Client {
    let builder = Client::builder(&url(running, "/ws")).unwrap();
    builder.secret(SECRET).open().await.unwrap()
}

#[tokio::test]
async fn it_calls_methods_and_triggers() {
    let running = start(&app()).await;
    let client = client(&running).await;
    assert!(client.id().unwrap().starts_with('c'));
    let sum = client.call_trigger("add", (2, 3)).await.unwrap();
    assert_eq!(sum.decode::<i64>().unwrap(), 5);
    assert!(client.call_trigger("unknown", ()).await.unwrap().is_nil());
    let big = client.call("app.big", [12_000_000]).await.unwrap();
    assert_eq!(big.decode::<Attachment>().unwrap().0.len(), 12_000_000);
    let failed = client.call_trigger("fail", ()).await.unwrap_err();
    assert!(
        matches!(&failed, Error::Refused { code: -32001, message, .. } if message.contains("it is broken")),
        "{failed}"
    );
    let unknown = client.call("no.such", ()).await.unwrap_err();
    assert!(matches!(unknown, Error::Refused { code: -32601, method, .. } if method == "no.such"));
    assert!(matches!(client.call("app.big", "no list").await, Err(Error::Encode { .. })));
    client.close().await.unwrap();
    assert!(client.call("app.big", [1]).await.is_err());
    running.stop().await.unwrap();
}

#[tokio::test]
async fn state_is_mirrored_both_ways() {
    let server = app();
    let running = start(&server).await;
    let (one, two) = (client(&running).await, client(&running).await);
    assert_eq!(one.state().get::<i64>("doubled").unwrap(), Some(2));
    assert_eq!(one.state().get::<i64>("missing").unwrap(), None);
    assert!(one.state().get::<String>("count").is_err());
    one.state().set("count", 5).await.unwrap();
    assert_eq!(one.state().get::<i64>("count").unwrap(), Some(5), "seen when it is confirmed");
    let ten = |value: &i64| *value == 10;
    for client in [&one, &two] {
        let doubled = timeout(TIMEOUT, client.state().wait_for("doubled", ten)).await;
        assert_eq!(doubled.unwrap().unwrap(), 10);
    }
    assert_eq!(two.state().get::<i64>("count").unwrap(), Some(5));
    server.state().set("new", json!({"a": [1, null]}));
    server.state().flush();
    let new = timeout(TIMEOUT, two.state().wait_for("new", |_: &Value| true)).await;
    assert_eq!(new.unwrap().unwrap(), json!({"a": [1, null]}));
    let changes = [("count", Packed::encode(&1).unwrap()), ("x", Packed::encode("y").unwrap())];
    two.state().set_all(changes).await.unwrap();
    assert_eq!(server.state().get::<String>("x").unwrap(), "y");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn topics_reach_all_subscribers() {
    let server = app();
    let running = start(&server).await;
    let client = client(&running).await;
    let (mut one, mut two) = (client.subscribe("news"), client.subscribe("news"));
    for number in 0..3 {
        server.publish("news", number).unwrap();
        server.publish("other", number).unwrap();
    }
    for subscription in [&mut one, &mut two] {
        for number in 0..3 {
            let next = timeout(TIMEOUT, subscription.next()).await.unwrap();
            assert_eq!(next.unwrap().decode::<i32>().unwrap(), number);
        }
        assert_eq!(subscription.missed(), 0);
    }
    client.close().await.unwrap();
    drop(client);
    assert!(timeout(TIMEOUT, one.next()).await.unwrap().is_none());
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_wrong_secret_is_reported() {
    let running = start(&app()).await;
    let refused = Client::builder(&url(&running, "/ws")).unwrap().secret("wrong").open().await;
    let Err(error) = refused else { panic!("let in") };
    assert!(matches!(error, Error::Refused { code: -32000, .. }), "{error}");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn it_connects_again_and_gets_the_state_that_it_missed() {
    let server = app();
    let running = start(&server).await;
    let port = running.port();
    let client = client(&running).await;
    let mut news = client.subscribe("news");
    running.stop().await.unwrap();
    timeout(TIMEOUT, client.disconnected()).await.unwrap();
    assert!(client.call("app.big", [1]).await.is_err());
    server.state().set("count", 21);
    let running = server.spawn(options().port(port)).await.unwrap();
    timeout(TIMEOUT, client.connected()).await.unwrap().unwrap();
    assert_eq!(client.state().get::<i64>("count").unwrap(), Some(21));
    let sum = client.call_trigger("add", (1, 1)).await.unwrap();
    assert_eq!(sum.decode::<i64>().unwrap(), 2);
    server.publish("news", "back").unwrap();
    let heard = timeout(TIMEOUT, news.next()).await.unwrap().unwrap();
    assert_eq!(heard.decode::<String>().unwrap(), "back");
    client.close().await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn calls_end_with_their_connection() {
    let server = app();
    let (entered, entering) = tokio::sync::oneshot::channel();
    let entered = std::sync::Mutex::new(Some(entered));
    server.trigger("hang", move |_: Ctx| {
        entered.lock().unwrap().take().unwrap().send(()).unwrap();
        std::future::pending::<()>()
    });
    let running = start(&server).await;
    let builder = Client::builder(&url(&running, "/ws")).unwrap();
    let client = builder.secret(SECRET).reconnect(false).open().await.unwrap();
    let calling = tokio::spawn({
        let client = client.clone();
        async move { client.call_trigger("hang", ()).await }
    });
    entering.await.unwrap();
    running.stop().await.unwrap();
    let error = timeout(TIMEOUT, calling).await.unwrap().unwrap().unwrap_err();
    assert!(
        matches!(&error, Error::WebSocket(websocket::Error::ConnectionClosed(reason)) if reason.code == 1001),
        "{error}"
    );
    assert!(matches!(
        timeout(TIMEOUT, client.connected()).await.unwrap(),
        Err(Error::WebSocket(websocket::Error::ConnectionClosed(reason))) if reason.code == 1001
    ));
}
