//! The script on axum, as one would write it.
#![forbid(unsafe_code)]

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::{
        State,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    response::Response,
    routing::{any, get},
    serve::ListenerExt,
};
use selvedge_comparison::{
    port_and_keys,
    script::{Script, To},
    terminated,
};
use tokio::{
    net::TcpListener,
    sync::mpsc::{UnboundedSender, unbounded_channel},
};

struct Server {
    script: Script,
    clients: Mutex<HashMap<usize, UnboundedSender<Bytes>>>,
}

/// `axum PORT KEYS`
#[tokio::main]
async fn main() -> std::io::Result<()> {
    let (port, keys) = port_and_keys();
    let script = Script::new(keys);
    let server = Arc::new(Server { script, clients: Mutex::default() });
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    // Otherwise an answer can wait 40 ms for the acknowledgement of the one before. An error means
    // that the client has disconnected.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let app = Router::new()
        .route("/", get(async || "page"))
        .route("/ws", any(upgrade))
        .with_state(server);
    axum::serve(listener, app).with_graceful_shutdown(terminated()).await
}

async fn upgrade(State(server): State<Arc<Server>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .max_message_size(64 << 20)
        .max_frame_size(64 << 20)
        .on_upgrade(async |socket| serve(server, socket).await)
}

async fn serve(server: Arc<Server>, mut socket: WebSocket) {
    let (outbox, mut queue) = unbounded_channel();
    let own = {
        let mut clients = server.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let own = clients.keys().max().map_or(0, |last| last + 1);
        clients.insert(own, outbox);
        own
    };
    loop {
        tokio::select! {
            Some(bytes) = queue.recv() => {
                if socket.send(Message::Binary(bytes)).await.is_err() {
                    break;
                }
            }
            message = socket.recv() => match message {
                Some(Ok(Message::Binary(message))) => handle(&server, own, &message),
                Some(Ok(_)) => {}
                _ => break,
            },
        }
    }
    server.clients.lock().unwrap_or_else(PoisonError::into_inner).remove(&own);
}

fn handle(server: &Server, own: usize, message: &Bytes) {
    let clients = server.clients.lock().unwrap_or_else(PoisonError::into_inner);
    server.script.handle(message, |to, message| {
        let message: Bytes = match <[Bytes; 1]>::try_from(message) {
            Ok([single]) => single,
            Err(parts) => parts.concat().into(),
        };
        // A client that has disconnected is removed by its task.
        let send = |client: &UnboundedSender<Bytes>| drop(client.send(message.clone()));
        if to == To::Caller {
            return clients.get(&own).into_iter().for_each(send);
        }
        let recipients = clients.iter().filter(|(number, _)| to.includes(**number == own));
        recipients.for_each(|(_, client)| send(client));
    });
}
