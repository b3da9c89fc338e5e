//! All connected clients. What the state commits and the application publishes is sent to them
//! here.
//!
//! Locks are taken in one order: the state's, the list of clients, an outbox. Messages are
//! published with the list locked, so that all clients see the same order. Nothing is logged under
//! a lock: a log layer of the application may change the state.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use indexmap::IndexSet;
use parking_lot::Mutex;
use selvedge_wslink::{
    ClientId, Packed, chunk::Outgoing, messages::server as messages, words::topic,
};
use tokio::{
    sync::{Notify, watch},
    time::sleep,
};
use tokio_util::{
    sync::CancellationToken,
    task::task_tracker::{TaskTracker, TaskTrackerToken},
};

use super::{
    Client, CloseFrame, NetworkLog, Tasks,
    answers::{Answers, KEPT_FOR},
};
use crate::{
    blocking,
    monitoring::Metrics,
    state::{KeyName, Sink, State},
};

/// How long a change made outside of callbacks waits for related changes.
const FLUSH_DELAY: Duration = Duration::from_millis(10);

/// The clients of one server.
pub(crate) struct Hub {
    clients: Mutex<HashMap<ClientId, Arc<Client>>>,
    /// The newest commit that clients may not see before it is stored. Changed with the list of
    /// clients locked, as is `stored`.
    held: AtomicU64,
    /// The newest commit that is stored.
    stored: AtomicU64,
    /// The newest picture of each stream, for clients that open it later.
    frames: Mutex<HashMap<Arc<str>, Packed>>,
    connected: watch::Sender<usize>,
    tasks: Mutex<Option<Tasks>>,
    unflushed: Notify,
    listeners_due: Notify,
    /// Counts the calls that are not answered yet.
    calls: TaskTracker,
    answers: Arc<Answers>,
    log: Option<NetworkLog>,
    /// What is counted in the current run.
    metrics: Mutex<Option<Arc<Metrics>>>,
    max_frame: usize,
}

impl Hub {
    /// Creates a hub whose messages are cut into chunks of at most `max_frame` bytes, and logged if
    /// there is a log.
    pub(crate) fn new(max_frame: usize, log: Option<NetworkLog>) -> Self {
        Hub {
            clients: Mutex::default(),
            held: AtomicU64::new(0),
            stored: AtomicU64::new(0),
            frames: Mutex::default(),
            connected: watch::Sender::new(0),
            tasks: Mutex::default(),
            unflushed: Notify::new(),
            listeners_due: Notify::new(),
            calls: TaskTracker::new(),
            answers: Arc::default(),
            log,
            metrics: Mutex::default(),
            max_frame,
        }
    }

    /// Maximum size of a chunk in bytes, as sent in the answer to the hello.
    pub(crate) fn max_frame(&self) -> usize {
        self.max_frame
    }

    /// The answers to calls that may outlive their connection.
    pub(super) fn answers(&self) -> &Arc<Answers> {
        &self.answers
    }

    /// The log of the messages on the wire, if there is one.
    pub(crate) fn log(&self) -> Option<&NetworkLog> {
        self.log.as_ref()
    }

    /// What is counted in the current run.
    pub(crate) fn metrics(&self) -> Option<Arc<Metrics>> {
        self.metrics.lock().clone()
    }

    /// Adds a client. It gets everything that is published from now on.
    pub(crate) fn join(&self, client: &Arc<Client>) {
        let mut clients = self.clients.lock();
        clients.insert(client.id, Arc::clone(client));
        let held = self.held.load(Ordering::Relaxed);
        if held > self.stored.load(Ordering::Relaxed) {
            client.outbox.hold_until_stored(held);
        }
        let connected = clients.len();
        self.connected.send_replace(connected);
        drop(clients);
        tracing::debug!(?client.id, connected, "a client joined");
    }

    /// Removes a client.
    pub(crate) fn leave(&self, client: ClientId) {
        let mut clients = self.clients.lock();
        if clients.remove(&client).is_some() {
            self.connected.send_replace(clients.len());
        }
    }

