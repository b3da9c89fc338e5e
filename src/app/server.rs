//! The server as an application sees it: a handle to its state, functions, templates and modules.
//!
//! It knows neither HTTP nor sockets: connections come in through [`Session`], and a token stops a
//! run.

use std::{
    any::TypeId,
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, OnceLock},
};

use parking_lot::{Mutex, MutexGuard, RwLock};
use selvedge_wslink::{Packed, words::key};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    Admission,
    callback_context::Ctx,
    headers::AllowedSources,
    program::Program,
    rooms::{Room, RoomPlan},
    running_options::RunningOptions,
    server_options::ServerOptions,
    websocket_endpoints::Handlers,
};
use crate::{
    Error, Result,
    calls::{
        page_calls::PageCalls,
        registry::{Functions, Rpc},
    },
    files::{dialogs::Asked, shared_folder::SharedFolders, transfer::Transfers},
    http::Access,
    jobs::queue::Jobs,
    pages::{
        Extension, Module, Resource, Template, layout::Layouts, module::Modules,
        template_sources::TemplateSources,
    },
    plots::registry::Plots,
    protocol::{Hub, NetworkLog, Private, Questions},
    state::{Context, Initial, State, Translator},
    tables::registry::Tables,
};

/// Default client type: the version of Vue that widget libraries must support.
const DEFAULT_CLIENT_TYPE: &str = "vue3";

/// An application: its state, its functions and its page. A cheap handle, usable from any thread.
///
/// ```
/// use selvedge::{Ctx, Lifecycle, Server};
///
/// let server = Server::new("counter");
/// server.state().set("count", 0);
/// server.on_change("count", |cx: Ctx, count: i64| cx.set("doubled", count * 2));
/// server.trigger("add", |cx: Ctx, by: i64| cx.state().update("count", |count: &mut i64| *count += by));
/// server.template("main", r#"<button @click="trigger('add', [1])">{{ count }}</button>"#);
/// ```
#[derive(Clone)]
pub struct Server {
    pub(crate) inner: Arc<Inner>,
    /// The state and the context under the names of this handle; a child server translates names.
    pub(crate) state: State,
    pub(crate) context: Context,
}

impl AsRef<State> for Server {
    fn as_ref(&self) -> &State {
        &self.state
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("name", &self.inner.name).finish_non_exhaustive()
    }
}

pub(crate) struct Inner {
    pub(crate) name: String,
    pub(crate) options: ServerOptions,
    pub(crate) client_type: OnceLock<String>,
    pub(crate) state: State,
    pub(crate) context: Context,
    pub(crate) hub: Arc<Hub>,
    pub(crate) functions: Functions<Ctx>,
    #[cfg(feature = "typescript")]
    pub(crate) signatures: crate::typescript::signatures::Signatures,
    pub(crate) rpcs: RwLock<HashMap<String, Rpc>>,
    pub(crate) admission: RwLock<Option<Admission>>,
    pub(crate) endpoints: Handlers,
    pub(crate) transfers: Transfers,
    pub(crate) questions: Questions<Asked>,
    pub(crate) jobs: Jobs,
    pub(crate) plots: Plots,
    pub(crate) shared_folders: SharedFolders,
    pub(crate) tables: Tables,
    pub(crate) page_calls: PageCalls,
    pub(crate) modules: Mutex<Modules>,
    pub(crate) layouts: Mutex<Layouts>,
    pub(crate) settings: Mutex<Settings>,
    /// The room that this server is.
    pub(crate) room: OnceLock<Room>,
    /// The rooms whose pages this server shows.
    pub(crate) rooms: OnceLock<RoomPlan>,
}

