//! HTTP around the state server: who gets in, the page and its files, and the WebSocket.
//!
//! - [`access`]: the secret, sign-in links, the cookie, the names the server answers to
//! - [`guard`]: what every request has to pass
//! - [`files`]: folders of modules; [`page`]: the built-in page
//! - [`websocket`]: from the upgrade to the close frame
//!
//! What must hold: nothing is routed before the guard has let it pass; each connection ends when the run does, after the answers
//! in flight; no file outside of the served folders can be read.

mod access;
mod files;
mod guard;
mod page;
mod websocket;

use std::{sync::Arc, time::Duration};

pub(crate) use access::Access;
pub(crate) use guard::SIGN_IN;

use axum::{
    Json, Router,
    body::to_bytes,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{any, post},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use serde_json::json;
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{net::Connection, server::Server};

/// How long a client may take for the headers of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of the headers of a request, and of what is read ahead of a body.
const MAX_HEADERS: usize = 64 * 1024;

/// Bytes of the body of a launcher request, which nobody reads.
const MAX_BODY: usize = 64 * 1024;

/// How often the receive buffer is looked at while a connection with an unread request ends.
const UNREAD_STEP: Duration = Duration::from_millis(1);

const NOT_SIGNED_IN: &str = "Not signed in. Open the application by the link that it printed when it started, or by its own \
    window.";

/// One run of a server, as requests see it.
pub(crate) struct Site {
    pub(crate) server: Server,
    pub(crate) access: Arc<Access>,
    /// Bytes of the largest WebSocket message that is taken in one piece.
    pub(crate) max_frame: usize,
    /// How often a silent WebSocket is asked whether it is still there.
    pub(crate) heartbeat: Duration,
    /// Fires when the run ends.
    pub(crate) stop: CancellationToken,
    /// The tasks of WebSockets, which outlive the HTTP connections that they came from.
    pub(crate) websockets: TaskTracker,
}

/// Answers requests on connections.
#[derive(Clone)]
pub(crate) struct Http {
    router: TowerToHyperService<Router>,
    stop: CancellationToken,
}

impl Http {
    pub(crate) fn new(site: Site) -> Self {
        let stop = site.stop.clone();
        let site = Arc::new(site);
        let router = Router::new()
            .route("/ws", any(websocket::upgrade))
            .route("/paraview", post(launch))
            .route("/paraview/", post(launch))
            .fallback(files::file)
            .layer(middleware::from_fn_with_state(
                Arc::clone(&site),
                guard::guard,
            ))
            .with_state(site);
        Http {
            router: TowerToHyperService::new(router),
            stop,
        }
    }

    /// Answers the requests of one connection until its peer or the run ends it.
    pub(crate) async fn serve(self, connection: Connection) {
        let unread = connection.unread();
        let serving = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(MAX_HEADERS)
            .serve_connection(TokioIo::new(connection), self.router)
            .with_upgrades();
        tokio::pin!(serving);
        tokio::select! {
            _ = serving.as_mut() => return,
            () = self.stop.cancelled() => {}
        }
        // Told to end, hyper closes an idle connection without looking whether a request has just come in. How long this may go on
        // is decided by the owner of the connection.
        while unread.bytes() > 0 {
            if timeout(UNREAD_STEP, serving.as_mut()).await.is_ok() {
                return;
            }
        }
        serving.as_mut().graceful_shutdown();
        // An error here means that the peer is gone, which is what was wanted.
        drop(serving.await);
    }
}

/// The answer that the pages of trame ask for: where the WebSocket is, and the secret.
async fn launch(State(site): State<Arc<Site>>, headers: HeaderMap, request: Request) -> Response {
    if to_bytes(request.into_body(), MAX_BODY).await.is_err() {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "The request is too large.\n");
    }
    let answer = if site.access.has_cookie(&headers) {
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default();
        json!({"sessionURL": format!("ws://{host}/ws"), "secret": site.access.secret()})
    } else {
        json!({ "error": NOT_SIGNED_IN })
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response()
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    (status, [(header::CONTENT_TYPE, kind)], text).into_response()
}
