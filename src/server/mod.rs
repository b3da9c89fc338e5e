//! The server as an application sees it: state, triggers, listeners, templates, modules and what it sends.
//!
//! It ties the parts together and knows neither HTTP nor sockets: connections come in through
//! [`Session`], and whatever runs the server is told to stop through a token.
//!
//! - [`options`]: what it is made with
//! - [`functions`]: functions of the application, registered and run; [`controller`]: those that are found by name
//! - [`context`]: what callbacks get
//! - [`files`]: uploads and downloads; [`transfer`]: how they travel
//! - [`dialogs`]: what the application asks its users in dialogs
//! - [`ui`]: layouts and the holes in them
//! - [`publish`]: what is sent to pages besides state
//! - [`module`]: client code and assets
//! - [`source`]: assets from the program's sources
//! - [`reload`]: files that pages are made of, in development
//! - [`running`]: what a run of it is
//! - [`program`]: what the program around it is called; [`folders`]: where an application keeps its files
//! - [`session`]: one connection, from its first byte to its last; [`call_queue`]: its calls, which may block
//! - [`disclosure`]: what clients are told of errors
//! - [`headers`]: headers of HTTP answers, and what pages may load
//! - [`endpoint`]: WebSockets of the application beside the state server's
//! - [`window`]: the window around it
//! - [`dispatch`]: the RPC methods of trame and the application's own

mod call_queue;
mod context;
mod controller;
mod dialogs;
mod disclosure;
mod dispatch;
mod endpoint;
mod files;
mod folders;
mod functions;
mod headers;
mod js_eval;
mod module;
mod options;
mod program;
mod publish;
mod reload;
mod resume;
mod running;
pub(crate) mod session;
mod source;
mod transfer;
mod trigger;
mod ui;
mod window;

use std::{
    any::TypeId,
    collections::{BTreeMap, HashMap},
    sync::{Arc, OnceLock},
};

pub use context::Ctx;
pub use controller::{Controller, ControllerFunction};
pub use dialogs::OpenedFiles;
pub(crate) use endpoint::Endpoint;
pub use files::Saved;
pub use folders::Folders;
pub use functions::Keys;
pub use headers::Source;
pub use js_eval::JsEval;
pub use module::{Assets, EmbeddedFiles, Extension, Module, Resource, VueUse};
pub use options::ServerOptions;
pub use program::Program;
pub use running::{Backend, Endpoints, ExecMode, RunningOptions};
pub(crate) use session::{Limits, Session};
pub use transfer::{Download, Progress, TransferLimits, Upload};
pub(crate) use transfer::{Outgoing, Phase, Sent, random_token};
pub use trigger::Trigger;
pub use ui::Ui;
pub use window::Window;

use module::Modules;
pub(crate) use module::served_beneath;
use parking_lot::{Mutex, MutexGuard, RwLock};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    Error, Result,
    callback::Function,
    controller::Functions,
    session::{Hub, NetworkLog, Private},
    state::{Context, Initial, State, Translator},
    template::Template,
    wire::Packed,
};

/// The generation of Vue that widget libraries are asked for.
const DEFAULT_CLIENT_TYPE: &str = "vue3";

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
    /// The state and the context under the names of this handle: a child server has its own.
    state: State,
    context: Context,
}

struct Inner {
    name: String,
    options: ServerOptions,
    client_type: OnceLock<String>,
    state: State,
    context: Context,
    hub: Arc<Hub>,
    functions: Functions<Ctx>,
    rpcs: RwLock<HashMap<String, Function<Ctx>>>,
    endpoints: endpoint::Handlers,
    transfers: transfer::Transfers,
    questions: dialogs::Questions,
    modules: Mutex<Modules>,
    layouts: Mutex<ui::Layouts>,
    settings: Mutex<Settings>,
}

/// What a host or a run leaves with the server for its callbacks.
#[derive(Default)]
pub(crate) struct Settings {
    /// Cancelled to stop the current run.
    pub(crate) stop: Option<CancellationToken>,
    /// What the program should exit with after the current run.
    pub(crate) exit_code: i32,
    /// Where it listens.
    pub(crate) port: Option<u16>,
    /// What it runs with, from when it is ready.
    pub(crate) running: watch::Sender<Option<RunningOptions>>,
    /// Whether pages are told the whole text of errors.
    pub(crate) debug: bool,
    /// Whether pages tell mistakes of the application.
    pub(crate) development: bool,
    /// How the host shows it.
    pub(crate) window: crate::window::WindowOptions,
    /// Native dialogs, where there is a host.
    pub(crate) dialogs: Option<Arc<dyn crate::window::Dialogs>>,
    /// The window, where there is a host.
    pub(crate) control: Option<Arc<dyn crate::window::WindowControl>>,
    /// Where its templates come from.
    pub(crate) sources: reload::Sources,
    /// What the application had set itself before the first start.
    pub(crate) initial: Option<Arc<Initial>>,
    /// Headers of every HTTP answer.
    pub(crate) headers: BTreeMap<String, String>,
    /// What pages may load beyond what the server allows itself.
    pub(crate) allowed_sources: headers::Sources,
}

