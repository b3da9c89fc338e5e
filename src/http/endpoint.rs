//! WebSocket endpoints of the application: the opening handshake (RFC 6455, section 4.2), and the
//! lifetime of a handler.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::future::BoxFuture;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Site, lobby::Guest, plain, websocket::CLOSE_TIMEOUT};
use crate::{
    Failure,
    server::Endpoint,
    websocket::{self, Accepted, Decision, Opening, Options, accept_key, is_token},
};

/// Time for handlers to return after a stop has closed their connections.
const HANDLER_GRACE: Duration = Duration::from_millis(500);

/// The only WebSocket protocol version.
const VERSION: &str = "13";

/// Both addresses of a connection, which each of its requests carries as an extension.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ends {
    pub(super) local: Option<SocketAddr>,
    pub(super) remote: Option<SocketAddr>,
}

/// Answers a request to an endpoint with the decision of its handler.
pub(super) async fn open(site: Arc<Site>, endpoint: Endpoint, mut request: Request) -> Response {
    let key = match handshake(&request) {
        Ok(key) => key,
        Err(refusal) => return refusal.into_response(),
    };
    let opening = match opening(&site, &request) {
        Ok(opening) => opening,
        Err(refusal) => return refusal.into_response(),
    };
    let path = opening.path.clone();
    let upgrade = hyper::upgrade::on(&mut request);
    let (asking, decision, accepted) = websocket::Request::new(opening);
    let left = CancellationToken::new();
    // This future is dropped if the client leaves before it is answered, which cancels `left`.
    let waiting = left.clone().drop_guard();
    let handler = endpoint(asking);
    site.websockets.spawn(attend(handler, accepted, Arc::clone(&site), left, path.clone()));
    let decision = decision.await;
    waiting.disarm();
    match decision {
        Ok(Decision::Accept { subprotocol, headers, stream }) => {
            // The handler decides which clients it trusts, and it has accepted this one.
            if let Some(guest) = request.extensions().get::<Arc<Guest>>() {
                guest.admit();
            }
            site.websockets.spawn(async move {
                if let Ok(upgraded) = upgrade.await {
                    // The handler may have given up by now.
                    drop(stream.send(Box::new(TokioIo::new(upgraded))));
                }
            });
            switch(&key, subprotocol.as_deref(), headers)
        }
        Ok(Decision::Reject(rejection)) => {
            let status =
                StatusCode::from_u16(rejection.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, rejection.headers, Body::from(rejection.body)).into_response()
        }
        Err(_) => {
            site.access.strangers.endpoint_failed(&path, &"it ended without an answer");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "The endpoint failed.\n")
        }
    }
}

/// Why an opening handshake is rejected.
pub(super) enum Refusal {
    NoUpgrade,
    Version,
    Key,
    Subprotocol,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Refusal::NoUpgrade => {
                let headers = [(header::CONNECTION, "upgrade"), (header::UPGRADE, "websocket")];
                let text = "This is a WebSocket: connect to it with ws://.\n";
                (StatusCode::UPGRADE_REQUIRED, headers, text).into_response()
            }
            Refusal::Version => {
                let headers = [(header::SEC_WEBSOCKET_VERSION, VERSION)];
                (StatusCode::UPGRADE_REQUIRED, headers).into_response()
            }
            Refusal::Key => {
                let text = "Sec-WebSocket-Key must be 16 bytes in base64.\n";
                plain(StatusCode::BAD_REQUEST, text)
            }
            Refusal::Subprotocol => {
                let text = "Sec-WebSocket-Protocol must be a list of words.\n";
                plain(StatusCode::BAD_REQUEST, text)
            }
        }
    }
}

/// Checks the headers that an opening handshake must have, and returns its key.
pub(super) fn handshake(request: &Request) -> Result<HeaderValue, Refusal> {
    let headers = request.headers();
    let upgrades = lists(headers, &header::CONNECTION, "upgrade")
        && lists(headers, &header::UPGRADE, "websocket");
    if request.method() != Method::GET || request.version() != Version::HTTP_11 || !upgrades {
        return Err(Refusal::NoUpgrade);
    }
    if !lists(headers, &header::SEC_WEBSOCKET_VERSION, VERSION) {
        return Err(Refusal::Version);
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY);
    let is_key = |key: &&HeaderValue| {
        let nonce = BASE64_STANDARD.decode(key.as_bytes());
        nonce.is_ok_and(|nonce| nonce.len() == 16)
    };
    key.filter(is_key).cloned().ok_or(Refusal::Key)
}

/// Returns whether a comma-separated header contains this word, ignoring case.
fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    items(headers, name).any(|item| item.eq_ignore_ascii_case(word))
}

fn items<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

fn opening(site: &Site, request: &Request) -> Result<Opening, Refusal> {
    let headers = request.headers();
    let proposed = items(headers, &header::SEC_WEBSOCKET_PROTOCOL);
    let subprotocols: Vec<String> = proposed.map(str::to_owned).collect();
    if !subprotocols.iter().all(|name| is_token(name)) {
        return Err(Refusal::Subprotocol);
    }
    let Ends { local, remote } = request.extensions().get().copied().unwrap_or_default();
    Ok(Opening {
        path: request.uri().path().to_owned(),
        query: request.uri().query().map(str::to_owned),
        headers: headers.clone(),
        subprotocols,
        local,
        remote,
        verify: {
            let access = Arc::clone(&site.access);
            Box::new(move |secret| access.verify(secret))
        },
        options: Options::new().heartbeat(site.heartbeat),
    })
}

/// Builds the response that switches a connection to WebSocket.
pub(super) fn switch(key: &HeaderValue, subprotocol: Option<&str>, headers: HeaderMap) -> Response {
    let mut response = (StatusCode::SWITCHING_PROTOCOLS, headers).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.remove(header::SEC_WEBSOCKET_EXTENSIONS);
    headers.remove(header::SEC_WEBSOCKET_PROTOCOL);
    let own = [
        (header::SEC_WEBSOCKET_ACCEPT, Some(accept_key(key.as_bytes()))),
        (header::SEC_WEBSOCKET_PROTOCOL, subprotocol.map(str::to_owned)),
    ];
    for (name, value) in own {
        // Both are valid header values.
        if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
            headers.insert(name, value);
        }
    }
    response
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
    let Some(connection) = accepted.get() else {
        return;
    };
    tokio::select! {
        closed = connection.close(code, reason) => {
            if let Err(error) = closed {
                site.access.strangers.ended(&error);
            }
        }
        () = site.stop.cancelled() => drop(timeout(CLOSE_TIMEOUT, connection.ended()).await),
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
        if let Some(connection) = accepted.get() {
            let closed = connection.close_within(1001, "Server shutdown", Some(CLOSE_TIMEOUT));
            drop(closed.await);
        }
    };
    let (handled, ()) = tokio::join!(timeout(HANDLER_GRACE, handler), goodbye);
    if handled.is_err() {
        let reason = "its handler was cancelled, since it did not end with its connection";
        site.access.strangers.endpoint_failed(path, &reason);
    }
}
