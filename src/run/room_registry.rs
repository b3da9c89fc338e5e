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
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::future::{BoxFuture, FutureExt, ready};
use parking_lot::Mutex;
use tokio::{
    sync::watch,
    task::{JoinError, spawn_blocking},
    time::Instant,
};
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span};

use super::{
    Running, StartOptions,
    cluster::{Granted, Member},
    frames::Frames,
    kept_rooms::KeptRooms,
    room_slot::{Key, Made, NotHere, NotMade, Slot},
};
use crate::{
    Error, Result, Server,
    app::{Backend, Room, RoomPlan},
    calls::callback::panic_message,
    http::{Access, Entry, Lines, Located, NoRoom, Place, Rooms, Tokens, Visit},
    protocol::Bearer,
};

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
    pub(super) plan: RoomPlan,
    options: StartOptions,
    /// Whether users are known again after a restart.
    pub(super) users_stay: bool,
    /// The files in which rooms keep their states, if they do.
    pub(super) kept: Option<KeptRooms>,
    pub(super) inner: Mutex<Inner>,
    /// The number of rooms that have been made, by which log lines name them.
    made: AtomicU64,
    /// The number of rooms, with those that are being made.
    count: watch::Sender<usize>,
    /// The tasks that make and watch rooms.
    pub(super) tasks: TaskTracker,
    /// Opens nothing.
    closed: Arc<Access>,
    /// This program as a node, if rooms can be on others.
    pub(super) cluster: Option<Arc<Member>>,
    /// Connections to other nodes.
    pub(super) lines: Lines,
}

#[derive(Default)]
pub(super) struct Inner {
    pub(super) slots: HashMap<Key, Arc<Slot>>,
    /// The rooms that run, by their ids.
    ids: HashMap<String, Arc<Slot>>,
    pub(super) is_ending: bool,
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
            redis: None,
            shared: None,
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
        cluster: Option<Arc<Member>>,
        lines: Lines,
    ) -> Result<Option<Arc<Self>>> {
        let Some(plan) = server.room_plan().cloned() else {
            return Ok(None);
        };
        let (options, users_stay) =
            (program.clone().of_rooms(front), program.keeps_pages_signed_in());
        let (inner, made, count, tasks) = Default::default();
        // The store of a cluster keeps the states.
        let kept = program.kept_file(server.name()).filter(|_| cluster.is_none());
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
            cluster,
            lines,
        })))
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

    pub(super) fn forget(&self, slot: &Arc<Slot>) {
        let mut inner = self.inner.lock();
        if inner.slots.get(&slot.key).is_some_and(|known| Arc::ptr_eq(known, slot)) {
            inner.slots.remove(&slot.key);
        }
        // In a cluster, the next room of this key has the same id.
        if let Some(made) = slot.room()
            && inner.ids.get(&made.place.id).is_some_and(|known| Arc::ptr_eq(known, slot))
        {
            inner.ids.remove(&made.place.id);
        }
        self.count.send_replace(inner.slots.len());
    }

    /// Makes the room of a slot: for the page of this user, who must be admitted, or for one that has
    /// entered before.
    async fn make(
        &self,
        slot: &Arc<Slot>,
        bearer: Option<&Bearer>,
        replacing: Option<u64>,
    ) -> Result<Made, NotMade> {
        let id = self.id_of(&slot.key)?;
        let Some(member) = &self.cluster else {
            return self.make_here(slot, id, bearer, None).await;
        };
        let granted = self.claim(member, &id, &slot.key, replacing).await?;
        let made = self.make_here(slot, id, bearer, Some(&granted)).await;
        if made.is_err() {
            granted.give_up().await;
        }
        made
    }

    async fn make_here(
        &self,
        slot: &Arc<Slot>,
        id: String,
        bearer: Option<&Bearer>,
        granted: Option<&Granted>,
    ) -> Result<Made, NotMade> {
        let room = Room::new(self.plan.scope, slot.key.room_name());
        let (make, span) = (Arc::clone(&self.plan.make), Span::current());
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
        let options = granted.map_or(options.clone(), |granted| granted.options(options));
        if granted.is_some() {
            server.transfers().name_room(&id);
        }
        let running = server.spawn(options).await?;
        // With the state that was kept, and before another room ends for this one.
        let admitted = bearer.map_or(Ok(()), |bearer| server.role_of(bearer).map(drop));
        let admitted = admitted.map_err(NotMade::Refused);
        if let Err(not_made) = admitted.and_then(|()| self.take_place(slot)) {
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
        let recording = granted.map(|granted| granted.begin(&running.frames.server));
        tracing::info!("a room begins");
        self.options.metrics.as_ref().inspect(|metrics| metrics.room_begun());
        Ok(Made { place: running.place(id, &slot.key), running, recording })
    }

    /// Makes a room, unless that was tried already. All who wait get the same outcome, except if the
    /// user was refused for whose page it was made: then the others get `None`, and try again.
    async fn fill(
        self: Arc<Self>,
        slot: Arc<Slot>,
        bearer: Option<Bearer>,
        replacing: Option<u64>,
    ) -> Option<Result<Place, NotHere>> {
        let mut is_first = false;
        let making = async {
            is_first = true;
            let number = self.made.fetch_add(1, Ordering::Relaxed) + 1;
            let name = slot.key.room_name();
            let span = tracing::info_span!("room", number, name);
            let made = self.make(&slot, bearer.as_ref(), replacing).instrument(span).await;
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
            Err(NotMade::Elsewhere(owner, epoch)) => Err(NotHere::Elsewhere(owner.clone(), *epoch)),
            Err(NotMade::Failed(_)) => Err(NoRoom::Failed.into()),
            Err(NotMade::Full) => Err(self.full().into()),
            Err(NotMade::Draining) => Err(NoRoom::Stopping.into()),
            Err(NotMade::NoStore(error)) => {
                tracing::warn!(%error, "a room cannot be claimed");
                Err(NoRoom::Unreachable.into())
            }
            Err(NotMade::Refused(reason)) if is_first => {
                Err(NoRoom::Refused(reason.clone()).into())
            }
            Err(NotMade::Refused(_)) => return None,
        })
    }

    /// Returns the room with this key, which is made if it is neither here nor on another node. Without
    /// a `bearer`, the page has been let in before. `replacing`: the epoch of an owner that has ended.
    pub(super) async fn enter_here(
        self: Arc<Self>,
        key: &Key,
        bearer: Option<Bearer>,
        replacing: Option<u64>,
    ) -> Result<Place, NotHere> {
        loop {
            let slot = self.slot(key)?;
            if let Some(made) = slot.room().filter(|made| made.running.is_stopping()) {
                // The page gets the next room of this key.
                let _ = made.running.stopped().await;
                self.forget(&slot);
                continue;
            }
            // In a task of its own, so that a page that leaves does not leave half a room.
            let filling = Arc::clone(&self).fill(Arc::clone(&slot), bearer.clone(), replacing);
            let filled = self.tasks.spawn(filling).await;
            let filled = filled.unwrap_or_else(|_| Some(Err(NoRoom::Failed.into())));
            let Some(filled) = filled else { continue };
            let place = filled?;
            if let Some(bearer) = &bearer {
                place.server.role_of(bearer).map_err(NoRoom::Refused)?;
            }
            *slot.expects_since.lock() = Some(Instant::now());
            // It may have ended in the meantime.
            if !slot.is_ending() {
                return Ok(place);
            }
        }
    }

    /// Returns the servers of the rooms that run.
    pub(super) fn servers(&self) -> Vec<Server> {
        self.all().into_iter().map(|place| place.server).collect()
    }

    /// Returns for how long the oldest change of all rooms has waited for the store.
    #[cfg(feature = "monitoring")]
    pub(super) fn store_lag(&self) -> std::time::Duration {
        let inner = self.inner.lock();
        let rooms = inner.slots.values().filter_map(|slot| slot.room()?.recording.as_ref());
        rooms.map(|recording| recording.lag()).max().unwrap_or_default()
    }

    /// Returns the number of rooms, with those that are being made.
    pub(super) fn watch_count(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }
}

