//! Limits of time that may be absent.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

/// Awaits a future within a time limit.
///
/// # Errors
/// The limit, if it has passed.
pub(crate) async fn within<T>(
    limit: Option<Duration>,
    future: impl Future<Output = T>,
) -> Result<T, Duration> {
    match limit {
        Some(limit) => timeout(limit, future).await.map_err(|_| limit),
        None => Ok(future.await),
    }
}

/// Waits until a deadline; for ever if there is none.
pub(crate) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_limit_that_no_clock_can_hold_is_none() {
        let second = Duration::from_secs(1);
        let done = within(Some(Duration::MAX), tokio::time::sleep(second)).await;
        assert_eq!(done, Ok(()));
        assert_eq!(within(Some(second), std::future::pending::<()>()).await, Err(second));
    }
}
