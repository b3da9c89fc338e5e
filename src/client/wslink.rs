//! The client of a state server: calls, topics, state, and connections that are made again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;
use serde_json::json;
use tokio::{
    sync::{broadcast, watch},
    task::JoinHandle,
    time::sleep,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Connect, Mirror,
    link::Link,
    mirror::{Changes, Values},
};
use crate::{
    Error, Packed, Result,
    error::WebSocketError,
    websocket::{Connection, Message, Options},
    wire::{chunk::Assembler, client::Received, message::entries},
};

/// The secret of trame's servers that were given none.
const TRAME_SECRET: &str = "wslink-secret";

/// Bytes of the largest message that is put together from frames.
const MAX_MESSAGE: usize = 1 << 30;

/// Messages of one topic that are kept for one subscription.
const TOPIC_QUEUE: usize = 256;

/// The pauses before a connection is tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// wslink's number for a wrong secret.
const UNAUTHORIZED: i64 = -32000;

/// How a [`Client`] connects.
#[derive(Clone, Debug)]
pub struct ClientBuilder {
    connect: Connect,
    secret: String,
    reconnect: bool,
}

impl ClientBuilder {
    /// The secret that the server expects; by default the one that trame's own servers start with.
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = secret.into();
        self
    }

    /// Whether to connect again when the connection is lost. Default: yes.
    pub fn reconnect(mut self, reconnect: bool) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// Time-outs and limits of the WebSocket. By default those of [`Options`], with messages of up to 64 MiB.
    pub fn options(mut self, options: Options) -> Self {
        self.connect = self.connect.options(options);
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
        self.connect = change(self.connect)?;
        Ok(self)
    }

    /// Connects, says hello and fetches the state.
    ///
    /// # Errors
    /// - [`Error::WebSocket`] when the connection cannot be opened; see [`Connect::open`]
    /// - [`Error::Refused`] with code -32000 when the secret is wrong
    pub async fn open(self) -> Result<Client> {
        let shared = Arc::new(Shared {
            values: Values::new(),
            topics: Mutex::default(),
            link: watch::Sender::new(None),
            closed: CancellationToken::new(),
        });
        let open = establish(&self, &shared).await?;
        shared.link.send_replace(Some(Arc::clone(&open.link)));
        let stop = shared.closed.clone();
        let task = tokio::spawn(keep(self, Arc::clone(&shared), open));
        Ok(Client {
            inner: Arc::new(Inner {
                shared,
                task: Mutex::new(Some(task)),
                _stop: stop.drop_guard(),
            }),
        })
    }
}

/// A client of a state server: of this library's, or of trame's in Python. A cheap handle, usable from several tasks.
///
/// When its last handle is dropped it disconnects in the background.
///
/// ```no_run
/// # async fn doc() -> selvedge::Result<()> {
/// use selvedge::client::Client;
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

struct Inner {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<Result<(), WebSocketError>>>>,
    _stop: DropGuard,
}

/// What the handles share with the task that keeps the connection.
struct Shared {
    values: Values,
    topics: Mutex<HashMap<String, broadcast::Sender<Packed>>>,
    /// The connection that can be used now.
    link: watch::Sender<Option<Arc<Link>>>,
    closed: CancellationToken,
}

impl Client {
    /// A client to be configured and opened.
    ///
    /// # Errors
    /// [`WebSocketError::InvalidUrl`].
    pub fn builder(url: &str) -> Result<ClientBuilder, WebSocketError> {
        let options = Options::new()
            .max_message_size(64 << 20)
            .receive_queue(64, 64 << 20);
        Ok(ClientBuilder {
            connect: Connect::to(url)?.options(options),
            secret: TRAME_SECRET.to_owned(),
            reconnect: true,
        })
    }

    /// Calls an RPC method. The arguments are a tuple, an array or a list; `()` is none. The result can be
    /// [decoded](Packed::decode) as the type that it has.
    ///
    /// # Errors
    /// - [`Error::Refused`] when the server answers with an error
    /// - [`Error::WebSocket`] when there is no connection, or it ends before there is an answer. Whether the call took effect is not
    ///   known then
    /// - [`Error::Encode`] when the arguments are no list
    pub async fn call(&self, method: &str, args: impl Serialize) -> Result<Packed> {
        let args = Packed::encode_arguments(&args)?;
        self.call_packed(method, &args, None).await
    }

