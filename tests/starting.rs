//! Tests the start: every exec mode, what is reported afterwards, and what the endpoint options
//! serve.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use selvedge::{
    Ctx, Error, Lifecycle, Server, StartOptions,
    port::is_port_free,
    run::{ExecMode, Started},
};
use serde_json::json;
use tokio::time::timeout;

use crate::support::{Client, SignedIn, TIMEOUT, options, request};

#[tokio::test]
async fn each_exec_mode_starts_ends_and_starts_again() {
    let server = Server::new("starting");
    let (told, exits) = std::sync::mpsc::channel();
    server.on(Lifecycle::ServerExited, move |_: Ctx| {
        let told = told.clone();
        async move {
            tokio::task::yield_now().await;
            told.send(()).unwrap();
        }
    });
    for mode in [ExecMode::Main, ExecMode::Task, ExecMode::Coroutine] {
        for _ in 0..2 {
            let stopping = server.clone();
            let ready = tokio::spawn(async move {
                let running = stopping.ready().await;
                assert_eq!(running.exec_mode, mode);
                stopping.request_stop();
                running.port
            });
            let options = options().handle_signals(false).exec_mode(mode);
            let report = match server.start(options).await.unwrap() {
                Started::Stopped(exit) => exit.report,
                Started::Running(running) => running.stopped().await.unwrap(),
                Started::Coroutine(serving) => serving.await.unwrap(),
                _ => unreachable!(),
            };
            let port = ready.await.unwrap();
            assert_eq!(report.addresses[0].port(), port);
            assert!(is_port_free("127.0.0.1", port).await.unwrap());
            assert_eq!(exits.try_recv(), Ok(()), "exit hooks are awaited");
        }
    }
    let error = server.start(options().exec_mode(ExecMode::Desktop)).await.unwrap_err();
    assert!(error.to_string().contains("selvedge-desktop"), "{error}");
    assert!(!server.running());
}

#[tokio::test]
async fn a_coroutine_does_nothing_until_it_is_polled_and_stops_when_dropped() {
    let server = Server::new("starting");
    let coroutine = async || {
        let options = options().exec_mode(ExecMode::Coroutine);
        server.start(options).await.unwrap()
    };
    drop(coroutine().await);
    assert!(!server.running());
    let Started::Coroutine(mut serving) = coroutine().await else { unreachable!() };
    let port = tokio::select! {
        ready = server.ready() => ready.port,
        ended = &mut serving => panic!("{ended:?}"),
    };
    drop(serving);
    let waited = selvedge::port::wait_port_free("127.0.0.1", port, TIMEOUT).await;
    waited.unwrap();
}

#[tokio::test]
async fn several_servers_run_beside_each_other() {
    let (one, other) = (Server::new("one"), Server::new("other"));
    let first = one.spawn(options()).await.unwrap();
    let second = other.spawn(options()).await.unwrap();
    one.state().set("a", 1);
    first.stop().await.unwrap();
    let mut client = Client::connect(&second).await;
    assert_eq!(client.snapshot().await.get("a"), None);
    second.stop().await.unwrap();
}

#[tokio::test]
async fn the_options_of_a_run_are_those_that_took_effect() {
    let server = Server::new("starting");
    assert!(server.server_options().is_none());
    let given = options()
        .host("localhost")
        .idle_timeout(Duration::from_secs(60))
        .ws_endpoint(Some("socket"));
    let running = server.spawn(given).await.unwrap();
    let told = server.server_options().unwrap();
    assert_eq!((told.host.as_str(), told.port), ("localhost", running.port()));
    assert_eq!(told.addresses, running.addresses());
    assert_eq!(told.url, running.url());
    assert_eq!(told.idle_timeout, Some(Duration::from_secs(60)));
    assert_eq!(told.endpoints.websocket.as_deref(), Some("socket"));
    running.stop().await.unwrap();
    assert!(server.server_options().is_none());
    let waiting = timeout(Duration::from_millis(20), server.ready()).await;
    assert!(waiting.is_err(), "it is not ready after a stop");
}

