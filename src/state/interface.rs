//! The public interface of the state.

use std::{borrow::Cow, fmt, sync::Arc};

use indexmap::IndexMap;
use selvedge_wslink::{ClientId, Packed, check_key, text::similar, words::key};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Batch, KeyFor, KeyOf, Listener, Mark, Pushed, Suppressed, Translator, scope,
    store::{KeyName, Sink, Store, Stored, Writer},
};
use crate::{Error, Result};

/// Values shared with every client. A cheap handle, usable from any thread.
///
/// Reads return the value that was set last, flushed or not. Setting makes a value *pending*; a
/// flush sends the pending values to the clients as one message and runs the change listeners.
/// Callbacks of the application (triggers, listeners, hooks) and [`batch`](State::batch) flush when
/// they end. Values that are set elsewhere, for instance on a thread of the application, are sent
/// by [`flush`](State::flush), or automatically within about 10 ms.
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
    translator: Arc<Translator>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}

impl State {
    pub(crate) fn new() -> Self {
        State { store: Arc::default(), translator: Arc::default() }
    }

    /// Creates a state that no page sees.
    pub(super) fn private() -> Self {
        let state = State::new();
        state.store.notes.set_private();
        state
    }

    /// Returns the same state with translated names, for a part of the application.
    pub(crate) fn translated(&self, translator: Translator) -> Self {
        State { store: Arc::clone(&self.store), translator: Arc::new(translator) }
    }

    /// The translator of the names that this handle uses. The identity, except for a child server.
    pub fn translator(&self) -> &Translator {
        &self.translator
    }

    /// Distinguishes this state from others on a thread that runs listeners of several states.
    pub(super) fn identity(&self) -> usize {
        Arc::as_ptr(&self.store) as usize
    }

