//! What a room commits, on its way to the store.
//!
//! What must hold: nothing waits for the store under the lock of the state. While an append is under
//! way, changes are folded to the latest value per key, so what waits is bounded by the state itself.
//! A room whose epoch is over shows its clients nothing more.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::{BoxFuture, FutureExt};
use indexmap::{IndexMap, IndexSet, map::Entry};
use parking_lot::Mutex;
use selvedge_wslink::Packed;
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::Member;
use crate::{
    Error, Result, Server,
    cluster::{Contents, Record, RecordedValue, StoreError},
    protocol::CloseFrame,
    state::{Journal, KeyName, Recorded},
};

/// How long changes wait for others before they are stored together.
const LAG: Duration = Duration::from_millis(20);

/// Size in bytes from which on a value is stored at most once in [`LARGE_LAG`].
const LARGE: usize = 64 * 1024;

const LARGE_LAG: Duration = Duration::from_secs(1);

/// Size in bytes beyond which a value is not stored, unless its key is durable.
const MAX_VALUE: usize = 16 * 1024 * 1024;

/// Delay after a failed append.
const RETRY: Duration = Duration::from_millis(200);

/// For the last append of a room that ends.
const LAST_APPEND: Duration = Duration::from_secs(1);

/// For clients of a room that goes on elsewhere.
pub(crate) const MOVED: CloseFrame = CloseFrame { code: 1012, reason: "The room has moved" };

const OTHER_OWNER: &str =
    "it is not known whether it was stored: the room has moved to another machine. Try again";
const NO_STORE: &str =
    "it cannot be stored now: the store of the application does not answer. Try again later";
const NO_LEASE: &str =
    "the application is read-only until its store answers again. Try again later";

/// The journal of one room, under one epoch.
pub(crate) struct RoomJournal {
    member: Arc<Member>,
    room: String,
    epoch: u64,
    /// What the store knows, until the server goes on with it.
    contents: Mutex<Contents>,
    waiting: Mutex<Waiting>,
    recorded: Notify,
    /// The commit up to which everything is stored.
    complete: watch::Sender<u64>,
    /// Fires when another node has the room.
    fenced: CancellationToken,
    /// Fires when the last append is due.
    ending: CancellationToken,
    /// Whether a value was found to be too large.
    warned: AtomicBool,
}

#[derive(Default)]
struct Waiting {
    values: IndexMap<KeyName, Change>,
    /// Keys whose values are not stored any more.
    forgotten: IndexSet<KeyName>,
    /// The newest commit.
    newest: u64,
    /// Whether clients wait.
    is_urgent: bool,
    /// When large values were stored.
    large: IndexMap<KeyName, Instant>,
    /// Since when something waits.
    since: Option<Instant>,
}

#[derive(Clone)]
struct Change {
    value: Packed,
    commit: u64,
    /// The first commit of the key that is not stored.
    first: u64,
    is_durable: bool,
}