fn panicked(error: JoinError) -> Error {
    Error::Panicked(match error.try_into_panic() {
        Ok(panic) => panic_message(&*panic).to_owned(),
        Err(cancelled) => cancelled.to_string(),
    })
}

impl Rooms for Registry {
    fn enter(self: Arc<Self>, visit: Visit) -> BoxFuture<'static, Result<Entry, NoRoom>> {
        if let Some(member) = self.cluster.clone() {
            return self.enter_somewhere(member, visit).boxed();
        }
        let entering = async move {
            let key = self.key(&visit).await?;
            match self.enter_here(&key, Some(visit.bearer.clone()), None).await {
                Ok(place) => Ok(place.entry(&visit.bearer)),
                Err(NotHere::NoRoom(no_room)) => Err(no_room),
                Err(NotHere::Elsewhere(..)) => Err(NoRoom::Unreachable),
            }
        };
        entering.boxed()
    }

    fn are_shared(&self) -> bool {
        self.cluster.is_some()
    }

    fn locate(self: Arc<Self>, id: String, may_pass: bool) -> BoxFuture<'static, Located> {
        match self.cluster.clone() {
            Some(member) => self.locate_shared(member, id, may_pass).boxed(),
            None => ready(Located::Here).boxed(),
        }
    }

    fn find(&self, id: &str) -> Option<Place> {
        let slot = self.inner.lock().ids.get(id).cloned()?;
        Some(slot.room().filter(|_| !slot.is_ending())?.place.clone())
    }

    fn all(&self) -> Vec<Place> {
        let inner = self.inner.lock();
        inner.slots.values().filter_map(|slot| Some(slot.room()?.place.clone())).collect()
    }

    fn closed(&self) -> Arc<Access> {
        Arc::clone(&self.closed)
    }
}
