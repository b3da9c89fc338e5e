//! The queue of one client's calls to the application, which may block.
//!
//! What must hold: calls start in the order of arrival. A plain function returns before the next
//! call starts. Neither delays the connection: messages, heartbeats and the close are handled while
//! calls run. The connection bounds the queue by what it reads ([`CallQueue::has_room`]), and calls
//! wait while the client does not read the answers to earlier ones.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;
use selvedge_wslink::messages::server::Request;
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::task_tracker::TaskTrackerToken};

use super::{Client, answers::Ticket};
use crate::{app::Server, blocking, calls::registry::Lifecycle};

/// Number of waiting calls at which the connection stops reading.
const MAX_CALLS: usize = 16 * 1024;

/// Size in bytes of the waiting calls at which the connection stops reading.
const MAX_BYTES: usize = 16 << 20;

/// The calls of one client. After it is dropped, the queue ends once it is empty.
pub(crate) struct CallQueue {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    filled: Notify,
    taken: Notify,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    bytes: usize,
    /// Whether a job that was taken from the queue may still be running.
    running: bool,
    ended: bool,
}

enum Job {
    /// Runs the hooks for the client's connection or disconnection.
    Event(Lifecycle),
    /// Makes a call, which counts as unanswered until the token is dropped.
    Call { request: Request, bytes: usize, ticket: Option<Ticket>, _unanswered: TaskTrackerToken },
}

impl CallQueue {
    /// Starts a queue whose jobs run in a task of the current run.
    pub(crate) fn start(server: &Server, client: &Arc<Client>) -> Self {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            filled: Notify::new(),
            taken: Notify::new(),
        });
        let runner = Runner {
            server: server.clone(),
            client: Arc::clone(client),
            shared: Arc::clone(&shared),
        };
        // Each layer around a future keeps a copy of its size.
        server.hub().spawn_until_ending(|ending| Box::pin(runner.run(ending)));
        CallQueue { shared }
    }

    /// Queues the hooks of an event behind the waiting calls.
    pub(crate) fn push_event(&self, event: Lifecycle) {
        self.shared.push(Job::Event(event), 0);
    }

    /// Queues a call behind the waiting ones. It counts as unanswered while `unanswered` lives.
    /// `bytes` is the size of its message.
    pub(crate) fn push(
        &self,
        request: Request,
        bytes: usize,
        ticket: Option<Ticket>,
        unanswered: TaskTrackerToken,
    ) {
        self.shared.push(Job::Call { request, bytes, ticket, _unanswered: unanswered }, bytes);
    }

    /// Returns whether no job is waiting or running.
    pub(crate) fn is_idle(&self) -> bool {
        let queue = self.shared.queue.lock();
        queue.jobs.is_empty() && !queue.running
    }

    /// Returns whether there is room for another call.
    pub(crate) fn has_room(&self) -> bool {
        let queue = self.shared.queue.lock();
        queue.jobs.len() < MAX_CALLS && queue.bytes < MAX_BYTES
    }

    /// Waits until there is room for another call.
    pub(crate) async fn room(&self) {
        loop {
            let taken = self.shared.taken.notified();
            tokio::pin!(taken);
            taken.as_mut().enable();
            if self.has_room() {
                return;
            }
            taken.await;
        }
    }
}

impl Drop for CallQueue {
    fn drop(&mut self) {
        self.shared.queue.lock().ended = true;
        self.shared.filled.notify_one();
    }
}

impl Shared {
    fn push(&self, job: Job, bytes: usize) {
        let mut queue = self.queue.lock();
        queue.jobs.push_back(job);
        queue.bytes += bytes;
        drop(queue);
        self.filled.notify_one();
    }

    fn take(&self) -> Option<Job> {
        let mut queue = self.queue.lock();
        let job = queue.jobs.pop_front();
        queue.running = job.is_some();
        if let Some(Job::Call { bytes, .. }) = &job {
            queue.bytes -= bytes;
        }
        drop(queue);
        self.taken.notify_one();
        job
    }

    fn pause(&self) {
        self.queue.lock().running = false;
    }
}

/// Runs the jobs of a queue.
struct Runner {
    server: Server,
    client: Arc<Client>,
    shared: Arc<Shared>,
}

impl Runner {
    async fn run(self, ending: CancellationToken) {
        let runner = Arc::new(self);
        loop {
            let next = Arc::clone(&runner);
            let run_ending = ending.clone();
            if blocking::run_in_place(move || next.run_jobs(&run_ending)).await.is_none() {
                return; // the runtime shuts down
            }
            runner.client.gone.run_until_cancelled(runner.client.outbox.room()).await;
            let (is_empty, ended) = {
                let queue = runner.shared.queue.lock();
                (queue.jobs.is_empty(), queue.ended)
            };
            if !is_empty {
                continue;
            }
            if ended || ending.is_cancelled() {
                return;
            }
            tokio::select! {
                () = runner.shared.filled.notified() => {}
                () = ending.cancelled() => {}
            }
        }
    }

    /// Runs waiting jobs until the queue is empty or the client has to read answers first.
    fn run_jobs(&self, ending: &CancellationToken) {
        while let Some(job) = self.shared.take() {
            match job {
                Job::Event(event) => self.server.start_hooks(Some(&self.client), event, &[]),
                // The answer would not reach the client.
                Job::Call { .. } if ending.is_cancelled() => {}
                Job::Call { request, ticket, .. } => {
                    self.server.dispatch(&self.client, request, ticket);
                }
            }
            if !self.client.outbox.has_room() && !self.client.gone.is_cancelled() {
                return self.shared.pause();
            }
        }
    }
}
