//! One run of a server: bind, serve, stop.

use std::{fmt, net::SocketAddr, sync::Arc};

use selvedge_port::{Listener, ServeOptions};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, Span};

use super::{
    FrameSink, FrameStream, StartOptions, StopHandle, StopReport,
    claim::Claim,
    cluster::{Cluster, MOVED},
    drive::Run,
    exposure, follow_files,
    frames::{Frames, SHUTDOWN},
    keep::Keeper,
    links,
    monitor::Monitor,
    room_registry::{Front, Registry},
    start::announce,
};
use crate::{
    Lifecycle, Result, Server,
    app::Backend,
    blocking,
    http::{Access, Invited, Lobby, Names, Rooms, Site, Tls, Tokens, most_connections},
    state::State,
    stop_times,
};

/// A listening server. Dropping it asks the server to stop, without waiting for it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> selvedge::Result<()> {
/// use selvedge::{Server, StartOptions};
/// use selvedge::port::is_port_free;
///
/// let running = Server::new("doc").spawn(StartOptions::new().port(0)).await?;
/// let port = running.port();
/// assert!(!is_port_free("127.0.0.1", port).await?);
/// running.stop().await?;
/// assert!(is_port_free("127.0.0.1", port).await?);
/// # Ok(())
/// # }
/// ```
pub struct Running {
    pub(super) stop: StopHandle,
    addresses: Vec<SocketAddr>,
    pub(super) monitoring: Box<[SocketAddr]>,
    pub(super) allowed_origins: Vec<String>,
    pub(super) frames: Frames,
    pub(super) rooms: Option<Arc<Registry>>,
    /// Warnings for the user if other machines can reach the server.
    pub(super) warnings: Box<[String]>,
    /// Whether the tokens of the previous program were restored, so that its pages stay signed in.
    pub(super) is_known: bool,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Running {
    /// Returns the scheme, host and port: `http://127.0.0.1:8080`, or `https` with a
    /// [certificate](StartOptions::tls). Empty without sockets. A browser needs a [sign-in
    /// link](Self::sign_in_url) the first time.
    pub fn url(&self) -> &str {
        &self.stop.origin
    }

    /// Returns the addresses that the server listens on, all with the same port.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Returns the port that the server listens on; 0 without sockets.
    pub fn port(&self) -> u16 {
        self.addresses.first().map_or(0, SocketAddr::port)
    }

    /// Returns the addresses for operators, see
    /// [`StartOptions::monitoring`].
    #[cfg(feature = "monitoring")]
    pub fn monitoring_addresses(&self) -> &[SocketAddr] {
        &self.monitoring
    }

    /// Returns a link that signs in once and does not expire while the server runs.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn sign_in_url(&self) -> Result<String> {
        self.stop.link(None)
    }

    /// Returns a link that signs in the user with this name once, while the server runs. A further
    /// link replaces the oldest of 16 of the user, and of 1,024 in all. [`Ctx::user`](crate::Ctx::user) tells callbacks who has called.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> selvedge::Result<()> {
    /// use selvedge::{Ctx, Server, StartOptions, rooms::User};
    ///
    /// let server = Server::new("doc");
    /// server.trigger("sign", |cx: Ctx, user: User| cx.set("signed_by", user.id()));
    /// let running = server.spawn(StartOptions::new().port(0)).await?;
    /// println!("for Ada: {}", running.sign_in_url_for("Ada")?);
    /// # running.stop().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// - [`Error::InvalidOption`](crate::Error::InvalidOption) if the name is empty or longer than 256 bytes
    /// - if the system has no random numbers
    pub fn sign_in_url_for(&self, user: &str) -> Result<String> {
        self.stop.link_for(Invited::named(user)?, &self.stop.origin, None)
    }