    /// Lets clients see the commits up to this one, which are stored now.
    pub(crate) fn stored(&self, commit: u64) {
        let clients = self.clients.lock();
        self.stored.store(commit, Ordering::Relaxed);
        clients.values().for_each(|client| client.outbox.stored(commit));
    }

    /// Closes all clients, without what waits for the store: another server has their room.
    pub(crate) fn close_unstored(&self, closing: CloseFrame) {
        for client in self.clients.lock().values() {
            client.outbox.close_unstored(closing);
        }
    }

    /// Returns a connected client.
    pub(crate) fn client(&self, client: ClientId) -> Option<Arc<Client>> {
        self.clients.lock().get(&client).cloned()
    }

    /// Returns the connected clients.
    pub(crate) fn clients(&self) -> Vec<Arc<Client>> {
        self.clients.lock().values().cloned().collect()
    }

    /// Returns the number of connected clients that have sent their hello.
    pub(crate) fn connected(&self) -> usize {
        *self.connected.borrow()
    }

    /// Returns a receiver that follows the number of connected clients.
    pub(crate) fn watch_connected(&self) -> watch::Receiver<usize> {
        self.connected.subscribe()
    }

    /// Sends a message to all clients except `except`.
    pub(crate) fn publish(&self, topic: &str, data: &Packed, except: Option<ClientId>) {
        let clients = self.clients.lock();
        let recipients = || clients.values().filter(|client| Some(client.id) != except);
        if recipients().next().is_none() {
            return;
        }
        self.log().inspect(|log| log.published(topic, data, except));
        let message = messages::publish(topic, data, self.max_frame);
        recipients().for_each(|client| client.outbox.send(message.clone()));
    }

    /// Sends values of the state to all clients, even if they have not changed.
    pub(crate) fn publish_state(&self, values: &[(KeyName, Packed)]) {
        let clients = self.clients.lock();
        if clients.is_empty() {
            return;
        }
        self.log().inspect(|log| log.state_sent(values, None));
        for (message, _) in self.state_messages(values) {
            clients.values().for_each(|client| client.outbox.send(message.clone()));
        }
    }

    /// Sends values of the state to one client, even if they have not changed.
    pub(crate) fn restore(&self, client: &Client, values: &[(KeyName, Packed)]) {
        self.log().inspect(|log| log.state_restored(values, client.id));
        for (message, _) in self.state_messages(values) {
            client.outbox.send(message);
        }
    }

    /// Sends a message to one client. Returns `false` if it is not connected any more.
    pub(crate) fn publish_to(&self, client: ClientId, topic: &str, data: &Packed) -> bool {
        let clients = self.clients.lock();
        let Some(client) = clients.get(&client) else {
            return false;
        };
        self.log().inspect(|log| log.published_to(topic, data, client.id));
        client.outbox.send(messages::publish(topic, data, self.max_frame));
        true
    }

    /// Offers a picture of a stream to all clients; each takes the newest one when it can.
    pub(crate) fn offer(&self, topic: &str, data: &Packed) {
        let topic: Arc<str> = topic.into();
        let clients = self.clients.lock();
        self.frames.lock().insert(Arc::clone(&topic), data.clone());
        if clients.is_empty() {
            return;
        }
        let frame = messages::publish(&topic, data, self.max_frame);
        clients.values().for_each(|client| client.outbox.offer(&topic, &frame));
    }

    /// Opens a stream for a client and sends it the newest picture. Returns `false` if the client
    /// has too many streams open.
    pub(crate) fn open_stream(&self, client: &Client, topic: &str) -> bool {
        // With the list of clients locked, no picture can be offered between these two steps.
        let _clients = self.clients.lock();
        if !client.outbox.open_stream(topic) {
            return false;
        }
        if let Some((topic, data)) = self.frames.lock().get_key_value(topic) {
            client.outbox.offer(topic, &messages::publish(topic, data, self.max_frame));
        }
        true
    }

