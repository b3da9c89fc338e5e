//! Connections while the server runs.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{LONG, Running, echo, handing_over};
use crate::ServeOptions;

#[tokio::test]
async fn last_bytes_arrive_however_late_the_client_reads_while_the_server_runs() {
    let options = ServeOptions::new().user_timeout(Duration::from_millis(1));
    let server = Running::start(0, options, |mut connection, _| async move {
        connection.write_all(&[7; 1 << 20]).await.unwrap();
    })
    .await;
    let mut client = server.connect().await;
    tokio::time::sleep(Duration::from_millis(100)).await; // this client is slow on purpose
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert_eq!(received.len(), 1 << 20);
    server.stop().await;
}

#[tokio::test]
async fn a_shutdown_of_the_stream_does_not_end_the_connection() {
    let server = Running::start(0, ServeOptions::new(), |mut connection, _| async move {
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
async fn a_panicking_handler_ends_only_its_own_connection() {
    let server = Running::start(0, ServeOptions::new(), |mut connection, _| async move {
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

#[tokio::test]
async fn a_connection_reports_its_peer_and_its_unread_bytes() {
    let (server, mut given) = handing_over(LONG).await;
    let mut client = server.connect().await;
    let connection = given.recv().await.unwrap();
    let buffers = connection.buffers();
    assert_eq!(connection.peer(), client.local_addr().unwrap());
    client.write_all(b"12345").await.unwrap();
    timeout(LONG, async {
        while buffers.unread() < 5 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    drop(connection);
    assert_eq!(buffers.unread(), 0);
    server.stop().await;
}

#[tokio::test]
async fn connections_over_the_limit_are_closed_and_room_is_used_again() {
    let server = Running::start(0, ServeOptions::new().max_connections(2), echo).await;
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut client = server.connect().await;
        client.write_all(b"x").await.unwrap();
        client.read_u8().await.unwrap();
        kept.push(client);
    }
    let mut refused = server.connect().await;
    let end = timeout(LONG, refused.read(&mut [0; 1])).await.expect("the third client is refused");
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

#[cfg(unix)]
#[test]
fn a_lack_of_descriptors_is_waited_out() {
    const IN_CHILD: &str = "SELVEDGE_TEST_FEW_DESCRIPTORS";
    if std::env::var_os(IN_CHILD).is_some() {
        return serve_without_descriptors();
    }
    // The limit applies to the whole process, so the test runs itself again in a child.
    let (_, module) = module_path!().split_once("::").unwrap();
    let child = std::process::Command::new("sh")
        .args(["-c", "ulimit -n 64; exec \"$0\" --exact \"$1\""])
        .arg(std::env::current_exe().unwrap())
        .arg(format!("{module}::a_lack_of_descriptors_is_waited_out"))
        .env(IN_CHILD, "1")
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && output.contains("1 passed"), "{output}");
}

#[cfg(unix)]
#[tokio::main(flavor = "current_thread")]
async fn serve_without_descriptors() {
    use std::{
        io::{Read, Seek},
        sync::Arc,
    };

    let log = Arc::new(tempfile::tempfile().unwrap());
    let subscriber = tracing_subscriber::fmt().with_writer(Arc::clone(&log)).finish();
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

/// A killed program's connection whose last bytes are not acknowledged yet, and its peer.
#[cfg(target_os = "linux")]
fn orphan() -> (std::net::SocketAddr, std::net::TcpStream) {
    use std::io::Write;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let peer = std::net::TcpStream::connect(address).unwrap();
    let (mut connection, _) = listener.accept().unwrap();
    connection.set_nonblocking(true).unwrap();
    // More than its peer has room for.
    while connection.write(&[0; 65536]).is_ok() {}
    (address, peer)
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_bind_waits_for_the_last_bytes_of_a_killed_program() {
    let (address, peer) = orphan();
    let binding = tokio::spawn(crate::Listener::bind("127.0.0.1", address.port()));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!binding.is_finished(), "the port is not free yet");
    drop(peer);
    assert_eq!(binding.await.unwrap().unwrap().addresses(), [address]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_bind_does_not_wait_for_long() {
    let (address, _peer) = orphan();
    let error = crate::Listener::bind("127.0.0.1", address.port()).await.unwrap_err();
    assert!(error.to_string().contains("1 in FIN_WAIT1"), "{error}");
}