#[tokio::test]
async fn folders_and_a_document_root_of_the_run_are_served() {
    let dir = tempfile::tempdir().unwrap();
    let (root, data) = (dir.path().join("root"), dir.path().join("data"));
    std::fs::create_dir_all(&root).unwrap();
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(root.join("index.html"), "my page").unwrap();
    std::fs::write(data.join("a.csv"), "1,2").unwrap();
    let server = Server::new("starting");
    let given = options().content(&root).serve_folder("data", &data);
    let running = server.spawn(given).await.unwrap();
    let text = async |path| request(&running, "GET", path, &[]).await.text();
    assert_eq!(text("/index.html").await, "my page");
    assert_eq!(text("/data/a.csv").await, "1,2");
    let signed_in = SignedIn::at(&running, &[]).await;
    let cookie = [("Cookie", signed_in.cookie())];
    let told = request(&running, "POST", "/paraview/", &cookie).await;
    assert!(told.text().contains("sessionURL"), "its page knows of no proof");
    running.stop().await.unwrap();
    let running = server.spawn(options()).await.unwrap();
    let gone = request(&running, "GET", "/data/a.csv", &[]).await;
    assert_eq!(gone.status, 404, "another run has options of its own");
    running.stop().await.unwrap();
    let error = server.spawn(options().content("no such folder")).await;
    assert!(matches!(error.err(), Some(Error::InvalidOption { .. })));
}

#[tokio::test]
async fn http_and_the_websocket_can_be_turned_off() {
    let server = Server::new("starting");
    let running = server.spawn(options().http(false)).await.unwrap();
    for (method, path) in [("GET", "/"), ("GET", "/index.html"), ("POST", "/paraview/")] {
        let answer = request(&running, method, path, &[]).await;
        assert_eq!(answer.status, 404, "{path}");
    }
    Client::connect(&running).await.snapshot().await;
    running.stop().await.unwrap();

    let running = server.spawn(options().ws_endpoint(None)).await.unwrap();
    assert_eq!(request(&running, "GET", "/ws", &[]).await.status, 404);
    assert_eq!(request(&running, "GET", "/index.html", &[]).await.status, 200);
    let answer = request(&running, "POST", "/paraview/", &[]).await;
    assert!(answer.text().contains("--no-ws-endpoint"));
    running.stop().await.unwrap();
}

#[tokio::test]
async fn pages_learn_the_path_of_the_websocket() {
    let server = Server::new("starting");
    let running = server.spawn(options().ws_endpoint(Some("a/socket"))).await.unwrap();
    assert_eq!(request(&running, "GET", "/ws", &[]).await.status, 404);
    let told = SignedIn::at(&running, &[]).await.launch(&running, &[]).await;
    let expected = format!("ws://127.0.0.1:{}/a/socket", running.port());
    assert_eq!(told["sessionURL"], json!(expected));
    running.stop().await.unwrap();
}

/// The environment belongs to the whole process, so these tests start themselves again in other
/// processes.
fn again(test: &str, variables: &[(&str, &str)]) -> std::process::Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("SELVEDGE_TEST_AGAIN", "1")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn is_again() -> bool {
    std::env::var_os("SELVEDGE_TEST_AGAIN").is_some()
}

#[test]
fn the_environment_comes_after_code_and_command_line() {
    if !is_again() {
        let again = again(
            "starting::the_environment_comes_after_code_and_command_line",
            &[("TRAME_DEFAULT_HOST", "127.0.0.5"), ("TRAME_SERVER", "1")],
        );
        let output = String::from_utf8_lossy(&again.stdout).into_owned();
        return assert!(output.contains("1 passed"), "{output}");
    }
    let host_of = |args: &[&str], code: Option<&str>| {
        let mut options = StartOptions::try_from_args(args).unwrap().port(0);
        if let Some(host) = code {
            options = options.host(host);
        }
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let running = Server::new("starting").spawn(options).await.unwrap();
            running.stop().await.unwrap().addresses[0].ip().to_string()
        })
    };
    assert_eq!(host_of(&["x"], None), "127.0.0.5");
    assert_eq!(host_of(&["x"], Some("127.0.0.6")), "127.0.0.6");
    let line = ["x", "--host", "127.0.0.7"];
    assert_eq!(host_of(&line, Some("127.0.0.6")), "127.0.0.7");
}