/// Settings that a host or a run stores in the server.
#[derive(Default)]
pub(crate) struct Settings {
    /// Stops the current run when cancelled.
    pub(crate) stop: Option<CancellationToken>,
    /// Exit code of the program after the current run.
    pub(crate) exit_code: i32,
    /// The port that the server listens on.
    pub(crate) port: Option<u16>,
    /// Where pages of the current run sign in.
    pub(crate) front: Option<Arc<Access>>,
    /// The options of the current run, set once it is ready.
    pub(crate) running: watch::Sender<Option<RunningOptions>>,
    /// Whether pages get the full text of errors.
    pub(crate) debug: bool,
    /// Whether pages report mistakes of the application.
    pub(crate) development: bool,
    /// How a desktop host shows the application.
    pub(crate) window: crate::window::WindowOptions,
    /// Native dialogs of a desktop host.
    pub(crate) dialogs: Option<Arc<dyn crate::window::Dialogs>>,
    /// The window of a desktop host.
    pub(crate) control: Option<Arc<dyn crate::window::WindowControl>>,
    /// The files of the templates.
    pub(crate) sources: TemplateSources,
    /// The values that the application set before the first start.
    pub(crate) initial: Option<Arc<Initial>>,
    /// Headers set on every HTTP response.
    pub(crate) headers: BTreeMap<String, String>,
    /// Sources that pages may load from, besides those that the server allows.
    pub(crate) allowed_sources: AllowedSources,
}

/// Returns the server of this name, creating it if it does not exist. The same name refers to the
/// same server everywhere in the process.
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

/// Returns the server as [`get_server`] does. The options apply only if the server is created.
pub fn get_server_with(name: &str, options: ServerOptions) -> Server {
    static SERVERS: OnceLock<Mutex<HashMap<String, Server>>> = OnceLock::new();
    let servers = SERVERS.get_or_init(Mutex::default);
    let mut servers = servers.lock();
    let made = || Server::with_options(name, options);
    servers.entry(name.to_owned()).or_insert_with(made).clone()
}

impl Server {
    /// Creates a separate server, which [`get_server`] does not return.
    pub fn new(name: &str) -> Self {
        Self::with_options(name, ServerOptions::default())
    }

