//! Tests how connections are opened and refused.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use selvedge::{
    Failure, Server, StartOptions,
    websocket::{self, Connect, Connection, Options, Request, Role, rustls},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{connect, echo, echo_with, url};
use crate::support::{SECRET, free_port, request, start};

#[tokio::test]
async fn client_open() {
    let running = echo().await;
    let address = running.addresses()[0];
    let connect = Connect::to_host(&address.ip().to_string(), address.port(), "/echo").unwrap();
    let answer: Result<String, websocket::Error> = connect
        .scope(async |connection| {
            assert_eq!(connection.role(), Role::Client);
            connection.send("scoped").await?;
            connection.receive_text().await
        })
        .await;
    assert_eq!(answer.unwrap(), "scoped");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn client_open_url_with_paths_and_queries() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let server = Server::new("paths");
    for path in ["/", "/a/b"] {
        let seen = Arc::clone(&seen);
        server.websocket(path, move |request: Request| {
            let query = request.query().map(str::to_owned);
            seen.lock().unwrap().push((request.path().to_owned(), query));
            async {
                let connection = request.accept().await?;
                connection.send(connection.path()).await?;
                Ok(())
            }
        });
    }
    let running = start(&server).await;
    for (path, sent) in [("", "/"), ("/", "/"), ("/a/b", "/a/b"), ("/a/b?c=d&e", "/a/b?c=d&e")] {
        let client = connect(&running, path).await;
        assert_eq!(client.path(), sent);
        assert_eq!(client.receive_text().await.unwrap(), sent);
    }
    let last = seen.lock().unwrap().last().cloned();
    assert_eq!(last, Some(("/a/b".to_owned(), Some("c=d&e".to_owned()))));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn connection_and_request_have_endpoints() {
    let ends = Arc::new(Mutex::new(None));
    let server = Server::new("ends");
    let seen = Arc::clone(&ends);
    server.websocket("/ends", move |request: Request| {
        *seen.lock().unwrap() = Some((request.local(), request.remote()));
        async {
            let connection = request.accept().await?;
            let ends = format!("{:?} {:?}", connection.local(), connection.remote());
            connection.send(ends).await?;
            Ok(())
        }
    });
    let running = start(&server).await;
    let client = connect(&running, "/ends").await;
    assert_eq!(client.remote(), Some(running.addresses()[0]));
    let expected = format!("{:?} {:?}", client.remote(), client.local());
    assert_eq!(client.receive_text().await.unwrap(), expected);
    assert_eq!(*ends.lock().unwrap(), Some((client.remote(), client.local())));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn serve_multiple_listeners_on_ipv4_and_ipv6() {
    let server = Server::new("both");
    server.websocket("/echo", echo_with(Options::new()));
    let running =
        server.spawn(StartOptions::new().host("localhost").port(0).secret(SECRET)).await.unwrap();
    for address in running.addresses() {
        let connect = Connect::to(&format!("ws://{address}/echo")).unwrap();
        let client = connect.open().await.unwrap();
        client.send("x").await.unwrap();
        assert_eq!(client.receive_text().await.unwrap(), "x");
    }
    assert_eq!(running.addresses().len(), 2);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn handshake_subprotocol() {
    let server = Server::new("subprotocols");
    server.websocket("/chat", async |request| {
        assert_eq!(request.subprotocols(), ["chat.v2", "chat.v1"]);
        let connection = request.subprotocol("chat.v1")?.accept().await?;
        assert_eq!(connection.subprotocol(), Some("chat.v1"));
        Ok(())
    });
    server.websocket("/other", async |request| {
        assert!(matches!(
            request.subprotocol("chat.v3"),
            Err(websocket::Error::NotProposed(name)) if name == "chat.v3"
        ));
        Err(Failure::msg("not accepted"))
    });
    let running = start(&server).await;
    let proposing = |path: &str| {
        let connect = Connect::to(&url(&running, path)).unwrap();
        connect.subprotocol("chat.v2").unwrap().subprotocol("chat.v1").unwrap()
    };
    let client = proposing("/chat").open().await.unwrap();
    assert_eq!(client.subprotocol(), Some("chat.v1"));
    assert!(proposing("/other").open().await.is_err());
    running.stop().await.unwrap();
}

#[tokio::test]
async fn handshake_client_headers_and_server_headers() {
    let server = Server::new("headers");
    server.websocket("/headers", async |request: Request| {
        assert_eq!(request.headers()["x-tag"], "client");
        let connection =
            request.header("x-tag", "server")?.header("upgrade", "mine")?.accept().await?;
        assert_eq!(connection.headers()["x-tag"], "client");
        Ok(())
    });
    let running = start(&server).await;
    let connect = Connect::to(&url(&running, "/headers")).unwrap();
    let connect =
        connect.header("X-Tag", "client").unwrap().header("Host", "evil.example").unwrap();
    let client = connect.open().await.unwrap();
    assert_eq!(client.headers()["x-tag"], "server");
    assert_eq!(client.ended().await.code, 1000);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn reject_handshake() {
    let server = Server::new("rejects");
    server.websocket("/no", async |request: Request| {
        request.header("x-why", "because")?.reject(418, "No tea here.");
        Ok(())
    });
    let running = start(&server).await;
    let refused = Connect::to(&url(&running, "/no")).unwrap().open().await;
    let websocket::Error::Rejected(rejection) = refused.unwrap_err() else {
        panic!("another error");
    };
    assert_eq!(rejection.status, 418);
    assert_eq!(rejection.headers["x-why"], "because");
    assert_eq!(&rejection.body[..], b"No tea here.");
    let missing = Connect::to(&url(&running, "/missing")).unwrap().open().await;
    let text = missing.unwrap_err().to_string();
    assert!(text.contains("404") && text.contains("Check the path"), "{text}");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn reject_handshake_invalid_info_status() {
    for (answer, status, body) in [
        ("HTTP/1.1 100 Continue\r\n\r\n", 100, ""),
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nnono", 403, "no"),
        (
            "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n3;x=y\r\npe!\r\n0\r\n\r\n",
            404,
            "nope!",
        ),
        ("HTTP/1.0 200 OK\r\n\r\n<html>", 200, "<html>"),
    ] {
        let (here, mut there) = tokio::io::duplex(4096);
        there.write_all(answer.as_bytes()).await.unwrap();
        there.shutdown().await.unwrap();
        match Connect::to("ws://h/").unwrap().over(here).await {
            Err(websocket::Error::Rejected(rejection)) => {
                assert_eq!(rejection.status, status);
                assert_eq!(rejection.body, body.as_bytes());
            }
            other => panic!("{answer}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_handshake_error_is_answered_and_affects_no_other_client() {
    let running = echo().await;
    let plain = request(&running, "GET", "/echo", &[]).await;
    assert_eq!((plain.status, plain.header("upgrade")), (426, "websocket"));
    let upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket")];
    let with = |more: &[(&'static str, &'static str)]| [&upgrade[..], more].concat();
    let key = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    let version = ("Sec-WebSocket-Version", "13");
    for (headers, status) in [
        (with(&[key]), 426),
        (with(&[key, ("Sec-WebSocket-Version", "8")]), 426),
        (with(&[version]), 400),
        (with(&[version, ("Sec-WebSocket-Key", "c2hvcnQ=")]), 400),
        (with(&[version, key, ("Sec-WebSocket-Protocol", "a b")]), 400),
        (with(&[version, key, ("Origin", "http://evil.example")]), 403),
        (with(&[version, key, ("Host", "evil.example")]), 403),
    ] {
        let answer = request(&running, "GET", "/echo", &headers).await;
        assert_eq!(answer.status, status, "{headers:?}");
    }
    connect(&running, "/echo").await.ping().await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn answers_that_do_not_open_a_websocket_are_distinguished() {
    let good = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
    for (answer, complaint) in [
        ("SSH-2.0-OpenSSH_9.6\r\n".to_owned(), "not HTTP"),
        (String::new(), "without an answer"),
        ("HTTP/1.1 101 X\r\n\r\n".to_owned(), "Upgrade: websocket"),
        ("HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n".to_owned(), "Connection: Upgrade"),
        (format!("HTTP/1.1 101 X\r\n{good}\r\n"), "Sec-WebSocket-Accept"),
        (
            format!("HTTP/1.1 101 X\r\n{good}Sec-WebSocket-Accept: bm9wZQ==\r\n\r\n"),
            "Sec-WebSocket-Accept",
        ),
    ] {
        let (here, mut there) = tokio::io::duplex(4096);
        there.write_all(answer.as_bytes()).await.unwrap();
        there.shutdown().await.unwrap();
        let error = Connect::to("ws://h/").unwrap().over(here).await.unwrap_err();
        assert!(matches!(error, websocket::Error::Handshake(_)), "{error}");
        assert!(error.to_string().contains(complaint), "{error}");
    }
}

#[tokio::test]
async fn handshake_exception_before_accept() {
    let server = Server::new("fails");
    server.websocket("/fails", async |_: Request| Err(Failure::msg("a secret detail")));
    server.websocket("/forgets", async |_: Request| Ok(()));
    server.websocket("/panics", async |_: Request| panic!("a secret detail"));
    let running = start(&server).await;
    for path in ["/fails", "/forgets", "/panics"] {
        let refused = Connect::to(&url(&running, path)).unwrap().open().await;
        let websocket::Error::Rejected(rejection) = refused.unwrap_err() else {
            panic!("another error");
        };
        assert_eq!(rejection.status, 500);
        assert!(!String::from_utf8_lossy(&rejection.body).contains("secret"));
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_client_that_leaves_before_it_is_answered_ends_the_handler() {
    let (entered, entering) = tokio::sync::oneshot::channel();
    let (dropped, dropping) = tokio::sync::oneshot::channel::<()>();
    let once = Mutex::new(Some((entered, dropped)));
    let server = Server::new("leaves");
    server.websocket("/slow", move |request: Request| {
        let (entered, dropped) = once.lock().unwrap().take().unwrap();
        async move {
            let _request = request;
            let _dropped = dropped;
            entered.send(()).unwrap();
            std::future::pending().await
        }
    });
    let running = start(&server).await;
    let connect = Connect::to(&url(&running, "/slow")).unwrap();
    let opening = tokio::spawn(async move { connect.open().await });
    entering.await.unwrap();
    opening.abort();
    assert!(dropping.await.is_err(), "the handler's future is dropped");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn client_connect_networking_error() {
    let free = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let error = Connect::to(&format!("ws://{free}/")).unwrap().open().await.unwrap_err();
    assert!(
        matches!(&error, websocket::Error::Unreachable { address, cause }
            if *address == free.to_string() && cause.kind() == std::io::ErrorKind::ConnectionRefused),
        "{error}"
    );
    assert!(error.to_string().contains("Check that the server is running"));
}

#[tokio::test]
async fn user_exception_cause_is_kept_and_the_connection_is_closed() {
    let running = echo().await;
    let connect = Connect::to(&url(&running, "/echo")).unwrap();
    let mut kept = None;
    let result: Result<(), selvedge::Error> = connect
        .scope(async |connection: Connection| {
            kept = Some(connection);
            Err(selvedge::Error::Callback("my own".to_owned()))
        })
        .await;
    assert!(matches!(result, Err(selvedge::Error::Callback(text)) if text == "my own"));
    assert_eq!(kept.unwrap().ended().await.code, 1000);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn open_websocket_cancellations_close_in_the_background() {
    let running = echo().await;
    let connect = Connect::to(&url(&running, "/echo")).unwrap();
    let (handle, got) = tokio::sync::oneshot::channel();
    let scope = tokio::spawn(async move {
        let result: Result<(), websocket::Error> = connect
            .scope(async move |connection: Connection| {
                handle.send(connection.ended()).ok();
                std::future::pending().await
            })
            .await;
        result
    });
    let ended = got.await.unwrap();
    scope.abort();
    assert_eq!(ended.await.code, 1000);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn wrap_client_stream_and_wrap_server_stream() {
    let running = echo().await;
    let stream = tokio::net::TcpStream::connect(running.addresses()[0]).await.unwrap();
    let client = Connect::to(&url(&running, "/echo")).unwrap().over(stream).await.unwrap();
    client.send("over my own stream").await.unwrap();
    assert_eq!(client.receive_text().await.unwrap(), "over my own stream");
    assert_eq!(client.remote(), None);
    running.stop().await.unwrap();

    let (here, there) = tokio::io::duplex(100);
    let server = Connection::over(there, Role::Server, Options::new());
    let client = Connection::over(here, Role::Client, Options::new());
    server.send("hello").await.unwrap();
    assert_eq!(client.receive_text().await.unwrap(), "hello");
    assert_eq!(client.close(1000, "").await.unwrap().code, 1000);
}

#[tokio::test]
async fn serve_ssl() {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
    let server_config = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server_config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let plain = echo().await;
    let upstream = plain.addresses()[0];
    // TLS in front of a server without TLS, as with a proxy.
    let proxy = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut secure = acceptor.accept(stream).await?;
                let mut stream = tokio::net::TcpStream::connect(upstream).await?;
                // The server accepts only its own name.
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(secure.read_u8().await?);
                }
                let head = String::from_utf8_lossy(&head)
                    .replace(&format!("localhost:{port}"), &upstream.to_string());
                stream.write_all(head.as_bytes()).await?;
                tokio::io::copy_bidirectional(&mut secure, &mut stream).await
            });
        }
    });
    let url = format!("wss://localhost:{port}/echo");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certified.cert.der().clone()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = Connect::to(&url).unwrap().tls(Arc::new(config)).unwrap().open().await.unwrap();
    client.send("secret").await.unwrap();
    assert_eq!(client.receive_text().await.unwrap(), "secret");
    client.close(1000, "").await.unwrap();
    let untrusted = Connect::to(&url).unwrap().open().await;
    assert!(matches!(untrusted, Err(websocket::Error::Tls { .. })), "{untrusted:?}");
    proxy.abort();
    plain.stop().await.unwrap();
}

#[tokio::test]
async fn a_handler_can_ask_for_the_secret() {
    let server = Server::new("secret");
    server.websocket("/private", async |request: Request| {
        let token = request.headers().get("x-token").cloned();
        let token = token.as_ref().and_then(|token| token.to_str().ok());
        if token.and_then(|token| request.role_of(token)).is_none() {
            request.reject(401, "");
            return Ok(());
        }
        request.accept().await?;
        Ok(())
    });
    let running = start(&server).await;
    for (token, is_let_in) in [("", false), ("guess", false), (SECRET, true)] {
        let connect = Connect::to(&url(&running, "/private")).unwrap();
        let opened = connect.header("x-token", token).unwrap().open().await;
        assert_eq!(opened.is_ok(), is_let_in, "{token}");
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn an_endpoint_on_the_path_of_the_state_server_is_refused_at_the_start() {
    let server = Server::new("taken");
    server.websocket("/ws", echo_with(Options::new()));
    let error = server.spawn(StartOptions::new().port(0)).await.err().unwrap();
    assert!(error.to_string().contains("a WebSocket of its own"), "{error}");

    let options = StartOptions::new().port(0).ws_endpoint(Some("state"));
    let running = server.spawn(options).await.unwrap();
    let connection = Connect::to(&url(&running, "/ws")).unwrap().open().await.unwrap();
    connection.send("hello").await.unwrap();
    assert_eq!(connection.receive_text().await.unwrap(), "hello");
    running.stop().await.unwrap();
}

#[tokio::test]
#[should_panic(expected = "belongs to the state server")]
async fn the_path_that_the_state_server_is_using_is_taken() {
    let server = Server::new("taken");
    let _running = start(&server).await;
    server.websocket("/ws", echo_with(Options::new()));
}
