//! Registers and runs the application's functions: listeners, triggers, RPC methods and hooks.

use std::{
    panic::Location,
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll},
};

use futures_util::{FutureExt, future::BoxFuture};
use selvedge_wslink::{ClientId, Packed};
use serde::Serialize;

use super::{
    Trigger,
    arguments::Arguments,
    callback::{Callback, Function, Outcome, function, may_block},
    keys::{Keys, Takes},
    registry::{Calls, Lifecycle, Role},
};
use crate::{
    Failure, Result,
    app::{Ctx, Inner, Server, unknown},
    blocking,
    protocol::Client,
    state::{KeyName, Listener, Reaction, State, Translator, deferred},
};
#[cfg(feature = "typescript")]
use crate::{calls::callback::parameters_of, typescript::signatures::FunctionKind};

/// Prefix of generated trigger names. A child server does not translate them.
const GENERATED: &str = "trigger__";

impl Server {
    /// Wraps a callback registered through this handle, so that its context translates names as
    /// this handle does.
    pub(crate) fn bind<M: 'static>(&self, callback: impl Callback<Ctx, M>) -> Function<Ctx> {
        let function = function(callback);
        if !self.is_child() {
            return function;
        }
        let translator = self.translator().clone();
        Arc::new(move |cx: Ctx, arguments| function(cx.translated(&translator), arguments))
    }

    /// Runs a function whenever one of the keys has changed. Its arguments are the values of all
    /// keys, in the order given.
    ///
    /// The listener runs after the change was sent to the clients, on the thread that flushes. A
    /// plain function may block. Values that the listener sets are sent as a second message. Every
    /// listener on a key that was set before the start runs once at the start. [`Ctx::client`] is
    /// the client that made the change, or `None`.
    ///
    /// ```
    /// use selvedge::{Ctx, Server};
    ///
    /// let server = Server::new("doc");
    /// server.state().set("width", 2.0).set("height", 3.0);
    /// server.on_change(["width", "height"], |cx: Ctx, width: f64, height: f64| cx.set("area", width * height));
    /// ```
    #[track_caller]
    pub fn on_change<K: Keys, M: Takes<K::Values> + 'static>(
        &self,
        keys: K,
        listener: impl Callback<Ctx, M>,
    ) -> &Self {
        self.listen(self.state(), keys, listener);
        self
    }

    /// Runs a function whenever one of the keys of the [context's
    /// state](crate::state::Context::state) has changed.
    #[track_caller]
    pub fn on_context_change<K: Keys, M: Takes<K::Values> + 'static>(
        &self,
        keys: K,
        listener: impl Callback<Ctx, M>,
    ) -> &Self {
        self.listen(self.context().state(), keys, listener);
        self
    }

    #[track_caller]
    fn listen<M: 'static>(&self, state: &State, keys: impl Keys, listener: impl Callback<Ctx, M>) {
        let names = keys.names();
        let callee = format!("the listener on {}", names.join(", "));
        let keys =
            names.iter().map(|name| KeyName::from(state.translator().translate(name))).collect();
        let function = function(listener);
        let server = self.downgrade();
        let run = move |values, client| match server.upgrade() {
            Some(server) => server.react(&function, &callee, values, client),
            None => Reaction::Done,
        };
        state.listen(Listener::new(keys, Location::caller(), run));
    }

    fn react(
        self,
        function: &Function<Ctx>,
        callee: &str,
        values: Vec<Packed>,
        client: Option<ClientId>,
    ) -> Reaction {
        let arguments = Arguments::new(callee.to_owned(), values, Default::default());
        match function(Ctx::of(&self, client), arguments) {
            Outcome::Ready(result) => {
                self.report(callee, result);
                Reaction::Done
            }
            Outcome::Pending(future) => {
                Reaction::Pending(self.finish(callee.to_owned(), future).boxed())
            }
        }
    }

    /// Awaits the future of a function whose result has no caller, and reports a failure.
    pub(crate) async fn finish(
        self,
        callee: String,
        future: BoxFuture<'static, Result<Packed, Failure>>,
    ) {
        let result = Deferred(future).await;
        self.report(&callee, result);
    }

    /// Registers a function that pages call by name: `trigger('name', [arguments])`.
    ///
    /// The arguments are decoded into the function's parameter types, and its return value resolves
    /// the page's promise. Registering the same name again replaces the function.
    ///
    /// A plain function may block, and so may an async one before its first await: only later calls
    /// of the same page wait for it. The log warns of a function that blocks for more than a
    /// second.
    ///
    /// A call goes on when its page reloads or leaves, unless
    /// [`ends_with_client`](Trigger::ends_with_client) says otherwise. The built-in page gets the
    /// result on its next connection if it had only lost the connection; after a reload no code
    /// waits for it. [Jobs](crate::jobs) are for work whose progress and result every page shows.
    ///
    /// ```
    /// use selvedge::{Ctx, Failure, Server};
    ///
    /// let server = Server::new("doc");
    /// server.trigger("load", async |cx: Ctx, path: String| -> Result<usize, Failure> {
    ///     let text = tokio::fs::read_to_string(path).await?;
    ///     cx.state().set("text", &text);
    ///     Ok(text.len())
    /// });
    /// server.template("main", r#"<button @click="trigger('load', ['notes.txt'])">Load</button>"#);
    /// ```
    pub fn trigger<M: 'static>(&self, name: &str, callback: impl Callback<Ctx, M>) -> Trigger {
        let name = self.trigger_name(name);
        #[cfg(feature = "typescript")]
        self.inner.signatures.note(FunctionKind::Trigger, &name, parameters_of(&callback));
        let switches = self.inner.functions.set_trigger(name.clone(), self.bind(callback));
        Trigger::new(name, switches)
    }

    /// Registers a function as [`trigger`](Self::trigger) does, under a generated name.
    ///
    /// ```
    /// use selvedge::{Ctx, Server};
    ///
    /// let server = Server::new("doc");
    /// let reset = server.anonymous_trigger(|cx: Ctx| cx.set("count", 0));
    /// assert_eq!(reset.call(""), "trigger('trigger__1', [])");
    /// ```
    pub fn anonymous_trigger<M: 'static>(&self, callback: impl Callback<Ctx, M>) -> Trigger {
        self.trigger(&self.inner.functions.generate_name(), callback)
    }

    /// Removes a trigger. Returns whether it existed.
    pub fn remove_trigger(&self, name: &str) -> bool {
        let name = self.trigger_name(name);
        #[cfg(feature = "typescript")]
        self.inner.signatures.forget(FunctionKind::Trigger, &name);
        self.inner.functions.remove_trigger(&name)
    }

    /// Calls a trigger from Rust, as a page would. A plain function runs on the calling thread.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), selvedge::Failure> {
    /// use selvedge::{Ctx, Server};
    ///
    /// let server = Server::new("doc");
    /// server.trigger("add", |_: Ctx, a: i64, b: i64| a + b);
    /// assert_eq!(server.call_trigger("add", (1, 2)).await?.decode::<i64>()?, 3);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Unknown`](crate::Error::Unknown) if there is no such trigger, and the function's
    /// own errors.
    pub async fn call_trigger(&self, name: &str, args: impl Serialize) -> Result<Packed, Failure> {
        let name = self.trigger_name(name);
        let Some(trigger) = self.inner.functions.trigger(&name) else {
            let similar = self.inner.functions.similar_triggers(&name);
            return Err(unknown("trigger", &name, similar).into());
        };
        self.call(&trigger.function, format!("trigger `{name}`"), list(&args)?, None).await
    }

    /// Calls a function and waits for its result. State changes that it makes are flushed.
    pub(crate) async fn call(
        &self,
        function: &Function<Ctx>,
        callee: String,
        args: Vec<Packed>,
        client: Option<ClientId>,
    ) -> Result<Packed, Failure> {
        let arguments = Arguments::new(callee, args, Default::default());
        match deferred(|| function(Ctx::of(self, client), arguments)) {
            Outcome::Ready(result) => result,
            Outcome::Pending(future) => Deferred(future).await,
        }
    }

    /// Adds a hook on a life-cycle event. Hooks that exist already stay.
    ///
    /// The hook is the controller's function named [`Lifecycle::function_name`].
    ///
    /// ```
    /// use selvedge::{Ctx, Lifecycle, Server};
    ///
    /// let server = Server::new("doc");
    /// server.on(Lifecycle::ServerReady, |cx: Ctx| println!("port {:?}", cx.server.port()));
    /// server.on(Lifecycle::Exception, |_: Ctx, text: String| eprintln!("{text}"));
    /// ```
    pub fn on<M: 'static>(&self, event: Lifecycle, hook: impl Callback<Ctx, M>) -> &Self {
        self.inner.functions.add(event.function_name(), Role::Added, self.bind(hook));
        self
    }

    /// Runs the hooks of an event one after another and waits for async ones.
    pub(crate) async fn run_hooks(&self, event: Lifecycle) {
        for (role, hook) in self.hooks(event) {
            if let Some(future) = self.begin_hook(event, role, hook).await {
                future.await;
            }
        }
    }

    /// Runs the hooks of an event one after another. Returns when the hooks before the first async
    /// one have run; the others continue in a task.
    pub(crate) async fn begin_hooks(&self, event: Lifecycle) {
        let mut hooks = self.hooks(event).into_iter();
        while let Some((role, hook)) = hooks.next() {
            let Some(future) = self.begin_hook(event, role, hook).await else { continue };
            let server = self.clone();
            return self.hub().spawn(async move {
                future.await;
                for (role, hook) in hooks {
                    if let Some(future) = server.begin_hook(event, role, hook).await {
                        future.await;
                    }
                }
            });
        }
    }

    fn hooks(&self, event: Lifecycle) -> Calls<Ctx> {
        self.inner.functions.calls(event.function_name()).unwrap_or_default()
    }

    /// Starts a hook on a thread where it may block. Returns the future of an async hook.
    async fn begin_hook(
        &self,
        event: Lifecycle,
        role: Role,
        hook: Function<Ctx>,
    ) -> Option<BoxFuture<'static, ()>> {
        let callee = hook_name(event);
        if role == Role::Task {
            let server = self.clone();
            blocking::run(move || {
                server.start_function(&hook, callee, Vec::new(), Ctx::of(&server, None))
            })
            .await;
            return None;
        }
        match self.begin(hook, callee.clone()).await? {
            Outcome::Ready(result) => {
                self.report(&callee, result);
                None
            }
            Outcome::Pending(future) => Some(self.clone().finish(callee, future).boxed()),
        }
    }

    /// Calls a function without arguments, on a thread where it may block. `None` if the runtime
    /// shuts down.
    pub(super) async fn begin(&self, function: Function<Ctx>, callee: String) -> Option<Outcome> {
        let server = self.clone();
        let arguments = Arguments::new(callee, Vec::new(), Default::default());
        blocking::run(move || deferred(|| function(Ctx::of(&server, None), arguments))).await
    }

    /// Starts the hooks of an event without waiting for async ones.
    pub(crate) fn start_hooks(&self, client: Option<&Client>, event: Lifecycle, args: &[Packed]) {
        let callee = hook_name(event);
        for (_, hook) in self.hooks(event) {
            let context = match client {
                Some(client) => Ctx::of_client(self, client),
                None => Ctx::of(self, None),
            };
            self.start_function(&hook, callee.clone(), args.to_vec(), context);
        }
    }

    /// Calls a function without waiting for an async one. A failure is reported.
    pub(crate) fn start_function(
        &self,
        function: &Function<Ctx>,
        callee: String,
        args: Vec<Packed>,
        context: Ctx,
    ) {
        let arguments = Arguments::new(callee.clone(), args, Default::default());
        match deferred(|| function(context, arguments)) {
            Outcome::Ready(result) => self.report(&callee, result),
            Outcome::Pending(future) => self.hub().spawn(self.clone().finish(callee, future)),
        }
    }

    /// Runs a future as a task until it completes or the server has stopped. A failure is logged.
    ///
    /// If the server is not running, it only logs a warning.
    ///
    /// ```
    /// use std::time::Duration;
    /// use selvedge::{Ctx, Failure, Lifecycle, Server};
    ///
    /// let server = Server::new("doc");
    /// server.on(Lifecycle::ServerReady, |cx: Ctx| {
    ///     let state = cx.state().clone();
    ///     cx.server.create_task::<_, Failure>(async move {
    ///         loop {
    ///             tokio::time::sleep(Duration::from_secs(1)).await;
    ///             state.update("seconds", |seconds: &mut Option<u64>| {
    ///                 *seconds = Some(seconds.unwrap_or(0) + 1);
    ///             })?;
    ///         }
    ///     });
    /// });
    /// ```
    pub fn create_task<F, E>(&self, future: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Failure>,
    {
        let callee = "a task".to_owned();
        let future = may_block(Some(callee.clone()), async move {
            future.await.map_err(Into::into)?;
            Ok(Packed::nil())
        });
        self.hub().spawn(self.clone().finish(callee, future));
    }

    /// Logs a failure and runs the [`Lifecycle::Exception`] hooks.
    pub(crate) fn report(&self, callee: &str, result: Result<Packed, Failure>) {
        let Err(failure) = result else { return };
        let text = format!("{callee} failed: {failure}");
        tracing::error!("{text}");
        for (_, hook) in self.hooks(Lifecycle::Exception) {
            let args = Packed::encode(&text).into_iter().collect();
            let arguments =
                Arguments::new("the hook on Exception".to_owned(), args, Default::default());
            match hook(Ctx::of(self, None), arguments) {
                Outcome::Ready(Ok(_)) => {}
                // Only log a failing Exception hook: it must not call itself.
                Outcome::Ready(Err(failure)) => {
                    tracing::error!("a hook on Exception failed: {failure}");
                }
                Outcome::Pending(future) => self.hub().spawn(future.map(drop)),
            }
        }
    }

    /// Translates the name of a trigger to the name in the root server.
    fn trigger_name(&self, name: &str) -> String {
        match name.starts_with(GENERATED) {
            true => name.to_owned(),
            false => self.translator().translate(name).into_owned(),
        }
    }

    /// Returns a weak handle, for functions that the server itself owns.
    fn downgrade(&self) -> WeakServer {
        let inner = Arc::downgrade(&self.inner);
        WeakServer { inner, translator: self.translator().clone() }
    }
}

/// Encodes the arguments of a call from Rust: the items of a tuple or list, none for `()`, else a
/// single value.
pub(crate) fn list(args: &impl Serialize) -> Result<Vec<Packed>> {
    let packed = Packed::encode(args)?;
    Ok(packed.items().unwrap_or_else(|| match packed.is_nil() {
        true => Vec::new(),
        false => vec![packed],
    }))
}

/// A weak handle to a server, see [`Server::downgrade`].
struct WeakServer {
    inner: Weak<Inner>,
    translator: Translator,
}

impl WeakServer {
    fn upgrade(&self) -> Option<Server> {
        Some(Server::view(self.inner.upgrade()?, self.translator.clone()))
    }
}

fn hook_name(event: Lifecycle) -> String {
    format!("the hook on {event:?}")
}

/// The future of a callback. State changes between two awaits are sent as one message at each
/// await, so that a page shows progress before the call returns.
pub(crate) struct Deferred(pub(crate) BoxFuture<'static, Result<Packed, Failure>>);

impl Future for Deferred {
    type Output = Result<Packed, Failure>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        deferred(|| self.0.as_mut().poll(context))
    }
}
