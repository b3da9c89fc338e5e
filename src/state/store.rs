//! The values, what is pending, and the lock that orders the commits.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::BoxFuture;
use indexmap::{IndexMap, map::Entry};
use serde::{Serialize, de::DeserializeOwned};

use super::{Listener, protection::Protection, scope};
use crate::{
    Result,
    wire::{ClientId, Packed},
};

/// The name of a value.
pub(crate) type Key = Arc<str>;

/// Where commits go. Called under the lock of the state: it must be quick and must not call back.
pub(crate) trait Sink: Send + Sync {
    /// Sends changed values to every client but one.
    fn push(&self, changes: &[(Key, Packed)], except: Option<ClientId>);
    /// Learns that something was set that nobody is about to flush.
    fn unflushed(&self);
    /// Drives the future of an async listener.
    fn drive(&self, future: BoxFuture<'static, ()>);
}

/// Values shared with every client. A cheap handle, usable from any thread.
///
/// Reading gives the value that was set last, flushed or not. Setting makes a value *pending*; a flush sends what is
/// pending to the clients as one message and runs the change listeners. Callbacks of the application (triggers, listeners,
/// hooks) and [`batch`](State::batch) flush at their end. What is set elsewhere, on a thread of your own for instance, is sent
/// by [`flush`](State::flush), or else by itself within about 10 ms.
///
/// ```
/// let server = selvedge::Server::new("doc");
/// let state = server.state();
/// state.set("count", 1).set("name", "Ada");
/// assert_eq!(state.get::<i64>("count")?, 1);
/// state.update("count", |count: &mut i64| *count += 1)?;
/// assert_eq!(state.get::<i64>("count")?, 2);
/// assert_eq!(state.get::<Option<String>>("unknown")?, None);
/// # Ok::<(), selvedge::Error>(())
/// ```
#[derive(Clone)]
pub struct State {
    pub(super) store: Arc<Store>,
}

pub(super) struct Store {
    inner: Mutex<Inner>,
    pub(super) protection: Protection,
}

#[derive(Default)]
pub(super) struct Inner {
    pub(super) pushed: IndexMap<Key, Packed>,
    pub(super) pending: IndexMap<Key, Pending>,
    /// Keys that were committed and whose listeners have not run yet, with the depth of their change.
    pub(super) touched: IndexMap<Key, u32>,
    pub(super) listeners: HashMap<Key, Vec<Arc<Listener>>>,
    pub(super) sink: Option<Arc<dyn Sink>>,
    pub(super) ready: bool,
    pub(super) flushing: bool,
}

/// A value on its way, and how many listeners one after another led to it.
pub(super) struct Pending {
    value: Packed,
    depth: u32,
}

impl Store {
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing under this lock runs user code; what a panic could leave is a complete change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    pub(super) fn current(&self, key: &str) -> Option<&Packed> {
        self.pending
            .get(key)
            .map(|pending| &pending.value)
            .or_else(|| self.pushed.get(key))
    }

    fn key(&self, key: &str) -> Key {
        match self.pushed.get_key_value(key) {
            Some((known, _)) => Arc::clone(known),
            None => Key::from(key),
        }
    }

    fn set(&mut self, key: &str, value: Packed, depth: u32) {
        if self.pushed.get(key) == Some(&value) {
            self.pending.shift_remove(key);
            return;
        }
        let key = self.key(key);
        self.pending.insert(key, Pending { value, depth });
    }

    /// Moves everything pending to the pushed values and sends what differs.
    pub(super) fn commit(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let mut changes = Vec::with_capacity(self.pending.len());
        for (key, Pending { value, depth }) in self.pending.drain(..) {
            touch(&mut self.touched, &key, depth);
            if self.pushed.get(&key) != Some(&value) {
                self.pushed.insert(Arc::clone(&key), value.clone());
                changes.push((key, value));
            }
        }
        self.push(&changes, None);
    }

