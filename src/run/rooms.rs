//! The rooms of a program: made when a page wants to enter, ended when they are empty for a while.
//!
//! What must hold: a room is made once, however many pages ask for it at the same time; a slow or panicking application
//! delays and fails only its own room; all rooms have ended when the program's run has.

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, FutureExt, join_all};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::{
    sync::{OnceCell, watch},
    task::{JoinError, spawn_blocking},
    time::timeout,
};
use tokio_util::task::TaskTracker;

use super::{Running, StartOptions, frames::Frames};
use crate::{
    Error, Result, Server,
    app::{Room, RoomPlan, Scope},
    calls::callback::panic_message,
    http::{self, NoRoom, Place, Visit},
    protocol::User,
    stop_times,
};

/// Default of [`Rooms::idle`].
const IDLE: Duration = Duration::from_secs(600);

/// Default of [`Rooms::limit`].
const LIMIT: usize = 100;

/// Maximum length of a room's name in bytes.
const MAX_NAME: usize = 128;

/// An application whose users do not all share one state: it has a room for each of them, or for
/// each group.
///
/// A room is a [`Server`] of its own, with its own state, listeners, triggers, jobs and files. It is
/// made when a page wants to enter it, and ends when it has been empty for a while. The program
/// listens on one port for all rooms.
///
/// ```no_run
/// use std::{process::ExitCode, time::Duration};
///
/// use selvedge::{Result, Server, StartOptions, exit_code, rooms::{Room, Rooms, Scope}};
///
/// fn app(room: &Room) -> Result<Server> {
///     let server = Server::new("counter");
///     server.state().set("count", 0).set("trame__title", format!("Counter {}", room.name()));
///     server.template("main", "<button @click=\"count += 1\">{{ count }}</button>");
///     Ok(server)
/// }
///
/// fn main() -> ExitCode {
///     let rooms = Rooms::new(app).scope(Scope::Named).idle(Duration::from_secs(3600));
///     exit_code(rooms.server().and_then(|server| server.run(StartOptions::from_args())))
/// }
/// ```
#[derive(Clone)]
pub struct Rooms {
    plan: RoomPlan,
}

impl Rooms {
    /// Describes an application with a room for each page. `app` makes a room: it is called off the
    /// runtime, and may block. Each call has to make another server, with [`Server::new`] and not
    /// with [`get_server`](crate::get_server).
    ///
    /// `app` is also called once at the start, for a room that is not entered and not started: its
    /// modules, headers and title are those of all pages.
    pub fn new(app: impl Fn(&Room) -> Result<Server> + Send + Sync + 'static) -> Self {
        let plan = RoomPlan { make: Arc::new(app), scope: Scope::Page, idle: IDLE, limit: LIMIT };
        Rooms { plan }
    }

    /// Sets which pages share a room. Default: [`Scope::Page`].
    pub fn scope(mut self, scope: Scope) -> Self {
        self.plan.scope = scope;
        self
    }

    /// Sets how long a room without pages is kept. Default: 10 minutes.
    pub fn idle(mut self, time: Duration) -> Self {
        self.plan.idle = time;
        self
    }

    /// Sets the maximum number of rooms. A page for which there is no room says so. Default: 100.
    pub fn limit(mut self, rooms: usize) -> Self {
        self.plan.limit = rooms;
        self
    }

    /// Returns the server to start, as any other. It has no state of its own: each page is connected
    /// with its room.
    ///
    /// In [`Scope::Shared`] it is the server of the application.
    ///
    /// # Errors
    /// Those of the application.
    pub fn server(self) -> Result<Server> {
        let RoomPlan { make, scope, .. } = &self.plan;
        match scope {
            Scope::Shared => make(&Room::shared()),
            Scope::Named | Scope::User | Scope::Page => {
                let model = make(&Room::new(*scope, "")?)?;
                Ok(model.front(self.plan))
            }
        }
    }
}

impl std::fmt::Debug for Rooms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rooms").field("scope", &self.plan.scope).finish_non_exhaustive()
    }
}

/// What tells the rooms of a program apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Name(String),
    User(User),
    Page(String),
}

