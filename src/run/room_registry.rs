//! The rooms of a program: made when a page wants to enter, ended when they have been empty for a while.
//!
//! What must hold: a room is made once, however many pages ask for it at the same time; a slow or panicking application
//! delays and fails only its own room; each room that runs is known here until it has ended, and all have ended when the
//! program's run has.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::{BoxFuture, FutureExt, join_all};
use parking_lot::Mutex;
use tokio::{
    sync::watch,
    task::{JoinError, spawn_blocking},
    time::{Instant, timeout, timeout_at},
};
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span};

use super::{
    Running, StartOptions,
    frames::Frames,
    kept_rooms::KeptRooms,
    room_slot::{Key, Made, NotMade, Slot},
};
use crate::{
    Error, Result, Server,
    app::{Backend, Room, RoomPlan, Scope},
    blocking,
    calls::callback::panic_message,
    http::{Access, NoRoom, Place, Rooms, Tokens, Visit},
    protocol::Bearer,
    random::random_token,
    stop_times,
};

/// Maximum length of a room's name in bytes.
const MAX_NAME: usize = 128;

/// Least time that a room is kept for its first page, which has to load.
const FIRST_PAGE: Duration = Duration::from_secs(30);

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
    fn longest_empty(&self) -> Option<&Made> {
        let running = self.slots.values().filter(|slot| !slot.is_ending());
        let spare = running.filter_map(|slot| Some((slot.spare_since()?, slot)));
        spare.min_by_key(|(since, _)| *since)?.1.room()
    }

    /// Returns the number of rooms that run or start.
    fn running(&self) -> usize {
        let has_place = |slot: &&Arc<Slot>| slot.has_place.load(Ordering::Relaxed);
        self.slots.values().filter(has_place).filter(|slot| !slot.is_ending()).count()
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

    pub(super) fn is_stopping(&self) -> bool {
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
    /// Returns the rooms of a program with these options, whose pages sign in at `front`. `None` if
    /// its server is that of the application.
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
        let is_full = inner.running() >= self.plan.limit && inner.longest_empty().is_none();
        let starting = inner.slots.values().filter(|slot| slot.made.get().is_none()).count();
        if is_full || starting >= self.plan.limit {
            return Err(self.full());
        }
        let slot = Arc::new(Slot::new(key.clone()));
        inner.slots.insert(key.clone(), Arc::clone(&slot));
        self.count.send_replace(inner.slots.len());
        Ok(slot)
    }

    fn full(&self) -> NoRoom {
        tracing::warn!(limit = self.plan.limit, "a page was refused: all rooms are in use");
        NoRoom::Full(self.plan.limit)
    }

    /// Lets a room run. If there are too many, the one that has been empty for the longest time ends.
    fn take_place(&self, slot: &Slot) -> Result<(), NotMade> {
        let inner = self.inner.lock();
        if inner.running() >= self.plan.limit {
            inner.longest_empty().ok_or(NotMade::Full)?.running.begin_stop();
        }
        slot.has_place.store(true, Ordering::Relaxed);
        Ok(())
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

    /// Makes the room of a slot for the page of this user, who must be admitted.
    async fn make(&self, slot: &Arc<Slot>, name: &str, bearer: &Bearer) -> Result<Made, NotMade> {
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
            return Err(Error::NotRunning.into());
        }
        let options = self.options.clone();
        let options = match self.kept.as_ref().zip(slot.key.kept_name(self.users_stay)) {
            Some((kept, name)) => options.keep_state(kept.of_room(&name)),
            None => options,
        };
        let running = server.spawn(options).await?;
        // With the state that was kept, and before another room ends for this one.
        let admitted = server.role_of(bearer).map_err(NotMade::Refused);
        if let Err(not_made) = admitted.and_then(|_| self.take_place(slot)) {
            running.stop().await?;
            return Err(not_made);
        }
        let is_ending = {
            let mut inner = self.inner.lock();
            inner.ids.insert(id.clone(), Arc::clone(slot));
            inner.is_ending
        };
        if is_ending {
            self.inner.lock().ids.remove(&id);
            running.stop().await?;
            return Err(Error::NotRunning.into());
        }
        tracing::info!("a room begins");
        self.options.metrics.as_ref().inspect(|metrics| metrics.room_begun());
        Ok(Made { place: running.place(id, &slot.key), running })
    }

    /// Makes a room, unless that was tried already. All who wait get the same outcome, except if the
    /// user was refused for whose page it was made: then the others get `None`, and try again.
    async fn fill(
        self: Arc<Self>,
        slot: Arc<Slot>,
        name: String,
        bearer: Bearer,
    ) -> Option<Result<Place, NoRoom>> {
        let mut is_first = false;
        let making = async {
            is_first = true;
            let number = self.made.fetch_add(1, Ordering::Relaxed) + 1;
            let span = tracing::info_span!("room", number, name);
            let made = self.make(&slot, &name, &bearer).instrument(span).await;
            made.inspect_err(|not_made| {
                if let NotMade::Failed(error) = not_made {
                    tracing::error!(%error, name, "a room cannot be made");
                }
                // Those who come later try again.
                self.forget(&slot);
            })
        };
        Some(match slot.made.get_or_init(|| making).await {
            Ok(made) => {
                let place = made.place.clone();
                if is_first {
                    let span = place.span.clone();
                    self.tasks.spawn(Arc::clone(&self).watch(slot).instrument(span));
                }
                Ok(place)
            }
            Err(NotMade::Failed(_)) => Err(NoRoom::Failed),
            Err(NotMade::Full) => Err(self.full()),
            Err(NotMade::Refused(reason)) if is_first => Err(NoRoom::Refused(reason.clone())),
            Err(NotMade::Refused(_)) => return None,
        })
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
            let filling = Arc::clone(&self).fill(Arc::clone(&slot), name.clone(), bearer.clone());
            let filled = self.tasks.spawn(filling).await.unwrap_or(Some(Err(NoRoom::Failed)));
            let Some(filled) = filled else { continue };
            let place = filled?;
            place.server.role_of(&bearer).map_err(NoRoom::Refused)?;
            *slot.expects_since.lock() = Some(Instant::now());
            // It may have ended in the meantime.
            if !slot.is_ending() {
                return Ok(place);
            }
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
        // At the end of the program once for all rooms.
        if !self.inner.lock().is_ending {
            self.limit_kept().await;
        }
    }

    /// Removes kept states if there are too many, except those of rooms that run or start.
    async fn limit_kept(self: Arc<Self>) {
        let Some(kept) = self.kept.clone() else { return };
        let limit = move || {
            let is_used = |file: &Path| {
                let inner = self.inner.lock();
                let mut names = inner.slots.keys().filter_map(|key| key.kept_name(self.users_stay));
                names.any(|name| kept.of_room(&name) == file)
            };
            kept.limit(is_used);
        };
        blocking::run(limit).await;
    }

    /// Waits until a room has been empty for a while, and does nothing.
    async fn emptied(&self, slot: &Slot, server: &Server) {
        let mut clients = server.hub().watch_connected();
        let mut patience = self.plan.idle.max(FIRST_PAGE);
        while clients.wait_for(|count| *count == 0).await.is_ok() {
            *slot.empty_since.lock() = Some(Instant::now());
            loop {
                let since = slot.last_use();
                let joined = clients.wait_for(|count| *count > 0);
                match timeout_at(since + patience, joined).await {
                    Ok(_) => break,
                    // A page was admitted in the meantime.
                    Err(_) if slot.last_use() > since => {}
                    Err(_) if server.inner.jobs.are_unfinished() => {
                        *slot.empty_since.lock() = Some(Instant::now());
                    }
                    Err(_) => return,
                }
            }
            (*slot.empty_since.lock(), *slot.expects_since.lock()) = (None, None);
            patience = self.plan.idle;
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
    pub(super) async fn end(self: &Arc<Self>) {
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
        Arc::clone(self).limit_kept().await;
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
