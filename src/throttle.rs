//! A limit for log lines that strangers can cause.
//!
//! Anyone who can connect to the port can send requests that are refused, at any rate and of any length. Each kind of such lines has a
//! [`Throttle`], and what strangers sent is [`shortened`].

use std::{fmt, num::NonZeroU64, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

/// Lines of one kind that may be written at once.
const BURST: u32 = 10;

/// After a burst, the time between two lines.
const INTERVAL: Duration = Duration::from_secs(6);

/// Characters of a stranger's text that are logged.
const MAX_TEXT: usize = 200;

/// Limits the rate of one kind of log lines, and counts those that were left out.
pub(crate) struct Throttle {
    /// What the lines say, for the count of those that nothing follows.
    what: &'static str,
    state: Mutex<State>,
}

/// Number of lines that were left out since the last one. `None`, which a log line leaves out, when there are none.
pub(crate) type Suppressed = Option<NonZeroU64>;

#[derive(Default)]
struct State {
    /// When all lines that may be written at once may be written again.
    rested: Option<Instant>,
    suppressed: u64,
}

impl Throttle {
    pub(crate) const fn new(what: &'static str) -> Self {
        Throttle { what, state: Mutex::new(State { rested: None, suppressed: 0 }) }
    }

    /// Asks for one more line. `None` when the rate is over the limit.
    pub(crate) fn admit(&self) -> Option<Suppressed> {
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

    /// Logs how many lines were left out that no other line has counted.
    pub(crate) fn settle(&self) {
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

/// A stranger's text as it stands in the log: quoted, with its control characters escaped, and cut off.
pub(crate) fn shortened(text: &str) -> impl fmt::Debug {
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
    async fn after_a_burst_lines_come_slowly_and_with_the_count_of_those_left_out() {
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
