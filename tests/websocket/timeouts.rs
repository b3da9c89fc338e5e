//! Tests time-outs with a paused clock, so that no test really waits.

use std::time::Duration;

use selvedge::websocket::{self, Connect, Options, Role};
use tokio::{
    io::AsyncReadExt,
    time::{Instant, sleep},
};

use super::raw::{CLOSE, PING, PONG, Raw, TEXT};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn client_open_timeout() {
    let (here, there) = tokio::io::duplex(4096);
    let begin = Instant::now();
    let connect = Connect::to("ws://example.org/").unwrap();
    let connect = connect.options(Options::new().connect_timeout(7 * SECOND));
    let error = connect.over(here).await.unwrap_err();
    assert!(
        matches!(&error, websocket::Error::ConnectTimeout { address, waited } if address == "example.org:80" && *waited == 7 * SECOND),
        "{error}"
    );
    assert_eq!(begin.elapsed().as_secs(), 7);
    drop(there);
}

#[tokio::test(start_paused = true)]
async fn client_close_timeout() {
    let options = Options::new().disconnect_timeout(3 * SECOND).heartbeat(None);
    let (client, mut raw) = Raw::facing(Role::Client, options);
    let begin = Instant::now();
    let error = client.close(1000, "").await.unwrap_err();
    assert!(
        matches!(error, websocket::Error::DisconnectTimeout { waited } if waited == 3 * SECOND)
    );
    assert_eq!(begin.elapsed().as_secs(), 3);
    assert_eq!(client.closed().unwrap().code, 1006);
    assert_eq!(raw.close_code().await, 1000);
    assert_eq!(raw.next().await, None, "the stream was dropped");
}

