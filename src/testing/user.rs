//! What a page does for its user.

use std::{fmt, sync::Arc, time::Duration};

use indexmap::IndexMap;
use parking_lot::Mutex;
use selvedge_wslink::{
    Packed,
    client::{Client, MirrorChanges, Subscription},
    text::similar,
    words::{method, topic},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::task::AbortOnDropHandle;

use super::{Error, PageCall, Result, app::connect, page_calls};
use crate::{
    Running, Server,
    protocol::Bearer,
    state::{KeyFor, KeyOf},
};

/// How long a user waits for a value unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

/// The user of one page of a [`TestApp`](super::TestApp). Dropping it closes the page.
///
/// A call returns when the application has done what it caused, as far as it is not left to tasks:
/// listeners have run, and [`get`](Self::get) returns the values that they set. For tasks, jobs and
/// timers use [`wait_for`](Self::wait_for).
pub struct User {
    client: Client,
    /// Ends when the server has forgotten the client; only in the handle that can close it.
    carried: Option<JoinHandle<()>>,
    /// Answers calls into the page; ends with it.
    answering: Mutex<Option<AbortOnDropHandle<()>>>,
    server: Server,
    running: Arc<Running>,
    bearer: Bearer,
    patience: Duration,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.client.id()).finish_non_exhaustive()
    }
}

impl User {
    pub(super) async fn open(
        server: &Server,
        running: &Arc<Running>,
        bearer: Bearer,
    ) -> Result<Self> {
        let (client, carried) = connect(running, bearer.clone()).await?;
        let (server, running) = (server.clone(), Arc::clone(running));
        let (carried, answering) = (Some(carried), Mutex::default());
        Ok(User { client, carried, answering, server, running, bearer, patience: PATIENCE })
    }

    /// Returns another handle of the same page, for calls that are made at the same time.
    pub(super) fn same_page(&self) -> Self {
        User {
            client: self.client.clone(),
            carried: None,
            answering: Mutex::default(),
            server: self.server.clone(),
            running: Arc::clone(&self.running),
            bearer: self.bearer.clone(),
            patience: self.patience,
        }
    }

    /// Tells the application of an event in the life of this page.
    pub(super) async fn announce(&self, event: &str) -> Result {
        self.call(method::LIFECYCLE_UPDATE, [event]).await.map(drop)
    }

    /// Sets how long [`wait_for`](Self::wait_for) waits. Default: 10 s.
    pub fn patience(mut self, limit: Duration) -> Self {
        self.patience = limit;
        self
    }

    /// Loads the page again: the old connection ends, and then a new one gets the whole state.
    /// Subscriptions and answers to calls into the page end, too.
    ///
    /// # Errors
    /// [`Error::NotRunning`](crate::Error::NotRunning) if the application has stopped.
    pub async fn reload(&mut self) -> Result {
        self.close().await?;
        let (client, carried) = connect(&self.running, self.bearer.clone()).await?;
        (self.client, self.carried) = (client, Some(carried));
        self.announce("client_connected").await
    }

    /// Returns the value of a key as this user sees it.
    ///
    /// # Errors
    /// [`Error::Unknown`](crate::Error::Unknown) if no such key reaches pages, with keys of a
    /// similar name, and [`values::Error::Decode`](crate::values::Error::Decode) if it is of another
    /// type.
    pub fn get<T: DeserializeOwned>(&self, key: impl KeyOf<T>) -> Result<T> {
        let key = key.as_ref();
        match self.client.state().get(key)? {
            Some(value) => Ok(value),
            None => Err(self.unknown(key)),
        }
    }

    fn unknown(&self, key: &str) -> Error {
        let keys = self.client.state().keys();
        let candidates = similar(keys.iter().map(String::as_str), key);
        crate::Error::Unknown { kind: "key of the state", name: key.to_owned(), candidates }.into()
    }

