//! The client of a state server: calls, topics and state.

use std::{fmt, sync::Arc};

use indexmap::IndexMap;
use parking_lot::Mutex;
use selvedge_websocket::{CloseReason, Connect, Connection, Options};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use tokio::{
    sync::{broadcast, watch},
    task::JoinHandle,
};
use tokio_util::sync::DropGuard;

use super::{
    upkeep::{Config, OpenLink, Shared, establish, greet, keep},
    values::{Changes, Values},
};
use crate::{
    error::{Error, Result},
    packed::Packed,
    words::method,
};

/// The default secret of trame's servers.
const TRAME_SECRET: &str = "wslink-secret";

/// Maximum number of messages kept for one subscription.
const TOPIC_QUEUE: usize = 256;

/// Configures how a [`Client`] connects.
#[derive(Clone, Debug)]
pub struct ClientBuilder {
    config: Config,
    reconnect: bool,
}

impl ClientBuilder {
    /// Sets the secret that the server expects. The default is that of trame's servers.
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.config.secret = secret.into();
        self
    }

    /// Sets whether to reconnect when the connection is lost. Default: yes.
    pub fn reconnect(mut self, reconnect: bool) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// Sets time-outs and limits of the WebSocket. The default is that of [`Options`], with
    /// messages of up to 64 MiB and a receive queue of up to 64 messages and 64 MiB.
    pub fn options(mut self, options: Options) -> Self {
        self.config.connect = self.config.connect.options(options);
        self
    }

    /// Changes how the WebSocket is opened: headers, TLS.
    ///
    /// # Errors
    /// Those of the function.
    pub fn configure<E>(
        mut self,
        change: impl FnOnce(Connect) -> Result<Connect, E>,
    ) -> Result<Self, E> {
        self.config.connect = change(self.config.connect)?;
        Ok(self)
    }

    /// Connects, sends the hello and fetches the state.
    ///
    /// # Errors
    /// - [`Error::WebSocket`] if the connection cannot be opened; see [`Connect::open`]
    /// - [`Error::Refused`] with code -32000 if the secret is wrong
    pub async fn open(self) -> Result<Client> {
        let shared = Shared::new();
        let open = establish(&self.config, &shared).await?;
        Ok(Client::start(shared, open, self.reconnect.then_some(self.config)))
    }
}

/// A client of a state server: of this library's, or of trame's in Python. A cheap handle, usable
/// from several tasks.
///
/// Dropping the last handle disconnects in the background.
///
/// ```no_run
/// # async fn doc() -> selvedge_wslink::Result<()> {
/// use selvedge_wslink::client::Client;
///
/// let client = Client::builder("ws://127.0.0.1:8080/ws")?.secret("k").open().await?;
/// client.state().set("count", 5).await?;
/// let doubled: i64 = client.state().wait_for("doubled", |value: &i64| *value == 10).await?;
/// let sum: i64 = client.call_trigger("add", (1, 2)).await?.decode()?;
/// client.close().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("id", &self.id()).finish_non_exhaustive()
    }
}

struct Inner {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<Result<(), selvedge_websocket::Error>>>>,
    _stop: DropGuard,
}

impl Client {
    /// Creates a builder for a client that connects to this URL.
    ///
    /// # Errors
    /// [`selvedge_websocket::Error::InvalidUrl`].
    pub fn builder(url: &str) -> Result<ClientBuilder, selvedge_websocket::Error> {
        let options = Options::new().max_message_size(64 << 20).receive_queue(64, 64 << 20);
        Ok(ClientBuilder {
            config: Config {
                connect: Connect::to(url)?.options(options),
                secret: TRAME_SECRET.to_owned(),
            },
            reconnect: true,
        })
    }

    /// Creates a client over a WebSocket that is open already: sends the hello and fetches the
    /// state. When the connection is lost, the client is closed.
    ///
    /// # Errors
    /// Those of [`ClientBuilder::open`].
    pub async fn over(connection: Connection, secret: &str) -> Result<Self> {
        let shared = Shared::new();
        let open = greet(connection, secret, &shared).await?;
        Ok(Self::start(shared, open, None))
    }

