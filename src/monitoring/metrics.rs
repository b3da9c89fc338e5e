//! What is counted while a program runs, in the text format of Prometheus.
//!
//! What must hold: the number of time series is bounded by what the application registers, never by
//! what clients send.

use std::{
    fmt,
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Metric, Registry, Unit},
};

/// Gauge values, sampled on each scrape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Levels {
    pub(crate) rooms: usize,
    pub(crate) clients: usize,
    /// Bytes that wait for all clients.
    pub(crate) waiting_bytes: usize,
    /// Bytes that wait for the client with the longest queue.
    pub(crate) longest_queue_bytes: usize,
    /// How long the oldest change of all rooms has waited for the store.
    pub(crate) store_lag: Duration,
    /// Connections of clients to rooms on other nodes.
    pub(crate) relayed: usize,
}

/// The labels of a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Callee {
    /// `trigger` or `rpc`.
    kind: &'static str,
    name: String,
}

/// Why a page got no session.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refusal {
    reason: &'static str,
}

/// The counters of one run.
pub(crate) struct Metrics {
    registry: Registry,
    messages_received: Counter,
    bytes_received: Counter,
    frames_sent: Counter,
    bytes_sent: Counter,
    durations: Family<Callee, Histogram>,
    failures: Family<Callee, Counter>,
    clients_given_up: Counter,
    rooms_begun: Counter,
    pages_refused: Family<Refusal, Counter>,
    rooms_taken_over: Counter,
    rooms_fenced: Counter,
    takeovers: Histogram,
    store_answers: Gauge,
    store_lag: Gauge<f64, AtomicU64>,
    relayed: Gauge,
    rooms: Gauge,
    clients: Gauge,
    waiting: Gauge,
    longest_queue: Gauge,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Creates the histogram of the durations of a function: 0.1 ms to 26 s.
fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 4.0, 10))
}

/// Registers a metric and returns it.
fn add<M: Metric + Clone>(
    registry: &mut Registry,
    name: &str,
    unit: Option<Unit>,
    help: &str,
    metric: M,
) -> M {
    match unit {
        Some(unit) => registry.register_with_unit(name, help, unit, metric.clone()),
        None => registry.register(name, help, metric.clone()),
    }
    metric
}

impl Default for Metrics {
    fn default() -> Self {
        let mut all = Registry::with_prefix("selvedge");
        let (bytes, seconds) = (|| Some(Unit::Bytes), || Some(Unit::Seconds));
        Metrics {
            rooms: add(&mut all, "rooms", None, "Rooms that run", Gauge::default()),
            clients: add(&mut all, "clients", None, "Clients that are connected", Gauge::default()),
            waiting: add(&mut all, "waiting", bytes(), "What waits for clients", Gauge::default()),
            longest_queue: add(
                &mut all,
                "longest_queue",
                bytes(),
                "What waits for the client with the longest queue",
                Gauge::default(),
            ),
            messages_received: add(
                &mut all,
                "messages_received",
                None,
                "Messages of clients",
                Counter::default(),
            ),
            bytes_received: add(
                &mut all,
                "received",
                bytes(),
                "The size of the messages of clients",
                Counter::default(),
            ),
            frames_sent: add(
                &mut all,
                "frames_sent",
                None,
                "Frames sent to clients",
                Counter::default(),
            ),
            bytes_sent: add(
                &mut all,
                "sent",
                bytes(),
                "The size of the frames sent to clients, before compression",
                Counter::default(),
            ),
            durations: add(
                &mut all,
                "call_duration",
                seconds(),
                "The time until functions of the application have answered",
                Family::new_with_constructor(durations),
            ),
            failures: add(&mut all, "calls_failed", None, "Calls that failed", Family::default()),
            clients_given_up: add(
                &mut all,
                "clients_given_up",
                None,
                "Clients that were disconnected because they did not read",
                Counter::default(),
            ),
            rooms_begun: add(
                &mut all,
                "rooms_begun",
                None,
                "Rooms that were made",
                Counter::default(),
            ),
            pages_refused: add(
                &mut all,
                "pages_refused",
                None,
                "Pages that got no session",
                Family::default(),
            ),
            rooms_taken_over: add(
                &mut all,
                "rooms_taken_over",
                None,
                "Rooms that this node has taken over from others",
                Counter::default(),
            ),
            rooms_fenced: add(
                &mut all,
                "rooms_fenced",
                None,
                "Rooms that another node has taken over while they ran here",
                Counter::default(),
            ),
            takeovers: add(
                &mut all,
                "takeover_duration",
                seconds(),
                "The time from the first page that asked for a room until it was taken over",
                durations(),
            ),
            store_answers: add(
                &mut all,
                "store_answers",
                None,
                "Whether the store of the cluster answers",
                Gauge::default(),
            ),
            store_lag: add(
                &mut all,
                "store_lag",
                seconds(),
                "How long the oldest change of all rooms has waited for the store",
                Gauge::default(),
            ),
            relayed: add(
                &mut all,
                "relayed",
                None,
                "Connections of clients to rooms on other nodes",
                Gauge::default(),
            ),
            registry: all,
        }
    }
}

impl Metrics {
    /// Counts a message of a client.
    pub(crate) fn received(&self, bytes: usize) {
        self.messages_received.inc();
        self.bytes_received.inc_by(bytes as u64);
    }

    /// Counts frames for a client.
    pub(crate) fn sent(&self, frames: usize, bytes: usize) {
        self.frames_sent.inc_by(frames as u64);
        self.bytes_sent.inc_by(bytes as u64);
    }

    /// Counts a call of a function that the application has registered.
    pub(crate) fn called(&self, kind: &'static str, name: &str, took: Duration, failed: bool) {
        let callee = Callee { kind, name: name.to_owned() };
        self.durations.get_or_create(&callee).observe(took.as_secs_f64());
        if failed {
            self.failures.get_or_create(&callee).inc();
        }
    }

    /// Counts a client that was disconnected because it did not read.
    pub(crate) fn client_given_up(&self) {
        self.clients_given_up.inc();
    }

    /// Counts a room that was made.
    pub(crate) fn room_begun(&self) {
        self.rooms_begun.inc();
    }

    /// Counts a room that was taken over from another node.
    pub(crate) fn room_taken_over(&self, took: Duration) {
        self.rooms_taken_over.inc();
        self.takeovers.observe(took.as_secs_f64());
    }

    /// Counts a room that another node has taken over.
    pub(crate) fn room_fenced(&self) {
        self.rooms_fenced.inc();
    }

    /// Notes whether the store answers.
    pub(crate) fn store_answers(&self, answers: bool) {
        self.store_answers.set(i64::from(answers));
    }

    /// Counts a page that got no session.
    pub(crate) fn page_refused(&self, reason: &'static str) {
        self.pages_refused.get_or_create(&Refusal { reason }).inc();
    }

    /// Returns all metrics as text.
    pub(super) fn text(&self, levels: Levels) -> Result<String, fmt::Error> {
        let set = |gauge: &Gauge<i64, AtomicI64>, value: usize| {
            gauge.inner().store(i64::try_from(value).unwrap_or(i64::MAX), Ordering::Relaxed);
        };
        set(&self.rooms, levels.rooms);
        set(&self.clients, levels.clients);
        set(&self.waiting, levels.waiting_bytes);
        set(&self.longest_queue, levels.longest_queue_bytes);
        set(&self.relayed, levels.relayed);
        self.store_lag.set(levels.store_lag.as_secs_f64());
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
