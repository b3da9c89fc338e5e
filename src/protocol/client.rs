//! One connected client.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use selvedge_wslink::{ClientId, chunk::Frame};
use tokio_util::sync::CancellationToken;

use super::{outbox::Outbox, user::User};
use crate::{Result, app::Role, monitoring::Metrics};

/// Who has a credential of the server: a secret or a cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bearer {
    /// A window of the application, which has native dialogs.
    Window,
    /// The browser of a user.
    Browser(User),
    /// A program that has the secret of the server.
    Program,
}

impl Bearer {
    pub(crate) fn user(&self) -> Option<&User> {
        match self {
            Bearer::Browser(user) => Some(user),
            Bearer::Window | Bearer::Program => None,
        }
    }
}

/// A connection that has sent its hello, or is about to.
pub(crate) struct Client {
    pub(crate) id: ClientId,
    pub(crate) outbox: Outbox,
    /// Fires when the connection has ended.
    pub(crate) gone: CancellationToken,
    /// What is counted, if anything is.
    metrics: Option<Arc<Metrics>>,
    admitted: OnceLock<Admitted>,
    extras: AtomicBool,
    series: AtomicBool,
}

/// What is known of a client that has sent its hello.
struct Admitted {
    bearer: Bearer,
    role: Role,
    since: Instant,
}

impl Client {
    /// Creates a client whose outbox holds up to `outbox_bytes`.
    pub(crate) fn new(outbox_bytes: usize, metrics: Option<Arc<Metrics>>) -> Result<Self> {
        Ok(Client {
            id: ClientId::random()?,
            outbox: Outbox::new(outbox_bytes),
            gone: CancellationToken::new(),
            metrics,
            admitted: OnceLock::new(),
            extras: AtomicBool::new(false),
            series: AtomicBool::new(false),
        })
    }

    /// Counts what happens with the client, if anything is counted.
    pub(crate) fn metrics(&self) -> Option<&Metrics> {
        self.metrics.as_deref()
    }

    /// Counts frames that are sent to the client.
    pub(crate) fn count_sent(&self, frames: &[Frame]) {
        if let Some(metrics) = self.metrics() {
            let bytes = frames
                .iter()
                .map(|frame| frame.parts().iter().map(|part| part.len()).sum::<usize>());
            metrics.sent(frames.len(), bytes.sum());
        }
    }

    /// Records who the client is and what it may do. Only the first call counts.
    pub(crate) fn admit(&self, bearer: Bearer, role: Role) {
        let _ = self.admitted.set(Admitted { bearer, role, since: Instant::now() });
    }

    /// Returns who the client is, once it is admitted.
    pub(crate) fn bearer(&self) -> Option<&Bearer> {
        Some(&self.admitted.get()?.bearer)
    }

    /// Returns the user of the client, if it has one.
    pub(crate) fn user(&self) -> Option<&User> {
        self.bearer()?.user()
    }

    /// Returns what the client may do.
    pub(crate) fn role(&self) -> Role {
        self.admitted.get().map_or(Role::Viewer, |admitted| admitted.role)
    }

    /// Returns when the client was admitted.
    pub(crate) fn joined(&self) -> Option<Instant> {
        Some(self.admitted.get()?.since)
    }

    /// Whether the client is a window of the application.
    pub(crate) fn is_window(&self) -> bool {
        self.bearer() == Some(&Bearer::Window)
    }

    /// Records that the client knows this server's extensions of trame's protocol.
    pub(crate) fn learn_extras(&self) {
        self.extras.store(true, Ordering::Relaxed);
        self.outbox.streams_on_demand();
    }

    /// Records that the client takes what is appended to lists.
    pub(crate) fn follow_series(&self) {
        self.series.store(true, Ordering::Relaxed);
    }

    /// Whether the client takes what is appended to lists, instead of the lists.
    pub(crate) fn follows_series(&self) -> bool {
        self.series.load(Ordering::Relaxed)
    }

    /// Whether the client knows the extensions.
    pub(crate) fn knows_extras(&self) -> bool {
        self.extras.load(Ordering::Relaxed)
    }
}