#[test]
fn arguments_in_the_environment_take_the_place_of_those_of_the_program() {
    if !is_again() {
        let again = again(
            "starting::arguments_in_the_environment_take_the_place_of_those_of_the_program",
            &[("TRAME_ARGS", "--server --debug")],
        );
        let output = String::from_utf8_lossy(&again.stdout).into_owned();
        return assert!(output.contains("1 passed"), "{output}");
    }
    let options = StartOptions::try_from_args(["x", "--no-such-flag"]).unwrap();
    assert!(options.is_serve_only() && options.is_debug());
}

#[test]
fn a_program_without_a_logger_hears_of_failures() {
    let run = |disable| {
        let server = Server::new("starting");
        server.on(Lifecycle::ServerReady, |cx: Ctx| {
            cx.server.request_stop();
            Err::<(), _>(selvedge::Failure::msg("no luck"))
        });
        let options = options().handle_signals(false).disable_logging(disable);
        server.run(options).unwrap();
    };
    if is_again() {
        return run(std::env::var_os("SELVEDGE_TEST_SILENT").is_some());
    }
    let test = "starting::a_program_without_a_logger_hears_of_failures";
    let heard = |variables: &[(&str, &str)]| {
        let stderr = again(test, variables).stderr;
        String::from_utf8_lossy(&stderr).contains("no luck")
    };
    assert!(heard(&[]));
    assert!(!heard(&[("SELVEDGE_TEST_SILENT", "1")]));
}

/// Starts a test of this program again, as `signals` does, with a variable that says what to do.
#[cfg(unix)]
fn start_again(test: &str, what: &str) -> (std::process::Child, impl Iterator<Item = String>) {
    use std::io::{BufRead, BufReader};
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]);
    command.env("SELVEDGE_TEST_AGAIN", what).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines.map_while(Result::ok))
}