/// A room that is made, or runs.
#[derive(Default)]
struct Slot(OnceCell<Made>);

struct Made {
    place: Place,
    running: Running,
}

/// The rooms of one run.
#[derive(Clone)]
pub(super) struct Registry {
    plan: RoomPlan,
    options: StartOptions,
    /// The file in which the program keeps its state. The files of rooms are beside it.
    kept: Option<PathBuf>,
    inner: Arc<Mutex<Inner>>,
    /// The number of rooms, with those that are being made.
    count: watch::Sender<usize>,
    /// Ends when the last room has ended.
    running: TaskTracker,
}

#[derive(Default)]
struct Inner {
    slots: HashMap<Key, Arc<Slot>>,
    /// The keys of the rooms that run, by their ids.
    ids: HashMap<String, Key>,
    is_ending: bool,
}

impl Running {
    /// Returns what request handlers need of this run, as a room with this id.
    fn place(&self, id: String) -> Place {
        let Frames { server, access, closing, clients, .. } = self.frames.clone();
        Place { id, server, access, stop: closing, websockets: clients }
    }
}

impl Registry {
    pub(super) fn new(plan: RoomPlan, program: &StartOptions) -> Arc<Self> {
        let options = program.clone().of_rooms(plan.idle);
        let (inner, count, running) = Default::default();
        let kept = program.keep_state.clone();
        Arc::new(Registry { plan, options, kept, inner, count, running })
    }

    /// Returns the key of the room that a page enters, and the name that the room gets.
    fn key(&self, visit: Visit) -> Result<(Key, String), NoRoom> {
        match self.plan.scope {
            Scope::Named if visit.name.len() > MAX_NAME => Err(NoRoom::NameTooLong(MAX_NAME)),
            Scope::Named => Ok((Key::Name(visit.name.clone()), visit.name)),
            Scope::User => {
                let user = visit.user.ok_or(NoRoom::NoUser)?;
                let name = user.name().unwrap_or_default().to_owned();
                Ok((Key::User(user), name))
            }
            Scope::Page | Scope::Shared => {
                let before = visit.before.and_then(|id| self.inner.lock().ids.get(&id).cloned());
                let new = || crate::random::random_token().map(Key::Page);
                let key = before.map_or_else(new, Ok).map_err(|error| {
                    tracing::error!(%error, "a room cannot be made");
                    NoRoom::Failed
                })?;
                Ok((key, String::new()))
            }
        }
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
        if inner.slots.len() >= self.plan.limit {
            tracing::warn!(limit = self.plan.limit, "a page was refused: all rooms are in use");
            return Err(NoRoom::Full(self.plan.limit));
        }
        let slot = Arc::new(Slot::default());
        inner.slots.insert(key.clone(), Arc::clone(&slot));
        self.count.send_replace(inner.slots.len());
        Ok(slot)
    }

    async fn make(&self, key: &Key, name: &str) -> Result<Made> {
        let room = Room::new(self.plan.scope, name)?;
        let (make, id) = (Arc::clone(&self.plan.make), room.id().to_owned());
        let making = spawn_blocking(move || {
            let server = make(&room)?;
            server.set_room(room);
            Ok::<_, Error>(server)
        });
        // A panic of the application fails this room.
        let server = making.await.map_err(panicked)??;
        let options = match self.kept_file(key) {
            Some(file) => self.options.clone().keep_state(file),
            None => self.options.clone(),
        };
        let running = server.spawn(options).await?;
        tracing::info!(name, "a room begins");
        Ok(Made { place: running.place(id), running })
    }

    /// Returns the file in which the state of a room is kept. Rooms of pages are not kept: no page
    /// leads back to one after the program has ended.
    fn kept_file(&self, key: &Key) -> Option<PathBuf> {
        let name = match key {
            Key::Name(name) => format!("name {name}"),
            Key::User(user) => format!("user {:?} {}", user.name(), user.id()),
            Key::Page(_) => return None,
        };
        let hash = Sha256::digest(name);
        let hash: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        let file = self.kept.as_ref()?;
        let mut own = file.file_name()?.to_owned();
        own.push(format!(".{hash}"));
        Some(file.with_file_name(own))
    }

