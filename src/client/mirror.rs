//! The client's copy of the server's state.

use indexmap::IndexMap;
use parking_lot::Mutex;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::watch;

use super::wslink::Client;
use crate::{Packed, Result};

/// Values by key.
pub(super) type Changes = IndexMap<String, Packed>;

/// The values as the server last sent them, and the number of updates.
pub(super) struct Values {
    values: Mutex<Changes>,
    revision: watch::Sender<u64>,
}

impl Values {
    pub(super) fn new() -> Self {
        Values { values: Mutex::default(), revision: watch::Sender::new(0) }
    }

    /// Applies changes.
    pub(super) fn merge(&self, changes: Changes) {
        self.values.lock().extend(changes);
        self.revision.send_modify(|revision| *revision += 1);
    }

    /// Replaces the whole state; values that are not in the new one are removed.
    pub(super) fn replace(&self, values: Changes) {
        *self.values.lock() = values;
        self.revision.send_modify(|revision| *revision += 1);
    }

    fn get(&self, key: &str) -> Option<Packed> {
        let values = self.values.lock();
        values.get(key).cloned()
    }
}

/// The server's state as this client knows it. Reading sends nothing; writing is a call.
///
/// Changes take effect in the order in which the server committed them: what this client sets is
/// visible here when the server has confirmed it, in order with the changes of others. If the
/// connection is lost, the last values stay until the next connection replaces them.
///
/// ```no_run
/// # async fn doc(client: selvedge::client::Client) -> selvedge::Result<()> {
/// let state = client.state();
/// state.set("speed", 0.5).await?;
/// let running: Option<bool> = state.get("running")?;
/// let done: f64 = state.wait_for("progress", |progress: &f64| *progress >= 1.0).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Mirror {
    pub(super) client: Client,
}

impl Mirror {
    /// Returns the value of a key, or `None` if the server has no such key.
    ///
    /// # Errors
    /// [`Error::Decode`](crate::Error::Decode) if it is of another type.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let value = self.client.values().get(key);
        value.map(|value| value.decode_for(key)).transpose()
    }

    /// Returns the keys that the server has.
    pub fn keys(&self) -> Vec<String> {
        let values = &self.client.values().values;
        let values = values.lock();
        values.keys().cloned().collect()
    }

    /// Sets a key on the server and, when the server has confirmed it, here.
    ///
    /// # Errors
    /// Those of [`Client::call`], and [`Error::Encode`](crate::Error::Encode).
    pub async fn set(&self, key: &str, value: impl Serialize) -> Result<()> {
        self.set_all([(key, Packed::encode(&value)?)]).await
    }

    /// Sets several keys as one change.
    ///
    /// # Errors
    /// Those of [`Client::call`].
    pub async fn set_all<'k>(
        &self,
        changes: impl IntoIterator<Item = (&'k str, Packed)>,
    ) -> Result<()> {
        let changes: Changes =
            changes.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let list = changes
            .iter()
            .map(|(key, value)| {
                let entry =
                    [("key".to_owned(), Packed::encode(key)?), ("value".to_owned(), value.clone())];
                Ok(Packed::encode_map(&entry.into_iter().collect()))
            })
            .collect::<Result<Vec<_>>>()?;
        let args = Packed::encode_list([&Packed::encode_list(list.iter())].into_iter());
        let method = "trame.state.update";
        self.client.call_packed(method, &args, Some(changes)).await?;
        Ok(())
    }

    /// Waits until a key has a value of this type that the predicate accepts, and returns it. The
    /// current value counts.
    ///
    /// # Errors
    /// [`selvedge_websocket::Error::ConnectionClosed`](crate::websocket::selvedge_websocket::Error::ConnectionClosed) if
    /// the client is closed. A lost connection is not an error: the value may arrive over the next
    /// one.
    pub async fn wait_for<T: DeserializeOwned>(
        &self,
        key: &str,
        accept: impl Fn(&T) -> bool,
    ) -> Result<T> {
        let mut revision = self.client.values().revision.subscribe();
        loop {
            revision.mark_unchanged();
            if let Ok(Some(value)) = self.get::<T>(key)
                && accept(&value)
            {
                return Ok(value);
            }
            tokio::select! {
                // The sender lives as long as the client does.
                _ = revision.changed() => {}
                () = self.client.closed() => return Err(self.client.lost()),
            }
        }
    }
}
