//! One room of a program: what names it, and how far it is.

use std::{sync::atomic::AtomicBool, time::Duration};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::{sync::OnceCell, time::Instant};

use super::{Running, cluster::Recording};
use crate::{
    Error,
    cluster::{Owner, StoreError},
    http::{NoRoom, Place},
    protocol::{User, UserText},
};

/// How long a room without pages is not ended for another one after a page was let in.
const ON_THE_WAY: Duration = Duration::from_secs(5);

/// What tells the rooms of a program apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Name(String),
    User(User),
    /// A page: the random token that its tab keeps, and its user.
    Page(String, Option<User>),
}

/// A key as the store of a cluster knows it.
#[derive(Serialize, Deserialize)]
enum KeyText {
    Name(String),
    User(UserText),
    Page(String, Option<UserText>),
}

impl Key {
    /// Returns the key as a text.
    pub(super) fn to_text(&self) -> String {
        let text = match self {
            Key::Name(name) => KeyText::Name(name.clone()),
            Key::User(user) => KeyText::User(user.into()),
            Key::Page(token, user) => KeyText::Page(token.clone(), user.as_ref().map(Into::into)),
        };
        serde_json::to_string(&text).unwrap_or_default()
    }

    /// Returns the key that a text names.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        Some(match serde_json::from_str(text).ok()? {
            KeyText::Name(name) => Key::Name(name),
            KeyText::User(user) => Key::User(user.into()),
            KeyText::Page(token, user) => Key::Page(token, user.map(Into::into)),
        })
    }

    /// Returns the name of the room.
    pub(super) fn room_name(&self) -> &str {
        match self {
            Key::Name(name) => name,
            Key::User(user) => user.name().unwrap_or_default(),
            Key::Page(..) => "",
        }
    }

    /// Returns the name under which the state of a room is kept, if there is a way back to the room
    /// after the program has ended: pages, and browsers without a name, need to stay signed in.
    pub(super) fn kept_name(&self, users_stay: bool) -> Option<String> {
        match self {
            Key::Name(name) => Some(format!("name {name}")),
            Key::User(user) => match user.name() {
                Some(name) => Some(format!("user {name}")),
                None => users_stay.then(|| format!("browser {}", user.id())),
            },
            Key::Page(token, user) => {
                let user = user.as_ref().map_or("", User::id);
                users_stay.then(|| format!("page {token} {user}"))
            }
        }
    }
}

/// A room that is made, runs, or ends.
pub(super) struct Slot {
    pub(super) key: Key,
    pub(super) made: OnceCell<Result<Made, NotMade>>,
    /// Whether it counts as one of the rooms that run.
    pub(super) has_place: AtomicBool,
    /// When its last page has left, or when it was made.
    pub(super) empty_since: Mutex<Option<Instant>>,
    /// When a page was let in that has not come yet.
    pub(super) expects_since: Mutex<Option<Instant>>,
}

/// Why a page does not find its room on this node.
pub(crate) enum NotHere {
    NoRoom(NoRoom),
    /// Another node has it, with this epoch.
    Elsewhere(Owner, u64),
}

impl From<NoRoom> for NotHere {
    fn from(no_room: NoRoom) -> Self {
        NotHere::NoRoom(no_room)
    }
}

/// Why a room was not made.
#[derive(Debug)]
pub(super) enum NotMade {
    Failed(Error),
    Full,
    /// The node claims no more rooms.
    Draining,
    /// Another node has it, with this epoch.
    Elsewhere(Owner, u64),
    NoStore(StoreError),
    /// The user for whose page it would have been made may not enter.
    Refused(String),
}

impl From<Error> for NotMade {
    fn from(error: Error) -> Self {
        NotMade::Failed(error)
    }
}

pub(super) struct Made {
    pub(super) place: Place,
    pub(super) running: Running,
    /// Where it stores its changes, in a cluster.
    pub(super) recording: Option<Recording>,
}

impl Slot {
    pub(super) fn new(key: Key) -> Self {
        let (made, has_place, empty_since, expects_since) = Default::default();
        Slot { key, made, has_place, empty_since, expects_since }
    }

    pub(super) fn room(&self) -> Option<&Made> {
        self.made.get()?.as_ref().ok()
    }

    /// Whether the room has begun to end, or another node has it.
    pub(super) fn is_ending(&self) -> bool {
        let is_fenced = |made: &Made| made.recording.as_ref().is_some_and(Recording::is_fenced);
        self.room().is_some_and(|made| made.running.is_stopping() || is_fenced(made))
    }

    /// Returns since when the room has been empty, if it may end for another one: no job runs in it,
    /// and no page is on its way.
    pub(super) fn spare_since(&self) -> Option<Instant> {
        let since = (*self.empty_since.lock())?;
        let is_expecting = self.expects_since.lock().is_some_and(|at| at.elapsed() < ON_THE_WAY);
        let server = &self.room()?.place.server;
        (!is_expecting && !server.inner.jobs.are_unfinished()).then_some(since)
    }

    /// Returns when the room was used last, while it is empty.
    pub(super) fn last_use(&self) -> Instant {
        let uses = [*self.empty_since.lock(), *self.expects_since.lock()];
        uses.into_iter().flatten().max().unwrap_or_else(Instant::now)
    }
}