    /// Makes a room in its slot, unless it is made already.
    async fn fill(self, slot: Arc<Slot>, key: Key, name: String) -> Result<Place, NoRoom> {
        let mut is_new = false;
        let made = slot.0.get_or_try_init(|| {
            is_new = true;
            self.make(&key, &name)
        });
        let made = made.await;
        let is_ending = {
            let mut inner = self.inner.lock();
            match &made {
                Ok(made) => drop(inner.ids.insert(made.place.id.clone(), key.clone())),
                Err(_) => self.forget(&mut inner, &key, &slot),
            }
            inner.is_ending
        };
        if is_new && made.is_ok() {
            self.running.spawn(self.clone().watch(Arc::clone(&slot), key));
        }
        match made {
            Ok(made) if is_ending => {
                // The program has begun to stop in the meantime.
                let _ = made.running.stop().await;
                Err(NoRoom::Stopping)
            }
            Ok(made) => Ok(made.place.clone()),
            Err(error) => {
                tracing::error!(%error, name, "a room cannot be made");
                Err(NoRoom::Failed)
            }
        }
    }

    fn forget(&self, inner: &mut Inner, key: &Key, slot: &Arc<Slot>) {
        if inner.slots.get(key).is_some_and(|known| Arc::ptr_eq(known, slot)) {
            inner.slots.remove(key);
        }
        if let Some(made) = slot.0.get() {
            inner.ids.remove(&made.place.id);
        }
        self.count.send_replace(inner.slots.len());
    }

    async fn enter(&self, visit: Visit) -> Result<Place, NoRoom> {
        let (key, name) = self.key(visit)?;
        loop {
            let slot = self.slot(&key)?;
            if let Some(made) = slot.0.get()
                && made.place.stop.is_cancelled()
            {
                // It is ending: the page gets the next one of this key.
                let _ = made.running.stopped().await;
                self.forget(&mut self.inner.lock(), &key, &slot);
                continue;
            }
            // In a task of its own, so that a page that leaves does not leave half a room.
            let filling = self.clone().fill(Arc::clone(&slot), key.clone(), name.clone());
            return self.running.spawn(filling).await.unwrap_or(Err(NoRoom::Failed));
        }
    }

    /// Forgets a room when it has ended.
    async fn watch(self, slot: Arc<Slot>, key: Key) {
        if let Some(made) = slot.0.get()
            && let Err(error) = made.running.stopped().await
        {
            tracing::warn!(%error, "a room did not end in order");
        }
        self.forget(&mut self.inner.lock(), &key, &slot);
    }

    /// Waits until there has been no room for this time.
    pub(super) async fn unused_for(&self, time: Duration) {
        let mut count = self.count.subscribe();
        while count.wait_for(|count| *count == 0).await.is_ok() {
            if timeout(time, count.wait_for(|count| *count > 0)).await.is_err() {
                return;
            }
        }
    }

    /// Ends all rooms. None can be entered any more.
    pub(super) async fn end(&self) {
        let slots: Vec<_> = {
            let mut inner = self.inner.lock();
            inner.is_ending = true;
            inner.slots.values().cloned().collect()
        };
        let made = slots.iter().filter_map(|slot| slot.0.get());
        for ended in join_all(made.map(|made| made.running.stop())).await {
            if let Err(error) = ended {
                tracing::warn!(%error, "a room did not end in order");
            }
        }
        self.running.close();
        // The application may still be making one.
        if timeout(stop_times::CALLBACKS, self.running.wait()).await.is_err() {
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

impl http::Rooms for Registry {
    fn enter(&self, visit: Visit) -> BoxFuture<'_, Result<Place, NoRoom>> {
        self.enter(visit).boxed()
    }

    fn find(&self, id: &str) -> Option<Place> {
        let inner = self.inner.lock();
        let slot = inner.slots.get(inner.ids.get(id)?)?;
        Some(slot.0.get()?.place.clone())
    }

    fn all(&self) -> Vec<Place> {
        let inner = self.inner.lock();
        inner.slots.values().filter_map(|slot| Some(slot.0.get()?.place.clone())).collect()
    }
}
