//! Executes the runs of jobs, each in a task of the server's run, and publishes what they report.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::OptionFuture;
use indexmap::IndexMap;
use selvedge_wslink::Packed;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    Cancelled, Job,
    queue::{Begin, JobQueue, Published},
    run::{Ended, Run},
    status::{history_key, log_key},
};
use crate::{
    Failure, Result,
    app::Server,
    blocking,
    calls::{
        Arguments,
        callback::{Function, Outcome},
        functions::Deferred,
    },
    state::Translator,
};

/// Shortest time between two published reports of a run.
const REPORT: Duration = Duration::from_millis(25);

/// Shortest time between two changes of the progress that the window shows.
const WINDOW: Duration = Duration::from_millis(200);

/// How long an async function may go on after its run was cancelled, before it is dropped.
const GRACE: Duration = Duration::from_secs(1);

/// A job: its runs, and its code.
pub(super) struct Definition {
    pub(super) queue: Arc<JobQueue>,
    /// The translator of the server that the job is registered with.
    pub(super) translator: Translator,
    pub(super) function: Function<Job>,
}

/// Returns a function that begins a run with these arguments, in a task.
pub(super) fn begin(
    server: &Server,
    definition: &Arc<Definition>,
    args: Vec<Packed>,
    named: IndexMap<String, Packed>,
) -> Begin {
    let (server, definition) = (server.clone(), Arc::clone(definition));
    Box::new(move |run| {
        let hub = Arc::clone(server.hub());
        let execution = Execution { server, definition, run, has_ended: AtomicBool::new(false) };
        hub.spawn_until_ending(move |ending| execution.drive(args, named, ending));
    })
}

/// A run that has left the queue. Dropping it makes room for the next one.
struct Execution {
    server: Server,
    definition: Arc<Definition>,
    run: Arc<Run>,
    /// Whether its code has returned while the server was running.
    has_ended: AtomicBool,
}

impl Drop for Execution {
    fn drop(&mut self) {
        let queue = &self.definition.queue;
        if !*self.has_ended.get_mut() {
            // The server stops, or its runtime is gone. What waits must not begin in its next run.
            queue.cancel(None);
        }
        for (run, begin) in queue.leave(&self.run) {
            begin(run);
        }
        publish(&self.server, queue);
    }
}

impl Execution {
    async fn drive(
        self,
        args: Vec<Packed>,
        named: IndexMap<String, Packed>,
        ending: CancellationToken,
    ) {
        if ending.is_cancelled() {
            return;
        }
        if self.run.has_ended() {
            // Cancelled before its code has begun.
            return self.has_ended.store(true, Ordering::Relaxed);
        }
        let (queue, run) = (&self.definition.queue, &self.run);
        run.begin();
        let reporter = Reporter { server: self.server.clone(), queue: Arc::clone(queue) };
        self.server.hub().spawn(reporter.follow(Arc::clone(run)));
        publish(&self.server, queue);
        let deadline = queue.settings().deadline;
        let mut late = pin!(OptionFuture::from(deadline.map(sleep)));
        let mut code = pin!(self.code(args, named));
        let result = loop {
            tokio::select! {
                result = &mut code => break result,
                Some(()) = &mut late, if !run.has_ended() => {
                    let limit = deadline.unwrap_or_default();
                    let error = format!("it took longer than {limit:?}");
                    queue.end(run, Ended::Failed(error));
                    publish(&self.server, queue);
                }
                () = ending.cancelled(), if !run.has_ended() => {
                    queue.end(run, Ended::Cancelled);
                }
            }
        };
        self.end(result);
        self.has_ended.store(!ending.is_cancelled(), Ordering::Relaxed);
    }

