//! Attacks on a server with one defence removed, and with it in place: each defence stops its
//! attack.
use std::{net::SocketAddr, sync::Arc, time::Duration};

use selvedge_port::{Listener, ServeOptions};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Access, Allowed, Http, Lobby, Names, Site, Tokens};
use crate::{
    app::{Endpoints, Server},
    protocol::{Bearer, User},
};

/// Time limit for an answer; longer than any takes.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Connection limit of a server under attack. It is low, so that few sockets reach it.
const MAX_CONNECTIONS: usize = 40;

struct Target {
    address: SocketAddr,
    access: Arc<Access>,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

impl Target {
    /// Starts a server with room for `crowd` unknown peers, with or without the guard.
    async fn new(crowd: usize, guarded: bool) -> Self {
        Self::serving(crowd, guarded, Endpoints::default()).await
    }

    async fn serving(crowd: usize, guarded: bool, endpoints: Endpoints) -> Self {
        let listener = Listener::bind("127.0.0.1", 0).await.unwrap();
        let address = listener.addresses()[0];
        let access = Arc::new(Access::new(address.port(), Tokens::random().unwrap()));
        let names = Names::new("127.0.0.1", &[address], false, &Allowed::default());
        let stop = CancellationToken::new();
        let site = Site {
            server: Server::new("target"),
            access: Arc::clone(&access),
            names: Arc::new(names.unwrap()),
            proxies: Arc::default(),
            lobby: Lobby::new(crowd),
            tls: None,
            endpoints,
            max_frame: 1 << 20,
            heartbeat: Duration::from_secs(30),
            draining: CancellationToken::new(),
            stop: stop.clone(),
            websockets: TaskTracker::new(),
            relayed: TaskTracker::new(),
            goodbye: crate::protocol::CloseFrame { code: 1001, reason: "" },
            span: tracing::Span::none(),
            rooms: None,
        };
        let http = if guarded { Http::new(site) } else { Http::with(site, |_, router| router) };
        let handler = move |connection| http.clone().serve(connection);
        let limits = ServeOptions::new().max_connections(MAX_CONNECTIONS);
        let serve = selvedge_port::serve(listener, stop.clone(), limits, handler);
        Target { address, access, stop, served: tokio::spawn(async { drop(serve.await.unwrap()) }) }
    }

    /// Sends a request and returns the start of the answer; empty if there is none.
    async fn send(&self, head: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = head.replace("OWN", &self.address.to_string());
        let mut answer = vec![0; 4096];
        // If the connection is already closed, this fails or there is no answer.
        if stream.write_all(head.as_bytes()).await.is_err() {
            return String::new();
        }
        let read = timeout(TIMEOUT, stream.read(&mut answer)).await.unwrap();
        String::from_utf8_lossy(&answer[..read.unwrap_or(0)]).into_owned()
    }

    async fn end(self) {
        self.stop.cancel();
        self.served.await.unwrap();
    }
}

/// Sends the same request to a server without the guard and to one with it.
async fn without_and_with(head: impl Fn(&Target) -> String) -> [String; 2] {
    let mut answers = [String::new(), String::new()];
    for (answer, guarded) in answers.iter_mut().zip([false, true]) {
        let target = Target::new(usize::MAX, guarded).await;
        *answer = target.send(&head(&target)).await;
        target.end().await;
    }
    answers
}

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

#[tokio::test]
async fn dns_rebinding_reaches_a_server_that_does_not_look_at_the_host() {
    let rebound = |_: &Target| "GET / HTTP/1.1\r\nHost: evil.example:80\r\n\r\n".to_owned();
    let [without, with] = without_and_with(rebound).await;
    assert!(without.starts_with("HTTP/1.1 302"), "{without}");
    assert!(with.starts_with("HTTP/1.1 403"), "{with}");
}

#[tokio::test]
async fn a_refusal_is_a_page_for_browsers_and_text_for_programs() {
    let target = Target::new(usize::MAX, true).await;
    let head = |accept: &str| {
        format!("GET / HTTP/1.1\r\nHost: evil<i>.example\r\nAccept: {accept}\r\n\r\n")
    };
    let page = target.send(&head("text/html,*/*;q=0.8")).await;
    assert!(page.starts_with("HTTP/1.1 403"), "{page}");
    assert!(page.contains("content-type: text/html"), "{page}");
    assert!(page.contains("default-src 'none'; style-src 'sha256-"), "{page}");
    assert!(page.contains("<h1>No access</h1>") && page.contains("--allowed-host"), "{page}");
    let text = target.send(&head("*/*")).await;
    assert!(text.contains("content-type: text/plain") && !text.contains("<h1>"), "{text}");
    target.end().await;
}

#[tokio::test]
async fn a_foreign_page_opens_a_websocket_of_a_server_that_does_not_look_at_the_origin() {
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1"] {
        let head = |_: &Target| {
            format!("GET /ws HTTP/1.1\r\nHost: OWN\r\nOrigin: {origin}\r\n{UPGRADE}\r\n")
        };
        let [without, with] = without_and_with(head).await;
        assert!(without.starts_with("HTTP/1.1 101"), "{origin}: {without}");
        assert!(with.starts_with("HTTP/1.1 403"), "{origin}: {with}");
    }
}