    fn push(&self, changes: &[(Key, Packed)], except: Option<ClientId>) {
        if let (Some(sink), false) = (&self.sink, changes.is_empty()) {
            sink.push(changes, except);
        }
    }
}

/// Listeners of one key run once a round, as deep as the shallowest change asks for.
fn touch(touched: &mut IndexMap<Key, u32>, key: &Key, depth: u32) {
    match touched.entry(Arc::clone(key)) {
        Entry::Occupied(mut entry) => {
            let known = *entry.get();
            entry.insert(known.min(depth));
        }
        Entry::Vacant(entry) => {
            entry.insert(depth);
        }
    }
}

impl State {
    pub(crate) fn new() -> Self {
        State {
            store: Arc::new(Store {
                inner: Mutex::default(),
                protection: Protection::default(),
            }),
        }
    }

    /// What distinguishes this state from others on a thread that runs listeners of several.
    pub(super) fn identity(&self) -> usize {
        Arc::as_ptr(&self.store) as usize
    }

    /// Sets a value. It becomes pending, unless the clients have exactly this value already.
    ///
    /// A value whose `Serialize` fails is left out and logged; [`try_set`](Self::try_set) returns the error instead.
    pub fn set(&self, key: &str, value: impl Serialize) -> &Self {
        if let Err(error) = self.try_set(key, value) {
            tracing::error!(key, %error, "a state value was not set");
        }
        self
    }

    /// Sets a value, or says why it cannot be encoded.
    ///
    /// # Errors
    /// [`Error::Encode`](crate::Error::Encode) when the value's `Serialize` fails. The state keeps the old value then.
    pub fn try_set(&self, key: &str, value: impl Serialize) -> Result<()> {
        let packed = Packed::encode(&value)?;
        self.change(|inner, depth| inner.set(key, packed, depth));
        Ok(())
    }

    /// Sets each field of a struct, or each entry of a map, as a key of its own.
    ///
    /// ```
    /// #[derive(serde::Serialize)]
    /// struct Model { count: i64, name: &'static str }
    ///
    /// let server = selvedge::Server::new("doc");
    /// server.state().extend(&Model { count: 1, name: "Ada" })?;
    /// assert_eq!(server.state().get::<String>("name")?, "Ada");
    /// # Ok::<(), selvedge::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Encode`](crate::Error::Encode) when the value cannot be encoded or is no struct or map. Nothing is set then.
    pub fn extend<T: Serialize + ?Sized>(&self, fields: &T) -> Result<()> {
        let fields = crate::wire::fields(fields)?;
        self.change(|inner, depth| {
            for (key, value) in fields {
                inner.set(&key, value, depth);
            }
        });
        Ok(())
    }

    /// The current value of a key. A key that was never set reads as nothing: `None`, `()` or an error for other types.
    ///
    /// # Errors
    /// [`Error::Decode`](crate::Error::Decode) when the value is of another type.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        self.packed(key).decode_as(&format!("state `{key}`"))
    }

    /// The current value in its encoded form.
    pub fn packed(&self, key: &str) -> Packed {
        self.store
            .lock()
            .current(key)
            .cloned()
            .unwrap_or(Packed::nil())
    }

    /// Whether the key was ever set, be it to nothing.
    pub fn has(&self, key: &str) -> bool {
        self.store.lock().current(key).is_some()
    }

    /// Sets a value only if the key was never set.
    ///
    /// # Errors
    /// [`Error::Encode`](crate::Error::Encode) when the value's `Serialize` fails.
    pub fn set_default(&self, key: &str, value: impl Serialize) -> Result<()> {
        let packed = Packed::encode(&value)?;
        self.change(|inner, depth| {
            if inner.current(key).is_none() {
                inner.set(key, packed, depth);
            }
        });
        Ok(())
    }

