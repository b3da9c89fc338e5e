//! One run of a job: what its code reports, and how it ended.

use std::{
    collections::VecDeque,
    time::{Duration, SystemTime},
};

use parking_lot::Mutex;
use selvedge_wslink::{ClientId, Packed, Timestamp};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::status::{JobState, PastRun};

/// Number of log lines that pages can see.
const MAX_LINES: usize = 200;

/// Maximum length of a log line, in characters.
const MAX_LINE: usize = 2000;

/// Shortest time after which the time left is estimated.
const ESTIMATE_AFTER: Duration = Duration::from_secs(1);

/// A run of a job, shared by its code, its task and its handles.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) number: u64,
    /// The client that started it.
    pub(super) client: Option<ClientId>,
    /// Fires when the code should end.
    pub(super) cancelled: CancellationToken,
    /// Notified after each report.
    pub(super) reported: Notify,
    report: Mutex<Report>,
    ended: watch::Sender<Option<Ended>>,
}

/// What a run has reported so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) progress: Option<f64>,
    pub(super) message: String,
    pub(super) log: VecDeque<String>,
    /// Number of lines that were ever logged.
    pub(super) lines: u64,
    began: Option<(Instant, SystemTime)>,
    took: Option<Duration>,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub(super) enum Ended {
    Done(Packed),
    Failed(String),
    Cancelled,
}

impl Run {
    pub(super) fn new(number: u64, client: Option<ClientId>) -> Self {
        Run {
            number,
            client,
            cancelled: CancellationToken::new(),
            reported: Notify::new(),
            report: Mutex::default(),
            ended: watch::Sender::new(None),
        }
    }

    /// Records that the code begins.
    pub(super) fn begin(&self) {
        if !self.has_ended() {
            self.report.lock().began = Some((Instant::now(), SystemTime::now()));
        }
    }

    /// Changes the report, unless the run has ended.
    pub(super) fn report(&self, change: impl FnOnce(&mut Report)) {
        if self.ended.borrow().is_some() {
            return;
        }
        change(&mut self.report.lock());
        self.reported.notify_one();
    }

    /// Looks at the report.
    pub(super) fn read<T>(&self, look: impl FnOnce(&Report) -> T) -> T {
        look(&self.report.lock())
    }

    /// Ends the run, and lets its code know if it is to end before it is done. Returns `false` if
    /// it has ended before.
    pub(super) fn end(&self, how: Ended) -> bool {
        let ends = self.ended.send_if_modified(|ended| {
            let ends = ended.is_none();
            if ends {
                *ended = Some(how);
            }
            ends
        });
        if ends {
            let mut report = self.report.lock();
            report.took = report.began.map(|(began, _)| began.elapsed());
            drop(report);
            self.cancelled.cancel();
        }
        ends
    }

    pub(super) fn ended(&self) -> Option<Ended> {
        self.ended.borrow().clone()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.borrow().is_some()
    }

    /// Waits until the run has ended.
    pub(super) async fn outcome(&self) -> Ended {
        let mut ended = self.ended.subscribe();
        let ended = ended.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone());
        ended.unwrap_or(Ended::Cancelled)
    }

    pub(super) fn state(&self) -> JobState {
        match self.ended() {
            Some(Ended::Done(_)) => JobState::Done,
            Some(Ended::Failed(_)) => JobState::Failed,
            Some(Ended::Cancelled) => JobState::Cancelled,
            None if self.report.lock().began.is_some() => JobState::Running,
            None => JobState::Queued,
        }
    }

    /// Returns the entry for the history.
    pub(super) fn past(&self) -> PastRun {
        let (began, seconds, reported) = self.read(|report| {
            let began = report.began.map(|(_, began)| Timestamp::from(began));
            (began, report.elapsed().as_secs_f64(), report.message.clone())
        });
        let message = match self.ended() {
            Some(Ended::Failed(error)) => error,
            _ => reported,
        };
        PastRun { run: self.number, state: self.state(), began, seconds, message }
    }
}

impl Report {
    pub(super) fn add_line(&mut self, line: &str) {
        if self.log.len() == MAX_LINES {
            self.log.pop_front();
        }
        self.log.push_back(line.chars().take(MAX_LINE).collect());
        self.lines += 1;
    }

    /// Returns for how long the code has run, or did run.
    pub(super) fn elapsed(&self) -> Duration {
        let running = || self.began.map(|(began, _)| began.elapsed());
        self.took.or_else(running).unwrap_or_default()
    }

    /// Estimates the seconds until the end: the rest takes as long as the beginning did, in
    /// proportion.
    pub(super) fn left(&self) -> Option<f64> {
        let elapsed = self.elapsed();
        let progress = self.progress.filter(|progress| *progress > 0.0)?;
        (elapsed >= ESTIMATE_AFTER).then(|| elapsed.as_secs_f64() * (1.0 - progress) / progress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_time_left_follows_from_the_progress() {
        let run = Run::new(1, None);
        run.begin();
        run.report(|report| report.progress = Some(0.25));
        assert_eq!(run.read(Report::left), None, "it is too early to tell");
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(run.read(Report::left), Some(30.0));
        run.report(|report| report.progress = Some(1.0));
        assert_eq!(run.read(Report::left), Some(0.0));
    }

    #[test]
    fn the_first_end_counts_and_later_reports_are_dropped() {
        let run = Run::new(1, None);
        run.begin();
        run.report(|report| report.message = "half".to_owned());
        assert!(run.end(Ended::Cancelled) && run.cancelled.is_cancelled());
        assert!(!run.end(Ended::Done(Packed::nil())));
        run.report(|report| report.message = "late".to_owned());
        assert_eq!((run.past().state, run.past().message.as_str()), (JobState::Cancelled, "half"));
    }

    #[test]
    fn the_log_keeps_its_last_lines_and_cuts_long_ones() {
        let run = Run::new(1, None);
        for line in 0..MAX_LINES + 5 {
            run.report(|report| report.add_line(&line.to_string()));
        }
        run.report(|report| report.add_line(&"ä".repeat(MAX_LINE + 1)));
        run.read(|report| {
            assert_eq!((report.log.len(), report.lines), (MAX_LINES, MAX_LINES as u64 + 6));
            assert_eq!(report.log[0], "6");
            assert_eq!(report.log[MAX_LINES - 1].chars().count(), MAX_LINE);
        });
    }
}
