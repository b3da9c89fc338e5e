//! Tests pages that do not load: a window is never empty, and says why.

use crate::{
    driver::Driver,
    elsewhere::SystemBrowser,
    program::{Program, manners, signal, until},
    screen::Screen,
};

#[tokio::test]
async fn an_unreachable_page_is_named_and_the_window_goes_back() {
    let screen = Screen::start().await;
    let driver = Driver::window_of(&manners(), &screen.environment(), &[]).await;
    driver.element("launches").await;
    driver.js("window.mark = 1; location.href = '/nothing?secret'").await;
    // The page behind the message is hidden.
    driver.js_until("document.hidden").await;
    let log = driver.traces.log();
    assert!(
        log.contains("/nothing cannot be shown: the application answers 404 (Not Found)"),
        "{log}"
    );
    assert!(!log.contains("nothing?secret"), "{log}");
    screen.window(driver.program().await).await.press(&["Return"]);
    driver.js_until("!document.hidden && window.mark === 1").await;
}

#[tokio::test]
async fn a_web_process_that_dies_again_offers_the_systems_browser() {
    let (screen, browser) = (Screen::start().await, SystemBrowser::new());
    let mut program = Program::start_with(&manners(), &[], |command| {
        command.envs(screen.environment()).env("PATH", browser.path());
    })
    .await;
    let window = screen.window(program.pid()).await;
    let mut killed = Vec::new();
    for loads in 1..=2 {
        // WebKit aborts if a process dies right after its start, so wait until it has loaded
        // something.
        program.joined(loads).await;
        let pid = until("a web process", async || {
            let web = |(pid, name): &(i32, String)| {
                name.starts_with("WebKitWebProces") && !killed.contains(pid)
            };
            program.traces.processes().into_iter().find(web)
        })
        .await
        .0;
        killed.push(pid);
        signal(pid, "KILL");
    }
    until("the sentence", async || {
        program.traces.log().contains("has ended twice within a minute: it crashed").then_some(())
    })
    .await;
    window.press(&["Tab", "Return"]);
    let link = until("the browser", async || browser.opened().pop()).await;
    assert!(link.contains("sign_in="), "{link}");
    window.press(&["shift+Tab", "Return"]);
    program.joined(3).await;
    window.close();
    assert_eq!(program.exit().await.code(), Some(0));
    program.traces.nothing_is_left(program.port()).await;
}