    /// Waits until every client's outbox has been empty once.
    pub(crate) async fn drained(&self) {
        for client in self.clients() {
            client.gone.run_until_cancelled(client.outbox.drained()).await;
        }
    }

    /// Sends the latest values of `keys` to a client whose changes were folded.
    pub(crate) fn catch_up(&self, state: &State, client: &Client, keys: &IndexSet<KeyName>) {
        state.snapshot(|pushed| {
            let values: Vec<(KeyName, Packed)> = keys
                .iter()
                .filter_map(|key| Some((Arc::clone(key), pushed.get(key)?.clone())))
                .collect();
            for (message, keys) in self.state_messages(&values) {
                client.outbox.push_state(&message, &keys);
            }
        });
    }

    /// Returns the messages that tell clients these values, each with its keys.
    fn state_messages(
        &self,
        values: &[(KeyName, Packed)],
    ) -> impl Iterator<Item = (Outgoing, Arc<[KeyName]>)> {
        self.map_messages(topic::STATE, values)
    }

    fn map_messages(
        &self,
        topic: &str,
        values: &[(KeyName, Packed)],
    ) -> impl Iterator<Item = (Outgoing, Arc<[KeyName]>)> {
        messages::fitting(values).map(move |values| {
            let entries = values.iter().map(|(key, value)| (&**key, value));
            let message = messages::publish_map(topic, entries, self.max_frame);
            (message, values.iter().map(|(key, _)| Arc::clone(key)).collect())
        })
    }

    /// Sends changes on a topic. Without clients or changes, nothing is encoded.
    fn push_to<'a>(
        &self,
        clients: impl Iterator<Item = &'a Arc<Client>> + Clone,
        topic: &str,
        changes: &[(KeyName, Packed)],
    ) {
        if changes.is_empty() || clients.clone().next().is_none() {
            return;
        }
        for (message, keys) in self.map_messages(topic, changes) {
            clients.clone().for_each(|client| client.outbox.push_state(&message, &keys));
        }
    }

    /// Sets the tasks of a run of the server, and starts the task that flushes changes made outside
    /// of callbacks.
    pub(crate) fn begin(
        self: &Arc<Self>,
        tasks: Tasks,
        states: [State; 2],
        metrics: Option<Arc<Metrics>>,
    ) {
        *self.metrics.lock() = metrics;
        self.log().inspect(|log| log.begin());
        tasks.spawn_service(Arc::clone(self).flush_unflushed(states));
        let answers = Arc::clone(&self.answers);
        tasks.spawn_service(async move {
            loop {
                sleep(KEPT_FOR / 2).await;
                answers.expire();
            }
        });
        self.calls.reopen();
        self.use_tasks(tasks);
    }

    /// Starts callbacks in these tasks from now on.
    pub(crate) fn use_tasks(&self, tasks: Tasks) {
        *self.tasks.lock() = Some(tasks);
    }

    async fn flush_unflushed(self: Arc<Self>, states: [State; 2]) {
        loop {
            tokio::select! {
                () = self.listeners_due.notified() => {}
                () = async {
                    self.unflushed.notified().await;
                    waited(&states).await;
                } => {}
            }
            let states = states.clone();
            // Listeners are application code.
            blocking::run(move || states.iter().for_each(State::flush)).await;
        }
    }

    /// Counts a call as unanswered until the token is dropped.
    pub(crate) fn unanswered_call(&self) -> TaskTrackerToken {
        self.calls.token()
    }

    /// Waits until every call is answered.
    pub(crate) async fn calls_answered(&self) {
        self.calls.close();
        self.calls.wait().await;
    }

    /// Removes the clients, and takes the tasks of a run that ends. Futures that are spawned later
    /// are dropped.
    pub(crate) fn end(&self) -> Option<Tasks> {
        self.clients.lock().clear();
        self.connected.send_replace(0);
        self.frames.lock().clear();
        self.answers.clear();
        self.tasks.lock().take()
    }

    /// Returns whether tasks can be spawned.
    pub(crate) fn is_running(&self) -> bool {
        self.tasks.lock().is_some()
    }

    /// Runs the future of a callback as a task of the current run.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        let tasks = self.tasks.lock().clone();
        match tasks {
            Some(tasks) => tasks.spawn(future),
            None => tracing::warn!("an async callback was dropped: the server is not running"),
        }
    }

    /// Runs a future that ends soon after the current run begins to end; see
    /// [`Tasks::spawn_until_ending`].
    pub(crate) fn spawn_until_ending<F: Future<Output = ()> + Send + 'static>(
        &self,
        future: impl FnOnce(CancellationToken) -> F,
    ) {
        let tasks = self.tasks.lock().clone();
        if let Some(tasks) = tasks {
            tasks.spawn_until_ending(future);
        }
    }

    /// Runs a future that ends when the current run begins to end.
    pub(crate) fn spawn_service(&self, future: impl Future<Output = ()> + Send + 'static) {
        if let Some(tasks) = &*self.tasks.lock() {
            tasks.spawn_service(future);
        }
    }
}

