//! Tests the example in Chromium.

use fantoccini::Locator;

use crate::{
    driver::Driver,
    program::{Program, signal, until, web},
};

#[tokio::test]
async fn two_pages_follow_each_other_and_both_get_frames() {
    let mut program = Program::start(&web(), &["--server", "--port", "0"]).await;
    let link = program.traces.sign_in_link().await;
    let driver = Driver::chromium().await;
    driver.page.goto(&link).await.unwrap();
    driver.element("feed").await;
    let first = driver.page.window().await.unwrap();
    let second = driver.page.new_window(false).await.unwrap().handle;
    driver.page.switch_to_window(second.clone()).await.unwrap();
    driver.page.goto(&format!("http://{}/", program.address)).await.unwrap();
    let slider = driver.page.wait().for_element(Locator::Id("kill")).await.unwrap();
    let before = driver.value("kill").await;
    slider.send_keys("\u{e014}\u{e014}\u{e014}").await.unwrap();
    let moved = driver.value("kill").await;
    assert_ne!(moved, before);
    let drawn = driver.drawn().await;
    until("another frame", async || (driver.drawn().await != drawn).then_some(())).await;

    driver.page.switch_to_window(first).await.unwrap();
    driver.js_until(&format!("Number(document.getElementById('kill').value) === {moved}")).await;
    let drawn = driver.drawn().await;
    until("another frame", async || (driver.drawn().await != drawn).then_some(())).await;

    signal(program.pid(), "TERM");
    assert_eq!(program.exit().await.code(), Some(143));
    driver.js_until("document.body.textContent.includes('closed')").await;
    assert!(driver.element("feed").await.is_displayed().await.unwrap(), "the page stays visible");
}

#[tokio::test]
async fn a_page_without_a_sign_in_says_so() {
    let program = Program::start(&web(), &["--server", "--port", "0"]).await;
    let driver = Driver::chromium().await;
    driver.page.goto(&format!("http://{}/", program.address)).await.unwrap();
    driver.js_until("document.body.textContent.includes('Not signed in')").await;
}