    /// Creates a separate server with options.
    pub fn with_options(name: &str, options: ServerOptions) -> Self {
        let options = options.resolved();
        let log = options.get_log_network().map(NetworkLog::new);
        let hub = Arc::new(Hub::new(options.get_ws_max_msg_size(), log));
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
            #[cfg(feature = "typescript")]
            signatures: crate::typescript::signatures::Signatures::default(),
            rpcs: RwLock::default(),
            admission: RwLock::default(),
            endpoints: RwLock::default(),
            transfers: Transfers::default(),
            questions: Questions::default(),
            jobs: Jobs::default(),
            plots: Plots::default(),
            shared_folders: SharedFolders::default(),
            tables: Tables::default(),
            page_calls: PageCalls::default(),
            modules: Mutex::default(),
            layouts: Mutex::default(),
            settings: Mutex::default(),
            room: OnceLock::new(),
            rooms: OnceLock::new(),
        };
        Self::view(Arc::new(inner), Translator::default())
    }

    /// Returns a handle that translates names with a translator.
    pub(crate) fn view(inner: Arc<Inner>, translator: Translator) -> Self {
        let state = inner.state.translated(translator.clone());
        let context = inner.context.translated(translator);
        Server { inner, state, context }
    }

    /// Creates a child server for a part of the application: the same server, with translated names
    /// for state, context, functions and triggers.
    ///
    /// ```
    /// use selvedge::{Ctx, Server, trame::Translator};
    ///
    /// let server = Server::new("doc");
    /// let left = server.create_child_server(Translator::with_prefix("left_"));
    /// left.state().set("count", 1);
    /// left.trigger("reset", |cx: Ctx| cx.set("count", 0));
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

    /// Returns the root server of this child server; the root server returns itself.
    pub fn root_server(&self) -> Server {
        self.translated(&Translator::default())
    }

    /// Returns a handle to the same server with the names of a translator.
    pub(crate) fn translated(&self, translator: &Translator) -> Server {
        Self::view(Arc::clone(&self.inner), translator.clone())
    }

    /// Returns whether this handle translates names.
    pub(crate) fn is_child(&self) -> bool {
        *self.translator() != Translator::default()
    }

    /// Returns the translator of this handle's names.
    pub fn translator(&self) -> &Translator {
        self.state.translator()
    }

    /// Returns the name of the server.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Returns the options of the server, with all defaults filled in.
    pub fn options(&self) -> &ServerOptions {
        &self.inner.options
    }

    /// Returns the values shared with every client.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Returns the values that stay on the server.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Returns the name of the server and its whole state, as a new client receives them.
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

    /// Returns the client type for widget libraries: `vue3`, unless set otherwise.
    pub fn client_type(&self) -> &str {
        self.inner.client_type.get().map_or(DEFAULT_CLIENT_TYPE, String::as_str)
    }

    /// Sets the client type. It can be set only once; setting the same value again is allowed.
    ///
    /// ```
    /// let server = selvedge::Server::new("doc");
    /// assert_eq!(server.client_type(), "vue3");
    /// assert!(server.set_client_type("vue2").is_ok() && server.set_client_type("vue3").is_err());
    /// ```
    ///
    /// # Errors
    /// [`Error::ClientType`] if it was set to another value.
    pub fn set_client_type(&self, client_type: &str) -> Result<()> {
        let known = self.inner.client_type.get_or_init(|| client_type.to_owned());
        match known == client_type {
            true => Ok(()),
            false => Err(Error::ClientType(known.clone())),
        }
    }

    /// Resolves when everything queued for clients has been handed to their sockets.
    pub async fn network_completion(&self) {
        self.inner.hub.drained().await;
    }

    /// Returns the number of connected clients that have completed the hello.
    pub fn client_count(&self) -> usize {
        self.inner.hub.connected()
    }

    /// Sets a template of the page: Vue's template language, with every state key as a variable.
    /// Open pages update at once.
    ///
    /// A page shows the template `main`, or the one named by its `?ui=`. `<style>` and `<script>`
    /// are not allowed in a template: put them into files of a [`Module`], for instance with
    /// [`assets!`](crate::assets!). Do not put text from data into a template either: escaping does
    /// not keep Vue from evaluating `{{ }}`. Put it into the state.
    pub fn template(&self, name: &str, template: impl Into<Template>) -> &Self {
        let template = template.into();
        if let Some(element) = template.element_without_place() {
            tracing::error!("the template `{name}` is not shown: {element}");
        }
        let key = format!("{}{name}", key::TEMPLATE);
        self.set_source(&key, template.source());
        // First the values that the template needs, so that no page shows it without them.
        for (key, value) in &template.initial {
            self.state.declare(key, value.clone());
        }
        self.state.set(&key, template.as_str());
        self
    }

    /// Adds the client code and assets of a widget library. Returns `false` if they were added
    /// before.
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
    /// [`Error::ModulePath`] if a served folder does not exist, and the errors of the extension's
    /// own setup.
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
            (key::SCRIPTS, &module.scripts),
            (key::MODULE_SCRIPTS, &module.module_scripts),
            (key::STYLES, &module.styles),
        ] {
            state.update(key, |known: &mut Vec<Resource>| known.extend_from_slice(urls))?;
        }
        state.set(key::VUE_USE, self.modules().vue_use());
        state.extend(&module.state)?;
        Ok(true)
    }

    /// Sets how a desktop host shows the application.
    ///
    /// ```
    /// use selvedge::{Server, window::WindowOptions};
    ///
    /// Server::new("doc").set_window(WindowOptions::new().size(900.0, 600.0));
    /// ```
    pub fn set_window(&self, window: crate::window::WindowOptions) -> &Self {
        self.settings().window = window;
        self
    }

    /// Connects the native dialogs for the application's code. Desktop hosts call it.
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

/// Returns the error for an unknown name, with similar names as candidates.
pub(crate) fn unknown(kind: &'static str, name: &str, candidates: Vec<String>) -> Error {
    Error::Unknown { kind, name: name.to_owned(), candidates }
}

/// Sets the keys that every page expects.
fn declare_reserved(state: &State, title: &str) {
    for key in [key::SCRIPTS, key::MODULE_SCRIPTS, key::STYLES, key::VUE_USE, key::MOUSETRAP] {
        state.set(key, json!([]));
    }
    state.set(key::CLIENT_ONLY, [key::BUSY]).set(key::BUSY, 1);
    state.set(key::FAVICON, ()).set(key::TITLE, title);
}