    /// Calls a trigger with these arguments, as a page does. A trigger that the server does not know gives nil.
    ///
    /// # Errors
    /// Those of [`call`](Self::call).
    pub async fn call_trigger(&self, name: &str, args: impl Serialize) -> Result<Packed> {
        let list = [
            Packed::encode(name)?,
            Packed::encode_arguments(&args)?,
            Packed::encode(&json!({}))?,
        ];
        let args = Packed::encode_list(list.iter());
        self.call_packed("trame.trigger", &args, None).await
    }

    /// The server's state.
    pub fn state(&self) -> Mirror {
        Mirror {
            client: self.clone(),
        }
    }

    /// Everything that the server publishes on a topic from now on, over all connections.
    pub fn subscribe(&self, topic: &str) -> Subscription {
        let mut topics = self.inner.shared.topics();
        let sender = topics
            .entry(topic.to_owned())
            .or_insert_with(|| broadcast::channel(TOPIC_QUEUE).0);
        Subscription {
            receiver: sender.subscribe(),
            missed: 0,
        }
    }

    /// Whether there is a connection.
    pub fn is_connected(&self) -> bool {
        self.inner.shared.link.borrow().is_some()
    }

    /// The name that the server has given to this client, while there is a connection.
    pub fn id(&self) -> Option<String> {
        let link = self.inner.shared.link.borrow();
        link.as_ref().map(|link| link.client_id().to_owned())
    }

    /// Waits until there is a connection.
    ///
    /// # Errors
    /// [`Error::NotRunning`] when the client was closed, or has given up because the server does not take its secret any more, or
    /// because it is not to connect again.
    pub async fn connected(&self) -> Result<()> {
        let mut link = self.inner.shared.link.subscribe();
        tokio::select! {
            connected = link.wait_for(Option::is_some) => connected.map(drop).map_err(|_| Error::NotRunning),
            () = self.closed() => Err(Error::NotRunning),
        }
    }

    /// Waits until there is no connection.
    pub async fn disconnected(&self) {
        let mut link = self.inner.shared.link.subscribe();
        // The sender lives as long as this handle.
        let _ = link.wait_for(Option::is_none).await;
    }

    /// Disconnects for good, with code 1000, and waits until the connection is gone.
    ///
    /// # Errors
    /// [`Error::WebSocket`] when the server does not let go in time.
    pub async fn close(&self) -> Result<()> {
        self.inner.shared.closed.cancel();
        let task = {
            let mut task = self
                .inner
                .task
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            task.take()
        };
        match task {
            // A task that was cancelled with its runtime has nothing to tell.
            Some(task) => Ok(task.await.unwrap_or(Ok(()))?),
            None => {
                self.disconnected().await;
                Ok(())
            }
        }
    }

    pub(super) fn values(&self) -> &Values {
        &self.inner.shared.values
    }

    pub(super) async fn closed(&self) {
        self.inner.shared.closed.cancelled().await;
    }

    pub(super) async fn call_packed(
        &self,
        method: &str,
        args: &Packed,
        changes: Option<Changes>,
    ) -> Result<Packed> {
        let link = self.inner.shared.link.borrow().clone();
        let link = link.ok_or(Error::NotRunning)?;
        let answer = link.send(method, args, changes).await?;
        answer.await.unwrap_or_else(|_| Err(link.closed()))
    }
}

/// What a server publishes on a topic.
pub struct Subscription {
    receiver: broadcast::Receiver<Packed>,
    missed: u64,
}

