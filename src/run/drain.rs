//! The end of a program after its users have left.
//!
//! What must hold: once the program drains, no new page is admitted, and pages that are open can go
//! on until the time is over.

use std::time::Duration;

use futures_util::future::join_all;
use selvedge_wslink::{Packed, words::topic};
use serde_json::json;
use tokio::time::{interval, sleep, timeout};

use super::{Running, StopReport};
use crate::{Result, Server};

/// How long a program without clients waits for pages that have lost their connection.
const RETURN: Duration = Duration::from_secs(3);

/// Interval between checks whether jobs still run.
const CHECK: Duration = Duration::from_millis(200);

impl Running {
    /// Stops the server after its users have left: admits no new pages, tells the open ones, and waits
    /// until no client is connected and no job runs, for at most this time. Pages that lose their
    /// connection during this time have 3 seconds to reconnect. Reloading a page is refused, because
    /// it needs a new session. A node of a [cluster](crate::cluster) does not wait: its rooms go on at
    /// other nodes, to which their pages reconnect.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> selvedge::Result<()> {
    /// use std::time::Duration;
    ///
    /// use selvedge::{Server, StartOptions};
    ///
    /// let running = Server::new("doc").spawn(StartOptions::new().port(0)).await?;
    /// let report = running.drain(Duration::from_secs(60)).await?;
    /// assert_eq!(report.addresses.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`stop`](Self::stop).
    ///
    /// # Cancellation
    /// Dropping the future ends the wait, not the server.
    pub async fn drain(&self, time: Duration) -> Result<StopReport> {
        self.stop.draining.cancel();
        if self.rooms.as_ref().is_some_and(|rooms| rooms.cluster.is_some()) {
            // Their rooms go on elsewhere.
            return self.stop().await;
        }
        tracing::info!(?time, "draining: no new page is admitted");
        let told = Packed::encode(&json!({ "seconds": time.as_secs() }))?;
        for server in self.servers() {
            server.hub().publish(topic::DRAINING, &told, None);
        }
        let left = async {
            while !self.servers().iter().all(is_unused) {
                join_all(self.servers().iter().map(unused)).await;
                // A page that has lost its connection comes back.
                sleep(RETURN).await;
            }
        };
        if timeout(time, left).await.is_err() {
            tracing::info!("the time for draining is over");
        }
        self.stop().await
    }

    fn servers(&self) -> Vec<Server> {
        match &self.rooms {
            Some(rooms) => rooms.servers(),
            None => vec![self.frames.server.clone()],
        }
    }
}

fn is_unused(server: &Server) -> bool {
    server.hub().connected() == 0 && !server.inner.jobs.are_unfinished()
}

/// Waits until a server has neither clients nor jobs.
async fn unused(server: &Server) {
    let mut clients = server.hub().watch_connected();
    let mut checks = interval(CHECK);
    loop {
        if clients.wait_for(|count| *count == 0).await.is_err() {
            return;
        }
        if is_unused(server) {
            return;
        }
        checks.tick().await;
    }
}
