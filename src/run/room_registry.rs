//! The rooms of a program: made when a page wants to enter, ended when they have been empty for a while.
//!
//! What must hold: a room is made once, however many pages ask for it at the same time; a slow or panicking application
//! delays and fails only its own room; each room that runs is known here until it has ended, and all have ended when the
//! program's run has.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::{BoxFuture, FutureExt, join_all};
use parking_lot::Mutex;
use tokio::{
    sync::{OnceCell, watch},
    task::{JoinError, spawn_blocking},
    time::{Instant, timeout},
};
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span};

use super::{Running, StartOptions, frames::Frames, kept_rooms::KeptRooms};
use crate::{
    Error, Result, Server,
    app::{Backend, Room, RoomPlan, Scope},
    blocking,
    calls::callback::panic_message,
    http::{Access, NoRoom, Place, Rooms, Tokens, Visit},
    protocol::User,
    random::random_token,
    stop_times,
};

/// Maximum length of a room's name in bytes.
const MAX_NAME: usize = 128;

/// Least time that a room is kept for its first page, which has to load.
const FIRST_PAGE: Duration = Duration::from_secs(30);

/// What tells the rooms of a program apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Name(String),
    User(User),
    /// A page: the random token that its tab keeps, and its user.
    Page(String, Option<User>),
}

