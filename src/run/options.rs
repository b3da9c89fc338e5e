//! How to start, from code. [`cli`](super::cli) reads the same from a command line.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use super::secret::Secret;
use crate::{
    Error, Launch, Result, Server,
    http::Allowed,
    server::{Backend, Endpoints, ExecMode, RunningOptions},
};

/// The port of a server that is told none, trame's own.
const DEFAULT_PORT: u16 = 8080;

/// Where a server listens that is told nothing.
const DEFAULT_HOST: &str = "127.0.0.1";

/// Where and how a server runs.
///
/// ```
/// use std::time::Duration;
/// use selvedge::StartOptions;
///
/// let options = StartOptions::new().host("0.0.0.0").port(8080).idle_timeout(Duration::from_secs(600));
/// ```
///
/// # What has precedence
/// Methods of this type win over the command line, except for [`host`](Self::host), where `--host` wins: the user decides
/// who can reach the program. After these come the environment and the defaults. This is trame's order.
///
/// # For those who know trame's `start`
/// | there | here |
/// | --- | --- |
/// | `port`, `host`, `open_browser`, `show_connection_info`, `disable_logging`, `exec_mode` | the methods of these names |
/// | `timeout` | [`idle_timeout`](Self::idle_timeout) |
/// | `backend` | [`backend`](Self::backend): TCP is what `aiohttp` is there, `generic` is without sockets |
/// | `thread=True` | [`handle_signals(false)`](Self::handle_signals): a server may run on any thread |
#[derive(Clone, Debug)]
pub struct StartOptions {
    /// The host of the command line, of the code, and of the environment.
    pub(super) hosts: [Option<String>; 3],
    pub(super) port: Option<u16>,
    pub(super) backend: Backend,
    pub(super) exec_mode: ExecMode,
    pub(super) secret: Option<Secret>,
    pub(super) allowed: Allowed,
    /// The files of the certificate and of its key.
    pub(super) certificate: Option<(PathBuf, PathBuf)>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) open_browser: bool,
    pub(super) show_connection_info: bool,
    pub(super) banner: bool,
    pub(super) logging: bool,
    pub(super) log_folder: Option<PathBuf>,
    pub(super) debug: bool,
    pub(super) handle_signals: bool,
    pub(super) hot_reload: bool,
    pub(super) files: Vec<PathBuf>,
    pub(super) keep_port: Option<PathBuf>,
    pub(super) keep_state: Option<PathBuf>,
    pub(super) development: bool,
    pub(super) endpoints: Endpoints,
    pub(super) stop_deadline: Duration,
    pub(super) heartbeat: Option<Duration>,
    pub(super) serve_only: bool,
    /// Whether the program reads its command line with [`Cli`](super::Cli).
    pub(super) knows_flags: bool,
    /// Whether this launch only asks the running program for a sign-in link.
    pub(super) sign_in_link: bool,
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
            certificate: None,
            idle_timeout: None,
            open_browser: false,
            show_connection_info: false,
            banner: false,
            logging: true,
            log_folder: None,
            debug: false,
            handle_signals: true,
            hot_reload: false,
            files: Vec::new(),
            keep_port: None,
            keep_state: None,
            development: false,
            endpoints: Endpoints::default(),
            stop_deadline: Duration::from_secs(20),
            heartbeat: None,
            serve_only: false,
            knows_flags: false,
            sign_in_link: false,
        }
    }
}

