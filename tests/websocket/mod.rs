//! Tests WebSockets on both ends. A test with the name of a trio-websocket test, without its
//! `test_`, tests the same behaviour.

mod autobahn;
mod closing;
mod limits;
mod messages;
mod opening;
mod peers;
mod raw;
mod rude;
mod soak;
mod timeouts;
mod wslink;

use selvedge::{
    Failure, Running, Server,
    websocket::{Connect, Connection, Options, Request, Role},
};

use crate::support::start;

/// Starts a server with an endpoint at `/echo`.
async fn echo() -> Running {
    let server = Server::new("websocket");
    server.websocket("/echo", echo_with(Options::new()));
    start(&server).await
}

/// A handler that echoes its messages.
fn echo_with(
    options: Options,
) -> impl Fn(Request) -> futures_util::future::BoxFuture<'static, Result<(), Failure>>
+ Send
+ Sync
+ 'static {
    move |request| {
        let options = options.clone();
        Box::pin(async move {
            let connection = request.options(options).accept().await?;
            while let Ok(message) = connection.receive().await {
                if connection.send(message).await.is_err() {
                    break;
                }
            }
            Ok(())
        })
    }
}

/// Returns the URL of a path of a server.
fn url(running: &Running, path: &str) -> String {
    format!("{}{path}", running.url().replacen("http", "ws", 1))
}

async fn connect(running: &Running, path: &str) -> Connection {
    let connect = Connect::to(&url(running, path)).unwrap();
    connect.open().await.unwrap()
}

/// Returns both ends of an in-memory connection.
fn pair(client: Options, server: Options) -> (Connection, Connection) {
    let (here, there) = tokio::io::duplex(64 * 1024);
    (Connection::over(here, Role::Client, client), Connection::over(there, Role::Server, server))
}
