//! Tests programs and pages without the secret.

use futures_util::{SinkExt, StreamExt};
use selvedge::{Server, StartOptions};
use serde_json::json;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::{is_unharmed, target};
use crate::{
    log::Log,
    support::{Client, SECRET, SignedIn, TIMEOUT, frame, open, options, request},
};

/// Returns the answers to calls on a WebSocket without a hello.
async fn told(running: &selvedge::Running, calls: &[(&str, serde_json::Value)]) -> String {
    let mut socket = open(running).await;
    for (method, args) in calls {
        let call = json!({"id": "rpc:c0:1", "method": method, "args": args, "kwargs": {}});
        drop(socket.send(Message::Binary(frame(&call).into())).await);
    }
    let mut told = Vec::new();
    for _ in calls {
        let answer = timeout(TIMEOUT, socket.next()).await.unwrap();
        told.extend_from_slice(&answer.unwrap().unwrap().into_data());
    }
    String::from_utf8_lossy(&told).into_owned()
}

#[tokio::test]
async fn a_program_of_another_user_learns_and_changes_nothing() {
    let running = target().await;
    let calls = [
        ("trame.state.get", json!([])),
        ("trame.state.update", json!([[{"key": "precious", "value": "mine"}]])),
        ("trame.trigger", json!(["anything", [], {}])),
        ("trame.lifecycle.update", json!(["client_connected"])),
        ("application.exit", json!([])),
        ("selvedge.hello", json!([{"version": 1}])),
    ];
    let answers = told(&running, &calls).await;
    assert!(answers.contains("Unauthorized"), "{answers}");
    assert!(!answers.contains("a thing of value") && !answers.contains(SECRET));
    let launcher = request(&running, "POST", "/paraview/", &[("Content-Length", "0")]).await;
    assert!(!launcher.text().contains(SECRET), "{launcher:?}");
    for path in ["/index.html", "/", "/?sign_in=guess", "/ws", "/paraview/", "/?secret=x"] {
        let answer = request(&running, "GET", path, &[]).await;
        let secret = answer.text().contains(SECRET) || format!("{answer:?}").contains("set-cookie");
        assert!(!secret, "{path}");
    }
    is_unharmed(running).await;
}

#[tokio::test]
async fn guesses_at_cookies_and_links_are_refused() {
    let running = target().await;
    let name = format!("selvedge-{}", running.port());
    for value in ["", "guess", "k", SECRET] {
        let cookie = format!("{name}={value}");
        let headers = [("Content-Length", "0"), ("Cookie", cookie.as_str())];
        let answer = request(&running, "POST", "/paraview/", &headers).await;
        assert!(answer.text().contains("error") && !answer.text().contains(SECRET));
    }
    for token in ["", "k", SECRET, "%00", "a&sign_in=b"] {
        let answer = request(&running, "GET", &format!("/?sign_in={token}"), &[]).await;
        assert_eq!(answer.status, 403, "{token}");
    }
    is_unharmed(running).await;
}

#[tokio::test]
async fn repeated_and_odd_hosts_and_origins_are_refused() {
    let running = target().await;
    let own = running.addresses()[0].to_string();
    let refused: [&[(&str, &str)]; 5] = [
        &[("Host", &own), ("Host", "evil.example")],
        &[("Host", "evil.example"), ("Host", &own)],
        &[("Host", "")],
        &[("Host", "user@127.0.0.1")],
        &[("Host", "127.0.0.1 .evil.example")],
    ];
    for headers in refused {
        let status = request(&running, "GET", "/index.html", headers).await.status;
        assert!(matches!(status, 400 | 403), "{headers:?}: {status}");
    }
    let absolute =
        request(&running, "GET", "http://evil.example/index.html", &[("Host", "evil.example")]);
    assert_eq!(absolute.await.status, 403);
    let url = running.url().to_owned();
    let headers = [("Origin", url.as_str()), ("Origin", "null"), ("Content-Length", "0")];
    assert_eq!(request(&running, "POST", "/paraview/", &headers).await.status, 403);
    is_unharmed(running).await;
}

