//! The pushed and pending values, and the lock that orders the commits.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, atomic::AtomicBool},
};

use futures_util::future::BoxFuture;
use indexmap::{IndexMap, map::Entry};
use parking_lot::{Mutex, MutexGuard, RwLock};
use selvedge_wslink::{ClientId, Packed};

use super::{
    Listener,
    history::History,
    journal::Journal,
    notes::Notes,
    protection::Protection,
    pushed::Pushed,
    scope::{self, Cause},
    series::{Append, Items},
};

/// Number of pending values for which room is kept after a commit.
const FEW: usize = 1024;

/// The name of a value.
pub(crate) type KeyName = Arc<str>;

/// The receiver of commits. Called under the lock of the state: it must be quick and must not call
/// back.
pub(crate) trait Sink: Send + Sync {
    /// Sends changes to all clients except `except`. `appends` are the lists among them that have
    /// grown at their end, in the same order, each with what was appended.
    fn push(
        &self,
        changes: &[(KeyName, Packed)],
        appends: &[(KeyName, Packed)],
        except: Option<ClientId>,
    );
    /// Keeps what is sent from now on from the clients until all commits up to this one are stored.
    fn hold_until_stored(&self, commit: u64);
    /// Called when a value was set outside of callbacks. The sink flushes a little later, so that
    /// related changes are sent together.
    fn unflushed(&self);
    /// Called when listeners are due that no flush is going to run. The sink flushes at once.
    fn listeners_due(&self);
    /// Drives the future of an async listener.
    fn drive(&self, future: BoxFuture<'static, ()>);
}

#[derive(Default)]
pub(super) struct Store {
    inner: Mutex<Stored>,
    pub(super) protection: Protection,
    pub(super) notes: Notes,
    /// Keys that are not kept across restarts.
    pub(super) transient: RwLock<HashSet<String>>,
    /// Whether commits are recorded.
    pub(super) has_journal: AtomicBool,
}

#[derive(Default)]
pub(super) struct Stored {
    pub(super) pushed: Pushed,
    pub(super) pending: IndexMap<KeyName, Pending>,
    /// The number of the next pending value, in the order in which values are set.
    next_pending: u64,
    /// Whether a pending value was removed, so that the others are no longer in order.
    pending_is_unordered: bool,
    /// Number of commits of pending values.
    pub(super) commits: u64,
    /// Committed keys whose listeners have not run yet, with the cause of their change.
    pub(super) touched: IndexMap<KeyName, Cause>,
    /// Keys whose next value is sent even if the clients have it.
    pub(super) unsent: HashSet<KeyName>,
    pub(super) listeners: HashMap<KeyName, Vec<Arc<Listener>>>,
    pub(super) history: History,
    series: HashMap<KeyName, Items>,
    pub(super) sink: Option<Arc<dyn Sink>>,
    /// Keys that clients see only when they are stored.
    pub(super) durable: HashSet<KeyName>,
    /// Where commits are recorded, if anywhere.
    pub(super) journal: Option<Arc<dyn Journal>>,
    pub(super) ready: bool,
    pub(super) flushing: bool,
}

/// A value that is not committed yet.
pub(super) struct Pending {
    order: u64,
    value: Packed,
    cause: Cause,
    /// Whether its listeners are suppressed.
    silent: bool,
    /// What was appended since the last commit, if nothing else has changed.
    append: Option<Append>,
}

/// The origin of a write: the identity of the state, and the cause.
pub(super) struct Writer {
    pub(super) state: usize,
    pub(super) cause: Cause,
}

impl Store {
    pub(super) fn lock(&self) -> MutexGuard<'_, Stored> {
        // No user code runs under this lock; a panic can only leave a complete change.
        self.inner.lock()
    }
}

impl Stored {
    pub(super) fn current(&self, key: &str) -> Option<&Packed> {
        let pending = self.pending.get(key).map(|pending| &pending.value);
        pending.or_else(|| self.pushed.get(key))
    }

    /// Returns all current values.
    pub(super) fn all(&self) -> impl Iterator<Item = (&KeyName, &Packed)> {
        let known = self.pushed.iter().map(|(key, _)| key);
        let new = self.pending.keys().filter(|key| self.pushed.get(key).is_none());
        known.chain(new).filter_map(|key| Some((key, self.current(key)?)))
    }

    pub(super) fn key(&self, key: &str) -> KeyName {
        self.pushed.key(key).map_or_else(|| KeyName::from(key), Arc::clone)
    }

    pub(super) fn set(&mut self, key: &str, value: Packed, writer: &Writer) {
        if self.pushed.get(key) == Some(&value) && !self.unsent.contains(key) {
            self.take_pending(key);
            return;
        }
        self.mark(key, value, writer);
    }

    /// Removes a pending value. The cost does not depend on the number of pending values.
    fn take_pending(&mut self, key: &str) -> Option<(KeyName, Pending)> {
        self.replace_items(key);
        let position = self.pending.get_index_of(key)?;
        self.pending_is_unordered |= position + 1 < self.pending.len();
        self.pending.swap_remove_index(position)
    }

    /// Restores the order in which the pending values were set.
    fn order_pending(&mut self) {
        if std::mem::take(&mut self.pending_is_unordered) {
            self.pending.sort_unstable_by(|_, one, _, other| one.order.cmp(&other.order));
        }
    }

