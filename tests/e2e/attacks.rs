//! Attacks of other web pages in a real browser in which the user has signed in to an application.
//!
//! Each attack is also shown to work without the defence, by allowing the attacker's origin. So the
//! defence stops it, not a mistake in the attack.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use selvedge::{Module, Running, Server, StartOptions};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{driver::Driver, support::request};

/// A web server of an attacker on this machine. Every path is an empty page, except `x.js`.
struct Attacker {
    address: SocketAddr,
    /// The headers that it received.
    heard: Arc<Mutex<String>>,
    serving: JoinHandle<()>,
}

impl Attacker {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::<Mutex<String>>::default();
        let hears = Arc::clone(&heard);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&hears)));
            }
        });
        Attacker { address, heard, serving }
    }

    /// Returns the address of the page, under a name of this machine.
    fn at(&self, name: &str) -> String {
        format!("http://{name}:{}", self.address.port())
    }

    fn heard(&self) -> String {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(stream: TcpStream, heard: Arc<Mutex<String>>) {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while let Ok(1..) = stream.read_line(&mut head).await
        && !head.ends_with("\r\n\r\n")
    {}
    let (kind, body) = match head.split(' ').nth(1) {
        Some("/x.js") => ("text/javascript", "window.foreign = 'ran'"),
        _ => ("text/html", "<!doctype html><title>attacker</title>"),
    };
    heard.lock().unwrap().push_str(&head);
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    drop(stream.write_all(answer.as_bytes()).await);
}

/// Starts an application of the user that allows the origins `friends` besides its own.
async fn application(friends: &[String]) -> Running {
    let server = Server::new("victim");
    server.template("main", "<p id='shown'>shown</p>");
    let options = friends
        .iter()
        .fold(StartOptions::new().port(0), |options, friend| options.allowed_origin(friend));
    server.spawn(options).await.unwrap()
}

/// Starts the user's browser, in which the application is open.
async fn signed_in(running: &Running, flags: &[&str]) -> Driver {
    let driver = Driver::chromium_with(flags).await;
    driver.page.goto(&running.sign_in_url().unwrap()).await.unwrap();
    driver.element("shown").await;
    driver
}

/// Returns the outcome of a WebSocket that the current page opens.
async fn websocket(driver: &Driver, running: &Running) -> Value {
    driver
        .js(&format!(
            "window.became = null;
             const socket = new WebSocket('ws://127.0.0.1:{}/ws');
             socket.onopen = () => window.became = 'open';
             socket.onerror = () => window.became ??= 'refused';",
            running.port()
        ))
        .await;
    driver.js_until("window.became").await
}

#[tokio::test]
async fn pages_of_other_origins_open_no_websocket() {
    let attacker = Attacker::new().await;
    // Another port of the same host gets the user's cookie; the other name is another site.
    for name in ["127.0.0.1", "localhost"] {
        let running = application(&[]).await;
        let driver = signed_in(&running, &[]).await;
        driver.page.goto(&attacker.at(name)).await.unwrap();
        assert_eq!(websocket(&driver, &running).await, "refused", "{name}");
        running.stop().await.unwrap();

        let careless = application(&[attacker.at(name)]).await;
        assert_eq!(websocket(&driver, &careless).await, "open", "{name}");
        careless.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_page_without_an_origin_opens_no_websocket() {
    let attacker = Attacker::new().await;
    let running = application(&[]).await;
    let driver = signed_in(&running, &[]).await;
    driver.page.goto(&attacker.at("127.0.0.1")).await.unwrap();
    driver
        .js(&format!(
            "window.became = null;
             onmessage = (event) => window.became = event.data;
             const frame = document.createElement('iframe');
             frame.sandbox = 'allow-scripts';
             frame.srcdoc = `<script>
                 const tell = (what) => parent.postMessage(origin + ' ' + what, '*');
                 const socket = new WebSocket('ws://127.0.0.1:{}/ws');
                 socket.onopen = () => tell('open');
                 socket.onerror = () => tell('refused');
             </script>`;
             document.body.append(frame);",
            running.port()
        ))
        .await;
    assert_eq!(driver.js_until("window.became").await, "null refused");
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_page_on_another_port_has_the_cookie_and_gets_no_secret() {
    let attacker = Attacker::new().await;
    let running = application(&[]).await;
    let driver = signed_in(&running, &[]).await;
    driver.page.goto(&attacker.at("127.0.0.1")).await.unwrap();
    let cookie = format!("selvedge-{}=", running.port());
    assert!(attacker.heard().contains(&cookie), "cookies ignore ports");
    // That server can send the cookie itself, like any program, and needs no `Origin` for that.
    let heard = attacker.heard();
    let pair = &heard[heard.find(&cookie).unwrap()..];
    let pair = pair.split(['\r', ';']).next().unwrap();
    let headers = [("Cookie", pair), ("Content-Length", "0")];
    let replayed = request(&running, "POST", "/paraview/", &headers).await.text();
    assert!(replayed.contains("Not signed in"), "{replayed}");
    let launcher = format!("http://127.0.0.1:{}/paraview/", running.port());
    for mode in ["cors", "no-cors"] {
        driver
            .js(&format!(
                "window.became = null;
                 fetch('{launcher}', {{method: 'POST', mode: '{mode}', credentials: 'include', body: '{{}}'}})
                     .then((answer) => answer.text())
                     .then((text) => window.became = 'read ' + text, () => window.became = 'nothing');"
            ))
            .await;
        let became = driver.js_until("window.became").await;
        assert!(!became.as_str().unwrap().contains("secret"), "{mode}: {became}");
    }
    // A form can be sent without permission, and its answer replaces the page.
    driver
        .js(&format!(
            "const form = document.createElement('form');
             form.method = 'post';
             form.action = '{launcher}';
             document.body.append(form);
             form.submit();"
        ))
        .await;
    driver.js_until("document.body.textContent.includes('Pages of other origins')").await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_name_that_was_rebound_to_this_machine_reaches_nothing() {
    let attacker = Attacker::new().await;
    let running = application(&[]).await;
    let rebound = ["--host-resolver-rules=MAP rebound.example 127.0.0.1"];
    let driver = signed_in(&running, &rebound).await;
    driver.page.goto(&attacker.at("rebound.example")).await.unwrap();
    assert_eq!(driver.page.title().await.unwrap(), "attacker", "the name leads here");
    let url = format!("http://rebound.example:{}/index.html", running.port());
    driver.page.goto(&url).await.unwrap();
    driver.js_until("document.body.textContent.includes('does not answer to the name')").await;
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_foreign_page_shows_the_application_in_no_frame() {
    let attacker = Attacker::new().await;
    let framed = async |driver: &Driver, running: &Running| {
        driver.page.goto(&attacker.at("127.0.0.1")).await.unwrap();
        driver
            .js(&format!(
                "window.loaded = null;
                 const frame = document.createElement('iframe');
                 frame.src = 'http://127.0.0.1:{}/index.html';
                 frame.onload = () => window.loaded = true;
                 document.body.append(frame);",
                running.port()
            ))
            .await;
        driver.js_until("window.loaded").await;
        driver.page.enter_frame(0).await.unwrap();
        let shown = driver.js("return location.href").await;
        driver.page.enter_parent_frame().await.unwrap();
        shown.as_str().unwrap().to_owned()
    };
    let running = application(&[]).await;
    let driver = signed_in(&running, &[]).await;
    let shown = framed(&driver, &running).await;
    assert!(!shown.contains("/index.html"), "{shown}");
    running.stop().await.unwrap();

    let careless = application(&[attacker.at("127.0.0.1")]).await;
    let shown = framed(&driver, &careless).await;
    assert!(shown.contains("/index.html"), "{shown}");
    careless.stop().await.unwrap();
}

#[tokio::test]
async fn the_page_runs_foreign_scripts_only_where_the_application_names_them() {
    let attacker = Attacker::new().await;
    let script = format!("{}/x.js", attacker.at("127.0.0.1"));
    let running = application(&[]).await;
    let driver = signed_in(&running, &[]).await;
    driver
        .js(&format!(
            "window.became = null;
             const script = document.createElement('script');
             script.onload = () => window.became = 'loaded';
             script.onerror = () => window.became = 'refused';
             script.src = '{script}';
             document.head.append(script);"
        ))
        .await;
    assert_eq!(driver.js_until("window.became").await, "refused");
    assert!(!attacker.heard().contains("/x.js"));
    running.stop().await.unwrap();

    let server = Server::new("victim");
    server.template("main", "<p id='shown'>shown</p>");
    let module = Module { scripts: vec![script.as_str().into()], ..Module::default() };
    server.enable_module(module).unwrap();
    let running = server.spawn(StartOptions::new().port(0)).await.unwrap();
    let driver = signed_in(&running, &[]).await;
    assert_eq!(driver.js_until("window.foreign").await, "ran");
    running.stop().await.unwrap();
}

/// Templates run in the page, so the server of its session could do everything that the user can.
#[tokio::test]
async fn a_link_connects_the_page_to_its_own_server_only() {
    let attacker = Attacker::new().await;
    let link = |running: &Running| {
        let session = format!("ws://{}/session", attacker.address);
        format!("{}/index.html?sessionURL={session}", running.url())
    };
    let lost = "document.documentElement.dataset.connection === 'lost'";
    let running = application(&[]).await;
    let driver = signed_in(&running, &[]).await;
    driver.page.goto(&link(&running)).await.unwrap();
    driver.js_until(lost).await;
    assert!(!attacker.heard().contains("/session"), "{}", attacker.heard());
    running.stop().await.unwrap();

    let careless = application(&[attacker.at("127.0.0.1")]).await;
    let driver = signed_in(&careless, &[]).await;
    driver.page.goto(&link(&careless)).await.unwrap();
    driver.js_until(lost).await;
    assert!(attacker.heard().contains("GET /session"));
    careless.stop().await.unwrap();
}

#[tokio::test]
async fn the_link_leaves_the_address_and_the_secret_is_nowhere_in_it() {
    let running = application(&[]).await;
    let driver = signed_in(&running, &[]).await;
    let address = driver.js("return location.href").await;
    assert_eq!(address, format!("{}/index.html", running.url()));
    assert_eq!(driver.js("return document.cookie").await, "", "out of reach of scripts");
    assert_eq!(driver.js("return document.referrer").await, "");
    running.stop().await.unwrap();
}
