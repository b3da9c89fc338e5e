//! Serves HTTP until a stop.

use std::{convert::Infallible, error::Error as StdError, net::SocketAddr, time::Duration};

use ::http::{Request, Response};
use hyper::{
    body::{Body, Incoming},
    server::conn::http1::Builder,
    service::{HttpService, Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use crate::{
    connection::{Buffers, Connection},
    error::Result,
    listener::Listener,
    options::{Released, ServeOptions},
};

/// Polling interval for the receive buffer while a connection with an unread request ends.
const UNREAD_STEP: Duration = Duration::from_millis(1);

/// The address of the client, as an extension of each request that [`serve`] passes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Serves HTTP/1.1 requests until `stop` is cancelled, then releases the port and proves it.
///
/// At the stop, idle connections are closed, and requests that are being answered, or were received
/// before it, have the [grace](ServeOptions::grace) to be completed. WebSockets and other upgraded
/// connections have it as well: they should watch `stop`, and are reset after the grace.
///
/// # Errors
/// Those of [`serve`](crate::serve).
///
/// # Panics
/// Outside of a tokio runtime with its drivers for I/O and time.
///
/// # Cancellation
/// Dropping the future resets all connections and closes the listener at once.
///
/// # Examples
/// ```
/// use axum::{Router, routing::get};
/// use selvedge_port::{Listener, ServeOptions, http};
/// use tokio_util::sync::CancellationToken;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> selvedge_port::Result<()> {
/// let app = Router::new().route("/", get(async || "hello"));
/// let listener = Listener::bind("localhost", 0).await?;
/// let stop = CancellationToken::new();
/// let serving = http::serve(listener, app, stop.clone(), ServeOptions::new());
/// # stop.cancel();
/// let released = serving.await?;
/// println!("free again after {:?}", released.elapsed);
/// # Ok(())
/// # }
/// ```
pub async fn serve<S, B>(
    listener: Listener,
    service: S,
    stop: CancellationToken,
    options: ServeOptions,
) -> Result<Released>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let ended = stop.clone();
    let handler = move |connection: Connection| {
        let (service, stop) = (TowerToHyperService::new(service.clone()), stop.clone());
        async move {
            let (peer, buffers) = (Peer(connection.peer()), connection.buffers());
            let service = service_fn(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(peer);
                service.call(request)
            });
            let mut builder = Builder::new();
            builder.timer(TokioTimer::new());
            serve_connection(&builder, connection, &buffers, service, &stop).await;
        }
    };
    crate::serve(listener, ended, options, handler).await
}

/// Serves the requests of one connection until its peer or `stop` ends it, with the limits of
/// `builder`. For handlers of [`serve`](crate::serve) that need more than [`serve`] does, such as
/// TLS.
///
/// `buffers` are those of the connection below `stream`. Requests that were received before the
/// stop are served. The owner of the connection limits the time for this.
///
/// # Cancellation
/// Dropping the future drops the stream.
pub async fn serve_connection<T, S>(
    builder: &Builder,
    stream: T,
    buffers: &Buffers,
    service: S,
    stop: &CancellationToken,
) where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: HttpService<Incoming>,
    S::ResBody: 'static,
    <S::ResBody as Body>::Error: Into<Box<dyn StdError + Send + Sync>>,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let serving = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::pin!(serving);
    tokio::select! {
        _ = serving.as_mut() => return,
        () = stop.cancelled() => {}
    }
    // On a graceful shutdown hyper closes an idle connection without checking for a request that
    // has just arrived, so requests in the receive buffer are served first.
    while buffers.unread() > 0 {
        if timeout(UNREAD_STEP, serving.as_mut()).await.is_ok() {
            return;
        }
    }
    serving.as_mut().graceful_shutdown();
    // An error here means that the peer has disconnected, which is fine.
    drop(serving.await);
}
