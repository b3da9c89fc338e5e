//! What pages see of a job.

use selvedge_wslink::{Packed, Timestamp};
use serde::{Deserialize, Serialize};

/// The phase of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum JobState {
    /// It was never started.
    #[default]
    Idle,
    /// It waits for other runs of the job.
    Queued,
    /// It runs.
    Running,
    /// It has returned a result.
    Done,
    /// It has returned an error, has panicked, or took too long.
    Failed,
    /// It was cancelled. Its code may run on until it notices that.
    Cancelled,
}

/// The status of a job: the value of the state key with the job's name.
///
/// It describes the oldest run that has not ended, or else the last one that has.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JobStatus {
    /// The title for users.
    pub title: String,
    /// The number of the run, from 1; 0 if there was none.
    pub run: u64,
    /// The phase of the run.
    pub state: JobState,
    /// The completed part, from 0 to 1. `None` if the job has not said it.
    pub progress: Option<f64>,
    /// What the job is doing, or has done last.
    pub message: String,
    /// Seconds since the run has begun, up to its end.
    pub seconds: f64,
    /// Estimated seconds until the end, from the progress so far.
    pub left: Option<f64>,
    /// The result of a run that is done; else nil.
    pub result: Packed,
    /// Why the run failed; else empty.
    pub error: String,
    /// Number of runs whose code runs.
    pub running: usize,
    /// Number of runs that wait.
    pub waiting: usize,
}

/// A run that has ended, in the history of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PastRun {
    /// The number of the run.
    pub run: u64,
    /// How it ended.
    pub state: JobState,
    /// When its code began; `None` if it was cancelled while it waited.
    pub began: Option<Timestamp>,
    /// How long it took.
    pub seconds: f64,
    /// Its last message, or its error.
    pub message: String,
}

/// The key of a job's log.
pub(super) fn log_key(name: &str) -> String {
    format!("{name}_log")
}

/// The key of a job's past runs.
pub(super) fn history_key(name: &str) -> String {
    format!("{name}_history")
}
