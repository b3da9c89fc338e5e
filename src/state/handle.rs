//! What applications do with state.

use std::{borrow::Cow, sync::Arc};

use indexmap::IndexMap;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Listener, Mark, Suppressed, Translator, scope,
    store::{Inner, Key, Sink, Store, Writer},
};
use crate::{
    Result,
    wire::{ClientId, Packed},
};

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
    translator: Arc<Translator>,
}

impl State {
    pub(crate) fn new() -> Self {
        State { store: Arc::default(), translator: Arc::default() }
    }

    /// The same values under the names of a part of the application.
    pub(crate) fn translated(&self, translator: Translator) -> Self {
        State { store: Arc::clone(&self.store), translator: Arc::new(translator) }
    }

    /// What translates the names that this handle uses. The identity, but for a child server.
    pub fn translator(&self) -> &Translator {
        &self.translator
    }

    /// What distinguishes this state from others on a thread that runs listeners of several.
    pub(super) fn identity(&self) -> usize {
        Arc::as_ptr(&self.store) as usize
    }

    /// What a name is in the store.
    pub(super) fn name<'a>(&self, key: &'a str) -> Cow<'a, str> {
        self.translator.translate(key)
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
        self.change(|inner, writer| inner.set(&self.name(key), packed, writer));
        Ok(())
    }

    /// Sets each field of a struct, or each entry of a map, as a key of its own.
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
    /// [`Error::Encode`](crate::Error::Encode) when the value cannot be encoded or is no struct or map. Nothing is set then.
    pub fn extend<T: Serialize + ?Sized>(&self, fields: &T) -> Result<()> {
        let fields = crate::wire::fields(fields)?;
        self.change(|inner, writer| {
            for (key, value) in fields {
                inner.set(&self.name(&key), value, writer);
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
        self.store.lock().current(&self.name(key)).cloned().unwrap_or(Packed::nil())
    }

    /// Whether the key was ever set, be it to nothing.
    pub fn has(&self, key: &str) -> bool {
        self.store.lock().current(&self.name(key)).is_some()
    }

    /// All values as they are now, by their names; for a child server, those that it can name.
    pub fn all(&self) -> IndexMap<String, Packed> {
        let inner = self.store.lock();
        let named =
            |(key, value): (&Key, &Packed)| Some((self.translator.reverse(key)?, value.clone()));
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
    /// [`Error::Encode`](crate::Error::Encode) when the value's `Serialize` fails.
    pub fn set_default(&self, key: &str, value: impl Serialize) -> Result<()> {
        self.declare(key, Packed::encode(&value)?);
        Ok(())
    }

    /// Sets an encoded value if the key was never set.
    pub(crate) fn declare(&self, key: &str, value: Packed) {
        let key = self.name(key);
        self.change(|inner, writer| {
            if inner.current(&key).is_none() {
                inner.set(&key, value, writer);
            }
        });
    }

    /// Changes a value in place: reads it, lets `edit` change it and sets it, with no other change in between.
    ///
    /// `edit` runs again when somebody else changed the key meanwhile.
    ///
    /// # Errors
    /// [`Error::Decode`](crate::Error::Decode) when the value is of another type,
    /// [`Error::Encode`](crate::Error::Encode) when the new one cannot be encoded.
    pub fn update<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        mut edit: impl FnMut(&mut T),
    ) -> Result<()> {
        let name = self.name(key);
        loop {
            let before = self.packed(key);
            let mut value: T = before.decode_as(&format!("state `{key}`"))?;
            edit(&mut value);
            let after = Packed::encode(&value)?;
            let unchanged = self.change(|inner, writer| {
                let unchanged = match inner.current(&name) {
                    Some(current) => *current == before,
                    None => before.is_nil(),
                };
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

    /// Sets several values in one step: they become one message and one round of listeners, whatever other threads do.
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
            self.change(|inner, writer| {
                for (key, value) in batch.changes {
                    inner.set(&self.name(&key), value, writer);
                }
            });
        });
    }

    /// A scope that flushes at its end, also when it panics. What is set meanwhile on this thread waits for it.
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

    /// Marks keys as changed, so that their listeners run at the next flush. Clients get nothing that they have already.
    ///
    /// ```
    /// let server = selvedge::Server::new("doc");
    /// server.state().dirty(&["count"]);
    /// assert!(server.state().is_dirty(&["count"]));
    /// ```
    pub fn dirty(&self, keys: &[&str]) {
        self.change(|inner, writer| {
            for key in keys.iter().map(|key| self.name(key)) {
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

    /// Takes pending values as they are, without telling clients or listeners. Other keys are left alone.
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

    /// Has the values of these keys sent when they are set or marked the next time, also if they have not changed.
    pub fn clear_client_cache(&self, keys: &[&str]) {
        let mut inner = self.store.lock();
        for key in keys {
            let key = inner.key(&self.name(key));
            inner.unsent.insert(key);
        }
    }

    /// Flushes, and gives all values as a client gets them that connects now.
    pub fn initial(&self) -> IndexMap<String, Packed> {
        self.flush();
        self.all()
    }

    /// What has changed in the round of listeners that is running on this thread; nothing outside of listeners.
    pub fn modified_keys(&self) -> Vec<String> {
        let modified = scope::modified(self.identity());
        let keys = modified.iter().flat_map(|keys| keys.iter());
        keys.filter_map(|key| self.translator.reverse(key)).collect()
    }

    /// Keeps the listeners of these keys, or of all keys where none are given, from running for what this thread sets
    /// until the guard is dropped. Clients get the values all the same.
    ///
    /// A listener on several keys runs if one of the others was changed outside.
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
        let keys = keys.iter().map(|key| Key::from(self.name(key))).collect();
        scope::suppress(self.identity(), keys)
    }

    /// Declares keys that each page keeps for itself: pages never send them.
    ///
    /// # Errors
    /// [`Error::Decode`](crate::Error::Decode) when `trame__client_only` was set to something that is no list of names.
    pub fn client_only(&self, keys: &[&str]) -> Result<()> {
        self.set_default("trame__client_only", Vec::<String>::new())?;
        self.update("trame__client_only", |names: &mut Vec<String>| {
            for key in keys.iter().map(|key| self.name(key)) {
                if !names.iter().any(|name| *name == key) {
                    names.push(key.into_owned());
                }
            }
        })
    }

    /// Whether flushes do their work: while the server runs.
    pub fn is_ready(&self) -> bool {
        self.store.lock().ready
    }

    /// Makes a change under the lock, and sees to it that somebody flushes it.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Inner, &Writer) -> T) -> T {
        let state = self.identity();
        let writer = Writer { state, cause: scope::cause(state) };
        let mut inner = self.store.lock();
        let result = change(&mut inner, &writer);
        if inner.ready && !inner.pending.is_empty() && !scope::flush_at_the_end(self) {
            inner.sink.iter().for_each(|sink| sink.unflushed());
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
            inner.listeners.entry(Arc::clone(key)).or_default().push(Arc::clone(&listener));
        }
    }

    /// Gives the pushed values to `read` between two commits: what it queues stands in the order of the commits.
    pub(crate) fn snapshot<T>(&self, read: impl FnOnce(&IndexMap<Key, Packed>) -> T) -> T {
        read(&self.store.lock().pushed)
    }

    /// Reads the place of the newest commit under the lock, so that what `read` queues stands behind it.
    pub(crate) fn with_mark<T>(&self, read: impl FnOnce(&Mark) -> T) -> T {
        read(self.store.lock().history.now())
    }

    /// Reads the values that have changed after a mark, like [`snapshot`](Self::snapshot). `None` for a mark of another state.
    pub(crate) fn changed_after<T>(
        &self,
        mark: &Mark,
        read: impl FnOnce(Option<Vec<(&str, &Packed)>>) -> T,
    ) -> T {
        let inner = self.store.lock();
        let changed = || {
            let newer = |key: &Key| inner.history.is_newer(key, mark);
            let newer = inner.pushed.iter().filter(|(key, _)| newer(key));
            newer.map(|(key, value)| (&**key, value)).collect()
        };
        read(inner.history.knows(mark).then(changed))
    }

    /// Takes values that a client set, by their names in the store: the others get them before any listener runs.
    ///
    /// `committed` runs before any other commit can be made, under the lock. The caller flushes afterwards.
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

/// Flushes when it is dropped, see [`State::scope`]. Otherwise it is the state itself.
#[must_use = "it flushes when it is dropped"]
pub struct FlushScope<'a> {
    state: &'a State,
    _defer: scope::Defer,
}

impl std::ops::Deref for FlushScope<'_> {
    type Target = State;
    fn deref(&self) -> &State {
        self.state
    }
}
