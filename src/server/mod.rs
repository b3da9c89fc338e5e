//! The server as an application sees it: state, triggers, listeners, templates, modules and what it sends.
//!
//! It ties the parts together and knows neither HTTP nor sockets: connections come in through
//! [`Session`], and whatever runs the server is told to stop through a token.
//!
//! - [`context`]: what callbacks get
//! - [`disclosure`]: what clients are told of errors
//! - [`dispatch`]: the RPC methods of trame and the application's own
//! - [`module`]: client code and assets
//! - [`session`]: one connection, from its first byte to its last

mod context;
mod disclosure;
mod dispatch;
mod module;
mod session;

use std::{
    collections::HashMap,
    panic::Location,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock},
};

pub use context::{Ctx, Saved};
pub use module::{Module, VueUse};
pub(crate) use session::{Limits, Session};

use module::Modules;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::{
    Error, Result,
    callback::{Arguments, Callback, Function, Outcome, function},
    controller::{Controller, Lifecycle},
    session::{ACTIONS_TOPIC, Hub},
    state::{Key, Listener, Reaction, State},
    template::Template,
    wire::{ClientId, Packed},
};

/// Bytes of the largest frame, and of what is kept for one slow client.
const MAX_FRAME: usize = 10_000_000;

/// An application: its state, its functions and its page. A cheap handle, usable from any thread.
///
/// ```
/// use selvedge::{Ctx, Lifecycle, Server};
///
/// let server = Server::new("counter");
/// server.state().set("count", 0);
/// server.on_change("count", |cx: Ctx, count: i64| {
///     cx.state().set("doubled", count * 2);
/// });
/// server.trigger("add", |cx: Ctx, by: i64| cx.state().update("count", |count: &mut i64| *count += by));
/// server.template("main", r#"<button @click="trigger('add', [1])">{{ count }}</button>"#);
/// ```
#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    state: State,
    hub: Arc<Hub>,
    controller: Controller<Ctx>,
    rpcs: RwLock<HashMap<String, Function<Ctx>>>,
    modules: Mutex<Modules>,
    settings: Mutex<Settings>,
}

/// What a host or a run leaves with the server for its callbacks.
#[derive(Default)]
pub(crate) struct Settings {
    /// Cancelled to stop the current run.
    pub(crate) stop: Option<CancellationToken>,
    /// Where it listens.
    pub(crate) port: Option<u16>,
    /// Whether pages are told the whole text of errors.
    pub(crate) debug: bool,
    /// How the host shows it.
    pub(crate) window: crate::window::WindowOptions,
    /// Native dialogs, where there is a host.
    pub(crate) dialogs: Option<Arc<dyn crate::window::Dialogs>>,
}

/// The server of this name, which is made when it does not exist. The same name gives the same server, everywhere in
/// the process.
pub fn get_server(name: &str) -> Server {
    static SERVERS: OnceLock<Mutex<HashMap<String, Server>>> = OnceLock::new();
    let servers = SERVERS.get_or_init(Mutex::default);
    let mut servers = servers.lock().unwrap_or_else(PoisonError::into_inner);
    servers
        .entry(name.to_owned())
        .or_insert_with(|| Server::new(name))
        .clone()
}

impl Server {
    /// A server of its own, which [`get_server`] does not know.
    pub fn new(name: &str) -> Self {
        let state = State::new();
        for key in ["trame__scripts", "trame__module_scripts", "trame__styles"] {
            state.set(key, [(); 0]);
        }
        state
            .set("trame__vue_use", [(); 0])
            .set("trame__mousetrap", [(); 0]);
        state
            .set("trame__client_only", ["trame__busy"])
            .set("trame__busy", 1);
        state.set("trame__favicon", ()).set("trame__title", "Trame");
        let hub = Arc::new(Hub::new(MAX_FRAME));
        state.connect(hub.clone());
        Server {
            inner: Arc::new(Inner {
                name: name.to_owned(),
                state,
                hub,
                controller: Controller::new(),
                rpcs: RwLock::default(),
                modules: Mutex::default(),
                settings: Mutex::default(),
            }),
        }
    }

    /// The name it was made with.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The values shared with every client.
    pub fn state(&self) -> &State {
        &self.inner.state
    }

    /// The port it listens on, while it runs.
    pub fn port(&self) -> Option<u16> {
        self.settings().port
    }

    /// Whether it listens.
    pub fn running(&self) -> bool {
        self.port().is_some()
    }

    /// How many clients are connected and have said who they are.
    pub fn client_count(&self) -> usize {
        self.inner.hub.connected()
    }

