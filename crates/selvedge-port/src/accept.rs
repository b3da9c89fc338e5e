//! The accept loop.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    net::TcpStream,
    time::{Instant, sleep_until},
};

use crate::{listener::Listener, throttle::Throttle};

/// Pauses after a failed accept: the first and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// A listener whose connections are being accepted. A failure, such as a lack of descriptors, is
/// waited out.
pub(crate) struct Accepting {
    listener: Listener,
    /// The last pause, after the last accept failed.
    pause: Option<Duration>,
    resume: Instant,
    starved: Throttle,
}

impl Accepting {
    pub(crate) fn new(listener: Listener) -> Self {
        let starved = Throttle::new("connections that could not be accepted");
        Accepting { listener, pause: None, resume: Instant::now(), starved }
    }

    pub(crate) fn into_listener(self) -> Listener {
        self.listener
    }

    /// Waits for the next connection. Cancellation loses no connection.
    pub(crate) async fn next(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            if self.pause.is_some() {
                sleep_until(self.resume).await;
            }
            match self.listener.accept().await {
                Ok(accepted) => {
                    self.pause = None;
                    return accepted;
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => self.wait_out(&error),
            }
        }
    }

    fn wait_out(&mut self, error: &io::Error) {
        if self.pause.is_none()
            && let Some(suppressed) = self.starved.admit()
        {
            tracing::warn!(%error, suppressed, "cannot accept connections, trying again");
        }
        let pause = self.pause.map_or(FIRST_PAUSE, |last| last * 2).min(LONGEST_PAUSE);
        self.pause = Some(pause);
        self.resume = Instant::now() + pause;
    }
}

/// Returns whether an accept failed because of its connection, so that the next one may succeed
/// (accept(2), "Error handling").
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
