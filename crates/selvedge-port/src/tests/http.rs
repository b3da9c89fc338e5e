//! Services of tower, with clients that are connected during the stop.

use std::time::Duration;

use axum::{
    Extension, Router,
    extract::ws::{Message, WebSocketUpgrade},
    routing::{any, get},
};
use futures_util::StreamExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{Listener, Released, Result, ServeOptions, http, is_port_free};

struct Server {
    port: u16,
    stop: CancellationToken,
    serving: JoinHandle<Result<Released>>,
}

async fn start(port: u16, app: Router, stop: CancellationToken) -> Server {
    let listener = Listener::bind("127.0.0.1", port).await.unwrap();
    let port = listener.port();
    let options = ServeOptions::new().grace(Duration::from_millis(200));
    let serving = tokio::spawn(http::serve(listener, app, stop.clone(), options));
    Server { port, stop, serving }
}

impl Server {
    async fn stop(self) -> Released {
        self.stop.cancel();
        let released = self.serving.await.unwrap().unwrap();
        assert!(is_port_free("127.0.0.1", self.port).await.unwrap());
        released
    }
}

async fn request(port: u16, path: &str) -> TcpStream {
    let mut client = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    client
}

#[tokio::test]
async fn an_answer_in_progress_is_completed() {
    let (asked, answer) = (std::sync::Arc::new(Notify::new()), CancellationToken::new());
    let (seen, ready) = (asked.clone(), answer.clone());
    let app = Router::new().route(
        "/",
        get(async move || {
            seen.notify_one();
            ready.cancelled().await;
            "the whole answer"
        }),
    );
    let server = start(0, app, CancellationToken::new()).await;
    let mut client = request(server.port, "/").await;
    asked.notified().await;
    let stop = server.stop.clone();
    tokio::spawn(async move {
        stop.cancelled().await;
        answer.cancel();
    });
    let released = server.stop().await;
    assert_eq!((released.connections_closed, released.connections_aborted), (1, 0));
    let mut received = String::new();
    client.read_to_string(&mut received).await.unwrap();
    assert!(received.ends_with("the whole answer"), "{received}");
}

#[tokio::test]
async fn a_request_carries_the_address_of_its_client() {
    let app = Router::new().route(
        "/",
        get(async |Extension(http::Peer(peer)): Extension<http::Peer>| peer.to_string()),
    );
    let server = start(0, app, CancellationToken::new()).await;
    let mut client = request(server.port, "/").await;
    let address = client.local_addr().unwrap().to_string();
    let mut received = vec![0; 1000];
    let length = client.read(&mut received).await.unwrap();
    assert!(String::from_utf8_lossy(&received[..length]).ends_with(&address));
    server.stop().await;
}

#[tokio::test]
async fn websockets_end_with_the_stop_and_the_port_is_served_again() {
    let mut port = 0;
    for _ in 0..10 {
        let stop = CancellationToken::new();
        let ending = stop.clone();
        let app = Router::new().route(
            "/ws",
            any(async move |upgrade: WebSocketUpgrade| {
                upgrade.on_upgrade(async move |mut socket| {
                    ending.cancelled().await;
                    let _ = socket.send(Message::text("goodbye")).await;
                })
            }),
        );
        let server = start(port, app, stop).await;
        port = server.port;
        let url = format!("ws://127.0.0.1:{port}/ws");
        let (mut client, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
        let released = server.stop().await;
        assert_eq!((released.connections_closed, released.connections_aborted), (1, 0));
        let goodbye = client.next().await.unwrap().unwrap();
        assert_eq!(goodbye.into_text().unwrap(), "goodbye");
    }
}

#[tokio::test]
async fn a_websocket_that_ignores_the_stop_is_reset() {
    let app = Router::new().route(
        "/ws",
        any(async |upgrade: WebSocketUpgrade| {
            upgrade.on_upgrade(async |mut socket| while socket.recv().await.is_some() {})
        }),
    );
    let server = start(0, app, CancellationToken::new()).await;
    let url = format!("ws://127.0.0.1:{}/ws", server.port);
    let (mut client, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    let released = server.stop().await;
    assert_eq!((released.connections_closed, released.connections_aborted), (0, 1));
    assert!(client.next().await.unwrap().is_err());
}
