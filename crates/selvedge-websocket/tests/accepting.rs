//! The server's end over a stream, without an HTTP library.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use selvedge_websocket::{Connect, Error, Options, accept};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    net::{TcpListener, TcpStream},
    time::Instant,
};

/// An opening handshake.
const OPENING: &str = "GET / HTTP/1.1\r\nHost: server\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// Sends a request to a server that expects a WebSocket, and returns both sides' outcome.
async fn ask(request: &str) -> (Result<(), Error>, String) {
    let (mut here, there) = duplex(1 << 16);
    here.write_all(request.as_bytes()).await.unwrap();
    here.shutdown().await.unwrap();
    let accepted = accept(there, Options::new()).await.map(drop);
    let mut answer = String::new();
    here.read_to_string(&mut answer).await.unwrap();
    (accepted, answer)
}

#[tokio::test]
async fn an_accepted_client_exchanges_messages() {
    let (here, there) = duplex(4096);
    let server = tokio::spawn(async {
        let request = accept(there, Options::new()).await.unwrap();
        assert_eq!((request.path(), request.query()), ("/chat", Some("room=1")));
        assert_eq!(request.headers()["x-name"], "Ada");
        let request = request.subprotocol("chat.v2").unwrap().header("x-seat", "7").unwrap();
        let connection = request.accept().await.unwrap();
        let message = connection.receive_text().await.unwrap();
        connection.send(message).await.unwrap();
        connection.ended().await
    });
    let connect = Connect::to("ws://server/chat?room=1").unwrap().header("x-name", "Ada").unwrap();
    let connect = connect.subprotocol("chat.v1").unwrap().subprotocol("chat.v2").unwrap();
    let client = connect.over(here).await.unwrap();
    assert_eq!(client.subprotocol(), Some("chat.v2"));
    assert_eq!(client.headers()["x-seat"], "7");
    client.send("hello").await.unwrap();
    assert_eq!(client.receive_text().await.unwrap(), "hello");
    client.close(1000, "done").await.unwrap();
    assert_eq!(server.await.unwrap().reason, "done");
}

#[tokio::test]
async fn a_rejected_client_gets_status_headers_and_body() {
    let (here, there) = duplex(4096);
    tokio::spawn(async {
        let request = accept(there, Options::new()).await.unwrap();
        request.header("x-why", "full").unwrap().reject(503, "come back later");
    });
    let refused = Connect::to("ws://server/").unwrap().over(here).await;
    let Err(Error::Rejected(rejection)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!((rejection.status, &rejection.body[..]), (503, &b"come back later"[..]));
    assert_eq!(rejection.headers["x-why"], "full");
}

#[tokio::test]
async fn requests_that_are_no_websocket_are_answered_and_reported() {
    let upgrade = "Host: server\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let version = "Sec-WebSocket-Version: 13\r\n";
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 426),
        (format!("POST / HTTP/1.1\r\n{upgrade}{key}{version}\r\n"), 426),
        (format!("GET / HTTP/1.0\r\n{upgrade}{key}{version}\r\n"), 426),
        (format!("GET / HTTP/1.1\r\n{upgrade}{key}Sec-WebSocket-Version: 8\r\n\r\n"), 426),
        (format!("GET / HTTP/1.1\r\n{upgrade}{version}\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{upgrade}{key}{key}{version}\r\n"), 400),
        (format!("GET / HTTP/1.1\r\nHost: other\r\n{upgrade}{key}{version}\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{upgrade}{key}{version}\r\n").replace("Host", "X"), 400),
        (
            format!("GET / HTTP/1.1\r\n{upgrade}{key}{version}Sec-WebSocket-Protocol: a b\r\n\r\n"),
            400,
        ),
    ] {
        let (accepted, answer) = ask(&request).await;
        assert!(matches!(accepted, Err(Error::Handshake(_))), "{accepted:?}");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
    }
}

#[tokio::test]
async fn invalid_requests_and_too_many_headers_are_errors() {
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(100));
    let long = format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "b".repeat(1 << 15));
    for (request, complaint) in [
        ("\u{1}\u{2}\u{3}\r\n\r\n", "not HTTP"),
        ("GET", "without a request"),
        ("", "without a request"),
        (&many, "more than 64 headers"),
        (&long, "more than 16384 bytes"),
    ] {
        let (accepted, answer) = ask(request).await;
        let error = accepted.unwrap_err().to_string();
        assert!(error.contains(complaint), "{error}");
        assert_eq!(answer, "");
    }
}

#[tokio::test]
async fn empty_elements_of_the_list_of_subprotocols_are_ignored() {
    let (mut here, there) = duplex(4096);
    let list = "Sec-WebSocket-Protocol: , a,,b ,\r\n\r\n";
    here.write_all(OPENING.replacen("\r\n\r\n", &format!("\r\n{list}"), 1).as_bytes())
        .await
        .unwrap();
    let request = accept(there, Options::new()).await.unwrap();
    assert_eq!(request.subprotocols(), ["a", "b"]);
}

#[tokio::test]
async fn a_refused_client_that_has_sent_more_than_its_request_reads_the_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let body = vec![b'x'; 100_000];
    let head = format!("POST / HTTP/1.1\r\nHost: server\r\nContent-Length: {}\r\n\r\n", body.len());
    client.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
    let refused = tokio::spawn(accept(stream, Options::new()));
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
    drop(client);
    assert!(matches!(refused.await.unwrap(), Err(Error::Handshake(_))));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_the_answer_is_given_up() {
    for accepts in [true, false] {
        let (mut here, there) = duplex(64);
        let asking = tokio::spawn(async move {
            here.write_all(OPENING.as_bytes()).await.unwrap();
            here
        });
        let options = Options::new().connect_timeout(Duration::from_secs(7));
        let request = accept(there, options).await.unwrap();
        let (mut here, begin) = (asking.await.unwrap(), Instant::now());
        if accepts {
            let error = request.accept().await.unwrap_err();
            assert!(matches!(error, Error::ConnectionClosed(_)), "{error}");
        } else {
            request.reject(503, "full");
            // Writing fails once the server has closed the stream.
            while here.write_all(&[0; 64]).await.is_ok() {}
        }
        assert_eq!(begin.elapsed().as_secs(), 7);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_no_request_is_given_up() {
    let (_here, there) = duplex(4096);
    let begin = Instant::now();
    let options = Options::new().connect_timeout(Duration::from_secs(7));
    let error = accept(there, options).await.unwrap_err();
    assert!(matches!(error, Error::HandshakeTimeout { .. }), "{error}");
    assert_eq!(begin.elapsed().as_secs(), 7);
}

#[tokio::test]
async fn a_message_that_arrives_with_the_request_is_received() {
    let (mut here, there) = duplex(4096);
    let mut bytes = OPENING.as_bytes().to_vec();
    bytes.extend_from_slice(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']);
    here.write_all(&bytes).await.unwrap();
    let connection = accept(there, Options::new()).await.unwrap().accept().await.unwrap();
    assert_eq!(connection.receive_text().await.unwrap(), "hi");
}
