//! Requests between the nodes of a cluster: what belongs to a room that another node has is passed on
//! to that node.
//!
//! What must hold: a node believes what another one says of a request only with the token that the
//! nodes share; a request is passed on at most twice; a client notices nothing but a longer way.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use tokio::{io::copy_bidirectional, net::TcpStream, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Site,
    application_websockets::Ends,
    error_page,
    lobby::Guest,
    rooms::{Entry, Located, NoRoom, ROOM, Visit},
};
use crate::{
    hex::{hex, unhex},
    protocol::{Bearer, UserText},
};

/// The header with the token of the receiving node. Requests with it are those of nodes.
const NODE: HeaderName = HeaderName::from_static("x-selvedge-node");

/// The header that says what the sending node knows of a request.
const KNOWN: HeaderName = HeaderName::from_static("x-selvedge-known");

/// The path by which a node asks another one to let a page enter.
pub(super) const ENTER: &str = "/selvedge/node/enter";

/// Maximum number of nodes that pass a request on.
const MAX_HOPS: u8 = 2;

/// Time limit for the head of an answer that does not depend on the application.
const ANSWER: Duration = Duration::from_secs(3);

/// Time limit for a room to be made.
const ENTRY: Duration = Duration::from_secs(60);

/// Maximum size in bytes of a question to another node, and of its answer.
const MAX_QUESTION: usize = 64 * 1024;

const NO_OWNER: &str = "The part of the application that this address belongs to does not answer at the moment. \
    Try again in a few seconds.\n";

/// Another node.
pub(crate) struct Peer {
    /// A new connection to it.
    pub(crate) stream: TcpStream,
    /// What it expects of other nodes.
    pub(crate) token: String,
    /// Fires when the node has ended.
    pub(crate) left: CancellationToken,
}

/// What a node says of a request that it passes on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Relayed {
    /// How many nodes have passed it on.
    hops: u8,
    bearer: Option<SentBearer>,
    client: Option<SocketAddr>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum SentBearer {
    Window,
    Program,
    Browser(UserText),
}

impl From<&Bearer> for SentBearer {
    fn from(bearer: &Bearer) -> Self {
        match bearer {
            Bearer::Window => SentBearer::Window,
            Bearer::Program => SentBearer::Program,
            Bearer::Browser(user) => SentBearer::Browser(user.into()),
        }
    }
}

impl From<SentBearer> for Bearer {
    fn from(sent: SentBearer) -> Self {
        match sent {
            SentBearer::Window => Bearer::Window,
            SentBearer::Program => Bearer::Program,
            SentBearer::Browser(user) => Bearer::Browser(user.into()),
        }
    }
}

impl Relayed {
    /// Returns who sends the request, if the node that passed it on knew that.
    pub(super) fn bearer(&self) -> Option<Bearer> {
        self.bearer.clone().map(Bearer::from)
    }

    fn header(&self) -> HeaderValue {
        let text = serde_json::to_vec(self).unwrap_or_default();
        HeaderValue::try_from(hex(&text)).unwrap_or(HeaderValue::from_static(""))
    }

    fn parse(headers: &HeaderMap) -> Option<Self> {
        let bytes = unhex(headers.get(KNOWN)?.to_str().ok()?)?;
        serde_json::from_slice(&bytes).ok()
    }
}

/// The question of a node whether a page may enter a room.
#[derive(Serialize, Deserialize)]
pub(super) struct Question {
    name: String,
    before: Option<String>,
    bearer: SentBearer,
    hops: u8,
}

/// Passes a request on if another node has its room.
pub(super) async fn to_owner(
    State(site): State<Arc<Site>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(rooms) = site.rooms.as_ref().filter(|rooms| rooms.are_shared()) else {
        return next.run(request).await;
    };
    let Some(room) = room_of(&request).filter(|room| rooms.find(room).is_none()) else {
        return next.run(request).await;
    };
    let hops = request.extensions().get::<Relayed>().map_or(0, |relayed| relayed.hops);
    let located = Arc::clone(rooms).locate(room.to_owned(), hops < MAX_HOPS).await;
    match located {
        Located::Peer(peer) => forward(&site, peer, request, hops + 1).await,
        Located::Here | Located::Nowhere => next.run(request).await,
        Located::Unreachable => unreachable_owner(),
    }
}

