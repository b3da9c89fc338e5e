//! Tests starts that cannot work: a clear message, a defined exit code, nothing left running.

use std::{net::TcpListener, process::Command, time::Duration};

use futures_util::SinkExt;
use tokio::{process::Command as AsyncCommand, time::timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    program::{Program, Traces, close, desktop, web},
    support::open_at,
};

/// Returns the exit code and the output.
async fn run(
    program: &std::path::Path,
    args: &[&str],
    adapt: impl FnOnce(&mut Command),
) -> (Option<i32>, String) {
    let traces = Traces::new();
    let mut command = traces.command(program);
    command.args(args);
    adapt(&mut command);
    let mut child = AsyncCommand::from(command).kill_on_drop(true).spawn().unwrap();
    let exit = timeout(Duration::from_secs(10), child.wait()).await.expect("an end").unwrap();
    assert_eq!(traces.processes(), []);
    (exit.code(), traces.log())
}

#[tokio::test]
async fn a_taken_port() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for program in [desktop(), web()] {
        let (code, printed) = run(&program, &["--port", &port], |_| {}).await;
        assert_eq!(code, Some(69), "{printed}");
        let expected = format!("127.0.0.1:{port} is already in use: held by");
        assert!(
            printed.contains(&expected) && printed.contains(&format!("pid {}", std::process::id())),
            "{printed}"
        );
    }
}

#[tokio::test]
async fn a_wrong_flag() {
    for program in [desktop(), web()] {
        let (code, printed) = run(&program, &["--prot", "1"], |_| {}).await;
        assert_eq!(code, Some(2), "{printed}");
        assert!(printed.contains("--port"), "{printed}");
    }
}

#[tokio::test]
async fn no_display() {
    let without = |command: &mut Command| {
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    };
    let (code, printed) = run(&desktop(), &[], without).await;
    assert_eq!(code, Some(69), "{printed}");
    assert!(printed.contains("no display") && printed.contains("--server"), "{printed}");
    assert!(!printed.contains("panicked"), "{printed}");
}

#[tokio::test]
async fn garbage_frames_end_only_their_own_connection() {
    let mut program = Program::start(&desktop(), &[]).await;
    let window = program.window().await;
    let mut bystander = program.client().await;
    for garbage in [vec![0; 3], vec![0xff; 100], vec![0xc1; 2_000_000]] {
        let mut socket = open_at(program.address).await;
        drop(socket.send(Message::Binary(garbage.into())).await);
    }
    assert_eq!(bystander.snapshot().await["size"], 512);
    close(&window);
    assert_eq!(program.exit().await.code(), Some(0));
}