    /// Runs a function whenever one of the keys has changed, with their values as arguments in the order of the keys.
    ///
    /// It runs after the change was sent to the clients. What it sets goes out as a second message. All listeners on
    /// keys that were set before the start run once at the start.
    #[track_caller]
    pub fn on_change<M: 'static>(&self, keys: impl Keys, listener: impl Callback<Ctx, M>) -> &Self {
        let names = keys.names();
        let callee = format!("the listener on {}", names.join(", "));
        let keys = names.iter().map(|name| Key::from(name.as_str())).collect();
        let function = function(listener);
        // The state owns its listeners: a handle in one of them would keep the server alive for ever.
        let server = Arc::downgrade(&self.inner);
        self.inner
            .state
            .listen(Listener::new(keys, Location::caller(), move |values| {
                let Some(inner) = server.upgrade() else {
                    return Reaction::Done;
                };
                let server = Server { inner };
                let arguments = Arguments::new(callee.clone(), values, Default::default());
                match function(Ctx::of(&server, None), arguments) {
                    Outcome::Ready(result) => {
                        server.report(&callee, result);
                        Reaction::Done
                    }
                    Outcome::Pending(future) => {
                        let callee = callee.clone();
                        let driven = server.clone().deferred(future);
                        Reaction::Pending(Box::pin(async move {
                            let result = driven.await;
                            server.inner.state.flush();
                            server.report(&callee, result);
                        }))
                    }
                }
            }));
        self
    }

    /// Lets pages call a function by this name: `trigger('name', [arguments])`.
    ///
    /// The arguments are decoded as the function's types, and what it returns answers the page's promise. A later function of
    /// the same name takes its place.
    pub fn trigger<M: 'static>(&self, name: &str, callback: impl Callback<Ctx, M>) -> Trigger {
        self.inner
            .controller
            .set_trigger(name.to_owned(), function(callback));
        Trigger {
            name: name.to_owned(),
        }
    }

    /// Like [`trigger`](Self::trigger), with a name that is made up.
    pub fn anonymous_trigger<M: 'static>(&self, callback: impl Callback<Ctx, M>) -> Trigger {
        self.trigger(&self.inner.controller.generate_name(), callback)
    }

    /// Lets clients call an RPC method of this name, for instance `"demo.frame"`.
    ///
    /// Unlike triggers, RPC methods are called by client code of your own through its wslink session.
    ///
    /// # Panics
    /// When the name is not made of lower-case words joined by dots, or belongs to the protocol itself.
    #[track_caller]
    pub fn rpc<M: 'static>(&self, method: &str, callback: impl Callback<Ctx, M>) -> &Self {
        assert!(
            is_dotted_name(method),
            "`{method}` is not lower-case words joined by dots"
        );
        assert!(
            !dispatch::is_own_method(method),
            "`{method}` belongs to the protocol"
        );
        let mut rpcs = self
            .inner
            .rpcs
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        rpcs.insert(method.to_owned(), function(callback));
        drop(rpcs);
        self
    }

    /// Runs a function at a moment of the life cycle.
    pub fn on<M: 'static>(&self, event: Lifecycle, hook: impl Callback<Ctx, M>) -> &Self {
        self.inner.controller.add_hook(event, function(hook));
        self
    }

    /// Sets the page's template: Vue's language, with every state key as a variable. Open pages show it at once.
    ///
    /// A page shows the template `main`, or the one that its `?ui=` names. Text that comes from data has no place in a
    /// template: escaping does not keep Vue from running what stands in `{{ }}`. Put it into the state.
    pub fn template(&self, name: &str, template: impl Into<Template>) -> &Self {
        let key = format!("trame__template_{name}");
        self.inner.state.set(&key, template.into().as_str());
        self
    }

    /// Adds client code and assets: what a widget library needs in the page. Says `false` when it was added before.
    ///
    /// # Errors
    /// [`Error::ModulePath`] when it wants to serve a folder that does not exist.
    pub fn enable_module(&self, module: Module) -> Result<bool> {
        module.check_paths()?;
        if !self.modules().add(&module) {
            return Ok(false);
        }
        let state = self.state();
        for (key, urls) in [
            ("trame__scripts", &module.scripts),
            ("trame__module_scripts", &module.module_scripts),
            ("trame__styles", &module.styles),
        ] {
            state.update(key, |known: &mut Vec<serde_json::Value>| {
                known.extend(urls.iter().map(|url| url.as_str().into()));
            })?;
        }
        state.set("trame__vue_use", self.modules().vue_use());
        state.extend(&module.state)?;
        Ok(true)
    }

    /// Sends data to all clients that listen to a topic.
    ///
    /// Every client gets every message, in order; one that does not keep up is disconnected. For pictures and the like,
    /// where only the newest counts, use [`stream`](Self::stream).
    pub fn publish(&self, topic: &str, data: impl Serialize) -> Result<()> {
        self.inner.hub.publish(topic, &Packed::encode(&data)?, None);
        Ok(())
    }

    /// Sends data to all clients but one.
    pub fn publish_except(
        &self,
        client: ClientId,
        topic: &str,
        data: impl Serialize,
    ) -> Result<()> {
        self.inner
            .hub
            .publish(topic, &Packed::encode(&data)?, Some(client));
        Ok(())
    }

    /// Sends data to one client. Says `false` when it is gone.
    pub fn publish_to(&self, client: ClientId, topic: &str, data: impl Serialize) -> Result<bool> {
        Ok(self
            .inner
            .hub
            .publish_to(client, topic, &Packed::encode(&data)?))
    }

    /// Offers the newest frame of a stream: each client gets the latest one when it has drawn the one before.
    ///
    /// Never waits and never fills a queue: a slow page sees fewer frames, and its state is not delayed. The newest frame is kept
    /// for pages that come later.
    pub fn stream(&self, topic: &str, frame: impl Serialize) -> Result<()> {
        self.inner.hub.offer(topic, &Packed::encode(&frame)?);
        Ok(())
    }

    /// Calls a method of an element that the page knows by its `ref`, in all pages.
    pub fn js_call(&self, element: &str, method: &str, args: impl Serialize) -> Result<()> {
        #[derive(Serialize)]
        struct Action<'a, A> {
            r#type: &'static str,
            r#ref: &'a str,
            method: &'a str,
            args: A,
        }
        self.publish(
            ACTIONS_TOPIC,
            [Action {
                r#type: "method",
                r#ref: element,
                method,
                args,
            }],
        )
    }

    /// Sends the current values of these keys to all clients, known to them or not.
    pub fn force_state_push(&self, keys: &[&str]) {
        self.inner.state.snapshot(|pushed| {
            let values: indexmap::IndexMap<String, Packed> = keys
                .iter()
                .map(|key| {
                    (
                        String::from(*key),
                        pushed.get(*key).cloned().unwrap_or(Packed::nil()),
                    )
                })
                .collect();
            let topic = crate::session::STATE_TOPIC;
            self.inner
                .hub
                .publish(topic, &Packed::encode_map(&values), None);
        });
    }

    /// Says how a desktop host should show the application.
    pub fn set_window(&self, window: crate::window::WindowOptions) -> &Self {
        self.settings().window = window;
        self
    }

    /// Gives the application's code native dialogs. Called by desktop hosts.
    pub fn set_dialogs(&self, dialogs: Arc<dyn crate::window::Dialogs>) {
        self.settings().dialogs = Some(dialogs);
    }

    /// Asks the server to stop, and returns at once. Does nothing when it does not run.
    ///
    /// Whoever started it gets the outcome; to wait for it use the handle that the start returned.
    pub fn request_stop(&self) {
        if let Some(stop) = &self.settings().stop {
            stop.cancel();
        }
    }

    pub(crate) fn settings(&self) -> MutexGuard<'_, Settings> {
        self.inner
            .settings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn modules(&self) -> MutexGuard<'_, Modules> {
        self.inner
            .modules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.inner.hub
    }

    /// Runs the hooks of an event one after another, waiting for async ones.
    pub(crate) async fn run_hooks(&self, event: Lifecycle) {
        for hook in self.inner.controller.hooks(event) {
            let callee = format!("the hook on {event:?}");
            let arguments = Arguments::new(callee.clone(), Vec::new(), Default::default());
            let outcome = crate::state::deferred(|| hook(Ctx::of(self, None), arguments));
            let result = match outcome {
                Outcome::Ready(result) => result,
                Outcome::Pending(future) => self.clone().deferred(future).await,
            };
            self.report(&callee, result);
            self.inner.state.flush();
        }
    }
}