    /// Returns a sign-in link for each [allowed origin](StartOptions::allowed_origin), where a
    /// proxy shows the application.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn public_sign_in_urls(&self) -> Result<Vec<String>> {
        let origins = self.allowed_origins.iter();
        origins.map(|origin| self.stop.link_for(Invited::Anyone, origin, None)).collect()
    }

    /// Connects a client whose messages the caller carries, and returns its two directions.
    ///
    /// The client must say hello with the secret first, like any other. Works with both
    /// [backends](StartOptions::backend).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> selvedge::Result<()> {
    /// use selvedge::{run::Backend, values::Packed, Server, StartOptions};
    ///
    /// let options = StartOptions::new().backend(Backend::Generic).secret("k");
    /// let running = Server::new("doc").spawn(options).await?;
    /// let (mut to_server, mut from_server) = running.connect()?;
    ///
    /// let hello = serde_json::json!({
    ///     "wslink": "1.0", "id": "system:c0:1", "method": "wslink.hello", "args": [{"secret": "k"}], "kwargs": {},
    /// });
    /// let message = Packed::encode(&hello)?;
    /// let size = message.as_bytes().len() as u32;
    /// let header = [1, 0, size].map(u32::to_le_bytes).concat(); // number, offset and size of the message
    /// to_server.send([&header[..], message.as_bytes()].concat()).await?;
    /// assert!(from_server.next().await.is_some());
    ///
    /// let goodbye = async { while from_server.next().await.is_some() {} };
    /// let (report, ()) = tokio::join!(running.stop(), goodbye);
    /// assert!(report?.addresses.is_empty());
    /// assert_eq!(from_server.close_code(), Some((1001, "Server shutdown")));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NotRunning`](crate::Error::NotRunning) if the server is stopping or has stopped.
    pub fn connect(&self) -> Result<(FrameSink, FrameStream)> {
        self.frames.connect()
    }

    /// Connects a client that needs no secret, whose messages the caller carries.
    #[cfg(feature = "testing")]
    pub(crate) fn connect_as(
        &self,
        bearer: crate::protocol::Bearer,
    ) -> Result<(FrameSink, FrameStream)> {
        self.frames.connect_as(bearer)
    }

    /// Returns the name of the server.
    pub(super) fn server_name(&self) -> &str {
        self.frames.server.name()
    }

    /// Returns a handle that can stop the server from any thread.
    pub fn handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Stops the server, see [`StopHandle::stop`].
    ///
    /// # Errors
    /// [`port::Error::NotReleased`](crate::port::Error::NotReleased) if an address was not free
    /// before the deadline.
    pub async fn stop(&self) -> Result<StopReport> {
        self.stop.stop().await
    }

    /// Waits until the server has stopped, for whatever reason.
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
    /// Starts the server on the current tokio runtime. The server listens when this returns.
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
    /// assert!(selvedge::port::is_port_free("127.0.0.1", report.addresses[0].port()).await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// - [`Error::AlreadyRunning`](crate::Error::AlreadyRunning) if the server already runs
    /// - [`port::Error::Busy`](crate::port::Error::Busy) if another socket has the port; names the
    ///   holder
    /// - [`port::Error::Bind`](crate::port::Error::Bind) if the address cannot be used for another
    ///   reason
    /// - [`Error::InvalidOption`](crate::Error::InvalidOption) if the value of an option is invalid
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    ///
    /// # Cancellation
    /// Dropping the future cancels the start. If the server already listens, it stops on the
    /// runtime, and the outcome is not reported.
    pub async fn spawn(&self, options: StartOptions) -> Result<Running> {
        let running = self.start_listening(options).await?;
        self.begin_hooks(Lifecycle::ServerReady).await;
        Ok(running)
    }

    /// Starts the server. The caller runs the hooks on [`Lifecycle::ServerReady`].
    pub(super) async fn start_listening(&self, options: StartOptions) -> Result<Running> {
        if self.is_child() {
            return Box::pin(self.root_server().start_listening(options)).await;
        }
        options.check(self)?;
        let options = options.with_metrics();
        let cluster = Cluster::join(self, &options).await?;
        let options = match &cluster {
            Some(cluster) => cluster.options(options),
            None => options,
        };
        let claim = Claim::new(self)?;
        let states = [self.state().clone(), self.context().state().clone()];
        self.hub().begin(claim.tasks.clone(), states, options.metrics.clone());
        let certificate = options.certificate.as_ref();
        let tls = certificate.map(|(certificate, key)| Tls::load(certificate, key)).transpose()?;
        self.run_hooks(Lifecycle::ServerStart).await;
        let listener = match options.backend {
            Backend::Tcp => Some(options.bind().await?),
            Backend::Generic => None,
        };
        let monitor = Monitor::bind(&options).await?;
        let monitoring = monitor.addresses().into();
        let addresses = listener.as_ref().map_or(&[][..], Listener::addresses);
        let addresses = addresses.to_vec();
        let known = Keeper::tokens(self, &options);
        let is_known = known.is_some();
        let tokens = known.map_or_else(Tokens::random, Ok)?;
        // Without a fixed secret, which is not for the next run.
        let own_tokens = tokens.clone();
        let site = self.site(&options, &addresses, tls, tokens)?;
        let origin = links::shown_origin(site.names.scheme(), options.host_to_bind(), &addresses);
        let own = || {
            let access = Arc::clone(&site.access);
            Front { access, addresses: addresses.clone(), origin: origin.clone() }
        };
        let front = options.front.clone().unwrap_or_else(own);
        let member = cluster.as_ref().map(|cluster| Arc::clone(&cluster.member));
        let rooms = Registry::of(self, &options, &front, member, site.lines())?;
        let site = Site { rooms: rooms.clone().map(|rooms| rooms as Arc<dyn Rooms>), ..site };
        let allowed_origins = site.names.allowed_origins().to_vec();
        let (outcome_sender, outcome) = watch::channel(None);
        let (requested, draining) = (claim.requested.clone(), site.draining.clone());
        let (access, base) = (Arc::clone(&site.access), site.names.base().to_owned());
        let stop = StopHandle { requested, draining, outcome, access, origin, base };
        let mut warnings = exposure::warnings(&addresses, &options);
        warnings.extend(exposure::of_monitoring(monitor.addresses()));
        let warnings = warnings.into_boxed_slice();
        // Otherwise the warnings are printed with the connection info.
        if !options.show_connection_info {
            warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        }
        self.tell_callbacks(&front, &options);
        self.run_hooks(Lifecycle::ServerBind).await;
        // What shows the pages of rooms has no state of its own, but its users may stay signed in.
        let has_state = rooms.is_none() || options.keeps_pages_signed_in();
        let keeper = has_state.then(|| Keeper::begin(self, &options, &own_tokens)).flatten();
        if let Some(journal) = &options.journal {
            journal.begin(self);
        }
        self.make_ready().await;
        if let Some(timeout) = options.idle_timeout {
            self.stop_when_idle(timeout, rooms.clone(), &claim.tasks);
        }
        if let Some(keeper) = &keeper {
            claim.tasks.spawn_service(Arc::clone(keeper).follow());
        }
        if options.follows_files() {
            let follow = follow_files::follow(self.clone(), options.endpoints.clone());
            claim.tasks.spawn_service(follow);
        }
        let told = options.as_started(&front, site.heartbeat);
        let frames = Frames {
            server: self.clone(),
            access: Arc::clone(&site.access),
            closing: site.stop.clone(),
            ended: CancellationToken::new(),
            clients: site.websockets.clone(),
        };
        let run = Run {
            server: self.clone(),
            requested: claim.requested.clone(),
            tasks: claim.tasks.clone(),
            site,
            rooms: rooms.clone(),
            frames: frames.clone(),
            keeper,
            monitor,
            cluster,
            limits: ServeOptions::new()
                .grace(stop_times::CONNECTIONS)
                .deadline(options.stop_deadline)
                .max_connections(most_connections()),
        };
        claim.keep();
        tokio::spawn(run.drive(listener, outcome_sender).in_current_span());
        self.settings().running.send_replace(Some(told));
        match stop.origin.is_empty() {
            true => tracing::debug!("started without a socket"),
            false => tracing::info!(url = stop.origin, "listening"),
        }
        Ok(Running {
            stop,
            addresses,
            monitoring,
            allowed_origins,
            frames,
            rooms,
            warnings,
            is_known,
        })
    }

    /// Returns what request handlers need of a run with these options.
    fn site(
        &self,
        options: &StartOptions,
        addresses: &[SocketAddr],
        tls: Option<Tls>,
        tokens: Tokens,
    ) -> Result<Site> {
        let port = addresses.first().map_or(0, SocketAddr::port);
        let secret = options.secret.clone().map(|secret| secret.0);
        let host = options.host_to_bind();
        let names = Names::new(host, addresses, tls.is_some(), &options.allowed)?;
        let heartbeat = options.heartbeat.unwrap_or(self.options().get_ws_heart_beat());
        Ok(Site {
            server: self.clone(),
            access: Arc::new(match &options.shared {
                Some(shared) => shared.access(secret),
                None => Access::new(port, tokens.with_secret(secret)),
            }),
            names: Arc::new(names),
            proxies: Arc::new(options.proxies.parsed()?),
            lobby: Lobby::for_this_system(),
            tls,
            endpoints: options.endpoints.clone(),
            max_frame: self.hub().max_frame(),
            heartbeat,
            goodbye: if options.shared.is_some() { MOVED } else { SHUTDOWN },
            draining: CancellationToken::new(),
            stop: CancellationToken::new(),
            websockets: TaskTracker::new(),
            relayed: TaskTracker::new(),
            span: Span::current(),
            rooms: None,
        })
    }

    /// Runs the server until the application [stops it](Server::request_stop), as a future that the
    /// caller drives.
    ///
    /// # Errors
    /// Those of [`spawn`](Self::spawn) and [`StopHandle::stop`].
    ///
    /// # Cancellation
    /// Dropping the future asks the server to stop. It stops on the runtime, and the outcome is not
    /// reported.
    pub async fn serve(&self, options: StartOptions) -> Result<StopReport> {
        if let Some(asked) = links::ask(self.name(), &options)? {
            return Ok(asked.report);
        }
        let running = self.spawn(options.clone()).await?;
        let _on_request = announce(&running, self.name(), &options)?;
        running.stopped().await
    }

    /// Stores where pages reach this run and the detail of errors, for the application and for
    /// answers.
    fn tell_callbacks(&self, front: &Front, options: &StartOptions) {
        let mut settings = self.settings();
        settings.front = Some(Arc::clone(&front.access));
        settings.port = front.addresses.first().map(SocketAddr::port);
        settings.debug = options.debug;
        settings.development = options.development.is_on() || cfg!(debug_assertions);
    }

    /// Runs the first flush, whose listeners may block.
    async fn make_ready(&self) {
        let states = [self.state().clone(), self.context().state().clone()];
        blocking::run(move || states.iter().for_each(State::ready)).await;
    }
}
