//! Tests the release of the port, whatever clients do: rude clients are dropped in time, polite
//! clients lose nothing, and common mistakes are not made.

use std::{
    net::{SocketAddr, TcpListener},
    time::{Duration, Instant},
};

use selvedge::{
    Error, Running, Server, StartOptions,
    port::{self, Holder, is_port_free, wait_port_free},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use crate::support::{Client, TIMEOUT, free_port, open, open_at, options};

/// Number of bytes that exceeds all socket buffers.
const LARGE: usize = 32 << 20;

/// Size of a polite client's download during the stop.
const ANSWER: usize = 1 << 20;

/// Maximum time by which a rude client may delay a stop.
const RELEASE: Duration = Duration::from_secs(1);

/// Starts a server with a large file, a small one and a page.
struct Site {
    server: Server,
    _folder: tempfile::TempDir,
    options: StartOptions,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("large"), vec![7; LARGE]).unwrap();
        std::fs::write(folder.path().join("answer"), vec![7; ANSWER]).unwrap();
        std::fs::write(folder.path().join("index.html"), "page").unwrap();
        Site {
            server: Server::new("releasing"),
            options: options().content(folder.path()),
            _folder: folder,
        }
    }

    async fn start(&self, port: u16) -> Running {
        let options = self.options.clone().port(port);
        self.server.spawn(options).await.unwrap()
    }
}

