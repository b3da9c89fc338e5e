//! The thread that computes. It takes orders from a channel and publishes its results through the
//! server.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use selvedge::{Failure, Server, jobs::Job, plots::Plot, values::Attachment};
use serde::Serialize;
use tokio::sync::oneshot;

use crate::{
    View,
    palette::{PALETTES, Palette},
    simulation::{Field, Parameters},
};

/// Number of cells along each side of the field.
pub(crate) const SIZE: usize = 512;

/// Minimum time between two pictures.
const FRAME: Duration = Duration::from_millis(16);

/// Interval at which statistics are published.
const STATISTICS: Duration = Duration::from_millis(200);

/// Largest change per step that counts as steady.
const STEADY: f32 = 2e-6;

/// Maximum number of iterations of the search for a steady state.
const SEARCH_STEPS: u64 = 60_000;

/// An order to the worker.
pub(crate) enum Order {
    /// Use these parameters from now on.
    Use(Parameters),
    /// Set the number of steps between two pictures.
    Pace(u32),
    /// Show the field in these colours.
    Show(&'static Palette),
    /// Start or pause.
    Run(bool),
    /// Make one step.
    Step,
    /// Restart the simulation.
    Reset,
    /// Draw with a brush.
    Paint { x: f32, y: f32, radius: usize, erase: bool },
    /// Run until the field is steady, for a job. Returns the outcome.
    RunToSteadyState(Job, oneshot::Sender<Result<String, Failure>>),
    /// Return the current field.
    Export(oneshot::Sender<Image>),
}

/// The field as a picture with a palette.
#[derive(Serialize)]
pub(crate) struct Image {
    /// Pixels along each side.
    pub(crate) width: usize,
    /// Pixels along each side.
    pub(crate) height: usize,
    format: &'static str,
    /// 256 colours.
    pub(crate) palette: Attachment,
    /// One byte per pixel.
    pub(crate) data: Attachment,
}

struct Worker {
    server: Server,
    field: Field,
    parameters: Parameters,
    steps_per_frame: u32,
    palette: &'static Palette,
    running: bool,
    iteration: u64,
    seed: u64,
    /// The search for a steady state, while it is running.
    search: Option<Search>,
    /// Whether something has changed that is not shown yet.
    changed: bool,
    /// The coverage over the iterations.
    history: Plot,
    last_statistics: (Instant, u64),
}

struct Search {
    job: Job,
    answer: oneshot::Sender<Result<String, Failure>>,
    /// Iteration and change at the beginning.
    iteration: u64,
    change: f32,
}

/// A cheap handle to the worker, which lives as long as the server runs.
#[derive(Clone, Default)]
pub(crate) struct Simulation {
    thread: Arc<Mutex<Option<Thread>>>,
}

struct Thread {
    orders: Sender<Order>,
    handle: JoinHandle<()>,
}

impl Simulation {
    /// Starts the thread.
    pub(crate) fn start(&self, server: &Server) {
        let (sender, orders) = channel();
        let mut worker = Worker::new(server);
        let handle = std::thread::spawn(move || worker.work(&orders));
        *self.thread() = Some(Thread { orders: sender, handle });
    }

    /// Ends the thread and waits for it, which takes at most the time of one picture.
    pub(crate) fn stop(&self) {
        let thread = self.thread().take();
        if let Some(Thread { orders, handle }) = thread {
            drop(orders);
            if handle.join().is_err() {
                eprintln!("the simulation had failed");
            }
        }
    }

    /// Sends an order. Does nothing if the thread is not running.
    pub(crate) fn tell(&self, order: Order) {
        if let Some(thread) = &*self.thread() {
            drop(thread.orders.send(order));
        }
    }

    fn thread(&self) -> MutexGuard<'_, Option<Thread>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Worker {
    fn new(server: &Server) -> Self {
        Worker {
            server: server.clone(),
            field: Field::new(SIZE, 1),
            parameters: Parameters::default(),
            steps_per_frame: 1,
            palette: &PALETTES[0],
            running: false,
            iteration: 0,
            seed: 1,
            search: None,
            changed: true,
            history: server.plot("history", ["Coverage"]),
            last_statistics: (Instant::now(), 0),
        }
    }

