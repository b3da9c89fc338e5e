//! Tests the dialogs of the web view: `alert`, `confirm`, `prompt`, the question before leaving a
//! page, and permissions.

use std::time::{Duration, Instant};

use crate::{
    driver::Driver,
    program::{Program, manners, signal, until},
    screen::Screen,
};

#[tokio::test]
async fn a_script_waits_for_the_answer_of_the_user() {
    let driver = Driver::window_of(&manners(), &[], &[]).await;
    driver.element("launches").await;
    let ask = async |question: &str| {
        driver
            .js(&format!("delete window.answer; setTimeout(() => window.answer = [{question}])"))
            .await;
    };
    let page = &driver.page;

    ask("confirm('Delete?')").await;
    assert_eq!(page.get_alert_text().await.unwrap(), "Delete?");
    page.dismiss_alert().await.unwrap();
    driver.js_until("window.answer?.[0] === false").await;
    ask("confirm('Delete?')").await;
    page.accept_alert().await.unwrap();
    driver.js_until("window.answer?.[0] === true").await;

    ask("alert('Deleted')").await;
    assert_eq!(page.get_alert_text().await.unwrap(), "Deleted");
    page.accept_alert().await.unwrap();
    driver.js_until("window.answer?.[0] === undefined").await;

    ask("prompt('Name?', 'a')").await;
    page.send_alert_text("table").await.unwrap();
    page.accept_alert().await.unwrap();
    driver.js_until("window.answer?.[0] === 'table'").await;
}

#[tokio::test]
async fn a_page_is_asked_before_its_window_closes() {
    const INSIDE: (i32, i32) = (20, 480);
    // `--sv-surface` of a light page
    const GROUND: [u8; 3] = [0xf4, 0xf6, 0xf7];
    let screen = Screen::start().await;
    let mut program = Program::start_with(&manners(), &[], |command| {
        let markup =
            "<p @vue:mounted='window.onbeforeunload = (event) => event.preventDefault()'>x</p>";
        command.envs(screen.environment()).env("MANNERS_MARKUP", markup);
    })
    .await;
    program.joined(1).await;
    let window = screen.window(program.pid()).await;
    window.place([0, 0, 700, 500]);
    until("the page", async || (screen.color(INSIDE) == GROUND).then_some(())).await;
    // No question for a page that its user has not touched.
    window.drag((300, 300), (0, 0));
    // The question darkens the page, and accepts keys a little later.
    let is_clear = || screen.color(INSIDE) == GROUND;
    window.close();
    until("the question", async || (!is_clear()).then_some(())).await;
    until("the page", async || {
        window.press(&["Escape"]);
        is_clear().then_some(())
    })
    .await;
    // A signal ends the program without a question.
    signal(program.pid(), "TERM");
    assert_eq!(program.exit().await.code(), Some(143));
}

#[tokio::test]
async fn the_user_decides_whether_a_page_reads_the_clipboard() {
    let screen = Screen::start().await;
    let program = Program::start_with(&manners(), &[], |command| {
        let button = r#"<button style="position: fixed; inset: 0" @click="window.navigator.clipboard.readText()
            .then(() => trigger('note', ['read']), ({ name }) => trigger('note', [name]))">Read</button>"#;
        command.envs(screen.environment()).env("MANNERS_MARKUP", button);
    })
    .await;
    program.joined(1).await;
    let mut client = program.client().await;
    let window = screen.window(program.pid()).await;
    for (key, outcome) in [("alt+r", "NotAllowedError"), ("alt+a", "read")] {
        // A click before the button is painted is lost.
        let mut clicked = None::<Instant>;
        let question = until("the question", async || {
            if clicked.is_none_or(|last| last.elapsed() > Duration::from_secs(3)) {
                window.drag((300, 300), (0, 0));
                clicked = Some(Instant::now());
            }
            screen.windows(program.pid()).into_iter().find(|other| other.id != window.id)
        })
        .await;
        question.press(&[key]);
        until(outcome, async || (client.snapshot().await["noted"] == outcome).then_some(())).await;
    }
}
