//! Which runs of a job may begin, which wait, and which have ended.

use std::{collections::VecDeque, fmt, sync::Arc, time::Duration};

use indexmap::IndexMap;
use parking_lot::Mutex;
use selvedge_wslink::{ClientId, Packed};

use super::{
    run::{Ended, Report, Run},
    status::{JobState, JobStatus, PastRun},
};
use crate::window::WindowProgress;

/// Number of ended runs that a job remembers.
const HISTORY: usize = 20;

/// The jobs of a server, by their names in the root server.
#[derive(Default)]
pub(crate) struct Jobs {
    queues: Mutex<IndexMap<String, Arc<JobQueue>>>,
    /// The progress that the window shows.
    pub(super) shown: Mutex<WindowProgress>,
}

impl Jobs {
    /// Adds a job, in place of one of the same name, whose runs are cancelled.
    pub(super) fn add(&self, queue: Arc<JobQueue>) {
        let replaced = self.queues.lock().insert(queue.name.clone(), queue);
        if let Some(replaced) = replaced {
            replaced.cancel(None);
        }
    }

    /// Returns the names of the jobs.
    #[cfg(feature = "typescript")]
    pub(crate) fn names(&self) -> Vec<String> {
        self.queues.lock().keys().cloned().collect()
    }

    /// Returns whether this is the job of its name.
    pub(super) fn has(&self, queue: &JobQueue) -> bool {
        let queues = self.queues.lock();
        queues.get(&queue.name).is_some_and(|current| std::ptr::eq(&raw const **current, queue))
    }

    fn all(&self) -> Vec<Arc<JobQueue>> {
        self.queues.lock().values().cloned().collect()
    }

    /// Whether a job runs or waits.
    pub(crate) fn are_unfinished(&self) -> bool {
        self.all().iter().any(|queue| queue.is_unfinished())
    }

    /// Returns the titles of the jobs that run or wait, and that a user should not end unasked.
    pub(super) fn unfinished(&self) -> Vec<String> {
        let mut queues = self.all();
        queues.retain(|queue| queue.settings().asks_before_close && queue.is_unfinished());
        queues.iter().map(|queue| queue.settings().title).collect()
    }

    /// Returns the mean progress of the running jobs.
    pub(super) fn progress(&self) -> WindowProgress {
        let running: Vec<_> = self.all().iter().flat_map(|queue| queue.progress()).collect();
        let known: Vec<f64> = running.iter().flatten().copied().collect();
        match (running.is_empty(), known.is_empty()) {
            (true, _) => WindowProgress::Hidden,
            (false, true) => WindowProgress::Unknown,
            (false, false) => WindowProgress::Part(known.iter().sum::<f64>() / known.len() as f64),
        }
    }
}

/// What happens to a start while as many runs as allowed are running.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenBusy {
    /// It fails with [`Error::JobBusy`](crate::Error::JobBusy).
    #[default]
    Refuse,
    /// It waits, unless this many wait already. Then it fails.
    Queue(usize),
    /// All other runs are cancelled, and it begins as soon as the code of one has returned.
    Replace,
}

/// The settings of a job.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) title: String,
    pub(super) at_most: usize,
    pub(super) when_busy: WhenBusy,
    pub(super) deadline: Option<Duration>,
    pub(super) asks_before_close: bool,
}

/// Begins a run that was admitted.
pub(super) type Begin = Box<dyn FnOnce(Arc<Run>) + Send>;

/// The runs of one job.
pub(crate) struct JobQueue {
    /// The name of the job in the root server.
    pub(super) name: String,
    settings: Mutex<Settings>,
    runs: Mutex<Runs>,
    /// What was published last. Locked while something is published, so that older reports do not
    /// replace newer ones.
    pub(super) published: Mutex<Option<Published>>,
}

impl fmt::Debug for JobQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobQueue").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The versions of the published log and history.
pub(super) struct Published {
    /// The number of the run, and of its log lines.
    pub(super) log: (u64, u64),
    pub(super) history: u64,
}

#[derive(Default)]
struct Runs {
    /// The number of the last run.
    last: u64,
    /// Runs whose code has not returned.
    active: Vec<Arc<Run>>,
    waiting: VecDeque<(Arc<Run>, Begin)>,
    /// The run that ended last.
    latest: Option<Arc<Run>>,
    history: VecDeque<PastRun>,
    /// Number of runs that have ended.
    ended: u64,
}

/// Why a run was not admitted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Busy;

impl JobQueue {
    pub(super) fn new(name: &str, title: String) -> Self {
        let settings = Settings {
            title,
            at_most: 1,
            when_busy: WhenBusy::default(),
            deadline: None,
            asks_before_close: true,
        };
        JobQueue {
            name: name.to_owned(),
            settings: Mutex::new(settings),
            runs: Mutex::default(),
            published: Mutex::default(),
        }
    }

    pub(super) fn settings(&self) -> Settings {
        self.settings.lock().clone()
    }