    /// Changes a key, as a control with `v-model` does.
    ///
    /// # Errors
    /// [`values::Error::Refused`](crate::values::Error::Refused) if the application does not take
    /// the value: the key is read-only, or a check refuses it.
    pub async fn set<V: Serialize>(&self, key: impl KeyFor<V>, value: V) -> Result {
        let changed = self.client.state().set(key.as_ref(), value).await;
        self.settle().await?;
        Ok(changed?)
    }

    /// Calls a trigger, as `trigger('name', [args])` in a template does, and returns its result. The
    /// arguments are a tuple or a list; `()` means none.
    ///
    /// # Errors
    /// [`Error::Unknown`](crate::Error::Unknown) if there is no such trigger, with triggers of a
    /// similar name, and [`values::Error::Refused`](crate::values::Error::Refused) if it fails.
    pub async fn trigger(&self, name: &str, args: impl Serialize) -> Result<Packed> {
        self.trigger_with(name, args, Map::new()).await
    }

    /// Calls a trigger with named arguments, too.
    pub(super) async fn trigger_with(
        &self,
        name: &str,
        args: impl Serialize,
        kwargs: Map<String, Value>,
    ) -> Result<Packed> {
        let functions = &self.server.inner.functions;
        if functions.trigger(name).is_none() {
            let candidates = functions.similar_triggers(name);
            let name = name.to_owned();
            return Err(crate::Error::Unknown { kind: "trigger", name, candidates }.into());
        }
        let args =
            [Packed::encode(name)?, Packed::encode_arguments(&args)?, Packed::encode(&kwargs)?];
        self.call(method::TRIGGER, args).await
    }

    /// Calls an RPC method and returns its result. The arguments are a tuple or a list; `()` means
    /// none.
    ///
    /// # Errors
    /// [`values::Error::Refused`](crate::values::Error::Refused) if there is no such method, or it
    /// fails.
    pub async fn call(&self, method: &str, args: impl Serialize) -> Result<Packed> {
        let result = self.client.call(method, args).await;
        self.settle().await?;
        Ok(result?)
    }

    /// Waits until a key has a value that the predicate accepts, and returns it. The current value
    /// counts; values of another type do not.
    ///
    /// With paused time (`#[tokio::test(start_paused = true)]`) timers of the application run as
    /// fast as they can, and so does the time limit.
    ///
    /// # Errors
    /// [`Error::NotInTime`] after the [time limit](Self::patience).
    pub async fn wait_for<T: DeserializeOwned>(
        &self,
        key: impl KeyOf<T>,
        accept: impl Fn(&T) -> bool,
    ) -> Result<T> {
        let (key, limit) = (key.as_ref(), self.patience);
        let state = self.client.state();
        match timeout(limit, state.wait_for(key, accept)).await {
            Ok(value) => Ok(value?),
            Err(_) if state.get::<Packed>(key)?.is_none() => Err(self.unknown(key)),
            Err(_) => {
                let last = state.get::<Packed>(key)?.unwrap_or(Packed::nil()).readable();
                Err(Error::NotInTime { key: key.to_owned(), last, limit })
            }
        }
    }

    /// Returns all values that this user sees, as JSON with words for what JSON does not have.
    pub fn values(&self) -> Map<String, Value> {
        self.packed().into_iter().map(|(key, value)| (key, value.readable())).collect()
    }

    pub(super) fn packed(&self) -> IndexMap<String, Packed> {
        self.client.state().all()
    }

    /// Returns the names of the triggers of the application.
    pub(super) fn triggers(&self) -> Vec<String> {
        self.server.inner.functions.trigger_names()
    }

    pub(super) fn limit(&self) -> Duration {
        self.patience
    }

    /// Returns what notifies of changes of the values.
    pub(super) fn changes(&self) -> MirrorChanges {
        self.client.state().changes()
    }

    /// Subscribes to a topic: to what [`Server::publish`](crate::Server::publish) sends from now on.
    pub fn subscribe(&self, topic: &str) -> Subscription {
        self.client.subscribe(topic)
    }

