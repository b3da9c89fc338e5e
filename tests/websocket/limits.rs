//! Tests queues, back-pressure, and the limits of the opening handshake.

use std::time::Duration;

use futures_util::FutureExt;
use selvedge::websocket::{self, Connect, Message, Options, Role};
use tokio::{io::AsyncWriteExt, time::sleep};

use super::raw::{PING, PONG, Raw, TEXT};

#[tokio::test(start_paused = true)]
async fn pings_are_answered_while_the_receive_queue_is_full() {
    let (server, mut raw) = Raw::facing(Role::Server, Options::new().receive_queue(2, 1 << 20));
    raw.send(TEXT, b"1").await;
    raw.send(TEXT, b"2").await;
    raw.send(PING, b"full").await;
    assert_eq!(raw.next().await, Some((PONG, b"full".to_vec())));
    assert_eq!(server.receive_text().await.unwrap(), "1");
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_stops_the_reading() {
    for options in
        [Options::new().receive_queue(2, usize::MAX), Options::new().receive_queue(usize::MAX, 250)]
    {
        let (server, mut raw) = Raw::with_buffer(Role::Server, options, 16);
        let sender = tokio::spawn(async move {
            for _ in 0..100 {
                raw.send(TEXT, &[b'x'; 100]).await;
            }
            raw
        });
        sleep(Duration::from_secs(10)).await;
        assert!(!sender.is_finished(), "the peer is slowed down");
        for _ in 0..100 {
            assert_eq!(server.receive().await.unwrap().len(), 100);
        }
        sender.await.unwrap();
    }
}

#[tokio::test]
async fn one_message_always_fits() {
    let (server, mut raw) = Raw::facing(Role::Server, Options::new().receive_queue(1, 10));
    raw.send(TEXT, &[b'x'; 5000]).await;
    assert_eq!(server.receive().await.unwrap().len(), 5000);
}

#[tokio::test(start_paused = true)]
async fn sending_waits_for_a_peer_that_does_not_read() {
    let options = Options::new().send_buffer(1000).heartbeat(None);
    let (server, mut raw) = Raw::with_buffer(Role::Server, options, 16);
    let message = Message::from("x".repeat(400));
    let mut sent = 0;
    while tokio::time::timeout(Duration::from_secs(1), server.send(message.clone())).await.is_ok() {
        sent += 1;
        assert!(sent < 100);
    }
    assert!(sent <= 3, "{sent} messages of 400 bytes were queued");
    let waiting = server.send("y".repeat(300));
    tokio::pin!(waiting);
    assert!(waiting.as_mut().now_or_never().is_none());
    for _ in 0..sent {
        assert_eq!(raw.next().await.unwrap().1.len(), 400);
    }
    waiting.await.unwrap();
    assert_eq!(raw.next().await.unwrap().1, [b'y'; 300], "a send that was given up was not sent");
}

#[tokio::test]
async fn a_message_larger_than_the_send_buffer_is_sent() {
    let (server, mut raw) = Raw::facing(Role::Server, Options::new().send_buffer(10));
    server.send("x".repeat(100_000)).await.unwrap();
    assert_eq!(raw.next().await.unwrap().1.len(), 100_000);
}

#[tokio::test]
async fn the_headers_of_an_answer_are_limited_in_number_and_size() {
    let many = "X: y\r\n".repeat(100);
    let large = format!("X: {}\r\n", "y".repeat(20_000));
    for (headers, complaint) in [(many, "64 headers"), (large, "16384 bytes")] {
        let (here, mut there) = tokio::io::duplex(64 * 1024);
        let answer = format!("HTTP/1.1 101 Switching Protocols\r\n{headers}\r\n");
        there.write_all(answer.as_bytes()).await.unwrap();
        let opened = Connect::to("ws://h/").unwrap().over(here).await;
        let error = opened.unwrap_err();
        assert!(
            matches!(&error, websocket::Error::Handshake(what) if what.contains(complaint)),
            "{error}"
        );
    }
}
