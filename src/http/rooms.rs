//! The rooms behind a server that only shows their pages.
//!
//! What must hold: the address of a session names one room, and its secret opens no other. What a page gets from one
//! room (a ticket for a file, an address) is worth nothing in another.

use std::sync::Arc;

use axum::http::Uri;
use futures_util::future::BoxFuture;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Access, Site, Tokens};
use crate::{app::Server, protocol::User};

/// The query parameter of session URLs that names the room.
pub(super) const ROOM: &str = "room";

/// What is known of a page that wants to enter a room.
pub(crate) struct Visit {
    /// The name in the address of the page; empty without one.
    pub(crate) name: String,
    /// The room in which the page was before, as it says.
    pub(crate) before: Option<String>,
    /// The user, as a cookie says.
    pub(crate) user: Option<User>,
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
}

/// Why a page cannot enter a room.
#[derive(Debug, thiserror::Error)]
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
}

/// The rooms of a program.
pub(crate) trait Rooms: Send + Sync {
    /// Returns the room for a page. Makes it if it does not run yet.
    fn enter(&self, visit: Visit) -> BoxFuture<'_, Result<Place, NoRoom>>;

    /// Returns the room with this id, if it runs.
    fn find(&self, id: &str) -> Option<Place>;

    /// Returns all rooms that run.
    fn all(&self) -> Vec<Place>;
}

impl Site {
    /// Returns what request handlers need of a room.
    pub(super) fn within(&self, place: Place) -> Arc<Self> {
        let Place { server, access, stop, websockets, .. } = place;
        Arc::new(Site { server, access, stop, websockets, rooms: None, ..self.clone() })
    }

    /// Returns the site of the room that the address names; without rooms, this one. `None` if there
    /// is no such room.
    pub(super) fn of_address(self: &Arc<Self>, address: &Uri) -> Option<Arc<Self>> {
        let Some(rooms) = &self.rooms else {
            return Some(Arc::clone(self));
        };
        let pairs = address.query()?.split('&').filter_map(|pair| pair.split_once('='));
        let id = pairs.into_iter().find(|(name, _)| *name == ROOM)?.1;
        Some(self.within(rooms.find(id)?))
    }

    /// Returns a site that no secret opens. `None` if the system has no random numbers.
    pub(super) fn without_room(&self) -> Option<Arc<Self>> {
        let access = Arc::new(Access::new(0, Tokens::random().ok()?));
        Some(Arc::new(Site { access, rooms: None, ..self.clone() }))
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