    /// Answers the calls that [`Ctx::js_call`](crate::Ctx::js_call) makes into this page, until the
    /// page is closed or loaded again. Without this, they fail.
    ///
    /// # Errors
    /// [`Error::NotRunning`](crate::Error::NotRunning) if the application has stopped.
    pub async fn answer_page_calls(
        &self,
        answer: impl FnMut(PageCall) -> Result<Value, String> + Send + 'static,
    ) -> Result {
        let calls = self.client.subscribe(topic::PAGE_CALL);
        let task = tokio::spawn(page_calls::answer_all(self.client.clone(), calls, answer));
        *self.answering.lock() = Some(AbortOnDropHandle::new(task));
        self.client.call(method::SELVEDGE_HELLO, [json!({"version": 1})]).await?;
        Ok(())
    }

    /// Closes the page, and waits until the server has forgotten it.
    ///
    /// # Errors
    /// If the application has stopped.
    pub async fn leave(mut self) -> Result {
        self.close().await
    }

    async fn close(&mut self) -> Result {
        self.announce("client_exited").await?;
        drop(self.answering.lock().take());
        self.client.close().await?;
        if let Some(carried) = self.carried.take() {
            // Fails only if the runtime ends.
            let _ = carried.await;
        }
        Ok(())
    }

    /// Waits for what the calls so far have caused: the answer to this call leaves after it.
    async fn settle(&self) -> Result {
        self.client.call(method::FORCE_PUSH, ()).await?;
        Ok(())
    }

    /// Waits until a key has a value that reads like the recorded one. Returns its value if it has
    /// another one at the deadline.
    pub(super) async fn shows_by(
        &self,
        deadline: Instant,
        key: &str,
        recorded: &Value,
    ) -> Result<Result<(), Value>> {
        let state = self.client.state();
        let shown = state.wait_for(key, |value: &Packed| reads_as(value, recorded));
        match timeout_at(deadline, shown).await {
            Ok(shown) => Ok(shown.map(|_: Packed| Ok(()))?),
            Err(_) => Ok(Err(state.get::<Packed>(key)?.unwrap_or(Packed::nil()).readable())),
        }
    }

    /// Changes keys, as a page does. Each change is an object with `key` and `value`.
    pub(super) async fn update(&self, changes: &[Value]) -> Result {
        let keyed = changes.iter().filter_map(|change| Some((change["key"].as_str()?, change)));
        let changes = keyed.map(|(key, change)| Ok((key, Packed::encode(&change["value"])?)));
        let changes: Vec<_> = changes.collect::<Result<_>>()?;
        let changed = self.client.state().set_all(changes).await;
        self.settle().await?;
        Ok(changed?)
    }

    /// Repeats a call of a recorded page. Its answer was not recorded, so a failure is none here.
    pub(super) async fn repeat(&self, method: &str, args: &[Value]) -> Result {
        let repeated = match (method, args) {
            (method::STATE_UPDATE, [Value::Array(changes)]) => self.update(changes).await,
            _ => self.call(method, args).await.map(drop),
        };
        match repeated {
            Err(Error::Server(crate::Error::Wslink(selvedge_wslink::Error::Refused {
                ..
            }))) => Ok(()),
            other => other,
        }
    }
}

/// Whether a value is logged as `recorded` was. Numbers are compared as they are written.
fn reads_as(value: &Packed, recorded: &Value) -> bool {
    let written = value.readable().to_string();
    let read = serde_json::from_str::<Value>(&written);
    read.is_ok_and(|read| without_times(read) == without_times(recorded.clone()))
}

/// Returns the value of a job, or of its history, without what differs from run to run.
fn without_times(mut value: Value) -> Value {
    const DIFFER: [&str; 6] = ["seconds", "left", "progress", "began", "message", "error"];
    let runs = match &mut value {
        Value::Array(items) => items.iter_mut().collect(),
        single => vec![single],
    };
    for run in runs.into_iter().filter_map(Value::as_object_mut) {
        if ["run", "state", "seconds", "message"].iter().all(|field| run.contains_key(*field)) {
            run.retain(|field, _| !DIFFER.contains(&field.as_str()));
        }
    }
    value
}