async fn ask(running: &Running, path: &str) -> TcpStream {
    let address = running.addresses()[0];
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads an answer with its `Content-Length`, and returns the size of its body.
async fn read_answer(stream: &mut TcpStream) -> usize {
    let (mut read, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        let size = stream.read(&mut buffer).await.unwrap();
        assert_ne!(size, 0, "the answer ended after {} bytes", read.len());
        read.extend_from_slice(&buffer[..size]);
        let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
        let length = head.split_once("content-length: ").unwrap().1;
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if read.len() >= end + 4 + length {
            return read.len() - end - 4;
        }
    }
}

/// Polite clients: they read, and they close.
struct Polite(JoinSet<()>);

impl Polite {
    /// Connects ten pages and ten HTTP clients, half of them with an answer in progress. All are
    /// connected when this returns.
    async fn beside(running: &Running) -> Self {
        let mut polite = JoinSet::new();
        for _ in 0..10 {
            let mut client = Client::connect(running).await;
            polite.spawn(async move {
                assert_eq!(client.pushed().await, json!({"bye": true}));
                assert_eq!(client.closed().await, Some(1001));
            });
        }
        for _ in 0..5 {
            let mut asking = ask(running, "/answer").await;
            polite.spawn(async move {
                assert_eq!(read_answer(&mut asking).await, ANSWER);
                assert_eq!(asking.read(&mut [0]).await.unwrap_or(0), 0);
            });
            let mut idle = ask(running, "/index.html").await;
            assert_eq!(read_answer(&mut idle).await, 4);
            polite.spawn(async move {
                assert_eq!(idle.read(&mut [0]).await.unwrap_or(0), 0);
            });
        }
        Polite(polite)
    }

    async fn lost_nothing(mut self) {
        while let Some(ended) = self.0.join_next().await {
            ended.unwrap();
        }
    }
}

/// Stops a server that has a rude client, with polite ones beside it.
async fn stop_beside<R>(site: &Site, rude: impl AsyncFnOnce(&Running) -> R) {
    let running = site.start(0).await;
    let port = running.port();
    let rude = rude(&running).await;
    let polite = Polite::beside(&running).await;
    site.server.state().set("bye", true);
    let begin = Instant::now();
    running.stop().await.unwrap();
    let took = begin.elapsed();
    polite.lost_nothing().await;
    println!("released after {took:?}");
    assert!(took < RELEASE, "{took:?}");
    assert!(is_port_free("127.0.0.1", port).await.unwrap());
    site.server.state().set("bye", false);
    let again = site.start(port).await;
    again.stop().await.unwrap();
    drop(rude);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_never_reads() {
    let site = Site::new();
    stop_beside(&site, async |running: &Running| {
        let client = Client::connect(running).await;
        site.server.publish("large", "x".repeat(LARGE)).unwrap();
        client
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unread_download() {
    stop_beside(&Site::new(), async |running: &Running| {
        let stream = ask(running, "/large").await;
        stream.readable().await.unwrap();
        stream
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_request() {
    stop_beside(&Site::new(), async |running: &Running| {
        let mut stream = TcpStream::connect(running.addresses()[0]).await.unwrap();
        stream.write_all(b"GET /index.html HTTP/1.1\r\nHo").await.unwrap();
        stream
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_clients() {
    stop_beside(&Site::new(), async |running: &Running| {
        let silent = TcpStream::connect(running.addresses()[0]).await.unwrap();
        (silent, open(running).await)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_have_half_closed() {
    stop_beside(&Site::new(), async |running: &Running| {
        let mut silent = TcpStream::connect(running.addresses()[0]).await.unwrap();
        silent.shutdown().await.unwrap();
        let mut asking = ask(running, "/large").await;
        asking.shutdown().await.unwrap();
        (silent, asking)
    })
    .await;
}

/// A child holds the client's socket after the client itself has dropped it, so nothing on that
/// side ever closes it.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_a_child_of_the_client_has_inherited() {
    struct Child(std::process::Child);
    impl Drop for Child {
        fn drop(&mut self) {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }
    stop_beside(&Site::new(), async |running: &Running| {
        let stream = ask(running, "/large").await.into_std().unwrap();
        let mut sleep = std::process::Command::new("sleep");
        let sleep = sleep.arg("60").stdin(std::os::fd::OwnedFd::from(stream));
        Child(sleep.spawn().unwrap())
    })
    .await;
}

/// A child that the server's program starts while it has clients inherits neither listener nor
/// connections.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_of_the_server_inherits_nothing() {
    let site = Site::new();
    let running = site.start(0).await;
    let port = running.port();
    let _client = Client::connect(&running).await;
    let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let took = running.stop().await.unwrap().elapsed;
    assert!(took < RELEASE, "{took:?}");
    assert!(is_port_free("127.0.0.1", port).await.unwrap());
    assert!(child.try_wait().unwrap().is_none(), "the child lives");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A probe of `localhost` proves nothing if the server was on another address.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_probe_asks_for_the_address_that_was_bound() {
    let server = Server::new("releasing");
    let running = server.spawn(options().host("127.0.0.9")).await.unwrap();
    let port = running.port();
    assert!(is_port_free("localhost", port).await.unwrap(), "what a wrong host says");
    for host in ["127.0.0.9", "0.0.0.0", "::"] {
        assert!(!is_port_free(host, port).await.unwrap(), "{host}");
    }
    let report = running.stop().await.unwrap();
    assert_eq!(report.addresses, [SocketAddr::from(([127, 0, 0, 9], port))]);
    assert!(is_port_free("0.0.0.0", port).await.unwrap());
}

/// A stop that cannot prove the release is an error that names the holder, for each of its callers.
#[cfg(target_os = "linux")] // where 127.0.0.9 is an address of every machine
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_another_program_takes_during_the_stop_is_an_error() {
    let server = Server::new("releasing");
    let deadline = Duration::from_millis(900);
    let given = options().host("0.0.0.0").stop_deadline(deadline);
    let running = server.spawn(given).await.unwrap();
    let address = running.addresses()[0];
    let thefts = SocketAddr::from(([127, 0, 0, 9], address.port()));
    // The client does not answer the close frame, which leaves time to take the port.
    let _holds_up_the_stop = open_at(([127, 0, 0, 1], address.port()).into()).await;
    let thief = std::thread::spawn(move || {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            match TcpListener::bind(thefts) {
                Ok(taken) => return taken,
                Err(_) => assert!(Instant::now() < deadline, "the port was never given up"),
            }
            std::thread::yield_now();
        }
    });
    for _ in 0..2 {
        let error = running.stop().await.unwrap_err();
        let Error::Port(port::Error::NotReleased {
            address: named,
            waited,
            holder: Holder::Process { pid, .. },
        }) = &error
        else {
            panic!("{error}");
        };
        assert_eq!((*named, *pid), (address, std::process::id()));
        assert!(*waited >= deadline);
        assert!(error.to_string().contains(&pid.to_string()), "{error}");
        assert_eq!(error.exit_code(), 70);
    }
    drop(thief.join().unwrap());
    server.spawn(options().port(address.port())).await.unwrap().stop().await.unwrap();
}

/// A bind with `SO_REUSEADDR`, which is what the standard library does on Unix, succeeds where a
/// server cannot start.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_probe_is_strict() {
    let naive = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = naive.local_addr().unwrap();
    let client = std::net::TcpStream::connect(address).unwrap();
    drop(naive.accept().unwrap()); // the side that closes first keeps `TIME_WAIT` for a minute
    drop((client, naive));
    assert!(TcpListener::bind(address).is_ok(), "what a permissive probe says");
    assert!(!is_port_free("127.0.0.1", address.port()).await.unwrap());
    let error = wait_port_free("127.0.0.1", address.port(), Duration::from_millis(50)).await;
    let Err(port::Error::NotReleased { holder, .. }) = error else {
        panic!("{error:?}");
    };
    assert_eq!(holder, Holder::Sockets(vec![("TIME_WAIT".into(), 1)]));
    let error = Server::new("releasing").spawn(options().port(address.port())).await.err().unwrap();
    assert!(error.to_string().contains("TIME_WAIT"), "{error}");
}

/// Starts and stops on one port with twenty pages and twenty keep-alive clients, which must all
/// receive everything.
async fn cycles(count: usize) {
    let site = Site::new();
    let port = free_port();
    let mut times = Vec::with_capacity(count);
    for round in 0..count {
        let running = site.start(port).await;
        let mut clients = JoinSet::new();
        for _ in 0..20 {
            let mut client = Client::connect(&running).await;
            clients.spawn(async move {
                assert_eq!(client.pushed().await, json!({"round": round}));
                assert_eq!(client.closed().await, Some(1001));
            });
            let mut idle = ask(&running, "/index.html").await;
            assert_eq!(read_answer(&mut idle).await, 4);
            clients.spawn(async move {
                assert_eq!(idle.read(&mut [0]).await.unwrap_or(0), 0);
            });
        }
        site.server.state().set("round", round);
        let begin = Instant::now();
        let report = running.stop().await.unwrap();
        times.push(begin.elapsed());
        assert!(is_port_free("127.0.0.1", port).await.unwrap());
        assert_eq!(report.connections_aborted, 0);
        while let Some(ended) = clients.join_next().await {
            ended.unwrap();
        }
    }
    times.sort();
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    println!(
        "{count} cycles on port {port}: stop p50 {:?}, p99 {:?}, max {:?}",
        at(50),
        at(99),
        at(100)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_cycles_on_one_port() {
    cycles(30).await;
}

/// `cargo test -p selvedge --release --test integration a_thousand_cycles -- --ignored --nocapture`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; shows what a stop costs"]
async fn a_thousand_cycles_on_one_port() {
    cycles(1000).await;
}
