//! The progress of transfers.

use std::time::{Duration, Instant};

/// Minimum interval between two progress reports, except for the last one.
const REPORT_INTERVAL: Duration = Duration::from_millis(100);

/// The progress of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Number of bytes transferred.
    pub done: u64,
    /// Size of the whole file in bytes, if known.
    pub size: Option<u64>,
}

impl Progress {
    /// Returns the progress from 0 to 1, if the size is known. An empty file is complete.
    pub fn fraction(self) -> Option<f64> {
        self.size.map(|size| if size == 0 { 1.0 } else { self.done as f64 / size as f64 })
    }

    fn is_complete(self) -> bool {
        self.size == Some(self.done)
    }
}

/// Reports progress to the application at a limited rate.
pub(crate) struct Reporter {
    report: Box<dyn FnMut(Progress) + Send>,
    last: Option<Instant>,
}

impl Reporter {
    pub(crate) fn new(report: impl FnMut(Progress) + Send + 'static) -> Self {
        Reporter { report: Box::new(report), last: None }
    }

    pub(crate) fn tell(&mut self, progress: Progress) {
        let is_due = self.last.is_none_or(|last| last.elapsed() >= REPORT_INTERVAL);
        if is_due || progress.is_complete() {
            self.last = Some(Instant::now());
            (self.report)(progress);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_reported_at_the_end_and_not_for_every_chunk() {
        let (told, heard) = std::sync::mpsc::channel();
        let mut reporter = Reporter::new(move |progress| told.send(progress.done).unwrap());
        for done in 1..=50 {
            reporter.tell(Progress { done, size: Some(50) });
        }
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), [1, 50]);
    }
}