    /// Calls the function, on a thread where it may block, and waits for its end.
    async fn code(
        &self,
        args: Vec<Packed>,
        named: IndexMap<String, Packed>,
    ) -> Result<Packed, Failure> {
        let callee = format!("job `{}`", self.definition.queue.name);
        let server = self.server.translated(&self.definition.translator);
        let job = Job::new(&server, Arc::clone(&self.run));
        let function = Arc::clone(&self.definition.function);
        let call = move || function(job, Arguments::new(callee, args, named));
        match blocking::run(call).await {
            Some(Outcome::Ready(result)) => result,
            Some(Outcome::Pending(future)) => {
                let overdue = async {
                    self.run.cancelled.cancelled().await;
                    sleep(GRACE).await;
                };
                tokio::select! {
                    result = Deferred(future) => result,
                    () = overdue => Err(Cancelled.into()),
                }
            }
            // The runtime is shutting down.
            None => Err(Cancelled.into()),
        }
    }

    /// Ends the run with the result of its code, unless it has ended before.
    fn end(&self, result: Result<Packed, Failure>) {
        let (queue, run) = (&self.definition.queue, &self.run);
        match result {
            Ok(result) => drop(queue.end(run, Ended::Done(result))),
            Err(failure) if failure.is::<Cancelled>() => drop(queue.end(run, Ended::Cancelled)),
            Err(failure) => {
                let is_new = queue.end(run, Ended::Failed(self.server.for_clients(&failure)));
                publish(&self.server, queue);
                if is_new {
                    self.server.report(&format!("job `{}`", queue.name), Err(failure));
                }
            }
        }
    }
}

/// Cancels the run of this number, or all, and lets pages know.
pub(super) fn cancel(server: &Server, queue: &JobQueue, number: Option<u64>) {
    queue.cancel(number);
    publish(server, queue);
}

/// Sets the keys of a job to its current status, unless another job has taken its name. Runs no
/// code of the application.
pub(super) fn publish(server: &Server, queue: &JobQueue) {
    let state = &server.inner.state;
    let mut published = queue.published.lock();
    if !server.inner.jobs.has(queue) {
        return;
    }
    let (status, shown) = queue.status();
    let lines = shown.as_ref().map_or(0, |run| run.read(|report| report.lines));
    let now = Published { log: (status.run, lines), history: queue.ended() };
    let before = published.as_ref();
    state.set(&queue.name, &status);
    if before.is_none_or(|before| before.log != now.log) {
        let log = shown.map(|run| run.read(|report| report.log.clone())).unwrap_or_default();
        state.set(log_key(&queue.name), &log);
    }
    if before.is_none_or(|before| before.history != now.history) {
        state.set(history_key(&queue.name), queue.history());
    }
    *published = Some(now);
}

/// Publishes the reports of a run.
struct Reporter {
    server: Server,
    queue: Arc<JobQueue>,
}

impl Reporter {
    /// Publishes each report, or the last of several in a short time, until the run has ended.
    async fn follow(self, run: Arc<Run>) {
        let reports = async {
            loop {
                run.reported.notified().await;
                publish(&self.server, &self.queue);
                sleep(REPORT).await;
            }
        };
        let window = async {
            loop {
                self.show_in_window().await;
                sleep(WINDOW).await;
            }
        };
        tokio::select! {
            _ = run.outcome() => {}
            () = reports => {}
            () = window => {}
        }
        self.show_in_window().await;
    }

    /// Shows the progress of all jobs in the task bar or dock, if there is a window.
    async fn show_in_window(&self) {
        let (server, window) = (self.server.clone(), self.server.window());
        let jobs = &server.inner.jobs;
        // If it is locked, a progress is being shown: this one waits for its turn below.
        let is_shown = jobs.shown.try_lock().is_some_and(|shown| *shown == jobs.progress());
        if is_shown || !window.has_control() {
            return;
        }
        // It waits for the thread of the window system.
        let show = {
            let server = server.clone();
            move || {
                // Locked until the window has it, so that a newer progress is not replaced.
                let mut shown = server.inner.jobs.shown.lock();
                let progress = server.inner.jobs.progress();
                if window.set_progress(progress).is_ok() {
                    *shown = progress;
                }
            }
        };
        blocking::run(show).await;
    }
}
