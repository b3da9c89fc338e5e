//! HTTP around the state server: access control, the page and its files, and the WebSocket.
//!
//! - [`access`]: the secret, sign-in links, the cookie; [`tokens`]: the tokens behind them
//! - [`names`]: the names that the server answers to, and the origins whose pages may send requests
//! - [`proxies`]: what trusted proxies say of requests
//! - [`guard`]: the checks that every request must pass
//! - [`lobby`]: limits for peers that have not authenticated; [`tls`]: TLS
//! - [`strangers`]: log lines about such peers
//! - [`relay`]: requests between the nodes of a cluster
//! - [`launcher`]: tells a page where its session is; [`rooms`]: the rooms that sessions are in
//! - [`static_files`]: static files; [`page`]: the built-in page; [`icons`]: its icons;
//!   [`policy`]: security headers of all answers
//! - [`state_websocket`]: the state server's WebSocket, from the upgrade to the close frame
//! - [`application_websockets`]: WebSocket endpoints of the application
//! - [`file_transfers`]: uploads and downloads of files
//!
//! What must hold: no request is routed before it passes the guard; each connection ends with the
//! run, after the answers in flight; no file outside of the served folders can be read.

mod access;
mod application_websockets;
mod error_page;
mod etag;
mod file_transfers;
mod guard;
mod icons;
mod launcher;
mod lobby;
mod names;
pub(crate) mod page;
mod policy;
mod proxies;
mod relay;
mod rooms;
mod state_websocket;
mod static_files;
mod strangers;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
mod tokens;

use std::{sync::Arc, time::Duration};

pub(crate) use access::{Access, Invited, LinkStore};
pub(crate) use guard::SIGN_IN;
pub(crate) use lobby::{Lobby, most_connections};
pub(crate) use names::{Allowed, Names};
pub(crate) use proxies::{Proxies, ProxyOptions};
use relay::Relayed;
pub(crate) use relay::{Lines, Peer};
pub(crate) use rooms::{Entry, Located, NoRoom, Place, Rooms, Visit};
pub(crate) use tls::Tls;
pub(crate) use tokens::{Tokens, mac};

use application_websockets::Ends;
use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    middleware,
    response::{IntoResponse, Redirect, Response},
    routing::{any, get, post, put},
};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{rt::TokioTimer, service::TowerToHyperService};
use lobby::{Guest, Metered};
use selvedge_port::{Buffers, Connection, http::serve_connection};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Span;

use crate::{
    app::{Endpoints, Server},
    protocol::{Bearer, CloseFrame},
};

/// Time limit for the TLS handshake, for the headers of a request, and for the body of a launcher
/// request, each.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum number of headers of a request. Browsers send about 20, and proxies add some.
const MAX_HEADERS: usize = 100;

/// Maximum size in bytes of a request's headers, and of the read-ahead buffer for its body. All
/// servers on a machine share their cookies, so a browser may send thousands of bytes of them.
const MAX_HEADER_BYTES: usize = 32 * 1024;

/// One run of a server, as request handlers see it.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) server: Server,
    pub(crate) access: Arc<Access>,
    pub(crate) names: Arc<Names>,
    pub(crate) proxies: Arc<Proxies>,
    pub(crate) lobby: Arc<Lobby>,
    pub(crate) tls: Option<Tls>,
    /// The endpoints and folders that are served.
    pub(crate) endpoints: Endpoints,
    /// Maximum size in bytes of a WebSocket message that arrives in one piece.
    pub(crate) max_frame: usize,
    /// Heartbeat interval of WebSockets; zero turns heartbeats off.
    pub(crate) heartbeat: Duration,
    /// How clients are told that the run ends.
    pub(crate) goodbye: CloseFrame,
    /// Cancelled when no new page is admitted any more.
    pub(crate) draining: CancellationToken,
    /// Cancelled when the run ends.
    pub(crate) stop: CancellationToken,
    /// Tracks the tasks of WebSockets, which outlive their HTTP connections.
    pub(crate) websockets: TaskTracker,
    /// Counts the WebSockets of clients to other nodes.
    pub(crate) relayed: TaskTracker,
    /// What log lines about clients name.
    pub(crate) span: Span,
    /// The rooms whose pages the server shows, if it has any.
    pub(crate) rooms: Option<Arc<dyn Rooms>>,
}

impl Site {
    /// Returns who sends a request: the user whom a trusted proxy names, or whose cookie it has.
    fn bearer_of(&self, request: &Request) -> Option<Bearer> {
        if let Some(relayed) = request.extensions().get::<Relayed>() {
            return relayed.bearer();
        }
        let named = self.proxies.user_of(request).map(Bearer::Browser);
        named.or_else(|| self.access.cookie_of(request.headers()))
    }
}

