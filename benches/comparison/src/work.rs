//! Work that is measured, and how a measurement is taken.

use std::{
    io,
    time::{Duration, Instant},
};

use crate::servers::Server;

/// Figures of one server in one case, by their names.
pub(crate) type Figures = Vec<(&'static str, f64)>;

#[derive(Clone, Copy)]
pub(crate) enum Work {
    /// Clients connect and stay.
    Connect,
    /// Each client keeps this many calls in flight, with this many bytes as their argument, while
    /// others are idle.
    Calls { depth: usize, bytes: usize, idle: usize },
    /// The first client sets a key with a listener, with this many updates in flight.
    Updates { depth: u64 },
    /// The server sets a text of this size for all clients this many times in a burst.
    Texts { size: u64, burst: u64 },
    /// The server publishes this many bytes to all clients.
    Bytes { size: u64, burst: u64 },
    /// New clients ask for the whole state.
    Newcomers,
    /// Over a slow line, clients get the whole state, and texts are sent both ways.
    SlowLine,
    /// The server starts and stops.
    StartAndStop,
}

/// Measures work that repeats.
pub(crate) struct Meter<'a> {
    pub(crate) server: &'a Server,
    pub(crate) duration: Duration,
    pub(crate) latencies: Vec<Duration>,
}

impl Meter<'_> {
    /// Repeats the work, first for a while without measuring. `parts` is the number of operations
    /// of each repetition.
    pub(crate) async fn repeat(
        &mut self,
        parts: f64,
        mut work: impl AsyncFnMut(u64) -> io::Result<()>,
    ) -> io::Result<Figures> {
        let mut number = 0;
        let warm = Instant::now() + self.duration / 4;
        while Instant::now() < warm || number < 2 {
            work(number).await?;
            number += 1;
        }
        let (first, begin, before) = (number, Instant::now(), self.server.processor_time());
        while begin.elapsed() < self.duration || number < first + 3 {
            let started = Instant::now();
            work(number).await?;
            self.latencies.push(started.elapsed());
            number += 1;
        }
        let (elapsed, spent) = (begin.elapsed(), self.server.processor_time().since(before));
        let operations = (number - first) as f64 * parts;
        self.latencies.sort();
        let at =
            |part: f64| micros(self.latencies[((self.latencies.len() - 1) as f64 * part) as usize]);
        Ok(vec![
            ("CPU µs", micros(spent) / operations),
            ("per second", operations / elapsed.as_secs_f64()),
            ("p50 µs", at(0.5)),
            ("p99 µs", at(0.99)),
        ])
    }
}

pub(crate) fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

pub(crate) fn wrong(what: &str) -> io::Error {
    io::Error::other(format!("the server sent {what}"))
}
