//! Tests messages, pings and pongs.

use selvedge::websocket::{self, Message, Options, Role};
use tokio::join;

use super::{
    connect, echo, pair,
    raw::{PING, PONG, Raw, TEXT},
};

#[tokio::test]
async fn client_send_and_receive() {
    let running = echo().await;
    let client = connect(&running, "/echo").await;
    for message in [
        Message::from(""),
        Message::from("text"),
        Message::from(vec![0_u8, 255]),
        Message::from("ä".repeat(100_000)),
        Message::from(vec![7_u8; 200_000]),
    ] {
        client.send(message.clone()).await.unwrap();
        assert_eq!(client.receive().await.unwrap(), message);
    }
    client.close(1000, "").await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn text_and_bytes_are_kept_apart() {
    let (client, server) = pair(Options::new(), Options::new());
    client.send("text").await.unwrap();
    client.send(b"bytes").await.unwrap();
    assert!(matches!(
        server.receive_bytes().await,
        Err(websocket::Error::WrongKind { expected: "binary", got: "text" })
    ));
    assert!(matches!(
        server.receive_text().await,
        Err(websocket::Error::WrongKind { expected: "text", got: "binary" })
    ));
}

#[tokio::test]
async fn messages_of_many_tasks_arrive_whole_and_in_the_order_of_each() {
    let (client, server) = pair(Options::new(), Options::new().receive_queue(4, 1 << 20));
    let tasks: Vec<_> = (0..20_u8)
        .map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                for number in 0..50_u8 {
                    let size = 2 + usize::from(number) * 100;
                    let mut content = vec![task; size];
                    content[1] = number;
                    client.send(content).await.unwrap();
                }
            })
        })
        .collect();
    let mut expected = [0; 20];
    for _ in 0..1000 {
        let content = server.receive_bytes().await.unwrap();
        let (task, number) = (content[0], content[1]);
        assert_eq!(content.len(), 2 + usize::from(number) * 100);
        assert!(content.iter().skip(2).all(|byte| *byte == task));
        assert_eq!(number, expected[usize::from(task)]);
        expected[usize::from(task)] += 1;
    }
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn fragments_are_put_together_with_control_frames_between_them() {
    let (server, mut raw) = Raw::facing(Role::Server, Options::new());
    let bytes = [
        raw.frame(false, TEXT, "gr\u{fc}".as_bytes().split_at(3).0),
        raw.frame(true, PING, b"between"),
        raw.frame(false, 0, &"gr\u{fc}".as_bytes()[3..]),
        raw.frame(true, 0, b"n"),
    ];
    raw.write(&bytes.concat()).await;
    assert_eq!(raw.next().await, Some((PONG, b"between".to_vec())));
    assert_eq!(server.receive_text().await.unwrap(), "gr\u{fc}n");
}

#[tokio::test]
async fn client_ping() {
    let running = echo().await;
    let client = connect(&running, "/echo").await;
    client.ping().await.unwrap();
    client.ping_with("payload").await.unwrap();
    client.close(1000, "").await.unwrap();
    assert!(
        matches!(client.ping().await, Err(websocket::Error::ConnectionClosed(reason)) if reason.code == 1000)
    );
    running.stop().await.unwrap();
}

#[tokio::test]
async fn client_ping_two_payloads_the_later_pong_settles_both() {
    let (client, mut raw) = Raw::facing(Role::Client, Options::new());
    let (first, second, ()) = join!(client.ping_with("a"), client.ping_with("b"), async {
        assert_eq!(raw.next().await, Some((PING, b"a".to_vec())));
        assert_eq!(raw.next().await, Some((PING, b"b".to_vec())));
        raw.send(PONG, b"unknown").await;
        raw.send(PONG, b"b").await;
    });
    first.unwrap();
    second.unwrap();
}

#[tokio::test]
async fn a_pong_does_not_settle_later_pings() {
    let (client, mut raw) = Raw::facing(Role::Client, Options::new());
    let ping = |payload: &'static str| {
        let client = client.clone();
        tokio::spawn(async move { client.ping_with(payload).await })
    };
    let first = ping("a");
    assert_eq!(raw.next().await, Some((PING, b"a".to_vec())));
    let later = ping("b");
    assert_eq!(raw.next().await, Some((PING, b"b".to_vec())));
    raw.send(PONG, b"a").await;
    first.await.unwrap().unwrap();
    assert!(!later.is_finished());
    raw.send(PONG, b"b").await;
    later.await.unwrap().unwrap();
}

#[tokio::test]
async fn client_ping_same_payload() {
    let (client, mut raw) = Raw::facing(Role::Client, Options::new());
    let (first, ()) = join!(client.ping_with("a"), async {
        raw.next().await;
        let second = client.ping_with("a").await;
        assert!(matches!(second, Err(websocket::Error::PingInFlight)));
        raw.send(PONG, b"a").await;
    });
    first.unwrap();
    let too_big = client.ping_with(vec![0; 126]).await;
    assert!(matches!(too_big, Err(websocket::Error::PayloadTooBig(126))));
}

#[tokio::test]
async fn client_pong() {
    let (client, mut raw) = Raw::facing(Role::Client, Options::new());
    client.pong("alive").await.unwrap();
    assert_eq!(raw.next().await, Some((PONG, b"alive".to_vec())));
}

#[tokio::test]
async fn a_lost_connection_wakes_every_waiter() {
    let (client, raw) = Raw::facing(Role::Client, Options::new());
    let (ping, other, receive, ()) =
        join!(client.ping_with("a"), client.ping_with("b"), client.receive(), async { drop(raw) });
    for error in [ping.unwrap_err(), other.unwrap_err(), receive.unwrap_err()] {
        assert!(
            matches!(&error, websocket::Error::ConnectionClosed(reason) if reason.code == 1006),
            "{error}"
        );
    }
}
