//! Measures the cost of the state server compared with a bare WebSocket server that sends the same
//! number of bytes.
//!
//! `cargo bench -p selvedge --bench serving` prints a table: the processor time of the server's
//! threads per operation, for both servers in the same run, and their ratio. The ratio is the
//! result; the times depend on the machine. An argument selects rows by a part of their names.
//!
//! This is custom code because benchmark libraries measure the time of a function. Here the time of
//! other threads is measured, and two servers take turns so that other load on the machine affects
//! both.
#![allow(clippy::unwrap_used, unreachable_pub)]

#[allow(dead_code)]
mod bare;
#[allow(dead_code)]
mod load;
mod processor_time;

use std::{sync::Arc, time::Duration};

use bare::Bare;
use load::Load;
use selvedge::{Ctx, Running, Server, StartOptions, calls::Rest, values::Packed};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

/// Number of turns of each server; the median counts.
const TURNS: usize = 7;

/// Size of the text that all clients get, in bytes.
const TEXT: usize = 1024;

/// Names of the threads of our server: its workers, the watch over callbacks, and its stand-ins.
const OURS: [&str; 3] = ["ours", "selvedge-watch", "selvedge-spare"];

/// Work of both servers: an operation of the state server, and the number of bytes that the other
/// one sends for it.
struct Row {
    name: String,
    operations: usize,
    /// Number of operations that one counts as, for example one per client that gets it.
    parts: usize,
    ours: Duration,
    bare: Duration,
    ratio: f64,
}

fn main() {
    let chosen: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let benches =
        Benches { ours: runtime("ours"), bare: runtime("bare"), load: runtime("load"), chosen };
    println!("{:<34} {:>12} {:>12} {:>7}", "processor time of the server", "ours", "bare", "ratio");
    for keys in [10, 1_000, 100_000] {
        benches.flush(keys);
    }
    for sessions in [1, 10, 100, 1_000] {
        benches.fan_out(sessions);
    }
    for depth in [1, 8] {
        benches.calls(depth);
    }
    benches.snapshot(100_000);
}

fn runtime(name: &str) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name(name)
        .thread_keep_alive(Duration::from_secs(3600))
        .enable_all()
        .build()
        .unwrap()
}

struct Benches {
    ours: Runtime,
    bare: Runtime,
    load: Runtime,
    chosen: Vec<String>,
}

impl Benches {
    /// One of many keys changes and is flushed; one client sees it.
    fn flush(&self, keys: usize) {
        let set = |server: &Server, number: usize| {
            server.state().set("key_0", number + 1_000_000).flush();
        };
        self.pushed(&format!("flush of 1 of {keys} keys"), keys, 1, 2_000, set);
    }

    /// A text of 1 KiB goes to many clients; the time is per delivery.
    fn fan_out(&self, sessions: usize) {
        let set = |server: &Server, number: usize| {
            let text = format!("{number:08}{}", "x".repeat(TEXT - 8));
            server.state().set("key_0", text).flush();
        };
        let operations = (4_000 / sessions).clamp(20, 1_000);
        self.pushed(&format!("1 KiB to {sessions}, each"), 10, sessions, operations, set);
    }

    /// Both servers send something to all clients, and continue when all have it.
    fn pushed(
        &self,
        name: &str,
        keys: usize,
        sessions: usize,
        operations: usize,
        push: fn(&Server, usize),
    ) {
        if !self.is_chosen(name) {
            return;
        }
        let (server, running) = self.start(keys);
        let mut ours = self.load.block_on(Load::connect(running.addresses()[0], sessions));
        push(&server, 0);
        let bytes = self.load.block_on(ours.received());
        let bare = self.bare.block_on(Bare::start(bytes.clone()));
        let mut theirs = self.load.block_on(Load::connect(bare.address, sessions));
        let mut number = 0;
        let row = compare(name, operations, sessions, |side, operations| {
            for _ in 0..operations {
                number += 1;
                match side {
                    Side::Ours => {
                        let server = server.clone();
                        let pushed = self.ours.spawn_blocking(move || push(&server, number));
                        self.load
                            .block_on(async { tokio::join!(ours.received(), pushed).1.unwrap() });
                    }
                    Side::Bare => {
                        let (bare, bytes) = (Arc::clone(&bare.clients), bytes.clone());
                        let sent = self.bare.spawn_blocking(move || bare.send_to_all(&bytes));
                        self.load
                            .block_on(async { tokio::join!(theirs.received(), sent).1.unwrap() });
                    }
                }
            }
        });
        row.print();
        self.stop(running);
    }

