//! Tests a server behind a proxy: further names and origins, set at the start.

use selvedge::{Error, Running, Server};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Error as WsError;

use crate::support::{Client, SignedIn, open_path, open_with, options, request, request_with};

const NAME: &str = "app.example.com";
const ORIGIN: &str = "https://app.example.com";

async fn behind_a_proxy() -> Running {
    let options = options().allowed_host(NAME).allowed_origin(ORIGIN);
    Server::new("proxy").spawn(options).await.unwrap()
}

/// Returns the launcher's answer to the page of a browser that signed in at `host`.
async fn launched(
    running: &Running,
    host: &str,
    origin: Option<&str>,
    extra: &[(&str, &str)],
) -> (Value, String) {
    let host = [("Host", host)];
    let signed_in = SignedIn::at(running, &[&host, extra].concat()).await;
    let origin = origin.map(|origin| ("Origin", origin));
    let headers: Vec<_> = host.into_iter().chain(origin).chain(extra.iter().copied()).collect();
    let answer = signed_in.launch(running, &headers).await;
    (answer, signed_in.set_cookie)
}

#[tokio::test]
async fn a_page_behind_tls_is_led_to_a_secure_session() {
    let running = behind_a_proxy().await;
    let (answer, cookie) = launched(&running, NAME, Some(ORIGIN), &[]).await;
    assert_eq!(answer["sessionURL"], "wss://app.example.com/ws");
    assert!(cookie.ends_with("; Secure"), "{cookie}");

    let headers = [("host", NAME), ("origin", ORIGIN)];
    let socket = open_with(&running, &headers).await.unwrap();
    Client::hello_with(socket, answer["secret"].as_str().unwrap()).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_proxy_that_puts_the_servers_own_name_into_host_works_too() {
    let running = behind_a_proxy().await;
    let own = running.url().trim_start_matches("http://").to_owned();
    let (answer, _) = launched(&running, &own, Some(ORIGIN), &[]).await;
    assert_eq!(answer["sessionURL"], "wss://app.example.com/ws");
    let socket = open_with(&running, &[("origin", ORIGIN)]).await.unwrap();
    Client::hello(socket).await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn names_that_were_not_allowed_are_refused() {
    let running = behind_a_proxy().await;
    for host in ["app.example.com:81", "x.app.example.com", "example.com", "*"] {
        let answer = request(&running, "GET", "/index.html", &[("Host", host)]).await;
        assert_eq!(answer.status, 403, "{host}");
    }
    for origin in [
        "https://x.app.example.com",
        "https://app.example.com.evil.example",
        "https://evil.example",
        "https://app.example.com:8443",
        "null",
    ] {
        let refused = open_with(&running, &[("origin", origin)]).await;
        assert!(
            matches!(refused, Err(WsError::Http(answer)) if answer.status() == 403),
            "{origin}"
        );
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn forwarding_headers_change_nothing() {
    let running = behind_a_proxy().await;
    let own = running.url().trim_start_matches("http://").to_owned();
    let forged = [
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "https"),
        ("Forwarded", "host=evil.example;proto=https"),
    ];
    let (answer, cookie) = launched(&running, &own, None, &forged).await;
    assert_eq!(answer["sessionURL"], format!("ws://{own}/ws"));
    assert!(!cookie.contains("Secure"), "{cookie}");
    let foreign = [("Host", "evil.example"), ("X-Forwarded-Host", NAME)];
    let refused = request(&running, "GET", "/index.html", &foreign).await;
    assert_eq!(refused.status, 403);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn sign_in_links_are_made_for_the_public_name_too() {
    let running = behind_a_proxy().await;
    let links = running.public_sign_in_urls().unwrap();
    assert_eq!(links.len(), 1);
    let path = links[0].strip_prefix(ORIGIN).unwrap();
    let answer = request(&running, "GET", path, &[("Host", NAME)]).await;
    assert_eq!(answer.status, 303);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn an_invalid_name_fails_the_start() {
    let server = Server::new("proxy");
    for options in [options().allowed_host("*"), options().allowed_origin("null")] {
        let refused = server.spawn(options).await;
        assert!(matches!(refused, Err(Error::InvalidOption { .. })));
    }
    server.spawn(options()).await.unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn an_application_under_a_path_is_whole_there_and_at_the_root() {
    let server = Server::new("atlas");
    let running = server.spawn(options().base_path("/apps/atlas/")).await.unwrap();
    let link = running.sign_in_url().unwrap();
    let path = link.strip_prefix(running.url()).unwrap();
    assert!(path.starts_with("/apps/atlas/?sign_in="), "{link}");
    let bare = request(&running, "GET", "/apps/atlas", &[]).await;
    assert_eq!((bare.status, bare.header("location")), (308, "/apps/atlas/"));
    let signed_in = SignedIn::from(&request(&running, "GET", path, &[]).await);
    let own = format!("http://127.0.0.1:{}", running.port());
    // A proxy has removed the path, or not.
    for launcher in ["/apps/atlas/paraview/", "/paraview/"] {
        let headers = [("Cookie", signed_in.cookie()), ("Origin", own.as_str())];
        let answer = request_with(&running, "POST", launcher, &headers, &signed_in.body()).await;
        let session = format!("ws://127.0.0.1:{}/apps/atlas/ws", running.port());
        assert!(answer.text().contains(&session), "{answer:?}");
    }
    for path in ["/apps/atlas/ws", "/ws"] {
        let socket = open_path(running.addresses()[0], path, &[]).await.unwrap();
        Client::hello(socket).await;
    }
    for path in ["/apps/atlasx/", "/apps/", "/apps/atlas/apps/atlas/", "/apps/atlas/../atlas/"] {
        assert_eq!(request(&running, "GET", path, &[]).await.status, 404, "{path}");
    }
    running.stop().await.unwrap();
}
