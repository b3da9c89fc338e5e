//! The duration of the application's pauses.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

/// Waits for this duration, or for an event that replaces it.
type Pause = dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync;

/// How the application waits where it simulates work.
#[derive(Clone)]
pub struct Pace {
    pause: Arc<Pause>,
}

impl std::fmt::Debug for Pace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pace").finish_non_exhaustive()
    }
}

impl Pace {
    /// Pauses take their real duration.
    pub fn real() -> Self {
        Self::of(tokio::time::sleep)
    }

    /// Pauses take as long as the future that `pause` returns.
    pub fn of<F: Future<Output = ()> + Send + 'static>(
        pause: impl Fn(Duration) -> F + Send + Sync + 'static,
    ) -> Self {
        Pace { pause: Arc::new(move |time| Box::pin(pause(time))) }
    }

    pub(crate) fn pause(&self, time: Duration) -> BoxFuture<'static, ()> {
        (self.pause)(time)
    }
}