/// The keys a listener watches: a name or several.
pub trait Keys {
    /// Their names, in the order in which the listener gets their values.
    fn names(self) -> Vec<String>;
}

impl Keys for &str {
    fn names(self) -> Vec<String> {
        vec![self.to_owned()]
    }
}

impl<const N: usize> Keys for [&str; N] {
    fn names(self) -> Vec<String> {
        self.iter().map(|name| (*name).to_owned()).collect()
    }
}

impl Keys for Vec<String> {
    fn names(self) -> Vec<String> {
        self
    }
}

/// A registered trigger, for writing calls to it into templates.
#[derive(Clone, Debug)]
pub struct Trigger {
    name: String,
}

impl Trigger {
    /// The name that pages call it by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The JavaScript that calls it, for an event attribute: `arguments` is JavaScript, too.
    ///
    /// ```
    /// let server = selvedge::Server::new("doc");
    /// let add = server.trigger("add", |_: selvedge::Ctx, by: i64| by);
    /// assert_eq!(add.call("count + 1"), "trigger('add', [count + 1])");
    /// ```
    pub fn call(&self, arguments: &str) -> String {
        format!("trigger('{}', [{arguments}])", self.name)
    }
}

fn is_dotted_name(name: &str) -> bool {
    name.split('.').all(|word| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    })
}

/// Names in the errors of this module.
pub(crate) fn unknown(kind: &'static str, name: &str, candidates: Vec<String>) -> Error {
    Error::Unknown {
        kind,
        name: name.to_owned(),
        candidates,
    }
}