/// The server of this name, which is made when it does not exist. The same name gives the same server, everywhere in
/// the process.
///
/// ```
/// let server = selvedge::get_server("app");
/// server.state().set("count", 1);
/// assert_eq!(selvedge::get_server("app").state().get::<i64>("count")?, 1);
/// # Ok::<(), selvedge::Error>(())
/// ```
pub fn get_server(name: &str) -> Server {
    get_server_with(name, ServerOptions::default())
}

/// Like [`get_server`], with options for the case that the server is made.
pub fn get_server_with(name: &str, options: ServerOptions) -> Server {
    static SERVERS: OnceLock<Mutex<HashMap<String, Server>>> = OnceLock::new();
    let servers = SERVERS.get_or_init(Mutex::default);
    let mut servers = servers.lock();
    let made = || Server::with_options(name, options);
    servers.entry(name.to_owned()).or_insert_with(made).clone()
}

impl Server {
    /// A server of its own, which [`get_server`] does not know.
    pub fn new(name: &str) -> Self {
        Self::with_options(name, ServerOptions::default())
    }

    /// A server of its own with options.
    pub fn with_options(name: &str, options: ServerOptions) -> Self {
        let options = options.resolved();
        let log = options.log_network.as_deref().map(NetworkLog::new);
        let hub = Arc::new(Hub::new(options.max_frame(), log));
        let state = State::new();
        declare_reserved(&state, Program::of_server(name).get_title());
        state.connect(hub.clone());
        let context = Context::new();
        context.state().connect(Arc::new(Private(hub.clone())));
        let inner = Inner {
            name: name.to_owned(),
            options,
            client_type: OnceLock::new(),
            state,
            context,
            hub,
            functions: Functions::new(),
            rpcs: RwLock::default(),
            endpoints: RwLock::default(),
            transfers: transfer::Transfers::default(),
            questions: dialogs::Questions::default(),
            modules: Mutex::default(),
            layouts: Mutex::default(),
            settings: Mutex::default(),
        };
        Self::view(Arc::new(inner), Translator::default())
    }

    /// A handle that speaks the names of a translator.
    fn view(inner: Arc<Inner>, translator: Translator) -> Self {
        let state = inner.state.translated(translator.clone());
        let context = inner.context.translated(translator);
        Server { inner, state, context }
    }

    /// A part of the application: the same server, whose state, context, functions and triggers have names of their own.
    ///
    /// ```
    /// use selvedge::{Ctx, Server, Translator};
    ///
    /// let server = Server::new("doc");
    /// let left = server.create_child_server(Translator::with_prefix("left_"));
    /// left.state().set("count", 1);
    /// left.trigger("reset", |cx: Ctx| { cx.state().set("count", 0); });
    /// assert_eq!(server.state().get::<i64>("left_count")?, 1);
    /// # Ok::<(), selvedge::Error>(())
    /// ```
    pub fn create_child_server(&self, translator: Translator) -> Server {
        let translator = match self.is_child() {
            true => translator.within(self.translator().clone()),
            false => translator,
        };
        Self::view(Arc::clone(&self.inner), translator)
    }

    /// The whole that this is a part of; itself, if it is no part.
    pub fn root_server(&self) -> Server {
        Self::view(Arc::clone(&self.inner), Translator::default())
    }

    /// Whether this handle has names of its own.
    pub(crate) fn is_child(&self) -> bool {
        *self.translator() != Translator::default()
    }

    /// What translates the names that this handle uses.
    pub fn translator(&self) -> &Translator {
        self.state.translator()
    }

    /// The name it was made with.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The options it was made with, none of them missing.
    pub fn options(&self) -> &ServerOptions {
        &self.inner.options
    }

    /// The values shared with every client.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The values that stay on the server.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The name of the server and its whole state, as a client gets it that connects now.
    ///
    /// ```
    /// let server = selvedge::Server::new("doc");
    /// server.state().set("count", 1);
    /// let state: serde_json::Value = server.get_server_state().decode()?;
    /// assert_eq!((&state["name"], &state["state"]["count"]), (&"doc".into(), &1.into()));
    /// # Ok::<(), selvedge::Error>(())
    /// ```
    pub fn get_server_state(&self) -> Packed {
        let name = Packed::encode(self.name()).unwrap_or(Packed::nil());
        let state = Packed::encode_map(&self.root_server().state.initial());
        Packed::encode_map(&[("name".to_owned(), name), ("state".to_owned(), state)].into())
    }

    /// The kind of page that widget libraries are asked for: `vue3`, unless it was set.
    pub fn client_type(&self) -> &str {
        self.inner.client_type.get().map_or(DEFAULT_CLIENT_TYPE, String::as_str)
    }