    /// Returns the name that a key has in the store.
    pub(crate) fn name<'a>(&self, key: &'a str) -> Cow<'a, str> {
        self.translator.translate(key)
    }

    /// Sets a value. It becomes pending, unless the clients have exactly this value already.
    ///
    /// A value that pages cannot hold is logged, not set; [`try_set`](Self::try_set) returns
    /// errors.
    pub fn set<V: Serialize>(&self, key: impl KeyFor<V>, value: V) -> &Self {
        let key = key.as_ref();
        if let Err(error) = self.try_set(key, value) {
            self.store.notes.not_set(key, &error);
        }
        self
    }

    /// Sets a value, or returns an error if it cannot be sent to pages.
    ///
    /// A key that cannot be a variable in a template, such as `a.b`, is set, and logged once.
    ///
    /// # Errors
    /// [`values::Error::Encode`](crate::values::Error::Encode) as for [`Packed::encode`], and for
    /// the key `__proto__`, which no page could hold. The state then keeps the old value.
    pub fn try_set<V: Serialize>(&self, key: impl KeyFor<V>, value: V) -> Result<()> {
        let key = key.as_ref();
        let packed = Packed::encode_for(key, &value)?;
        let name = self.settable(key)?;
        self.change(|inner, writer| inner.set(&name, packed, writer));
        Ok(())
    }

    /// Returns the name that a key has in the store, if pages can hold a key of this name.
    fn settable<'a>(&self, key: &'a str) -> Result<Cow<'a, str>> {
        let name = self.name(key);
        check_key(&name)?;
        self.check_storable(&name)?;
        self.store.notes.name(&name);
        Ok(name)
    }

    /// Sets each field of a struct, or each entry of a map, as a separate key.
    ///
    /// ```
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Model { count: i64, name: String }
    ///
    /// let server = selvedge::Server::new("doc");
    /// server.state().extend(&Model { count: 1, name: "Ada".into() })?;
    /// assert_eq!(server.state().get::<String>("name")?, "Ada");
    /// server.state().set("count", 2);
    /// assert_eq!(server.state().extract::<Model>()?.count, 2);
    /// # Ok::<(), selvedge::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`values::Error::Encode`](crate::values::Error::Encode) if the value cannot be encoded or is
    /// not a struct or map. Then nothing is set.
    pub fn extend<T: Serialize + ?Sized>(&self, fields: &T) -> Result<()> {
        let fields = Packed::encode_fields(fields)?;
        for key in fields.keys() {
            self.settable(key)?;
        }
        self.change(|inner, writer| {
            for (key, value) in fields {
                inner.set(&self.name(&key), value, writer);
            }
        });
        Ok(())
    }

    /// Returns the current value of a key. A key that was never set reads as nothing: `None`, `()`,
    /// or an error for other types.
    ///
    /// # Errors
    /// [`values::Error::Decode`](crate::values::Error::Decode) if the value is of another type,
    /// [`Error::Unknown`](crate::Error::Unknown) if the key was never set.
    pub fn get<T: DeserializeOwned>(&self, key: impl KeyOf<T>) -> Result<T> {
        let key = key.as_ref();
        let value = self.current(key);
        self.decode(key, value.as_ref())
    }

    /// Returns the current value in encoded form; an encoded nil if the key was never set.
    pub fn packed(&self, key: impl AsRef<str>) -> Packed {
        self.current(key.as_ref()).unwrap_or(Packed::nil())
    }

    /// Whether the key was ever set, even to nothing.
    pub fn has(&self, key: impl AsRef<str>) -> bool {
        self.current(key.as_ref()).is_some()
    }

    fn current(&self, key: &str) -> Option<Packed> {
        self.store.lock().current(&self.name(key)).cloned()
    }

    /// Decodes the value of a key; `None` is a key that was never set.
    fn decode<T: DeserializeOwned>(&self, key: &str, value: Option<&Packed>) -> Result<T> {
        match value {
            Some(value) => Ok(value.decode_for(key)?),
            None => Packed::nil().decode().map_err(|_| self.unknown(key)),
        }
    }

    fn unknown(&self, key: &str) -> Error {
        let known: Vec<String> = self.all().into_keys().collect();
        let candidates = similar(known.iter().map(String::as_str), key);
        Error::Unknown { kind: "key", name: key.to_owned(), candidates }
    }

    /// Returns all current values by name; for a child server, those that it has names for.
    pub fn all(&self) -> IndexMap<String, Packed> {
        let inner = self.store.lock();
        let named = |(key, value): (&KeyName, &Packed)| {
            Some((self.translator.reverse(key)?, value.clone()))
        };
        inner.all().filter_map(named).collect()
    }

    /// Sets a value only if the key was never set.
    ///
    /// ```
    /// let server = selvedge::Server::new("doc");
    /// server.state().set("count", 5);
    /// server.state().set_default("count", 1)?;
    /// assert_eq!(server.state().get::<i64>("count")?, 5);
    /// # Ok::<(), selvedge::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`try_set`](Self::try_set).
    pub fn set_default<V: Serialize>(&self, key: impl KeyFor<V>, value: V) -> Result<()> {
        let key = key.as_ref();
        let value = Packed::encode_for(key, &value)?;
        self.set_if_new(&self.settable(key)?, value);
        Ok(())
    }

    /// Sets an encoded value if the key was never set.
    pub(crate) fn declare(&self, key: &str, value: Packed) {
        match self.settable(key) {
            Ok(name) => self.set_if_new(&name, value),
            Err(error) => self.store.notes.not_set(key, &error),
        }
    }

    fn set_if_new(&self, name: &str, value: Packed) {
        self.change(|inner, writer| {
            if inner.current(name).is_none() {
                inner.set(name, value, writer);
            }
        });
    }

    /// Reads a value, lets `edit` change it, and sets it, with no other change in between.
    ///
    /// If another thread changes the key in the meantime, `edit` runs again.
    ///
    /// # Errors
    /// Those of [`get`](Self::get) and of [`try_set`](Self::try_set).
    pub fn update<T: Serialize + DeserializeOwned>(
        &self,
        key: impl KeyOf<T>,
        mut edit: impl FnMut(&mut T),
    ) -> Result<()> {
        let key = key.as_ref();
        let name = self.settable(key)?;
        loop {
            let before = self.current(key);
            let mut value: T = self.decode(key, before.as_ref())?;
            edit(&mut value);
            let after = Packed::encode_for(key, &value)?;
            let unchanged = self.change(|inner, writer| {
                let unchanged = inner.current(&name) == before.as_ref();
                if unchanged {
                    inner.set(&name, after, writer);
                }
                unchanged
            });
            if unchanged {
                return Ok(());
            }
        }
    }

    /// Sets several values in one step: they become one message and one round of listeners.
    ///
    /// ```
    /// let server = selvedge::Server::new("doc");
    /// server.state().batch(|batch| {
    ///     batch.set("count", 1).set("name", "Ada");
    /// });
    /// ```
    pub fn batch(&self, fill: impl FnOnce(&mut Batch)) {
        let mut batch = Batch { changes: Vec::new() };
        scope::deferred(|| {
            fill(&mut batch);
            let settable = |(key, value): (String, selvedge_wslink::Result<Packed>)| {
                let change = value.map_err(Error::from);
                let change =
                    change.and_then(|value| Ok((self.settable(&key)?.into_owned(), value)));
                change.inspect_err(|error| self.store.notes.not_set(&key, error)).ok()
            };
            let changes: Vec<_> = batch.changes.into_iter().filter_map(settable).collect();
            self.change(|inner, writer| {
                for (name, value) in changes {
                    inner.set(&name, value, writer);
                }
            });
        });
    }

    /// Returns a scope that flushes when it is dropped, including during a panic. Until then,
    /// values that this thread sets are not sent.
    ///
    /// ```
    /// let server = selvedge::Server::new("doc");
    /// {
    ///     let state = server.state().scope();
    ///     state.set("first", 1);
    ///     state.set("second", 2);
    /// } // both leave here, as one message
    /// ```
    pub fn scope(&self) -> FlushScope<'_> {
        FlushScope { state: self, _defer: scope::defer() }
    }

    /// Marks keys as changed, so that their listeners run at the next flush. Clients do not get
    /// values that they have already.
    ///
    /// ```
    /// let server = selvedge::Server::new("doc");
    /// server.state().dirty(&["count"]);
    /// assert!(server.state().is_dirty(&["count"]));
    /// ```
    pub fn dirty(&self, keys: &[&str]) {
        self.change(|inner, writer| {
            let names = keys.iter().map(|key| self.name(key));
            for key in names.filter(|key| check_key(key).is_ok()) {
                let value = inner.current(&key).cloned().unwrap_or(Packed::nil());
                inner.mark(&key, value, writer);
            }
        });
    }

    /// Whether any of the keys is pending.
    pub fn is_dirty(&self, keys: &[&str]) -> bool {
        let inner = self.store.lock();
        keys.iter().any(|key| inner.pending.contains_key(&*self.name(key)))
    }

    /// Whether all of the keys are pending.
    pub fn is_dirty_all(&self, keys: &[&str]) -> bool {
        let inner = self.store.lock();
        keys.iter().all(|key| inner.pending.contains_key(&*self.name(key)))
    }

    /// Marks pending values of these keys as sent, without notifying clients or listeners.
    ///
    /// ```
    /// let server = selvedge::Server::new("doc");
    /// server.state().set("count", 1).clean(&["count"]);
    /// assert!(!server.state().is_dirty(&["count"]));
    /// ```
    pub fn clean(&self, keys: &[&str]) {
        let mut inner = self.store.lock();
        for key in keys {
            inner.clean(&self.name(key));
        }
    }

    /// Forces the next change of these keys to be sent, even if the value is equal.
    pub fn clear_client_cache(&self, keys: &[&str]) {
        let mut inner = self.store.lock();
        for key in keys {
            let key = inner.key(&self.name(key));
            inner.unsent.insert(key);
        }
    }

    /// Flushes, and returns all values as a newly connected client gets them.
    pub fn initial(&self) -> IndexMap<String, Packed> {
        self.flush();
        self.all()
    }

    /// Returns the keys that changed in the round of listeners that is running on this thread.
    /// Empty outside of listeners.
    pub fn modified_keys(&self) -> Vec<String> {
        let modified = scope::modified(self.identity());
        let keys = modified.iter().flat_map(|keys| keys.iter());
        keys.filter_map(|key| self.translator.reverse(key)).collect()
    }

    /// Suppresses the listeners of these keys, or of all keys if `keys` is empty, for what this
    /// thread sets until the guard is dropped. Clients still get the values.
    ///
    /// A listener on several keys runs if one of its other keys changes.
    ///
    /// ```
    /// use selvedge::{Ctx, Server};
    ///
    /// let server = Server::new("doc");
    /// server.on_change("feed", |_: Ctx, feed: f64| println!("the user moved the slider to {feed}"));
    /// let _quiet = server.state().suppress_change_listeners(&["feed"]);
    /// server.state().set("feed", 0.05); // pages show it, nothing is printed
    /// ```
    pub fn suppress_change_listeners(&self, keys: &[&str]) -> Suppressed {
        let keys = keys.iter().map(|key| KeyName::from(self.name(key))).collect();
        scope::suppress(self.identity(), keys)
    }

    /// Declares keys that are local to each page: pages never send them.
    ///
    /// # Errors
    /// [`values::Error::Decode`](crate::values::Error::Decode) if `trame__client_only` was set to
    /// something other than a list of names.
    pub fn client_only(&self, keys: &[&str]) -> Result<()> {
        self.set_default(key::CLIENT_ONLY, Vec::<String>::new())?;
        self.update(key::CLIENT_ONLY, |names: &mut Vec<String>| {
            for key in keys.iter().map(|key| self.name(key)) {
                if !names.iter().any(|name| *name == key) {
                    names.push(key.into_owned());
                }
            }
        })
    }

    /// Whether flushes are enabled, which they are while the server runs.
    pub fn is_ready(&self) -> bool {
        self.store.lock().ready
    }

    /// Makes a change under the lock, and makes sure that it is flushed.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Stored, &Writer) -> T) -> T {
        let state = self.identity();
        let writer = Writer { state, cause: scope::cause(state) };
        let mut inner = self.store.lock();
        let result = change(&mut inner, &writer);
        if inner.ready && !inner.pending.is_empty() && !scope::flush_at_the_end(self) {
            inner.sink.iter().for_each(|sink| sink.unflushed());
        }
        result
    }

    /// Returns the number of commits of pending values so far, or `None` if nothing is pending.
    pub(crate) fn pending_since(&self) -> Option<u64> {
        let inner = self.store.lock();
        (!inner.pending.is_empty()).then_some(inner.commits)
    }

    /// Sends every commit from now on to `sink`.
    pub(crate) fn connect(&self, sink: Arc<dyn Sink>) {
        self.store.lock().sink = Some(sink);
    }

    /// Registers a listener, which runs when one of its keys is committed.
    pub(crate) fn listen(&self, listener: Listener) {
        let listener = Arc::new(listener);
        let mut inner = self.store.lock();
        for key in &listener.keys {
            inner.listeners.entry(Arc::clone(key)).or_default().push(Arc::clone(&listener));
        }
    }

    /// Calls `read` with the pushed values under the lock: what it queues has a place in the order.
    pub(crate) fn snapshot<T>(&self, read: impl FnOnce(&mut Pushed) -> T) -> T {
        read(&mut self.store.lock().pushed)
    }

    /// Calls `read` with the mark of the newest commit under the lock, so that it queues after it.
    pub(crate) fn with_mark<T>(&self, read: impl FnOnce(&Mark) -> T) -> T {
        read(self.store.lock().history.now())
    }

    /// Calls `read` with the values that changed after a mark, like [`snapshot`](Self::snapshot);
    /// with `None` if the mark is of another state.
    pub(crate) fn changed_after<T>(
        &self,
        mark: &Mark,
        read: impl FnOnce(Option<Vec<(&str, &Packed)>>) -> T,
    ) -> T {
        let inner = self.store.lock();
        let changed = || {
            let newer = inner.pushed.after(mark);
            newer.map(|(key, value)| (&**key, value)).collect()
        };
        read(inner.history.knows(mark).then(changed))
    }

    /// Commits values that a client set, by their names in the store. The other clients get them
    /// before any listener runs.
    ///
    /// `committed` runs under the lock, before any other commit. The caller flushes afterwards.
    pub(crate) fn set_from_client(
        &self,
        client: ClientId,
        values: Vec<(String, Packed)>,
        committed: impl FnOnce(),
    ) {
        let mut inner = self.store.lock();
        inner.commit_from(client, values);
        committed();
    }
}

/// Dereferences to the state and flushes it when dropped; see [`State::scope`].
#[must_use = "it flushes when it is dropped"]
pub struct FlushScope<'a> {
    state: &'a State,
    _defer: scope::Defer,
}

impl fmt::Debug for FlushScope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FlushScope").field(self.state).finish()
    }
}

impl std::ops::Deref for FlushScope<'_> {
    type Target = State;
    fn deref(&self) -> &State {
        self.state
    }
}