    /// Starts to read from a connection, and reopens it when it is lost if it is known how.
    fn start(shared: Arc<Shared>, open: OpenLink, again: Option<Config>) -> Self {
        shared.link.send_modify(|link| *link = Ok(Arc::clone(&open.link)));
        let stop = shared.closed.clone();
        let task = tokio::spawn(keep(again, Arc::clone(&shared), open));
        let task = Mutex::new(Some(task));
        Client { inner: Arc::new(Inner { shared, task, _stop: stop.drop_guard() }) }
    }

    /// Calls an RPC method. The arguments are a tuple, an array or a list; `()` means none. The
    /// result can be [decoded](Packed::decode) as its type.
    ///
    /// # Errors
    /// - [`Error::Refused`] if the server answers with an error
    /// - [`Error::WebSocket`] if there is no connection, or it ends before the answer arrives. In
    ///   that case the call may have taken effect
    /// - [`Error::Encode`] if the arguments are not a list
    pub async fn call(&self, method: &str, args: impl Serialize) -> Result<Packed> {
        let args = Packed::encode_arguments(&args)?;
        self.call_packed(method, &args, None).await
    }

    /// Calls a trigger with these arguments, as a page does. A trigger that the server does not
    /// know returns nil.
    ///
    /// # Errors
    /// Those of [`call`](Self::call).
    pub async fn call_trigger(&self, name: &str, args: impl Serialize) -> Result<Packed> {
        let list =
            [Packed::encode(name)?, Packed::encode_arguments(&args)?, Packed::encode(&json!({}))?];
        let args = Packed::encode_list(list.iter());
        self.call_packed(method::TRIGGER, &args, None).await
    }

    /// Returns a mirror of the server's state.
    pub fn state(&self) -> Mirror {
        Mirror { client: self.clone() }
    }

    /// Subscribes to a topic: everything that the server publishes on it from now on, over all
    /// connections.
    pub fn subscribe(&self, topic: &str) -> Subscription {
        let mut topics = self.inner.shared.topics();
        let sender =
            topics.entry(topic.to_owned()).or_insert_with(|| broadcast::channel(TOPIC_QUEUE).0);
        Subscription { receiver: sender.subscribe(), missed: 0 }
    }

    /// Whether there is a connection.
    pub fn is_connected(&self) -> bool {
        self.inner.shared.link.borrow().is_ok()
    }

    /// Returns the id that the server has assigned to this client, while there is a connection.
    pub fn id(&self) -> Option<String> {
        let link = self.inner.shared.link.borrow();
        link.as_ref().ok().map(|link| link.client_id().to_owned())
    }

    /// Waits until there is a connection.
    ///
    /// # Errors
    /// [`selvedge_websocket::Error::ConnectionClosed`] if there will be none: the client is closed,
    /// the server does not accept its secret any more, or reconnecting is disabled.
    pub async fn connected(&self) -> Result<()> {
        let mut link = self.inner.shared.link.subscribe();
        tokio::select! {
            // The sender lives as long as this handle.
            _ = link.wait_for(Result::is_ok) => Ok(()),
            () = self.closed() => Err(self.lost()),
        }
    }

    /// Waits until there is no connection.
    pub async fn disconnected(&self) {
        let mut link = self.inner.shared.link.subscribe();
        // The sender lives as long as this handle.
        let _ = link.wait_for(Result::is_err).await;
    }

    /// Disconnects permanently, with code 1000, and waits until the connection has ended.
    ///
    /// # Errors
    /// [`Error::WebSocket`] if the server does not close in time.
    pub async fn close(&self) -> Result<()> {
        self.inner.shared.closed.cancel();
        let task = {
            let mut task = self.inner.task.lock();
            task.take()
        };
        match task {
            // A task that was cancelled with its runtime has no result.
            Some(task) => Ok(task.await.unwrap_or(Ok(()))?),
            None => {
                self.disconnected().await;
                Ok(())
            }
        }
    }

    pub(crate) fn values(&self) -> &Values {
        &self.inner.shared.values
    }

