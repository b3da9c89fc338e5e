//! Tests other implementations in both directions: Python's `websockets` and `trio-websocket`,
//! Node's `ws`, and a trame server.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use selvedge::{
    Server,
    client::{Client, Error},
    websocket::{Connect, Message, Options},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use super::{autobahn::python, echo_with, url};
use crate::support::{TIMEOUT, start};

fn here(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// The peers, as commands that take `client URL` or `server`.
fn peers(arguments: &[&str]) -> Vec<Command> {
    let script = |name: &str| here("tests/websocket/peers").join(name);
    let with = |mut command: Command, script: PathBuf| {
        command.arg(script).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        command
    };
    let mut node = with(Command::new("node"), script("with_ws.mjs"));
    node.arg(here("ui/package.json"));
    vec![
        with(Command::new(python("python")), script("with_websockets.py")),
        with(Command::new(python("python")), script("with_trio.py")),
        node,
    ]
}

/// Starts a program that prints its port.
async fn listening(command: &mut Command) -> (Child, u16) {
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    loop {
        let line = timeout(TIMEOUT, lines.next_line()).await.unwrap().unwrap();
        if let Ok(port) = line.expect("a port").trim().parse() {
            return (child, port);
        }
    }
}

/// Closes its input, which ends the program.
async fn end(mut child: Child) {
    drop(child.stdin.take());
    assert!(timeout(TIMEOUT, child.wait()).await.unwrap().unwrap().success());
}

#[tokio::test]
#[ignore = "needs Python and Node: cargo xtask test --only peers"]
async fn clients_of_other_makers_talk_to_the_server() {
    let server = Server::new("websocket");
    server.websocket("/echo", echo_with(Options::new()));
    server.websocket("/compressed", echo_with(Options::new().compression(true)));
    let running = start(&server).await;
    for path in ["/echo", "/compressed"] {
        for mut peer in peers(&["client", &url(&running, path)]) {
            let output = timeout(TIMEOUT, peer.output()).await.unwrap().unwrap();
            let printed = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success() && printed.trim() == "done", "{peer:?}: {printed}");
        }
    }
    assert_eq!(running.stop().await.unwrap().connections_aborted, 0);
}

#[tokio::test]
#[ignore = "needs Python and Node: cargo xtask test --only peers"]
async fn the_client_talks_to_servers_of_other_makers() {
    let mut compressed = 0;
    for compression in [false, true] {
        for mut peer in peers(&["server"]) {
            let (child, port) = listening(&mut peer).await;
            let connect = Connect::to(&format!("ws://127.0.0.1:{port}/")).unwrap();
            let connect = connect.options(Options::new().compression(compression));
            let connection = connect.subprotocol("echo").unwrap().open().await.unwrap();
            assert_eq!(connection.subprotocol(), Some("echo"));
            compressed += connection.headers().get_all("sec-websocket-extensions").iter().count();
            for message in [Message::from("gr\u{fc}n"), Message::from(vec![0; 100_000])] {
                connection.send(message.clone()).await.unwrap();
                assert_eq!(connection.receive().await.unwrap(), message);
            }
            connection.ping().await.unwrap();
            let reason = connection.close(3001, "enough").await.unwrap();
            assert_eq!(reason.code, 3001, "{peer:?}");
            end(child).await;
        }
    }
    assert_eq!(compressed, 2, "trio-websocket does not compress");
}

#[tokio::test]
#[ignore = "needs Python: cargo xtask test --only peers"]
async fn the_wslink_client_drives_a_trame_server() {
    let mut trame = Command::new(python("python"));
    trame.arg(here("tests/websocket/peers/with_trame.py"));
    trame.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let (child, port) = listening(&mut trame).await;
    let builder = Client::builder(&format!("ws://127.0.0.1:{port}/ws")).unwrap();
    let client = builder.open().await.unwrap();
    assert_eq!(client.state().get::<i64>("doubled").unwrap(), Some(2));
    client.state().set("count", 21).await.unwrap();
    let state = client.state();
    let doubled = state.wait_for("doubled", |value: &i64| *value == 42);
    timeout(TIMEOUT, doubled).await.unwrap().unwrap();
    assert_eq!(client.state().get::<i64>("count").unwrap(), Some(21));
    let sum = client.call_trigger("add", (2, 3)).await.unwrap();
    assert_eq!(sum.decode::<i64>().unwrap(), 5);
    let failed = client.call_trigger("fail", ()).await.unwrap_err();
    assert!(
        matches!(&failed, Error::Refused { code: -32001, message, .. } if message.contains("it is broken")),
        "{failed}"
    );
    let wrong =
        Client::builder(&format!("ws://127.0.0.1:{port}/ws")).unwrap().secret("wrong").open().await;
    assert!(matches!(wrong, Err(Error::Refused { code: -32000, .. })));
    client.close().await.unwrap();
    end(child).await;
}
