//! Serving and stopping over real sockets.
#[cfg(feature = "http")]
mod http;
mod serving;
mod stopping;
mod tracked;

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::*;

const LONG: Duration = Duration::from_secs(20);

/// A server that runs in a task.
struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<Result<Released>>,
}

impl Running {
    async fn start<H, F>(port: u16, options: ServeOptions, handler: H) -> Running
    where
        H: Fn(Connection, CancellationToken) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = Listener::bind("127.0.0.1", port).await.unwrap();
        let address = listener.addresses()[0];
        let stop = CancellationToken::new();
        let seen = stop.clone();
        let handler = move |connection| handler(connection, seen.clone());
        let serving = tokio::spawn(serve(listener, stop.clone(), options, handler));
        Running { address, stop, serving }
    }

    async fn echo() -> Running {
        Running::start(0, ServeOptions::new(), echo).await
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn stop(self) -> Released {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap()
    }
}

/// Echoes until the peer ends. At the stop it still answers what has arrived. After an `F` it
/// floods the peer.
async fn echo(mut connection: Connection, stop: CancellationToken) {
    let buffers = connection.buffers();
    let mut buffer = [0; 4096];
    loop {
        let read = tokio::select! {
            biased;
            read = connection.read(&mut buffer) => read.unwrap_or(0),
            () = stopped_and_read(&stop, &buffers) => 0,
        };
        if read == 0 {
            return;
        }
        if buffer[0] == b'F' {
            while connection.write_all(&buffer).await.is_ok() {}
            return;
        }
        if connection.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

async fn stopped_and_read(stop: &CancellationToken, buffers: &Buffers) {
    stop.cancelled().await;
    while buffers.unread() > 0 {
        tokio::task::yield_now().await;
    }
}

/// Starts a server whose handlers hand their connections over and end.
async fn handing_over(grace: Duration) -> (Running, mpsc::UnboundedReceiver<Connection>) {
    let (give, given) = mpsc::unbounded_channel();
    let options = ServeOptions::new().grace(grace);
    let server = Running::start(0, options, move |connection, _| {
        give.send(connection).unwrap();
        async {}
    })
    .await;
    (server, given)
}
