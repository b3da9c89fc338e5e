//! The teardown: what clients receive, what the stop waits for, and that the port is free.

use std::{future::pending, io::ErrorKind, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    time::{Instant, timeout},
};

use super::{LONG, Running, echo, handing_over};
use crate::{ServeOptions, is_port_free};

/// A client in one of the states that a stop meets.
enum Client {
    /// Has its answer and is idle.
    Idle(TcpStream),
    /// Has just sent a request that is not answered yet.
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

    /// Reads to the end, and checks that the server has sent everything or, to a deaf client, a
    /// reset.
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
async fn stop_again_and_again(options: ServeOptions, kinds: &[usize]) -> Vec<Duration> {
    let mut times = Vec::new();
    let mut port = 0;
    for _ in 0..50 {
        let server = Running::start(port, options.clone(), echo).await;
        port = server.address.port();
        let mut clients = Vec::new();
        for number in 0..10 {
            clients.push(Client::new(&server, kinds[number % kinds.len()]).await);
        }
        let deaf = clients.iter().filter(|client| matches!(client, Client::Deaf(_))).count();
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
    let times = stop_again_and_again(ServeOptions::new(), &[0, 1]).await;
    assert!(times[24] < Duration::from_millis(250), "a stop does not wait for the whole grace");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_never_read_cannot_keep_the_port() {
    let options = ServeOptions::new().grace(Duration::from_millis(60));
    stop_again_and_again(options, &[0, 1, 2]).await;
}

#[tokio::test]
async fn a_stop_without_connections_takes_no_time() {
    let released = Running::echo().await.stop().await;
    assert_eq!(released.connections_closed + released.connections_aborted, 0);
    assert!(released.elapsed < Duration::from_millis(250));
}

#[tokio::test]
async fn unread_last_bytes_are_given_up_before_the_grace_ends() {
    let options = ServeOptions::new().grace(LONG).user_timeout(Duration::from_millis(20));
    let server = Running::start(0, options, |mut connection, stop| async move {
        tokio::select! {
            written = connection.write_all(&[7; 1 << 26]) => written.unwrap(),
            () = stop.cancelled() => {}
        }
    })
    .await;
    let client = server.connect().await;
    client.readable().await.unwrap();
    let released = server.stop().await;
    assert_eq!((released.connections_closed, released.connections_aborted), (0, 1));
    assert!(released.elapsed < LONG / 2, "{:?}", released.elapsed);
}

#[tokio::test]
async fn an_answer_in_flight_arrives_whole_and_ends_in_order() {
    let (ready, mut handled) = mpsc::channel(1);
    let server = Running::start(0, ServeOptions::new(), move |mut connection, stop| {
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
        client.read_to_end(&mut received).await.map(|_| received.len())
    });
    let released = server.stop().await;
    assert_eq!((released.connections_closed, released.connections_aborted), (1, 0));
    assert_eq!(reading.await.unwrap().unwrap(), 1 << 20);
}

#[tokio::test]
async fn a_handler_that_never_ends_is_aborted() {
    let (dropped, mut all_dropped) = mpsc::channel::<()>(1);
    let options = ServeOptions::new().grace(Duration::from_millis(20));
    let server = Running::start(0, options, move |connection, _| {
        let dropped = dropped.clone();
        async move {
            let _held = (connection, dropped);
            pending::<()>().await;
        }
    })
    .await;
    let mut client = server.connect().await;
    let released = server.stop().await;
    assert_eq!((released.connections_closed, released.connections_aborted), (0, 1));
    assert!(released.elapsed < LONG / 2, "{:?}", released.elapsed);
    assert_eq!(client.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(all_dropped.try_recv(), Err(mpsc::error::TryRecvError::Disconnected));
}

#[tokio::test]
async fn a_stop_waits_for_connections_that_were_handed_on() {
    let (server, mut given) = handing_over(LONG).await;
    let mut client = server.connect().await;
    let mut connection = given.recv().await.unwrap();
    let stop = server.stop.clone();
    tokio::spawn(async move {
        stop.cancelled().await;
        tokio::time::sleep(Duration::from_millis(50)).await; // outlasts a stop that does not wait
        connection.write_all(b"goodbye").await.unwrap();
    });
    let released = server.stop().await;
    assert_eq!((released.connections_closed, released.connections_aborted), (1, 0));
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, b"goodbye");
}

#[tokio::test]
async fn dropping_the_server_closes_everything() {
    let (give, mut given) = mpsc::unbounded_channel();
    let server = Running::start(0, ServeOptions::new(), move |connection, _| {
        give.send(connection).unwrap();
        async {}
    })
    .await;
    let mut client = server.connect().await;
    let kept = given.recv().await.unwrap();
    server.serving.abort();
    assert!(server.serving.await.unwrap_err().is_cancelled());
    assert!(is_port_free("127.0.0.1", server.address.port()).await.unwrap());
    assert!(client.read_u8().await.is_err());
    drop(kept);
}

#[test]
fn a_runtime_that_ends_leaves_nothing_behind() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (address, client) = runtime.block_on(async {
        let server = Running::echo().await;
        let client = Client::new(&server, 2).await; // never reads: its last bytes stay undelivered
        let Client::Deaf(stream) = client else { unreachable!() };
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
    let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let port = server.address.port();
    server.stop().await;
    assert!(child.try_wait().unwrap().is_none(), "the child lives");
    assert!(is_port_free("127.0.0.1", port).await.unwrap());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn a_connection_that_is_kept_elsewhere_is_still_reset() {
    let (server, mut given) = handing_over(Duration::from_millis(20)).await;
    let _client = server.connect().await;
    let mut connection = given.recv().await.unwrap();
    let buffers = connection.buffers();
    let owner = tokio::spawn(async move {
        let read = connection.read_u8().await; // is waiting when the reset comes, and wakes
        let written = connection.write_u8(0).await;
        (read.unwrap_err().kind(), written.unwrap_err().kind(), connection)
    });
    let released = server.stop().await;
    assert_eq!((released.connections_closed, released.connections_aborted), (0, 1));
    let (read, written, _connection) = timeout(LONG, owner).await.unwrap().unwrap();
    assert_eq!((read, written), (ErrorKind::ConnectionAborted, ErrorKind::ConnectionAborted));
    assert_eq!(buffers.unread(), 0);
}