impl StartOptions {
    /// The defaults: 127.0.0.1, port 8080 (any free one for a window), a secret of its own, no idle stop, no browser.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where to listen: an address, or a name whose addresses are all bound. `localhost` has several.
    ///
    /// A `--host` on the command line has precedence.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.hosts[1] = Some(host.into());
        self
    }

    /// The port. 0 takes any free one. See [`keep_port`](Self::keep_port) for the same one in each run.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// How clients reach the server: over TCP, or by what the program does with their frames. Default TCP.
    pub fn backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// Who shows the application.
    pub fn exec_mode(mut self, exec_mode: ExecMode) -> Self {
        self.exec_mode = exec_mode;
        self
    }

    /// Whether the command line asked for `--server`: a host serves browsers then instead of showing a window.
    pub fn is_serve_only(&self) -> bool {
        self.serve_only
    }

    /// A fixed secret, for clients that are told it by other means. By default there is a new one for every start.
    ///
    /// The start fails with [`Error::InvalidOption`] when it is empty, which would let anyone in.
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.secret = Some(Secret(secret.into()));
        self
    }

    /// A further name that the server answers to, for instance behind a proxy: as it stands in the address bar, with its port if
    /// there is one there. May be given several times.
    ///
    /// A request that was sent to another name is refused, which is what stops DNS rebinding. The start fails with
    /// [`Error::InvalidOption`] when it is no name; there are no wildcards.
    pub fn allowed_host(mut self, host: impl Into<String>) -> Self {
        self.allowed.hosts.push(host.into());
        self
    }

    /// A further origin whose pages may connect: scheme, name and port, for instance `https://app.example.com` where a proxy adds
    /// TLS. May be given several times.
    ///
    /// Connections of pages of other origins are refused. The start fails with [`Error::InvalidOption`] when it is no origin;
    /// there are no wildcards.
    pub fn allowed_origin(mut self, origin: impl Into<String>) -> Self {
        self.allowed.origins.push(origin.into());
        self
    }

    /// Serves HTTPS only, with a certificate chain and its private key from PEM files, which are read at the start.
    ///
    /// The start fails with [`Error::Certificate`] when they cannot be used.
    pub fn tls(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.certificate = Some((certificate.into(), key.into()));
        self
    }

    /// Stops the server when no client has been connected for this long. Zero never does.
    ///
    /// Only clients that gave the secret count: a request for a file, or a connection that says nothing, does not keep a
    /// server alive.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = (!timeout.is_zero()).then_some(timeout);
        self
    }

    /// Opens the system's browser when the server listens. Only where the start waits for the end, in [`Server::run`]
    /// and [`Server::serve`].
    ///
    /// [`Server::run`]: crate::Server::run
    /// [`Server::serve`]: crate::Server::serve
    pub fn open_browser(mut self, open: bool) -> Self {
        self.open_browser = open;
        self
    }

    /// Prints where the application runs, with a link that signs in once. Only where the start waits for the end.
    ///
    /// Where stdin is a terminal, Enter prints another link, on Unix. A program that reads stdin itself should say no.
    pub fn show_connection_info(mut self, show: bool) -> Self {
        self.show_connection_info = show;
        self
    }

    /// Prints the name of the application and of the library when the server listens. Only where the start waits for the
    /// end.
    pub fn banner(mut self, show: bool) -> Self {
        self.banner = show;
        self
    }

    /// Keeps [`Server::run`](crate::Server::run) from installing a logger.
    ///
    /// Otherwise it writes warnings and errors, such as those of failing callbacks, to stderr, unless the program has a
    /// `tracing` subscriber of its own. `RUST_LOG` chooses what is written. The other ways to start never install one.
    pub fn disable_logging(mut self, disable: bool) -> Self {
        self.logging = !disable;
        self
    }

    /// Where [`Server::run`](crate::Server::run) installs the logger, it writes to files in this folder as well: a new one
    /// each day (UTC), `app.2026-01-31.log` for instance, and the last seven are kept. There, and on stderr, is then what
    /// the server itself does, too. A folder that cannot be written to is a warning.
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

    /// Tells pages the whole text of errors. Otherwise paths and backtraces are left out; see [`Failure`](crate::Failure).
    ///
    /// Where [`Server::run`](crate::Server::run) installs the logger, it writes in detail then.
    pub fn debug(mut self, debug: bool) -> Self {
        self.debug = debug;
        self
    }

    /// Whether `--debug` was given, for programs with a logger of their own.
    pub fn is_debug(&self) -> bool {
        self.debug
    }

    /// Whether [`Server::run`](crate::Server::run) stops the server on SIGINT, SIGTERM and SIGHUP. Default yes.
    ///
    /// Say no where the server runs on a thread beside a program that handles signals itself; that one then calls
    /// [`Server::request_stop`](crate::Server::request_stop).
    pub fn handle_signals(mut self, handle: bool) -> Self {
        self.handle_signals = handle;
        self
    }

    /// Lets open pages follow the files that they are made of, for development. Default no.
    ///
    /// Templates that were read with [`Template::file`](crate::Template::file) are read again when their files change, and
    /// so are the styles of served folders. Pages load themselves again for other files. The state stays as it is. Errors
    /// are logged, and the page stays as it was.
    ///
    /// `--hot-reload` and `TRAME_HOT_RELOAD` turn it on, too. For every debug build, say `hot_reload(cfg!(debug_assertions))`.
    pub fn hot_reload(mut self, follow: bool) -> Self {
        self.hot_reload |= follow;
        self
    }

    /// Keeps the state in a file, and takes it over from there when the program starts. Default no.
    ///
    /// The file follows the state while the server runs, so that a program that is killed loses a quarter of a second at most. A
    /// start takes over what users and the program have changed since the last start, when the set-up of the application is
    /// done and before any listener runs: listeners see it as the values that the state starts with, and what they derive
    /// from it follows. Left to the code are
    /// - keys that the set-up does not set, or sets to another value than the last time;
    /// - keys that begin with `trame__`, and those that are [`transient`](crate::State::transient);
    /// - values that the key's [check](crate::State::validate) refuses.
    ///
    /// Values of more than 1 MiB, and what goes beyond 16 MiB in all, are left out with a warning. Only its user can read the
    /// file. One that cannot be read is a warning, and the program starts as the code says. Each program needs a file of its own.
    ///
    /// ```
    /// use selvedge::{Server, StartOptions};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> selvedge::Result<()> {
    /// # let folder = tempfile::tempdir().map_err(|source| selvedge::Error::Io { doing: "making a folder", source })?;
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

    /// Starts the program for those who are writing it. Default no; `--dev` and `SELVEDGE_DEV` turn it on, too.
    ///
    /// - Pages [follow their files](Self::hot_reload).
    /// - The state is [kept](Self::keep_state), in a file beside the program unless another one was given, while the program is
    ///   killed, crashes or gets SIGTERM. When its user ends it, by closing the window or with Ctrl-C, the file goes.
    /// - Pages that are open in a browser stay signed in, if the port stays the same. What opens the server is in the
    ///   same file for that.
    pub fn development(mut self, on: bool) -> Self {
        self.development |= on;
        self.hot_reload |= on;
        self
    }

    /// Serves this folder at the root, in place of the built-in page and of what modules bring at the root. What they serve beneath
    /// paths of their own stays.
    ///
    /// Files are sent as they are, of any size; folders are not listed, and `/` leads to `index.html`. The page in it has to bring
    /// its own client: `launcher` and WebSocket are those of the server. It is sent without the content security policy of the
    /// built-in page, and the sign-in cookie alone opens it, see SECURITY.md. The start fails with [`Error::InvalidOption`] when
    /// there is no such folder.
    pub fn content(mut self, folder: impl Into<PathBuf>) -> Self {
        self.endpoints.content = Some(folder.into());
        self
    }

    /// Serves a folder beneath the first part of a URL: `serve_folder("data", "/srv/data")` has `data/a.csv`.
    pub fn serve_folder(mut self, prefix: impl Into<String>, folder: impl Into<PathBuf>) -> Self {
        self.endpoints.folders.insert(prefix.into(), folder.into());
        self
    }

    /// Follows symbolic links that lead out of a served folder. Default no: such a file is not found, and a line in the log says
    /// why. Links that stay inside are always followed.
    ///
    /// Anyone who can connect to the server can read what such links lead to.
    pub fn follow_symlinks(mut self, follow: bool) -> Self {
        self.endpoints.follow_symlinks = follow;
        self
    }

    /// Serves files and the page over HTTP, or nothing but the WebSocket. Default yes.
    pub fn http(mut self, serve: bool) -> Self {
        self.endpoints.http = serve;
        self
    }

    /// The path of the WebSocket; `None` serves files only. Default `ws`.
    ///
    /// The built-in page learns it from the server. Pages of trame that are opened by other means assume `ws`.
    pub fn ws_endpoint(mut self, path: Option<&str>) -> Self {
        self.endpoints.websocket = path.map(|path| path.trim_matches('/').to_owned());
        self
    }

    /// How long a stop may wait for the port to be free before it is an error. Default 20 s.
    pub fn stop_deadline(mut self, deadline: Duration) -> Self {
        self.stop_deadline = deadline;
        self
    }

    /// How often a silent client is asked whether it is still there; zero is never. Default is the server's
    /// [`ws_heart_beat`](crate::ServerOptions::ws_heart_beat).
    pub fn heartbeat(mut self, interval: Duration) -> Self {
        self.heartbeat = Some(interval);
        self
    }

    /// Files that the user wants to open with this launch of the program, for [`Launch::files`].
    ///
    /// [`from_args_of`](Self::from_args_of) reads them from the command line; a program with a parser of its own gives them
    /// here.
    pub fn files(mut self, files: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        self.files = files.into_iter().map(Into::into).collect();
        self
    }

    /// The files to open, as they were given.
    pub fn get_files(&self) -> &[PathBuf] {
        &self.files
    }

    /// This launch of this program, with its [files](Self::files).
    pub fn launch(&self) -> Launch {
        Launch::of_command_line(self.files.clone())
    }

    /// The host to bind.
    pub(super) fn host_to_bind(&self) -> &str {
        let given = self.hosts.iter().flatten().next();
        given.map_or(DEFAULT_HOST, String::as_str)
    }

    /// The port to bind.
    pub(super) fn port_to_bind(&self) -> u16 {
        let default = match self.exec_mode {
            ExecMode::Desktop => 0,
            _ => DEFAULT_PORT,
        };
        self.port.unwrap_or(default)
    }

    /// What is told about a run with these options, once it listens.
    pub(super) fn as_started(
        &self,
        addresses: &[SocketAddr],
        url: &str,
        heartbeat: Duration,
    ) -> RunningOptions {
        RunningOptions {
            exec_mode: self.exec_mode,
            backend: self.backend,
            host: self.host_to_bind().to_owned(),
            port: addresses.first().map_or(0, SocketAddr::port),
            addresses: addresses.to_vec(),
            url: url.to_owned(),
            idle_timeout: self.idle_timeout,
            stop_deadline: self.stop_deadline,
            heartbeat,
            endpoints: self.endpoints.clone(),
            hot_reload: self.hot_reload,
        }
    }

    /// Makes sure that what is to be served can be.
    pub(super) fn check(&self, server: &Server) -> Result<()> {
        let refuse = |option, value: &dyn AsRef<Path>, hint| Error::InvalidOption {
            option,
            value: value.as_ref().display().to_string(),
            hint,
        };
        if let Some(secret) = &self.secret {
            secret.check("the secret")?;
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