    pub(super) fn change_settings(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings.lock());
    }

    /// Admits a run: the caller has to call the returned function, or else the run waits.
    pub(super) fn admit(
        &self,
        client: Option<ClientId>,
        begin: Begin,
    ) -> Result<(Arc<Run>, Option<Begin>), Busy> {
        let Settings { at_most, when_busy, .. } = self.settings();
        let mut runs = self.runs.lock();
        let is_full = runs.active.len() >= at_most || !runs.waiting.is_empty();
        match when_busy {
            WhenBusy::Replace if is_full => runs.cancel(None),
            // If all were cancelled, their code is about to end: the new run waits for that.
            WhenBusy::Refuse if is_full && runs.are_unfinished() => return Err(Busy),
            WhenBusy::Queue(most)
                if is_full && runs.waiting.len() >= most && runs.are_unfinished() =>
            {
                return Err(Busy);
            }
            _ => {}
        }
        runs.last += 1;
        let run = Arc::new(Run::new(runs.last, client));
        if is_full {
            runs.waiting.push_back((Arc::clone(&run), begin));
            return Ok((run, None));
        }
        runs.active.push(Arc::clone(&run));
        Ok((run, Some(begin)))
    }

    /// Ends a run. Returns whether it had not ended before.
    pub(super) fn end(&self, run: &Arc<Run>, how: Ended) -> bool {
        self.runs.lock().end(run, how)
    }

    /// Removes a run whose code has returned. Returns the next runs, which the caller has to begin.
    pub(super) fn leave(&self, run: &Arc<Run>) -> Vec<(Arc<Run>, Begin)> {
        let at_most = self.settings().at_most;
        let mut runs = self.runs.lock();
        runs.end(run, Ended::Cancelled);
        runs.active.retain(|active| !Arc::ptr_eq(active, run));
        let room = at_most.saturating_sub(runs.active.len()).min(runs.waiting.len());
        let next: Vec<_> = runs.waiting.drain(..room).collect();
        runs.active.extend(next.iter().map(|(run, _)| Arc::clone(run)));
        next
    }

    /// Cancels the run of this number, or all.
    pub(super) fn cancel(&self, number: Option<u64>) {
        self.runs.lock().cancel(number);
    }

    pub(super) fn is_unfinished(&self) -> bool {
        self.runs.lock().are_unfinished()
    }

    fn progress(&self) -> Vec<Option<f64>> {
        let runs = self.runs.lock();
        let running = runs.active.iter().filter(|run| !run.has_ended());
        running.map(|run| run.read(|report| report.progress)).collect()
    }

    /// Returns the status, and the run that it describes.
    pub(super) fn status(&self) -> (JobStatus, Option<Arc<Run>>) {
        let title = self.settings().title;
        let runs = self.runs.lock();
        let shown = runs.shown().cloned();
        let (running, waiting) = (runs.active.len(), runs.waiting.len());
        drop(runs);
        let read = |report: &Report| {
            let seconds = report.elapsed().as_secs_f64();
            (report.progress, report.message.clone(), seconds, report.left())
        };
        let (progress, message, seconds, left) =
            shown.as_ref().map(|run| run.read(read)).unwrap_or_default();
        let state = shown.as_ref().map_or(JobState::Idle, |run| run.state());
        let (result, error) = match shown.as_ref().and_then(|run| run.ended()) {
            Some(Ended::Done(result)) => (result, String::new()),
            Some(Ended::Failed(error)) => (Packed::nil(), error),
            _ => (Packed::nil(), String::new()),
        };
        let status = JobStatus {
            title,
            run: shown.as_ref().map_or(0, |run| run.number),
            state,
            progress,
            message,
            seconds,
            left: left.filter(|_| state == JobState::Running),
            result,
            error,
            running,
            waiting,
        };
        (status, shown)
    }

    /// Returns the last runs that have ended, the newest first.
    pub(super) fn history(&self) -> Vec<PastRun> {
        self.runs.lock().history.iter().rev().cloned().collect()
    }

    /// Returns how many runs have ever ended.
    pub(super) fn ended(&self) -> u64 {
        self.runs.lock().ended
    }
}

impl Runs {
    fn end(&mut self, run: &Arc<Run>, how: Ended) -> bool {
        let ends = run.end(how);
        if ends {
            if self.history.len() == HISTORY {
                self.history.pop_front();
            }
            self.history.push_back(run.past());
            self.ended += 1;
            self.latest = Some(Arc::clone(run));
        }
        ends
    }

    fn are_unfinished(&self) -> bool {
        !self.waiting.is_empty() || self.active.iter().any(|run| !run.has_ended())
    }

