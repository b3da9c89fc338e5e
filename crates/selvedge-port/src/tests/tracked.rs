//! Servers with an accept loop of their own.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::LONG;
use crate::{Error, Listener, ServeOptions, is_port_free};

#[tokio::test]
async fn connections_of_another_accept_loop_end_before_the_port_is_proved_free() {
    let listener = Listener::bind("127.0.0.1", 0).await.unwrap();
    let address = listener.addresses()[0];
    let (mut listener, port) = listener.tracked(ServeOptions::new().grace(LONG));
    let mut client = TcpStream::connect(address).await.unwrap();
    let (mut connection, _) = listener.accept().await;
    let release = port.release();
    tokio::pin!(release);
    let early = timeout(Duration::from_millis(20), &mut release).await;
    assert!(early.is_err(), "the port was released while a connection was open");
    let next = timeout(Duration::from_millis(1), listener.accept()).await;
    assert!(next.is_err(), "accepted during the release");

    connection.write_all(b"goodbye").await.unwrap();
    drop(connection);
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, b"goodbye");
    let released = release.await.unwrap();
    assert_eq!((released.connections_closed, released.connections_aborted), (1, 0));
    assert!(is_port_free("127.0.0.1", address.port()).await.unwrap());
}

#[tokio::test]
async fn connections_that_do_not_end_are_reset_after_the_grace() {
    let listener = Listener::bind("127.0.0.1", 0).await.unwrap();
    let address = listener.addresses()[0];
    let options = ServeOptions::new().grace(Duration::from_millis(20));
    let (mut listener, port) = listener.tracked(options);
    let _client = TcpStream::connect(address).await.unwrap();
    let (_kept, _) = listener.accept().await;
    drop(listener);
    let released = port.release().await.unwrap();
    assert_eq!((released.connections_closed, released.connections_aborted), (0, 1));
}

#[tokio::test]
async fn a_listener_that_its_server_keeps_is_named() {
    let options = ServeOptions::new().deadline(Duration::from_millis(30));
    let (_listener, port) = Listener::bind("127.0.0.1", 0).await.unwrap().tracked(options);
    let error = port.release().await.unwrap_err();
    assert!(matches!(error, Error::NotReleased { .. }), "{error}");
}

#[tokio::test]
async fn connections_over_the_limit_are_closed() {
    let listener = Listener::bind("127.0.0.1", 0).await.unwrap();
    let address = listener.addresses()[0];
    let (mut listener, port) = listener.tracked(ServeOptions::new().max_connections(1));
    let _first = TcpStream::connect(address).await.unwrap();
    let (first, _) = listener.accept().await;
    let mut second = TcpStream::connect(address).await.unwrap();
    let mut buffer = [0; 1];
    let refused = tokio::select! {
        _ = listener.accept() => panic!("accepted over the limit"),
        read = second.read(&mut buffer) => read.unwrap(),
    };
    assert_eq!(refused, 0);
    drop((first, listener));
    port.release().await.unwrap();
}
