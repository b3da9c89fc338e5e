//! The seam between the server and a desktop host.
//!
//! The library knows no window toolkit. A host implements [`Shell`] and comes first: it gets a [`ShellStart`] on the
//! thread that called [`Server::run_in`], because window systems insist on the main thread. It decides whether there is
//! anything to start, starts the server when it wants to, and gets a [`ShellSession`] with all that a window needs.
//!
//! What must hold: whatever the host has started, and whatever it is still starting when it is done, is stopped by the
//! caller of the host.

use tokio::{runtime::Handle, sync::oneshot};
use tokio_util::sync::CancellationToken;

use super::{Running, StartOptions, StopHandle};
use crate::{Error, Program, Result, Server, WindowOptions, callback::panic_message};

/// A desktop host: something that shows a URL until its user closes it.
pub trait Shell {
    /// Starts the application, shows it, and returns when the host has nothing left to show.
    ///
    /// When its last window closes, the host is expected to stop the server through [`ShellSession::stop`] and to return
    /// when that is done, so that the program never ends with the server half stopped. The caller stops it again
    /// afterwards, which does nothing when it is stopped already. A host that does not start the server, because the
    /// application runs already, just returns.
    ///
    /// # Errors
    /// Whatever kept the host from showing the application: the error of [`ShellStart::start`], or for instance
    /// [`Error::NoDisplay`].
    fn run(self, start: ShellStart) -> Result<ShellExit>;
}

/// How an application gets its server: at once, or by work that may take its time.
pub(super) type SetUp = Box<dyn FnOnce() -> Result<Server> + Send>;

/// What a host gets to start one application.
pub struct ShellStart {
    pub(super) name: String,
    pub(super) runtime: Handle,
    pub(super) set_up: SetUp,
    pub(super) options: StartOptions,
    /// Cancelled when the host is done.
    pub(super) abandoned: CancellationToken,
    /// Gets what was started, for the one who stops it.
    pub(super) started: oneshot::Sender<Running>,
}

impl ShellStart {
    /// The program: the one that was declared, or one with the name that the application was started with.
    pub fn program(&self) -> Program {
        Program::of_server(&self.name)
    }

    /// The runtime that the server will live on.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Sets the application up and starts its server. The set-up runs on a thread of its own, so that the host can show
    /// meanwhile that something is going on.
    ///
    /// # Errors
    /// Those of the set-up, of [`WindowOptions::check`] and of [`Server::spawn`]; [`Error::Panicked`] when the set-up panics, and
    /// [`Error::NotRunning`] when the host was done before the server was started.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    ///
    /// # Cancellation
    /// Dropping the future gives the start up. A set-up that has begun goes on, with nobody waiting for it.
    pub async fn start(self) -> Result<ShellSession> {
        let starting = async {
            let server = set_up(self.set_up).await?;
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
        // Its receiver outlives the host.
        drop(self.started.send(running));
        let window = server.settings().window.clone();
        Ok(ShellSession {
            url: stop.window_url()?,
            origin,
            window,
            title: server.state().get("trame__title").unwrap_or(title),
            stop,
            runtime: self.runtime,
            server,
        })
    }
}

async fn set_up(set_up: SetUp) -> Result<Server> {
    tokio::task::spawn_blocking(set_up).await.unwrap_or_else(|error| {
        // The panic's message was printed when it happened. The runtime cancels nothing that has begun.
        let panic = error.try_into_panic().map(|panic| panic_message(&*panic).to_owned());
        Err(Error::Panicked(panic.unwrap_or_default()))
    })
}

/// What a host gets to show one application.
#[non_exhaustive]
pub struct ShellSession {
    /// Where the window starts: `http://127.0.0.1:PORT/…` with a sign-in that works once, for 30 seconds.
    pub url: String,
    /// Scheme, host and port of the server. A window must not leave it.
    pub origin: String,
    /// How the window should look.
    pub window: WindowOptions,
    /// The window's title: `trame__title` as it is now. The page keeps it up to date as its document title.
    pub title: String,
    /// Stops the server and tells when it stopped for another reason.
    pub stop: StopHandle,
    /// The runtime that the server lives on.
    pub runtime: Handle,
    /// The server, for what a host adds to it, such as native dialogs.
    pub server: Server,
}

impl ShellSession {
    /// A fresh sign-in URL, for a second window or for a reload after the page was lost.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn sign_in_url(&self) -> Result<String> {
        self.stop.window_url()
    }
}

/// How a host ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShellExit {
    /// The code the program should exit with if the stop is proved, 0 for a closed window.
    pub code: i32,
}
