//! Measures the start and the stop of a server, compared with axum alone.
//!
//! `cargo bench -p selvedge --bench stopping` prints two tables.
//! - *Stop to free*: from the call that stops the server until its port can be bound exclusively
//!   again, with 20 WebSockets and 20 idle HTTP connections. axum stops gracefully and gets two
//!   seconds for the port.
//! - *Start to first state*: from the start of a process until a client that sends the hello and
//!   asks for the state has the answer. The other server answers both with prepared bytes.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod bare;
mod load;

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use load::{Load, SECRET, frame};
use selvedge::port::is_port_free;
use selvedge::{Server, StartOptions};
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream, runtime::Runtime, sync::oneshot};

/// Number of stops of the state server; the median counts.
const STOPS: usize = 50;

/// Number of stops of the other server; each blocks a port for a minute.
const BARE_STOPS: usize = 3;

/// Time limit for the port of the other server.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Number of processes started of each kind.
const STARTS: usize = 20;

/// Number of connections of each kind.
const CLIENTS: usize = 20;

/// Environment variable that says which server a process of this program runs.
const ROLE: &str = "SELVEDGE_BENCH_ROLE";

fn main() {
    let runtime = Runtime::new().unwrap();
    match std::env::var(ROLE).as_deref() {
        Ok("ours") => return runtime.block_on(serve_ours()),
        Ok(_) => return runtime.block_on(serve_bare()),
        Err(_) => {}
    }
    let ours = runtime.block_on(stops(STOPS, stop_ours));
    let bare = runtime.block_on(stops(BARE_STOPS, stop_bare));
    row("stop to free", &ours, &bare);
    let start = |role| (0..STARTS).map(|_| runtime.block_on(first_state(role))).collect::<Vec<_>>();
    row("start to first state", &start("ours"), &start("bare"));
}

fn row(name: &str, ours: &[Option<Duration>], bare: &[Option<Duration>]) {
    let median = |times: &[Option<Duration>]| {
        let mut known: Vec<Duration> = times.iter().flatten().copied().collect();
        known.sort();
        (known.len() == times.len()).then(|| known[known.len() / 2])
    };
    let shown = |time: Option<Duration>| {
        time.map_or(format!("> {TIMEOUT:?}"), |time| format!("{time:.1?}"))
    };
    let (ours, bare) = (median(ours), median(bare));
    let ratio = match (ours, bare) {
        (Some(ours), Some(bare)) => format!("{:.2}", ours.as_secs_f64() / bare.as_secs_f64()),
        (Some(ours), None) => format!("< {:.4}", ours.as_secs_f64() / TIMEOUT.as_secs_f64()),
        _ => "none".to_owned(),
    };
    println!("{name:<24} ours {:>10}   axum {:>10}   ratio {ratio}", shown(ours), shown(bare));
}

async fn stops(count: usize, stop: impl AsyncFn() -> Option<Duration>) -> Vec<Option<Duration>> {
    let mut times = Vec::new();
    for _ in 0..count {
        times.push(stop().await);
    }
    times
}

async fn idle_connections(address: SocketAddr) -> Vec<TcpStream> {
    let mut connections = Vec::new();
    for _ in 0..CLIENTS {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET /missing HTTP/1.1\r\nHost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        connections.push(stream);
    }
    connections
}

async fn stop_ours() -> Option<Duration> {
    let server = Server::new("stopping");
    let running = server.spawn(StartOptions::new().port(0).secret(SECRET)).await.unwrap();
    let address = running.addresses()[0];
    let clients = Load::connect(address, CLIENTS).await;
    let idle = idle_connections(address).await;
    let reading = tokio::spawn(clients.until_closed());
    let begin = Instant::now();
    running.stop().await.unwrap();
    let elapsed = begin.elapsed();
    assert!(is_port_free("127.0.0.1", address.port()).await.unwrap());
    reading.await.unwrap();
    drop(idle);
    Some(elapsed)
}

async fn stop_bare() -> Option<Duration> {
    let (stop, stopped) = oneshot::channel::<()>();
    let (address, serving) = bare::serve_until(frame(&json!(null)), stopped).await;
    let clients = Load::connect(address, CLIENTS).await;
    let idle = idle_connections(address).await;
    let reading = tokio::spawn(clients.until_closed());
    let begin = Instant::now();
    stop.send(()).unwrap();
    let freed = async {
        serving.await.unwrap();
        while !is_port_free("127.0.0.1", address.port()).await.unwrap() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        begin.elapsed()
    };
    let freed = tokio::time::timeout(TIMEOUT, freed).await.ok();
    reading.abort();
    drop(idle);
    freed
}

async fn serve_ours() {
    let server = Server::new("starting");
    let running = server.spawn(StartOptions::new().port(0).secret(SECRET)).await.unwrap();
    println!("{}", running.addresses()[0]);
    std::future::pending().await
}

async fn serve_bare() {
    let (_stop, never) = oneshot::channel();
    let (address, serving) = bare::serve_until(frame(&json!(null)), never).await;
    println!("{address}");
    serving.await.unwrap();
}

async fn first_state(role: &str) -> Option<Duration> {
    let begin = Instant::now();
    let mut process = Command::new(std::env::current_exe().unwrap())
        .env(ROLE, role)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let mut client = Load::connect(line.trim().parse().unwrap(), 1).await;
    let get = json!({"id": "rpc:c0:1", "method": "trame.state.get", "args": [], "kwargs": {}});
    client.send(&frame(&get)).await;
    client.received().await;
    let elapsed = begin.elapsed();
    process.kill().unwrap();
    process.wait().unwrap();
    Some(elapsed)
}
