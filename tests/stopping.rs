//! Tests the stop: the port is free afterwards, regardless of who asks and what clients do.

use std::{sync::mpsc, time::Duration};

use selvedge::{Ctx, Lifecycle, Server, port::is_port_free};
use serde_json::json;
use tokio::{io::AsyncReadExt, net::TcpStream};

use crate::support::{Client, free_port, open, options, start};

#[tokio::test]
async fn twenty_restarts_on_one_port_with_clients_of_each_kind() {
    let server = Server::new("stopping");
    server.on_change("bye", |_: Ctx, _: i64| {});
    let port = free_port();
    for round in 0..20 {
        let running = server.spawn(options().port(port)).await.unwrap();
        let mut clients = Vec::new();
        for _ in 0..5 {
            clients.push(Client::connect(&running).await);
        }
        let _silent = open(&running).await;
        let mut keep_alive = TcpStream::connect(running.addresses()[0]).await.unwrap();
        let _unread = TcpStream::connect(running.addresses()[0]).await.unwrap();
        server.state().set("bye", round);
        let report = running.stop().await.unwrap();
        assert!(is_port_free("127.0.0.1", port).await.unwrap());
        assert!(report.elapsed < Duration::from_secs(5), "{report:?}");
        for client in &mut clients {
            assert_eq!(client.pushed().await, json!({ "bye": round }), "the last data arrives");
            assert_eq!(client.closed().await, Some(1001));
        }
        assert_eq!(keep_alive.read(&mut [0]).await.unwrap_or(0), 0);
    }
}

#[tokio::test]
async fn all_callers_of_stop_get_the_same_outcome() {
    let server = Server::new("stopping");
    let running = start(&server).await;
    let (one, other) = (running.handle(), running.handle());
    let blocking = std::thread::spawn(move || other.stop_blocking());
    let (first, second) = tokio::join!(one.stop(), running.stop());
    let report = first.unwrap();
    assert_eq!(report, second.unwrap());
    assert_eq!(report, running.stop().await.unwrap());
    assert_eq!(
        report,
        tokio::task::spawn_blocking(|| blocking.join()).await.unwrap().unwrap().unwrap()
    );
}

#[tokio::test]
async fn exit_hooks_are_awaited_and_may_still_read_the_state() {
    let server = Server::new("stopping");
    let (told, heard) = mpsc::channel();
    server.on(Lifecycle::ServerExited, move |cx: Ctx| {
        let told = told.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            told.send(cx.state().get::<i64>("a").unwrap()).unwrap();
        }
    });
    server.state().set("a", 5);
    start(&server).await.stop().await.unwrap();
    assert_eq!(heard.try_recv(), Ok(5));
}

#[tokio::test]
async fn what_exit_hooks_start_has_ended_when_the_stop_returns() {
    struct Ended(mpsc::Sender<&'static str>);
    impl Drop for Ended {
        fn drop(&mut self) {
            self.0.send("ended").unwrap();
        }
    }
    let server = Server::new("stopping");
    let (told, heard) = mpsc::channel();
    server.on(Lifecycle::ServerExited, move |cx: Ctx| {
        let (done, ended) = (told.clone(), Ended(told.clone()));
        cx.server.create_task::<_, selvedge::Failure>(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            done.send("done").unwrap();
            Ok(())
        });
        cx.server.create_task::<_, selvedge::Failure>(async move {
            let _ended = ended;
            std::future::pending().await
        });
    });
    start(&server).await.stop().await.unwrap();
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["done", "ended"]);
}

#[tokio::test(start_paused = true)]
async fn exit_hooks_that_never_end_do_not_hold_up_the_stop() {
    let server = Server::new("stopping");
    server.on(Lifecycle::ServerExited, async |_: Ctx| std::future::pending::<()>().await);
    start(&server).await.stop().await.unwrap();
}

#[tokio::test]
async fn the_application_and_its_pages_can_ask_for_the_stop() {
    let server = Server::new("stopping");
    server.trigger("quit", |cx: Ctx| cx.server.request_stop());
    for method in ["trame.trigger", "application.exit"] {
        let running = start(&server).await;
        let mut client = Client::connect(&running).await;
        client.call(method, json!(["quit", [], {}])).await.unwrap();
        assert_eq!(client.closed().await, Some(1001));
        running.stopped().await.unwrap();
    }
}

