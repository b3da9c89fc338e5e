//! A WebSocket server with axum alone, which sends given bytes.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{
        State,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    response::Response,
    routing::any,
    serve::{Listener, ListenerExt},
};
use bytes::Bytes;
use tokio::{
    net::TcpListener,
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
    task::JoinHandle,
};

pub struct Bare {
    pub address: SocketAddr,
    pub clients: Arc<Clients>,
}

#[derive(Default)]
pub struct Clients {
    outboxes: Mutex<Vec<UnboundedSender<Bytes>>>,
    /// The answer to each message.
    answer: Bytes,
}

impl Clients {
    pub fn send_to_all(&self, bytes: &Bytes) {
        for outbox in &*self.outboxes.lock().unwrap() {
            // A client of an earlier row has disconnected.
            drop(outbox.send(bytes.clone()));
        }
    }
}

impl Bare {
    /// Serves until the program ends.
    pub async fn start(answer: Bytes) -> Bare {
        let (bare, listener, app) = Bare::listen(answer).await;
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        bare
    }

    /// Serves until the stop, with axum's graceful shutdown.
    pub async fn serve_until(
        answer: Bytes,
        stop: oneshot::Receiver<()>,
    ) -> (SocketAddr, JoinHandle<()>) {
        let (bare, listener, app) = Bare::listen(answer).await;
        let stopped = async { drop(stop.await) };
        let serving = axum::serve(listener, app).with_graceful_shutdown(stopped);
        (bare.address, tokio::spawn(async move { serving.await.unwrap() }))
    }

    async fn listen(answer: Bytes) -> (Bare, impl Listener<Addr = SocketAddr>, Router) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // Otherwise an answer can wait 40 ms for the acknowledgement of the one before.
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
        let clients = Arc::new(Clients { answer, ..Clients::default() });
        let app = Router::new().route("/ws", any(upgrade)).with_state(Arc::clone(&clients));
        (Bare { address, clients }, listener, app)
    }
}

async fn upgrade(State(clients): State<Arc<Clients>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.read_buffer_size(8 * 1024).write_buffer_size(0).on_upgrade(async move |socket| {
        let (outbox, queue) = unbounded_channel();
        clients.outboxes.lock().unwrap().push(outbox);
        serve(socket, queue, &clients.answer).await;
    })
}

async fn serve(mut socket: WebSocket, mut queue: UnboundedReceiver<Bytes>, answer: &Bytes) {
    loop {
        let bytes = tokio::select! {
            message = socket.recv() => match message {
                Some(Ok(Message::Binary(_))) => answer.clone(),
                Some(Ok(_)) => continue,
                _ => return,
            },
            Some(bytes) = queue.recv() => bytes,
        };
        if socket.send(Message::Binary(bytes)).await.is_err() {
            return;
        }
    }
}
