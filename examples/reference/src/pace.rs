//! How long the application's pauses take.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

/// Waits for so long, or for whatever stands for it.
type Pause = dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync;

/// How the application waits where it pretends to work.
#[derive(Clone)]
pub struct Pace {
    pause: Arc<Pause>,
}

impl Pace {
    /// Pauses take their time.
    pub fn real() -> Self {
        Self::of(tokio::time::sleep)
    }

    /// Pauses take as long as what `pause` gives for them.
    pub fn of<F: Future<Output = ()> + Send + 'static>(
        pause: impl Fn(Duration) -> F + Send + Sync + 'static,
    ) -> Self {
        Pace { pause: Arc::new(move |time| Box::pin(pause(time))) }
    }

    pub(crate) fn pause(&self, time: Duration) -> BoxFuture<'static, ()> {
        (self.pause)(time)
    }
}
