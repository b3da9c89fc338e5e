//! Tests floods: too many connections, too much data, too slow requests.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{is_unharmed, target};
use crate::support::{Client, TIMEOUT, open, request};

/// Number of sockets that an attacker opens, if the system allows this process that many in
/// addition to the server's sockets.
const SOCKETS: usize = 10_000;

/// Time limit for serving a page while the sockets are open.
const PROMPT: Duration = Duration::from_secs(3);

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

fn sockets() -> usize {
    #[cfg(unix)]
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap();
    #[cfg(not(unix))]
    let limit = 4 * SOCKETS as u64;
    SOCKETS.min(usize::try_from(limit).unwrap() / 2)
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_without_a_hello_keep_no_client_out() {
    let sockets = sockets();
    let running = target().await;
    let address = running.addresses()[0];
    let mut early = Client::connect(&running).await;
    let upgrade = UPGRADE.replace("HOST", &address.to_string());
    let mut idle = Vec::with_capacity(sockets);
    for number in 0..sockets {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // Silent, in the middle of a request, or before the hello of a WebSocket.
        let begin = [&b""[..], b"GET / HTTP/1.1\r\nHo", upgrade.as_bytes()][number % 3];
        drop(stream.write_all(begin).await);
        idle.push(stream);
        if number % 1000 == 999 {
            let begin = Instant::now();
            let mut late = Client::connect(&running).await;
            assert_eq!(late.snapshot().await["precious"], "a thing of value");
            let took = begin.elapsed();
            assert!(took < PROMPT, "{took:?} with {number} sockets");
        }
    }
    let page = request(&running, "GET", "/index.html", &[]).await;
    assert!(matches!(page.status, 200 | 404), "{page:?}");
    let state = early.snapshot().await;
    assert_eq!(state["precious"], "a thing of value", "who is in stays in");
    is_unharmed(running).await;
}

/// Returns the answer to a request, which is written as far as the server reads it.
async fn answer_to(running: &selvedge::Running, request: &str) -> String {
    let mut stream = TcpStream::connect(running.addresses()[0]).await.unwrap();
    let host = running.addresses()[0].to_string();
    let (mut reader, mut writer) = stream.split();
    let request = request.replace("HOST", &host);
    let mut answer = Vec::new();
    // The server may stop reading once it has answered.
    let (_, read) = tokio::join!(
        async { drop(writer.write_all(request.as_bytes()).await) },
        timeout(TIMEOUT, reader.read_to_end(&mut answer))
    );
    drop(read.expect("an end"));
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn header_floods_are_cut_off() {
    let running = target().await;
    let many: String = (0..500).map(|n| format!("X-{n}: 1\r\n")).collect();
    let large = format!("X: {}\r\n", "x".repeat(1 << 20));
    let long_name = format!("{}: 1\r\n", "x".repeat(1 << 20));
    for headers in [many, large, long_name] {
        let flood = format!("GET /index.html HTTP/1.1\r\nHost: HOST\r\n{headers}\r\n");
        let answer = answer_to(&running, &flood).await;
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert!(refused, "{}", answer.lines().next().unwrap());
    }
    let long_path = format!("GET /{} HTTP/1.1\r\nHost: HOST\r\n\r\n", "x".repeat(1 << 20));
    let answer = answer_to(&running, &long_path).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"));
    is_unharmed(running).await;
}

#[tokio::test]
async fn slow_headers_and_bodies_do_not_hold_a_connection() {
    let running = target().await;
    let address = running.addresses()[0];
    let slow = async |begin: String| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(begin.as_bytes()).await.unwrap();
        let begin = Instant::now();
        let (mut reader, mut writer) = stream.split();
        let drip = async {
            // One byte per second, as in a slowloris attack.
            while writer.write_all(b"x").await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
        };
        let mut answer = Vec::new();
        tokio::select! {
            _ = reader.read_to_end(&mut answer) => {}
            () = drip => {}
        }
        begin.elapsed()
    };
    let head = "GET / HTTP/1.1\r\nHost: HOST\r\nX: ".to_owned();
    let body = format!(
        "POST /paraview/ HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n"
    );
    let (headers, body) = tokio::join!(slow(head), slow(body));
    for took in [headers, body] {
        assert!(took < Duration::from_secs(15), "{took:?}");
    }
    is_unharmed(running).await;
}

#[tokio::test]
async fn large_messages_before_the_hello_are_not_collected() {
    let running = target().await;
    let announced = 9_000_000_u64;
    // A final binary frame with a mask of zeros, and a first fragment of a longer message.
    for first_byte in [0x82, 0x02] {
        let mut socket = open(&running).await;
        let stream = socket.get_mut();
        let mut header = vec![first_byte, 0x80 | 127];
        header.extend(announced.to_be_bytes());
        header.extend([0; 4]);
        stream.write_all(&header).await.unwrap();
        let mut sent = 0_u64;
        while sent < announced {
            match timeout(TIMEOUT, stream.write_all(&[0; 16 * 1024])).await {
                Ok(Ok(())) => sent += 16 * 1024,
                Ok(Err(_)) => break,
                Err(_) => panic!("the server neither reads nor closes"),
            }
        }
        assert!(sent < announced, "the server took all of it");
    }
    is_unharmed(running).await;
}

#[tokio::test]
async fn a_flood_of_small_messages_before_the_hello_ends() {
    use futures_util::SinkExt;
    use tokio_tungstenite::tungstenite::Message;
    let running = target().await;
    for message in [
        Message::Ping(vec![0; 100].into()),
        Message::text("hello"),
        Message::Binary(crate::support::frame(&serde_json::json!("odd")).into()),
    ] {
        let (mut sink, mut stream) = open(&running).await.split();
        let flood = async {
            for _ in 0..100_000 {
                if sink.send(message.clone()).await.is_err() {
                    return true;
                }
            }
            false
        };
        let read = async {
            while stream.next().await.is_some_and(|message| message.is_ok()) {}
            true
        };
        let ended = timeout(TIMEOUT, async {
            tokio::select! { ended = flood => ended, ended = read => ended }
        });
        assert!(ended.await.unwrap(), "{message:?}");
    }
    is_unharmed(running).await;
}