    /// Sets the kind of page. It can be set once; setting the same again is fine.
    ///
    /// ```
    /// let server = selvedge::Server::new("doc");
    /// assert_eq!(server.client_type(), "vue3");
    /// assert!(server.set_client_type("vue2").is_ok() && server.set_client_type("vue3").is_err());
    /// ```
    ///
    /// # Errors
    /// [`Error::ClientType`] when it is another one already.
    pub fn set_client_type(&self, client_type: &str) -> Result<()> {
        let known = self.inner.client_type.get_or_init(|| client_type.to_owned());
        match known == client_type {
            true => Ok(()),
            false => Err(Error::ClientType(known.clone())),
        }
    }

    /// Resolves when everything that was to be sent to clients has been handed to their sockets.
    pub async fn network_completion(&self) {
        self.inner.hub.drained().await;
    }

    /// How many clients are connected and have said who they are.
    pub fn client_count(&self) -> usize {
        self.inner.hub.connected()
    }

    /// Sets the page's template: Vue's language, with every state key as a variable. Open pages show it at once.
    ///
    /// A page shows the template `main`, or the one that its `?ui=` names. `<style>` and `<script>` have no place in it: they are
    /// files of a [`Module`], as [`assets!`](crate::assets!) makes them. Text that comes from data has no place in a
    /// template: escaping does not keep Vue from running what stands in `{{ }}`. Put it into the state.
    pub fn template(&self, name: &str, template: impl Into<Template>) -> &Self {
        let template = template.into();
        if let Some(element) = template.element_without_place() {
            tracing::error!("the template `{name}` is not shown: {element}");
        }
        let key = format!("trame__template_{name}");
        self.set_source(&key, template.source());
        // First what the template needs, so that no page shows it without.
        for (key, value) in &template.initial {
            self.state.declare(key, value.clone());
        }
        self.state.set(&key, template.as_str());
        self
    }

    /// Adds client code and assets: what a widget library needs in the page. Says `false` when it was added before.
    ///
    /// ```
    /// use selvedge::{Module, Server};
    ///
    /// let server = Server::new("doc");
    /// let charts = Module { scripts: vec!["https://cdn.example/charts.js".into()], ..Module::default() };
    /// assert!(server.enable_module(charts.clone())?);
    /// assert!(!server.enable_module(charts)?);
    /// # Ok::<(), selvedge::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::ModulePath`] when it wants to serve a folder that does not exist, and what the extension's own setup says.
    pub fn enable_module<E: Extension>(&self, extension: E) -> Result<bool> {
        let kind = TypeId::of::<E>();
        if !self.modules().add_extension(kind) {
            return Ok(false);
        }
        let added = extension.setup(self).and_then(|()| self.add_module(&extension.module()));
        if added.is_err() {
            self.modules().forget_extension(kind);
        }
        added
    }

    fn add_module(&self, module: &Module) -> Result<bool> {
        module.check_paths()?;
        if !self.modules().add(module) {
            return Ok(false);
        }
        self.sources_changed();
        let state = &self.inner.state;
        for (key, urls) in [
            ("trame__scripts", &module.scripts),
            ("trame__module_scripts", &module.module_scripts),
            ("trame__styles", &module.styles),
        ] {
            state.update(key, |known: &mut Vec<Resource>| known.extend_from_slice(urls))?;
        }
        state.set("trame__vue_use", self.modules().vue_use());
        state.extend(&module.state)?;
        Ok(true)
    }

    /// Says how a desktop host should show the application.
    ///
    /// ```
    /// use selvedge::{Server, WindowOptions};
    ///
    /// Server::new("doc").set_window(WindowOptions::new().size(900.0, 600.0));
    /// ```
    pub fn set_window(&self, window: crate::window::WindowOptions) -> &Self {
        self.settings().window = window;
        self
    }

    /// Gives the application's code native dialogs. Called by desktop hosts.
    pub fn set_dialogs(&self, dialogs: Arc<dyn crate::window::Dialogs>) {
        self.settings().dialogs = Some(dialogs);
    }

    pub(crate) fn settings(&self) -> MutexGuard<'_, Settings> {
        self.inner.settings.lock()
    }

    pub(crate) fn modules(&self) -> MutexGuard<'_, Modules> {
        self.inner.modules.lock()
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.inner.hub
    }
}

/// Names in the errors of this module.
pub(crate) fn unknown(kind: &'static str, name: &str, candidates: Vec<String>) -> Error {
    Error::Unknown { kind, name: name.to_owned(), candidates }
}

/// What every page expects to be there.
fn declare_reserved(state: &State, title: &str) {
    for key in [
        "trame__scripts",
        "trame__module_scripts",
        "trame__styles",
        "trame__vue_use",
        "trame__mousetrap",
    ] {
        state.set(key, json!([]));
    }
    state.set("trame__client_only", ["trame__busy"]).set("trame__busy", 1);
    state.set("trame__favicon", ()).set("trame__title", title);
}