/// Waits until pending values have been pending for a whole delay, or none are left. A commit in
/// between restarts the delay, so that a program that sets several values and flushes sends them as
/// one message.
async fn waited(states: &[State; 2]) {
    let pending = || states.each_ref().map(|state| state.pending_since());
    let mut before = pending();
    loop {
        sleep(FLUSH_DELAY).await;
        let now = pending();
        let has_waited =
            |(now, before): (&Option<u64>, &Option<u64>)| now.is_some() && now == before;
        if now.iter().zip(&before).any(has_waited) || now.iter().all(Option::is_none) {
            return;
        }
        before = now;
    }
}

/// The sink of a state that no client sees. Its async listeners still run as tasks.
pub(crate) struct Private(pub(crate) Arc<Hub>);

impl Sink for Private {
    fn push(&self, _: &[(KeyName, Packed)], _: &[(KeyName, Packed)], _: Option<ClientId>) {}

    fn hold_until_stored(&self, _: u64) {}

    fn unflushed(&self) {
        self.0.unflushed();
    }

    fn listeners_due(&self) {
        self.0.listeners_due();
    }

    fn drive(&self, future: BoxFuture<'static, ()>) {
        self.0.drive(future);
    }
}

impl Sink for Hub {
    fn push(
        &self,
        changes: &[(KeyName, Packed)],
        appends: &[(KeyName, Packed)],
        except: Option<ClientId>,
    ) {
        let clients = self.clients.lock();
        let recipients = || clients.values().filter(|client| Some(client.id) != except);
        if recipients().next().is_none() {
            return;
        }
        self.log().inspect(|log| log.state_sent(changes, except));
        if appends.is_empty() {
            return self.push_to(recipients(), topic::STATE, changes);
        }
        // Asked once: a client that begins to follow in between would get the items twice.
        let (followers, others): (Vec<_>, Vec<_>) =
            recipients().partition(|client| client.follows_series());
        self.push_to(others.iter().copied(), topic::STATE, changes);
        let mut appended = appends.iter().peekable();
        let is_whole = |(key, _): &&_| appended.next_if(|(name, _)| name == key).is_none();
        let whole: Vec<_> = changes.iter().filter(is_whole).cloned().collect();
        self.push_to(followers.iter().copied(), topic::STATE, &whole);
        self.push_to(followers.iter().copied(), topic::APPEND, appends);
    }

    fn hold_until_stored(&self, commit: u64) {
        let clients = self.clients.lock();
        // The store may be faster.
        if commit > self.stored.load(Ordering::Relaxed) {
            self.held.store(commit, Ordering::Relaxed);
            clients.values().for_each(|client| client.outbox.hold_until_stored(commit));
        }
    }

    fn unflushed(&self) {
        self.unflushed.notify_one();
    }

    fn listeners_due(&self) {
        self.listeners_due.notify_one();
    }

    fn drive(&self, future: BoxFuture<'static, ()>) {
        self.spawn(future);
    }
}
