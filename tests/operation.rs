//! Tests what operators need: health, metrics, log fields of rooms, and an end that lets users leave.

use std::{net::SocketAddr, time::Duration};

use selvedge::{
    Ctx, Failure, Running, Server, port,
    rooms::{Room, Rooms, Scope},
};
use serde_json::json;
use tokio::time::timeout;

use crate::{
    log::Log,
    support::{Client, SignedIn, TIMEOUT, open_path, options, request_to, request_with},
};

async fn ask(address: SocketAddr, path: &str) -> (u16, String) {
    let answer = request_to(address, "GET", path, &[], "").await;
    (answer.status, answer.text())
}

/// Returns the value of a metric, without or with labels.
async fn metric(running: &Running, name: &str) -> Option<f64> {
    let (_, text) = ask(running.monitoring_addresses()[0], "/metrics").await;
    let line = text.lines().find(|line| line.split(' ').next() == Some(name))?;
    line.split(' ').nth(1)?.parse().ok()
}

fn monitored() -> selvedge::StartOptions {
    options().monitoring("127.0.0.1:0")
}

fn calculator() -> Server {
    let server = Server::new("calculator");
    server.trigger("half", |_: Ctx, number: f64| -> Result<f64, Failure> {
        match number {
            0.0 => Err(Failure::msg("nothing to halve")),
            number => Ok(number / 2.0),
        }
    });
    server
}

#[tokio::test]
async fn operators_see_health_and_metrics_on_an_address_of_their_own() {
    let running = calculator().spawn(monitored()).await.unwrap();
    let address = running.monitoring_addresses()[0];
    assert_eq!(ask(address, "/healthz").await, (200, "alive\n".to_owned()));
    assert_eq!(ask(address, "/readyz").await, (200, "ready\n".to_owned()));
    assert_eq!(ask(address, "/").await.0, 404);
    let mut client = Client::connect(&running).await;
    assert_eq!(client.trigger("half", json!([3])).await, 1.5);
    assert!(client.call("trame.trigger", json!(["half", [0], {}])).await.is_err());
    // What clients send makes no series.
    client.call("trame.trigger", json!(["made up", [], {}])).await.unwrap();
    assert!(client.call("made.up", json!([])).await.is_err());
    let values = [
        ("selvedge_rooms", 1.0),
        ("selvedge_clients", 1.0),
        ("selvedge_messages_received_total", 5.0),
        ("selvedge_call_duration_seconds_count{kind=\"trigger\",name=\"half\"}", 2.0),
        ("selvedge_calls_failed_total{kind=\"trigger\",name=\"half\"}", 1.0),
        ("selvedge_waiting_bytes", 0.0),
    ];
    let (_, text) = ask(address, "/metrics").await;
    for (name, value) in values {
        assert_eq!(metric(&running, name).await, Some(value), "{name} in {text}");
    }
    assert!(metric(&running, "selvedge_sent_bytes_total").await.unwrap() > 100.0);
    assert!(!text.contains("made up") && text.ends_with("# EOF\n"), "{text}");
    let report = running.stop().await.unwrap();
    assert!(report.addresses.contains(&address), "{report:?}");
    assert!(port::is_port_free("127.0.0.1", address.port()).await.unwrap());
}

#[tokio::test]
async fn a_page_that_was_led_to_the_address_of_operators_reads_nothing() {
    let running = calculator().spawn(monitored()).await.unwrap();
    let address = running.monitoring_addresses()[0];
    let rebound = format!("evil.example:{}", address.port());
    let answer = request_to(address, "GET", "/metrics", &[("Host", &rebound)], "").await;
    assert!(answer.status == 403 && !answer.text().contains("selvedge"), "{answer:?}");
    running.stop().await.unwrap();
    for wrong in ["9090", "127.0.0.1", ":9090", "127.0.0.1:x"] {
        let error = calculator().spawn(options().monitoring(wrong)).await.unwrap_err();
        assert!(error.to_string().contains("127.0.0.1:9090"), "{error}");
    }
}

fn rooms() -> Rooms {
    let app = |_: &Room| {
        let server = calculator();
        server.trigger("complain", async |_: Ctx| -> Result<(), Failure> {
            tokio::task::yield_now().await;
            tracing::warn!("the pump is dry");
            Err(Failure::msg("no water"))
        });
        Ok(server)
    };
    Rooms::new(app).scope(Scope::Named)
}

