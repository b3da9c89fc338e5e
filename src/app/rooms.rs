//! Rooms as data: what a room is, which scopes there are, and how an application makes its rooms.

use std::{sync::Arc, time::Duration};

use super::Server;
use crate::{Result, cluster::Engine};

/// Makes the server of a room.
pub(crate) type MakeRoom = dyn Fn(&Room) -> Result<Server> + Send + Sync;

/// Who shares a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All pages: there is one room, which lives as long as the program.
    #[default]
    Shared,
    /// All pages whose address has the same name: `/?room=NAME`. Without a name it is the room `""`.
    Named,
    /// All pages and devices of one user. Users who have no name are told apart by their browsers.
    User,
    /// One page. A reload leads back to its room.
    Page,
}

/// An instance of the application, with a state of its own.
///
/// Passed to the function that makes it, and returned by [`Ctx::room`](crate::Ctx::room).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    scope: Scope,
    name: String,
}

impl Room {
    /// Returns the only room of a program whose pages all share it: in [`Scope::Shared`], in a window,
    /// and in tests.
    pub fn shared() -> Self {
        Room::new(Scope::Shared, "")
    }

    /// Returns a room of an application.
    pub(crate) fn new(scope: Scope, name: &str) -> Self {
        Room { scope, name: name.to_owned() }
    }

    /// Returns the scope that the application has chosen.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Returns the name of the room: in [`Scope::Named`] that in the address, in [`Scope::User`] that
    /// of the user, if there is one. Empty otherwise.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// How an application makes its rooms.
#[derive(Clone)]
pub(crate) struct RoomPlan {
    pub(crate) make: Arc<MakeRoom>,
    pub(crate) scope: Scope,
    /// How long a room without clients is kept.
    pub(crate) idle: Duration,
    /// Maximum number of rooms.
    pub(crate) limit: usize,
    /// Maximum number of rooms whose states are kept.
    pub(crate) kept: usize,
    /// Connects to a store that several nodes share.
    pub(crate) engine: Option<Arc<dyn Engine>>,
}

impl Server {
    /// Returns the room of the application that this server is.
    pub fn room(&self) -> Room {
        self.inner.room.get().cloned().unwrap_or_else(Room::shared)
    }

    pub(crate) fn set_room(&self, room: Room) {
        // A server is made for one room.
        let _ = self.inner.room.set(room);
    }

    /// Returns a server without an application that shows the pages of rooms: it has the modules,
    /// headers and titles of this one.
    pub(crate) fn front(&self, plan: RoomPlan) -> Server {
        let front = Server::with_options(self.name(), self.options().clone());
        *front.inner.modules.lock() = self.inner.modules.lock().clone();
        for (key, value) in self.state().initial() {
            if key.starts_with("trame__") {
                front.state().set(&key, value);
            }
        }
        let own = self.settings();
        let (window, headers) = (own.window.clone(), own.headers.clone());
        let sources = own.allowed_sources.clone();
        drop(own);
        let mut settings = front.settings();
        (settings.window, settings.headers, settings.allowed_sources) = (window, headers, sources);
        drop(settings);
        let _ = front.inner.rooms.set(plan);
        front
    }

    /// Returns the server that a window shows: a window has one user, and so one room.
    pub(crate) fn of_a_window(self) -> Result<Server> {
        match self.room_plan() {
            Some(plan) => (plan.make)(&Room::shared()),
            None => Ok(self),
        }
    }

    /// Returns how the rooms are made whose pages this server shows, if it has any.
    pub(crate) fn room_plan(&self) -> Option<&RoomPlan> {
        self.inner.rooms.get()
    }
}
