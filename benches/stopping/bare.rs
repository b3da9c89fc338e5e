//! A WebSocket server with axum alone, which answers each message with given bytes.

use std::net::SocketAddr;

use axum::{
    Router,
    extract::{
        State,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    response::Response,
    routing::any,
    serve::ListenerExt,
};
use bytes::Bytes;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

/// Serves until the stop, with axum's graceful shutdown. Returns the address and the server's task.
pub async fn serve_until(
    answer: Bytes,
    stop: oneshot::Receiver<()>,
) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Otherwise an answer can wait 40 ms for the acknowledgement of the one before.
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
    let app = Router::new().route("/ws", any(upgrade)).with_state(answer);
    let stopped = async { drop(stop.await) };
    let serving = axum::serve(listener, app).with_graceful_shutdown(stopped);
    (address, tokio::spawn(async move { serving.await.unwrap() }))
}

async fn upgrade(State(answer): State<Bytes>, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .read_buffer_size(8 * 1024)
        .write_buffer_size(0)
        .on_upgrade(async move |socket| serve(socket, answer).await)
}

async fn serve(mut socket: WebSocket, answer: Bytes) {
    while let Some(Ok(message)) = socket.recv().await {
        let is_call = matches!(message, Message::Binary(_));
        if is_call && socket.send(Message::Binary(answer.clone())).await.is_err() {
            return;
        }
    }
}