#[cfg(unix)]
fn send_signal(child: &std::process::Child, name: &str) {
    let kill = Command::new("kill").args([name, &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_start_that_takes_long() {
    if let Ok(what) = std::env::var("SELVEDGE_TEST_AGAIN") {
        let server = Server::new("starting");
        let block = || {
            println!("starting");
            std::thread::sleep(Duration::from_secs(600));
        };
        match what.as_str() {
            "pending" => drop(server.on(Lifecycle::ServerStart, async |_: Ctx| {
                println!("starting");
                std::future::pending::<()>().await
            })),
            "blocked" => drop(server.on(Lifecycle::ServerStart, move |_: Ctx| block())),
            "listener" => {
                server.state().set("key", 1);
                server.on_change("key", move |_: Ctx, _: i64| block());
            }
            _ => drop(server.on(Lifecycle::ServerReady, move |_: Ctx| block())),
        }
        let exit = server.run(options()).unwrap();
        std::process::exit(exit.code);
    }
    for what in ["pending", "blocked", "listener", "ready"] {
        let (mut child, mut lines) =
            start_again("starting::a_signal_ends_a_start_that_takes_long", what);
        assert!(lines.any(|line| line.contains("starting")), "{what}");
        send_signal(&child, "-TERM");
        assert_eq!(child.wait().unwrap().code(), Some(143), "{what}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn signals_that_were_ignored_stay_ignored() {
    if is_again() {
        let server = Server::new("starting");
        server.on(Lifecycle::ServerReady, |_: Ctx| println!("ready "));
        let exit = server.run(options()).unwrap();
        std::process::exit(exit.code);
    }
    use std::io::{BufRead, BufReader};
    let test = "starting::signals_that_were_ignored_stay_ignored";
    let mut child = Command::new("nohup")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("SELVEDGE_TEST_AGAIN", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("ready ")));
    send_signal(&child, "-HUP");
    send_signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(143), "the terminal's end was ignored");
}

#[cfg(unix)]
#[tokio::test]
async fn sigterm_lets_users_leave_if_the_program_drains() {
    if is_again() {
        let server = Server::new("starting");
        server
            .on(Lifecycle::ServerReady, |cx: Ctx| println!("ready {} ", cx.server.port().unwrap()));
        let run = move || server.run(options().drain(Duration::from_secs(600)));
        let exit = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
        std::process::exit(exit.code);
    }
    let test = "starting::sigterm_lets_users_leave_if_the_program_drains";
    for leaves in [true, false] {
        let (mut child, mut lines) = start_again(test, "1");
        let port = lines
            .find_map(|line| line.split_once("ready ")?.1.split(' ').next()?.parse::<u16>().ok());
        let mut client = Client::connect_to(([127, 0, 0, 1], port.unwrap()).into()).await;
        send_signal(&child, "-TERM");
        client.published("selvedge.draining").await;
        if leaves {
            drop(client);
        } else {
            send_signal(&child, "-TERM");
            assert_eq!(client.closed().await, Some(1001), "a second signal ends the wait");
        }
        assert_eq!(child.wait().unwrap().code(), Some(143));
    }
}

#[cfg(unix)]
#[test]
fn a_second_signal_ends_a_program_whose_callbacks_block() {
    if is_again() {
        let server = Server::new("starting");
        server.on(Lifecycle::ServerReady, |cx: Ctx| {
            cx.server.create_task::<_, selvedge::Failure>(async {
                println!("blocked ");
                std::thread::sleep(Duration::from_secs(600));
                Ok(())
            });
        });
        let exit = server.run(options()).unwrap();
        std::process::exit(exit.code);
    }
    let test = "starting::a_second_signal_ends_a_program_whose_callbacks_block";
    let (mut child, mut lines) = start_again(test, "1");
    assert!(lines.any(|line| line.contains("blocked ")));
    send_signal(&child, "-TERM");
    send_signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[cfg(unix)]
#[test]
fn signals_drain_and_verify_and_a_second_one_ends_at_once() {
    use std::io::{BufRead, BufReader};
    if is_again() {
        let server = Server::new("starting");
        server.on(Lifecycle::ServerReady, |cx: Ctx| {
            println!("ready {}", cx.server.port().unwrap());
        });
        if std::env::var_os("SELVEDGE_TEST_HANG").is_some() {
            server.on(Lifecycle::ServerExited, async |_: Ctx| {
                println!("hanging");
                std::future::pending::<()>().await
            });
        }
        let exit = server.run(options()).unwrap();
        println!("released {}", exit.report.addresses.len());
        std::process::exit(exit.code);
    }
    let test = "starting::signals_drain_and_verify_and_a_second_one_ends_at_once";
    let start = |hang: bool| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]);
        command.env("SELVEDGE_TEST_AGAIN", "1").stdout(Stdio::piped());
        if hang {
            command.env("SELVEDGE_TEST_HANG", "1");
        }
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        (child, lines.map(Result::unwrap))
    };
    let signal = |child: &std::process::Child, name: &str| {
        let kill = Command::new("kill").args([name, &child.id().to_string()]).status();
        assert!(kill.unwrap().success());
    };
    for (name, code) in [("-TERM", 143), ("-INT", 130), ("-HUP", 129)] {
        let (mut child, mut lines) = start(false);
        assert!(lines.any(|line| line.contains("ready ")));
        signal(&child, name);
        assert!(lines.any(|line| line.contains("released 1")));
        assert_eq!(child.wait().unwrap().code(), Some(code));
    }
    let (mut child, mut lines) = start(true);
    assert!(lines.any(|line| line.contains("ready ")));
    signal(&child, "-TERM");
    assert!(lines.any(|line| line.contains("hanging")));
    signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn in_async_code_the_error_names_what_to_await_instead() {
    let refused = || {
        let error = Server::new("starting").run(options()).unwrap_err();
        assert!(matches!(error, selvedge::Error::InsideRuntime { .. }), "{error}");
        assert!(error.to_string().contains("server.serve(options).await"), "{error}");
    };
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async { refused() });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        refused();
        tokio::spawn(async move { refused() }).await.unwrap();
        let blocking = tokio::task::spawn_blocking(|| {
            let server = Server::new("starting");
            server.on(Lifecycle::ServerReady, |cx: Ctx| cx.server.request_stop());
            server.run(options().handle_signals(false))
        });
        assert_eq!(blocking.await.unwrap().unwrap().code, 0, "a thread that may block");
    });
}