impl Key {
    /// Returns the name under which the state of a room is kept, if there is a way back to the room
    /// after the program has ended: pages, and browsers without a name, need to stay signed in.
    fn kept_name(&self, users_stay: bool) -> Option<String> {
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
struct Slot {
    key: Key,
    /// `None` if the room could not be made.
    made: OnceCell<Option<Made>>,
    /// Whether a page was admitted.
    is_visited: AtomicBool,
    /// When its last page has left, or when it was made for a page that has not come yet.
    empty_since: Mutex<Option<Instant>>,
}

struct Made {
    place: Place,
    running: Running,
}

impl Slot {
    fn room(&self) -> Option<&Made> {
        self.made.get()?.as_ref()
    }

    /// Whether the room has begun to end.
    fn is_ending(&self) -> bool {
        self.room().is_some_and(|made| made.running.is_stopping())
    }
}

/// Where pages reach a program and sign in. Its rooms have no sockets of their own.
#[derive(Clone, Debug)]
pub(super) struct Front {
    pub(super) access: Arc<Access>,
    pub(super) addresses: Vec<SocketAddr>,
    /// Scheme, host and port.
    pub(super) origin: String,
}

/// The rooms of one run.
pub(super) struct Registry {
    plan: RoomPlan,
    options: StartOptions,
    /// Whether users are known again after a restart.
    users_stay: bool,
    /// The files in which rooms keep their states, if they do.
    kept: Option<KeptRooms>,
    inner: Mutex<Inner>,
    /// The number of rooms that have been made, by which log lines name them.
    made: AtomicU64,
    /// The number of rooms, with those that are being made.
    count: watch::Sender<usize>,
    /// The tasks that make and watch rooms.
    tasks: TaskTracker,
    /// Opens nothing.
    closed: Arc<Access>,
}

#[derive(Default)]
struct Inner {
    slots: HashMap<Key, Arc<Slot>>,
    /// The rooms that run, by their ids.
    ids: HashMap<String, Arc<Slot>>,
    is_ending: bool,
}

impl Inner {
    /// Returns the room that has been empty for the longest time.
    fn longest_empty(&self) -> Option<&Arc<Slot>> {
        let empty = self.slots.values().filter(|slot| !slot.is_ending());
        let empty = empty.filter_map(|slot| Some(((*slot.empty_since.lock())?, slot)));
        Some(empty.min_by_key(|(since, _)| *since)?.1)
    }
}

impl Running {
    /// Returns what request handlers need of this run, as the room of a slot.
    fn place(&self, id: String, key: &Key) -> Place {
        let Frames { server, access, closing, clients, .. } = self.frames.clone();
        let (user, ticket) = match key {
            Key::Name(_) => (None, None),
            Key::User(user) => (Some(user.clone()), None),
            Key::Page(token, _) => (None, Some(token.clone())),
        };
        let span = Span::current();
        Place { id, server, access, stop: closing, websockets: clients, span, user, ticket }
    }

    /// Asks the server to stop, without waiting for it.
    fn begin_stop(&self) {
        self.stop.requested.cancel();
    }

    fn is_stopping(&self) -> bool {
        self.stop.requested.is_cancelled()
    }
}

impl StartOptions {
    /// Returns the options of the rooms of a program with these options.
    fn of_rooms(self, front: &Front) -> Self {
        StartOptions {
            backend: Backend::Generic,
            secret: None,
            certificate: None,
            idle_timeout: None,
            files: Vec::new(),
            keep_state: None,
            keep_sign_in: false,
            #[cfg(feature = "monitoring")]
            monitoring: None,
            front: Some(front.clone()),
            ..self
        }
    }
}

impl Registry {
    /// Returns the rooms of a program with these options, whose pages sign in at `front`. `None` if its server is that of the
    /// application.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub(super) fn of(
        server: &Server,
        program: &StartOptions,
        front: &Front,
    ) -> Result<Option<Arc<Self>>> {
        let Some(plan) = server.room_plan().cloned() else {
            return Ok(None);
        };
        let (options, users_stay) =
            (program.clone().of_rooms(front), program.keeps_pages_signed_in());
        let (inner, made, count, tasks) = Default::default();
        let kept = program.kept_file(server.name());
        let kept = kept.map(|file| KeptRooms::beside(file, plan.kept));
        let closed = Arc::new(Access::new(0, Tokens::random()?));
        Ok(Some(Arc::new(Registry {
            plan,
            options,
            users_stay,
            kept,
            inner,
            made,
            count,
            tasks,
            closed,
        })))
    }

    /// Returns the key of the room that a page enters, and the name that the room gets.
    fn key(&self, visit: Visit) -> Result<(Key, String), NoRoom> {
        let user = visit.bearer.user().cloned();
        match self.plan.scope {
            Scope::Named if visit.name.len() > MAX_NAME => Err(NoRoom::NameTooLong(MAX_NAME)),
            Scope::Named => Ok((Key::Name(visit.name.clone()), visit.name)),
            Scope::User => {
                let user = user.ok_or(NoRoom::NoUser)?;
                let name = user.name().unwrap_or_default().to_owned();
                Ok((Key::User(user), name))
            }
            Scope::Page | Scope::Shared => {
                let before = visit.before.map(|token| Key::Page(token, user.clone()));
                let known = before
                    .filter(|key| self.inner.lock().slots.contains_key(key) || self.has_kept(key));
                let new = || Ok(Key::Page(random_token()?, user));
                let key = known.map_or_else(new, Ok).map_err(|error: Error| {
                    tracing::error!(%error, "a room cannot be made");
                    NoRoom::Failed
                })?;
                Ok((key, String::new()))
            }
        }
    }

    /// Returns whether the state of a room is kept that has ended.
    fn has_kept(&self, key: &Key) -> bool {
        let kept = self.kept.as_ref().zip(key.kept_name(self.users_stay));
        kept.is_some_and(|(kept, name)| kept.of_room(&name).exists())
    }

    /// Returns the slot of a room, which is new if there is none.
    fn slot(&self, key: &Key) -> Result<Arc<Slot>, NoRoom> {
        let mut inner = self.inner.lock();
        if inner.is_ending {
            return Err(NoRoom::Stopping);
        }
        if let Some(slot) = inner.slots.get(key) {
            return Ok(Arc::clone(slot));
        }
        let count = inner.slots.values().filter(|slot| !slot.is_ending()).count();
        if count >= self.plan.limit {
            let Some(empty) = inner.longest_empty().and_then(|slot| slot.room()) else {
                tracing::warn!(limit = self.plan.limit, "a page was refused: all rooms are in use");
                return Err(NoRoom::Full(self.plan.limit));
            };
            empty.running.begin_stop();
        }
        let (made, is_visited, empty_since) = Default::default();
        let slot = Arc::new(Slot { key: key.clone(), made, is_visited, empty_since });
        inner.slots.insert(key.clone(), Arc::clone(&slot));
        self.count.send_replace(inner.slots.len());
        Ok(slot)
    }

    fn forget(&self, slot: &Arc<Slot>) {
        let mut inner = self.inner.lock();
        if inner.slots.get(&slot.key).is_some_and(|known| Arc::ptr_eq(known, slot)) {
            inner.slots.remove(&slot.key);
        }
        if let Some(made) = slot.room() {
            inner.ids.remove(&made.place.id);
        }
        self.count.send_replace(inner.slots.len());
    }

    async fn make(&self, slot: &Arc<Slot>, name: &str) -> Result<Made> {
        let room = Room::new(self.plan.scope, name);
        let (make, id, span) = (Arc::clone(&self.plan.make), random_token()?, Span::current());
        let making = spawn_blocking(move || {
            let server = span.in_scope(|| make(&room))?;
            server.set_room(room);
            Ok::<_, Error>(server)
        });
        // A panic of the application fails this room.
        let server = making.await.map_err(panicked)??;
        if self.inner.lock().is_ending {
            return Err(Error::NotRunning);
        }
        let options = self.options.clone();
        let options = match self.kept.as_ref().zip(slot.key.kept_name(self.users_stay)) {
            Some((kept, name)) => options.keep_state(kept.of_room(&name)),
            None => options,
        };
        let running = server.spawn(options).await?;
        let is_ending = {
            let mut inner = self.inner.lock();
            inner.ids.insert(id.clone(), Arc::clone(slot));
            inner.is_ending
        };
        if is_ending {
            self.inner.lock().ids.remove(&id);
            running.stop().await?;
            return Err(Error::NotRunning);
        }
        tracing::info!("a room begins");
        self.options.metrics.as_ref().inspect(|metrics| metrics.room_begun());
        Ok(Made { place: running.place(id, &slot.key), running })
    }

    /// Makes a room, unless that was tried already. All who wait get the same outcome.
    async fn fill(self: Arc<Self>, slot: Arc<Slot>, name: String) -> Result<Place, NoRoom> {
        let mut is_first = false;
        let making = async {
            is_first = true;
            let number = self.made.fetch_add(1, Ordering::Relaxed) + 1;
            let span = tracing::info_span!("room", number, name);
            let made = self.make(&slot, &name).instrument(span).await;
            made.inspect_err(|error| {
                tracing::error!(%error, name, "a room cannot be made");
                // Those who come later try again.
                self.forget(&slot);
            })
            .ok()
        };
        let made = slot.made.get_or_init(|| making).await;
        let Some(made) = made else {
            return Err(NoRoom::Failed);
        };
        let place = made.place.clone();
        if is_first {
            let span = place.span.clone();
            self.tasks.spawn(Arc::clone(&self).watch(slot).instrument(span));
        }
        Ok(place)
    }

    async fn enter(self: Arc<Self>, visit: Visit) -> Result<Place, NoRoom> {
        let bearer = visit.bearer.clone();
        let (key, name) = self.key(visit)?;
        loop {
            let slot = self.slot(&key)?;
            if let Some(made) = slot.room().filter(|made| made.running.is_stopping()) {
                // The page gets the next room of this key.
                let _ = made.running.stopped().await;
                self.forget(&slot);
                continue;
            }
            // In a task of its own, so that a page that leaves does not leave half a room.
            let filling = Arc::clone(&self).fill(Arc::clone(&slot), name.clone());
            let place = self.tasks.spawn(filling).await.unwrap_or(Err(NoRoom::Failed))?;
            return match place.server.role_of(&bearer) {
                Ok(_) => {
                    slot.is_visited.store(true, Ordering::Relaxed);
                    Ok(place)
                }
                Err(reason) => {
                    // A user who is refused leaves no room behind.
                    if !slot.is_visited.load(Ordering::Relaxed)
                        && let Some(made) = slot.room()
                    {
                        made.running.begin_stop();
                    }
                    Err(NoRoom::Refused(reason))
                }
            };
        }
    }

    /// Ends a room when it has been empty for a while, and forgets it when it has ended.
    async fn watch(self: Arc<Self>, slot: Arc<Slot>) {
        if let Some(made) = slot.room() {
            tokio::select! {
                _ = made.running.stopped() => {}
                () = self.emptied(&slot, &made.place.server) => {}
            }
            if let Err(error) = made.running.stop().await {
                tracing::warn!(%error, "a room did not end in order");
            }
        }
        self.forget(&slot);
        if let Some(kept) = self.kept.clone() {
            let names: Vec<_> = {
                let inner = self.inner.lock();
                inner.slots.keys().filter_map(|key| key.kept_name(self.users_stay)).collect()
            };
            blocking::run(move || kept.limit(&names)).await;
        }
    }

    /// Waits until a room has been empty for a while, and does nothing.
    async fn emptied(&self, slot: &Slot, server: &Server) {
        let mut clients = server.hub().watch_connected();
        let first = self.plan.idle.max(FIRST_PAGE);
        *slot.empty_since.lock() = Some(Instant::now());
        if timeout(first, clients.wait_for(|count| *count > 0)).await.is_err() {
            return;
        }
        *slot.empty_since.lock() = None;
        while clients.wait_for(|count| *count == 0).await.is_ok() {
            *slot.empty_since.lock() = Some(Instant::now());
            let joined = timeout(self.plan.idle, clients.wait_for(|count| *count > 0)).await;
            if joined.is_err() && !server.inner.jobs.are_unfinished() {
                return;
            }
            *slot.empty_since.lock() = None;
        }
    }

    /// Returns the servers of the rooms that run.
    pub(super) fn servers(&self) -> Vec<Server> {
        self.all().into_iter().map(|place| place.server).collect()
    }

    /// Returns the number of rooms, with those that are being made.
    pub(super) fn watch_count(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }

    /// Ends all rooms. None can be entered any more.
    pub(super) async fn end(&self) {
        let slots: Vec<_> = {
            let mut inner = self.inner.lock();
            inner.is_ending = true;
            inner.slots.values().cloned().collect()
        };
        let rooms = slots.iter().filter_map(|slot| slot.room());
        for ended in join_all(rooms.map(|made| made.running.stop())).await {
            if let Err(error) = ended {
                tracing::warn!(%error, "a room did not end in order");
            }
        }
        self.tasks.close();
        // The application may still be making one.
        if timeout(stop_times::CALLBACKS, self.tasks.wait()).await.is_err() {
            tracing::warn!("a room is still being made: the stop does not wait for it");
        }
    }
}

fn panicked(error: JoinError) -> Error {
    Error::Panicked(match error.try_into_panic() {
        Ok(panic) => panic_message(&*panic).to_owned(),
        Err(cancelled) => cancelled.to_string(),
    })
}

impl Rooms for Registry {
    fn enter(self: Arc<Self>, visit: Visit) -> BoxFuture<'static, Result<Place, NoRoom>> {
        Registry::enter(self, visit).boxed()
    }

    fn find(&self, id: &str) -> Option<Place> {
        let slot = self.inner.lock().ids.get(id).cloned()?;
        Some(slot.room().filter(|made| !made.running.is_stopping())?.place.clone())
    }

    fn all(&self) -> Vec<Place> {
        let inner = self.inner.lock();
        inner.slots.values().filter_map(|slot| Some(slot.room()?.place.clone())).collect()
    }

    fn closed(&self) -> Arc<Access> {
        Arc::clone(&self.closed)
    }
}