#[tokio::test(start_paused = true)]
async fn server_close_timeout() {
    let options = Options::new().heartbeat(None);
    let (server, mut raw) = Raw::facing(Role::Server, options);
    let begin = Instant::now();
    let closed = server.close_within(1001, "", Some(2 * SECOND)).await;
    assert!(matches!(closed, Err(websocket::Error::DisconnectTimeout { .. })));
    assert_eq!(begin.elapsed().as_secs(), 2);
    assert_eq!(raw.close_code().await, 1001);
    assert_eq!(raw.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_does_not_hold_up_the_close() {
    let options = Options::new().disconnect_timeout(3 * SECOND).heartbeat(None);
    let (server, raw) = Raw::with_buffer(Role::Server, options, 16);
    server.send("x".repeat(1000)).await.unwrap();
    let closed = server.close(1000, "").await;
    assert!(matches!(closed, Err(websocket::Error::DisconnectTimeout { .. })));
    drop(raw);
}

#[tokio::test(start_paused = true)]
async fn without_a_disconnect_timeout_the_close_waits() {
    let options = Options::new().disconnect_timeout(None).heartbeat(None);
    let (client, mut raw) = Raw::facing(Role::Client, options);
    let closing = tokio::spawn(client.close(1000, ""));
    sleep(1000 * SECOND).await;
    assert!(!closing.is_finished());
    raw.close(1000, "").await;
    drop(raw);
    assert!(closing.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_takes_too_long_is_1008() {
    let options = Options::new().message_timeout(5 * SECOND).heartbeat(None);
    let (server, mut raw) = Raw::facing(Role::Server, options);
    raw.send(TEXT, b"quick").await;
    assert_eq!(server.receive_text().await.unwrap(), "quick");
    sleep(100 * SECOND).await; // silence between messages is allowed
    let begin = Instant::now();
    let (ended, ()) = tokio::join!(server.receive(), async {
        for byte in &raw.frame(true, TEXT, b"slow")[..6] {
            raw.write(&[*byte]).await;
            sleep(SECOND * 3 / 4).await;
        }
        assert_eq!(raw.close_code().await, 1008);
    });
    assert!(ended.is_err());
    assert!(begin.elapsed() >= 5 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn pings_do_not_give_a_slow_message_more_time() {
    let options = Options::new().message_timeout(5 * SECOND);
    let (server, mut raw) = Raw::facing(Role::Server, options);
    let begin = Instant::now();
    raw.write(&raw.frame(false, TEXT, b"begun")).await;
    let pinging = async {
        loop {
            raw.send(PING, b"").await;
            sleep(SECOND).await;
        }
    };
    tokio::select! {
        ended = server.ended() => assert_eq!((ended.code, begin.elapsed().as_secs()), (1008, 5)),
        () = pinging => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_peer_is_gone_after_one_and_a_half_intervals() {
    for role in [Role::Client, Role::Server] {
        let options = Options::new().heartbeat(10 * SECOND);
        let (connection, mut raw) = Raw::facing(role, options);
        let begin = Instant::now();
        let reason = connection.ended().await;
        assert_eq!((begin.elapsed().as_secs(), reason.code), (15, 1006));
        assert_eq!(raw.next().await, Some((PING, Vec::new())));
        assert_eq!(raw.next().await, None, "no close frame, and the stream is dropped");
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_pings_stays() {
    let (connection, mut raw) = Raw::facing(Role::Server, Options::new().heartbeat(10 * SECOND));
    let begin = Instant::now();
    for _ in 0..20 {
        assert_eq!(raw.next().await, Some((PING, Vec::new())));
        sleep(4 * SECOND).await;
        raw.send(PONG, b"").await;
    }
    assert_eq!(connection.closed(), None);
    assert!(begin.elapsed() >= 20 * 14 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn without_a_heartbeat_silence_is_allowed() {
    for options in [Options::new().heartbeat(None), Options::new().heartbeat(Duration::ZERO)] {
        let (connection, mut raw) = Raw::facing(Role::Server, options);
        sleep(100_000 * SECOND).await;
        assert_eq!(connection.closed(), None);
        raw.send(TEXT, b"still here").await;
        assert_eq!(connection.receive_text().await.unwrap(), "still here");
    }
}

#[tokio::test(start_paused = true)]
async fn the_heartbeat_does_not_blame_the_peer_for_an_application_that_does_not_receive() {
    let options = Options::new().heartbeat(10 * SECOND).receive_queue(1, 1 << 20);
    let (connection, mut raw) = Raw::facing(Role::Server, options);
    for _ in 0..3 {
        raw.send(TEXT, b"x").await;
    }
    sleep(1000 * SECOND).await;
    for _ in 0..3 {
        assert_eq!(connection.receive_text().await.unwrap(), "x");
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_is_noticed_by_the_heartbeat() {
    let options = Options::new().heartbeat(10 * SECOND).send_buffer(1000);
    let (connection, raw) = Raw::with_buffer(Role::Server, options, 16);
    let begin = Instant::now();
    while connection.send("x".repeat(500)).await.is_ok() {}
    assert_eq!(begin.elapsed().as_secs(), 15, "senders are freed");
    drop(raw);
}

#[tokio::test(start_paused = true)]
async fn server_open_timeout_is_for_the_headers_of_a_request() {
    // The server's sockets are real, so the clock runs while the test waits for them.
    tokio::time::resume();
    let running = super::echo().await;
    let mut stream = tokio::net::TcpStream::connect(running.addresses()[0]).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET /echo HTTP/1.1\r\nHost:").await.unwrap();
    tokio::time::pause();
    let mut rest = Vec::new();
    // The clock jumps to the time-out, which ends this at once.
    let _ = stream.read_to_end(&mut rest).await;
    assert!(!String::from_utf8_lossy(&rest).starts_with("HTTP/1.1 101"));
    tokio::time::resume();
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_close_frame_of_a_failure_is_given_up_in_time() {
    let options = Options::new().disconnect_timeout(2 * SECOND);
    let (client, mut raw) = Raw::facing(Role::Client, options);
    let begin = Instant::now();
    raw.write(&[0x83, 0]).await; // an unknown opcode, from a server that never hangs up
    assert_eq!(raw.close_code().await, 1002);
    assert_eq!(client.ended().await.code, 1006);
    assert_eq!(begin.elapsed().as_secs(), 2);
    assert_ne!(raw.next().await.map(|frame| frame.0), Some(CLOSE));
}
