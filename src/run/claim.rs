//! The right to run a server, which runs once at a time.

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::{Error, Result, Server, protocol::Tasks};

/// The right to run a server; released if the start fails.
pub(super) struct Claim {
    server: Server,
    pub(super) requested: CancellationToken,
    pub(super) tasks: Tasks,
    kept: bool,
}

impl Claim {
    pub(super) fn new(server: &Server) -> Result<Self> {
        let mut settings = server.settings();
        if settings.stop.is_some() {
            let port =
                settings.port.map_or_else(|| "its port".to_owned(), |port| format!("port {port}"));
            return Err(Error::AlreadyRunning(port));
        }
        let requested = CancellationToken::new();
        settings.stop = Some(requested.clone());
        drop(settings);
        let tasks = Tasks::new(Handle::current());
        Ok(Claim { server: server.clone(), requested, tasks, kept: false })
    }

    /// Passes the right on to the run, which releases it at its end.
    pub(super) fn keep(mut self) {
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

/// Allows the server to be started again.
pub(super) fn release(server: &Server) {
    server.hub().end();
    server.transfers().end();
    server.end_questions();
    server.state().not_ready();
    server.context().state().not_ready();
    let mut settings = server.settings();
    settings.stop = None;
    settings.port = None;
    settings.front = None;
    // The event loop may be gone, so nothing may wait for it.
    settings.control = None;
    settings.dialogs = None;
    settings.exit_code = 0;
    settings.running.send_replace(None);
}
