//! A run of a server: what it runs with, for those who ask, the wait until it does, and what ends it.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use tokio_util::sync::CancellationToken;

use super::Server;
use crate::{controller::Lifecycle, window::Launch, wire::Packed};

/// Who shows the application, and who waits for its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExecMode {
    /// Browsers. The call that starts the server returns when it has stopped.
    #[default]
    Main,
    /// Browsers, while the program does something else: [`Server::spawn`](crate::Server::spawn).
    Task,
    /// Browsers, driven by a future of the program: [`Server::serve`](crate::Server::serve).
    Coroutine,
    /// A window of its own: [`Server::run_in`](crate::Server::run_in).
    Desktop,
}

/// How clients reach a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backend {
    /// HTTP and WebSockets over TCP.
    #[default]
    Tcp,
    /// No sockets: the program carries the frames, see [`Running::connect`](crate::Running::connect).
    Generic,
}

/// What a server runs with: code, command line, environment and defaults merged, and the port as it was bound.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> selvedge::Result<()> {
/// use selvedge::{Server, StartOptions};
///
/// let server = Server::new("doc");
/// assert!(server.server_options().is_none());
/// let running = server.spawn(StartOptions::new().port(0)).await?;
/// let options = server.server_options().expect("it runs");
/// assert_eq!((options.host.as_str(), options.port), ("127.0.0.1", running.port()));
/// # running.stop().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunningOptions {
    /// Who shows the application.
    pub exec_mode: ExecMode,
    /// How clients reach it.
    pub backend: Backend,
    /// Where it was told to listen.
    pub host: String,
    /// The port that it has; 0 only without sockets.
    pub port: u16,
    /// Each address that it listens on.
    pub addresses: Vec<SocketAddr>,
    /// Scheme, host and port, as a browser on this machine opens it.
    pub url: String,
    /// How long it runs without clients; `None` is for ever.
    pub idle_timeout: Option<Duration>,
    /// How long a stop may wait for the port to be free.
    pub stop_deadline: Duration,
    /// How often a silent client is asked whether it is still there.
    pub heartbeat: Duration,
    /// What it serves over HTTP.
    pub endpoints: Endpoints,
    /// Whether open pages follow the files that they are made of.
    pub hot_reload: bool,
}

/// What a server serves over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoints {
    /// The path of the WebSocket without the first slash, if there is one.
    pub websocket: Option<String>,
    /// Whether there is anything but the WebSocket.
    pub http: bool,
    /// The folder that takes the place of the page.
    pub content: Option<PathBuf>,
    /// Further folders, by the first part of their URL.
    pub folders: BTreeMap<String, PathBuf>,
    /// Whether symbolic links are followed that lead out of a served folder.
    pub follow_symlinks: bool,
}

impl Default for Endpoints {
    fn default() -> Self {
        Endpoints {
            websocket: Some("ws".to_owned()),
            http: true,
            content: None,
            folders: BTreeMap::new(),
            follow_symlinks: false,
        }
    }
}

impl Server {
    /// The port it listens on, while it runs.
    pub fn port(&self) -> Option<u16> {
        self.settings().port
    }

    /// Whether it listens.
    pub fn running(&self) -> bool {
        self.settings().running.borrow().is_some()
    }

    /// What it runs with, while it runs.
    pub fn server_options(&self) -> Option<RunningOptions> {
        self.settings().running.borrow().clone()
    }

    /// Waits until it listens, and tells what it runs with. Done at once when it does so already.
    ///
    /// A start that fails does not end the wait: who started it gets the error.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> selvedge::Result<()> {
    /// use selvedge::{Server, StartOptions};
    ///
    /// let server = Server::new("doc");
    /// let serving = server.serve(StartOptions::new().port(0));
    /// let in_time = async {
    ///     println!("listening on {}", server.ready().await.url);
    ///     server.request_stop();
    /// };
    /// let (stopped, ()) = tokio::join!(serving, in_time);
    /// stopped?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn ready(&self) -> impl Future<Output = RunningOptions> + Send + 'static {
        let mut running = self.settings().running.subscribe();
        // The server may be dropped while somebody waits for it; then nothing will ever be ready.
        async move {
            loop {
                if let Some(options) = running.borrow_and_update().clone() {
                    return options;
                }
                if running.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    /// Asks the server to stop, and returns at once. Does nothing when it does not run.
    ///
    /// Whoever started it gets the outcome; to wait for it use the handle that the start returned.
    pub fn request_stop(&self) {
        if let Some(stop) = &self.settings().stop {
            stop.cancel();
        }
    }

    /// Like [`request_stop`](Self::request_stop) for a program that ends with the server: it should exit with this code,
    /// unless it ends for another reason first.
    ///
    /// The code is in [`StopReport::exit_code`](crate::StopReport::exit_code), and what [`run`](Self::run) and
    /// [`run_in`](Self::run_in) give back. Systems keep the lowest eight bits of it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> selvedge::Result<()> {
    /// use selvedge::{Ctx, Server, StartOptions};
    ///
    /// let server = Server::new("doc");
    /// server.trigger("give_up", |cx: Ctx| cx.server.request_exit(7));
    /// let running = server.spawn(StartOptions::new().port(0)).await?;
    /// server.request_exit(7); // or from the page: trigger('give_up')
    /// assert_eq!(running.stopped().await?.exit_code, 7);
    /// # Ok(())
    /// # }
    /// ```
    pub fn request_exit(&self, code: i32) {
        let mut settings = self.settings();
        let Some(stop) = settings.stop.clone() else { return };
        if !stop.is_cancelled() {
            settings.exit_code = code;
            stop.cancel();
        }
    }

    /// Cancelled when the run that the server is in stops; never where there is none.
    pub(super) fn stopping(&self) -> CancellationToken {
        self.settings().stop.clone().unwrap_or_default()
    }

    /// Tells the hooks on [`Lifecycle::SecondLaunch`]. Called by desktop hosts.
    pub fn launched_again(&self, launch: &Launch) {
        let launch = Packed::encode(launch).unwrap_or(Packed::nil());
        self.start_hooks(None, Lifecycle::SecondLaunch, &[launch]);
    }
}
