//! Rate limits for log lines that unknown peers can cause.
//!
//! Anyone who can connect to the port can send requests that are rejected, at any rate and of any
//! length. Each kind of log line has a [`Throttle`], and text from peers is [`shortened`].

use std::{fmt, num::NonZeroU64, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

/// Number of lines of one kind that may be logged in a burst.
const BURST: u32 = 10;

/// Minimum interval between two lines after a burst.
const INTERVAL: Duration = Duration::from_secs(6);

/// Maximum number of logged characters of a text from a peer.
const MAX_TEXT: usize = 200;

/// Limits the rate of one kind of log line, and counts the suppressed lines.
///
/// ```
/// use selvedge_port::throttle::Throttle;
///
/// let refused = Throttle::new("refused requests");
/// if let Some(suppressed) = refused.admit() {
///     tracing::warn!(suppressed, "refused a request");
/// }
/// ```
#[derive(Debug)]
pub struct Throttle {
    /// Description of the lines, for the final count of suppressed lines.
    what: &'static str,
    state: Mutex<State>,
}

/// Number of lines suppressed since the last one. `None`, which is not logged, if there are none.
pub type Suppressed = Option<NonZeroU64>;

#[derive(Debug, Default)]
struct State {
    /// Time at which a full burst is allowed again.
    rested: Option<Instant>,
    suppressed: u64,
}

impl Throttle {
    /// Creates a limit for lines that `what` describes: ten at once, then one every 6 s.
    pub const fn new(what: &'static str) -> Self {
        Throttle { what, state: Mutex::new(State { rested: None, suppressed: 0 }) }
    }

    /// Requests permission for one line; `None` if the rate limit is exceeded.
    pub fn admit(&self) -> Option<Suppressed> {
        let mut state = self.state.lock();
        let now = Instant::now();
        let rested = state.rested.map_or(now, |rested| rested.max(now));
        if rested - now > INTERVAL * (BURST - 1) {
            state.suppressed += 1;
            return None;
        }
        state.rested = Some(rested + INTERVAL);
        Some(NonZeroU64::new(std::mem::take(&mut state.suppressed)))
    }

    /// Logs the number of suppressed lines that no later line has reported.
    pub fn settle(&self) {
        let suppressed = std::mem::take(&mut self.state.lock().suppressed);
        if suppressed > 0 {
            tracing::warn!(suppressed, "lines were left out of the log: {}", self.what);
        }
    }
}

impl Drop for Throttle {
    fn drop(&mut self) {
        self.settle();
    }
}

/// Returns a peer's text for the log: quoted, with control characters escaped, and truncated.
pub fn shortened(text: &str) -> impl fmt::Debug {
    struct Shortened<'a>(&'a str, usize);
    impl fmt::Debug for Shortened<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let Shortened(begin, left) = self;
            begin.fmt(f)?;
            if *left > 0 {
                write!(f, " and {left} more bytes")?;
            }
            Ok(())
        }
    }
    let end = text.char_indices().nth(MAX_TEXT).map_or(text.len(), |(end, _)| end);
    Shortened(&text[..end], text.len() - end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn after_a_burst_lines_are_throttled_and_count_the_suppressed_ones() {
        let throttle = Throttle::new("refused requests");
        for _ in 0..BURST {
            assert_eq!(throttle.admit(), Some(None));
        }
        for _ in 0..1000 {
            assert_eq!(throttle.admit(), None);
        }
        tokio::time::advance(INTERVAL).await;
        assert_eq!(throttle.admit(), Some(NonZeroU64::new(1000)));
        assert_eq!(throttle.admit(), None);
        tokio::time::advance(INTERVAL * BURST * 2).await;
        assert_eq!(throttle.admit(), Some(NonZeroU64::new(1)));
        let at_once = (1..100).take_while(|_| throttle.admit().is_some()).count();
        assert_eq!(at_once, BURST as usize - 1, "rest does not add up without a limit");
    }

    #[test]
    fn long_texts_are_cut_off_and_odd_ones_escaped() {
        let shown = |text: &str| format!("{:?}", shortened(text));
        assert_eq!(shown("evil.example"), "\"evil.example\"");
        assert_eq!(shown("a\nb\u{1b}"), "\"a\\nb\\u{1b}\"");
        let long = shown(&"é".repeat(30_000));
        assert!(long.len() < 450 && long.ends_with("\" and 59600 more bytes"), "{long}");
    }
}
