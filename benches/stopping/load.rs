//! Clients of both servers, which send the hello and count the messages that they receive.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

pub const SECRET: &str = "k-bench";

pub struct Load {
    sockets: Vec<WebSocketStream<TcpStream>>,
}

impl Load {
    pub async fn connect(address: SocketAddr, count: usize) -> Load {
        let hello = json!({"id": "system:c0:0", "method": "wslink.hello", "args": [{"secret": SECRET}], "kwargs": {}});
        let hello = frame(&hello);
        let mut sockets = Vec::with_capacity(count);
        for _ in 0..count {
            let stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let request = format!("ws://{address}/ws").into_client_request().unwrap();
            let (mut socket, _) = client_async(request, stream).await.unwrap();
            socket.send(Message::Binary(hello.clone())).await.unwrap();
            next(&mut socket).await;
            sockets.push(socket);
        }
        Load { sockets }
    }

    /// Sends from the first client.
    pub async fn send(&mut self, frame: &Bytes) {
        let message = Message::Binary(frame.clone());
        self.sockets[0].send(message).await.unwrap();
    }

    /// Waits until each client has received one more message.
    pub async fn received(&mut self) {
        for socket in &mut self.sockets {
            next(socket).await;
        }
    }

    /// Reads until the server has closed each connection.
    pub async fn until_closed(mut self) {
        for socket in &mut self.sockets {
            while socket.next().await.is_some_and(|message| message.is_ok()) {}
        }
    }
}

async fn next(socket: &mut WebSocketStream<TcpStream>) {
    while !socket.next().await.unwrap().unwrap().is_binary() {}
}

/// A message in one frame.
pub fn frame(message: &Value) -> Bytes {
    let content = selvedge::values::Packed::encode(message).unwrap();
    let content = content.as_bytes();
    let header = [7, 0, content.len() as u32].map(u32::to_le_bytes).concat();
    [&header, content].concat().into()
}