    fn work(&mut self, orders: &Receiver<Order>) {
        loop {
            let frame_begins = Instant::now();
            if self.search.is_some() {
                self.search(frame_begins);
            } else if self.running {
                (0..self.steps_per_frame).for_each(|_| self.step());
            }
            self.show();
            // Waits for the next picture if there is something to compute, else for an order.
            loop {
                let busy = self.running || self.search.is_some() || self.changed;
                let left = FRAME.saturating_sub(frame_begins.elapsed());
                let order = match busy {
                    true => orders.recv_timeout(left),
                    false => orders.recv().map_err(Into::into),
                };
                match order {
                    Ok(order) => self.follow(order),
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        }
    }

    fn follow(&mut self, order: Order) {
        match order {
            Order::Use(parameters) => self.parameters = parameters,
            Order::Pace(steps) => self.steps_per_frame = steps,
            Order::Show(palette) => {
                self.palette = palette;
                self.changed = true;
            }
            Order::Run(running) => {
                self.running = running;
                // Publishes what was computed since the last statistics.
                self.changed = true;
            }
            Order::Step => self.step(),
            Order::Reset => self.reset(),
            Order::Paint { x, y, radius, erase } => {
                self.field.paint(x, y, radius, erase);
                self.changed = true;
            }
            Order::RunToSteadyState(job, answer) => {
                self.step();
                let (iteration, change) = (self.iteration, self.field.change());
                self.search = Some(Search { job, answer, iteration, change });
            }
            // The receiver may have been dropped.
            Order::Export(answer) => drop(answer.send(self.image())),
        }
    }

    fn step(&mut self) {
        self.field.step(&self.parameters);
        self.iteration += 1;
        self.changed = true;
    }

    fn reset(&mut self) {
        self.end_search(Err(Failure::msg("The field was reset")));
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.field = Field::new(SIZE, self.seed);
        self.iteration = 0;
        self.history.clear();
        self.last_statistics = (Instant::now() - STATISTICS, 0);
        self.changed = true;
    }

    /// Computes for the time of one picture towards the steady state.
    fn search(&mut self, frame_begins: Instant) {
        while frame_begins.elapsed() < FRAME * 2 {
            self.step();
        }
        let Some(Search { job, iteration, change: first, .. }) = &self.search else { return };
        let (change, steps) = (self.field.change(), self.iteration - iteration);
        let nearer = (first / change).ln() / (first / STEADY).ln();
        job.progress(
            nearer.max(steps as f32 / SEARCH_STEPS as f32).into(),
            format!("Change per iteration {change:.1e}"),
        );
        if let Err(cancelled) = job.check() {
            self.end_search(Err(cancelled.into()));
        } else if change <= STEADY {
            self.end_search(Ok(format!("Steady after {steps} iterations")));
        } else if steps >= SEARCH_STEPS {
            self.end_search(Err(Failure::msg("This pattern does not come to rest")));
        }
    }

    /// Ends the search, and pauses to show what it has found.
    fn end_search(&mut self, outcome: Result<String, Failure>) {
        if let Some(search) = self.search.take() {
            self.running = false;
            View::RUNNING.set(&self.server, false);
            // The job may have ended before.
            drop(search.answer.send(outcome));
        }
    }

    fn show(&mut self) {
        if std::mem::take(&mut self.changed) {
            // Without clients there is nothing to do, and a busy client gets a later picture.
            if let Err(error) = self.server.stream("field", self.image()) {
                eprintln!("the field cannot be shown: {error}");
            }
        }
        let (then, iteration_then) = self.last_statistics;
        let elapsed = then.elapsed();
        let is_due = elapsed >= STATISTICS || !(self.running || self.search.is_some());
        if is_due && self.iteration != iteration_then || self.history.is_empty() {
            let done = self.iteration.saturating_sub(iteration_then);
            self.last_statistics = (Instant::now(), self.iteration);
            self.publish_statistics(done as f64 / elapsed.as_secs_f64());
        }
    }

    fn publish_statistics(&mut self, rate: f64) {
        let coverage = self.field.coverage();
        if let Err(error) = self.history.push(self.iteration as f64, [coverage.into()]) {
            eprintln!("the coverage cannot be plotted: {error}");
        }
        self.server.state().batch(|batch| {
            batch
                .set(View::ITERATION, self.iteration)
                .set(View::RATE, rate)
                .set(View::COVERAGE, f64::from(coverage));
        });
    }

    fn image(&self) -> Image {
        let size = self.field.size();
        Image {
            width: size,
            height: size,
            format: "indexed8",
            palette: self.palette.colours().to_vec().into(),
            data: self.field.pixels().into(),
        }
    }
}
