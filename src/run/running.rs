//! One run of a server: bind, serve, and end in order.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::{runtime::Handle, sync::watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    StartOptions, StopHandle, StopReport, exposure,
    stop::{Outcome, StopFailure},
};
use crate::{
    Error, Lifecycle, Result, Server,
    http::{Access, Http, Lobby, Names, Site, Tls},
    net::{self, Listener, Released, Timing},
    session::Tasks,
};

/// Connections that are open at a time; further ones are closed at once.
const MAX_CONNECTIONS: usize = 16 * 1024;

/// How long callbacks that are still at work when the server has stopped may go on.
const CALLBACK_GRACE: Duration = Duration::from_millis(500);

/// A server that listens. Dropping it asks the server to stop, without waiting for it.
pub struct Running {
    stop: StopHandle,
    addresses: Vec<SocketAddr>,
    allowed_origins: Vec<String>,
    /// What the user should know, where other machines can reach it.
    pub(super) warnings: Vec<String>,
}

impl Running {
    /// Scheme, host and port: `http://127.0.0.1:8080`, or `https` with a [certificate](StartOptions::tls). A browser needs a [sign-in link](Self::sign_in_url) the first time.
    pub fn url(&self) -> &str {
        &self.stop.origin
    }

    /// Each address that it listens on, all with the same port.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.addresses.first().map_or(0, SocketAddr::port)
    }

    /// A link that signs in once, without a limit in time.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn sign_in_url(&self) -> Result<String> {
        self.stop.link(None)
    }

    /// A sign-in link for each origin that was [allowed](StartOptions::allowed_origin): where a proxy shows the application.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn public_sign_in_urls(&self) -> Result<Vec<String>> {
        let origins = self.allowed_origins.iter();
        origins
            .map(|origin| self.stop.link_at(origin, None))
            .collect()
    }

    /// A handle that stops it from elsewhere.
    pub fn handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Stops it, see [`StopHandle::stop`].
    ///
    /// # Errors
    /// [`Error::PortNotReleased`] when an address was not free before the deadline.
    pub async fn stop(&self) -> Result<StopReport> {
        self.stop.stop().await
    }

    /// Waits until it has stopped, whoever asked for it.
    ///
    /// # Errors
    /// Those of [`stop`](Self::stop).
    pub async fn stopped(&self) -> Result<StopReport> {
        self.stop.stopped().await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.stop.requested.is_cancelled() {
            tracing::warn!(
                "the server on {} is stopped because its handle was dropped",
                self.url()
            );
            self.stop.requested.cancel();
        }
    }
}

impl Server {
    /// Starts the server on the current tokio runtime. When this returns, it listens.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> selvedge::Result<()> {
    /// use selvedge::{Server, StartOptions};
    ///
    /// let server = Server::new("doc");
    /// let running = server.spawn(StartOptions::new().port(0)).await?;
    /// println!("{}", running.sign_in_url()?);
    /// let report = running.stop().await?;
    /// assert!(selvedge::is_port_free("127.0.0.1", report.addresses[0].port()).await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// - [`Error::AlreadyRunning`] when it runs
    /// - [`Error::PortBusy`] when somebody has the port, with who it is
    /// - [`Error::Bind`] when the address cannot be used for another reason
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn spawn(&self, options: StartOptions) -> Result<Running> {
        if self.is_child() {
            return Box::pin(self.root_server().spawn(options)).await;
        }
        let claim = Claim::new(self)?;
        let states = [self.state().clone(), self.context().state().clone()];
        self.hub().begin(claim.tasks.clone(), states);
        let certificate = options.certificate.as_ref();
        let tls = certificate
            .map(|(certificate, key)| Tls::load(certificate, key))
            .transpose()?;
        self.run_hooks(Lifecycle::ServerStart).await;
        let listener = Listener::bind(&options.host, options.port_to_bind()).await?;
        let addresses = listener.addresses().to_vec();
        let access = Arc::new(Access::new(
            listener.port(),
            options.secret.clone().map(|secret| secret.0),
        )?);
        let names = Names::new(&options.host, &addresses, tls.is_some(), &options.allowed)?;
        let allowed_origins = names.allowed_origins().to_vec();
        let shown = shown_address(&options.host, &addresses);
        let origin = format!("{}://{shown}", names.scheme());
        let (outcome_sender, outcome) = watch::channel(None);
        let requested = claim.requested.clone();
        let stop = StopHandle {
            requested,
            outcome,
            access: Arc::clone(&access),
            origin,
        };
        let warnings = exposure::warnings(&addresses, &options);
        // Whoever prints the connection info prints them along with it.
        if !options.show_connection_info {
            warnings
                .iter()
                .for_each(|warning| tracing::warn!("{warning}"));
        }
        self.announce(listener.port(), options.debug);
        self.run_hooks(Lifecycle::ServerBind).await;
        self.state().ready();
        self.context().state().ready();
        if let Some(timeout) = options.idle_timeout {
            self.stop_when_idle(timeout, &claim.tasks);
        }
        let run = Run {
            server: self.clone(),
            requested: claim.requested.clone(),
            tasks: claim.tasks.clone(),
            site: Site {
                server: self.clone(),
                access,
                names: Arc::new(names),
                lobby: Lobby::for_this_system(),
                tls,
                max_frame: self.hub().max_frame(),
                heartbeat: options
                    .heartbeat
                    .or(self.options().ws_heart_beat)
                    .unwrap_or_default(),
                stop: CancellationToken::new(),
                websockets: TaskTracker::new(),
            },
            timing: Timing::default().deadline(options.stop_deadline),
        };
        claim.keep();
        tokio::spawn(run.drive(listener, outcome_sender));
        self.start_ready_hooks();
        tracing::info!(url = stop.origin, "listening");
        Ok(Running {
            stop,
            addresses,
            allowed_origins,
            warnings,
        })
    }

