//! Tests the compression of WebSocket messages (permessage-deflate), with the library's own client.
//! Other implementations are among the peers.

use selvedge::{
    Ctx, Failure, Running, Server,
    client::Client,
    run::Compression,
    websocket::{Connect, Connection, Message, Options, Request},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::support::{SECRET, TIMEOUT, options};

const EXTENSIONS: &str = "sec-websocket-extensions";

async fn start(server: &Server, compression: Compression) -> Running {
    server.spawn(options().compression(compression)).await.unwrap()
}

fn text() -> String {
    (0..20_000).map(|number: u32| format!("row {number}\n")).collect()
}

/// A line between a client and a server, which counts the bytes that the server sends.
struct Line {
    listener: TcpListener,
}

impl Line {
    async fn new() -> Self {
        Line { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    fn address(&self) -> String {
        self.listener.local_addr().unwrap().to_string()
    }

    /// Carries one connection to the server, and returns how many bytes the server sent.
    async fn carry(self, running: &Running) -> usize {
        let (mut here, _) = self.listener.accept().await.unwrap();
        let mut there = TcpStream::connect(running.addresses()[0]).await.unwrap();
        let (_, received) = copy_bidirectional(&mut here, &mut there).await.unwrap();
        received as usize
    }
}

/// Opens the WebSocket of the state server, with an offer to compress and headers.
async fn open(running: &Running, path: &str, headers: &[(&str, &str)]) -> Connection {
    let url = format!("{}{path}", running.url().replacen("http", "ws", 1));
    let mut connect = Connect::to(&url).unwrap().options(Options::new().compression(true));
    for (name, value) in headers {
        connect = connect.header(name, value).unwrap();
    }
    connect.open().await.unwrap()
}

/// Returns the bytes that a client receives which gets a large value twice, and sends it back.
async fn bytes_for(compression: Compression, offer: bool) -> usize {
    let server = Server::new("compression");
    server.state().set("text", text());
    server.trigger("echo", |_: Ctx, text: String| text);
    let line = Line::new().await;
    let address = line.address();
    let options = options().compression(compression).allowed_host(&address);
    let running = server.spawn(options).await.unwrap();
    let using = async {
        let options = Options::new().max_message_size(16 << 20).compression(offer);
        let builder = Client::builder(&format!("ws://{address}/ws")).unwrap();
        let client = builder.secret(SECRET).options(options).open().await.unwrap();
        let state = client.state();
        assert_eq!(state.get::<String>("text").unwrap(), Some(text()));
        let changed = text() + "more";
        server.state().set("text", changed.clone());
        server.state().flush();
        let seen = state.wait_for("text", |text: &String| *text == changed);
        timeout(TIMEOUT, seen).await.unwrap().unwrap();
        let echoed = client.call_trigger("echo", (changed.clone(),)).await.unwrap();
        assert_eq!(echoed.decode::<String>().unwrap(), changed);
        client.close().await.unwrap();
    };
    let (received, ()) = tokio::join!(line.carry(&running), using);
    running.stop().await.unwrap();
    received
}

#[tokio::test]
async fn large_values_shrink_for_clients_that_offer_it() {
    let size = text().len();
    let plain = bytes_for(Compression::Always, false).await;
    assert!(plain > 3 * size, "{plain}");
    let compressed = bytes_for(Compression::Always, true).await;
    assert!(compressed < plain / 2, "{compressed} and {plain}");
    let never = bytes_for(Compression::Never, true).await;
    assert!(never > 3 * size, "{never}");
}

#[tokio::test]
async fn by_default_messages_to_other_machines_are_compressed() {
    let agreed = async |compression, headers: &[(&str, &str)]| {
        let server = Server::new("compression");
        server.websocket("/own", |request: Request| async move {
            // Options that say nothing of compression leave it to the server.
            let request = request.options(Options::new().max_message_size(1 << 20));
            request.accept().await?.ended().await;
            Ok::<(), Failure>(())
        });
        let running = start(&server, compression).await;
        let mut answers = Vec::new();
        for path in ["/ws", "/own"] {
            let connection = open(&running, path, headers).await;
            answers.push(connection.headers().contains_key(EXTENSIONS));
            connection.close(1000, "").await.unwrap();
        }
        running.stop().await.unwrap();
        assert_eq!(answers[0], answers[1]);
        answers[0]
    };
    assert!(!agreed(Compression::Auto, &[]).await, "on this machine");
    assert!(agreed(Compression::Auto, &[("X-Forwarded-For", "10.0.0.1")]).await);
    assert!(agreed(Compression::Auto, &[("Forwarded", "for=10.0.0.1")]).await);
    assert!(agreed(Compression::Always, &[]).await);
    assert!(!agreed(Compression::Never, &[("X-Forwarded-For", "10.0.0.1")]).await);
}

#[tokio::test]
async fn a_stranger_cannot_make_the_server_inflate_much() {
    let server = Server::new("compression");
    let running = start(&server, Compression::Always).await;
    let stranger = open(&running, "/ws", &[]).await;
    // A few KiB on the line.
    stranger.send(vec![0; 8 << 20]).await.unwrap();
    let reason = timeout(TIMEOUT, stranger.ended()).await.unwrap();
    assert_eq!(reason.code, 1009, "{reason}");
    let patient = open(&running, "/ws", &[]).await;
    let sent = async {
        while patient.send("\0".repeat(32 * 1024)).await.is_ok() {}
        patient.ended().await
    };
    let reason = timeout(TIMEOUT, sent).await.unwrap();
    assert_eq!(reason.code, 1009, "many small messages: {reason}");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn both_ends_of_an_endpoint_compress() {
    let server = Server::new("compression");
    server.websocket("/echo", |request: Request| async move {
        let connection = request.accept().await?;
        while let Ok(message) = connection.receive().await {
            if connection.send(message).await.is_err() {
                break;
            }
        }
        Ok::<(), Failure>(())
    });
    let running = start(&server, Compression::Always).await;
    let connection = open(&running, "/echo", &[]).await;
    let numbers: Vec<u8> = (0..500_000_u32).map(|number| (number / 1000) as u8).collect();
    let messages = [Message::from(text()), Message::from("short"), Message::from(numbers)];
    for message in messages.iter().chain(&messages) {
        connection.send(message.clone()).await.unwrap();
        assert!(timeout(TIMEOUT, connection.receive()).await.unwrap().unwrap() == *message);
    }
    connection.send(vec![0; 2 << 20]).await.unwrap();
    let reason = timeout(TIMEOUT, connection.ended()).await.unwrap();
    assert_eq!(reason.code, 1009, "the limit of the inflated message: {reason}");
    running.stop().await.unwrap();
}