fn browser() -> Bearer {
    Bearer::Browser(User::of_browser("7f"))
}

/// Builds a launcher request with the cookie and this proof, which may be empty.
fn launch(target: &Target, origin: &str, proof: &str) -> String {
    let cookie = target.access.cookie_header(&browser(), false).unwrap();
    let pair = cookie.split(';').next().unwrap();
    let body = format!(r#"{{"signInProof":"{proof}"}}"#);
    format!(
        "POST /paraview/ HTTP/1.1\r\nHost: OWN\r\n{origin}Cookie: {pair}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_page_on_another_port_posts_to_a_launcher_that_does_not_look_at_the_origin() {
    let foreign = "Origin: http://127.0.0.1:1\r\n";
    let head = |target: &Target| launch(target, foreign, &target.access.proof_of(&browser()));
    let [without, with] = without_and_with(head).await;
    assert!(without.contains("\"secret\":"), "{without}");
    assert!(with.starts_with("HTTP/1.1 403"), "{with}");
}

#[tokio::test]
async fn a_program_that_was_sent_our_cookie_lacks_the_proof() {
    let target = Target::new(usize::MAX, true).await;
    let with_proof = target.send(&launch(&target, "", &target.access.proof_of(&browser()))).await;
    assert!(with_proof.contains("\"secret\":"), "{with_proof}");
    for proof in ["", "guess"] {
        let without = target.send(&launch(&target, "", proof)).await;
        assert!(without.contains("Not signed in"), "{without}");
    }
    target.end().await;
}

#[tokio::test]
async fn idle_sockets_lock_others_out_where_none_is_evicted() {
    for (crowd, is_let_in) in [(usize::MAX, false), (MAX_CONNECTIONS / 2, true)] {
        let target = Target::new(crowd, true).await;
        let mut idle = Vec::new();
        for _ in 0..MAX_CONNECTIONS {
            idle.push(TcpStream::connect(target.address).await.unwrap());
        }
        let answer = target.send("GET / HTTP/1.1\r\nHost: OWN\r\n\r\n").await;
        assert_eq!(answer.starts_with("HTTP/1.1 302"), is_let_in, "{crowd}: {answer}");
        target.end().await;
    }
}

/// Opens sockets that request a file and do not read it. Other requests are still answered.
#[cfg(unix)]
async fn readers_that_do_not_read(size: usize, connection: &str) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("large"), vec![0; size]).unwrap();
    let endpoints = Endpoints { content: Some(dir.path().to_owned()), ..Endpoints::default() };
    let target = Target::serving(MAX_CONNECTIONS / 2, true, endpoints).await;
    let host = target.address.to_string();
    let request =
        format!("GET /large HTTP/1.1\r\nHost: {host}\r\nConnection: {connection}\r\n\r\n");
    let mut stuck = Vec::new();
    for number in 0..5 * MAX_CONNECTIONS {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(target.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        // The answer has begun. The server has more of it than this socket's buffer holds.
        drop(timeout(TIMEOUT, stream.read(&mut [0; 16])).await.unwrap());
        stuck.push(stream);
        if number % 20 == 19 {
            let answer = target.send("GET / HTTP/1.1\r\nHost: OWN\r\n\r\n").await;
            assert!(answer.starts_with("HTTP/1.1 302"), "with {number} sockets: {answer:?}");
        }
    }
    target.end().await;
}

#[cfg(unix)]
#[tokio::test]
async fn sockets_that_send_requests_and_do_not_read_lock_no_client_out() {
    readers_that_do_not_read(16 << 20, "keep-alive").await;
}

/// The whole answer is in the kernel, and the server has finished with the connection.
#[cfg(unix)]
#[tokio::test]
async fn sockets_whose_last_bytes_are_not_read_lock_no_client_out() {
    readers_that_do_not_read(60_000, "close").await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_out_of_a_folder_is_followed_by_an_ordinary_file_service_and_not_here() {
    use tower::ServiceExt;
    use tower_http::services::ServeDir;

    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("served");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(dir.path().join("private"), "private").unwrap();
    std::os::unix::fs::symlink("../private", folder.join("link")).unwrap();
    let request = || axum::extract::Request::get("/link").body(axum::body::Body::empty());
    let ordinary = ServeDir::new(&folder).oneshot(request().unwrap()).await;
    assert_eq!(ordinary.unwrap().status(), 200);
    let endpoints = Endpoints { content: Some(folder), ..Endpoints::default() };
    let target = Target::serving(usize::MAX, true, endpoints).await;
    let ours = target.send("GET /link HTTP/1.1\r\nHost: OWN\r\n\r\n").await;
    assert!(ours.starts_with("HTTP/1.1 404"), "{ours}");
    target.end().await;
}
