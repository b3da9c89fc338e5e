//! Runs two hundred clients that connect, disconnect, stall and misbehave for a minute: `cargo test
//! --release --test integration soak -- --ignored --nocapture`.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use selvedge::{
    Server,
    client::Client,
    websocket::{Connect, Options},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Handle,
    time::{sleep, timeout},
};

use super::echo_with;
use crate::support::{SECRET, start};

const CLIENTS: usize = 200;
const LENGTH: Duration = Duration::from_secs(60);

/// Resources of the process.
#[derive(Clone, Copy, Debug)]
struct Held {
    tasks: usize,
    sockets: usize,
    resident: usize,
}

fn held() -> Held {
    let links = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let is_socket = |entry: &std::fs::DirEntry| {
        std::fs::read_link(entry.path())
            .is_ok_and(|link| link.to_string_lossy().starts_with("socket:"))
    };
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    Held {
        tasks: Handle::current().metrics().num_alive_tasks(),
        sockets: links.filter(is_socket).count(),
        resident: resident.trim().trim_end_matches(" kB").parse().unwrap(),
    }
}

/// Runs one visit of a client, whose number selects its behaviour.
async fn visit(number: usize, address: SocketAddr) -> Result<(), selvedge::Error> {
    let echo = Connect::to(&format!("ws://{address}/echo"))?;
    match number % 6 {
        // Behaves correctly.
        0 => {
            let connection = echo.open().await?;
            for size in [0, 10, 1000, 100_000] {
                connection.send(vec![1; size]).await?;
                assert_eq!(connection.receive().await?.len(), size);
            }
            connection.ping().await?;
            connection.close(1000, "").await?;
        }
        // Disconnects without a close frame.
        1 => {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let head = format!(
                "GET /echo HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut answer = [0; 100];
            let _ = stream.read(&mut answer).await;
        }
        // Sends, and does not read the answers.
        2 => {
            let connection = echo.options(Options::new().receive_queue(1, 1)).open().await?;
            let flood = async { while connection.send(vec![2; 10_000]).await.is_ok() {} };
            drop(timeout(Duration::from_secs(3), flood).await);
            drop(connection.close_within(1000, "", Some(Duration::from_millis(100))).await);
        }
        // Sends garbage.
        3 => {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let head = format!(
                "GET /echo HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(&[0xff; 50]).await.unwrap();
            let mut answer = Vec::new();
            let _ = timeout(Duration::from_secs(2), stream.read_to_end(&mut answer)).await;
        }
        // A short-lived client of the state server.
        4 => {
            let client =
                Client::builder(&format!("ws://{address}/ws"))?.secret(SECRET).open().await?;
            client.state().set("last", number).await?;
            client.call_trigger("add", (1, 2)).await?;
            client.close().await?;
        }
        // Sends something, is silent for a while, and is dropped.
        _ => {
            let connection = echo.open().await?;
            connection.send("x").await?;
            sleep(Duration::from_secs(2)).await;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute"]
async fn soak_of_clients_that_come_and_go_leaves_nothing_behind() {
    let server = Server::new("soak");
    server.websocket("/echo", echo_with(Options::new().heartbeat(Duration::from_secs(4))));
    server.trigger("add", |_: selvedge::Ctx, a: i64, b: i64| a + b);
    let before = held();
    let running = start(&server).await;
    let address = running.addresses()[0];
    let (visits, failed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let begin = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (visits, failed) = (Arc::clone(&visits), Arc::clone(&failed));
            tokio::spawn(async move {
                while begin.elapsed() < LENGTH {
                    visits.fetch_add(1, Ordering::Relaxed);
                    if visit(number, address).await.is_err() {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                    sleep(Duration::from_millis(200)).await;
                }
            })
        })
        .collect();
    let mut samples = Vec::new();
    for _ in 0..LENGTH.as_secs() / 10 {
        sleep(Duration::from_secs(10)).await;
        samples.push(held());
        println!("{:3.0} s  {:?}", begin.elapsed().as_secs_f64(), held());
    }
    for client in clients {
        client.await.unwrap();
    }
    let report = running.stop().await.unwrap();
    sleep(Duration::from_secs(5)).await; // clients that were dropped close in the background
    let after = held();
    println!(
        "visits {visits:?}, failed {failed:?}, before {before:?}, after {after:?}, {report:?}"
    );
    assert_eq!(failed.load(Ordering::Relaxed), 0);
    // Buffers first grow to their limits, and then stay there.
    let (half, last) = (samples[samples.len() / 2], samples[samples.len() - 1]);
    assert!(last.resident < half.resident * 5 / 4, "memory grows");
    assert_eq!(after.sockets, before.sockets);
    assert!(after.tasks <= before.tasks, "tasks are left");
}
