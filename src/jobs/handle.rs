//! Jobs as an application sees them from outside: registers, configures, starts and cancels them.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use indexmap::IndexMap;
use selvedge_wslink::{ClientId, Packed};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Cancelled, Job, JobStatus, WhenBusy,
    drive::{self, Definition},
    queue::{Busy, JobQueue},
    run::{Ended, Run},
    status::{history_key, log_key},
};
use crate::{
    Error, Failure, Result,
    app::{Ctx, Server},
    calls::{Callback, Kwargs, Rest, callback::quiet_function, functions::list},
};

impl Server {
    /// Registers a job: work that goes on when the page that started it reloads or leaves.
    ///
    /// Pages start it as a trigger of its name, `trigger('render', [arguments])`, which returns the
    /// number of the run at once, and cancel it with `trigger('render_cancel')`.
    /// `<selvedge-job name="render">` shows a button, the progress, messages, the log and the
    /// cancellation. Three read-only keys of the state follow the job: `render` is its
    /// [`JobStatus`], `render_log` the log of the run as lines, and `render_history` its last
    /// [runs](super::PastRun). They are not kept across restarts of the program.
    ///
    /// The function gets a [`Job`]. A plain function computes on a thread for blocking work; an
    /// async one may block between its awaits, too. Its return value becomes the result, an error or
    /// a panic fails the run. If the program ends, running jobs are cancelled and have the time
    /// that a stop gives to callbacks.
    ///
    /// Cancellation is cooperative: pages see it at once, and the code ends when it looks at
    /// [`Job::check`]. An async function that has not ended a second later is dropped at its next
    /// await.
    ///
    /// One run at a time is allowed, and another start fails until it has ended, unless
    /// [`at_most`](JobHandle::at_most) and [`when_busy`](JobHandle::when_busy) say otherwise.
    /// Registering the same name again replaces the job, and cancels the runs of the old one.
    ///
    /// # Panics
    /// If the name is not made of ASCII letters, digits and underscores.
    ///
    /// ```
    /// use selvedge::{Failure, Server, jobs::Job};
    ///
    /// let server = Server::new("doc");
    /// server.job("sum", |job: Job, up_to: u64| -> Result<u64, Failure> {
    ///     let mut sum = 0;
    ///     for number in 0..up_to {
    ///         job.check()?;
    ///         job.progress(number as f64 / up_to as f64, "adding");
    ///         sum += number;
    ///     }
    ///     Ok(sum)
    /// });
    /// server.template("main", r#"<selvedge-job name="sum" :args="[1000000]"></selvedge-job>{{ sum.result }}"#);
    /// ```
    pub fn job<M: 'static>(&self, name: &str, callback: impl Callback<Job, M>) -> JobHandle {
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let is_name = !name.is_empty() && name.chars().all(letters);
        assert!(is_name, "`{name}` is not a name of ASCII letters, digits and underscores");
        let title = title_of(name);
        // Pages know the job, and what belongs to it, by its name in the root server.
        let (root, name) = (self.root_server(), self.translator().translate(name));
        #[cfg(feature = "typescript")]
        let signature = crate::calls::callback::parameters_of(&callback);
        let function = quiet_function(callback);
        let definition = Arc::new(Definition {
            queue: Arc::new(JobQueue::new(&name, title)),
            translator: self.translator().clone(),
            function,
        });
        self.inner.jobs.add(Arc::clone(&definition.queue));
        let keys = [name.clone().into_owned(), log_key(&name), history_key(&name)];
        let keys = keys.each_ref().map(String::as_str);
        root.state().read_only(&keys).transient(&keys);
        drive::publish(self, &definition.queue);
        let started = Arc::clone(&definition);
        root.trigger(
            &name,
            move |cx: Ctx, Rest(args): Rest, Kwargs(named): Named| -> Result<u64> {
                let run =
                    started.start(&cx.server, cx.client(), args, named.into_iter().collect())?;
                Ok(run.number)
            },
        );
        // The arguments of the trigger are those of the job.
        #[cfg(feature = "typescript")]
        root.inner.signatures.note(
            crate::typescript::signatures::FunctionKind::Trigger,
            &name,
            signature,
        );
        let cancelled = Arc::clone(&definition.queue);
        root.trigger(&format!("{name}_cancel"), move |cx: Ctx, run: Option<u64>| {
            drive::cancel(&cx.server, &cancelled, run);
        });
        JobHandle { server: self.clone(), definition }
    }

    /// Returns the titles of the jobs that are running or waiting, except those that do not
    /// [ask before the application is closed](JobHandle::ask_before_close). If there are any, a
    /// desktop host asks its user before it ends the application.
    pub fn unfinished_jobs(&self) -> Vec<String> {
        self.inner.jobs.unfinished()
    }
}

/// Named arguments as they came.
type Named = Kwargs<BTreeMap<String, Packed>>;

/// Returns the title of a job without one: `find_peaks` becomes "Find peaks".
fn title_of(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => words,
    }
}

/// A registered job: its settings, and its runs.
#[derive(Clone)]
pub struct JobHandle {
    server: Server,
    definition: Arc<Definition>,
}

