//! Tests ends caused by the program's code or its environment, with exit codes and what they leave
//! behind. `closing` tests ends by the user and by signals.

use std::{os::unix::process::ExitStatusExt, process::Command};

use serde_json::json;
use tokio::process::Command as AsyncCommand;

use crate::{
    manners::read_named,
    program::{
        Program, Traces, all_windows_of, close, desktop, manners, signal, until, window_app,
    },
    screen::Screen,
};

const LOGS: &str = "state/app.selvedge.manners/logs";

#[tokio::test]
async fn an_application_ends_with_a_code_of_its_own() {
    let mut program = Program::start(&manners(), &[]).await;
    program.window().await;
    let mut client = program.client().await;
    client.send("trame.trigger", json!(["give_up"])).await;
    assert_eq!(program.exit().await.code(), Some(7));
    program.traces.nothing_is_left(program.port()).await;
}

#[tokio::test]
async fn a_panic_in_the_set_up_leaves_a_report() {
    let traces = Traces::new();
    let mut command = traces.command(&manners());
    command.env("MANNERS_PANIC", "1");
    let mut program = AsyncCommand::from(command).spawn().unwrap();
    assert_eq!(program.wait().await.unwrap().code(), Some(101), "{}", traces.log());
    let report = read_named(&traces.path().join(LOGS), "crash-").expect("a report");
    for part in ["manners 1.2.3", "no set-up today", "main.rs", "backtrace:", "thread: "] {
        assert!(report.contains(part), "{report}");
    }
    assert!(traces.log().contains("a report is in "), "{}", traces.log());
    until("the end of all processes", async || traces.processes().is_empty().then_some(())).await;
}

#[tokio::test]
async fn a_panic_in_a_task_leaves_a_report_and_the_program_running() {
    let mut program = Program::start(&manners(), &[]).await;
    let window = program.window().await;
    let mut client = program.client().await;
    client.send("trame.trigger", json!(["panic"])).await;
    let report = until("the report", async || {
        let report = read_named(&program.traces.path().join(LOGS), "crash-")?;
        report.contains("last lines of the log").then_some(report)
    })
    .await;
    assert!(report.contains("not this task") && report.contains(" listening "), "{report}");
    client.snapshot().await;
    close(&window);
    assert_eq!(program.exit().await.code(), Some(0));
    program.traces.nothing_is_left(program.port()).await;
}

/// A panic cannot unwind through the window system's code: it ends the process, and the system
/// closes its sockets some time later.
#[tokio::test]
async fn a_panic_in_the_event_loop_leaves_a_report_and_no_process() {
    let mut program = Program::start(&manners(), &[]).await;
    program.window().await;
    let mut client = program.client().await;
    client.send("trame.trigger", json!(["panic_in_loop"])).await;
    // Reading a debug build's symbols for the backtrace takes a while.
    let status = until("the end", async || program.child.try_wait().unwrap()).await;
    assert_eq!(status.signal(), Some(6));
    let report = read_named(&program.traces.path().join(LOGS), "crash-").expect("a report");
    assert!(report.contains("not in this loop") && report.contains("thread: main"), "{report}");
    let traces = &program.traces;
    until("the end of all processes", async || traces.processes().is_empty().then_some(())).await;
}

#[tokio::test]
async fn a_killed_network_process_costs_a_reconnect() {
    let mut program = Program::start(&desktop(), &[]).await;
    let window = program.window().await;
    program.joined(1).await;
    signal(program.traces.process("WebKitNetwork"), "KILL");
    program.joined(2).await;
    close(&window);
    assert_eq!(program.exit().await.code(), Some(0));
    program.traces.nothing_is_left(program.port()).await;
}

#[tokio::test]
async fn a_window_without_its_cookie_signs_in_again_when_its_user_loads_the_page_again() {
    let screen = Screen::start().await;
    let mut program = screen.program(&window_app(), &["--forget", "--unasked"]).await;
    let window = screen.window(program.pid()).await;
    program.joined(1).await;
    signal(program.traces.process("WebKitNetwork"), "KILL");
    program.joined(2).await;
    // The cookie is lost with the process. In the menu, R is Reload.
    window.choose(program.pid(), (600, 69), "r").await;
    program.joined(3).await;
    window.close();
    assert_eq!(program.exit().await.code(), Some(0));
}

#[tokio::test]
async fn a_window_that_is_destroyed_from_outside_ends_the_program() {
    let mut program = Program::start(&manners(), &[]).await;
    let window = program.window().await;
    program.joined(1).await;
    assert!(Command::new("xdotool").args(["windowclose", &window]).status().unwrap().success());
    assert_eq!(program.exit().await.code(), Some(0));
    program.traces.nothing_is_left(program.port()).await;
}

#[tokio::test]
async fn a_signal_during_a_slow_start_ends_it() {
    let traces = Traces::new();
    let mut command = traces.command(&manners());
    command.env("MANNERS_SET_UP", "60000");
    let mut program = AsyncCommand::from(command).kill_on_drop(true).spawn().unwrap();
    let pid = program.id().unwrap() as i32;
    until("the splash", async || all_windows_of(pid).pop()).await;
    signal(pid, "TERM");
    let status = until("the end", async || program.try_wait().unwrap()).await;
    assert_eq!(status.code(), Some(143));
}

#[tokio::test]
async fn closing_the_splash_gives_the_start_up() {
    let traces = Traces::new();
    let mut command = traces.command(&manners());
    command.env("MANNERS_SET_UP", "60000");
    let mut program = AsyncCommand::from(command).kill_on_drop(true).spawn().unwrap();
    let pid = program.id().unwrap() as i32;
    close(&until("the splash", async || all_windows_of(pid).pop()).await.id);
    let status = until("the end", async || program.try_wait().unwrap()).await;
    assert_eq!(status.code(), Some(0));
}
