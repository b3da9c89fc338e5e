//! The interface between the server and a desktop host.
//!
//! The library knows no window toolkit. A host implements [`Shell`] and runs first: it gets a
//! [`ShellStart`] on the thread that called [`Server::run_in`], because window systems require the
//! main thread. It decides whether to start the application, starts the server when it is ready,
//! and gets a [`ShellSession`] with everything a window needs.
//!
//! What must hold: the caller of the host stops everything that the host has started or is still
//! starting when it returns.

use std::fmt;

use selvedge_wslink::words::key;
use tokio::{runtime::Handle, sync::oneshot};
use tokio_util::sync::CancellationToken;

use super::{Running, StartOptions, StopHandle};
use crate::{
    Error, Result, Server, app::Program, calls::callback::panic_message, window::WindowOptions,
};

/// A desktop host: something that shows a URL until its user closes it.
pub trait Shell {
    /// Starts the application, shows it, and returns when there is nothing left to show.
    ///
    /// When its last window closes, the host must stop the server through [`ShellSession::stop`]
    /// and return after that, so that the program never ends with the server half stopped. The
    /// caller then stops the server once more, which has no effect if it is already stopped. If the
    /// application already runs, the host returns without starting the server.
    ///
    /// # Errors
    /// The error that kept the host from showing the application, such as that of
    /// [`ShellStart::start`] or [`Error::NoDisplay`].
    fn run(self, start: ShellStart) -> Result<ShellExit>;
}

/// Creates the server of the application; may take long.
pub(super) type SetUp = Box<dyn FnOnce() -> Result<Server> + Send>;

/// Starts one application, on behalf of a host.
pub struct ShellStart {
    pub(super) name: String,
    pub(super) runtime: Handle,
    pub(super) set_up: SetUp,
    pub(super) options: StartOptions,
    /// Cancelled when the host returns.
    pub(super) abandoned: CancellationToken,
    /// Passes the running server to the caller of the host, which stops it.
    pub(super) started: oneshot::Sender<Running>,
}

impl fmt::Debug for ShellStart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShellStart").field("name", &self.name).finish_non_exhaustive()
    }
}

impl ShellStart {
    /// Returns the declared program, or else one with the name that the application was started
    /// with.
    pub fn program(&self) -> Program {
        Program::of_server(&self.name)
    }

    /// Returns the runtime that the server runs on.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Sets up the application and starts its server. The set-up runs on a separate thread, so that
    /// the host can show its progress.
    ///
    /// # Errors
    /// Those of the set-up, of [`WindowOptions::check`] and of [`Server::spawn`];
    /// [`Error::Panicked`] if the set-up panics, and [`Error::NotRunning`] if the host returned
    /// before the server was started.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    ///
    /// # Cancellation
    /// Dropping the future cancels the start. A set-up that has begun runs to its end, and its
    /// result is discarded.
    pub async fn start(self) -> Result<ShellSession> {
        let starting = async {
            let server = set_up(Box::new(|| (self.set_up)()?.of_a_window())).await?;
            server.settings().window.check()?;
            let running = server.spawn(self.options).await?;
            Ok::<_, Error>((server, running))
        };
        let (server, running) = tokio::select! {
            biased;
            () = self.abandoned.cancelled() => return Err(Error::NotRunning),
            started = starting => started?,
        };
        let title = Program::of_server(&self.name).get_title().to_owned();
        let (stop, origin) = (running.handle(), running.url().to_owned());
        // The receiver outlives the host.
        drop(self.started.send(running));
        let window = server.settings().window.clone();
        Ok(ShellSession {
            url: stop.window_url()?,
            origin,
            window,
            title: server.state().get(key::TITLE).unwrap_or(title),
            stop,
            runtime: self.runtime,
            server,
        })
    }
}

async fn set_up(set_up: SetUp) -> Result<Server> {
    tokio::task::spawn_blocking(set_up).await.unwrap_or_else(|error| {
        // The panic message was printed by the panic hook. The runtime cancels no task that has
        // begun, so this is a panic.
        let panic = error.try_into_panic().map(|panic| panic_message(&*panic).to_owned());
        Err(Error::Panicked(panic.unwrap_or_default()))
    })
}

/// A started application, as its host shows it.
#[non_exhaustive]
pub struct ShellSession {
    /// The first URL of the window: `http://127.0.0.1:PORT/…` with a token that signs in once,
    /// within 30 seconds.
    pub url: String,
    /// Scheme, host and port of the server. A window must not leave this origin.
    pub origin: String,
    /// The look of the window.
    pub window: WindowOptions,
    /// The title of the window: the current `trame__title`. The page keeps its document title equal
    /// to it.
    pub title: String,
    /// Stops the server, and waits for a stop from elsewhere.
    pub stop: StopHandle,
    /// The runtime that the server runs on.
    pub runtime: Handle,
    /// The server, for host features such as native dialogs.
    pub server: Server,
}

/// Formats no link: links contain secrets.
impl fmt::Debug for ShellSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShellSession")
            .field("origin", &self.origin)
            .field("title", &self.title)
            .finish_non_exhaustive()
    }
}

impl ShellSession {
    /// Returns a new sign-in URL, for a second window or for a reload after the page was lost.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn sign_in_url(&self) -> Result<String> {
        self.stop.window_url()
    }
}

/// The outcome of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShellExit {
    /// The exit code of the program if the stop succeeds; 0 for a closed window.
    pub code: i32,
}