impl fmt::Debug for JobHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobHandle").field("name", &self.name()).finish_non_exhaustive()
    }
}

impl JobHandle {
    /// Returns the name by which pages know the job.
    pub fn name(&self) -> &str {
        &self.queue().name
    }

    /// Sets the title that users see. Default: the name as words.
    pub fn title(self, title: impl Into<String>) -> Self {
        let title = title.into();
        self.queue().change_settings(|settings| settings.title = title);
        drive::publish(&self.server, self.queue());
        self
    }

    /// Sets how many runs may be running at once. Default: 1, which is also the least.
    pub fn at_most(self, runs: usize) -> Self {
        self.queue().change_settings(|settings| settings.at_most = runs.max(1));
        self
    }

    /// Sets what happens to a start while as many runs as allowed are running.
    ///
    /// ```
    /// use selvedge::{Server, jobs::{Job, WhenBusy}};
    ///
    /// let server = Server::new("doc");
    /// let preview = server.job("preview", async |_: Job, angle: f64| angle.sin());
    /// preview.when_busy(WhenBusy::Replace);
    /// ```
    pub fn when_busy(self, when_busy: WhenBusy) -> Self {
        self.queue().change_settings(|settings| settings.when_busy = when_busy);
        self
    }

    /// Sets how long a run may take, from the start of its code. Then it fails, and its code should
    /// end as if it were cancelled. Default: no limit.
    pub fn deadline(self, deadline: Duration) -> Self {
        self.queue().change_settings(|settings| settings.deadline = Some(deadline));
        self
    }

    /// Sets whether a desktop host asks its user before the application is closed while the job is
    /// running or waiting. Default: it does.
    pub fn ask_before_close(self, asks: bool) -> Self {
        self.queue().change_settings(|settings| settings.asks_before_close = asks);
        self
    }

    /// Starts a run. `args` are the function's arguments: a tuple, a list, or a single value.
    ///
    /// # Errors
    /// [`Error::JobBusy`] if the job's settings do not allow another run now,
    /// [`Error::NotRunning`] if the server is not running, [`Error::JobReplaced`] if another job was
    /// registered under its name, and
    /// [`values::Error::Encode`](crate::values::Error::Encode) for the arguments. Arguments that do
    /// not fit the function fail the run.
    pub fn start(&self, args: impl Serialize) -> Result<JobRun> {
        let args = list(&args)?;
        let run = self.definition.start(&self.server, None, args, IndexMap::new())?;
        Ok(JobRun { handle: self.clone(), run })
    }

    /// Cancels all runs.
    pub fn cancel(&self) {
        drive::cancel(&self.server, self.queue(), None);
    }

    /// Returns the current status, which pages see a few milliseconds later.
    pub fn status(&self) -> JobStatus {
        self.queue().status().0
    }

    fn queue(&self) -> &Arc<JobQueue> {
        &self.definition.queue
    }
}

impl Definition {
    fn start(
        self: &Arc<Self>,
        server: &Server,
        client: Option<ClientId>,
        args: Vec<Packed>,
        named: IndexMap<String, Packed>,
    ) -> Result<Arc<Run>> {
        if !server.hub().is_running() {
            return Err(Error::NotRunning);
        }
        if !server.inner.jobs.has(&self.queue) {
            return Err(Error::JobReplaced(self.queue.settings().title));
        }
        let begin = drive::begin(server, self, args, named);
        let admitted = self.queue.admit(client, begin);
        let (run, begin) = admitted.map_err(|Busy| self.busy())?;
        if let Some(begin) = begin {
            begin(Arc::clone(&run));
        }
        drive::publish(server, &self.queue);
        Ok(run)
    }

    fn busy(&self) -> Error {
        let settings = self.queue.settings();
        let waiting = self.queue.status().0.waiting;
        Error::JobBusy { job: settings.title, waiting }
    }
}

/// A run of a job. Dropping it does not cancel the run.
#[derive(Clone, Debug)]
pub struct JobRun {
    handle: JobHandle,
    run: Arc<Run>,
}

impl JobRun {
    /// Returns the number of the run, from 1.
    pub fn number(&self) -> u64 {
        self.run.number
    }

    /// Cancels the run.
    pub fn cancel(&self) {
        drive::cancel(&self.handle.server, self.handle.queue(), Some(self.run.number));
    }

    /// Waits for the end of the run, and returns its result.
    ///
    /// # Errors
    /// [`Cancelled`], a failure with the text that pages see, and
    /// [`values::Error::Decode`](crate::values::Error::Decode) if the result has another type.
    ///
    /// # Cancellation
    /// The run goes on.
    pub async fn result<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        match self.run.outcome().await {
            Ended::Done(result) => {
                Ok(result.decode_as(format_args!("the result of {}", self.handle.name()))?)
            }
            Ended::Failed(error) => Err(Failure::msg(error)),
            Ended::Cancelled => Err(Cancelled.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_made_of_the_name() {
        for (name, title) in [("render", "Render"), ("find_peaks", "Find peaks"), ("", "")] {
            assert_eq!(title_of(name), title);
        }
    }
}
