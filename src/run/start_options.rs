//! Start options in code. [`cli`](super::cli) reads the same options from a command line.

mod access;
mod operation;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{
    cluster::{RoomJournal, SharedAccess},
    development::Switch,
    room_registry::Front,
    secret::Secret,
};
use crate::{
    Error, Result, Server,
    app::{Backend, Compression, Endpoints, ExecMode, RunningOptions},
    http::{Allowed, Invited, ProxyOptions},
    monitoring::Metrics,
    stop_times,
    window::Launch,
};

/// The default port, the same as trame's.
const DEFAULT_PORT: u16 = 8080;

/// The default host to listen on.
const DEFAULT_HOST: &str = "127.0.0.1";

/// Options that say where and how a server runs.
///
/// ```
/// use std::time::Duration;
/// use selvedge::StartOptions;
///
/// let options = StartOptions::new().host("0.0.0.0").port(8080).idle_timeout(Duration::from_secs(600));
/// ```
///
/// # Precedence
/// Methods of this type win over the command line, except for [`host`](Self::host), where `--host`
/// wins: the user decides who can reach the program. The environment and the defaults follow, as in
/// trame.
///
/// # Parameters of trame's `start`
/// | trame | here |
/// | --- | --- |
/// | `port`, `host`, `open_browser`, `show_connection_info`, `disable_logging`, `exec_mode` | the methods with these names |
/// | `timeout` | [`idle_timeout`](Self::idle_timeout) |
/// | `backend` | [`backend`](Self::backend): TCP corresponds to `aiohttp`; `generic` uses no sockets |
/// | `thread=True` | [`handle_signals(false)`](Self::handle_signals): a server may run on any thread |
#[derive(Clone, Debug)]
pub struct StartOptions {
    /// The hosts from the command line, the code and the environment, in order of precedence.
    pub(super) hosts: [Option<String>; 3],
    pub(super) port: Option<u16>,
    pub(super) backend: Backend,
    pub(super) exec_mode: ExecMode,
    pub(super) secret: Option<Secret>,
    pub(super) allowed: Allowed,
    pub(super) proxies: ProxyOptions,
    /// The files of the certificate chain and the private key.
    pub(super) certificate: Option<(PathBuf, PathBuf)>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) open_browser: bool,
    pub(super) show_connection_info: bool,
    pub(super) banner: bool,
    pub(super) logging: bool,
    pub(super) log_folder: Option<PathBuf>,
    pub(super) debug: bool,
    pub(super) handle_signals: bool,
    pub(super) hot_reload: Switch,
    pub(super) files: Vec<PathBuf>,
    pub(super) keep_port: Option<PathBuf>,
    pub(super) keep_state: Option<PathBuf>,
    /// Whether users stay signed in across restarts.
    pub(super) keep_sign_in: bool,
    pub(super) development: Switch,
    pub(super) endpoints: Endpoints,
    pub(super) stop_deadline: Duration,
    pub(super) heartbeat: Option<Duration>,
    pub(super) drain: Duration,
    /// Host and port for operators.
    #[cfg(feature = "monitoring")]
    pub(super) monitoring: Option<String>,
    /// The store of a cluster.
    pub(super) redis: Option<Secret>,
    /// Where other nodes reach this one: host and port.
    pub(super) node_address: Option<String>,
    /// Credentials that other nodes accept, too.
    pub(super) shared: Option<SharedAccess>,
    /// Where the run stores what it commits, if it is that of a room of a cluster.
    pub(super) journal: Option<Arc<RoomJournal>>,
    /// What is counted in this run.
    pub(super) metrics: Option<Arc<Metrics>>,
    pub(super) serve_only: bool,
    /// Where pages sign in, if the run is that of a room. It keeps its state beside that of the
    /// program.
    pub(super) front: Option<Front>,
    /// Whether the program reads its command line with [`Cli`](super::Cli).
    pub(super) knows_flags: bool,
    /// Whom a link signs in, if this launch only asks the running program for one.
    pub(super) sign_in_link: Option<Invited>,
}