#[tokio::test]
async fn dropping_the_handle_releases_the_port() {
    let server = Server::new("stopping");
    let running = start(&server).await;
    let handle = running.handle();
    drop(running);
    handle.stopped().await.unwrap();
    start(&server).await.stop().await.unwrap();
}

#[test]
fn the_end_of_the_runtime_releases_the_port_and_the_server() {
    let server = Server::new("stopping");
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let first = runtime();
    let port = free_port();
    let running = first.block_on(server.spawn(options().port(port))).unwrap();
    let handle = running.handle();
    drop(first);
    assert!(handle.stop_blocking().is_err(), "the port was not probed");
    runtime().block_on(async {
        assert!(is_port_free("127.0.0.1", port).await.unwrap());
        server.spawn(options().port(port)).await.unwrap().stop().await.unwrap();
    });
}

#[tokio::test]
async fn callbacks_that_never_end_do_not_hold_up_the_stop() {
    let server = Server::new("stopping");
    server.trigger("forever", async |_: Ctx| std::future::pending::<()>().await);
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    client.send("trame.trigger", json!(["forever", [], {}])).await;
    client.snapshot().await;
    let begin = std::time::Instant::now();
    running.stop().await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn running_calls_are_answered_before_the_close_frame() {
    let server = Server::new("stopping");
    let (told, mut begun) = tokio::sync::mpsc::channel(1);
    server.trigger("slow", move |cx: Ctx| {
        let told = told.clone();
        async move {
            told.send(()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(60)).await;
            cx.state().set("after", true);
            "answered"
        }
    });
    let running = start(&server).await;
    let mut client = Client::connect(&running).await;
    let id = client.send("trame.trigger", json!(["slow", [], {}])).await;
    begun.recv().await.unwrap();
    let (report, answer) = tokio::join!(running.stop(), client.answer(&id));
    assert_eq!(answer.unwrap().as_str(), Some("answered"));
    assert_eq!(client.pushed().await, json!({"after": true}));
    assert_eq!(client.closed().await, Some(1001));
    assert_eq!(report.unwrap().connections_aborted, 0);
}

#[tokio::test]
async fn a_callback_may_wait_for_the_stop_that_waits_for_it() {
    let server = Server::new("stopping");
    let handle = std::sync::Arc::new(std::sync::OnceLock::<selvedge::run::StopHandle>::new());
    let known = handle.clone();
    server.trigger("stop", move |_: Ctx| {
        let handle = known.get().unwrap().clone();
        async move { drop(handle.stop().await) }
    });
    let running = start(&server).await;
    handle.set(running.handle()).unwrap_or_default();
    let mut client = Client::connect(&running).await;
    client.send("trame.trigger", json!(["stop", [], {}])).await;
    let begin = std::time::Instant::now();
    running.stopped().await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn only_clients_that_gave_the_secret_keep_a_server_from_stopping() {
    let server = Server::new("stopping");
    let timeout = Duration::from_millis(400);
    let running = server.spawn(options().idle_timeout(timeout)).await.unwrap();
    let begin = std::time::Instant::now();
    let _silent = open(&running).await;
    let _bare = TcpStream::connect(running.addresses()[0]).await.unwrap();
    for path in ["/ws", "/index.html"] {
        crate::support::request(&running, "GET", path, &[]).await;
    }
    let asking = async {
        loop {
            drop(TcpStream::connect(running.addresses()[0]).await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        stopped = running.stopped() => drop(stopped.unwrap()),
        () = asking => {}
    }
    assert!(begin.elapsed() >= timeout);
    assert!(begin.elapsed() < timeout * 10, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn a_server_without_clients_stops_when_told_to() {
    let server = Server::new("stopping");
    let running = server.spawn(options().idle_timeout(Duration::from_millis(300))).await.unwrap();
    let mut client = Client::connect(&running).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(
        client.snapshot().await["trame__title"],
        "stopping",
        "it does not stop under a client"
    );
    drop(client);
    running.stopped().await.unwrap();
}
