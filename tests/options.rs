//! Tests what the server reports while it starts and stops.

use selvedge::{Error, Server, port};

use crate::support::{options, start};

#[tokio::test]
async fn the_same_name_gives_the_same_server() {
    selvedge::get_server("options").state().set("a", 1);
    assert_eq!(selvedge::get_server("options").state().get::<i64>("a").unwrap(), 1);
    assert!(!Server::new("options").state().has("a"));
}

#[tokio::test]
async fn a_server_knows_whether_and_where_it_runs() {
    let server = Server::new("options");
    assert_eq!((server.running(), server.port()), (false, None));
    let running = start(&server).await;
    assert_eq!((server.running(), server.port()), (true, Some(running.port())));
    assert!(matches!(server.spawn(options()).await, Err(Error::AlreadyRunning(_))));
    running.stop().await.unwrap();
    assert_eq!((server.running(), server.port()), (false, None));
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_who_has_it() {
    let server = Server::new("options");
    let running = start(&server).await;
    let other = Server::new("other");
    let error = other.spawn(options().port(running.port())).await.err().unwrap();
    assert!(matches!(error, Error::Port(port::Error::Busy { .. })), "{error}");
    let text = error.to_string();
    assert!(text.contains(&format!("127.0.0.1:{}", running.port())), "{text}");
    assert!(text.contains(&format!("pid {}", std::process::id())), "{text}");
    running.stop().await.unwrap();
    let running = other.spawn(options()).await.expect("a failed start leaves nothing behind");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn an_address_of_another_machine_is_an_error() {
    let server = Server::new("options");
    let error = server.spawn(options().host("192.0.2.1")).await.err().unwrap();
    assert!(matches!(error, Error::Port(port::Error::Bind { .. })), "{error}");
}
