//! Tests every way in which the desktop program ends, with its exit code, and nothing left behind.

use std::time::{Duration, Instant};

use selvedge::port::is_port_free;
use serde_json::json;

use crate::{
    driver::Driver,
    program::{Program, all_windows_of, close, desktop, signal, until, windows_of},
    support::free_port,
};

#[tokio::test]
async fn closing_the_window_ends_the_program() {
    let mut program = Program::start(&desktop(), &[]).await;
    close(&program.window().await);
    assert_eq!(program.exit().await.code(), Some(0));
    program.traces.nothing_is_left(program.port()).await;
}

#[tokio::test]
async fn while_a_job_runs_its_user_is_asked_first() {
    let mut program = Program::start(&desktop(), &[]).await;
    let window = program.window().await;
    let mut client = program.client().await;
    // It is not steady for a long time: the field changes as fast as it can.
    client.trigger("steady_state", json!([])).await;
    close(&window);
    let asked = async || {
        let mut windows = all_windows_of(program.pid());
        windows.retain(|other| other.id != window);
        windows.pop()
    };
    let question = until("the question", asked).await;
    close(&question.id);
    until("the question to go", async || asked().await.is_none().then_some(())).await;
    assert_eq!(client.snapshot().await["steady_state"]["state"], "running");

    client.trigger("steady_state_cancel", json!([])).await;
    assert_eq!(client.snapshot().await["steady_state"]["state"], "cancelled");
    close(&window);
    assert_eq!(program.exit().await.code(), Some(0));
    program.traces.nothing_is_left(program.port()).await;
}

#[tokio::test]
async fn signals_end_the_program_in_order() {
    for (name, code) in [("TERM", 143), ("INT", 130), ("HUP", 129)] {
        let mut program = Program::start(&desktop(), &[]).await;
        program.window().await;
        let mut client = program.client().await;
        signal(program.pid(), name);
        assert_eq!(client.closed().await, Some(1001), "clients are told");
        assert_eq!(program.exit().await.code(), Some(code), "{name}");
        program.traces.nothing_is_left(program.port()).await;
    }
}

#[tokio::test]
async fn a_signal_while_it_starts_ends_it_too() {
    let mut program = Program::start(&desktop(), &[]).await;
    signal(program.pid(), "TERM");
    let code = program.exit().await;
    assert!(!code.success());
    program.traces.nothing_is_left(program.port()).await;
}

#[tokio::test]
async fn with_two_windows_the_second_close_ends_the_program() {
    let driver = Driver::window(&[]).await;
    driver.element("feed").await;
    let port = driver.traces.address().await.port();
    driver.js(
        "document.body.insertAdjacentHTML('afterbegin', `<a id=beside href=index.html target=_blank style='position: \
         fixed; z-index: 99'>beside</a>`)",
    )
    .await;
    driver.element("beside").await.click().await.unwrap();
    let windows = until("a second window", async || {
        let windows = driver.windows().await;
        (windows.len() == 2).then_some(windows)
    })
    .await;
    close(&windows[1]);
    until("the second window to close", async || (driver.windows().await.len() == 1).then_some(()))
        .await;
    assert!(
        !is_port_free("127.0.0.1", port).await.unwrap(),
        "the first window still needs the server"
    );
    driver.element("feed").await;
    close(&windows[0]);
    let code = until("the exit code", async || driver.traces.number("code")).await;
    assert_eq!(code, 0);
    assert!(is_port_free("127.0.0.1", port).await.unwrap());
}

#[tokio::test]
async fn a_page_that_no_longer_answers_does_not_delay_the_end() {
    let mut program = Program::start(&desktop(), &[]).await;
    let window = program.window().await;
    until("the web process", async || {
        program.traces.processes().into_iter().find(|(_, name)| name.starts_with("WebKit"))
    })
    .await;
    let stopped: Vec<_> = program
        .traces
        .processes()
        .into_iter()
        .filter(|(_, name)| name.starts_with("WebKit"))
        .collect();
    stopped.iter().for_each(|(pid, _)| signal(*pid, "STOP"));
    close(&window);
    assert_eq!(program.exit_within(Duration::from_secs(8)).await.code(), Some(0));
    stopped.iter().for_each(|(pid, _)| signal(*pid, "CONT"));
    program.traces.nothing_is_left(program.port()).await;
}

#[tokio::test]
async fn killing_the_program_leaves_no_process() {
    let mut program = Program::start(&desktop(), &[]).await;
    program.window().await;
    signal(program.pid(), "KILL");
    assert_eq!(program.exit().await.code(), None);
    until("the children to end", async || program.traces.processes().is_empty().then_some(()))
        .await;
}

#[tokio::test]
async fn fifty_launches_and_closes_on_one_port() {
    let port = free_port();
    let (mut to_window, mut to_exit) = (Vec::new(), Vec::new());
    for _ in 0..50 {
        until("the port", async || is_port_free("127.0.0.1", port).await.unwrap().then_some(()))
            .await;
        let begin = Instant::now();
        let mut program = Program::start(&desktop(), &["--port", &port.to_string()]).await;
        let window = program.window().await;
        to_window.push(begin.elapsed());
        program.joined(1).await;
        let begin = Instant::now();
        close(&window);
        assert_eq!(program.exit().await.code(), Some(0), "{}", program.traces.log());
        to_exit.push(begin.elapsed());
        assert!(is_port_free("127.0.0.1", port).await.unwrap());
        assert_eq!(windows_of(program.child.id().unwrap_or(0) as i32), Vec::<String>::new());
    }
    println!("launch to window {}, close to exit {}", spread(&mut to_window), spread(&mut to_exit));
}

fn spread(times: &mut [Duration]) -> String {
    times.sort();
    format!("p50 {:?}, max {:?}", times[times.len() / 2], times[times.len() - 1])
}