    /// Changes a value in place: reads it, lets `edit` change it and sets it, with no other change in between.
    ///
    /// `edit` runs again when somebody else changed the key meanwhile.
    ///
    /// # Errors
    /// [`Error::Decode`](crate::Error::Decode) when the value is of another type, [`Error::Encode`](crate::Error::Encode) when the new one cannot be encoded.
    pub fn update<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        mut edit: impl FnMut(&mut T),
    ) -> Result<()> {
        loop {
            let before = self.packed(key);
            let mut value: T = before.decode_as(&format!("state `{key}`"))?;
            edit(&mut value);
            let after = Packed::encode(&value)?;
            let unchanged = self.change(|inner, depth| {
                let unchanged = match inner.current(key) {
                    Some(current) => *current == before,
                    None => before.is_nil(),
                };
                if unchanged {
                    inner.set(key, after, depth);
                }
                unchanged
            });
            if unchanged {
                return Ok(());
            }
        }
    }

    /// Sets several values in one step: they become one message and one round of listeners, whatever other threads do.
    ///
    /// ```
    /// let server = selvedge::Server::new("doc");
    /// server.state().batch(|batch| {
    ///     batch.set("count", 1).set("name", "Ada");
    /// });
    /// ```
    pub fn batch(&self, fill: impl FnOnce(&mut Batch)) {
        let mut batch = Batch {
            changes: Vec::new(),
        };
        scope::deferred(|| {
            fill(&mut batch);
            self.change(|inner, depth| {
                for (key, value) in batch.changes {
                    inner.set(&key, value, depth);
                }
            });
        });
        self.flush();
    }

    /// Marks keys as changed, so that their listeners run at the next flush. Clients get nothing that they have already.
    pub fn dirty(&self, keys: &[&str]) {
        self.change(|inner, depth| {
            for key in keys {
                let value = inner.current(key).cloned().unwrap_or(Packed::nil());
                let key = inner.key(key);
                inner.pending.insert(key, Pending { value, depth });
            }
        });
    }

    /// Whether any of the keys is pending.
    pub fn is_dirty(&self, keys: &[&str]) -> bool {
        let inner = self.store.lock();
        keys.iter().any(|key| inner.pending.contains_key(*key))
    }

    /// Declares keys that each page keeps for itself: pages never send them.
    pub fn client_only(&self, keys: &[&str]) -> Result<()> {
        self.set_default("trame__client_only", Vec::<String>::new())?;
        self.update("trame__client_only", |names: &mut Vec<String>| {
            for key in keys {
                if !names.iter().any(|name| name == key) {
                    names.push((*key).to_owned());
                }
            }
        })
    }

    /// Makes a change under the lock, and sees to it that somebody flushes it.
    fn change<T>(&self, change: impl FnOnce(&mut Inner, u32) -> T) -> T {
        let depth = scope::listener_depth(self.identity()).unwrap_or(0);
        let mut inner = self.store.lock();
        let result = change(&mut inner, depth);
        let waits = inner.ready && !inner.pending.is_empty() && !scope::is_deferred();
        if let (true, Some(sink)) = (waits, &inner.sink) {
            sink.unflushed();
        }
        result
    }

    /// Gives every commit from now on to `sink`.
    pub(crate) fn connect(&self, sink: Arc<dyn Sink>) {
        self.store.lock().sink = Some(sink);
    }

    /// Registers a listener, which runs when one of its keys was committed.
    pub(crate) fn listen(&self, listener: Listener) {
        let listener = Arc::new(listener);
        let mut inner = self.store.lock();
        for key in &listener.keys {
            inner
                .listeners
                .entry(Arc::clone(key))
                .or_default()
                .push(Arc::clone(&listener));
        }
    }

    /// Gives the pushed values to `read` between two commits.
    pub(crate) fn snapshot<T>(&self, read: impl FnOnce(&IndexMap<Key, Packed>) -> T) -> T {
        read(&self.store.lock().pushed)
    }

    /// Takes values that a client set: the others get them before any listener runs.
    ///
    /// The caller flushes afterwards.
    pub(crate) fn set_from_client(&self, client: ClientId, values: Vec<(String, Packed)>) {
        let mut inner = self.store.lock();
        let mut changes = Vec::with_capacity(values.len());
        for (key, value) in values {
            let key = inner.key(&key);
            inner.pending.shift_remove(&key);
            if inner.pushed.get(&key) == Some(&value) {
                continue;
            }
            inner.pushed.insert(Arc::clone(&key), value.clone());
            touch(&mut inner.touched, &key, 0);
            changes.push((key, value));
        }
        inner.push(&changes, Some(client));
    }
}

/// Values that are set together, see [`State::batch`].
pub struct Batch {
    changes: Vec<(String, Packed)>,
}

impl Batch {
    /// Adds a value. One that cannot be encoded is left out and logged.
    pub fn set(&mut self, key: &str, value: impl Serialize) -> &mut Self {
        match Packed::encode(&value) {
            Ok(value) => self.changes.push((key.to_owned(), value)),
            Err(error) => tracing::error!(key, %error, "a state value was not set"),
        }
        self
    }
}