async fn enter(running: &Running, browser: &SignedIn, name: &str) -> Client {
    let launched = browser.launch_with(running, &[], json!({ "room": name })).await;
    let url = launched["sessionURL"].as_str().unwrap_or_else(|| panic!("{launched}"));
    let path = &url[url.find("/ws").unwrap()..];
    let socket = open_path(running.addresses()[0], path, &[]).await.unwrap();
    Client::hello_with(socket, launched["secret"].as_str().unwrap()).await
}

#[tokio::test]
async fn rooms_are_counted_and_a_full_house_asks_to_come_back() {
    let server = rooms().limit(2).server().unwrap();
    let running = server.spawn(monitored()).await.unwrap();
    let browser = SignedIn::at(&running, &[]).await;
    let _left = enter(&running, &browser, "left").await;
    let mut right = enter(&running, &browser, "right").await;
    right.trigger("half", json!([4])).await;
    let body = json!({ "signInProof": browser.proof, "room": "third" }).to_string();
    let cookie = [("Cookie", browser.cookie())];
    let refused = request_with(&running, "POST", "/paraview/", &cookie, &body).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "10"));
    assert!(refused.text().contains("All 2 rooms are in use"), "{refused:?}");
    for (name, value) in [
        ("selvedge_rooms", 2.0),
        ("selvedge_clients", 2.0),
        ("selvedge_rooms_begun_total", 2.0),
        ("selvedge_pages_refused_total{reason=\"full\"}", 1.0),
    ] {
        assert_eq!(metric(&running, name).await, Some(value), "{name}");
    }
    running.stop().await.unwrap();
}

#[tokio::test]
async fn log_lines_name_the_room() {
    let log = Log::start();
    let running = rooms().server().unwrap().spawn(options()).await.unwrap();
    let browser = SignedIn::at(&running, &[]).await;
    for name in ["left", "right"] {
        let mut client = enter(&running, &browser, name).await;
        assert!(client.call("trame.trigger", json!(["complain", [], {}])).await.is_err());
    }
    running.stop().await.unwrap();
    let text = log.text();
    for (number, name) in [(1, "left"), (2, "right")] {
        for what in ["the pump is dry", "no water", "a room begins", "a client joined"] {
            let room = format!("room{{number={number} name=\"{name}\"}}");
            let is_named = |line: &str| line.contains(&room) && line.contains(what);
            assert!(text.lines().any(is_named), "{what} in {room}: {text}");
        }
    }
}

#[tokio::test]
async fn a_drained_program_admits_no_page_tells_the_open_ones_and_ends_when_they_have_left() {
    for server in [calculator(), rooms().server().unwrap()] {
        let running = std::sync::Arc::new(server.spawn(monitored()).await.unwrap());
        let browser = SignedIn::at(&running, &[]).await;
        let mut client = enter(&running, &browser, "").await;
        let draining = tokio::spawn({
            let running = std::sync::Arc::clone(&running);
            async move { running.drain(Duration::from_secs(600)).await }
        });
        let told = client.published("selvedge.draining").await;
        assert_eq!(told, json!({ "seconds": 600 }));
        assert_eq!(ask(running.monitoring_addresses()[0], "/readyz").await.0, 503);
        let cookie = [("Cookie", browser.cookie())];
        let refused = request_with(&running, "POST", "/paraview/", &cookie, &browser.body()).await;
        assert_eq!(refused.status, 503, "{refused:?}");
        assert!(refused.text().contains("stopping"), "{refused:?}");
        assert_eq!(client.trigger("half", json!([1])).await, 0.5, "the open page goes on");
        drop(client);
        timeout(TIMEOUT, draining).await.unwrap().unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_who_stays_does_not_keep_a_drained_program_alive() {
    let server = calculator();
    let running = server.spawn(options()).await.unwrap();
    let client = Client::connect(&running).await;
    let report = running.drain(Duration::from_secs(600)).await.unwrap();
    assert!(report.elapsed < Duration::from_secs(600) && !server.running());
    drop(client);
}