impl std::fmt::Debug for RoomJournal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoomJournal").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl RoomJournal {
    pub(super) fn new(member: Arc<Member>, room: String, contents: Contents) -> Arc<Self> {
        Arc::new(RoomJournal {
            member,
            room,
            epoch: contents.epoch,
            contents: Mutex::new(contents),
            waiting: Mutex::default(),
            recorded: Notify::new(),
            complete: watch::Sender::new(0),
            fenced: CancellationToken::new(),
            ending: CancellationToken::new(),
            warned: AtomicBool::new(false),
        })
    }

    /// Lets the state of a server go on with what the store knows.
    pub(crate) fn begin(self: &Arc<Self>, server: &Server) {
        let contents = std::mem::take(&mut *self.contents.lock());
        let name = |epoch: u64| format!("{}-{epoch}", self.room);
        let newest = contents.values.iter().map(|value| value.commit).max().unwrap_or_default();
        let values = contents.values.into_iter();
        let recorded = Recorded {
            history: name(self.epoch),
            newest: newest.max(contents.complete),
            values: values.map(|known| (known.key, known.value, known.commit)).collect(),
            before: contents.before.into_iter().map(|(epoch, last)| (name(epoch), last)).collect(),
        };
        let count = recorded.values.len();
        self.waiting.lock().newest = recorded.newest;
        self.complete.send_replace(recorded.newest);
        let refused = server.state().continue_from(recorded, Arc::clone(self) as Arc<dyn Journal>);
        match refused {
            0 => tracing::info!(epoch = self.epoch, count, "the room goes on with its state"),
            _ => tracing::warn!(
                epoch = self.epoch,
                count,
                refused,
                "the room goes on with its state, without values that its checks refuse"
            ),
        }
    }

    /// Fires when another node has the room.
    pub(super) fn fenced(&self) -> &CancellationToken {
        &self.fenced
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Returns for how long the oldest change has waited.
    #[cfg(feature = "monitoring")]
    pub(super) fn lag(&self) -> Duration {
        self.waiting.lock().since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Stores what is recorded, until the journal is closed or fenced.
    pub(super) async fn write(self: Arc<Self>, server: Server) {
        loop {
            let Some(batch) = self.next(&server).await else { return };
            match self.member.append(&self.room, self.epoch, batch.record.clone()).await {
                Ok(()) => {
                    self.complete.send_replace(batch.record.complete);
                    server.hub().stored(batch.newest);
                }
                Err(StoreError::Fenced) => {
                    tracing::warn!(epoch = self.epoch, "another node has taken this room over");
                    self.member.metrics().inspect(|metrics| metrics.room_fenced());
                    server.hub().close_unstored(MOVED);
                    return self.fenced.cancel();
                }
                Err(error) => {
                    tracing::debug!(%error, "a record could not be stored");
                    self.put_back(batch);
                    sleep(RETRY).await;
                }
            }
        }
    }

    /// Stores the rest. Nothing is recorded any more.
    pub(super) async fn close(&self, mut writing: JoinHandle<()>) {
        self.ending.cancel();
        if timeout(LAST_APPEND, &mut writing).await.is_err() {
            writing.abort();
            tracing::warn!(
                "the last changes of a room could not be stored: the store does not answer"
            );
        }
    }

    /// Waits for changes and takes them; `None` at the end.
    async fn next(&self, server: &Server) -> Option<Batch> {
        loop {
            let (has_work, is_urgent, is_due) = {
                let waiting = self.waiting.lock();
                (waiting.has_work(), waiting.is_urgent, waiting.is_due())
            };
            let is_ending = self.ending.is_cancelled();
            if has_work && (is_urgent || is_due || is_ending) {
                if let Some(batch) = self.take(server, is_ending) {
                    return Some(batch);
                }
            } else if is_ending {
                return None;
            }
            tokio::select! {
                () = self.recorded.notified() => {}
                () = sleep(LAG), if has_work => {}
                () = self.ending.cancelled() => {}
            }
        }
    }

    fn take(&self, server: &Server, is_ending: bool) -> Option<Batch> {
        let mut waiting = self.waiting.lock();
        let now = Instant::now();
        let mut batch = Batch { newest: waiting.newest, ..Batch::default() };
        batch.record.complete = waiting.newest;
        batch.record.newest = waiting.newest;
        let mut left = IndexMap::new();
        let mut too_large = std::mem::take(&mut waiting.forgotten);
        for (key, change) in std::mem::take(&mut waiting.values) {
            let size = change.value.size();
            if !server.state().is_recorded(&key) {
                continue;
            }
            if size > MAX_VALUE && !change.is_durable {
                too_large.insert(key);
                continue;
            }
            too_large.swap_remove(&key);
            if size >= LARGE && !change.is_durable && !is_ending {
                let last = waiting.large.get(&key).copied();
                if last.is_some_and(|last| now < last + LARGE_LAG) {
                    batch.record.complete = batch.record.complete.min(change.first - 1);
                    left.insert(key, change);
                    continue;
                }
                waiting.large.insert(KeyName::clone(&key), now);
            }
            batch.record.values.push(RecordedValue {
                key: key.to_string(),
                value: change.value.clone(),
                commit: change.commit,
            });
            batch.changes.push((key, change));
        }
        batch.record.forgotten = too_large.iter().map(|key| key.to_string()).collect();
        batch.forgotten = too_large;
        waiting.since = (!left.is_empty()).then_some(now);
        waiting.values = left;
        let was_urgent = std::mem::take(&mut waiting.is_urgent);
        // Clients may wait for a commit whose keys are not stored.
        let is_empty = batch.record.values.is_empty() && batch.record.forgotten.is_empty();
        let has_batch = !is_empty || was_urgent || waiting.values.is_empty();
        drop(waiting);
        // A log layer of the application may change the state.
        batch.forgotten.iter().for_each(|key| self.warn_of(key));
        has_batch.then_some(batch)
    }

    /// Notes that changes were not stored; newer ones replace them.
    fn put_back(&self, batch: Batch) {
        let mut waiting = self.waiting.lock();
        for (key, change) in batch.changes {
            match waiting.values.entry(key) {
                Entry::Vacant(entry) => {
                    entry.insert(change);
                }
                Entry::Occupied(mut entry) => entry.get_mut().first = change.first,
            }
        }
        for key in batch.forgotten {
            if !waiting.values.contains_key(&key) {
                waiting.forgotten.insert(key);
            }
        }
        waiting.since.get_or_insert_with(Instant::now);
        waiting.is_urgent = true;
    }

    fn warn_of(&self, key: &str) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "`{key}` is too large to be stored ({MAX_VALUE} bytes are allowed), and is lost when its node is; \
                 say that it is `transient`, or `durable`"
            );
        }
    }
}