impl Subscription {
    /// The next message; `None` when the client is gone.
    ///
    /// A subscription that does not keep up misses the oldest messages when more than 256 wait.
    pub async fn next(&mut self) -> Option<Packed> {
        loop {
            match self.receiver.recv().await {
                Ok(data) => return Some(data),
                Err(broadcast::error::RecvError::Lagged(count)) => self.missed += count,
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// How many messages were missed so far.
    pub fn missed(&self) -> u64 {
        self.missed
    }
}

impl Shared {
    fn topics(&self) -> MutexGuard<'_, HashMap<String, broadcast::Sender<Packed>>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, link: &Link, received: Received) {
        match received {
            Received::Result { id, result } => {
                link.answer(&id, Ok(result), |changes| self.values.merge(changes));
            }
            Received::Failure { id, code, message } => {
                link.answer(&id, Err((code, message)), drop);
            }
            Received::Published { topic, data } => {
                if topic == "trame.state.topic"
                    && let Some(changes) = entries(&data)
                {
                    self.values.merge(changes);
                }
                if let Some(sender) = self.topics().get(&topic) {
                    // Nobody may listen any more.
                    let _ = sender.send(data);
                }
            }
            Received::Ignored => {}
        }
    }
}

/// A connection that is ready, with what is read from it.
struct Open {
    link: Arc<Link>,
    reader: Reader,
}

/// Puts messages together from what a connection receives.
struct Reader {
    connection: Connection,
    assembler: Assembler,
}

impl Reader {
    async fn next(&mut self) -> Result<Received> {
        loop {
            // wslink 2 has no text messages.
            if let Message::Binary(frame) = self.connection.receive().await?
                && let Some(message) = self.assembler.accept(frame)?
            {
                return Received::parse(message);
            }
        }
    }
}

/// Connects, says hello and fetches the state, which stands in one order with all changes that come.
async fn establish(builder: &ClientBuilder, shared: &Shared) -> Result<Open> {
    let connection = builder.connect.open().await?;
    let mut reader = Reader {
        connection: connection.clone(),
        assembler: Assembler::new(MAX_MESSAGE),
    };
    let mut link = Link::new(connection);
    let hello = Packed::encode(&json!([{ "secret": builder.secret }]))?;
    let welcome = exchange(&link, &mut reader, shared, "wslink.hello", &hello).await?;
    link.welcomed(&welcome)?;
    let none = Packed::encode(&json!([]))?;
    match exchange(&link, &mut reader, shared, "trame.state.get", &none).await {
        Ok(answer) => {
            let state = entries(&answer).and_then(|answer| entries(answer.get("state")?));
            shared.values.replace(state.unwrap_or_default());
        }
        // A server of wslink without trame has no state.
        Err(Error::Refused { .. }) => {}
        Err(error) => return Err(error),
    }
    let link = Arc::new(link);
    Ok(Open { link, reader })
}

/// Calls a method and reads until its answer is there.
async fn exchange(
    link: &Link,
    reader: &mut Reader,
    shared: &Shared,
    method: &str,
    args: &Packed,
) -> Result<Packed> {
    let mut answer = link.send(method, args, None).await?;
    loop {
        if let Ok(answer) = answer.try_recv() {
            return answer;
        }
        let received = reader.next().await?;
        shared.take(link, received);
    }
}

/// Reads from the connection, and makes a new one when it is lost, until the client is closed.
async fn keep(
    builder: ClientBuilder,
    shared: Arc<Shared>,
    open: Open,
) -> Result<(), WebSocketError> {
    let mut next = Some(open);
    while let Some(mut open) = next.take() {
        let ended = shared
            .closed
            .run_until_cancelled(read(&mut open, &shared))
            .await;
        shared.link.send_replace(None);
        open.link.end();
        let connection = &open.link.connection;
        let Some(error) = ended else {
            return connection.close(1000, "").await.map(drop);
        };
        tracing::info!(%error, "the connection to the server was lost");
        // Where the server broke the protocol the connection is still open.
        drop(connection.close(1002, "Protocol error"));
        drop(open);
        if builder.reconnect {
            let again = shared.closed.run_until_cancelled(again(&builder, &shared));
            next = again.await.flatten();
            if let Some(open) = &next {
                shared.link.send_replace(Some(Arc::clone(&open.link)));
            }
        }
    }
    shared.closed.cancel();
    Ok(())
}

/// Reads until the connection ends, and says why.
async fn read(open: &mut Open, shared: &Shared) -> Error {
    loop {
        match open.reader.next().await {
            Ok(received) => shared.take(&open.link, received),
            Err(error) => return error,
        }
    }
}

/// Tries to connect until it works; `None` when the server does not want this client.
async fn again(builder: &ClientBuilder, shared: &Shared) -> Option<Open> {
    let mut pause = FIRST_PAUSE;
    loop {
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        match establish(builder, shared).await {
            Ok(open) => return Some(open),
            Err(
                error @ Error::Refused {
                    code: UNAUTHORIZED, ..
                },
            ) => {
                tracing::warn!(%error, "the server does not take this client back");
                return None;
            }
            Err(error) => tracing::debug!(%error, "the server is still away"),
        }
    }
}