/// Answers HTTP requests on accepted connections.
#[derive(Clone)]
pub(crate) struct Http {
    router: TowerToHyperService<Router>,
    names: Arc<Names>,
    access: Arc<Access>,
    lobby: Arc<Lobby>,
    tls: Option<Tls>,
    /// Whether requests have the base path.
    has_base: bool,
    stop: CancellationToken,
}

impl Http {
    pub(crate) fn new(site: Site) -> Self {
        Self::with(site, |site, router| {
            router
                .layer(middleware::from_fn_with_state(Arc::clone(site), relay::to_owner))
                .layer(middleware::from_fn_with_state(Arc::clone(site), guard::guard))
                .layer(middleware::from_fn(error_page::for_people))
        })
    }

    /// Answers the requests of other nodes, which present a token.
    pub(crate) fn for_nodes(site: Site, token: &str) -> Self {
        let token: Arc<str> = token.into();
        // Nodes have removed the base path, and speak without TLS.
        let http = Self::with(site, move |site, router| {
            let known = (Arc::clone(site), token);
            router
                .route(relay::ENTER, post(relay::enter))
                .layer(middleware::from_fn_with_state(Arc::clone(site), relay::to_owner))
                .layer(middleware::from_fn_with_state(known, relay::guard))
        });
        Http { tls: None, has_base: false, ..http }
    }

    fn with(
        site: Site,
        guarded: impl FnOnce(&Arc<Site>, Router<Arc<Site>>) -> Router<Arc<Site>>,
    ) -> Self {
        let (stop, lobby, tls) = (site.stop.clone(), site.lobby.clone(), site.tls.clone());
        let (access, names) = (Arc::clone(&site.access), Arc::clone(&site.names));
        let site = Arc::new(site);
        let mut router = Router::new().fallback(other);
        if let Some(path) = &site.endpoints.websocket {
            router = router.route(&format!("/{path}"), any(state_websocket::upgrade));
        }
        if site.endpoints.http {
            router = router
                .route("/paraview", post(launcher::launch))
                .route("/paraview/", post(launcher::launch))
                .route("/selvedge/upload/{ticket}", put(file_transfers::upload))
                .route("/selvedge/download/{ticket}", get(file_transfers::download));
        }
        let router = guarded(&site, router).with_state(site);
        Http {
            router: TowerToHyperService::new(router),
            names,
            access,
            lobby,
            tls,
            has_base: true,
            stop,
        }
    }

    /// Serves the requests of one connection until its peer or the run ends it.
    pub(crate) async fn serve(self, connection: Connection) {
        let guest = self.lobby.enter(&connection);
        let buffers = connection.buffers();
        let ends = Ends { local: connection.local(), remote: Some(connection.peer()) };
        let Some(tls) = self.tls.clone() else {
            return self.answer(connection, ends, buffers, guest).await;
        };
        let handshake = tokio::select! {
            handshake = timeout(REQUEST_TIMEOUT, tls.accept(connection)) => handshake,
            () = guest.turned_out() => return,
            () = self.stop.cancelled() => return,
        };
        match handshake {
            Ok(Ok(stream)) => self.answer(stream, ends, buffers, guest).await,
            Ok(Err(error)) => self.access.strangers.handshake_failed(&error),
            Err(_) => self.access.strangers.handshake_failed(&"it took too long"),
        }
    }

    async fn answer<S>(self, stream: S, ends: Ends, buffers: Buffers, guest: Arc<Guest>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = Metered::new(stream, Arc::clone(&guest));
        let (router, known, seen) = (self.router, Arc::clone(&guest), buffers.clone());
        let names = self.has_base.then_some(self.names);
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            let address = names.as_ref().and_then(|names| names.without_base(request.uri()));
            if let Some(address) = address {
                *request.uri_mut() = address;
            }
            request.extensions_mut().insert(Arc::clone(&known));
            request.extensions_mut().insert(ends);
            request.extensions_mut().insert(seen.clone());
            router.call(request)
        });
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(REQUEST_TIMEOUT)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEADER_BYTES);
        tokio::select! {
            () = serve_connection(&builder, stream, &buffers, service, &self.stop) => {}
            () = guest.turned_out() => {}
        }
    }
}

/// Handles paths without a route: endpoints of the application, which may be added while the server
/// runs, and files.
async fn other(State(site): State<Arc<Site>>, request: Request) -> Response {
    let base = site.names.base();
    if !base.is_empty() && request.uri().path() == base {
        // Relative addresses in the page need the slash.
        return Redirect::permanent(&format!("{base}/")).into_response();
    }
    let of_room = site.of_request(&request);
    match of_room.server.endpoint(request.uri().path()) {
        Some(endpoint) => application_websockets::open(of_room, endpoint, request).await,
        None if site.endpoints.http => static_files::file(State(site), request).await,
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
