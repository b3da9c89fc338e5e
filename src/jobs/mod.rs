//! Jobs: work that outlives the page that started it.
//!
//! A job belongs to the application, not to the connection that started it: pages may reload or
//! leave. Its progress, messages, log and result are values of the state, under its name, so every
//! page shows them, also one that opens later.

// - `handle`: what an application sees of a job from outside; `context`: from inside
// - `status`: what pages see of it
// - `run`: the data of one run; `queue`: which runs may begin, and the past ones
// - `drive`: executes runs and publishes their progress

mod context;
mod drive;
mod handle;
pub(crate) mod queue;
mod run;
mod status;

pub use context::{Cancelled, Job};
pub use handle::{JobHandle, JobRun};
pub use queue::WhenBusy;
pub use status::{JobState, JobStatus, PastRun};