    /// Returns the error for a missing connection.
    pub(crate) fn lost(&self) -> Error {
        let reason = self.inner.shared.link.borrow().clone().err();
        let reason = reason.unwrap_or_else(|| CloseReason::new(1000, ""));
        selvedge_websocket::Error::ConnectionClosed(reason).into()
    }

    pub(crate) async fn closed(&self) {
        self.inner.shared.closed.cancelled().await;
    }

    pub(crate) async fn call_packed(
        &self,
        method: &str,
        args: &Packed,
        changes: Option<Changes>,
    ) -> Result<Packed> {
        let link = self.inner.shared.link.borrow().clone();
        let link = link.map_err(selvedge_websocket::Error::ConnectionClosed)?;
        let answer = link.send(method, args, changes).await?;
        answer.wait().await.unwrap_or_else(|| Err(link.closed()))
    }
}

/// The server's state as this client knows it. Reading sends nothing; writing is a call.
///
/// Changes take effect in the order in which the server committed them: what this client sets is
/// visible here when the server has confirmed it, in order with the changes of others. If the
/// connection is lost, the last values stay until the next connection replaces them.
///
/// ```no_run
/// # async fn doc(client: selvedge_wslink::client::Client) -> selvedge_wslink::Result<()> {
/// let state = client.state();
/// state.set("speed", 0.5).await?;
/// let running: Option<bool> = state.get("running")?;
/// let done: f64 = state.wait_for("progress", |progress: &f64| *progress >= 1.0).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Mirror {
    pub(crate) client: Client,
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
        self.client.values().keys()
    }

    /// Returns all keys that the server has, with their values.
    pub fn all(&self) -> IndexMap<String, Packed> {
        self.client.values().all()
    }

    /// Returns what notifies of each update from now on.
    pub fn changes(&self) -> MirrorChanges {
        MirrorChanges { client: self.client.clone(), revision: self.client.values().subscribe() }
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
        self.client.call_packed(method::STATE_UPDATE, &args, Some(changes)).await?;
        Ok(())
    }

    /// Waits until a key has a value of this type that the predicate accepts, and returns it. The
    /// current value counts.
    ///
    /// # Errors
    /// [`selvedge_websocket::Error::ConnectionClosed`](selvedge_websocket::Error::ConnectionClosed)
    /// if the client is closed. A lost connection is not an error: the value may arrive over the
    /// next one.
    pub async fn wait_for<T: DeserializeOwned>(
        &self,
        key: &str,
        accept: impl Fn(&T) -> bool,
    ) -> Result<T> {
        let mut revision = self.client.values().subscribe();
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

/// Notifies of updates of a [`Mirror`].
#[derive(Clone, Debug)]
pub struct MirrorChanges {
    client: Client,
    revision: watch::Receiver<u64>,
}

impl MirrorChanges {
    /// Waits until there was an update since the last call. Several updates may be one notification.
    ///
    /// # Errors
    /// [`selvedge_websocket::Error::ConnectionClosed`](selvedge_websocket::Error::ConnectionClosed)
    /// if the client is closed.
    ///
    /// # Cancellation
    /// If the future is dropped, no notification is lost.
    pub async fn next(&mut self) -> Result<()> {
        tokio::select! {
            // The sender lives as long as the client does.
            _ = self.revision.changed() => Ok(()),
            () = self.client.closed() => Err(self.client.lost()),
        }
    }
}

/// The messages that a server publishes on a topic.
#[derive(Debug)]
pub struct Subscription {
    receiver: broadcast::Receiver<Packed>,
    missed: u64,
}

impl Subscription {
    /// Waits for the next message; `None` when the client is gone.
    ///
    /// If more than 256 messages wait, the oldest are lost.
    pub async fn next(&mut self) -> Option<Packed> {
        loop {
            match self.receiver.recv().await {
                Ok(data) => return Some(data),
                Err(broadcast::error::RecvError::Lagged(count)) => self.missed += count,
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// Returns how many messages were missed so far.
    pub fn missed(&self) -> u64 {
        self.missed
    }
}
