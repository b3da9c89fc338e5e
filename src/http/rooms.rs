//! The rooms behind a server that only shows their pages.
//!
//! What must hold: the address of a session names one room, and its secret opens no other. What a page gets from one
//! room (a ticket for a file, an address) is worth nothing in another.

use std::sync::Arc;

use axum::extract::Request;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Span;

use super::{Access, Peer, Site};
use crate::{
    app::Server,
    protocol::{Bearer, User},
};

/// The query parameter of session URLs that names the room.
pub(super) const ROOM: &str = "room";

/// What is known of a page that wants to enter a room.
pub(crate) struct Visit {
    /// The name in the address of the page; empty without one.
    pub(crate) name: String,
    /// The ticket of the room in which the page was before.
    pub(crate) before: Option<String>,
    pub(crate) bearer: Bearer,
    /// How many nodes have passed the page on.
    pub(crate) hops: u8,
}

/// What a page needs to enter a room.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The id of the room, for the address of the session.
    pub(crate) room: String,
    pub(crate) secret: String,
    pub(crate) ticket: Option<String>,
}

/// Where a room is.
pub(crate) enum Located {
    Here,
    /// A node that has the room or will make it.
    Peer(Peer),
    /// There is no such room.
    Nowhere,
    /// Its node does not answer, and no other can take it over.
    Unreachable,
}

/// A room that runs.
#[derive(Clone)]
pub(crate) struct Place {
    /// What the addresses of the room's sessions name it.
    pub(crate) id: String,
    pub(crate) server: Server,
    pub(crate) access: Arc<Access>,
    /// Fires when the room begins to close its clients.
    pub(crate) stop: CancellationToken,
    /// Counts the clients, which the end of the room awaits.
    pub(crate) websockets: TaskTracker,
    /// What log lines about its clients name.
    pub(crate) span: Span,
    /// The only user who may enter, if there is one.
    pub(crate) user: Option<User>,
    /// What leads a page back here after a reload. It is never part of an address.
    pub(crate) ticket: Option<String>,
}

impl Place {
    /// Returns what a page needs to enter.
    pub(crate) fn entry(&self, bearer: &Bearer) -> Entry {
        let secret = self.access.secret_of(bearer);
        Entry { room: self.id.clone(), secret, ticket: self.ticket.clone() }
    }
}

/// Why a page cannot enter a room.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
pub(crate) enum NoRoom {
    #[error("All {0} rooms are in use. Try again later.")]
    Full(usize),
    #[error("The application is stopping.")]
    Stopping,
    #[error("The application cannot be started. Its log says why.")]
    Failed,
    #[error(
        "The application does not know who you are. Open it by a sign-in link, and allow cookies."
    )]
    NoUser,
    #[error("The name of the room is too long: {0} bytes are allowed.")]
    NameTooLong(usize),
    #[error("The application does not reach its other parts. Try again in a few seconds.")]
    Unreachable,
    #[error("{0}")]
    Refused(String),
}

/// The rooms of a program.
pub(crate) trait Rooms: Send + Sync {
    /// Returns the room for a page. Makes it if it does not run yet.
    fn enter(self: Arc<Self>, visit: Visit) -> BoxFuture<'static, Result<Entry, NoRoom>>;

    /// Whether rooms can be on other nodes.
    fn are_shared(&self) -> bool;

    /// Returns where the room with this id is. Takes it over if its node has ended. `may_pass`: whether
    /// the request may be passed on.
    fn locate(self: Arc<Self>, id: String, may_pass: bool) -> BoxFuture<'static, Located>;

    /// Returns the room with this id, if it runs and has not begun to stop.
    fn find(&self, id: &str) -> Option<Place>;

    /// Returns all rooms that run.
    fn all(&self) -> Vec<Place>;

    /// Returns an access control that opens nothing.
    fn closed(&self) -> Arc<Access>;
}

impl Site {
    /// Returns what request handlers need of a room.
    pub(super) fn within(&self, place: Place) -> Arc<Self> {
        let Place { server, access, stop, websockets, span, .. } = place;
        Arc::new(Site { server, access, stop, websockets, span, rooms: None, ..self.clone() })
    }

    /// Returns the site of the room that the address of a request names, for its user; without rooms,
    /// this one. If there is no such room, the site is one that no secret opens: so a page whose room
    /// has ended learns that it has to ask the launcher.
    pub(super) fn of_request(self: &Arc<Self>, request: &Request) -> Arc<Self> {
        let Some(rooms) = &self.rooms else {
            return Arc::clone(self);
        };
        let pairs = request.uri().query().unwrap_or_default().split('&');
        let id = pairs.filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == ROOM);
        let place = id.and_then(|(_, id)| rooms.find(id));
        // Another user may have signed in, in the same browser.
        let bearer = self.bearer_of(request);
        let user = bearer.as_ref().and_then(Bearer::user);
        let may_enter = |place: &Place| match (user, &place.user) {
            (Some(user), Some(own)) => user == own,
            _ => true,
        };
        match place.filter(may_enter) {
            Some(place) => self.within(place),
            None => Arc::new(Site { access: rooms.closed(), rooms: None, ..Site::clone(self) }),
        }
    }

    /// Returns the first result among the sites that a ticket may belong to.
    pub(super) fn in_some_room<T>(
        self: &Arc<Self>,
        redeem: impl Fn(&Server) -> Option<T>,
    ) -> Option<(Arc<Self>, T)> {
        let Some(rooms) = &self.rooms else {
            return Some((Arc::clone(self), redeem(&self.server)?));
        };
        let mut places = rooms.all().into_iter();
        places.find_map(|place| {
            let redeemed = redeem(&place.server)?;
            Some((self.within(place), redeemed))
        })
    }
}
