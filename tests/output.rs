//! Tests a program whose output is a pipe that is no longer read.
#![cfg(unix)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Command, Stdio},
};

use selvedge::{Ctx, Failure, Lifecycle, Server};

use crate::support::{options, request_to};

const CHILD: &str = "SELVEDGE_TEST_OUTPUT";

/// Runs in the child: this test starts itself again as a program.
fn program() -> ! {
    let address = std::env::var(CHILD).unwrap();
    // When this arrives, the reader of the output is gone.
    let mut go = [0];
    std::io::stdin().read_exact(&mut go).unwrap();
    let server = Server::new("output");
    server.on(Lifecycle::ServerReady, move |cx: Ctx| {
        std::fs::write(&address, cx.server.port().unwrap().to_string()).unwrap();
        // A log line.
        Err::<(), _>(Failure::msg("no luck"))
    });
    let options = options().host("0.0.0.0").show_connection_info(true).banner(true);
    let outcome = server.run(options);
    let taken = Server::new("output").run(options_on_a_port_that_is_taken());
    let code = selvedge::exit_code(taken);
    std::process::exit(if outcome.is_ok() && format!("{code:?}").contains("69") { 7 } else { 1 });
}

fn options_on_a_port_that_is_taken() -> selvedge::StartOptions {
    let listener = Box::leak(Box::new(std::net::TcpListener::bind("127.0.0.1:0").unwrap()));
    options().port(listener.local_addr().unwrap().port())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_continues_when_its_output_is_not_read() {
    if std::env::var_os(CHILD).is_some() {
        std::thread::spawn(|| program()).join().unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    let port = dir.path().join("port");
    let (reader, writer) = std::io::pipe().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "output::a_program_continues_when_its_output_is_not_read", "--nocapture"])
        .env(CHILD, &port)
        .stdin(Stdio::piped())
        .stdout(writer.try_clone().unwrap())
        .stderr(writer)
        .spawn()
        .unwrap();
    // As `head -1` does.
    let mut line = String::new();
    let mut reader = BufReader::new(reader);
    while !line.contains("running 1 test") {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0);
    }
    drop(reader);
    child.stdin.take().unwrap().write_all(b"!").unwrap();
    let port: u16 = loop {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        if let Some(port) = std::fs::read_to_string(&port).ok().and_then(|text| text.parse().ok()) {
            break port;
        }
        tokio::task::yield_now().await;
    };
    for _ in 0..20 {
        let foreign = [("Host", "evil.example")];
        let address = ([127, 0, 0, 1], port).into();
        assert_eq!(request_to(address, "GET", "/", &foreign, "").await.status, 403);
        assert_eq!(request_to(address, "GET", "/", &[], "").await.status, 302);
    }
    let kill = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(7));
}
