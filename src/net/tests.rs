//! Serving and stopping over real sockets.
#![allow(clippy::unwrap_used)]

use std::{
    future::pending,
    io::{ErrorKind, Read, Seek},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{connection::Unread, *};
use crate::Result;

const LONG: Duration = Duration::from_secs(20);

/// A server that runs in a task of its own.
struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<Result<Released>>,
}

impl Running {
    async fn start<H, F>(port: u16, timing: Timing, max_connections: usize, handler: H) -> Running
    where
        H: Fn(Connection, CancellationToken) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = Listener::bind("127.0.0.1", port).await.unwrap();
        let address = listener.addresses()[0];
        let stop = CancellationToken::new();
        let seen = stop.clone();
        let handler = move |connection| handler(connection, seen.clone());
        let serving = tokio::spawn(serve(
            listener,
            stop.clone(),
            timing,
            max_connections,
            handler,
        ));
        Running {
            address,
            stop,
            serving,
        }
    }

    async fn echo() -> Running {
        Running::start(0, Timing::default(), 100, echo).await
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn stop(self) -> Released {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap()
    }
}

/// Echoes until the peer ends; at the stop what has arrived is still answered. After an `F` it floods.
async fn echo(mut connection: Connection, stop: CancellationToken) {
    let unread = connection.unread();
    let mut buffer = [0; 4096];
    loop {
        let read = tokio::select! {
            biased;
            read = connection.read(&mut buffer) => read.unwrap_or(0),
            () = stopped_and_read(&stop, &unread) => 0,
        };
        if read == 0 {
            return;
        }
        if buffer[0] == b'F' {
            while connection.write_all(&buffer).await.is_ok() {}
            return;
        }
        if connection.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

async fn stopped_and_read(stop: &CancellationToken, unread: &Unread) {
    stop.cancelled().await;
    while unread.bytes() > 0 {
        tokio::task::yield_now().await;
    }
}

/// A client of one of the kinds that a stop meets.
enum Client {
    /// Was answered and waits.
    Idle(TcpStream),
    /// Has just sent what is not answered yet.
    Asking(TcpStream),
    /// Makes the server write and does not read.
    Deaf(TcpStream),
}

impl Client {
    async fn new(server: &Running, kind: usize) -> Client {
        let mut stream = server.connect().await;
        match kind % 3 {
            0 => {
                stream.write_all(b"hello").await.unwrap();
                stream.read_exact(&mut [0; 5]).await.unwrap();
                Client::Idle(stream)
            }
            1 => {
                stream.write_all(b"question").await.unwrap();
                Client::Asking(stream)
            }
            _ => {
                stream.write_all(b"F").await.unwrap();
                stream.readable().await.unwrap();
                Client::Deaf(stream)
            }
        }
    }

    /// Reads to the end and checks that the server said everything.
    async fn check(self) {
        let mut rest = Vec::new();
        match self {
            Client::Idle(mut stream) => {
                stream.read_to_end(&mut rest).await.unwrap();
                assert_eq!(rest, b"");
            }
            Client::Asking(mut stream) => {
                stream.read_to_end(&mut rest).await.unwrap();
                assert_eq!(rest, b"question");
            }
            Client::Deaf(mut stream) => {
                let error = stream.read_to_end(&mut rest).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            }
        }
    }
}

/// Starts and stops a server on one port 50 times, each time with ten clients of the given kinds.
async fn stop_again_and_again(timing: Timing, kinds: &[usize]) -> Vec<Duration> {
    let mut times = Vec::new();
    let mut port = 0;
    for _ in 0..50 {
        let server = Running::start(port, timing.clone(), 100, echo).await;
        port = server.address.port();
        let mut clients = Vec::new();
        for number in 0..10 {
            clients.push(Client::new(&server, kinds[number % kinds.len()]).await);
        }
        let deaf = clients
            .iter()
            .filter(|client| matches!(client, Client::Deaf(_)))
            .count();
        let begin = Instant::now();
        let released = server.stop().await;
        times.push(begin.elapsed());
        assert_eq!(released.connections_aborted, deaf);
        assert_eq!(released.connections_closed, 10 - deaf);
        assert!(is_port_free("127.0.0.1", port).await.unwrap());
        for client in clients {
            client.check().await;
        }
    }
    times.sort();
    println!("stop: p50 {:?}, p99 {:?}", times[24], times[49]);
    times
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_port_can_be_served_again_at_once() {
    let times = stop_again_and_again(Timing::default(), &[0, 1]).await;
    assert!(
        times[24] < Duration::from_millis(250),
        "nobody waits for the grace to pass"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_never_read_cannot_keep_the_port() {
    let timing = Timing {
        grace: Duration::from_millis(60),
        ..Timing::default()
    };
    stop_again_and_again(timing, &[0, 1, 2]).await;
}

#[tokio::test]
async fn a_stop_without_connections_takes_no_time() {
    let released = Running::echo().await.stop().await;
    assert_eq!(
        released.connections_closed + released.connections_aborted,
        0
    );
    assert!(released.elapsed < Duration::from_millis(250));
}

#[tokio::test]
async fn last_bytes_arrive_however_late_the_client_reads_while_the_server_runs() {
    let timing = Timing {
        user_timeout: Duration::from_millis(1),
        ..Timing::default()
    };
    let server = Running::start(0, timing, 100, |mut connection, _| async move {
        connection.write_all(&[7; 1 << 20]).await.unwrap();
    })
    .await;
    let mut client = server.connect().await;
    tokio::time::sleep(Duration::from_millis(100)).await; // the client's pace is the case at hand
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert_eq!(received.len(), 1 << 20);
    server.stop().await;
}

#[tokio::test]
async fn last_bytes_that_nobody_reads_are_given_up_before_the_grace_ends() {
    let timing = Timing {
        grace: LONG,
        user_timeout: Duration::from_millis(20),
        ..Timing::default()
    };
    let server = Running::start(0, timing, 100, |mut connection, stop| async move {
        tokio::select! {
            written = connection.write_all(&[7; 1 << 26]) => written.unwrap(),
            () = stop.cancelled() => {}
        }
    })
    .await;
    let client = server.connect().await;
    client.readable().await.unwrap();
    let released = server.stop().await;
    assert_eq!(
        (released.connections_closed, released.connections_aborted),
        (0, 1)
    );
    assert!(released.elapsed < LONG / 2, "{:?}", released.elapsed);
}

#[tokio::test]
async fn an_answer_in_flight_arrives_whole_and_ends_in_order() {
    let (ready, mut handled) = mpsc::channel(1);
    let server = Running::start(0, Timing::default(), 100, move |mut connection, stop| {
        let ready = ready.clone();
        async move {
            ready.send(()).await.unwrap();
            stop.cancelled().await;
            connection.write_all(&[7; 1 << 20]).await.unwrap();
            connection.shutdown().await.unwrap();
        }
    })
    .await;
    let mut client = server.connect().await;
    handled.recv().await.unwrap();
    let reading = tokio::spawn(async move {
        let mut received = Vec::new();
        client
            .read_to_end(&mut received)
            .await
            .map(|_| received.len())
    });
    let released = server.stop().await;
    assert_eq!(
        (released.connections_closed, released.connections_aborted),
        (1, 0)
    );
    assert_eq!(reading.await.unwrap().unwrap(), 1 << 20);
}

#[tokio::test]
async fn a_shutdown_of_the_stream_does_not_end_the_connection() {
    let server = Running::start(0, Timing::default(), 100, |mut connection, _| async move {
        connection.shutdown().await.unwrap();
        let byte = connection.read_u8().await.unwrap();
        connection.write_u8(byte).await.unwrap();
    })
    .await;
    let mut client = server.connect().await;
    client.write_all(b"x").await.unwrap();
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, b"x");
    server.stop().await;
}

#[tokio::test]
async fn a_handler_that_never_ends_is_aborted() {
    let (dropped, mut all_dropped) = mpsc::channel::<()>(1);
    let timing = Timing {
        grace: Duration::from_millis(20),
        ..Timing::default()
    };
    let server = Running::start(0, timing, 100, move |connection, _| {
        let dropped = dropped.clone();
        async move {
            let _held = (connection, dropped);
            pending::<()>().await;
        }
    })
    .await;
    let mut client = server.connect().await;
    let released = server.stop().await;
    assert_eq!(
        (released.connections_closed, released.connections_aborted),
        (0, 1)
    );
    assert!(released.elapsed < LONG / 2, "{:?}", released.elapsed);
    assert_eq!(
        client.read_u8().await.unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    assert_eq!(
        all_dropped.try_recv(),
        Err(mpsc::error::TryRecvError::Disconnected)
    );
}

#[tokio::test]
async fn a_handler_that_panics_hurts_nobody_else() {
    let server = Running::start(0, Timing::default(), 100, |mut connection, _| async move {
        assert_eq!(connection.read_u8().await.unwrap(), b'x');
        connection.write_all(b"fine").await.unwrap();
    })
    .await;
    let mut received = Vec::new();
    for (sent, answer) in [(b"!", &b""[..]), (b"x", &b"fine"[..])] {
        let mut client = server.connect().await;
        client.write_all(sent).await.unwrap();
        received.clear();
        client.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, answer);
    }
    server.stop().await;
}

/// A server whose handlers give their connections away and end.
async fn handing_over(grace: Duration) -> (Running, mpsc::UnboundedReceiver<Connection>) {
    let (give, given) = mpsc::unbounded_channel();
    let timing = Timing {
        grace,
        ..Timing::default()
    };
    let server = Running::start(0, timing, 100, move |connection, _| {
        give.send(connection).unwrap();
        async {}
    })
    .await;
    (server, given)
}

#[tokio::test]
async fn a_stop_waits_for_connections_that_were_handed_on() {
    let (server, mut given) = handing_over(LONG).await;
    let mut client = server.connect().await;
    let mut connection = given.recv().await.unwrap();
    let stop = server.stop.clone();
    tokio::spawn(async move {
        stop.cancelled().await;
        tokio::time::sleep(Duration::from_millis(50)).await; // longer than a stop that does not wait
        connection.write_all(b"goodbye").await.unwrap();
    });
    let released = server.stop().await;
    assert_eq!(
        (released.connections_closed, released.connections_aborted),
        (1, 0)
    );
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, b"goodbye");
}

#[tokio::test]
async fn a_connection_that_is_kept_elsewhere_is_reset_under_its_owner() {
    let (server, mut given) = handing_over(Duration::from_millis(20)).await;
    let _client = server.connect().await;
    let mut connection = given.recv().await.unwrap();
    let unread = connection.unread();
    let owner = tokio::spawn(async move {
        let read = connection.read_u8().await; // is waiting when the reset comes, and wakes
        let written = connection.write_u8(0).await;
        (
            read.unwrap_err().kind(),
            written.unwrap_err().kind(),
            connection,
        )
    });
    let released = server.stop().await;
    assert_eq!(
        (released.connections_closed, released.connections_aborted),
        (0, 1)
    );
    let (read, written, _connection) = timeout(LONG, owner).await.unwrap().unwrap();
    assert_eq!(
        (read, written),
        (ErrorKind::ConnectionAborted, ErrorKind::ConnectionAborted)
    );
    assert_eq!(unread.bytes(), 0);
}

#[tokio::test]
async fn a_connection_tells_its_peer_and_what_it_has_not_read() {
    let (server, mut given) = handing_over(LONG).await;
    let mut client = server.connect().await;
    let connection = given.recv().await.unwrap();
    let unread = connection.unread();
    assert_eq!(connection.peer(), client.local_addr().unwrap());
    client.write_all(b"12345").await.unwrap();
    timeout(LONG, async {
        while unread.bytes() < 5 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    drop(connection);
    assert_eq!(unread.bytes(), 0);
    server.stop().await;
}

#[tokio::test]
async fn connections_over_the_limit_are_closed_and_room_is_used_again() {
    let server = Running::start(0, Timing::default(), 2, echo).await;
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut client = server.connect().await;
        client.write_all(b"x").await.unwrap();
        client.read_u8().await.unwrap();
        kept.push(client);
    }
    let mut refused = server.connect().await;
    let end = timeout(LONG, refused.read(&mut [0; 1]))
        .await
        .expect("the third client is refused");
    assert_eq!(end.unwrap(), 0);
    kept.pop();
    timeout(LONG, async {
        loop {
            let mut client = server.connect().await;
            let asked = client.write_all(b"x").await;
            if asked.is_ok() && client.read_u8().await.is_ok() {
                return;
            }
        }
    })
    .await
    .expect("the room of the client that left is free again");
    assert_eq!(server.stop().await.connections_aborted, 0);
}

#[tokio::test]
async fn dropping_the_server_closes_everything() {
    let (give, mut given) = mpsc::unbounded_channel();
    let server = Running::start(0, Timing::default(), 100, move |connection, _| {
        give.send(connection).unwrap();
        async {}
    })
    .await;
    let mut client = server.connect().await;
    let kept = given.recv().await.unwrap();
    server.serving.abort();
    assert!(server.serving.await.unwrap_err().is_cancelled());
    assert!(
        is_port_free("127.0.0.1", server.address.port())
            .await
            .unwrap()
    );
    assert!(client.read_u8().await.is_err());
    drop(kept);
}

#[test]
fn a_runtime_that_ends_leaves_nothing_behind() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (address, client) = runtime.block_on(async {
        let server = Running::echo().await;
        let client = Client::new(&server, 2).await; // never reads: its last bytes cannot be delivered
        let Client::Deaf(stream) = client else {
            unreachable!()
        };
        (server.address, stream.into_std().unwrap())
    });
    drop(runtime);
    std::net::TcpListener::bind(address).unwrap();
    drop(client);
}

#[cfg(unix)]
#[tokio::test]
async fn a_child_process_does_not_inherit_the_port() {
    let server = Running::echo().await;
    let _client = Client::new(&server, 0).await;
    let mut child = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .unwrap();
    let port = server.address.port();
    server.stop().await;
    assert!(child.try_wait().unwrap().is_none(), "the child lives");
    assert!(is_port_free("127.0.0.1", port).await.unwrap());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[cfg(unix)]
#[test]
fn a_lack_of_descriptors_is_waited_out() {
    const IN_CHILD: &str = "SELVEDGE_TEST_FEW_DESCRIPTORS";
    if std::env::var_os(IN_CHILD).is_some() {
        return serve_without_descriptors();
    }
    // The limit is one of the whole process, so the test runs itself again in another one.
    let (_, module) = module_path!().split_once("::").unwrap();
    let child = std::process::Command::new("sh")
        .args(["-c", "ulimit -n 64; exec \"$0\" --exact \"$1\""])
        .arg(std::env::current_exe().unwrap())
        .arg(format!("{module}::a_lack_of_descriptors_is_waited_out"))
        .env(IN_CHILD, "1")
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success() && output.contains("1 passed"),
        "{output}"
    );
}

#[cfg(unix)]
#[tokio::main(flavor = "current_thread")]
async fn serve_without_descriptors() {
    let log = Arc::new(tempfile::tempfile().unwrap());
    let subscriber = tracing_subscriber::fmt()
        .with_writer(Arc::clone(&log))
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let server = Running::echo().await;

    let mut files = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        files.push(file);
    }
    files.pop(); // for the client's socket, which leaves none for the server's
    let mut client = server.connect().await;
    client.write_all(b"x").await.unwrap();
    let silence = timeout(Duration::from_millis(100), client.read_u8()).await;
    assert!(silence.is_err(), "served without a descriptor");
    let logged = {
        let mut text = String::new();
        (&*log).rewind().unwrap();
        (&*log).read_to_string(&mut text).unwrap();
        text
    };
    assert_eq!(logged.matches("cannot accept").count(), 1, "{logged}");

    drop(files);
    let answer = timeout(LONG, client.read_u8()).await.unwrap();
    assert_eq!(answer.unwrap(), b'x');
    server.stop().await;
}