    /// A client calls a trigger that returns its argument, with this many calls in flight.
    fn calls(&self, depth: usize) {
        let call = json!({"id": "rpc:c0:1", "method": "trame.trigger", "args": ["echo", [1, "text"], {}], "kwargs": {}});
        self.answered(&format!("call, {depth} at a time"), 10, depth, 2_000 / depth, &call);
    }

    /// A new client asks for the whole state.
    fn snapshot(&self, keys: usize) {
        let call = json!({"id": "rpc:c0:1", "method": "trame.state.get", "args": [], "kwargs": {}});
        self.answered(&format!("snapshot of {keys} keys"), keys, 1, 10, &call);
    }

    /// Both servers answer a client that waits for the answers before it continues.
    fn answered(&self, name: &str, keys: usize, depth: usize, operations: usize, call: &Value) {
        if !self.is_chosen(name) {
            return;
        }
        let call = load::frame(call);
        let (_server, running) = self.start(keys);
        let mut ours = self.load.block_on(Load::connect(running.addresses()[0], 1));
        let bytes = self.load.block_on(async {
            ours.send(&call).await;
            ours.received().await
        });
        let bare = self.bare.block_on(Bare::start(bytes));
        let mut theirs = self.load.block_on(Load::connect(bare.address, 1));
        let row = compare(name, operations, depth, |side, operations| {
            let client = match side {
                Side::Ours => &mut ours,
                Side::Bare => &mut theirs,
            };
            self.load.block_on(async {
                for _ in 0..operations {
                    for _ in 0..depth {
                        client.send(&call).await;
                    }
                    for _ in 0..depth {
                        client.received().await;
                    }
                }
            });
        });
        row.print();
        self.stop(running);
    }

    fn is_chosen(&self, name: &str) -> bool {
        self.chosen.is_empty() || self.chosen.iter().any(|part| name.contains(part.as_str()))
    }

    fn start(&self, keys: usize) -> (Server, Running) {
        let server = Server::new("bench");
        for key in 0..keys {
            server.state().set(format!("key_{key}"), key);
        }
        server.trigger("echo", |_: Ctx, arguments: Rest| -> Vec<Packed> { arguments.0 });
        let options = StartOptions::new().port(0).secret(load::SECRET);
        let running = self.ours.block_on(server.spawn(options)).unwrap();
        (server, running)
    }

    fn stop(&self, running: Running) {
        self.ours.block_on(running.stop()).unwrap();
    }
}

/// The server whose turn it is.
#[derive(Clone, Copy)]
enum Side {
    Ours,
    Bare,
}

/// Runs both servers in turns.
fn compare(name: &str, operations: usize, parts: usize, mut work: impl FnMut(Side, usize)) -> Row {
    let mut take = |side| {
        let threads: &[&str] = match side {
            Side::Ours => &OURS,
            Side::Bare => &["bare"],
        };
        let before: Vec<Duration> =
            threads.iter().map(|name| processor_time::of_threads(name)).collect();
        work(side, operations);
        let spent = |(name, before): (&&str, Duration)| {
            let after = processor_time::of_threads(name);
            // The time of a thread that ended in between is lost.
            after.checked_sub(before).unwrap_or(after)
        };
        threads.iter().zip(before).map(spent).sum::<Duration>()
    };
    take(Side::Ours);
    take(Side::Bare);
    let mut turns: Vec<(Duration, Duration)> =
        (0..TURNS).map(|_| (take(Side::Ours), take(Side::Bare))).collect();
    let ratio = |(ours, bare): &(Duration, Duration)| ours.as_secs_f64() / bare.as_secs_f64();
    turns.sort_by(|one, other| ratio(one).total_cmp(&ratio(other)));
    let (ours, bare) = turns[TURNS / 2];
    Row { name: name.to_owned(), operations, parts, ours, bare, ratio: ratio(&turns[TURNS / 2]) }
}

impl Row {
    fn print(&self) {
        let each = |time: Duration| {
            let micros = time.as_secs_f64() * 1e6 / (self.operations * self.parts) as f64;
            format!("{micros:.2} µs")
        };
        println!(
            "{:<34} {:>12} {:>12} {:>7.2}",
            self.name,
            each(self.ours),
            each(self.bare),
            self.ratio
        );
    }
}