    fn cancel(&mut self, number: Option<u64>) {
        let is_meant = |run: &Run| number.is_none_or(|number| run.number == number);
        let active = self.active.iter().filter(|run| is_meant(run));
        let mut meant: Vec<Arc<Run>> = active.cloned().collect();
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        let (ended, kept): (VecDeque<_>, _) = waiting.partition(|(run, _)| is_meant(run));
        self.waiting = kept;
        meant.extend(ended.into_iter().map(|(run, _)| run));
        for run in meant {
            self.end(&run, Ended::Cancelled);
        }
    }

    fn shown(&self) -> Option<&Arc<Run>> {
        let running = self.active.iter().find(|run| !run.has_ended());
        let waiting = || self.waiting.front().map(|(run, _)| run);
        running.or_else(waiting).or(self.latest.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(at_most: usize, when_busy: WhenBusy) -> JobQueue {
        let queue = JobQueue::new("work", "Work".to_owned());
        queue.change_settings(|settings| {
            settings.at_most = at_most;
            settings.when_busy = when_busy;
        });
        queue
    }

    /// Starts a run. Returns it, and whether it begins at once.
    fn start(queue: &JobQueue) -> Result<(Arc<Run>, bool), Busy> {
        let (run, begin) = queue.admit(None, Box::new(|_| ()))?;
        if begin.is_some() {
            run.begin();
        }
        Ok((run, begin.is_some()))
    }

    /// The code of a run returns. Returns the numbers of the runs that begin then.
    fn left(queue: &JobQueue, run: &Arc<Run>) -> Vec<u64> {
        queue.leave(run).iter().map(|(run, _)| run.number).collect()
    }

    #[test]
    fn more_room_is_used_in_order() {
        let queue = queue(1, WhenBusy::Queue(3));
        let (first, _) = start(&queue).unwrap();
        (0..2).for_each(|_| drop(start(&queue).unwrap()));
        queue.change_settings(|settings| settings.at_most = 3);
        assert!(!start(&queue).unwrap().1, "it does not overtake the others");
        assert_eq!(left(&queue, &first), [2, 3, 4]);
    }

    #[test]
    fn a_second_run_is_refused() {
        let queue = queue(1, WhenBusy::Refuse);
        let (first, begins) = start(&queue).unwrap();
        assert!(begins);
        assert_eq!(start(&queue).unwrap_err(), Busy);
        assert!(queue.end(&first, Ended::Done(Packed::nil())));
        assert!(queue.leave(&first).is_empty());
        assert!(start(&queue).unwrap().1);
    }

    #[test]
    fn a_run_waits_for_the_code_of_a_cancelled_one() {
        let queue = queue(1, WhenBusy::Refuse);
        let (first, _) = start(&queue).unwrap();
        queue.cancel(None);
        assert_eq!(queue.status().0.state, JobState::Cancelled);
        let (second, begins) = start(&queue).unwrap();
        assert!(!begins);
        assert_eq!(queue.status().0.state, JobState::Queued);
        assert_eq!(start(&queue).unwrap_err(), Busy);
        assert_eq!(left(&queue, &first), [second.number]);
    }

    #[test]
    fn runs_queue_up_to_a_bound_and_begin_in_order() {
        let queue = queue(2, WhenBusy::Queue(2));
        let runs: Vec<_> = (0..4).map(|_| start(&queue).unwrap()).collect();
        assert_eq!(
            runs.iter().map(|(_, begins)| *begins).collect::<Vec<_>>(),
            [true, true, false, false]
        );
        assert_eq!(start(&queue).unwrap_err(), Busy);
        let status = queue.status().0;
        assert_eq!((status.run, status.running, status.waiting), (1, 2, 2));
        assert_eq!(left(&queue, &runs[1].0), [3]);
        queue.cancel(Some(4));
        assert!(left(&queue, &runs[0].0).is_empty());
        assert_eq!(queue.status().0.run, 3);
        let history: Vec<u64> = queue.history().iter().map(|past| past.run).collect();
        assert_eq!(history, [1, 4, 2]);
    }

    #[test]
    fn the_latest_run_replaces_all_others() {
        let queue = queue(1, WhenBusy::Replace);
        let (first, _) = start(&queue).unwrap();
        let (second, _) = start(&queue).unwrap();
        let (third, begins) = start(&queue).unwrap();
        assert!(first.has_ended() && second.has_ended() && !third.has_ended() && !begins);
        assert_eq!(left(&queue, &first), [3]);
    }

    #[test]
    fn the_progress_of_all_jobs_is_their_mean() {
        let jobs = Jobs::default();
        assert_eq!(jobs.progress(), WindowProgress::Hidden);
        for (position, progress) in [Some(0.2), Some(0.6), None].into_iter().enumerate() {
            let queue = Arc::new(JobQueue::new(&position.to_string(), String::new()));
            jobs.add(Arc::clone(&queue));
            assert_eq!(jobs.unfinished().len(), position);
            let (run, _) = start(&queue).unwrap();
            run.report(|report| report.progress = progress);
        }
        assert_eq!(jobs.progress(), WindowProgress::Part(0.4));
    }
}
