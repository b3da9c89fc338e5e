//! The seam between the server and a desktop host.
//!
//! The library knows no window toolkit. A host implements [`Shell`]; the server gives it a [`ShellSession`] with all
//! that a window needs, and calls it on the thread that called [`Server::run_in`](crate::Server::run_in), because
//! window systems insist on the main thread.

use super::StopHandle;
use crate::{Result, Server, WindowOptions};

/// A desktop host: something that shows a URL until its user closes it.
pub trait Shell {
    /// Shows the application and returns when the host has nothing left to show.
    ///
    /// When its last window closes, the host is expected to stop the server through [`ShellSession::stop`] and to return
    /// when that is done, so that the program never ends with the server half stopped. The caller stops it again
    /// afterwards, which does nothing when it is stopped already.
    ///
    /// # Errors
    /// Whatever kept the host from showing the application, for instance
    /// [`Error::NoDisplay`](crate::Error::NoDisplay).
    fn run(self, session: ShellSession) -> Result<ShellExit>;
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
    pub runtime: tokio::runtime::Handle,
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