/// What one append stores.
#[derive(Default)]
struct Batch {
    record: Record,
    changes: Vec<(KeyName, Change)>,
    forgotten: IndexSet<KeyName>,
    newest: u64,
}

impl Waiting {
    fn has_work(&self) -> bool {
        self.is_urgent || !self.values.is_empty() || !self.forgotten.is_empty()
    }

    /// Whether something has waited long enough.
    fn is_due(&self) -> bool {
        self.since.is_some_and(|since| since.elapsed() >= LAG)
    }
}

impl Journal for RoomJournal {
    fn record(&self, changes: &[(KeyName, Packed)], commit: u64, is_durable: bool) -> bool {
        let is_held = is_durable || !self.member.has_lease() || self.fenced.is_cancelled();
        let mut waiting = self.waiting.lock();
        for (key, value) in changes {
            let known = waiting.values.get(key);
            let first = known.map_or(commit, |known| known.first);
            let is_durable = is_durable || known.is_some_and(|known| known.is_durable);
            let change = Change { value: value.clone(), commit, first, is_durable };
            waiting.values.insert(KeyName::clone(key), change);
        }
        waiting.newest = commit;
        let is_first = waiting.since.is_none();
        waiting.since.get_or_insert_with(Instant::now);
        waiting.is_urgent |= is_held;
        drop(waiting);
        if is_first || is_held {
            self.recorded.notify_one();
        }
        is_held
    }

    fn refusal(&self, is_durable: bool) -> Option<&'static str> {
        if self.fenced.is_cancelled() {
            Some(OTHER_OWNER)
        } else if !self.member.has_lease() {
            Some(NO_LEASE)
        } else {
            (is_durable && !self.member.is_reachable()).then_some(NO_STORE)
        }
    }

    fn stored(&self, commit: u64) -> BoxFuture<'static, Result<()>> {
        let (mut complete, fenced) = (self.complete.subscribe(), self.fenced.clone());
        async move {
            let stored = complete.wait_for(|complete| *complete >= commit);
            match fenced.run_until_cancelled(stored).await {
                Some(Ok(_)) => Ok(()),
                _ => Err(Error::NotStored(OTHER_OWNER)),
            }
        }
        .boxed()
    }
}