fn unreachable_owner() -> Response {
    let later = [(header::RETRY_AFTER, "2")];
    (later, error_page::text(StatusCode::SERVICE_UNAVAILABLE, NO_OWNER)).into_response()
}

/// Returns the id of the room that a request belongs to: WebSockets name it in their address, and
/// transfers of files in their tickets.
fn room_of(request: &Request) -> Option<&str> {
    let path = request.uri().path();
    let ticket = ["/selvedge/upload/", "/selvedge/download/"]
        .iter()
        .find_map(|prefix| path.strip_prefix(prefix));
    if let Some(ticket) = ticket {
        return ticket.split_once('-').map(|(room, _)| room);
    }
    if !request.headers().contains_key(header::UPGRADE) {
        return None;
    }
    let pairs = request.uri().query().unwrap_or_default().split('&');
    pairs.filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == ROOM).map(|(_, id)| id)
}

async fn forward(site: &Arc<Site>, peer: Peer, mut request: Request, hops: u8) -> Response {
    let ends: Ends = request.extensions().get().copied().unwrap_or_default();
    let known = Relayed {
        hops,
        bearer: site.bearer_of(&request).as_ref().map(SentBearer::from),
        client: ends.remote,
    };
    let is_upgrade = request.headers().contains_key(header::UPGRADE);
    let guest = request.extensions().get::<Arc<Guest>>().cloned();
    let client = hyper::upgrade::on(&mut request);
    let (mut parts, body) = request.into_parts();
    parts.extensions.clear();
    parts.headers.insert(KNOWN, known.header());
    let request = Request::from_parts(parts, body);
    let left = peer.left.clone();
    let lines = site.lines();
    let sent = send(&lines, peer, request);
    let sent = match is_upgrade {
        true => timeout(ANSWER, sent).await.ok().flatten(),
        false => sent.await,
    };
    let Some(mut response) = sent else { return unreachable_owner() };
    let is_accepted =
        response.status() == StatusCode::SWITCHING_PROTOCOLS || response.status().is_success();
    if let Some(guest) = guest.filter(|_| is_accepted) {
        // The owner limits what the client may send before it is known.
        guest.admit();
    }
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let owner = hyper::upgrade::on(&mut response);
        let (stop, relayed) = (site.stop.clone(), site.relayed.token());
        let piping = async move {
            let (Ok(client), Ok(owner)) = (client.await, owner.await) else { return };
            let (mut client, mut owner) = (TokioIo::new(client), TokioIo::new(owner));
            // It ends with either side, and both are closed then.
            drop(copy_bidirectional(&mut client, &mut owner).await);
        };
        site.websockets.spawn(async move {
            tokio::select! {
                () = piping => {}
                () = left.cancelled() => {}
                () = stop.cancelled() => {}
            }
            drop(relayed);
        });
    }
    response.map(Body::new)
}

/// What connections to other nodes end with.
#[derive(Clone)]
pub(crate) struct Lines {
    stop: CancellationToken,
    connections: TaskTracker,
    /// Counts the WebSockets of clients to other nodes.
    #[cfg(feature = "monitoring")]
    relayed: TaskTracker,
}

/// Sends a request to a node; `None` if that does not answer.
async fn send(
    lines: &Lines,
    peer: Peer,
    mut request: Request,
) -> Option<hyper::Response<hyper::body::Incoming>> {
    let token = HeaderValue::try_from(&peer.token).ok()?;
    request.headers_mut().insert(NODE, token);
    let io = TokioIo::new(peer.stream);
    let (mut sender, connection) = http1::Builder::new().handshake(io).await.ok()?;
    let stop = lines.stop.clone();
    lines.connections.spawn(async move {
        drop(stop.run_until_cancelled(connection.with_upgrades()).await);
    });
    match sender.send_request(request).await {
        Ok(response) => Some(response),
        Err(error) => {
            tracing::debug!(%error, "a node did not answer a request");
            None
        }
    }
}