    /// Makes a value pending, whether it is new or not.
    pub(super) fn mark(&mut self, key: &str, value: Packed, writer: &Writer) {
        self.replace_items(key);
        self.mark_as(key, value, None, writer);
    }

    /// Notes that a series may have another value than its items.
    fn replace_items(&mut self, key: &str) {
        if let Some(items) = self.series.get_mut(key) {
            items.replaced = true;
        }
    }

    fn mark_as(&mut self, key: &str, value: Packed, append: Option<Append>, writer: &Writer) {
        let key = self.key(key);
        let known = self.pending.get(&key);
        let silent =
            scope::is_suppressed(writer.state, &key) && known.is_none_or(|pending| pending.silent);
        let order = known.map_or(self.next_pending, |pending| pending.order);
        self.next_pending += 1;
        let cause = writer.cause;
        self.pending.insert(key, Pending { order, value, cause, silent, append });
    }

    /// Makes a key a series, whose items are those of its value.
    pub(super) fn begin_series(&mut self, key: &str) {
        let key = self.key(key);
        self.series.entry(key).or_default();
    }

    /// Sets how many items of a series are kept from the next append on.
    pub(super) fn keep_items(&mut self, key: &str, count: usize) {
        if let Some(items) = self.series.get_mut(key) {
            items.keep(count);
        }
    }

    /// Appends items to a series.
    pub(super) fn append(&mut self, key: &str, new: &[Packed], writer: &Writer) {
        let Some(mut items) = self.series.remove(key) else { return };
        if items.replaced {
            items.load(self.current(key).unwrap_or(&Packed::nil()));
        }
        let appended = items.append(new);
        let value = items.value();
        let append = match self.pending.get_mut(key) {
            Some(pending) => pending.append.take().map(|before| before.then(appended)),
            None => self.pushed.get(key).is_some().then_some(appended),
        };
        let name = self.key(key);
        self.series.insert(name, items);
        self.mark_as(key, value, append, writer);
    }

    /// Moves a pending value to the pushed values without notifying clients or listeners.
    pub(super) fn clean(&mut self, key: &str) {
        if let Some((key, Pending { value, .. })) = self.take_pending(key) {
            self.pushed.insert(Arc::clone(&key), value.clone(), self.history.next());
            let is_held = self.record(&[(key, value)]);
            if let Some(sink) = self.sink.as_ref().filter(|_| is_held) {
                sink.hold_until_stored(self.history.next());
            }
            self.history.advance();
        }
    }

    /// Records the changes of the next commit. Returns whether no client may see them yet.
    fn record(&self, changes: &[(KeyName, Packed)]) -> bool {
        let Some(journal) = &self.journal else { return false };
        let is_durable =
            !self.durable.is_empty() && changes.iter().any(|(key, _)| self.durable.contains(key));
        journal.record(changes, self.history.next(), is_durable)
    }

    /// Forgets a value that is not committed yet.
    pub(super) fn forget_pending(&mut self, key: &str) {
        self.take_pending(key);
    }

    /// Moves all pending values to the pushed values and sends those that differ.
    pub(super) fn commit(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        self.order_pending();
        self.commits += 1;
        let mut changes = Vec::with_capacity(self.pending.len());
        let mut appends = Vec::new();
        for (key, Pending { value, cause, silent, append, .. }) in self.pending.drain(..) {
            if !silent {
                touch(&mut self.touched, &key, cause);
            }
            let unsent = self.unsent.remove(&key);
            let append = append.filter(|_| !unsent);
            // A list that has grown differs, and is not compared item by item.
            if append.is_some() || unsent || self.pushed.get(&key) != Some(&value) {
                self.pushed.insert(Arc::clone(&key), value.clone(), self.history.next());
                if let Some(append) = append.and_then(|append| append.message()) {
                    appends.push((Arc::clone(&key), append));
                }
                changes.push((key, value));
            }
        }
        self.pending.shrink_to(FEW);
        self.send(&changes, &appends, None);
    }

    /// Commits values that a client set. The other clients get them before any listener runs.
    pub(super) fn commit_from(&mut self, client: ClientId, values: Vec<(String, Packed)>) {
        let cause = Cause { client: Some(client), ..Cause::default() };
        let mut changes = Vec::with_capacity(values.len());
        for (key, value) in values {
            let key = self.key(&key);
            self.take_pending(&key);
            if self.pushed.get(&key) == Some(&value) {
                continue;
            }
            self.pushed.insert(Arc::clone(&key), value.clone(), self.history.next());
            touch(&mut self.touched, &key, cause);
            changes.push((key, value));
        }
        self.send(&changes, &[], Some(client));
    }

    fn send(
        &mut self,
        changes: &[(KeyName, Packed)],
        appends: &[(KeyName, Packed)],
        except: Option<ClientId>,
    ) {
        if changes.is_empty() {
            return;
        }
        let is_held = self.record(changes);
        let commit = self.history.next();
        self.history.advance();
        if let Some(sink) = &self.sink {
            if is_held {
                sink.hold_until_stored(commit);
            }
            sink.push(changes, appends, except);
        }
    }
}

/// Records that a key changed. Its listeners run once a round, with the merged cause.
pub(super) fn touch(touched: &mut IndexMap<KeyName, Cause>, key: &KeyName, cause: Cause) {
    match touched.entry(Arc::clone(key)) {
        Entry::Occupied(mut entry) => {
            let known = *entry.get();
            entry.insert(known.merge(cause));
        }
        Entry::Vacant(entry) => {
            entry.insert(cause);
        }
    }
}