    /// Runs the server until somebody [asks it to stop](Server::request_stop), as a future that the caller drives.
    ///
    /// # Errors
    /// Those of [`spawn`](Self::spawn) and [`StopHandle::stop`].
    ///
    /// # Cancellation
    /// Dropping the future asks the server to stop; it does so on the runtime, with nobody waiting for it.
    pub async fn serve(&self, options: StartOptions) -> Result<StopReport> {
        self.spawn(options).await?.stopped().await
    }

    /// Lets the application and the answers to clients know how it runs.
    fn announce(&self, port: u16, debug: bool) {
        let mut settings = self.settings();
        settings.port = Some(port);
        settings.debug = debug;
    }

    /// Hooks that need no waiting have run when this returns; the others go on by themselves.
    fn start_ready_hooks(&self) {
        let server = self.clone();
        let mut hooks = async move { server.run_hooks(Lifecycle::ServerReady).await }.boxed();
        if (&mut hooks).now_or_never().is_none() {
            self.hub().spawn(hooks);
        }
    }

    fn stop_when_idle(&self, timeout: Duration, tasks: &Tasks) {
        let server = self.clone();
        tasks.spawn_service(async move {
            let mut clients = server.hub().watch_connected();
            while clients.wait_for(|connected| *connected == 0).await.is_ok() {
                let joined = clients.wait_for(|connected| *connected > 0);
                if tokio::time::timeout(timeout, joined).await.is_err() {
                    tracing::info!(?timeout, "no client for a while: stopping");
                    return server.request_stop();
                }
            }
        });
    }
}

/// The right to run a server, given back when the start fails.
struct Claim {
    server: Server,
    requested: CancellationToken,
    tasks: Tasks,
    kept: bool,
}

impl Claim {
    fn new(server: &Server) -> Result<Self> {
        let mut settings = server.settings();
        if settings.stop.is_some() {
            let port = settings
                .port
                .map_or_else(|| "its port".to_owned(), |port| format!("port {port}"));
            return Err(Error::AlreadyRunning(port));
        }
        let requested = CancellationToken::new();
        settings.stop = Some(requested.clone());
        drop(settings);
        let tasks = Tasks::new(Handle::current());
        Ok(Claim {
            server: server.clone(),
            requested,
            tasks,
            kept: false,
        })
    }

    /// The run has begun; it gives the right back itself.
    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.kept {
            self.tasks.cancel();
            release(&self.server);
        }
    }
}

/// Lets the server be started again.
fn release(server: &Server) {
    server.hub().end();
    server.state().not_ready();
    server.context().state().not_ready();
    let mut settings = server.settings();
    settings.stop = None;
    settings.port = None;
}

/// What a run needs while it is served. Dropped in whatever way, it lets the server be started again.
struct Run {
    server: Server,
    requested: CancellationToken,
    tasks: Tasks,
    site: Site,
    timing: Timing,
}

impl Run {
    /// Serves until asked to stop, and ends in order: last data, close frames and answers, sockets, probe, callbacks, hooks.
    async fn drive(self, listener: Listener, outcome: watch::Sender<Outcome>) {
        let released = self.serve(listener).await;
        self.tasks.finish(CALLBACK_GRACE).await;
        self.server.run_hooks(Lifecycle::ServerExited).await;
        drop(self);
        let result = released.map(StopReport::from).map_err(StopFailure::from);
        match &result {
            Ok(report) => tracing::info!(elapsed = ?report.elapsed, "stopped, the port is free"),
            Err(failure) => tracing::error!("{}", Error::from(failure.clone())),
        }
        outcome.send_replace(Some(result));
    }

    async fn serve(&self, listener: Listener) -> Result<Released> {
        let (closing, websockets) = (self.site.stop.clone(), self.site.websockets.clone());
        let http = Http::new(self.site.clone());
        let begin_to_close = async {
            self.requested.cancelled().await;
            self.server.state().flush();
            closing.cancel();
        };
        let handler = move |connection| http.clone().serve(connection);
        let serve = net::serve(
            listener,
            closing.clone(),
            self.timing.clone(),
            MAX_CONNECTIONS,
            handler,
        );
        let (released, ()) = tokio::join!(serve, begin_to_close);
        websockets.close();
        websockets.wait().await;
        released
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        release(&self.server);
    }
}

/// `host:port` as a browser on this machine can open it.
fn shown_address(host: &str, addresses: &[SocketAddr]) -> String {
    let port = addresses.first().map_or(0, SocketAddr::port);
    let unspecified = addresses
        .iter()
        .any(|address| address.ip().is_unspecified());
    let host = host.trim_matches(['[', ']']);
    let host = if unspecified { "127.0.0.1" } else { host };
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}
