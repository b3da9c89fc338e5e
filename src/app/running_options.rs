//! One run of a server: its options, waiting until it is ready, and requests to stop it.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use selvedge_wslink::Packed;
use tokio_util::sync::CancellationToken;

use super::{ExecMode, Server};
use crate::{calls::registry::Lifecycle, window::Launch};

/// How clients reach a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backend {
    /// HTTP and WebSockets over TCP.
    #[default]
    Tcp,
    /// No sockets: the program carries the wslink messages, see
    /// [`Running::connect`](crate::Running::connect).
    Generic,
}

/// Whether WebSocket messages are compressed (permessage-deflate, RFC 7692), for clients that offer
/// it, as browsers do.
///
/// Only messages of at least 1 KiB that shrink are compressed, each once for all clients: state and
/// tables become three to six times smaller, which takes about 8 ms for 1 MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// For clients on other machines: those whose address is not a loopback address, or that come
    /// through a proxy which adds `Forwarded` or `X-Forwarded-For`.
    #[default]
    Auto,
    /// For all clients, such as those that come through an SSH tunnel.
    Always,
    /// For none.
    Never,
}

/// The options of a run: code, command line, environment and defaults merged, with the port that
/// was bound.
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
    /// How the application is shown.
    pub exec_mode: ExecMode,
    /// How clients reach the server.
    pub backend: Backend,
    /// The host that it was configured to listen on.
    pub host: String,
    /// The bound port; 0 only without sockets.
    pub port: u16,
    /// The addresses that the server listens on.
    pub addresses: Vec<SocketAddr>,
    /// The URL for a browser on this machine: scheme, host and port.
    pub url: String,
    /// How long the server runs without clients; `None` means no limit.
    pub idle_timeout: Option<Duration>,
    /// How long a stop may wait until the port is free.
    pub stop_deadline: Duration,
    /// Interval at which a silent client is pinged.
    pub heartbeat: Duration,
    /// What the server offers over HTTP.
    pub endpoints: Endpoints,
    /// Whether open pages follow changes of their files.
    pub hot_reload: bool,
}

/// What a server offers over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoints {
    /// The path of the WebSocket without the leading slash, if there is one.
    pub websocket: Option<String>,
    /// Whether messages of WebSockets are compressed.
    pub compression: Compression,
    /// Whether anything besides the WebSocket is served.
    pub http: bool,
    /// The folder that replaces the built-in page.
    pub content: Option<PathBuf>,
    /// Further folders, by the first segment of their URL.
    pub folders: BTreeMap<String, PathBuf>,
    /// Whether symbolic links that lead out of a served folder are followed.
    pub follow_symlinks: bool,
}

impl Default for Endpoints {
    fn default() -> Self {
        Endpoints {
            websocket: Some("ws".to_owned()),
            compression: Compression::default(),
            http: true,
            content: None,
            folders: BTreeMap::new(),
            follow_symlinks: false,
        }
    }
}

impl Server {
    /// Returns the port that the server listens on, while it runs.
    pub fn port(&self) -> Option<u16> {
        self.settings().port
    }

    /// Returns whether the server is listening.
    pub fn running(&self) -> bool {
        self.settings().running.borrow().is_some()
    }

    /// Returns the options of the current run.
    pub fn server_options(&self) -> Option<RunningOptions> {
        self.settings().running.borrow().clone()
    }

    /// Waits until the server listens, and returns the options of the run. Completes at once if it
    /// is already listening.
    ///
    /// A failed start does not end the wait: only the caller of the start gets the error.
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
        // If the server is dropped, it can never be ready: wait forever.
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

    /// Requests a stop and returns at once. Does nothing if the server is not running.
    ///
    /// The outcome goes to the caller of the start; to wait for it, use the handle that the start
    /// returned.
    pub fn request_stop(&self) {
        if let Some(stop) = &self.settings().stop {
            stop.cancel();
        }
    }

    /// Requests a stop as [`request_stop`](Self::request_stop) does, for a program that ends with
    /// the server: the program should exit with this code, unless it ends for another reason first.
    ///
    /// [`StopReport::exit_code`](crate::run::StopReport::exit_code) holds the code, and
    /// [`run`](Self::run) and [`run_in`](Self::run_in) return it. Operating systems keep its lowest
    /// eight bits.
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

    /// Returns a token that is cancelled when the current run stops; without a run it is never
    /// cancelled.
    pub(crate) fn stopping(&self) -> CancellationToken {
        self.settings().stop.clone().unwrap_or_default()
    }

    /// Runs the [`Lifecycle::SecondLaunch`] hooks. Desktop hosts call it.
    pub fn launched_again(&self, launch: &Launch) {
        let launch = Packed::encode(launch).unwrap_or(Packed::nil());
        self.start_hooks(None, Lifecycle::SecondLaunch, &[launch]);
    }
}
