//! Tests how connections end, normally and in races.

use selvedge::{
    Failure, Server,
    websocket::{self, Message, Options, Role},
};
use tokio::join;

use super::{
    connect, echo, pair,
    raw::{CLOSE, Raw, TEXT},
};
use crate::support::start;

fn code_of<T: std::fmt::Debug>(result: Result<T, websocket::Error>) -> u16 {
    match result {
        Err(websocket::Error::ConnectionClosed(reason)) => reason.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn client_default_close() {
    let running = echo().await;
    let client = connect(&running, "/echo").await;
    assert_eq!(client.closed(), None);
    let reason = client.close(1000, "").await.unwrap();
    assert_eq!((reason.code, &*reason.reason), (1000, ""));
    assert_eq!(client.closed(), Some(reason.clone()));
    assert_eq!(client.close(1001, "again").await.unwrap(), reason, "the first one counts");
    assert_eq!(code_of(client.send("late").await), 1000);
    assert_eq!(code_of(client.receive().await), 1000);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn client_nondefault_close() {
    let (client, server) = pair(Options::new(), Options::new());
    let (closed, received) = join!(client.close(1001, "bye"), server.receive());
    let websocket::Error::ConnectionClosed(seen) = received.unwrap_err() else {
        panic!("another error");
    };
    assert_eq!(closed.unwrap(), seen);
    assert_eq!((seen.code, &*seen.reason, seen.name()), (1001, "bye", "GOING_AWAY"));
    assert_eq!(server.ended().await, seen);
}

#[tokio::test]
async fn server_handler_exit_closes_1000_and_a_failing_one_1011() {
    let server = Server::new("exits");
    server.websocket("/ok", async |request| {
        let connection = request.accept().await?;
        connection.send("last words").await?;
        Ok(())
    });
    server.websocket("/fails", async |request| {
        request.accept().await?;
        Err(Failure::msg("a secret detail"))
    });
    server.websocket("/panics", async |request| {
        request.accept().await?;
        panic!("a secret detail")
    });
    let running = start(&server).await;
    let client = connect(&running, "/ok").await;
    assert_eq!(client.receive_text().await.unwrap(), "last words");
    assert_eq!(code_of(client.receive().await), 1000);
    for path in ["/fails", "/panics"] {
        let reason = connect(&running, path).await.ended().await;
        assert_eq!((reason.code, &*reason.reason), (1011, "Internal error"));
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_stop_closes_1001_and_waits_for_the_handlers() {
    let (done, ended) = tokio::sync::oneshot::channel();
    let done = std::sync::Mutex::new(Some(done));
    let server = Server::new("stop");
    server.websocket("/wait", move |request| {
        let done = done.lock().unwrap().take();
        async move {
            let connection = request.accept().await?;
            let ended = connection.receive().await.unwrap_err();
            done.unwrap().send(ended).unwrap();
            Ok(())
        }
    });
    let running = start(&server).await;
    let client = connect(&running, "/wait").await;
    let report = running.stop().await.unwrap();
    assert_eq!(report.connections_aborted, 0);
    assert_eq!(client.ended().await.code, 1001);
    assert_eq!(code_of::<()>(Err(ended.await.unwrap())), 1001);
}

#[tokio::test]
async fn server_tcp_closed_on_close_connection_event() {
    let (_server, mut raw) = Raw::facing(Role::Server, Options::new());
    raw.close(1000, "").await;
    assert_eq!(raw.close_code().await, 1000);
    assert_eq!(raw.next().await, None, "the server hangs up first");
}

#[tokio::test]
async fn the_client_waits_for_the_server_to_hang_up() {
    let (client, mut raw) = Raw::facing(Role::Client, Options::new());
    let (closed, ()) = join!(client.close(3000, "x"), async {
        assert_eq!(raw.close_code().await, 3000);
        raw.close(3000, "x").await;
        assert_eq!(raw.next().await, None, "the client says that it is done");
        drop(raw);
    });
    assert_eq!(closed.unwrap().code, 3000);
}

#[tokio::test]
async fn an_empty_close_frame_is_1005_and_is_answered_with_an_empty_one() {
    let (server, mut raw) = Raw::facing(Role::Server, Options::new());
    raw.send(CLOSE, b"").await;
    assert_eq!(raw.next().await, Some((CLOSE, Vec::new())));
    let reason = server.ended().await;
    assert_eq!((reason.code, reason.name()), (1005, "NO_STATUS_RCVD"));
}

#[tokio::test]
async fn a_long_reason_is_cut_at_a_character() {
    let (client, mut raw) = Raw::facing(Role::Client, Options::new());
    drop(client.close(1000, "\u{20ac}".repeat(100)));
    let (_, payload) = raw.next().await.unwrap();
    assert_eq!(payload[2..], *"\u{20ac}".repeat(41).as_bytes());
}

#[tokio::test]
#[should_panic(expected = "not a code that a close frame may carry")]
async fn codes_that_must_not_be_sent_are_a_mistake_of_the_program() {
    let (client, _raw) = Raw::facing(Role::Client, Options::new());
    drop(client.close(1006, ""));
}

#[tokio::test]
async fn dropping_the_last_handle_closes_in_the_background() {
    let (client, mut raw) = Raw::facing(Role::Client, Options::new());
    client.send("kept").await.unwrap();
    drop(client.clone());
    drop(client);
    assert_eq!(raw.next().await, Some((TEXT, b"kept".to_vec())));
    assert_eq!(raw.close_code().await, 1000);
}

#[tokio::test]
async fn read_messages_after_remote_close() {
    let (client, mut raw) = Raw::facing(Role::Client, Options::new().receive_queue(2, 1 << 20));
    raw.send(TEXT, b"1").await;
    raw.send(TEXT, b"2").await;
    raw.close(1000, "").await;
    assert_eq!(raw.close_code().await, 1000, "the close is seen before the messages are read");
    assert_eq!(client.receive().await.unwrap(), Message::from("1"));
    assert_eq!(client.receive().await.unwrap(), Message::from("2"));
    assert_eq!(code_of(client.receive().await), 1000);
}

#[tokio::test]
async fn no_messages_after_local_close() {
    let (client, server) = pair(Options::new(), Options::new());
    server.send("1").await.unwrap();
    client.ping().await.unwrap(); // by now the message has arrived
    client.close(1000, "").await.unwrap();
    assert_eq!(code_of(client.receive().await), 1000);
}

#[tokio::test]
async fn cm_exit_with_pending_messages() {
    let running = echo().await;
    let connect = selvedge::websocket::Connect::to(&super::url(&running, "/echo")).unwrap();
    let result: Result<(), websocket::Error> = connect
        .scope(async |connection| {
            for _ in 0..10 {
                connection.send("unread").await?;
            }
            Ok(())
        })
        .await;
    result.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn server_close_client_disconnect_race() {
    let (server, raw) = Raw::facing(Role::Server, Options::new());
    let (closed, ()) = join!(server.close(1000, ""), async { drop(raw) });
    assert_eq!(closed.unwrap().code, 1006);
}

#[tokio::test]
async fn remote_close_local_message_race() {
    let (server, mut raw) = Raw::facing(Role::Server, Options::new());
    raw.close(1000, "").await;
    // Either the message is sent, or the close is reported, whichever comes first.
    for _ in 0..100 {
        match server.send("x").await {
            Ok(()) => tokio::task::yield_now().await,
            Err(error) => {
                assert_eq!(code_of::<()>(Err(error)), 1000);
                return;
            }
        }
    }
    panic!("the close was never seen");
}

#[tokio::test]
async fn message_after_local_close_race() {
    let (server, mut raw) = Raw::facing(Role::Server, Options::new());
    let closing = server.close(1000, "");
    assert_eq!(code_of(server.send("late").await), 1000, "closed before a frame has left");
    raw.send(TEXT, b"late").await;
    assert_eq!(raw.close_code().await, 1000);
    raw.close(1000, "").await;
    assert_eq!(closing.await.unwrap().code, 1000);
    assert_eq!(code_of(server.receive().await), 1000);
}

#[tokio::test]
async fn both_sides_close_at_once() {
    let (client, server) = pair(Options::new(), Options::new());
    let (client, server) = join!(client.close(1000, "client"), server.close(1001, "server"));
    assert_eq!(client.unwrap().code, 1001);
    assert_eq!(server.unwrap().code, 1000);
}
