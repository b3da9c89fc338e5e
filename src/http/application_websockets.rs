//! WebSocket endpoints of the application: the opening handshake (RFC 6455, section 4.2), and the
//! lifetime of a handler.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use bytes::BytesMut;
use futures_util::future::BoxFuture;
use hyper_util::rt::TokioIo;
use selvedge_port::Buffers;
use selvedge_websocket::{Accepted, Decision, Options, Refusal};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{Site, error_page, lobby::Guest};
use crate::{
    Failure,
    app::{Compression, Endpoint},
    stop_times, websocket,
};

/// Both addresses of a connection, which each of its requests carries as an extension.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ends {
    pub(super) local: Option<SocketAddr>,
    pub(super) remote: Option<SocketAddr>,
}

/// Answers a request to an endpoint with the decision of its handler.
pub(super) async fn open(site: Arc<Site>, endpoint: Endpoint, mut request: Request) -> Response {
    let (asking, pending) = match selvedge_websocket::Request::new(&request) {
        Ok(opening) => opening,
        Err(refusal) => return refused(refusal),
    };
    let path = asking.path().to_owned();
    let asking = with_what_is_known(asking, &site, &request);
    let upgrade = hyper::upgrade::on(&mut request);
    let left = CancellationToken::new();
    // This future is dropped if the client leaves before it is answered, which cancels `left`.
    let waiting = left.clone().drop_guard();
    let handler = endpoint(asking);
    let accepted = pending.accepted();
    let attending = attend(handler, accepted, Arc::clone(&site), left, path.clone());
    site.websockets.spawn(attending.instrument(site.span.clone()));
    let decision = pending.decision().await;
    waiting.disarm();
    match decision {
        Some(Decision::Accept(response, waiting)) => {
            // The handler decides which clients it trusts, and it has accepted this one.
            if let Some(guest) = request.extensions().get::<Arc<Guest>>() {
                guest.admit();
            }
            site.websockets.spawn(async move {
                if let Ok(upgraded) = upgrade.await {
                    waiting.complete(TokioIo::new(upgraded), BytesMut::new());
                }
            });
            response.map(|()| Body::empty())
        }
        Some(Decision::Reject(response)) => response.map(Body::from),
        None => {
            site.access.strangers.endpoint_failed(&path, &"it ended without an answer");
            error_page::text(StatusCode::INTERNAL_SERVER_ERROR, "The endpoint failed.\n")
        }
    }
}

impl Ends {
    /// Whether messages to this client are compressed, if it offers that.
    pub(super) fn compresses(self, compression: Compression, headers: &HeaderMap) -> bool {
        let is_here = || self.remote.is_none_or(|peer| peer.ip().to_canonical().is_loopback());
        let by_proxy =
            || ["forwarded", "x-forwarded-for"].iter().any(|name| headers.contains_key(*name));
        match compression {
            Compression::Auto => !is_here() || by_proxy(),
            Compression::Always => true,
            Compression::Never => false,
        }
    }
}

/// Adds what this server knows to a request for a WebSocket.
fn with_what_is_known(
    asking: selvedge_websocket::Request,
    site: &Site,
    request: &Request,
) -> websocket::Request {
    let ends: Ends = request.extensions().get().copied().unwrap_or_default();
    let compression = ends.compresses(site.endpoints.compression, request.headers());
    let options = Options::new().heartbeat(site.heartbeat).compression(compression);
    let mut asking = asking.addresses(ends.local, ends.remote).options(options);
    if let Some(buffers) = request.extensions().get::<Buffers>().cloned() {
        asking = asking.unacknowledged(move || buffers.unacknowledged());
    }
    let (access, server) = (Arc::clone(&site.access), site.server.clone());
    let role_of = move |secret: &str| server.role_of(&access.bearer_of(secret)?).ok();
    websocket::Request::new(asking, Box::new(role_of), compression)
}

/// Converts the answer to a request that is no opening handshake.
pub(super) fn refused(refusal: Refusal) -> Response {
    refusal.response().map(Body::from)
}

/// Runs a handler. Closes the connection that it accepted when it returns or the run ends.
async fn attend(
    mut handler: BoxFuture<'static, Result<(), Failure>>,
    accepted: Accepted,
    site: Arc<Site>,
    left: CancellationToken,
    path: String,
) {
    let result = tokio::select! {
        result = handler.as_mut() => result,
        () = left.cancelled() => return,
        () = site.stop.cancelled() => return stop(handler, &accepted, &site, &path).await,
    };
    let (code, reason) = match result {
        Ok(()) => (1000, ""),
        Err(failure) => {
            site.access.strangers.endpoint_failed(&path, &failure);
            (1011, "Internal error")
        }
    };
    // `accepted` holds a handle, because dropping the last one closes the connection with 1000.
    let Some(connection) = accepted.connection() else {
        return;
    };
    tokio::select! {
        closed = connection.close(code, reason) => {
            if let Err(error) = closed {
                site.access.strangers.ended(&error);
            }
        }
        () = site.stop.cancelled() => drop(timeout(stop_times::CLOSE_FRAMES, connection.ended()).await),
    }
}

/// Closes the connection with 1001, which the handler sees, and gives the handler time to end.
async fn stop(
    handler: BoxFuture<'static, Result<(), Failure>>,
    accepted: &Accepted,
    site: &Site,
    path: &str,
) {
    let goodbye = async {
        if let Some(connection) = accepted.connection() {
            let closed =
                connection.close_within(1001, "Server shutdown", Some(stop_times::CLOSE_FRAMES));
            drop(closed.await);
        }
    };
    let (handled, ()) = tokio::join!(timeout(stop_times::HANDLERS, handler), goodbye);
    if handled.is_err() {
        let reason = "its handler was cancelled, since it did not end with its connection";
        site.access.strangers.endpoint_failed(path, &reason);
    }
}