impl Default for StartOptions {
    fn default() -> Self {
        StartOptions {
            hosts: [None, None, None],
            port: None,
            backend: Backend::Tcp,
            exec_mode: ExecMode::Main,
            secret: None,
            allowed: Allowed::default(),
            proxies: ProxyOptions::default(),
            certificate: None,
            idle_timeout: None,
            open_browser: false,
            show_connection_info: false,
            banner: false,
            logging: true,
            log_folder: None,
            debug: false,
            handle_signals: true,
            hot_reload: Switch::default(),
            files: Vec::new(),
            keep_port: None,
            keep_state: None,
            keep_sign_in: false,
            development: Switch::default(),
            endpoints: Endpoints::default(),
            stop_deadline: stop_times::RELEASE,
            heartbeat: None,
            drain: Duration::ZERO,
            #[cfg(feature = "monitoring")]
            monitoring: None,
            redis: None,
            node_address: None,
            shared: None,
            journal: None,
            metrics: None,
            serve_only: false,
            front: None,
            knows_flags: false,
            sign_in_link: None,
        }
    }
}

impl StartOptions {
    /// Returns the defaults: 127.0.0.1, port 8080 (any free one for a window), a random secret, no
    /// idle stop, no browser.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets where to listen: an address, or a name, all of whose addresses are bound.
    ///
    /// `--host` on the command line has precedence.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.hosts[1] = Some(host.into());
        self
    }

    /// Sets the port; 0 takes any free one, the same in each run with
    /// [`keep_port`](Self::keep_port).
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Sets how clients reach the server: over TCP, or through messages that the program carries.
    /// Default TCP.
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// Sets how the server is run and where the application is shown.
    pub fn exec_mode(mut self, exec_mode: ExecMode) -> Self {
        self.exec_mode = exec_mode;
        self
    }

    /// Returns whether the command line contains `--server`; a host then serves browsers instead of
    /// showing a window.
    pub fn is_serve_only(&self) -> bool {
        self.serve_only
    }

    /// Opens the system's browser when the server listens. Only works in [`Server::run`] and
    /// [`Server::serve`], which wait for the end of the server.
    ///
    /// [`Server::run`]: crate::Server::run
    /// [`Server::serve`]: crate::Server::serve
    pub fn open_browser(mut self, open: bool) -> Self {
        self.open_browser = open;
        self
    }

    /// Prints where the application runs, with a link that signs in once. Only works in
    /// [`Server::run`](crate::Server::run) and [`Server::serve`](crate::Server::serve).
    ///
    /// On Unix, if stdin is a terminal, Enter prints another link. A program that reads stdin
    /// itself should turn this off.
    pub fn show_connection_info(mut self, show: bool) -> Self {
        self.show_connection_info = show;
        self
    }

    /// Prints the names of the application and the library when the server listens. Only works in
    /// [`Server::run`](crate::Server::run) and [`Server::serve`](crate::Server::serve).
    pub fn banner(mut self, show: bool) -> Self {
        self.banner = show;
        self
    }

    /// Turns off the logger that [`Server::run`](crate::Server::run) and
    /// [`Server::run_in`](crate::Server::run_in) install.
    ///
    /// It writes warnings and errors, such as those of failing callbacks, to stderr, unless the
    /// program already has a `tracing` subscriber. `RUST_LOG` selects what is written.
    /// [`Server::spawn`](crate::Server::spawn) and [`Server::serve`](crate::Server::serve) never
    /// install a logger.
    pub fn disable_logging(mut self, disable: bool) -> Self {
        self.logging = !disable;
        self
    }

    /// Makes the [logger of the library](Self::disable_logging) also write to files in this folder.
    /// Each day (UTC) has its own file, for example `app.2026-01-31.log`; the last seven are kept.
    /// Files and stderr then also contain the activity of the server itself. If the folder cannot
    /// be written to, a warning is logged.
    ///
    /// ```no_run
    /// use selvedge::{StartOptions, get_server};
    ///
    /// let server = get_server("clock");
    /// server.run(StartOptions::from_args().log_folder(server.folders()?.logs()?))?;
    /// # Ok::<(), selvedge::Error>(())
    /// ```
    pub fn log_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.log_folder = Some(folder.into());
        self
    }

    /// Sends pages the whole text of errors. By default paths and backtraces are omitted; see
    /// [`Failure`](crate::Failure).
    ///
    /// The [logger of the library](Self::disable_logging) then also logs in detail.
    pub fn debug(mut self, debug: bool) -> Self {
        self.debug = debug;
        self
    }

    /// Returns whether `--debug` was given, for programs with their own logger.
    pub fn is_debug(&self) -> bool {
        self.debug
    }

    /// Sets whether [`Server::run`](crate::Server::run) stops the server on SIGINT, SIGTERM and
    /// SIGHUP. Default yes.
    ///
    /// Use `false` if the server runs on a thread of a program that handles signals itself and
    /// calls [`Server::request_stop`](crate::Server::request_stop).
    pub fn handle_signals(mut self, handle: bool) -> Self {
        self.handle_signals = handle;
        self
    }

    /// Keeps the state in a file, and restores it when the program starts. Default no.
    ///
    /// The file is updated while the server runs, so that a killed program loses at most a quarter
    /// of a second. A start restores the values that users and the program have changed since the
    /// last start. This happens after the set-up of the application and before any listener runs:
    /// listeners see the restored values as the initial ones and derive other values from them. The
    /// start does not restore
    /// - keys that the set-up does not set, or sets to another value than at the last start;
    /// - keys that begin with `trame__`, and [`transient`](crate::State::transient) keys;
    /// - values that the [check](crate::State::validate) of their key rejects.
    ///
    /// Values above 1 MiB, and any beyond 16 MiB in total, are omitted with a warning. Only the
    /// user who runs the program can read the file. If it cannot be read, a warning is logged and
    /// nothing is restored. Each program needs its own file. In a program with
    /// [rooms](crate::rooms), each room by name and each user's room has a file beside this one.
    ///
    /// ```
    /// use selvedge::{Server, StartOptions};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> selvedge::Result<()> {
    /// # let folder = tempfile::tempdir().map_err(|cause| selvedge::Error::Io { doing: "making a folder", cause })?;
    /// let options = StartOptions::new().port(0).keep_state(folder.path().join("notes.kept"));
    /// let program = || {
    ///     let server = Server::new("notes");
    ///     server.state().set("text", "");
    ///     server
    /// };
    /// let first = program();
    /// let running = first.spawn(options.clone()).await?;
    /// first.state().set("text", "to do");
    /// running.stop().await?;
    ///
    /// let second = program();
    /// let running = second.spawn(options).await?;
    /// assert_eq!(second.state().get::<String>("text")?, "to do");
    /// # running.stop().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn keep_state(mut self, file: impl Into<PathBuf>) -> Self {
        self.keep_state = Some(file.into());
        self
    }

    /// Serves this folder at the root, in place of the built-in page and of the files that modules
    /// serve at the root. Files that modules serve below other paths stay available.
    ///
    /// Files of any size are sent unchanged; folders are not listed, and `/` serves `index.html`.
    /// The page in the folder needs its own client; the server still provides the launcher and the
    /// WebSocket. The page is sent without the content security policy of the built-in page, and
    /// the sign-in cookie alone opens it, see SECURITY.md. The start fails with
    /// [`Error::InvalidOption`] if the folder does not exist.
    pub fn content(mut self, folder: impl Into<PathBuf>) -> Self {
        self.endpoints.content = Some(folder.into());
        self
    }

    /// Serves a folder below a URL prefix: `serve_folder("data", "/srv/data")` serves `data/a.csv`.
    pub fn serve_folder(mut self, prefix: impl Into<String>, folder: impl Into<PathBuf>) -> Self {
        self.endpoints.folders.insert(prefix.into(), folder.into());
        self
    }

    /// Follows symbolic links that lead out of a served folder. Default no: such a file is not
    /// found, and the log says why. Links that stay inside are always followed.
    ///
    /// Anyone who can connect to the server can then read the targets of such links.
    pub fn follow_symlinks(mut self, follow: bool) -> Self {
        self.endpoints.follow_symlinks = follow;
        self
    }

    /// Sets whether files and the page are served over HTTP; otherwise only the WebSocket is.
    /// Default yes.
    pub fn http(mut self, serve: bool) -> Self {
        self.endpoints.http = serve;
        self
    }

    /// Sets the path of the WebSocket; `None` serves files only. Default `ws`.
    ///
    /// The built-in page gets the path from the server. Pages of trame that are opened in other
    /// ways assume `ws`.
    pub fn ws_endpoint(mut self, path: Option<&str>) -> Self {
        self.endpoints.websocket = path.map(|path| path.trim_matches('/').to_owned());
        self
    }

    /// Sets whether WebSocket messages are compressed. Default [`Compression::Auto`]: for clients
    /// on other machines.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.endpoints.compression = compression;
        self
    }

    /// Sets the files that the user wants to open with this launch of the program, for
    /// [`Launch::files`].
    ///
    /// [`from_args_of`](Self::from_args_of) reads them from the command line; a program with its
    /// own parser sets them here.
    pub fn files(mut self, files: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        self.files = files.into_iter().map(Into::into).collect();
        self
    }

    /// Returns the files to open, as they were given.
    pub fn get_files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Returns this launch of the program, with its [files](Self::files).
    pub fn launch(&self) -> Launch {
        Launch::of_command_line(self.files.clone())
    }

    /// Returns the host to bind.
    pub(super) fn host_to_bind(&self) -> &str {
        let given = self.hosts.iter().flatten().next();
        given.map_or(DEFAULT_HOST, String::as_str)
    }

    /// Returns the port to bind.
    pub(super) fn port_to_bind(&self) -> u16 {
        let default = match self.exec_mode {
            ExecMode::Desktop => 0,
            _ => DEFAULT_PORT,
        };
        self.port.unwrap_or(default)
    }

    /// Returns the public description of a run with these options, once it listens.
    pub(super) fn as_started(&self, front: &Front, heartbeat: Duration) -> RunningOptions {
        RunningOptions {
            exec_mode: self.exec_mode,
            backend: self.backend,
            host: self.host_to_bind().to_owned(),
            port: front.addresses.first().map_or(0, SocketAddr::port),
            addresses: front.addresses.clone(),
            url: front.origin.clone(),
            idle_timeout: self.idle_timeout,
            stop_deadline: self.stop_deadline,
            heartbeat,
            endpoints: self.endpoints.clone(),
            hot_reload: self.follows_files(),
        }
    }

    /// Checks the secret, the WebSocket path and the served folders.
    pub(super) fn check(&self, server: &Server) -> Result<()> {
        let refuse = |option, value: &dyn AsRef<Path>, hint| Error::InvalidOption {
            option,
            value: value.as_ref().display().to_string(),
            hint,
        };
        if let Some(secret) = &self.secret {
            secret.check("the secret")?;
        }
        self.proxies.parsed()?;
        if self.keep_sign_in && self.keep_state.is_none() {
            let reason = "It needs a file: --keep-state FILE";
            return Err(refuse("--keep-sign-in", &"", reason));
        }
        if let Some(path) = &self.endpoints.websocket {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
            let own = path == "paraview" || path.starts_with("paraview/");
            if path.is_empty() || own || !path.chars().all(is_plain) {
                let reason = "Use letters, digits, `-`, `_`, `.` and `/`, and not `paraview`";
                return Err(refuse("--ws-endpoint", path, reason));
            }
            if server.endpoint(&format!("/{path}")).is_some() {
                let reason =
                    "The application has a WebSocket of its own there: choose another path";
                return Err(refuse("--ws-endpoint", path, reason));
            }
        }
        let missing = "There is no such folder";
        if let Some(folder) = self.endpoints.content.as_ref().filter(|f| !f.is_dir()) {
            return Err(refuse("--content", folder, missing));
        }
        match self.endpoints.folders.values().find(|f| !f.is_dir()) {
            Some(folder) => Err(refuse("--fs-endpoints", folder, missing)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
