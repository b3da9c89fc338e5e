//! Replays recorded sessions of stock clients with a trame server: this server sends the same
//! messages in the same order, with the exceptions in `docs/differences.md`.

mod differences;
mod session;

use std::{collections::HashMap, sync::Arc, time::Duration};

use differences::Places;
use futures_util::{SinkExt, StreamExt};
use reference::Pace;
use selvedge::{Running, Server, StartOptions};
use serde_json::Value;
use session::{Session, What, decode, matches};
use tokio::{
    net::TcpStream,
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

use crate::support::{TIMEOUT, open};

/// The secret of the recordings.
const SECRET: &str = "wslink-secret";

/// Maximum pause, where only the order counts.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

const SESSIONS: [&str; 7] = [
    "browser_busy_probe",
    "browser_vue3",
    "browser_wsproxy_injected_transport",
    "npm_wslink_client",
    "raw_basic_session",
    "raw_chunking_default",
    "raw_errors",
];

#[tokio::test]
async fn a_page_that_waits_for_a_slow_call() {
    replay("browser_busy_probe").await;
}

#[tokio::test]
async fn the_stock_page_in_a_browser() {
    replay("browser_vue3").await;
}

#[tokio::test]
async fn the_stock_page_over_a_transport_of_its_own() {
    replay("browser_wsproxy_injected_transport").await;
}

#[tokio::test]
async fn the_stock_javascript_client() {
    replay("npm_wslink_client").await;
}

#[tokio::test]
async fn calls_changes_and_pushes() {
    replay("raw_basic_session").await;
}

#[tokio::test]
async fn messages_in_chunks() {
    replay("raw_chunking_default").await;
}

#[tokio::test]
async fn refusals_failures_and_invalid_messages() {
    replay("raw_errors").await;
}

#[test]
fn the_differences_are_those_that_the_documentation_lists() {
    let mut places = Places::default();
    for name in SESSIONS {
        differences::apply(&mut Session::read(name), &mut places);
    }
    let page = include_str!("../../docs/differences.md");
    let documented = page.lines().filter(|line| line.starts_with("| **")).map(|line| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let mut cell = || cells.next().unwrap().trim_matches('*').to_owned();
        (cell(), cell())
    });
    assert_eq!(documented.collect::<std::collections::BTreeMap<_, _>>(), places.listed());
}

/// Repeats the actions of a session's client and compares the server's reactions.
async fn replay(name: &str) {
    let mut session = Session::read(name);
    differences::apply(&mut session, &mut Places::default());
    let mut replay = Replay::start(&session).await;
    for event in session.events {
        let place = format!("{name}, {} ms, connection {}", event.time, event.connection);
        replay.step(&event.connection, event.what, &place).await;
    }
    replay.finish().await;
}

struct Replay {
    running: Running,
    connections: HashMap<String, Connection>,
    /// Lets one greeting continue.
    greetings: Arc<Semaphore>,
}

impl Replay {
    async fn start(session: &Session) -> Replay {
        let greetings = Arc::new(Semaphore::new(0));
        let server = reference::app_at(pace(&greetings)).unwrap();
        let first = session.events.iter().find_map(|event| match &event.what {
            What::Receive(message) => message.pointer("/result/state"),
            _ => None,
        });
        if let Some(count) = first.and_then(|state| state.get("count")) {
            // An earlier page may have changed it.
            server.state().set("count", count);
        }
        let options = StartOptions::new().port(0).secret(SECRET);
        let running = server.spawn(options).await.unwrap();
        if first.is_some_and(|state| state.get("greeting").is_some()) {
            greetings.add_permits(1);
            greeted(&server).await;
        }
        Replay { running, connections: HashMap::new(), greetings }
    }

    async fn step(&mut self, connection: &str, what: What, place: &str) {
        if !self.connections.contains_key(connection) {
            let socket = open(&self.running).await;
            let opened = Connection { socket, unfinished: Vec::new() };
            self.connections.insert(connection.to_owned(), opened);
        }
        let peer = self.connections.get_mut(connection).unwrap();
        match what {
            What::Send(frame) => peer.send(Message::Binary(frame.into())).await,
            What::SendText(text) => peer.send(Message::text(text)).await,
            What::Receive(expected) => {
                if expected.pointer("/result/greeting").is_some() {
                    self.greetings.add_permits(1);
                }
                let received = peer.receive().await;
                let same =
                    matches!(&received, Received::Message(actual) if matches(&expected, actual));
                assert!(same, "{place}:\nexpected {expected}\n     got {received:?}");
            }
            What::Closed(code) => peer.expect_close(code, place).await,
            What::Close => {
                peer.send(Message::Close(None)).await;
                peer.expect_end(place).await;
                self.connections.remove(connection);
            }
        }
    }

    /// Ends the server and checks that it sent nothing that was not recorded.
    async fn finish(mut self) {
        let running = self.running;
        let stopped = tokio::spawn(async move { running.stop().await });
        for (name, mut connection) in self.connections.drain() {
            if let Received::Message(message) = connection.receive().await {
                panic!("connection {name} got what was not recorded: {message}");
            }
        }
        stopped.await.unwrap().unwrap();
    }
}

/// Greetings wait for their turn in the recording; other pauses are short.
fn pace(greetings: &Arc<Semaphore>) -> Pace {
    let greetings = Arc::clone(greetings);
    Pace::of(move |time| {
        let greetings = Arc::clone(&greetings);
        async move {
            if time == reference::GREETING_TAKES {
                greetings.acquire().await.unwrap().forget();
            } else {
                sleep(time.min(LONGEST_PAUSE)).await;
            }
        }
    })
}

async fn greeted(server: &Server) {
    timeout(TIMEOUT, async {
        while !server.state().has("greeting") {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .expect("a greeting in time");
}

struct Connection {
    socket: WebSocketStream<TcpStream>,
    /// The content of a message whose last frame has not arrived.
    unfinished: Vec<u8>,
}

#[derive(Debug)]
enum Received {
    Message(Value),
    Closed(u16),
    End,
}

impl Connection {
    async fn send(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    async fn receive(&mut self) -> Received {
        loop {
            let message = timeout(TIMEOUT, self.socket.next()).await.expect("a message in time");
            match message {
                Some(Ok(Message::Binary(frame))) => {
                    let field =
                        |at: usize| u32::from_le_bytes(frame[at..at + 4].try_into().unwrap());
                    assert_eq!(self.unfinished.len(), field(4) as usize);
                    self.unfinished.extend_from_slice(&frame[12..]);
                    if self.unfinished.len() == field(8) as usize {
                        return Received::Message(decode(&std::mem::take(&mut self.unfinished)));
                    }
                }
                Some(Ok(Message::Close(frame))) => {
                    return Received::Closed(frame.map_or(1005, |frame| frame.code.into()));
                }
                Some(Ok(Message::Text(text))) => panic!("the server sent a text: {text}"),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Received::End,
            }
        }
    }

    async fn expect_close(&mut self, code: u16, place: &str) {
        match self.receive().await {
            Received::Closed(actual) => assert_eq!(actual, code, "{place}"),
            other => panic!("{place}: expected a close, got {other:?}"),
        }
    }

    async fn expect_end(&mut self, place: &str) {
        loop {
            match self.receive().await {
                Received::Message(message) => {
                    panic!("{place}: this was not recorded: {message}")
                }
                Received::Closed(_) => {}
                Received::End => return,
            }
        }
    }
}
