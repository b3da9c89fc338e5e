//! Restarts an axum server on its port again and again while clients are connected: with this
//! library, and with axum's own graceful shutdown.
//!
//! ```text
//! cargo run -p selvedge-port --example restart --features axum,http
//! ```

use std::{
    future::IntoFuture,
    io,
    time::{Duration, Instant},
};

use axum::{Router, extract::ws::WebSocketUpgrade, routing::any};
use selvedge_port::{Error, Listener, ServeOptions, http};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;

const RESTARTS: usize = 100;
const CLIENTS: usize = 5;

/// Time limit for axum's graceful shutdown: it waits for idle keep-alive connections, and does not
/// track WebSockets.
const AXUM_LIMIT: Duration = Duration::from_secs(1);

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    with_this_library().await?;
    with_axum_alone().await?;
    Ok(())
}

async fn with_this_library() -> Result<(), Box<dyn std::error::Error>> {
    let (mut port, mut longest) = (0, Duration::ZERO);
    for _ in 0..RESTARTS {
        let listener = Listener::bind("127.0.0.1", port).await?;
        port = listener.port();
        let stop = CancellationToken::new();
        let app = app(stop.clone());
        let serving = tokio::spawn(http::serve(listener, app, stop.clone(), ServeOptions::new()));
        let _clients = connect(port).await?;
        stop.cancel();
        longest = longest.max(serving.await??.elapsed);
    }
    println!(
        "selvedge-port: {RESTARTS} restarts on port {port} with {CLIENTS} WebSockets each, the \
         longest stop took {longest:.1?}"
    );
    Ok(())
}

async fn with_axum_alone() -> Result<(), Box<dyn std::error::Error>> {
    let mut port = 0;
    for restart in 0..RESTARTS {
        // Strict, as a server on a port of its own has to be: tokio's bind sets SO_REUSEADDR.
        match selvedge_port::is_port_free("127.0.0.1", port).await {
            Ok(true) => {}
            Ok(false) => {
                let begin = Instant::now();
                let waited =
                    selvedge_port::wait_port_free("127.0.0.1", port, Duration::from_secs(1)).await;
                let Err(Error::NotReleased { holder, .. }) = waited else { continue };
                println!(
                    "axum alone: restart {restart} failed, port {port} is {holder}; still so after \
                     {:.1?}",
                    begin.elapsed()
                );
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        port = listener.local_addr()?.port();
        let stop = CancellationToken::new();
        let serving = axum::serve(listener, app(stop.clone()))
            .with_graceful_shutdown(stop.clone().cancelled_owned());
        let serving = tokio::spawn(serving.into_future());
        let clients = connect(port).await?;
        stop.cancel();
        // A WebSocket is not tracked, so this returns although its clients are connected.
        drop(timeout(AXUM_LIMIT, serving).await);
        drop(clients);
    }
    println!("axum alone: {RESTARTS} restarts on port {port}");
    Ok(())
}

/// A WebSocket that ends with the server.
fn app(stop: CancellationToken) -> Router {
    Router::new().route(
        "/ws",
        any(async move |upgrade: WebSocketUpgrade| {
            upgrade.on_upgrade(async move |socket| {
                stop.cancelled().await;
                drop(socket);
            })
        }),
    )
}

async fn connect(port: u16) -> io::Result<Vec<Client>> {
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let connected = connect_async(format!("ws://127.0.0.1:{port}/ws")).await;
        clients.push(connected.map_err(io::Error::other)?.0);
    }
    Ok(clients)
}