#[tokio::test]
async fn the_secret_the_cookie_and_links_stay_out_of_the_log() {
    let log = Log::start();
    let secret = "k-that-must-never-appear-anywhere";
    let server = Server::new("attacks");
    let running = server.spawn(options().secret(secret)).await.unwrap();
    let link = running.sign_in_url().unwrap();
    let path = link.strip_prefix(running.url()).unwrap();
    let signed_in = SignedIn::from(&request(&running, "GET", path, &[]).await);
    let launched = signed_in.launch(&running, &[]).await;
    let own = launched["secret"].as_str().unwrap();
    assert_eq!(request(&running, "GET", path, &[("Host", "evil.example")]).await.status, 403);
    let mut socket = open(&running).await;
    for given in ["wrong-but-nearly", own] {
        let hello =
            json!({"id": "system:c0:0", "method": "wslink.hello", "args": [{"secret": given}]});
        socket.send(Message::Binary(frame(&hello).into())).await.unwrap();
        socket.next().await.unwrap().unwrap();
    }
    drop(socket);
    running.stop().await.unwrap();
    let log = log.text();
    assert!(log.contains("listening") && log.contains("refused"), "{log}");
    let token = path.split_once('=').unwrap().1;
    let cookie = signed_in.cookie().split_once('=').unwrap().1;
    for private in [secret, own, token, cookie, &signed_in.proof, "wrong-but-nearly"] {
        assert!(!log.contains(private), "{private} is in the log:\n{log}");
    }
}

#[tokio::test]
async fn a_flood_of_refused_requests_hardly_fills_the_log() {
    let log = Log::start();
    let server = Server::new("attacks");
    server.websocket("/own", async |request: selvedge::websocket::Request| {
        request.accept().await?;
        Err(selvedge::Failure::msg("x".repeat(10_000)))
    });
    let running = server.spawn(options()).await.unwrap();
    let long = format!("{}.example", "x".repeat(20_000));
    let origin = format!("http://{long}");
    for _ in 0..100 {
        assert_eq!(request(&running, "GET", "/", &[("Host", &long)]).await.status, 403);
        let headers = [("Origin", origin.as_str()), ("Content-Length", "0")];
        assert_eq!(request(&running, "POST", "/paraview/", &headers).await.status, 403);
        let mut socket = open(&running).await;
        let hello =
            json!({"id": "system:c0:0", "method": "wslink.hello", "args": [{"secret": "x"}]});
        socket.send(Message::Binary(frame(&hello).into())).await.unwrap();
        socket.send(Message::Binary(vec![0; 5].into())).await.unwrap();
        while socket.next().await.is_some_and(|message| message.is_ok()) {}
        let own = format!("ws://{}/own", running.addresses()[0]);
        let connection = selvedge::websocket::Connect::to(&own).unwrap().open().await.unwrap();
        assert!(connection.receive().await.is_err());
    }
    running.stop().await.unwrap();
    let log = log.text();
    assert!(log.len() < 100_000, "{} bytes", log.len());
    for kind in ["not sent to a name", "another origin", "missing or wrong", "disconnected", "/own"]
    {
        let lines = log.lines().filter(|line| line.contains(kind)).count();
        assert!((1..=15).contains(&lines), "{kind}: {lines} lines\n{log}");
    }
    let left_out = log.lines().filter(|line| line.contains("left out of the log")).count();
    assert!(left_out >= 5, "what was left out is counted:\n{log}");
}

#[tokio::test]
async fn options_can_be_printed_without_the_secret() {
    let printed = format!("{:?}", StartOptions::new().secret("k-private").port(5));
    assert!(!printed.contains("k-private") && printed.contains('5'), "{printed}");
}

#[tokio::test]
async fn signed_in_clients_cannot_write_templates_or_call_hooks() {
    let running = target().await;
    let mut client = Client::connect(&running).await;
    for key in ["trame__template_main", "trame__scripts", "trame__vue_use", "trame__new"] {
        assert!(client.set(json!({ key: "<script>alert(1)</script>" })).await.is_err(), "{key}");
    }
    for method in ["on_server_exited", "on_message", "__init__", "wslink.bye", "trame.none"] {
        assert!(client.call(method, json!([])).await.is_err(), "{method}");
    }
    is_unharmed(running).await;
}