impl Site {
    /// Returns what connections to other nodes end with.
    pub(crate) fn lines(&self) -> Lines {
        Lines {
            stop: self.stop.clone(),
            connections: self.websockets.clone(),
            #[cfg(feature = "monitoring")]
            relayed: self.relayed.clone(),
        }
    }
}

impl Lines {
    /// Returns the number of WebSockets of clients to other nodes.
    #[cfg(feature = "monitoring")]
    pub(crate) fn relayed(&self) -> usize {
        self.relayed.len()
    }

    /// Asks another node to let a page enter; `None` if that does not answer.
    pub(crate) async fn ask_to_enter(
        &self,
        peer: Peer,
        visit: &Visit,
    ) -> Option<Result<Entry, NoRoom>> {
        let question = Question {
            name: visit.name.clone(),
            before: visit.before.clone(),
            bearer: SentBearer::from(&visit.bearer),
            hops: visit.hops + 1,
        };
        let body = Body::from(serde_json::to_vec(&question).ok()?);
        let request = Request::post(ENTER)
            .header(header::HOST, "node")
            .header(header::CONTENT_TYPE, "application/json")
            .body(body)
            .ok()?;
        let asking = async {
            let response = send(self, peer, request).await?;
            let body = to_bytes(Body::new(response.into_body()), MAX_QUESTION).await.ok()?;
            serde_json::from_slice(&body).ok()
        };
        timeout(ENTRY, asking).await.ok()?
    }
}

/// Answers the question of another node whether a page may enter.
pub(super) async fn enter(
    State(site): State<Arc<Site>>,
    Json(question): Json<Question>,
) -> Response {
    let Some(rooms) = &site.rooms else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let Question { name, before, bearer, hops } = question;
    let visit = Visit { name, before, bearer: bearer.into(), hops };
    Json(Arc::clone(rooms).enter(visit).await).into_response()
}

/// Admits the requests of other nodes only, and notes what they say of them.
pub(super) async fn guard(
    State((site, token)): State<(Arc<Site>, Arc<str>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let given = request.headers_mut().remove(NODE);
    let is_node = given.is_some_and(|given| given.as_bytes().ct_eq(token.as_bytes()).into());
    if !is_node {
        return StatusCode::FORBIDDEN.into_response();
    }
    let relayed = Relayed::parse(request.headers()).unwrap_or_default();
    request.headers_mut().remove(KNOWN);
    if let Some(client) = relayed.client {
        let ends = Ends { local: None, remote: Some(client) };
        request.extensions_mut().insert(ends);
    }
    request.extensions_mut().insert(relayed);
    drop(site);
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::User;

    #[test]
    fn what_a_node_says_of_a_request_arrives() {
        let bearers = [
            Bearer::Window,
            Bearer::Program,
            Bearer::Browser(User::named("Zoë \"x\"")),
            Bearer::Browser(User::of_browser("k00")),
        ];
        for bearer in bearers {
            let sent = Relayed { hops: 1, bearer: Some((&bearer).into()), client: None };
            let headers = HeaderMap::from_iter([(KNOWN, sent.header())]);
            let parsed = Relayed::parse(&headers).unwrap();
            assert_eq!((parsed.hops, parsed.bearer()), (1, Some(bearer)));
        }
        assert!(Relayed::parse(&HeaderMap::new()).is_none());
    }

    #[test]
    fn rooms_are_named_by_websockets_and_tickets_and_not_by_the_addresses_of_pages() {
        let room = |uri: &str, upgrade: bool| {
            let mut request = Request::get(uri).body(Body::empty()).unwrap();
            if upgrade {
                let websocket = HeaderValue::from_static("websocket");
                request.headers_mut().insert(header::UPGRADE, websocket);
            }
            room_of(&request).map(str::to_owned)
        };
        assert_eq!(room("/ws?a=1&room=r1", true).as_deref(), Some("r1"));
        assert_eq!(room("/selvedge/upload/r1-k2", false).as_deref(), Some("r1"));
        assert_eq!(room("/selvedge/download/r1-k2", false).as_deref(), Some("r1"));
        for other in ["/?room=physics", "/selvedge/upload/k2", "/ws"] {
            assert_eq!(room(other, false), None, "{other}");
        }
    }
}
